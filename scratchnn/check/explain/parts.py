"""What parts of a wrong array look like beside the right ones: gate blocks, rows, columns, steps."""

from collections.abc import Iterator

import numpy as np

from ..layout import sliced
from . import ratios
from .case import EXACT, Case
from .place import indices, listed, steps
from .whole import multiple


def of_parts(case: Case) -> Iterator[str]:
    """Compare blocks and slices of the array.

    Parameters
    ----------
    case : Case

    Yields
    ------
    str
    """
    blocks = case.layout.blocks_of(case.name, case.truth.shape)
    for family in (_blocks, _dropped, _repeated_ids, _one_factor_each, _row_sums):
        said = list(family(case, blocks))
        if said:
            yield from said
            return


def _blocks(case, blocks):
    if not blocks:
        return
    axis, slices = blocks
    given = {block: sliced(case.given, axis, part) for block, part in slices.items()}
    truth = {block: sliced(case.truth, axis, part) for block, part in slices.items()}
    clear = [b for b in slices if np.max(np.abs(truth[b]), initial=0) > 100 * case.tolerance]
    holds = {b: next((o for o in clear if case.same(given[b], truth[o])), None) for b in slices}
    if sorted(map(str, holds.values())) == sorted(slices):
        order = listed(list(holds.values()))
        yield f"the blocks are right but stand in the order {order}, expected {listed(list(slices))}"
        return
    bad = [b for b in slices if not case.same(given[b], truth[b])]
    told = {b: list(_block(case, b, given[b], truth[b], holds[b])) for b in bad}
    if bad and all(told.values()) and len({told[b][0] for b in bad}) == 1:
        verb = "block" if len(bad) == 1 else "blocks"
        yield f"{listed(bad)} {verb}: {told[bad[0]][0]}"
    else:
        yield from (f"{b} block: {sentence}" for b in bad for sentence in told[b][:1])


def _block(case, block, given, truth, holds):
    if case.zero(given):
        yield "every entry is 0"
    elif holds is not None and holds != block:
        yield f"it holds what belongs to the {holds} block"
    elif given.ndim == 2 and case.same(given, truth.T):
        yield "transposed"
    else:
        ratio = ratios.factor(given, truth, case.tolerance)
        if ratio is not None:
            yield from multiple(ratio, case, truth, "every entry")


def _dropped(case, blocks):
    """Some slices are 0 and the others right."""
    for axis, meaning in enumerate(case.layout.axes_of(case.name, case.truth.shape)):
        if blocks and axis == blocks[0]:
            continue
        given, truth, wrong = (np.moveaxis(array, axis, 0) for array in (case.given, case.truth, case.wrong))
        hit = np.flatnonzero([each.any() for each in wrong])
        kept = [k for k in range(len(wrong)) if k not in hit and not case.zero(truth[k])]
        if len(hit) and kept and case.zero(given[hit]):
            where = steps(hit, len(wrong)) if meaning == "time" else indices(meaning, hit, wrong.ndim, axis)
            yield f"every entry is 0 at {where}; the rest is right"


def _repeated_ids(case, _):
    """Rows of a table that several ids use."""
    for name, ids in case.inputs.items():
        if not isinstance(ids, np.ndarray) or ids.dtype.kind not in "iu" or case.truth.ndim != 2 or not ids.size:
            continue
        used, counts = np.unique(ids, return_counts=True)
        rows = np.flatnonzero(case.wrong.any(axis=1))
        if ids.min() >= 0 and used.max() < len(case.truth) and set(rows) == set(used[counts > 1]) and len(rows):
            yield (
                f"wrong are just the rows that {name} names more than once ({listed(list(rows))}): is every use "
                "added, as np.add.at does and += does not?"
            )


def _one_factor_each(case, blocks):
    """Every slice along an axis is a multiple of its own."""
    for axis, meaning in enumerate(case.layout.axes_of(case.name, case.truth.shape)):
        if blocks or case.truth.ndim < 2 or case.truth.size // case.truth.shape[axis] < ratios.EVIDENCE:
            continue
        pairs = zip(np.moveaxis(case.given, axis, 0), np.moveaxis(case.truth, axis, 0), strict=True)
        found = [ratios.factor(given, truth, case.tolerance) for given, truth in pairs]
        if len(found) > 1 and None not in found and all(abs(ratio) > EXACT for ratio in found):
            noun = {"batch": "row of the batch", "time": "step"}.get(meaning, f"slice along {meaning}")
            factors = [f"{ratio:.4g}" for ratio in found[:4]] + ["..."] * (len(found) > 4)
            yield f"each {noun} is right but for a factor of its own ({', '.join(factors)})"


def _row_sums(case, _):
    """Compare row sums: those of a softmax's input are 0, whatever the upstream."""
    given, truth = case.given, case.truth
    if truth.ndim == 0 or truth.shape[-1] < 2:
        return
    offset = given - truth
    flat = np.ptp(offset, axis=-1)
    if np.max(flat) <= case.tolerance and truth[..., 0].size > 1:
        yield "within each row all entries are off by the same amount: is a sum or a mean over the row wrong?"
    sums = np.abs(truth.sum(axis=-1))
    if np.max(sums) <= case.tolerance and np.max(np.abs(given.sum(axis=-1))) > 100 * case.tolerance:
        yield "rows of the right gradient sum to 0, as behind a softmax, but not of this one: is a sum missing?"
