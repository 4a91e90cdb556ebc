"""Attention: the equations as data.

Every score ends in the same softmax over the sources and the same weighted mean of the values. The scores: dot and
general are Luong, Pham & Manning 2015; scaled dot is Vaswani et al. 2017; additive is Bahdanau, Cho & Bengio 2015
(there with the decoder's state as query and the encoder's states as keys and values).

ARTICLE is the article's own composition of these lines, with q = k = v = h: its e is our alpha, its a our context.
Its section 3.3 leaves the similarity s(h_i, h_j) open - any score of this room - and calls a_i the output; step 4 of
its section 3.2 adds the position's own information, which gives y_i.
"""

from scratchnn.notation import Equation, Symbol

TITLE = "Attention: scores dot, scaled_dot, general, additive"
DOT_SOURCE = "Luong et al. 2015 (dot); Vaswani et al. 2017, equation (1) (scale = 1/sqrt(E))"
GENERAL_SOURCE = "Luong et al. 2015 (general)"
ADDITIVE_SOURCE = "Bahdanau et al. 2015, appendix A.1.2"
ALPHA_SOURCE = "Bahdanau et al. 2015, equation (6)"
CONTEXT_SOURCE = "Bahdanau et al. 2015, equation (5)"
BACKWARD_SOURCE = "chain rule"
SOFTMAX_SOURCE = "chain rule; Bridle 1990 (Jacobian of the softmax), Dao et al. 2022 (row formula)"

SYMBOLS = (
    Symbol("q", "(B, Q, E_q)", "queries: who looks"),
    Symbol("k", "(B, S, E_k)", "keys: what a query is compared with; E_k = E_q for the dot scores"),
    Symbol("v", "(B, S, F)", "values: what is averaged"),
    Symbol("mask", "(B, Q, S)", "True may be looked at (the mask given, and j <= i when causal)"),
    Symbol("scale", "scalar", "1/sqrt(E) for scaled_dot, 1 for the others, unless given"),
    Symbol("W_a", "(E_q, E_k)", "general: weights between query and key"),
    Symbol("q_a", "(B, Q, E_k)", "general: the query, mapped to the width of a key"),
    Symbol("W_q, W_k", "(E_q, A), (E_k, A)", "additive: weights of query and key"),
    Symbol("v_a", "(A,)", "additive: weights of the hidden layer"),
    Symbol("a, hidden", "(B, Q, S, A)", "additive: the score's hidden layer, before and after tanh"),
    Symbol("scores", "(B, Q, S)", "how well query i and source j fit, before the mask"),
    Symbol("alpha", "(B, Q, S)", "attention weights; over S they sum to 1, or are 0 when no source may be seen"),
    Symbol("context", "(B, Q, F)", "mean of the values, weighted by alpha"),
    Symbol("dcontext", "(B, Q, F)", "gradient given from outside for the context"),
    Symbol("dalpha_given", "(B, Q, S)", "gradient given from outside for alpha itself; usually none, that is 0"),
)

FORWARD = (
    Equation(1, "scores", "scores = scale * q @ k.T",
             r"s_{ij} = c\; q_i^\top k_j \quad\text{(dot; scaled dot: } c = 1/\sqrt{E})", DOT_SOURCE),
    Equation(2, "q_a", "q_a = q @ W_a", r"\tilde q_i = q_i W_a \quad\text{(general)}", GENERAL_SOURCE),
    Equation(3, "scores", "scores = scale * q_a @ k.T", r"s_{ij} = c\; \tilde q_i^\top k_j", GENERAL_SOURCE),
    Equation(4, "a", "a = q @ W_q + k @ W_k",
             r"a_{ij} = q_i W_q + k_j W_k \quad\text{(additive)}", ADDITIVE_SOURCE),
    Equation(5, "hidden", "hidden = tanh(a)", r"u_{ij} = \tanh(a_{ij})", ADDITIVE_SOURCE),
    Equation(6, "scores", "scores = scale * hidden @ v_a", r"s_{ij} = c\; v_a^\top u_{ij}", ADDITIVE_SOURCE),
    Equation(7, "alpha", "alpha = softmax(scores, mask) over S",
             r"\alpha_{ij} = \frac{\exp s_{ij}}{\sum_{j'} \exp s_{ij'}}", ALPHA_SOURCE),
    Equation(8, "context", "context = alpha @ v", r"c_i = \sum_j \alpha_{ij} v_j", CONTEXT_SOURCE),
)  # fmt: skip

