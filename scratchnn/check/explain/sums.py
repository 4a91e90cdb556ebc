"""What a wrong gradient leaves out of the right one: outputs, steps, rows of the batch, all that later steps say."""

from collections.abc import Iterator

import numpy as np

from .case import Case
from .pieces import Pieces


def of_sums(case: Case, shares: np.ndarray, pieces: Pieces) -> Iterator[str]:
    """Compare with parts of the right gradient's sum; the first that fits says it.

    Parameters
    ----------
    case : Case
    shares : (U, O, T, B, ...)
        As ``Pieces.of`` gave them.
    pieces : Pieces

    Yields
    ------
    str
    """
    if not case.same(shares.sum(axis=(0, 1, 2, 3)), case.truth):
        return
    for sentence, candidate in _candidates(case, shares, pieces):
        if case.same(case.given, candidate) and np.max(np.abs(candidate)) > 100 * case.tolerance:
            yield sentence
            return


def _candidates(case, shares, pieces):
    yield from _steps_of_use(shares)
    yield from _own_step(case, shares, pieces)
    yield from _outputs(shares, pieces)
    yield from _rows(case, shares, pieces)


def _steps_of_use(shares):
    uses = shares.sum(axis=(1, 2, 3))
    U, right = len(uses), f"right is the sum over all {len(uses)} steps"
    if U < 2:
        return
    yield f"only the last step (t={U - 1}) counts in it: {right}", uses[-1]
    yield f"only the first step (t=0) counts in it: {right}", uses[0]
    yield f"the last step (t={U - 1}) is left out of the sum over the steps", uses[:-1].sum(axis=0)
    yield "the first step (t=0) is left out of the sum over the steps", uses[1:].sum(axis=0)
    for t in range(1, U - 1):
        yield f"only step t={t} counts in it: {right}", uses[t]


def _own_step(case, shares, pieces):
    """Cut off what later steps say: each step of use hears its own loss, or a few steps' more."""
    U, _, T = shares.shape[:3]
    axis = case.layout.axis(case.name, case.truth.shape, "time")
    if U > 1:
        by_loss = shares.sum(axis=(1, 3))
        heard = [[by_loss[t, t : t + 1 + far].sum(axis=0) for t in range(T)] for far in range(T - 1)]
        cut = [sum(each) for each in heard]
    elif axis is not None and case.truth.shape[axis] == T:
        by_loss = np.moveaxis(shares.sum(axis=(0, 1, 3)), 1 + axis, 1)
        heard = [[by_loss[t : t + 1 + far, t].sum(axis=0) for t in range(T)] for far in range(T - 1)]
        cut = [np.moveaxis(np.array(each), 0, axis) for each in heard]
    elif case.name in pieces.layout.carry:
        cut = [shares[0, :, : 1 + far].sum(axis=(0, 1, 2)) for far in range(T - 1)]
        for far, candidate in enumerate(cut):
            yield f"only the loss of {_first(far)} arrives in it: is the carry from t+1 to t cut?", candidate
        return
    else:
        return
    for far, candidate in enumerate(cut):
        later = f"the loss of no more than {far} later step{'s' * (far > 1)}" if far else "its own loss only"
        yield f"each step hears {later}: is the carry from t+1 to t cut?", candidate


def _first(far):
    return "step t=0" if far == 0 else f"the steps t=0 to {far}"


def _outputs(shares, pieces):
    total, by_output = shares.sum(axis=(0, 1, 2, 3)), shares.sum(axis=(0, 2, 3))
    if len(by_output) > 1:
        for output, share in zip(pieces.outputs, by_output, strict=True):
            yield f"the upstream gradient of {output} is left out, the rest is right", total - share
    T = shares.shape[2]
    timed = [k for k, output in enumerate(pieces.outputs) if pieces.time(output) is not None]
    unit = "step" if pieces.noun == "time" else "query"
    if T > 1 and timed:
        losses = shares.sum(axis=(0, 1, 3))
        yield f"only the upstream gradient of the last {unit} ({T - 1}) counts in it", losses[-1]
        yield f"only the upstream gradient of the first {unit} (0) counts in it", losses[0]
    for k in timed if T > 1 else ():
        steps = shares[:, k].sum(axis=(0, 2))
        where = {
            f"at the last {unit} ({T - 1})": steps[-1],
            f"at the first {unit} (0)": steps[0],
            f"at every {unit} but the last ({T - 1})": steps[:-1].sum(axis=0),
        }
        for when, share in where.items():
            yield f"the upstream gradient of {pieces.outputs[k]} {when} is left out, the rest is right", total - share


def _rows(case, shares, pieces):
    B = shares.shape[3]
    if B < 2 or case.layout.axis(case.name, case.truth.shape, "batch") is not None:
        return
    rows = shares.sum(axis=(0, 1, 2))
    for b in range(B):
        yield f"only row {b} of the batch counts in it: right is the sum over all {B} rows", rows[b]
    for b, what in ((B - 1, "last"), (0, "first")):
        if B > 2:
            yield f"the {what} row of the batch ({b}) is left out of the sum", rows.sum(axis=0) - rows[b]
    losses = shares.sum(axis=(0, 1))
    unit = "step" if pieces.noun == "time" else "query"
    for t, b in np.ndindex(losses.shape[:2]):
        yield f"only the upstream gradient of row {b} of the batch at {unit} {t} counts in it", losses[t, b]
