"""Sentences about kinks that the differences met."""

from . import bounds
from .evidence import Evidence, sides


def about_kinks(evidence: Evidence) -> list[str]:
    """Say which entries have a kink within the step, and which sit on one.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    list of str
        At most one sentence of either kind.
    """
    numeric = evidence.numeric
    met = [k for k in numeric.kinks if k not in numeric.seated]
    seated = sorted(numeric.seated)
    sentences = []
    if met:
        nearest = min(met, key=lambda k: abs(numeric.kinks[k].at))
        sentences.append(
            f"kink at {_named(evidence, nearest)} within the step: {abs(numeric.kinks[nearest].at):.1e} away, slopes "
            f"{_slopes(evidence, nearest)}{_others(met)}; judged by steps that do not cross it"
        )
    if seated:
        judged = "not judged" if evidence.exact is None else "judged by the complex step"
        judged += " and the slopes on both sides" if evidence.on_kink else ""
        sentences.append(
            f"{_named(evidence, seated[0])} sits on a kink, slopes {_slopes(evidence, seated[0])}{_others(seated)}; "
            f"{judged}"
        )
    return sentences


def _named(evidence, k):
    if k < evidence.directions:
        return f"a random direction of {evidence.name}"
    return bounds.entry(evidence.name, evidence.lines[k])


def _slopes(evidence, k):
    below, above = (_rounded(slope, evidence) for slope in sides(evidence.numeric, k))
    return f"{below:.4g} and {above:.4g} on its sides"


def _rounded(slope, evidence):
    """Call zero what is zero but for the noise of the differences."""
    return 0.0 if abs(slope) <= 1e-9 * evidence.largest else slope


def _others(lines):
    return f", and {len(lines) - 1} more such" if len(lines) > 1 else ""