BACKWARD = (
    Equation(9, "dv", "dv = alpha.T @ dcontext",
             r"\delta v_j = \sum_i \alpha_{ij}\, \delta c_i", BACKWARD_SOURCE, (8,)),
    Equation(10, "dalpha", "dalpha = dalpha_given + dcontext @ v.T where mask, else 0",
             r"\delta \alpha_{ij} = \frac{\partial L}{\partial \alpha_{ij}}\Big|_{\text{direct}}"
             r" + \delta c_i^\top v_j",
             BACKWARD_SOURCE, (8,)),
    Equation(11, "dscores", "dscores = alpha * (dalpha - sum over S of dalpha * alpha)",
             r"\delta s_{ij} = \alpha_{ij}"
             r" \bigl(\delta \alpha_{ij} - \sum_{j'} \delta \alpha_{ij'} \alpha_{ij'}\bigr)",
             SOFTMAX_SOURCE, (7,)),
    Equation(12, "dq", "dq = scale * dscores @ k", r"\delta q_i = c \sum_j \delta s_{ij} k_j", BACKWARD_SOURCE, (1,)),
    Equation(13, "dk", "dk = scale * dscores.T @ q",
             r"\delta k_j = c \sum_i \delta s_{ij} q_i", BACKWARD_SOURCE, (1,)),
    Equation(14, "dq_a", "dq_a = scale * dscores @ k",
             r"\delta \tilde q_i = c \sum_j \delta s_{ij} k_j", BACKWARD_SOURCE, (3,)),
    Equation(15, "dk", "dk = scale * dscores.T @ q_a",
             r"\delta k_j = c \sum_i \delta s_{ij} \tilde q_i", BACKWARD_SOURCE, (3,)),
    Equation(16, "dq", "dq = dq_a @ W_a.T", r"\delta q_i = \delta \tilde q_i W_a^\top", BACKWARD_SOURCE, (2,)),
    Equation(17, "dW_a", "dW_a = sum over B of q.T @ dq_a",
             r"\delta W_a = \sum_{B,i} q_i\, \delta \tilde q_i^\top", BACKWARD_SOURCE, (2,)),
    Equation(18, "dv_a", "dv_a = scale * sum over B, Q, S of dscores * hidden",
             r"\delta v_a = c \sum_{B,i,j} \delta s_{ij} u_{ij}", BACKWARD_SOURCE, (6,)),
    Equation(19, "dhidden", "dhidden = scale * dscores * v_a",
             r"\delta u_{ij} = c\; \delta s_{ij} v_a", BACKWARD_SOURCE, (6,)),
    Equation(20, "da", "da = dhidden * (1 - hidden**2)",
             r"\delta a_{ij} = \delta u_{ij} \odot (1 - u_{ij}^2)", BACKWARD_SOURCE, (5,)),
    Equation(21, "da_q", "da_q = sum over S of da", r"\delta a^q_i = \sum_j \delta a_{ij}", BACKWARD_SOURCE, (4,)),
    Equation(22, "da_k", "da_k = sum over Q of da", r"\delta a^k_j = \sum_i \delta a_{ij}", BACKWARD_SOURCE, (4,)),
    Equation(23, "dq", "dq = da_q @ W_q.T", r"\delta q_i = \delta a^q_i W_q^\top", BACKWARD_SOURCE, (4,)),
    Equation(24, "dk", "dk = da_k @ W_k.T", r"\delta k_j = \delta a^k_j W_k^\top", BACKWARD_SOURCE, (4,)),
    Equation(25, "dW_q", "dW_q = sum over B of q.T @ da_q",
             r"\delta W_q = \sum_{B,i} q_i\, {\delta a^q_i}^\top", BACKWARD_SOURCE, (4,)),
    Equation(26, "dW_k", "dW_k = sum over B of k.T @ da_k",
             r"\delta W_k = \sum_{B,j} k_j\, {\delta a^k_j}^\top", BACKWARD_SOURCE, (4,)),
)  # fmt: skip

SCORES = {
    "dot": {"forward": (1, 7, 8), "backward": (9, 10, 11, 12, 13)},
    "scaled_dot": {"forward": (1, 7, 8), "backward": (9, 10, 11, 12, 13)},
    "general": {"forward": (2, 3, 7, 8), "backward": (9, 10, 11, 14, 15, 16, 17)},
    "additive": {"forward": (4, 5, 6, 7, 8), "backward": (9, 10, 11, 18, 19, 20, 21, 22, 23, 24, 25, 26)},
}

ARTICLE = (
    Equation(27, "e_ij", "e_ij = softmax over j of s(h_i, h_j)",
             r"e_{ij} = \frac{\exp(s(h_i, h_j))}{\sum_{k=1}^{T} \exp(s(h_i, h_k))}", "the article, section 3.3"),
    Equation(28, "a_i", "a_i = sum over j of e_ij * h_j", r"a_i = \sum_{j=1}^{T} e_{ij} h_j",
             "the article, section 3.3"),
    Equation(29, "y_i", "y_i = h_i + a_i", r"y_i = h_i + a_i", "the article, section 3.2, step 4, in words"),
)  # fmt: skip
