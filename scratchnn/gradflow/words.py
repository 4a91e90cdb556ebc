"""What the measurements say, in words."""

import math
from collections.abc import Sequence

from .clipping import Stepped, Trained
from .survey import ATTENTION, Row, split_name


def power(log: float) -> str:
    """Write the exponential of a natural logarithm with two digits, also where a float would over- or underflow.

    Parameters
    ----------
    log : float

    Returns
    -------
    str
        "0.83", "12", "3.4e-31", "1.2e+412"; "0" for -inf.
    """
    if log == -math.inf:
        return "0"
    if not math.isfinite(log):
        return str(log)
    exponent = math.floor(log / math.log(10))
    digits = f"{math.exp(log - exponent * math.log(10)):.1f}"
    if digits == "10.0":
        exponent, digits = exponent + 1, "1.0"
    if -3 < exponent < 4:
        return f"{math.exp(log):.{max(0, 1 - exponent)}f}"
    return f"{digits}e{exponent:+03d}"


def sentences(rows: Sequence[Row]) -> list[str]:
    """Say what became of the gradient in each cell at the longest length.

    Parameters
    ----------
    rows : sequence of Row

    Returns
    -------
    list of str
    """
    T = max(row.T for row in rows)
    longest = [row for row in rows if row.T == T]
    told = []
    for name in dict.fromkeys(row.name for row in longest):
        verdicts: dict[str, list[str]] = {}
        for row in longest:
            if row.name == name:
                verdicts.setdefault(row.verdict, []).append(f"{row.radius:g}")
        parts = [f"{verdict} at radius {', '.join(radii)}" for verdict, radii in verdicts.items()]
        told.append(f"{name}, over {T} steps: {'; '.join(parts)}.")
    return told + _attention(longest)


def _attention(rows):
    """Compare each reader through attention with its cell alone, where that one vanishes most."""
    alone = {(row.name, row.radius): row for row in rows}
    told = []
    for name in dict.fromkeys(row.name for row in rows if ATTENTION in row.name):
        pairs = [(row, alone.get((split_name(name)[0], row.radius))) for row in rows if row.name == name]
        pairs = [(row, other) for row, other in pairs if other is not None and other.verdict == "vanishes"]
        if pairs:
            row, other = max(pairs, key=lambda pair: pair[0].relative - pair[1].relative)
            told.append(
                f"Attention's short cut: at radius {row.radius:g} the first of {row.T} states gets "
                f"{power(row.relative)} of the last one's gradient, without attention {power(other.relative)}."
            )
    return told


def clipping_sentence(step: Stepped, clip: float) -> str:
    """Say what clipping did to one step, and what it did not do.

    Parameters
    ----------
    step : Stepped
        A clipped one.
    clip : float

    Returns
    -------
    str
    """
    path = power(float(step.state_norms[0] - step.state_norms[-1]))
    if step.norm <= clip:
        return f"The gradient's norm {step.norm:.3g} is below {clip:g}: nothing was clipped."
    return (
        f"Clipping to {clip:g} made the step {step.norm / step.used:,.0f} times shorter and kept its direction. "
        f"On its way from the last state to the first the gradient changed by a factor of {path} all the same: "
        f"clipping shortens the step, it does not mend the path, and it never lengthens a gradient that vanished."
    )


def training_sentence(free: Trained, clipped: Trained) -> str:
    """Compare the end of two training runs.

    Parameters
    ----------
    free, clipped : Trained

    Returns
    -------
    str
    """
    last = [_end(run) for run in (free, clipped)]
    return f"Mean loss over the last 50 training steps: {last[0]} without clipping, {last[1]} with it."


def _end(run):
    mean = float(run.losses[-50:].mean())
    return f"{mean:.2f}" if math.isfinite(mean) else "lost (not finite)"
