"""Optimisers: the equations as data. They change parameters and have no undoing, so BACKWARD is empty.

The forms are those of PyTorch's ``torch.optim``: momentum without the factor (1 - momentum), Nesterov momentum
rewritten so that the gradient is taken at p itself, weight decay added to the gradient in SGD and Adam and
taken directly from p in AdamW. SGD uses (1)-(4), Adam (1) and (5)-(9), AdamW (5)-(8) and (10) with g = grad.
"""

from scratchnn.notation import Equation, Symbol

TITLE = "Optimisers: SGD, Adam, AdamW"
MOMENTUM = "Polyak 1964; Sutskever, Martens, Dahl & Hinton 2013 (Nesterov's form)"
ADAM = "Kingma & Ba 2015, algorithm 1"
ADAMW = "Loshchilov & Hutter 2019, algorithm 2; the decay times lr as in PyTorch"

SYMBOLS = (
    Symbol("p, p_new", "any", "the parameter before and after the step"),
    Symbol("grad", "as p", "dLoss/dp"),
    Symbol("g", "as p", "the gradient with weight decay (AdamW: grad itself)"),
    Symbol("lr", "a number", "learning rate"),
    Symbol("weight_decay", "a number", "0: none"),
    Symbol("momentum", "a number", "0: none"),
    Symbol("velocity", "as p", "decaying sum of gradients; velocity_prev before the step, 0 before the first"),
    Symbol("direction", "as p", "what is subtracted, but for lr"),
    Symbol("nesterov", "yes or no", "look one step ahead"),
    Symbol("m, v", "as p", "decaying means of g and of g**2; m_prev, v_prev before the step, 0 before the first"),
    Symbol("m_hat, v_hat", "as p", "the means without the bias towards 0"),
    Symbol("beta1, beta2", "numbers", "decay of the two means"),
    Symbol("count", "an integer", "number of this step, from 1"),
    Symbol("eps", "a number", "keeps the division finite"),
)

FORWARD = (
    Equation(1, "g", "g = grad + weight_decay * p",
             r"g = \nabla_p L + \lambda p", "gradient of the ridge penalty (Hoerl & Kennard 1970) added"),
    Equation(2, "velocity", "velocity = momentum * velocity_prev + g",
             r"u = \mu\, u_{\text{prev}} + g", MOMENTUM),
    Equation(3, "direction", "direction = g + momentum * velocity if nesterov else velocity",
             r"d = g + \mu u \text{ (Nesterov)}, \quad d = u \text{ (else)}", MOMENTUM),
    Equation(4, "p_new", "p_new = p - lr * direction", r"p \leftarrow p - \eta\, d", MOMENTUM),
    Equation(5, "m", "m = beta1 * m_prev + (1 - beta1) * g",
             r"m = \beta_1 m_{\text{prev}} + (1 - \beta_1)\, g", ADAM),
    Equation(6, "v", "v = beta2 * v_prev + (1 - beta2) * g**2",
             r"v = \beta_2 v_{\text{prev}} + (1 - \beta_2)\, g^2", ADAM),
    Equation(7, "m_hat", "m_hat = m / (1 - beta1**count)", r"\hat m = \frac{m}{1 - \beta_1^{k}}", ADAM),
    Equation(8, "v_hat", "v_hat = v / (1 - beta2**count)", r"\hat v = \frac{v}{1 - \beta_2^{k}}", ADAM),
    Equation(9, "p_new", "p_new = p - lr * m_hat / (sqrt(v_hat) + eps)",
             r"p \leftarrow p - \eta\, \frac{\hat m}{\sqrt{\hat v} + \epsilon}", ADAM),
    Equation(10, "p_new", "p_new = p - lr * weight_decay * p - lr * m_hat / (sqrt(v_hat) + eps)",
             r"p \leftarrow p - \eta \lambda p - \eta\, \frac{\hat m}{\sqrt{\hat v} + \epsilon}", ADAMW),
)  # fmt: skip

BACKWARD = ()
