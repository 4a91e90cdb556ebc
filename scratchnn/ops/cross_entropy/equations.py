"""Cross-entropy: the equations as data.

The loss and its gradient p - y are Bridle 1990's; label smoothing is Szegedy et al. 2016, section 7. How class
weights enter the smoothed target and the mean is a convention: that of PyTorch's documentation of
``nn.CrossEntropyLoss``.
"""

from scratchnn.notation import Equation, Symbol

TITLE = "Cross-entropy of logits and class ids"
FORWARD_SOURCE = "Bridle 1990"
SMOOTHING_SOURCE = "Szegedy et al. 2016, section 7 (label smoothing); class weights as in PyTorch"
MEAN_SOURCE = "PyTorch, nn.CrossEntropyLoss: the mean is weighted by the targets' classes"
BACKWARD_SOURCE = "chain rule; Bridle 1990 (for one-hot y: p - y)"

SYMBOLS = (
    Symbol("logits", "(..., C)", "before the softmax"),
    Symbol("targets", "(...)", "class ids 0 to C-1"),
    Symbol("mask", "(...)", "True counts; False at ignored targets: loss and gradient 0 there"),
    Symbol("weight", "(C,)", "weight of each class; 1 unless given"),
    Symbol("label_smoothing", "scalar", "share of the target that is spread evenly over the classes"),
    Symbol("onehot", "(..., C)", "1 at the target's class where the mask is True, 0 elsewhere"),
    Symbol("counted", "(..., 1)", "1 where the mask is True, else 0"),
    Symbol("y", "(..., C)", "what the loss compares with: the smoothed, weighted target"),
    Symbol("log_p", "(..., C)", "log-softmax of the logits"),
    Symbol("losses", "(...)", "loss of each target"),
    Symbol("total", "scalar", "summed weights of the counted targets"),
    Symbol("divisor", "scalar", 'total for reduction "mean", 1 for "sum" and "none"'),
    Symbol("loss", "scalar", 'with reduction "none" the losses themselves'),
    Symbol("dloss", "as loss", "gradient given from outside; 1 for the loss of a training step"),
    Symbol("given", "(...)", "dloss for each target, 0 where the mask is False"),
)

FORWARD = (
    Equation(1, "log_p", "log_p = log_softmax(logits) over C",
             r"\log p_k = z_k - \log \sum_j e^{z_j}", FORWARD_SOURCE),
    Equation(2, "y", "y = weight * ((1 - label_smoothing) * onehot + label_smoothing / C * counted)",
             r"y_k = w_k \left((1 - \epsilon)\,[k = \text{target}] + \frac{\epsilon}{C}\right)", SMOOTHING_SOURCE),
    Equation(3, "losses", "losses = -sum over C of y * log_p", r"\ell = -\sum_k y_k \log p_k", FORWARD_SOURCE),
    Equation(4, "total", "total = sum over all of weight[targets] where mask",
             r"n = \sum_i w_{\text{target}_i}", MEAN_SOURCE),
    Equation(5, "loss", "loss = sum over all losses / divisor", r"L = \frac{1}{n} \sum_i \ell_i", MEAN_SOURCE),
)  # fmt: skip

BACKWARD = (
    Equation(6, "dlosses", "dlosses = given / divisor", r"\delta \ell_i = \frac{\delta L}{n}", BACKWARD_SOURCE, (5,)),
    Equation(7, "dlogits", "dlogits = dlosses * (exp(log_p) * sum over C of y - y)",
             r"\delta z_k = \delta \ell \bigl(p_k \sum_j y_j - y_k\bigr)", BACKWARD_SOURCE, (1, 3)),
)  # fmt: skip
