"""LSTM: the equations as data.

Forward: Hochreiter & Schmidhuber 1997 introduced the cell; the forget gate is Gers, Schmidhuber & Cummins 2000.
The form without peepholes, gate for gate, is that of PyTorch's documentation of ``nn.LSTM``.
Backward: the chain rule on these lines, in the form of Greff et al. 2017, section II-B (there with peepholes).
"""

from scratchnn.notation import Equation, Symbol

TITLE = "LSTM, gates i f g o"
FORWARD_SOURCE = "Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000 (forget gate)"
BACKWARD_SOURCE = "chain rule; Greff et al. 2017, section II-B, without peepholes"

SYMBOLS = (
    Symbol("x_t", "(B, D)", "input at step t"),
    Symbol("h_prev, c_prev", "(B, H)", "hidden and cell state after step t-1 (h0, c0 before the first)"),
    Symbol("W_x", "(D, 4H)", "input weights, column blocks i f g o"),
    Symbol("W_h", "(H, 4H)", "recurrent weights, column blocks i f g o"),
    Symbol("b", "(4H,)", "bias, blocks i f g o"),
    Symbol("a_t", "(B, 4H)", "before the nonlinearity, blocks a_i a_f a_g a_o"),
    Symbol("i, f, g, o", "(B, H)", "input gate, forget gate, candidate, output gate"),
    Symbol("c_t, s, h_t", "(B, H)", "cell state, s = tanh(c_t), hidden state"),
    Symbol("dh", "(T, B, H)", "gradient given from outside for h_1..h_T"),
    Symbol("dh_next, dc_next", "(B, H)", "carried back from step t+1; dc_next starts as dc_last"),
    Symbol("dh_prev, dc_prev", "(B, H)", "carried on to step t-1; they lack that step's own loss"),
)

FORWARD = (
    Equation(1, "a_t", "a_t = x_t @ W_x + h_prev @ W_h + b", r"a_t = x_t W_x + h_{t-1} W_h + b", FORWARD_SOURCE),
    Equation(2, "i", "i = sigmoid(a_i)", r"i_t = \sigma(a_i)", FORWARD_SOURCE),
    Equation(3, "f", "f = sigmoid(a_f)", r"f_t = \sigma(a_f)", FORWARD_SOURCE),
    Equation(4, "g", "g = tanh(a_g)", r"g_t = \tanh(a_g)", FORWARD_SOURCE),
    Equation(5, "o", "o = sigmoid(a_o)", r"o_t = \sigma(a_o)", FORWARD_SOURCE),
    Equation(6, "c_t", "c_t = f * c_prev + i * g", r"c_t = f_t \odot c_{t-1} + i_t \odot g_t", FORWARD_SOURCE),
    Equation(7, "s", "s = tanh(c_t)", r"s_t = \tanh(c_t)", FORWARD_SOURCE),
    Equation(8, "h_t", "h_t = o * s", r"h_t = o_t \odot s_t", FORWARD_SOURCE),
)

BACKWARD = (
    Equation(9, "dh_t", "dh_t = dh[t] + dh_next",
             r"\delta h_t = \frac{\partial L}{\partial h_t}\Big|_{\text{direct}} + \delta h_{\text{next}}",
             BACKWARD_SOURCE, (1, 8)),
    Equation(10, "do", "do = dh_t * s", r"\delta o_t = \delta h_t \odot s_t", BACKWARD_SOURCE, (8,)),
    Equation(11, "ds", "ds = dh_t * o", r"\delta s_t = \delta h_t \odot o_t", BACKWARD_SOURCE, (8,)),
    Equation(12, "dc_t", "dc_t = dc_next + ds * (1 - s**2)",
             r"\delta c_t = \delta c_{\text{next}} + \delta s_t \odot (1 - s_t^2)", BACKWARD_SOURCE, (6, 7)),
    Equation(13, "di", "di = dc_t * g", r"\delta i_t = \delta c_t \odot g_t", BACKWARD_SOURCE, (6,)),
    Equation(14, "df", "df = dc_t * c_prev", r"\delta f_t = \delta c_t \odot c_{t-1}", BACKWARD_SOURCE, (6,)),
    Equation(15, "dg", "dg = dc_t * i", r"\delta g_t = \delta c_t \odot i_t", BACKWARD_SOURCE, (6,)),
    Equation(16, "dc_prev", "dc_prev = dc_t * f", r"\delta c_{t-1} = \delta c_t \odot f_t", BACKWARD_SOURCE, (6,)),
    Equation(17, "da_i", "da_i = di * i * (1 - i)",
             r"\delta a_i = \delta i_t \odot i_t \odot (1 - i_t)", BACKWARD_SOURCE, (2,)),
    Equation(18, "da_f", "da_f = df * f * (1 - f)",
             r"\delta a_f = \delta f_t \odot f_t \odot (1 - f_t)", BACKWARD_SOURCE, (3,)),
    Equation(19, "da_g", "da_g = dg * (1 - g**2)",
             r"\delta a_g = \delta g_t \odot (1 - g_t^2)", BACKWARD_SOURCE, (4,)),
    Equation(20, "da_o", "da_o = do * o * (1 - o)",
             r"\delta a_o = \delta o_t \odot o_t \odot (1 - o_t)", BACKWARD_SOURCE, (5,)),
    Equation(21, "da_t", "da_t = [da_i, da_f, da_g, da_o]",
             r"\delta a_t = [\delta a_i\ \delta a_f\ \delta a_g\ \delta a_o]", BACKWARD_SOURCE, (1,)),
    Equation(22, "dx_t", "dx_t = da_t @ W_x.T", r"\delta x_t = \delta a_t W_x^\top", BACKWARD_SOURCE, (1,)),
    Equation(23, "dh_prev", "dh_prev = da_t @ W_h.T",
             r"\delta h_{t-1} = \delta a_t W_h^\top", BACKWARD_SOURCE, (1,)),
    Equation(24, "dW_x", "dW_x += x_t.T @ da_t",
             r"\delta W_x = \sum_t x_t^\top \delta a_t", BACKWARD_SOURCE, (1,)),
    Equation(25, "dW_h", "dW_h += h_prev.T @ da_t",
             r"\delta W_h = \sum_t h_{t-1}^\top \delta a_t", BACKWARD_SOURCE, (1,)),
    Equation(26, "db", "db += sum over B of da_t",
             r"\delta b = \sum_t \sum_B \delta a_t", BACKWARD_SOURCE, (1,)),
)  # fmt: skip
