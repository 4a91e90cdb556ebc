"""The gradient check: is ``backward`` the derivative of ``forward``, and does it behave?

Every output gets a random upstream gradient u; the loss is the sum of outputs * u, and the right answer to
``backward(u)`` is its derivative. Two oracles measure that derivative from outside, entry by entry: extrapolated
differences, and the complex step wherever complex numbers get through the code.

What passes
-----------
An array's scale is the largest entry of its true gradient: an error below 1e-10 of that is no mistake, since wrong
formulas differ from right ones by parts per hundred, and no accident, since rounding is of the order of 1e-15.

- Against the complex step: every error is at most 1e-10 of the scale.
- Against the differences: every error is at most 10 times the estimate of that very entry, plus 64 eps of the scale.
  (The estimate is about one standard deviation of what the measured noise does; 10 of them never happen. A gradient
  of our sizes is a chain of fewer than 64 roundings, each of at most eps/2, so 64 eps leaves a factor of two; without
  it a loss whose differences happen to be exact would convict correct code.)
- A gradient that is zero everywhere, or no more than what is left of terms that cancel (64 eps of the overall scale,
  the largest entry of all arrays), has no scale of its own: it must be zero within 1e-10 of the overall scale, to
  both oracles. Code that sums cancelling terms cannot do better than their rounding.
- Gradients given in less than float64 are allowed 64 eps of their own precision instead of 1e-10.
- If the oracles disagree with each other by more than the differences' bound, the complex step is not believed: code
  may drop an imaginary part without a trace. The report says so, and the differences decide.
- Alone, differences decide only where their bound is below 1e-3 of the scale. The mistakes of hand-written LSTM
  backwards that we know change a gradient by at least 9e-3 of its largest entry; a blunter oracle would miss some.
"""

from collections.abc import Callable

import numpy as np

from scratchnn import probe

from . import conduct
from .report import Report, Row

COMPLEX_BOUND = 1e-10
ESTIMATES = 10
ROUNDINGS = 64
BLUNT = 1e-3
EPS = np.finfo(np.float64).eps


