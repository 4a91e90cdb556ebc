"""A quick judgement where the forward is ours: the gradients are held against our own."""

from typing import Any

import numpy as np

from .. import conduct
from ..bounds import rounding_of
from ..diagnose import Probe, answer
from ..subjects import Subject

EQUAL = 1e-10  # of an array's largest entry, as for the check by the complex step


def beside_ours(subject: Subject, backend: Any, seed: int) -> dict:
    """Compare one backward pass with ours, and watch how it behaves.

    Parameters
    ----------
    subject : Subject
    backend : module
    seed : int

    Returns
    -------
    dict
        As a report of the full check is told, as far as it applies.
    """
    theirs = subject.make(np.random.default_rng(seed), backend)
    with np.errstate(all="ignore"):
        found = conduct.observe(*theirs, seed)
        right = answer(Probe(subject, seed))
    rows = []
    overall = max((float(np.max(np.abs(grad), initial=0)) for grad in right.values()), default=0.0)
    for name, expected in right.items() if found.grads is not None else ():
        rows.append(_row(name, found.grads.get(name), expected, overall))
    failures = [sentence for sentence in found.failures if "is float32, although" not in sentence]
    passed = not failures and all(row["passed"] for row in rows)
    return {
        "name": subject.name,
        "passed": passed,
        "rows": rows,
        "failures": failures,
        "notes": [],
        "judged": ["the forward is ours, so the gradients were held against our own, which the oracles have judged"],
        "table": "",
    }


def _row(name, given, expected, overall):
    row = {"name": name, "shape": list(expected.shape), "size": int(expected.size), "sentences": []}
    if given is None or given.shape != expected.shape or given.dtype.kind != "f":
        return row | {"passed": False, "bad": int(expected.size), "worst": None, "given": None, "expected": None,
                      "error": None, "bound": None}  # fmt: skip
    scale = max(float(np.max(np.abs(expected), initial=0)), 1e-6 * overall) or 1.0
    bound = max(EQUAL, 10 * rounding_of(given.dtype))
    with np.errstate(invalid="ignore"):
        errors = np.abs(given - expected) / scale
    wrong = ~(errors <= bound)
    worst = np.unravel_index(int(np.argmax(np.where(np.isnan(errors), np.inf, errors))), errors.shape)
    return row | {
        "passed": not wrong.any(),
        "bad": int(wrong.sum()),
        "worst": [int(k) for k in worst],
        "given": float(given[worst]),
        "expected": float(expected[worst]),
        "error": float(errors[worst]),
        "bound": bound,
    }
