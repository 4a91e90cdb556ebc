"""Product of two matrices: the equations as data."""

from scratchnn.notation import Equation, Symbol

TITLE = "Matrix product"
FORWARD_SOURCE = "Cayley 1858"
BACKWARD_SOURCE = "chain rule: dC_mn reaches A_mk through B_kn, and B_kn through A_mk"

SYMBOLS = (
    Symbol("A", "(M, K)", "left factor"),
    Symbol("B", "(K, N)", "right factor"),
    Symbol("C", "(M, N)", "product"),
    Symbol("dC", "(M, N)", "dLoss/dC, from outside"),
)

FORWARD = (Equation(1, "C", "C = A @ B", r"C_{mn} = \sum_k A_{mk} B_{kn}", FORWARD_SOURCE),)

BACKWARD = (
    Equation(2, "dA", "dA = dC @ B.T", r"\delta A = \delta C\, B^\top", BACKWARD_SOURCE, (1,)),
    Equation(3, "dB", "dB = A.T @ dC", r"\delta B = A^\top \delta C", BACKWARD_SOURCE, (1,)),
)