def check_gradients(
    forward: Callable, backward: Callable, inputs: dict[str, np.ndarray], *, seed: int = 0, name: str = ""
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
        The upstream gradients are drawn from it.
    name : str
        What is checked, for the report.

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
    failures, notes = list(found.failures), []
    if not wanted:
        failures.append("there is no floating-point input to check")
    if found.grads is None or not wanted:
        return Report(name=name, failures=tuple(failures), seed=seed)

    loss = _loss(forward, found.upstream)
    try:
        numeric, estimates = probe.richardson(loss, inputs)
    except Exception as error:
        failures.append(f"forward raised {type(error).__name__} when an input was moved slightly: {error}")
        return Report(name=name, failures=tuple(failures), seed=seed)
    exact = _complex_step(loss, inputs, notes)
    if exact is not None and not _oracles_agree(exact, numeric, estimates, notes):
        exact = None
    better = numeric if exact is None else exact
    overall = max((_largest(grad) for grad in better.values()), default=0.0)
    rows = tuple(
        _judge(key, found.grads.get(key), better[key], numeric[key], estimates[key], exact is not None, overall)
        for key in wanted
    )
    oracles = ("differences",) if exact is None else ("differences", "complex step")
    return Report(name, rows, tuple(failures), tuple(notes), oracles, seed)


def assert_gradients(
    forward: Callable, backward: Callable, inputs: dict[str, np.ndarray], *, seed: int = 0, name: str = ""
) -> None:
    """Check a backward pass in a test.

    Parameters
    ----------
    forward, backward, inputs, seed, name
        As for ``check_gradients``.

    Returns
    -------
    Report

    Raises
    ------
    AssertionError
        The check failed; the message is the table.
    """
    report = check_gradients(forward, backward, inputs, seed=seed, name=name)
    if not report.passed:
        raise AssertionError(str(report))
    return report


def _loss(forward, upstream):
    """Give the projected loss; complex inputs must give complex outputs, every one."""

    def loss(inputs):
        outputs, _ = forward(inputs)
        if any(np.iscomplexobj(array) for array in inputs.values()):
            for name in upstream:
                if not np.iscomplexobj(outputs[name]):
                    raise probe.ImaginaryPartLost(
                        f"the code is not complex-safe: output {name} came back real from complex inputs"
                    )
        return probe.project(outputs, upstream)

    return loss


def _complex_step(loss, inputs, notes):
    try:
        return probe.complex_step(loss, inputs)
    except probe.ImaginaryPartLost as lost:
        notes.append(f"{lost}; the differences decide alone")
    except Exception as error:  # code that checks dtypes by its own means
        notes.append(
            f"the code is not complex-safe: forward raised {type(error).__name__} for complex inputs ({error}); "
            "the differences decide alone"
        )
    return None


def _oracles_agree(exact, numeric, estimates, notes):
    overall = max((_largest(grad) for grad in exact.values()), default=0.0)
    for name, grad in exact.items():
        scale = _scale(grad, overall)
        beyond = np.abs(grad - numeric[name]) > ESTIMATES * estimates[name] + ROUNDINGS * EPS * scale
        if beyond.any() or not np.isfinite(grad).all():
            index = _index(beyond | ~np.isfinite(grad))
            notes.append(
                f"the oracles disagree at {_place(name, index)} (complex step {grad[index]:.6g}, differences "
                f"{numeric[name][index]:.6g}): the code is not complex-safe, dropping an imaginary part without a "
                "trace (abs, conj, .real), or it has a kink just there; the differences decide alone"
            )
            return False
    return True


def _judge(name, given, truth, numeric, estimate, with_complex, overall):
    """Make one row: first whether the gradient can be compared at all, then the comparison."""
    row = Row(name, truth.shape, truth.size, _largest(truth), bad=truth.size)
    if given is None:
        return row._replace(remark="no gradient was returned")
    if given.shape != truth.shape:
        return row._replace(remark=f"the gradient has shape {given.shape}, expected {truth.shape}")
    if given.dtype.kind != "f":
        return row._replace(remark=f"the gradient has dtype {given.dtype}, expected floating-point numbers")
    for label, array in (("the gradient", given), ("the loss", numeric)):
        if not np.isfinite(array).all():
            index = _index(~np.isfinite(array))
            row = row._replace(worst=index, given=float(given[index]), expected=float(truth[index]))
            return row._replace(
                bad=int((~np.isfinite(array)).sum()),
                remark=f"{label} is not finite at {_place(name, index)}, the gradient given is {given[index]}",
            )
    if truth.size == 0:
        return row._replace(passed=True)
    return _compare(row, given, truth, numeric, estimate, with_complex, overall)


def _compare(row, given, truth, numeric, estimate, with_complex, overall):
    scale = _scale(truth, overall)
    unit = scale or 1.0
    rounding = ROUNDINGS * max(EPS, float(np.finfo(given.dtype).eps))
    bound_complex = max(COMPLEX_BOUND, rounding) if given.dtype != np.float64 else COMPLEX_BOUND
    floor = rounding if _largest(truth) == scale else bound_complex  # it has no scale of its own
    error, bound = np.abs(given - numeric) / unit, (ESTIMATES * estimate + floor * scale) / unit
    wrong = np.abs(given - truth) / unit
    bad = error > bound
    if with_complex:
        bad |= wrong > (bound_complex if scale else 0.0)
        row = row._replace(error_complex=_largest(wrong), bound_complex=bound_complex)
    beyond = error - bound
    shown = _index(beyond == np.max(beyond) if (beyond > 0).any() else error == np.max(error))
    worst = _index(wrong == np.max(wrong[bad] if bad.any() else wrong))
    row = row._replace(
        error_difference=float(error[shown]),
        bound_difference=float(bound[shown]),
        worst=worst,
        given=float(given[worst]),
        expected=float(truth[worst]),
        bad=int(bad.sum()),
    )
    if bad.any():
        return row._replace(
            remark=f"{row.bad} of {row.size} entries wrong; {_place(row.name, worst)} is {row.given:.12g}, "
            f"expected {row.expected:.12g}"
        )
    blunt = bound > BLUNT
    if blunt.any() and not with_complex:
        index = _index(blunt)
        return row._replace(
            bad=int(blunt.sum()),
            remark=f"cannot be judged: at {_place(row.name, index)} the differences are sure only to "
            f"{bound[index]:.1e} of the largest entry",
        )
    return row._replace(passed=True)


def _scale(truth, overall):
    largest = _largest(truth)
    return largest if largest > ROUNDINGS * EPS * overall else overall


def _largest(array):
    return float(np.max(np.abs(array), initial=0.0))


def _index(where):
    return tuple(int(k) for k in np.argwhere(where)[0])


def _place(name, index):
    return f"{name}[{', '.join(map(str, index))}]" if index else name
