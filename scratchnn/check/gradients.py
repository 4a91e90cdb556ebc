"""The gradient check: is ``backward`` the derivative of ``forward``, and does it behave?

Every output gets a random upstream gradient u; the loss is the sum of outputs * u, and the right answer to
``backward(u)`` is its derivative. Two oracles measure that derivative from outside: extrapolated differences, and the
complex step wherever complex numbers get through the code. They look at every entry, or, where that would take too
long, along random directions through an array, which see every error of a size and with a probability that the
report states. What passes, and why, stands in ``bounds``; what is seen along directions, in ``probe.directions``.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnn import probe

from . import bounds, conduct
from .bounds import COMPLEX_BOUND, EPS, ROUNDINGS
from .entries import judge_entries
from .evidence import DIRECTIONS, Evidence, disagreement, lines_through
from .explain import explain
from .explain.guess import guess_layout
from .kinked import about_kinks
from .layout import Layout
from .oracles import Oracles
from .report import Report, Row
from .sampled import judge_directions

__all__ = ["COMPLEX_BOUND", "EPS", "ROUNDINGS", "assert_gradients", "check_gradients"]

LIMIT = 2000  # entries: twice what any subject of ours has, a few seconds for an op
SECONDS = 60.0  # that measuring every entry may take, at CALLS calls of forward per entry
CALLS = 8


def check_gradients(
    forward: Callable,
    backward: Callable,
    inputs: dict[str, np.ndarray],
    *,
    seed: int = 0,
    name: str = "",
    directions: int | None = None,
    limit: int = LIMIT,
    layout: Layout | None = None,
) -> Report:
    """Check a backward pass against two oracles.

    Parameters
    ----------
    forward : function
        ``forward(inputs) -> (outputs, cache)``, outputs a dict of str to array.
    backward : function
        ``backward(upstream, cache) -> grads``: upstream keyed and shaped as the floating-point outputs, grads keyed
        and shaped as the floating-point inputs.
    inputs : dict of str to array
        Everything that the outputs depend on, parameters included. Every floating-point array is checked; ids and
        masks are passed through.
    seed : int
        The upstream gradients and the directions are drawn from it.
    name : str
        What is checked, for the report.
    directions : int, optional
        Along how many random directions an array is judged; 0: every entry is measured. By default every entry, or
        8 directions and 8 entries of each array above 64 entries where there are more than ``limit`` of them, or
        where measuring all would take more than a minute.
    limit : int
        Entries, over all arrays.
    layout : Layout, optional
        What the axes and blocks of the arrays mean, so that a mistake can be placed by name; guessed by default.

    Returns
    -------
    Report
        Exceptions raised by ``forward`` or ``backward`` are failures in it.

    Raises
    ------
    TypeError
        Outputs are not a dict, or an input is complex.
    """
    wanted = probe.differentiable(inputs)
    found = conduct.observe(forward, backward, inputs, seed)
    failures, notes = list(found.failures), list(found.notes)
    if not wanted:
        failures.append("there is no floating-point input to check")
    if found.grads is None or not wanted:
        return Report(name=name, failures=tuple(failures), notes=tuple(notes), seed=seed)

    rng = np.random.default_rng([seed, 2])  # another stream than that of the inputs, and that of the upstream
    with conduct.global_random_state_kept():
        oracles, evidence, sentence = _measured(
            _loss(forward, found.upstream), inputs, found.grads, rng, directions, limit
        )
        if sentence:
            return Report(name=name, failures=(*failures, sentence), notes=tuple(notes), seed=seed)
        evidence = _believed(oracles, evidence, notes)
        overall = max((each.largest for each in evidence.values()), default=0.0)
        rows = tuple(_judge(found.grads.get(key), evidence[key], overall, oracles, rng) for key in wanted)
        layout = layout or guess_layout(inputs, found.upstream)
        rows, more = explain(rows, layout, inputs, forward=forward, backward=backward, upstream=found.upstream)
    notes += [sentence for key in wanted for sentence in about_kinks(evidence[key])]
    used = ("differences",) if oracles.why_not else ("differences", "complex step")
    return Report(name, rows, tuple(failures), (*notes, *more), used, seed, layout)


def assert_gradients(
    forward: Callable,
    backward: Callable,
    inputs: dict[str, np.ndarray],
    *,
    seed: int = 0,
    name: str = "",
    **options: Any,
) -> Report:
    """Check a backward pass in a test.

    Parameters
    ----------
    forward, backward, inputs, seed, name
        As for ``check_gradients``.
    **options
        ``directions``, ``limit``, ``layout``, as for ``check_gradients``.

    Returns
    -------
    Report

    Raises
    ------
    AssertionError
        The check failed; the message is the table.
    """
    report = check_gradients(forward, backward, inputs, seed=seed, name=name, **options)
    if not report.passed:
        raise AssertionError(str(report))
    return report


def _loss(forward, upstream):
    """Give the projected loss; complex inputs must give complex outputs, every one."""

    def loss(inputs):
        outputs, _ = forward(inputs)
        if any(isinstance(array, np.ndarray) and array.dtype.kind == "c" for array in inputs.values()):
            for name in upstream:
                if not np.iscomplexobj(outputs[name]):
                    raise probe.ImaginaryPartLost(
                        f"the code is not complex-safe: output {name} came back real from complex inputs"
                    )
        return probe.project(outputs, upstream)

    return loss


def _measured(loss, inputs, grads, rng, directions, limit):
    """Ask the oracles; give them, what they say of every array, and a sentence if there was nothing to measure."""
    try:
        before, seconds = _timed(loss, inputs)
        oracles = Oracles(loss, inputs)
        wanted = probe.differentiable(inputs)
        count = _directions(inputs, wanted, directions, limit, seconds)
        lines = {key: lines_through(inputs[key].shape, grads.get(key), count, rng) for key in wanted}
        evidence = {key: oracles.look(key, lines[key]) for key in wanted}
        after, _ = _timed(loss, inputs)
    except Exception as error:
        return None, {}, f"forward raised {type(error).__name__} when an input was moved slightly: {error}"
    if abs(after - before) > bounds.ESTIMATES * oracles.noise:
        changed = f"{before:.12g} before the check and {after:.12g} after it"
        return None, {}, f"forward remembers: the loss of the same inputs was {changed}, so it has no derivative"
    return oracles, evidence, ""


def _timed(loss, inputs):
    started = time.perf_counter()
    value = probe.value(loss, inputs)
    return value, time.perf_counter() - started


def _directions(inputs, wanted, directions, limit, seconds):
    """Decide along how many directions to look, 0: at every entry."""
    if directions is not None:
        return directions
    entries = sum(inputs[name].size for name in wanted)
    return DIRECTIONS if entries > limit or entries * CALLS * seconds > SECONDS else 0


def _believed(oracles, evidence, notes):
    """Take the complex step out of the evidence if it failed somewhere, or if the differences contradict it."""
    overall = max((each.largest for each in evidence.values()), default=0.0)
    if not oracles.why_not:
        where = next(filter(None, (disagreement(each, overall) for each in evidence.values())), "")
        if where:
            oracles.why_not = (
                f"the oracles disagree {where}: the code is not complex-safe, dropping an imaginary part without a "
                "trace (abs, conj, .real)"
            )
    if oracles.why_not:
        notes.append(f"{oracles.why_not}; the differences decide alone")
        return {name: each._replace(exact=None) for name, each in evidence.items()}
    return evidence


def _judge(given, evidence: Evidence, overall, oracles, rng):
    """Make one row: first whether the gradient can be compared at all, then the comparison."""
    size = int(np.prod(evidence.shape))
    method = f"{evidence.directions} random directions + {len(evidence.lines) - evidence.directions} entries"
    row = Row(
        evidence.name,
        evidence.shape,
        size,
        evidence.largest,
        bad=size,
        gradient=given if given is not None and given.dtype.kind == "f" else None,
        truth=None if evidence.directions else evidence.best.reshape(evidence.shape),
        method=method if evidence.directions else "every entry",
        step=evidence.numeric.step,
        oracle=oracles.said(evidence),
    )
    if given is None:
        return row._replace(remark="no gradient was returned")
    if given.shape != row.shape:
        return row._replace(remark=f"the gradient has shape {given.shape}, expected {row.shape}")
    if given.dtype.kind != "f":
        return row._replace(remark=f"the gradient has dtype {given.dtype}, expected floating-point numbers")
    if not np.isfinite(given).all():
        return _not_finite(row, given)
    if not np.isfinite(evidence.numeric.slopes).all():
        k = int(np.argmin(np.isfinite(evidence.numeric.slopes)))
        where = "along a random direction"
        if k >= evidence.directions:
            index = evidence.lines[k]
            where = f"at {bounds.entry(row.name, index)}"
            row = row._replace(worst=index, given=float(given[index]), expected=float(evidence.best[k]))
        return row._replace(remark=f"the loss is not finite {where}, so there is nothing to compare with")
    if evidence.directions:
        return judge_directions(row, given, evidence, overall, oracles, rng)
    return judge_entries(row, given, evidence, overall)


def _not_finite(row, given):
    broken = ~np.isfinite(given)
    index = bounds.first_of(broken)
    return row._replace(
        worst=index,
        given=float(given[index]),
        expected=None if row.truth is None else float(row.truth[index]),
        bad=int(broken.sum()),
        wrong=None if row.truth is None else broken,
        remark=f"the gradient is not finite at {bounds.entry(row.name, index)}, it is {given[index]} there",
    )
