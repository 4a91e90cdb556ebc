"""scratchnn's kernels; rooms without any run on the reference, and the report says so."""

import platform
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnn import arrays, ops
from scratchnn.bench.cases import BETAS, CLASSES, EPSILON, LR, Case, flops

PATIENCE = 1e8  # operations that plain Python is asked for: ten seconds
PARAMETERS = {
    "W_x": "recurrent.W_x_l0",
    "W_h": "recurrent.W_h_l0",
    "b": "recurrent.b_l0",
    "W": "linear.W",
    "b_out": "linear.b",
}  # of the article's step: its input -> the model's parameter


def setup(threads: int) -> None:
    """Set the number of threads of kernels and of NumPy's products.

    Parameters
    ----------
    threads : int
    """
    from scratchnn import jit

    jit.set_num_threads(threads)


def versions() -> str:
    """Name what is timed."""
    return f"scratchnn on NumPy {np.__version__}, Python {platform.python_version()}"


def prepare(case: Case, inputs: dict[str, np.ndarray], rung: str | None = None, backend: str = "cpu") -> tuple:
    """Make one forward and backward of ours.

    Parameters
    ----------
    case : Case
    inputs : dict of str to array
    rung : str, optional
        A rung of the LSTM's ladder instead of the backend.
    backend : str

    Returns
    -------
    run, results : functions
    """
    if case.topic == "step":
        return _step(case, inputs, backend)
    room = getattr(ops, case.op)
    module = _rung(rung, case) if rung else _backend(room, backend)
    return maker(case)(case, inputs, room, module)


def maker(case: Case) -> Callable:
    """Choose what makes the run of a case, given case, inputs, room and module.

    Parameters
    ----------
    case : Case

    Returns
    -------
    function
    """
    return {"attention": _attention, "matmul": _product}.get(case.op, _recurrent)


def _backend(room, which):
    try:
        return ops.backend(room, which)
    except ValueError as error:
        raise NotImplementedError(str(error)) from None


def _rung(name, case):
    from scratchnn.ops.lstm import ladder

    names = [rung.name for rung in ladder.RUNGS]
    if name == names[0] and (flops(case) or 0) > PATIENCE:
        raise NotImplementedError("plain Python would take minutes here")
    return ladder.RUNGS[names.index(name)]


def _recurrent(case: Case, inputs: dict[str, np.ndarray], room: Any, module: Any) -> tuple[Callable, Callable]:
    params = room.Params(**{name: inputs[name] for name in room.Params._fields})
    states = ("h0", "c0") if case.op == "lstm" else ("h0",)
    upstream = ("dh", "dc_last") if case.op == "lstm" else ("dh",)
    given, outside = [inputs[name] for name in ("x", *states)], [inputs[name] for name in upstream]

    def run():
        cache = module.forward(*given, params)
        return cache, module.backward(*outside, cache, params)

    def results(made):
        cache, grads = made
        found = {"h": cache.h[1:], **_grads(grads)}
        return {**found, "c_last": cache.c[-1]} if case.op == "lstm" else found

    return run, results


def _product(case, inputs, room, module):
    A, B, dC = (inputs[name] for name in ("A", "B", "dC"))

    def run():
        cache = module.forward(A, B)
        return cache, module.backward(dC, cache)

    return run, lambda made: {"C": made[0].C, **_grads(made[1])}


def _attention(case, inputs, room, module):
    q, k, v, dcontext = (inputs[name] for name in ("q", "k", "v", "dcontext"))
    options: dict[str, Any] = {"score": "scaled_dot", "causal": case.causal, "need_alpha": case.topic == "additive"}
    params = None
    if case.topic == "additive":
        options["score"] = "additive"
        params = room.Params(**{name: inputs[name] for name in ("W_q", "W_k", "v_a")})

    def run():
        cache = module.forward(q, k, v, params, **options)
        return cache, module.backward(dcontext, cache, params)

    def results(made):
        cache, grads = made
        return {"context": cache.context, **_grads(grads)}

    return run, results


def _step(case, inputs, backend):
    """Make the article's training step: LSTM, its attention, the last step, linear, cross-entropy, Adam."""
    from scratchnn.models import SequenceClassifier
    from scratchnn.training import Adam, CrossEntropyLoss

    dtype = inputs["x"].dtype
    model = SequenceClassifier(
        CLASSES,
        input_size=case.sizes[2],
        hidden_size=case.sizes[3],
        bidirectional=False,
        pooling="self_attention",
        score="dot",
        backend=backend,
        dtype=dtype,
        rng=np.random.default_rng(0),
    )
    model.load_state_dict({name: inputs[ours].copy() for ours, name in PARAMETERS.items()})
    criterion = CrossEntropyLoss(backend=backend)
    optimizer = Adam(model.params, lr=LR, betas=BETAS, eps=EPSILON, backend=backend)
    x = model.placed(np.ascontiguousarray(inputs["x"].swapaxes(0, 1)))
    targets = model.placed(inputs["targets"])

    def run():
        logits, cache = model.forward(x, rng=None)
        loss, kept = criterion.forward(logits, targets)
        model.zero_grad()
        model.backward(criterion.backward(kept), cache)
        optimizer.step(model.grads)
        return logits, loss

    def results(made):
        logits, loss = made
        found = {"logits": logits, "loss": np.asarray(loss)}
        for ours, name in PARAMETERS.items():
            found |= {"grad " + ours: model.grads[name], "after " + ours: model.params[name]}
        return {name: arrays.as_numpy(array) for name, array in found.items()}

    return run, results


def _grads(grads):
    return {"grad " + name: value for name, value in grads._asdict().items() if value is not None}
