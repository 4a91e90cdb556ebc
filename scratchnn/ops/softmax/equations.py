"""Softmax: the equations as data.

Forward: Bridle 1990 named it. Subtracting the largest entry changes nothing in mathematics and keeps exp from
overflowing. Backward: the Jacobian is diag(p) - p p^T (Bridle 1990: dp_j/dz_k = p_j * ([j = k] - p_k)), so its
product with a gradient is one formula a row, p * (dp - sum(dp * p)), written so in Dao et al. 2022 (FlashAttention,
dS = P o (dP - rowsum(P o dP))). Softmax does not act entry by entry: p * (1 - p) * dp is only the diagonal.
The shift moves all of a row alike, and that cancels in p: no gradient passes through it.
"""

from scratchnn.notation import Equation, Symbol

TITLE = "Softmax over the last axis"
FORWARD_SOURCE = "Bridle 1990"
SHIFT_SOURCE = "Goodfellow, Bengio & Courville 2016, section 4.1 (softmax(z) = softmax(z - max z))"
BACKWARD_SOURCE = "Bridle 1990 (Jacobian); Dao et al. 2022 (row formula)"

SYMBOLS = (
    Symbol("z", "(..., C)", "logits; each row (last axis) is normalised on its own"),
    Symbol("mask", "(..., C)", "True counts; False is an entry that is not there"),
    Symbol("shift", "(..., 1)", "largest entry of the row that counts"),
    Symbol("e", "(..., C)", "exp of the shifted logits, 0 where the mask is False"),
    Symbol("total", "(..., 1)", "sum of e; at least 1, or 0 in a row in which nothing counts"),
    Symbol("p", "(..., C)", "probabilities; a row in which nothing counts is 0"),
    Symbol("log_p", "(..., C)", "their logarithms; log(0) = -inf where the mask is False"),
    Symbol("dp, dlog_p", "(..., C)", "gradient given from outside; not read where the mask is False"),
)

FORWARD = (
    Equation(1, "shift", "shift = max over C of z where mask", r"m = \max_k z_k", SHIFT_SOURCE),
    Equation(2, "e", "e = exp(z - shift) where mask, else 0", r"e_k = \exp(z_k - m)", FORWARD_SOURCE),
    Equation(3, "total", "total = sum over C of e", r"n = \sum_k e_k", FORWARD_SOURCE),
    Equation(4, "p", "p = e / total", r"p_k = \frac{e_k}{n}", FORWARD_SOURCE),
    Equation(5, "log_p", "log_p = z - shift - log(total) where mask, else log(0)",
             r"\log p_k = z_k - m - \log n", SHIFT_SOURCE),
)  # fmt: skip

BACKWARD = (
    Equation(6, "dz", "dz = p * (dp - sum over C of dp * p)",
             r"\delta z_k = p_k \bigl(\delta p_k - \sum_j \delta p_j\, p_j\bigr)", BACKWARD_SOURCE, (2, 3, 4)),
    Equation(7, "dz", "dz = dlog_p - exp(log_p) * sum over C of dlog_p",
             r"\delta z_k = \delta \log p_k - p_k \sum_j \delta \log p_j", "chain rule", (2, 3, 5)),
)  # fmt: skip
