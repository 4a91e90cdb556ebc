"""What the doctor is tried on: one mistake, two at once, or none, in five styles."""

import difflib
import importlib
import itertools
import random
from dataclasses import dataclass

from scratchnn.check import catalogue

from . import styles

REFERENCE = "reference"
STYLES = (REFERENCE, *styles.STYLES)
OPS = tuple(dict.fromkeys(styles.OPS.values()))
PAIRS = 100  # in the reference's style; a fifth of that in each other one


@dataclass(frozen=True)
class Case:
    """One source to be examined.

    Parameters
    ----------
    style : str
    op : str
    bugs : tuple of str
        Ids of what is planted; empty for right code.
    source : str
    lines : tuple of int
        Lines of the source in which something was changed; where a line was taken away, those beside it.
    """

    style: str
    op: str
    bugs: tuple[str, ...]
    source: str
    lines: tuple[int, ...]

    @property
    def name(self) -> str:
        """Style and mistakes."""
        return f"{self.style}: {' and '.join(self.bugs) or self.op}"


def singles(chosen: tuple[str, ...] = STYLES, ops: tuple[str, ...] = OPS) -> list[Case]:
    """Plant every mistake alone.

    Parameters
    ----------
    chosen : tuple of str
        Styles.
    ops : tuple of str

    Returns
    -------
    list of Case
    """
    found = []
    if REFERENCE in chosen:
        for bug in (bug for op in ops for bug in catalogue.bugs(op) if bug.kind == "gradient"):
            right, wrong = catalogue.source_of(catalogue.room_of(bug)), catalogue.source(bug)
            found.append(_case(REFERENCE, catalogue.room_of(bug), (bug.id,), right, wrong))
    for style, name, one in _plantings(chosen, ops):
        right = styles.source(style, name)
        found.append(_case(style, styles.OPS[name], (one.bug,), right, one.planted(right)))
    return found


def pairs(
    chosen: tuple[str, ...] = STYLES, ops: tuple[str, ...] = OPS, count: int = PAIRS, seed: int = 0
) -> list[Case]:
    """Plant two mistakes at once, drawn by chance.

    Parameters
    ----------
    chosen : tuple of str
        Styles.
    ops : tuple of str
    count : int
        Of the reference's style; a fifth in each other one.
    seed : int

    Returns
    -------
    list of Case
    """
    rng = random.Random(seed)
    found = []
    for style in chosen:
        drawn = _pairs_of_reference(ops) if style == REFERENCE else _pairs_of(style, ops)
        rng.shuffle(drawn)
        wanted = count if style == REFERENCE else -(-count // 5)
        made = (case for case in map(_made, drawn) if case is not None)
        found += itertools.islice(made, wanted)
    return found


def right(chosen: tuple[str, ...] = STYLES, ops: tuple[str, ...] = OPS) -> list[Case]:
    """List the sources without a mistake.

    Parameters
    ----------
    chosen : tuple of str
        Styles.
    ops : tuple of str

    Returns
    -------
    list of Case
    """
    found = [Case(REFERENCE, op, (), catalogue.source_of(op), ()) for op in ops if REFERENCE in chosen]
    return found + [
        Case(style, op, (), styles.source(style, name), ())
        for style in styles.STYLES
        for name, op in styles.OPS.items()
        if style in chosen and op in ops
    ]


def _plantings(chosen, ops):
    for style in styles.STYLES:
        if style in chosen:
            module = importlib.import_module(f"{styles.__name__}.{style}.plantings")
            for name, op in styles.OPS.items():
                if op in ops:
                    yield from ((style, name, one) for one in getattr(module, name.upper()))


def _pairs_of_reference(ops):
    known = [bug for op in ops for bug in catalogue.bugs(op) if bug.kind == "gradient"]
    by_op = itertools.groupby(known, key=catalogue.room_of)
    return [(REFERENCE, "", pair) for _, group in by_op for pair in itertools.combinations(list(group), 2)]


def _pairs_of(style, ops):
    by_name = itertools.groupby(_plantings((style,), ops), key=lambda one: one[1])
    return [
        (style, name, (one[2], other[2]))
        for name, group in by_name
        for one, other in itertools.combinations(list(group), 2)
    ]


def _made(drawn):
    """Plant a pair, None where the two touch the same place."""
    style, name, pair = drawn
    try:
        if style == REFERENCE:
            op = catalogue.room_of(pair[0])
            return _case(style, op, tuple(bug.id for bug in pair), catalogue.source_of(op), catalogue.source(*pair))
        source = styles.source(style, name)
        wrong = pair[1].planted(pair[0].planted(source))
        if pair[0].planted(pair[1].planted(source)) != wrong:
            return None
    except ValueError:
        return None
    return _case(style, styles.OPS[name], tuple(one.bug for one in pair), source, wrong)


def _case(style, op, bugs, right, wrong):
    return Case(style, op, bugs, wrong, _changed(right.splitlines(), wrong.splitlines()))


def _changed(right, wrong):
    lines = set()
    for what, _, _, start, end in difflib.SequenceMatcher(None, right, wrong, autojunk=False).get_opcodes():
        if what == "delete":
            lines |= {start, start + 1}
        elif what != "equal":
            lines |= set(range(start + 1, end + 1))
    return tuple(sorted(lines))
