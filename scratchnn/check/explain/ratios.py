"""Is a wrong gradient a multiple of the right one, and of which sizes is the factor made?"""

from fractions import Fraction

import numpy as np

NOUNS = {"T": "time", "B": "the batch"}
EVIDENCE = 3  # entries that must agree before a factor without a name is believed


def factor(given: np.ndarray, truth: np.ndarray, tolerance: float) -> float | None:
    """Give the factor that makes the one of the other.

    Parameters
    ----------
    given, truth : array
        Of one shape.
    tolerance : float
        Absolute.

    Returns
    -------
    float or None
    """
    power = float(np.sum(truth * truth))
    if power == 0.0:
        return None
    ratio = float(np.sum(given * truth)) / power
    return ratio if np.max(np.abs(given - ratio * truth)) <= tolerance else None


def named(ratio: float, sizes: dict[str, int], slack: float, first: str = "BT") -> tuple[str, str] | None:
    """Say a factor with a name, and what may have made it.

    Parameters
    ----------
    ratio : float
    sizes : dict of str to int
        Sizes by letter, e.g. ``{"T": 3, "B": 2}``.
    slack : float
        By which the factor may be off, relative to it.
    first : str
        Sizes that are named before the others.

    Returns
    -------
    (str, str) or None
        "1/4 of the right one" and "a mean over the batch (B=4) instead of a sum?"; None if no size makes it.
    """
    if abs(ratio) <= slack:
        return None
    negative, size = ratio < 0, abs(ratio)
    if abs(size - 1) <= slack:
        return ("the right one with the wrong sign", "a minus sign too many or too few?") if negative else None
    found = [(letters, cause) for letters, value, cause in _candidates(sizes) if abs(size / value - 1) <= slack]
    if not found:
        return None
    causes = [cause for _, cause in sorted(found, key=lambda each: not set(each[0]) & set(first))]
    sign = "minus " if negative else ""
    return f"{sign}{_said(size, slack)}", ", or ".join(causes[:2]) + ("?" if not negative else ", and a wrong sign?")


def times(ratio: float) -> str:
    """Say a factor without a name.

    Parameters
    ----------
    ratio : float

    Returns
    -------
    str
    """
    return f"{ratio:.6g} times the right one"


def _candidates(sizes):
    """Yield the sizes in a factor, the factor, and what may have made it."""
    real = {letter: size for letter, size in sizes.items() if size > 1}
    sums = [(letter, real[letter], f"{NOUNS[letter]} ({letter}={real[letter]})") for letter in "BT" if letter in real]
    if len(sums) == 2:
        sums.append(("TB", real["T"] * real["B"], f"time and batch (T*B={real['T'] * real['B']})"))
    for letters, size, what in sums:
        yield letters, 1 / size, f"a mean over {what} instead of a sum"
        yield letters, size, f"a sum over {what} instead of a mean"
    if "E" in real:
        yield "E", np.sqrt(real["E"]), f"1/sqrt(E) missing (E={real['E']})"
        yield "E", 1 / np.sqrt(real["E"]), f"1/sqrt(E) once too often (E={real['E']})"
    yield "2", 2.0, "accumulated twice"
    yield "2", 0.5, "halved once too often, or a 2 missing"
    for letter in (name for name in real if name not in "BT"):
        yield letter, real[letter], f"a division by {letter}={real[letter]} missing"
        yield letter, 1 / real[letter], f"a division by {letter}={real[letter]} too many"


def _said(size, slack):
    plain = Fraction(size).limit_denominator(64)
    if plain and abs(size / float(plain) - 1) <= slack:
        if plain.denominator == 1:
            return "twice the right one" if plain == 2 else f"{plain} times the right one"
        return f"{plain} of the right one"
    return times(size)
