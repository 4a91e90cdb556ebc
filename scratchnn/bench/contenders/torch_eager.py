"""PyTorch as its users write it: nn.LSTM, nn.GRU, nn.RNN, scaled_dot_product_attention, optim.Adam."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from scratchnn.bench.cases import BETAS, CLASSES, EPSILON, LR, Case

MODULES = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}


def setup(threads: int) -> None:
    """Set PyTorch's threads.

    Parameters
    ----------
    threads : int
    """
    torch.set_num_threads(threads)


def versions() -> str:
    """Name what is timed."""
    return f"PyTorch {torch.__version__}"


def prepare(
    case: Case, inputs: dict[str, np.ndarray], rung: str | None = None, wrap: Callable = lambda function: function
) -> tuple:
    """Make one forward and backward of PyTorch's, with the gradients of all inputs and parameters.

    Parameters
    ----------
    case : Case
    inputs : dict of str to array
    rung : str, optional
        Not used.
    wrap : function
        What is done to the forward function, e.g. ``torch.compile``.

    Returns
    -------
    run, results : functions
    """
    if case.topic == "step":
        return _step(case, inputs, wrap)
    if case.op == "attention":
        return _attention(case, inputs, wrap)
    if case.op == "matmul":
        return _product(inputs, wrap)
    return _recurrent(case, inputs, wrap)


def _recurrent(case: Case, inputs: dict[str, np.ndarray], wrap: Callable) -> tuple[Callable, Callable]:
    _, _, D, H = case.sizes
    module = MODULES[case.op](D, H)
    _load(module, inputs, H)
    states = ("h0", "c0") if case.op == "lstm" else ("h0",)
    x, *start = (_leaf(inputs[name]) for name in ("x", *states))
    upstream = [torch.tensor(inputs["dh"])]
    if case.op == "lstm":
        upstream.append(torch.tensor(inputs["dc_last"])[None])
    wanted = [x, *start, *module.parameters()]

    @wrap
    def forward(x, *states):
        rows = [state[None] for state in states]
        h, last = module(x, tuple(rows) if len(rows) == 2 else rows[0])
        return (h, last[1]) if len(rows) == 2 else (h,)

    def run():
        outputs = forward(x, *start)
        return outputs, torch.autograd.grad(outputs, wanted, upstream)

    def results(made):
        outputs, (dx, *grads) = made
        found = {"h": _numpy(outputs[0]), "grad x": _numpy(dx)}
        found |= {"grad " + name: _numpy(g) for name, g in zip(states, grads, strict=False)}
        dW_ih, dW_hh, db_ih, db_hh = (_numpy(g) for g in grads[len(states) :])
        found |= {"grad W_x": dW_ih.T, "grad W_h": dW_hh.T, "grad b": db_ih}
        if case.op == "gru":
            found["grad b_hn"] = db_hh[2 * H :]
        return {**found, "c_last": _numpy(outputs[1][0])} if case.op == "lstm" else found

    return run, results


def _product(inputs: dict[str, np.ndarray], wrap: Callable) -> tuple[Callable, Callable]:
    A, B = _leaf(inputs["A"]), _leaf(inputs["B"])
    dC, forward = torch.tensor(inputs["dC"]), wrap(torch.matmul)

    def run():
        C = forward(A, B)
        return C, torch.autograd.grad(C, [A, B], dC)

    def results(made):
        C, (dA, dB) = made
        return {"C": _numpy(C), "grad A": _numpy(dA), "grad B": _numpy(dB)}

    return run, results


def _attention(case: Case, inputs: dict[str, np.ndarray], wrap: Callable) -> tuple[Callable, Callable]:
    additive = case.topic == "additive"
    names = ("q", "k", "v", *(("W_q", "W_k", "v_a") if additive else ()))
    given = [_leaf(inputs[name]) for name in names]
    dcontext = torch.tensor(inputs["dcontext"])

    @wrap
    def forward(q, k, v, *params):
        if not additive:
            return F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None], is_causal=case.causal)[:, 0]
        W_q, W_k, v_a = params
        hidden = torch.tanh((q @ W_q)[:, :, None] + (k @ W_k)[:, None])
        return torch.softmax(hidden @ v_a, dim=2) @ v

    def run():
        context = forward(*given)
        return context, torch.autograd.grad(context, given, dcontext)

    def results(made):
        context, grads = made
        found = {"grad " + name: _numpy(g) for name, g in zip(names, grads, strict=True)}
        return {"context": _numpy(context), **found}

    return run, results


class _Article(torch.nn.Module):
    """The article's network: LSTM, y_i = h_i + sum_j e_ij h_j, linear on the last step, for which alone y is made."""

    def __init__(self, D, H):
        super().__init__()
        self.lstm = torch.nn.LSTM(D, H, batch_first=True)
        self.linear = torch.nn.Linear(H, CLASSES)

    def forward(self, x):
        h, _ = self.lstm(x)
        last = h[:, -1:]  # the one position whose y is read
        y = last + F.scaled_dot_product_attention(last, h, h, scale=1.0)
        return self.linear(y[:, 0])


def _step(case: Case, inputs: dict[str, np.ndarray], wrap: Callable) -> tuple[Callable, Callable]:
    _, _, D, H = case.sizes
    model: Any = _Article(D, H)
    _load(model.lstm, inputs, H)
    with torch.no_grad():
        model.linear.weight.copy_(torch.tensor(inputs["W"]).T)
        model.linear.bias.copy_(torch.tensor(inputs["b_out"]))
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, betas=BETAS, eps=EPSILON)
    x, targets = torch.tensor(inputs["x"]).transpose(0, 1).contiguous(), torch.tensor(inputs["targets"])

    @wrap
    def forward(x, targets):
        logits = model(x)
        return logits, F.cross_entropy(logits, targets)

    def run():
        optimizer.zero_grad()
        logits, loss = forward(x, targets)
        loss.backward()
        optimizer.step()
        return logits, loss

    def results(made):
        logits, loss = made
        found = {"logits": _numpy(logits), "loss": _numpy(loss)}
        p = dict(model.named_parameters())
        where = {
            "W_x": "lstm.weight_ih_l0", "W_h": "lstm.weight_hh_l0", "b": "lstm.bias_ih_l0",
            "W": "linear.weight", "b_out": "linear.bias",
        }  # fmt: skip
        for name, theirs in where.items():
            found |= {"grad " + name: _numpy(p[theirs].grad).T, "after " + name: _numpy(p[theirs]).T}
        return found

    return run, results


def _load(module: Any, inputs: dict[str, np.ndarray], H: int) -> None:
    with torch.no_grad():
        module.weight_ih_l0.copy_(torch.tensor(inputs["W_x"]).T)
        module.weight_hh_l0.copy_(torch.tensor(inputs["W_h"]).T)
        module.bias_ih_l0.copy_(torch.tensor(inputs["b"]))
        module.bias_hh_l0.zero_()
        if "b_hn" in inputs:
            module.bias_hh_l0[2 * H :] = torch.tensor(inputs["b_hn"])


def _leaf(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(array, requires_grad=True)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()
