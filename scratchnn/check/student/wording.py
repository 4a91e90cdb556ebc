"""How the parts of an examination are worded."""

from scratchnn import ops

LAST = 5  # the hint that holds back nothing


def formulas(op: str, right: str) -> list[str]:
    """Find the equations that a piece of the reference transcribes: those that assign the same names.

    Parameters
    ----------
    op : str
    right : str
        Source of the reference.

    Returns
    -------
    list of str
    """
    names = {line.partition("=")[0].strip(" +") for line in right.splitlines()}
    module = getattr(ops, op)
    return [
        f"({e.number}) {e.text}" for e in (*module.equations.FORWARD, *module.equations.BACKWARD) if e.node in names
    ]


def match_told(match, hint):
    """Leave the right lines out of a match, unless the last hint is asked for.

    Parameters
    ----------
    match : dict
    hint : int

    Returns
    -------
    dict
    """
    left_out = () if hint >= LAST else ("right", "wrong")
    return match | {
        "mistakes": [{key: value for key, value in one.items() if key not in left_out} for one in match["mistakes"]]
    }


def short(number):
    """Write a number, or ? where there is none.

    Parameters
    ----------
    number : float or None

    Returns
    -------
    str
    """
    return "?" if number is None else f"{number:.6g}"
