"""Which arrays of a student's hold which of our blocks: all arrangements that the names allow."""

import itertools
import re
from collections.abc import Iterator

from .names import GATE_WORDS, plain
from .pieces import GATES, Piece

BIAS = re.compile(r"(b|bias|c)", re.IGNORECASE)


def arrangements(op: str, names: tuple[str, ...], fields: tuple[str, ...]) -> Iterator[tuple[Piece, ...]]:
    """List what the arrays may be, the likely first.

    Parameters
    ----------
    op : str
    names : tuple of str
        Of the student's arrays.
    fields : tuple of str
        Of our parameters.

    Yields
    ------
    tuple of Piece
    """
    if op not in GATES:
        yield from _plain(names, fields)
        return
    biases = tuple(name for name in names if BIAS.match(_last(name)) and not _last(name).lower().startswith("cell"))
    matrices = tuple(name for name in names if name not in biases)
    gates = GATES[op]
    for order in itertools.permutations(gates):
        fused = list(_fused(op, matrices, biases, "".join(order)))
        if not fused:
            break
        yield from fused
    if gates:
        yield from _separate(op, matrices, biases)


def _last(name):
    return name.rpartition(".")[2].lstrip("_")


def _plain(names, fields):
    """Ops without gates: by name, then in every order."""
    if len(names) > len(fields):
        return
    for chosen in itertools.permutations(fields, len(names)):
        yield tuple(Piece(name, (field,)) for name, field in zip(names, chosen, strict=True))


def _fused(op, matrices, biases, order):
    """One array for all gates."""
    if len(matrices) == 1:
        kinds = [[("x", "h")], [("h", "x")]]
    elif len(matrices) == 2:
        kinds = [[("x",), ("h",)], [("h",), ("x",)]]
        kinds = kinds[::-1] if _of_state(matrices[0]) and not _of_state(matrices[1]) else kinds
    else:
        return
    for one in kinds:
        made = tuple(Piece(name, kind, order) for name, kind in zip(matrices, one, strict=True))
        for more in _fused_biases(op, biases, order):
            yield made + more


def _fused_biases(op, biases, order):
    if not biases:
        yield ()
    elif len(biases) == 1:
        yield (Piece(biases[0], ("b",), order),)
    elif len(biases) == 2:
        first, second = biases
        if op == "gru":
            yield Piece(first, ("b",), order), Piece(second, ("c",), "n")
        yield Piece(first, ("b1",), order), Piece(second, ("b2",), order)
        if op == "gru":
            yield Piece(second, ("b",), order), Piece(first, ("c",), "n")
            yield Piece(second, ("b1",), order), Piece(first, ("b2",), order)


def _of_state(name):
    return bool(re.search(r"h$|hh|^u|rec|state|_h|hid", _last(name).lower())) and "ih" not in plain(name)


def _separate(op, matrices, biases):
    """One array for each gate."""
    count = len(GATES[op])
    for families in _families(op, matrices, count):
        for more in _families(op, biases, count, spare=op == "gru"):
            extra = [name for name in biases if name not in {n for family in more.values() for n in family.values()}]
            if len(more) > 2 or (extra and len(extra) > (1 if op == "gru" else 0)):
                continue
            for gate_of in _meanings(op, [*families.values(), *more.values()]):
                yield from _with(op, families, more, extra, gate_of)


def _with(op, families, more, extra, gate_of):
    names = list(families)
    if len(names) == 1:
        choices = [{names[0]: kinds} for kinds in (("h", "x"), ("x", "h"))]
    elif len(names) == 2:
        one, other = sorted(names, key=_of_state)
        choices = [{one: ("x",), other: ("h",)}, {one: ("h",), other: ("x",)}]
    else:
        return
    for kinds in choices:
        pieces = [
            Piece(name, kinds[family], gate_of[token])
            for family, members in families.items()
            for token, name in members.items()
        ]
        labels = ["b"] if len(more) == 1 else ["b1", "b2"]
        for label, members in zip(labels, more.values(), strict=False):
            pieces += [Piece(name, (label,), gate_of[token]) for token, name in members.items()]
        yield tuple(pieces + [Piece(name, ("c",), "n") for name in extra])


def _families(op, names, count, spare=False):
    """Group names that differ in the word for the gate: {"wx": {"i": "W_xi", ...}, "wh": ...}."""
    if not names:
        yield {}
        return
    words = sorted({word for group in GATE_WORDS[op].values() for word in group if word}, key=len)
    seen = []
    for at_end, long in ((True, True), (True, False), (False, True)):
        families = {}
        for name in names:
            text = plain(_last(name))
            fitting = [w for w in words if (text.endswith(w) if at_end else text[1:].startswith(w)) and w != text]
            if fitting:
                word = fitting[-1] if long else fitting[0]
                rest = text[: -len(word)] if at_end else text[0] + text[1 + len(word) :]
                families.setdefault(rest, {})[word] = name
        if spare:
            yield from _less_one(families, count)
        whole = {rest: members for rest, members in families.items() if len(members) == count}
        held = sum(len(members) for members in whole.values())
        if whole and held >= len(names) - spare and whole not in seen:
            seen.append(whole)
            yield whole


def _less_one(families, count):
    """Leave one array out of a family that has one too many: it is the bias inside the reset product."""
    for rest, members in families.items():
        for odd in members if len(members) == count + 1 else ():
            yield {rest: {word: name for word, name in members.items() if word != odd}}


def _meanings(op, families):
    """Say which word is which gate, in every way that the words allow; in every way at all if they allow none."""
    tokens = list(dict.fromkeys(token for members in families for token in members))
    gates = GATES[op]
    if any(set(members) != set(families[0]) for members in families):
        order = {gate: k for k, gate in enumerate(gates)}  # families with other words: each by its own
        found = {t: next((g for g in order if t in GATE_WORDS[op][g]), "") for t in tokens}
        if all(found.values()):
            yield found
        return
    every = [dict(zip(tokens, order, strict=True)) for order in itertools.permutations(gates)]
    known = [one for one in every if all(token in GATE_WORDS[op][gate] for token, gate in one.items())]
    yield from known
    yield from (one for one in every if one not in known)
