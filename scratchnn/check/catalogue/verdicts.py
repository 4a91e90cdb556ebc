"""What people take for the proof of a gradient: our way, and weaker ones."""

from types import ModuleType
from typing import NamedTuple

import numpy as np

from .. import conduct
from ..bounds import COMPLEX_BOUND, EPS, ROUNDINGS
from .forms import Arrays, Form

STEPS, RATE = 20, 0.05


class Case(NamedTuple):
    """Inputs, upstream gradients and the exact derivative there."""

    form: Form
    inputs: Arrays
    upstream: Arrays
    truth: Arrays
    seed: int


class Answer(NamedTuple):
    """What a backward pass gave; ``grads`` is None where it raised an exception."""

    grads: Arrays | None
    behaved: bool = False  # left all it was given alone, and said the same when asked again


def answer(case: Case, module: ModuleType) -> Answer:
    """Run forward once and backward twice, on copies of everything.

    Parameters
    ----------
    case : Case
    module : module
        With the functions of the op's reference.

    Returns
    -------
    Answer
    """
    inputs, upstream = copied(case.inputs), copied(case.upstream)
    try:
        with np.errstate(all="ignore"):  # wrong numbers may overflow; the verdicts see it
            _, kept = case.form.forward(module, inputs)
            before = conduct.snapshot((inputs, upstream, kept))
            grads = copied(case.form.backward(module, upstream, kept))
            if conduct.changes(before, (inputs, upstream, kept)):
                return Answer(grads)
            again = case.form.backward(module, copied(case.upstream), kept)
            return Answer(grads, all(np.array_equal(grads[name], again[name], equal_nan=True) for name in case.truth))
    except Exception:  # a crash is noticed by any check
        return Answer(None)


def exact(case: Case, grads: Arrays) -> bool:
    """Accept errors of 1e-10 of each array's largest entry.

    Where an array's truth is zero, of the largest entry of all arrays; where all are, of the largest upstream.

    Parameters
    ----------
    case : Case
    grads : dict of str to array

    Returns
    -------
    bool
    """
    if not shapes_agree(case, grads):
        return False
    overall = _scale(max(map(_largest, case.truth.values())), max(map(_largest, case.upstream.values())))
    return all(
        np.max(np.abs(grads[name] - truth)) <= COMPLEX_BOUND * _scale(_largest(truth), overall)
        for name, truth in case.truth.items()
    )


def within_hundredth(case: Case, grads: Arrays) -> bool:
    """Accept what ``np.allclose`` does with rtol = atol = 1e-2.

    Parameters
    ----------
    case : Case
    grads : dict of str to array

    Returns
    -------
    bool
    """
    return all(_close(grads[name], truth, 1e-2) for name, truth in case.truth.items())


def within_thousandth(case: Case, grads: Arrays) -> bool:
    """Accept what ``np.allclose`` does with rtol = atol = 1e-3.

    Parameters
    ----------
    case : Case
    grads : dict of str to array

    Returns
    -------
    bool
    """
    return all(_close(grads[name], truth, 1e-3) for name, truth in case.truth.items())


def one_entry(case: Case, grads: Arrays) -> bool:
    """Accept what is within 1e-2 at one random entry of each array.

    Parameters
    ----------
    case : Case
    grads : dict of str to array

    Returns
    -------
    bool
    """
    rng = np.random.default_rng(case.seed)
    entries = {name: tuple(rng.integers(size) for size in truth.shape) for name, truth in case.truth.items()}
    return shapes_agree(case, grads) and all(
        _close(grads[name][index], case.truth[name][index], 1e-2) for name, index in entries.items()
    )


def direction(case: Case, grads: Arrays) -> bool:
    """Accept what points the right way: the cosine over all arrays is above 0.99.

    Parameters
    ----------
    case : Case
    grads : dict of str to array

    Returns
    -------
    bool
    """
    if not shapes_agree(case, grads):
        return False
    given, truth = (np.concatenate([arrays[name].ravel() for name in case.truth]) for arrays in (grads, case.truth))
    return bool(given @ truth > 0.99 * np.linalg.norm(given) * np.linalg.norm(truth))


def not_zero(case: Case, grads: Arrays) -> bool:
    """Accept gradients that are finite and have an entry other than 0.

    Parameters
    ----------
    case : Case
    grads : dict of str to array

    Returns
    -------
    bool
    """
    return all(bool(np.isfinite(grads[name]).all() and np.any(grads[name] != 0)) for name in case.truth)


def shapes_agree(case: Case, grads: Arrays) -> bool:
    """Accept gradients of the right shapes.

    Parameters
    ----------
    case : Case
    grads : dict of str to array

    Returns
    -------
    bool
    """
    return all(np.shape(grads.get(name)) == truth.shape for name, truth in case.truth.items())


VERDICTS = {
    "exact": exact,
    "within 1e-2": within_hundredth,
    "within 1e-3": within_thousandth,
    "one entry": one_entry,
    "direction": direction,
    "not zero": not_zero,
    "shapes": shapes_agree,
}


def loss_went_down(case: Case, module: ModuleType) -> bool:
    """Accept what leads downhill: the squared distance of the outputs to random targets, over 20 steps of descent.

    Parameters
    ----------
    case : Case
    module : module

    Returns
    -------
    bool
    """
    inputs, rng = copied(case.inputs), np.random.default_rng(case.seed)
    targets = {name: 0.5 * rng.normal(size=np.shape(array)) for name, array in case.upstream.items()}
    losses = []
    try:
        with np.errstate(all="ignore"):  # an overflow is no smaller loss
            for _ in range(STEPS + 1):
                outputs, kept = case.form.forward(module, inputs)
                errors = {name: outputs[name] - target for name, target in targets.items()}
                losses.append(sum(float(np.sum(error**2)) for error in errors.values()) / 2)
                grads = case.form.backward(module, errors, kept)
                inputs |= {name: inputs[name] - RATE * grads[name] for name in case.truth}
    except Exception:  # a crash is noticed by any check
        return False
    return losses[-1] < losses[0]


def copied(arrays: Arrays) -> Arrays:
    """Copy every array of a dict.

    Parameters
    ----------
    arrays : dict

    Returns
    -------
    dict
    """
    return {name: array.copy() if isinstance(array, np.ndarray) else array for name, array in arrays.items()}


def _scale(largest, otherwise):
    """Give the size that errors are relative to: what terms that cancel leave over is no size of its own."""
    return largest if largest > ROUNDINGS * EPS * otherwise else otherwise


def _close(given, truth, tolerance):
    return np.shape(given) == np.shape(truth) and np.allclose(given, truth, rtol=tolerance, atol=tolerance)


def _largest(array):
    return float(np.max(np.abs(array), initial=0.0))
