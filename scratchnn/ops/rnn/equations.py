"""RNN: the equations as data.

Forward: Elman 1990, the hidden state fed back to itself; form and names as in PyTorch's documentation of ``nn.RNN``,
its two biases summed into one. Rectified units in place of tanh: Le, Jaitly & Hinton 2015. No nonlinearity, the
linear network whose gradients are powers of W_h: Saxe, McClelland & Ganguli 2014.
Backward: backpropagation through time, Werbos 1990.
"""

from scratchnn.notation import Equation, Symbol

TITLE = "RNN: tanh, relu or linear"
FORWARD_SOURCE = "Elman 1990"
RELU_SOURCE = "Le, Jaitly & Hinton 2015"
LINEAR_SOURCE = "Saxe, McClelland & Ganguli 2014"
BACKWARD_SOURCE = "chain rule; Werbos 1990"

SYMBOLS = (
    Symbol("x_t", "(B, D)", "input at step t"),
    Symbol("h_prev", "(B, H)", "hidden state after step t-1 (h0 before the first)"),
    Symbol("W_x", "(D, H)", "input weights"),
    Symbol("W_h", "(H, H)", "recurrent weights"),
    Symbol("b", "(H,)", "bias"),
    Symbol("a_t", "(B, H)", "before the nonlinearity"),
    Symbol("h_t", "(B, H)", "hidden state: (2) with nonlinearity tanh, (3) with relu, (4) with identity"),
    Symbol("dh", "(T, B, H)", "gradient given from outside for h_1..h_T"),
    Symbol("dh_next", "(B, H)", "carried back from step t+1; 0 at the last step"),
    Symbol("dh_prev", "(B, H)", "carried on to step t-1; it lacks that step's own loss"),
)

FORWARD = (
    Equation(1, "a_t", "a_t = x_t @ W_x + h_prev @ W_h + b", r"a_t = x_t W_x + h_{t-1} W_h + b", FORWARD_SOURCE),
    Equation(2, "h_t", "h_t = tanh(a_t)", r"h_t = \tanh(a_t)", FORWARD_SOURCE),
    Equation(3, "h_t", "h_t = relu(a_t)", r"h_t = \mathrm{relu}(a_t)", RELU_SOURCE),
    Equation(4, "h_t", "h_t = a_t", r"h_t = a_t", LINEAR_SOURCE),
)

BACKWARD = (
    Equation(5, "dh_t", "dh_t = dh[t] + dh_next",
             r"\delta h_t = \frac{\partial L}{\partial h_t}\Big|_{\text{direct}} + \delta h_{\text{next}}",
             BACKWARD_SOURCE, (1, 2, 3, 4)),
    Equation(6, "da_t", "da_t = dh_t * (1 - h_t**2)",
             r"\delta a_t = \delta h_t \odot (1 - h_t^2)", BACKWARD_SOURCE, (2,)),
    Equation(7, "da_t", "da_t = dh_t * (1 if h_t > 0 else 0)",
             r"\delta a_t = \delta h_t \odot [\,h_t > 0\,]", BACKWARD_SOURCE, (3,)),
    Equation(8, "da_t", "da_t = dh_t", r"\delta a_t = \delta h_t", BACKWARD_SOURCE, (4,)),
    Equation(9, "dx_t", "dx_t = da_t @ W_x.T", r"\delta x_t = \delta a_t W_x^\top", BACKWARD_SOURCE, (1,)),
    Equation(10, "dh_prev", "dh_prev = da_t @ W_h.T",
             r"\delta h_{t-1} = \delta a_t W_h^\top", BACKWARD_SOURCE, (1,)),
    Equation(11, "dW_x", "dW_x += x_t.T @ da_t",
             r"\delta W_x = \sum_t x_t^\top \delta a_t", BACKWARD_SOURCE, (1,)),
    Equation(12, "dW_h", "dW_h += h_prev.T @ da_t",
             r"\delta W_h = \sum_t h_{t-1}^\top \delta a_t", BACKWARD_SOURCE, (1,)),
    Equation(13, "db", "db += sum over B of da_t",
             r"\delta b = \sum_t \sum_B \delta a_t", BACKWARD_SOURCE, (1,)),
)  # fmt: skip
