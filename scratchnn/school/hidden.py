"""Problems that nobody has seen: drawn from a seed, answered in a child process, judged by us.

The child runs the student's code and gives numbers; it judges nothing. The truth is computed in the parent, by the
reference, so whatever the code does to NumPy, to our modules or to its own process spoils its own numbers only.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnn import ops
from scratchnn.check import conduct
from scratchnn.check.catalogue.forms import FORMS, SIZES, Form
from scratchnn.check.diagnose.probing import differing
from scratchnn.check.student import Limits, complete, load, safely

from .fence import fence

MOST = 6  # of any size


def ask(text: str, op: str, form: str, seed: int, limits: Limits) -> tuple[dict[str, str], str]:
    """Let a student's code answer a hidden problem.

    Parameters
    ----------
    text : str
        Code that defines functions of the op.
    op : str
    form : str
        A name of ``check.catalogue.forms``, e.g. "lstm.masked".
    seed : int
    limits : Limits

    Returns
    -------
    wrong : dict of str to str
        For each gradient a sentence, empty if it is right.
    stopped : str
        What ended it before its time, empty if nothing did; then every gradient counts as wrong.
    """
    problem, inputs, upstream, kept = _drawn(form, seed)
    truth = problem.backward(ops.backend(getattr(ops, op), "reference"), upstream, kept)
    names = [name for name, value in inputs.items() if isinstance(value, np.ndarray) and value.dtype.kind == "f"]
    outcome = safely("scratchnn.school.hidden:answer", [text, op, form, seed], limits)
    if outcome.ended != "returned" or not isinstance(outcome.value, dict):
        return dict.fromkeys(
            names, outcome.sentence or "it gave no numbers"
        ), outcome.sentence or "it gave no numbers"
    changed = outcome.value.get("changed") or []
    if changed or not outcome.value.get("same"):
        said = f"it changes what it was given ({changed[0]})" if changed else "called twice, it gives two answers"
        return dict.fromkeys(names, said), ""
    return {name: _compared(name, outcome.value.get("grads"), truth) for name in names}, ""


def answer(tell: Callable[[str, Any], None], text: str, op: str, form: str, seed: int) -> dict[str, Any]:
    """Run a student's code on a problem, in the child process.

    Parameters
    ----------
    tell : function
        Not used.
    text, op, form : str
    seed : int

    Returns
    -------
    dict
        The gradients as lists, what was changed, and whether a second call said the same.
    """
    problem, inputs, upstream, _ = _drawn(form, seed)
    fence()
    backend = complete(load(text, op))
    with np.errstate(all="ignore"):
        _, kept = problem.forward(backend, inputs)
        before = conduct.snapshot((inputs, upstream, kept))
        grads = {name: np.array(grad) for name, grad in problem.backward(backend, upstream, kept).items()}
        changed = [str(one) for one in conduct.changes(before, (inputs, upstream, kept))]
        again = problem.backward(backend, upstream, kept)
    same = all(np.array_equal(grads[name], again[name], equal_nan=True) for name in grads)
    return {
        "grads": {name: grad.tolist() for name, grad in grads.items() if grad.dtype.kind == "f"},
        "changed": changed,
        "same": bool(same),
    }


def _drawn(form, seed) -> tuple[Form, dict, dict, Any]:
    """Draw sizes, inputs and upstream gradients; run the reference's forward once."""
    problem = next(one for one in FORMS if one.name == form)
    rng = np.random.default_rng(seed)
    sizes = dict(zip(SIZES, (int(n) for n in rng.integers(2, MOST, size=len(SIZES))), strict=True))
    sizes["T"], sizes["S"] = max(3, sizes["T"]), max(3, sizes["S"])
    sizes["H"] = sizes["D"] + 1  # a product that was transposed does not fit by chance
    inputs = problem.draw(rng, sizes, 0.5, 0.5)
    outputs, kept = problem.forward(ops.backend(getattr(ops, problem.op), "reference"), inputs)
    return problem, inputs, conduct.draw_upstream(outputs, seed), kept


def _compared(name, grads, truth):
    right = np.asarray(truth[name])
    try:
        got = np.asarray(grads[name], dtype=float)
    except (KeyError, TypeError, ValueError):
        return f"no gradient of {name} came back"
    if got.shape != right.shape:
        return f"d{name} has shape {got.shape}, expected {right.shape}"
    wrong = differing({name: got}, {name: right})[name]
    return f"d{name}: {wrong.sum()} of {wrong.size} entries wrong" if wrong.any() else ""
