"""The catalogue of known-wrong gradients, and wrong modules made of it.

Each room lists its mistakes in ``bugs.py``; ``bugs()`` collects them. ``plant(bug)`` gives a module like the room's
reference with the bug's edits made in its source: another backend, only a wrong one.
"""

import ast
import functools
import importlib
import importlib.util
import inspect
import itertools
import linecache
import re
from types import ModuleType
from typing import NamedTuple

from scratchnn import ops
from scratchnn.errors import InputError
from scratchnn.misconceptions import Bug

_NUMBER = re.compile(r" *# \(\d+\)(?=\n|$)")  # an equation's number at the end of a line


def bugs(op: str | None = None) -> tuple[Bug, ...]:
    """Collect the known mistakes.

    Parameters
    ----------
    op : str, optional
        One room, e.g. "lstm"; all rooms in alphabetical order by default.

    Returns
    -------
    tuple of Bug
        Empty for a room without ``bugs.py``.

    Raises
    ------
    InputError
        No room is called that.
    """
    if op is not None and op not in ops.ROOMS:
        raise InputError(f"catalogue: op is {op!r}, expected one of {', '.join(ops.ROOMS)}")
    return tuple(bug for room in ((op,) if op else ops.ROOMS) for bug in _listed(room))


def bug(name: str) -> Bug:
    """Find one mistake.

    Parameters
    ----------
    name : str
        Its id, e.g. "lstm-dc-next-dropped".

    Returns
    -------
    Bug

    Raises
    ------
    InputError
        The catalogue has no such id.
    """
    for known in bugs():
        if known.id == name:
            return known
    raise InputError(f"catalogue: no bug is called {name!r}, expected an id from `check --catalogue`")


def room_of(bug: Bug) -> str:
    """Say which op a bug belongs to: its id begins with the room's name, written with hyphens.

    Parameters
    ----------
    bug : Bug

    Returns
    -------
    str
        E.g. "cross_entropy" for "cross-entropy-softmax-twice".

    Raises
    ------
    ValueError
        The id begins with no room's name.
    """
    fitting = [room for room in ops.ROOMS if bug.id.replace("_", "-").startswith(room.replace("_", "-") + "-")]
    if not fitting:
        raise ValueError(
            f"catalogue.room_of: the id {bug.id!r} begins with no op, expected one of {', '.join(ops.ROOMS)}"
        )
    return max(fitting, key=len)


def plant(*planted: Bug) -> ModuleType:
    """Make a wrong module: the room's reference with every edit made in its source.

    Parameters
    ----------
    planted : Bug
        One bug, or several of one room.

    Returns
    -------
    module
        A new one at each call. Its source is what tracebacks and ``inspect.getsource`` show, under a file name that
        names the bugs; lines that are not changed keep their numbers unless an edit adds lines above them.

    Raises
    ------
    ValueError
        No bug is given, they are of several rooms, the old lines of an edit do not stand exactly once in the code of
        its function, or two edits touch the same place.
    """
    rooms = {room_of(bug) for bug in planted}
    if len(rooms) != 1:
        raise ValueError(f"catalogue.plant: the bugs are of the rooms {sorted(rooms)}, expected one room")
    room = rooms.pop()
    text = source(*planted)
    name = f"<scratchnn/ops/{room}/reference.py with {', '.join(bug.id for bug in planted)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    module = ModuleType(f"scratchnn.ops.{room}.reference_with_bug", f"{name}: a wrong gradient, planted on purpose.")
    module.__file__, module.__package__ = name, f"scratchnn.ops.{room}"
    exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)
    return module


def source(*planted: Bug) -> str:
    """Give the source that ``plant`` compiles.

    Parameters
    ----------
    planted : Bug

    Returns
    -------
    str

    Raises
    ------
    ValueError
        As for ``plant``.
    """
    lines, codes = _reference(room_of(planted[0]))
    lines = list(lines)
    made = sorted((_find(bug, edit, codes) for bug in planted for edit in bug.edits), key=lambda found: found.start)
    for one, other in itertools.pairwise(made):
        if other.start < one.end:
            raise ValueError(f"catalogue.plant: {one.owner} and {other.owner} change the same place")
    for found in reversed(made):
        _replace(lines, found)
    return "".join(lines)


def source_of(room: str) -> str:
    """Give the right source: the text of a room's reference.

    Parameters
    ----------
    room : str

    Returns
    -------
    str
    """
    return "".join(_reference(room)[0])


class _Place(NamedTuple):
    """Where the old text of an edit stands: (line, column) pairs, lines counted from 0."""

    start: tuple[int, int]
    end: tuple[int, int]
    new: str
    owner: str


def _listed(room):
    if importlib.util.find_spec(f"scratchnn.ops.{room}.bugs") is None:
        return ()
    return importlib.import_module(f"scratchnn.ops.{room}.bugs").BUGS


@functools.cache
def _reference(room):
    """Give the lines of a reference and, per function, (first line of its code, the code without numbers)."""
    module = ops.backend(getattr(ops, room), "reference")
    text = inspect.getsource(module)
    lines = text.splitlines(keepends=True)
    codes = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            first = node.body[1] if ast.get_docstring(node) is not None else node.body[0]
            codes[node.name] = (first.lineno - 1, _NUMBER.sub("", "".join(lines[first.lineno - 1 : node.end_lineno])))
    return tuple(lines), codes


def _find(bug, edit, codes):
    if edit.function not in codes:
        listed = ", ".join(codes)
        raise ValueError(f"{bug.id}: the reference has no function {edit.function!r}, expected one of {listed}")
    first, code = codes[edit.function]
    found = list(_pattern(edit.old).finditer(code))
    if len(found) != 1:
        raise ValueError(
            f"{bug.id}: {edit.old!r} stands {len(found)} times in {edit.function}, expected exactly once"
        )
    start, end = found[0].span("old")
    line = code.rfind("\n", 0, start) + 1
    new = edit.new.replace("\n", "\n" + re.match(" *", code[line:])[0])
    return _Place(_position(code, start, first), _position(code, end, first), new, bug.id)


def _pattern(old):
    """Match the text as whole words; its later lines are indented relative to the line in which it begins."""
    head, *more = old.split("\n")
    before = r"(?<![\w.])" if re.match(r"\w", old) else ""
    after = r"(?!\w)" if re.search(r"\w$", old) else ""
    text = f"(?P<old>{before}{re.escape(head)}"
    if more:
        text = r"^(?P<indent> *)[^\n]*?" + text
    for line in more:
        text += r"\n(?P=indent)" + re.escape(line)
    return re.compile(f"{text}{after})", re.MULTILINE)


def _position(code, offset, first):
    return first + code.count("\n", 0, offset), offset - (code.rfind("\n", 0, offset) + 1)


def _replace(lines, found):
    """Put the new text into the lines; a shorter text leaves empty lines, so that the rest keeps its numbers."""
    (top, left), (bottom, right) = found.start, found.end
    gone = bottom - top - found.new.count("\n")
    lines[top : bottom + 1] = (lines[top][:left] + found.new + lines[bottom][right:] + "\n" * gone).splitlines(True)
