"""The first intermediate of a forward pass that is not ours, in the order of the equations."""

from typing import Any

import numpy as np

from scratchnn import ops

from ..subjects import Subject

ORDER = {
    "lstm": ("a", "i", "f", "g", "o", "c", "s", "h"),
    "gru": ("a", "m", "r", "z", "n", "h"),
    "rnn": ("a", "h"),
}
SHIFTED = ("c", "h")  # their row 0 is the initial state


def first_wrong(op: str, subject: Subject, backend: Any, seed: int) -> dict | None:
    """Compare what both caches hold, step by step.

    Parameters
    ----------
    op : str
    subject : Subject
    backend : module
    seed : int

    Returns
    -------
    dict or None
        ``name``, ``t`` (None without a time axis), ``index``, ``expected``, ``got``; None if no common name differs.
    """
    ours, theirs = (_cache(subject, one, seed) for one in ("reference", backend))
    room = ops.backend(getattr(ops, op), "reference")
    names = ORDER.get(op, room.Cache._fields)
    pairs = [(name, getattr(ours, name, None), _get(theirs, name)) for name in names]
    pairs = [(name, right, np.asarray(got)) for name, right, got in pairs if isinstance(right, np.ndarray)]
    pairs = [
        (name, right, got) for name, right, got in pairs if np.shape(got) == right.shape and got.dtype.kind == "f"
    ]
    if op not in ORDER:
        return next(filter(None, (_differs(name, None, right, got) for name, right, got in pairs)), None)
    steps = len(ours.x)
    for t in range(steps):
        for name, right, got in pairs:
            row = t + 1 if name in SHIFTED else t
            if found := _differs(name, t, right[row], got[row]):
                return found
    return None


def _cache(subject, backend, seed):
    problem = subject.make(np.random.default_rng(seed), backend)
    with np.errstate(all="ignore"):
        kept = problem.forward({name: np.array(array) for name, array in problem.inputs.items()})[1]
    return kept[0] if isinstance(kept, tuple) and not hasattr(kept, "_fields") else kept


def _get(cache, name):
    """Look into the student's own cache: an attribute, or a key."""
    for one in (getattr(cache, "own", cache), cache):
        found = one.get(name) if isinstance(one, dict) else getattr(one, name, None)
        if found is not None:
            return found
    return None


def _differs(name, t, right, got):
    wrong = ~np.isclose(got, right, rtol=0, atol=1e-9 * max(float(np.max(np.abs(right), initial=0)), 1e-300))
    if not wrong.any():
        return None
    index = tuple(int(k) for k in np.argwhere(wrong)[0])
    return {"name": name, "t": t, "index": list(index), "expected": float(right[index]), "got": float(got[index])}
