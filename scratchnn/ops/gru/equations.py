"""GRU: the equations as data.

Forward: Cho et al. 2014 introduced the unit. The reset gate scales the recurrent product and its bias (r * m), as in
the first version of that paper (arXiv 1406.1078v1) and in PyTorch's documentation of ``nn.GRU``; in the printed
version it scales h_prev before the product. z = 1 keeps the old state; Chung et al. 2014 exchange z and 1 - z.
Backward: the chain rule on these lines.
"""

from scratchnn.notation import Equation, Symbol

TITLE = "GRU, gates r z, candidate n"
FORWARD_SOURCE = "Cho et al. 2014; biases, and the reset gate after the recurrent product, as in PyTorch and cuDNN"
BACKWARD_SOURCE = "chain rule"

SYMBOLS = (
    Symbol("x_t", "(B, D)", "input at step t"),
    Symbol("h_prev", "(B, H)", "hidden state after step t-1 (h0 before the first)"),
    Symbol("W_x", "(D, 3H)", "input weights, column blocks W_xr W_xz W_xn"),
    Symbol("W_h", "(H, 3H)", "recurrent weights, column blocks W_hr W_hz W_hn"),
    Symbol("b", "(3H,)", "bias, blocks b_r b_z b_n"),
    Symbol("b_hn", "(H,)", "bias inside the reset product"),
    Symbol("a_t", "(B, 3H)", "blocks a_r a_z: before the gates; a_n: the input's share of the candidate"),
    Symbol("m", "(B, H)", "the state's share of the candidate, before the reset gate"),
    Symbol("r, z, n", "(B, H)", "reset gate, update gate, candidate"),
    Symbol("h_t", "(B, H)", "hidden state"),
    Symbol("dh", "(T, B, H)", "gradient given from outside for h_1..h_T"),
    Symbol("dh_next", "(B, H)", "carried back from step t+1; 0 at the last step"),
    Symbol("dh_prev", "(B, H)", "carried on to step t-1; it lacks that step's own loss"),
)

FORWARD = (
    Equation(1, "a_r", "a_r = x_t @ W_xr + h_prev @ W_hr + b_r",
             r"a_r = x_t W_{xr} + h_{t-1} W_{hr} + b_r", FORWARD_SOURCE),
    Equation(2, "a_z", "a_z = x_t @ W_xz + h_prev @ W_hz + b_z",
             r"a_z = x_t W_{xz} + h_{t-1} W_{hz} + b_z", FORWARD_SOURCE),
    Equation(3, "a_n", "a_n = x_t @ W_xn + b_n", r"a_n = x_t W_{xn} + b_n", FORWARD_SOURCE),
    Equation(4, "m", "m = h_prev @ W_hn + b_hn", r"m_t = h_{t-1} W_{hn} + b_{hn}", FORWARD_SOURCE),
    Equation(5, "r", "r = sigmoid(a_r)", r"r_t = \sigma(a_r)", FORWARD_SOURCE),
    Equation(6, "z", "z = sigmoid(a_z)", r"z_t = \sigma(a_z)", FORWARD_SOURCE),
    Equation(7, "n", "n = tanh(a_n + r * m)", r"n_t = \tanh(a_n + r_t \odot m_t)", FORWARD_SOURCE),
    Equation(8, "h_t", "h_t = (1 - z) * n + z * h_prev",
             r"h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}", FORWARD_SOURCE),
)  # fmt: skip

BACKWARD = (
    Equation(9, "dh_t", "dh_t = dh[t] + dh_next",
             r"\delta h_t = \frac{\partial L}{\partial h_t}\Big|_{\text{direct}} + \delta h_{\text{next}}",
             BACKWARD_SOURCE, (1, 2, 4, 8)),
    Equation(10, "dz", "dz = dh_t * (h_prev - n)",
             r"\delta z_t = \delta h_t \odot (h_{t-1} - n_t)", BACKWARD_SOURCE, (8,)),
    Equation(11, "dn", "dn = dh_t * (1 - z)", r"\delta n_t = \delta h_t \odot (1 - z_t)", BACKWARD_SOURCE, (8,)),
    Equation(12, "da_n", "da_n = dn * (1 - n**2)",
             r"\delta a_n = \delta n_t \odot (1 - n_t^2)", BACKWARD_SOURCE, (7,)),
    Equation(13, "dr", "dr = da_n * m", r"\delta r_t = \delta a_n \odot m_t", BACKWARD_SOURCE, (7,)),
    Equation(14, "dm", "dm = da_n * r", r"\delta m_t = \delta a_n \odot r_t", BACKWARD_SOURCE, (7,)),
    Equation(15, "da_r", "da_r = dr * r * (1 - r)",
             r"\delta a_r = \delta r_t \odot r_t \odot (1 - r_t)", BACKWARD_SOURCE, (5,)),
    Equation(16, "da_z", "da_z = dz * z * (1 - z)",
             r"\delta a_z = \delta z_t \odot z_t \odot (1 - z_t)", BACKWARD_SOURCE, (6,)),
    Equation(17, "da_t", "da_t = [da_r, da_z, da_n]",
             r"\delta a_t = [\delta a_r\ \delta a_z\ \delta a_n]", BACKWARD_SOURCE, (1, 2, 3)),
    Equation(18, "dx_t", "dx_t = da_t @ W_x.T", r"\delta x_t = \delta a_t W_x^\top", BACKWARD_SOURCE, (1, 2, 3)),
    Equation(19, "dh_prev", "dh_prev = dh_t * z + da_r @ W_hr.T + da_z @ W_hz.T + dm @ W_hn.T",
             r"\delta h_{t-1} = \delta h_t \odot z_t + \delta a_r W_{hr}^\top + \delta a_z W_{hz}^\top"
             r" + \delta m_t W_{hn}^\top", BACKWARD_SOURCE, (1, 2, 4, 8)),
    Equation(20, "dW_x", "dW_x += x_t.T @ da_t",
             r"\delta W_x = \sum_t x_t^\top \delta a_t", BACKWARD_SOURCE, (1, 2, 3)),
    Equation(21, "dW_h", "dW_h += h_prev.T @ [da_r, da_z, dm]",
             r"\delta W_h = \sum_t h_{t-1}^\top [\delta a_r\ \delta a_z\ \delta m_t]", BACKWARD_SOURCE, (1, 2, 4)),
    Equation(22, "db", "db += sum over B of da_t",
             r"\delta b = \sum_t \sum_B \delta a_t", BACKWARD_SOURCE, (1, 2, 3)),
    Equation(23, "db_hn", "db_hn += sum over B of dm",
             r"\delta b_{hn} = \sum_t \sum_B \delta m_t", BACKWARD_SOURCE, (4,)),
)  # fmt: skip
