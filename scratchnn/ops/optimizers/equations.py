"""Optimisers: the equations as data. They change parameters and have no undoing, so BACKWARD is empty.

The forms are those of PyTorch's ``torch.optim``: momentum without the factor (1 - momentum), Nesterov momentum
rewritten so that the gradient is taken at p itself, weight decay added to the gradient everywhere but in AdamW,
which takes it directly from p. SGD uses (1)-(4), Adam (1) and (5)-(9), AdamW (5)-(8) and (10) with g = grad,
Adagrad (1) and (11)-(13), RMSprop (1) and (14)-(18).
"""

from scratchnn.notation import Equation, Symbol

TITLE = "Optimisers: SGD, Adam, AdamW, Adagrad, RMSprop"
MOMENTUM = "Polyak 1964; Sutskever, Martens, Dahl & Hinton 2013 (Nesterov's form)"
ADAM = "Kingma & Ba 2015, algorithm 1"
ADAMW = "Loshchilov & Hutter 2019, algorithm 2; the decay times lr as in PyTorch"
ADAGRAD = "Duchi, Hazan & Singer 2011, the diagonal form; lr_decay and eps as in PyTorch"
RMSPROP = "Tieleman & Hinton 2012, lecture 6.5; centered and momentum: Graves 2013, equations (38)-(45)"

SYMBOLS = (
    Symbol("p, p_new", "any", "the parameter before and after the step"),
    Symbol("grad", "as p", "dLoss/dp"),
    Symbol("g", "as p", "the gradient with weight decay (AdamW: grad itself)"),
    Symbol("lr", "a number", "learning rate"),
    Symbol("weight_decay", "a number", "0: none"),
    Symbol("momentum", "a number", "0: none"),
    Symbol("velocity", "as p", "decaying sum of directions; velocity_prev before the step, 0 before the first"),
    Symbol("direction", "as p", "what is subtracted, but for lr"),
    Symbol("nesterov", "yes or no", "look one step ahead"),
    Symbol("m, v", "as p", "decaying means of g and of g**2; m_prev, v_prev before the step, 0 before the first"),
    Symbol("m_hat, v_hat", "as p", "the means without the bias towards 0"),
    Symbol("beta1, beta2", "numbers", "decay of the two means"),
    Symbol("count", "an integer", "number of this step, from 1"),
    Symbol("eps", "a number", "keeps the division finite"),
    Symbol("total", "as p", "sum of all g**2 so far; total_prev before the step"),
    Symbol("lr_decay", "a number", "0: none"),
    Symbol("rate", "a number", "the learning rate after its decay"),
    Symbol("alpha", "a number", "decay of RMSprop's means"),
    Symbol("centered", "yes or no", "divide by the spread around the mean instead of around 0"),
    Symbol("spread", "as p", "the mean square, centered: the variance"),
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
    Equation(11, "total", "total = total_prev + g**2", r"s = s_{\text{prev}} + g^2", ADAGRAD),
    Equation(12, "rate", "rate = lr / (1 + (count - 1) * lr_decay)",
             r"\eta_k = \frac{\eta}{1 + (k - 1)\,\delta}", ADAGRAD),
    Equation(13, "p_new", "p_new = p - rate * g / (sqrt(total) + eps)",
             r"p \leftarrow p - \eta_k\, \frac{g}{\sqrt{s} + \epsilon}", ADAGRAD),
    Equation(14, "v", "v = alpha * v_prev + (1 - alpha) * g**2",
             r"v = \alpha v_{\text{prev}} + (1 - \alpha)\, g^2", RMSPROP),
    Equation(15, "m", "m = alpha * m_prev + (1 - alpha) * g",
             r"m = \alpha m_{\text{prev}} + (1 - \alpha)\, g", RMSPROP),
    Equation(16, "spread", "spread = max(v - m**2, 0) if centered else v",
             r"w = \max(v - m^2, 0) \text{ (centered)}, \quad w = v \text{ (else)}", RMSPROP),
    Equation(17, "velocity", "velocity = momentum * velocity_prev + g / (sqrt(spread) + eps)",
             r"u = \mu\, u_{\text{prev}} + \frac{g}{\sqrt{w} + \epsilon}", RMSPROP),
    Equation(18, "p_new", "p_new = p - lr * velocity", r"p \leftarrow p - \eta\, u", RMSPROP),
)  # fmt: skip

BACKWARD = ()
