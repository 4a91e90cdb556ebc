"""What a wrong array looks like beside the right one: exact statements, each verified before it is made."""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from . import ratios
from .case import Case


def of_shape(case: Case) -> Iterator[str]:
    """Compare a gradient of the wrong shape.

    Parameters
    ----------
    case : Case

    Yields
    ------
    str
    """
    given, truth = case.given, case.truth
    for other, right in case.others.items():
        if case.same(given, right):
            yield f"it is the gradient of {other}, entry by entry: swapped?"
    for axes in permutations(range(given.ndim)):
        if given.ndim > 1 and axes != tuple(range(given.ndim)) and case.same(given.transpose(axes), truth):
            yield "it is the right gradient transposed"
    for count in range(1, given.ndim + 1):
        axes = f"first axis ({given.shape[0]})" if count == 1 else f"first {count} axes {given.shape[:count]}"
        if given.shape[count:] == truth.shape and case.same(given.sum(axis=tuple(range(count))), truth):
            yield f"summed over its {axes} it is right: a sum is missing"
    if given.size == truth.size and case.same(given.reshape(truth.shape), truth):
        yield "its numbers are right, only the shape is not: reshape it"


def of_whole(case: Case) -> Iterator[str]:
    """Compare the whole array.

    Parameters
    ----------
    case : Case

    Yields
    ------
    str
    """
    given, truth = case.given, case.truth
    if case.zero(given):
        yield (
            "every entry is 0: is nothing handed back?"
            if not np.any(given)
            else ("every entry is 0 but for rounding: do its terms cancel?")
        )
        return
    if case.zero(truth):
        yield "right is 0 everywhere: the outputs do not depend on it"
        return
    for other, right in case.others.items():
        if case.same(given, right):
            yield f"it is the gradient of {other}, entry by entry: swapped?"
    for output, upstream in case.upstream.items():
        if case.same(given, upstream):
            yield f"it is the upstream gradient of {output} unchanged: is a derivative missing?"
    yield from _transposed(case)
    yield from _in_time(case)
    yield from _aggregated(case)
    ratio = ratios.factor(given, truth, case.tolerance)
    if ratio is not None:
        yield from multiple(ratio, case, truth, "every entry")
        return
    yield from _clipped(case)


def multiple(ratio: float, case: Case, truth: np.ndarray, subject: str) -> Iterator[str]:
    """Say that something is a multiple of the right gradient, if there is evidence enough.

    Parameters
    ----------
    ratio : float
    case : Case
    truth : array
        The part of the truth that is meant.
    subject : str
        "every entry", "the forget gate's block".

    Yields
    ------
    str
    """
    widths = {"width", "key width"} & set(case.layout.axes_of(case.name, case.truth.shape))
    told = ratios.named(ratio, case.sizes, case.slack(truth), "E" if widths else "BT")
    if told:
        yield f"{subject} is {told[0]}: {told[1]}"
    elif np.sum(np.abs(truth) > 100 * case.tolerance) >= ratios.EVIDENCE and abs(ratio) > case.slack(truth):
        yield f"{subject} is {ratios.times(ratio)}: is a factor wrong or missing?"


def _transposed(case):
    given, truth = case.given, case.truth
    for axes in permutations(range(truth.ndim)):
        turned = truth.transpose(axes)
        if axes == tuple(range(truth.ndim)):
            continue
        if case.same(given, turned):
            yield (
                "it is the right gradient transposed"
                if truth.ndim == 2
                else (f"it is the right gradient with its axes in the order {axes}: a transpose too many or too few?")
            )
        elif turned.shape != truth.shape and case.same(given, turned.reshape(truth.shape)):
            yield "its numbers are those of the transposed gradient: a reshape where a transpose is needed?"


def _in_time(case):
    """Compare with the neighbouring steps, and with time reversed."""
    axis = case.layout.axis(case.name, case.truth.shape, "time")
    if axis is None or case.truth.shape[axis] < 2:
        return
    given, truth = np.moveaxis(case.given, axis, 0), np.moveaxis(case.truth, axis, 0)
    if case.same(given, truth[::-1]):
        yield "it is the right gradient in reversed order of time"
    if len(truth) > 2:
        if case.same(given[:-1], truth[1:]):
            yield "at each step it holds what belongs to the step after: shifted in time by one"
        if case.same(given[1:], truth[:-1]):
            yield "at each step it holds what belongs to the step before: shifted in time by one"


def _aggregated(case):
    """Compare with a sum or a mean over the batch or time, handed to everyone."""
    for meaning, what in (("batch", "row of the batch"), ("time", "step")):
        axis = case.layout.axis(case.name, case.truth.shape, meaning)
        if axis is None or case.truth.shape[axis] < 2:
            continue
        for kind, joined in (("mean", np.mean), ("sum", np.sum)):
            if case.same(case.given, np.broadcast_to(joined(case.truth, axis, keepdims=True), case.truth.shape)):
                yield f"every {what} holds the {kind} of the right gradient over all of them"


def _clipped(case):
    given, truth, wrong = case.given, case.truth, case.wrong
    limit = float(np.max(np.abs(given)))
    beyond = np.abs(truth) > limit
    if beyond.sum() >= 2 and case.same(given, np.clip(truth, -limit, limit)) and not (wrong & ~beyond).any():
        yield (
            f"it is the right gradient with {beyond.sum()} of {truth.size} entries clamped to +-{limit:.6g}: clip "
            "the norm of all gradients, and after the backward pass"
        )
