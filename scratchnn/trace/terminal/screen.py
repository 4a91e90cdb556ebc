"""One screen: (position, story, width, height) -> lines. A line is a list of (style, text); no terminal is needed."""

from rich.cells import cell_len, set_cell_size

from . import parts
from .fields import matching
from .keys import score
from .words import HELP, Glyphs

LISTED = "  known mistakes: type to search, arrows choose, Enter plants, Esc closes"


def draw(at, story, width, height, glyphs=Glyphs(), bugs=()):  # noqa: B008 - a tuple of signs, never changed
    """Draw one screen.

    Parameters
    ----------
    at : Position
    story : Story
    width, height : int
    glyphs : Glyphs
    bugs : sequence of (str, str)
        What can be planted.

    Returns
    -------
    list of list of (str, str)
        At most ``height`` lines of at most ``width`` columns.
    """
    width, height = max(width, 1), max(height, 1)
    if at.mode == "help":
        lines = [[("", line)] for line in HELP.splitlines()]
    elif at.mode == "plant":
        lines = _list(at, story, height, bugs)
    else:
        foot = [[], _foot(at, story, bugs), [("dim", _keys(at, glyphs))]]
        lines = _body(at, story, width, height - len(foot), glyphs)
        lines += [[]] * (height - len(foot) - len(lines))
        lines = lines[: max(0, height - len(foot))] + foot[1 if height < 20 else 0 :]
    return [_cut(line, width, glyphs.dots) for line in lines[:height]]


def as_text(lines):
    """Give the lines without their styles.

    Parameters
    ----------
    lines : list of list of (str, str)

    Returns
    -------
    list of str
    """
    return ["".join(text for _, text in line).rstrip() for line in lines]


def _body(at, story, width, height, glyphs):
    """Order what there is; inputs and addends get the lines that are left."""
    head = [*parts.title(at, story, width), *parts.timeline(at, story, width, glyphs)]
    head += [[("dim", glyphs.rule * width)], parts.heading(at, story, glyphs)]
    head += parts.equation(at, story, width, glyphs)
    head += parts.source(at, story)
    value = parts.value(at, story, width, glyphs)
    inputs = parts.inputs(at, story, width, glyphs)
    below = parts.proof(at, story, width, glyphs) if at.proof else parts.addends(at, story, width, glyphs)
    left = height - len(head) - len(value)
    below_room = min(len(below), max(left // 2, left - len(inputs)))
    inputs = _fitting(inputs, left - below_room, glyphs)
    return head + inputs + value + _fitting(below, left - len(inputs), glyphs)


def _fitting(lines, room, glyphs):
    if len(lines) <= room:
        return lines
    if room <= 0:
        return []
    return [*lines[: room - 1], [("dim", f"  {glyphs.dots} {len(lines) - room + 1} more lines (a higher window)")]]


def _list(at, story, height, bugs):
    found = matching(at, story, bugs)
    room = max(1, height - 3)
    first = max(0, min(at.choice - room // 2, len(found) - room))
    lines = [[("key", f"search: {at.field}_"), ("dim", f"   {len(found)} fit")], [("dim", LISTED)]]
    if not bugs:
        lines = [[("", "nothing can be planted here (only into the ops lstm, gru, rnn and attention); Esc closes")]]
    for k, (name, title) in list(enumerate(found))[first : first + room]:
        mark = ">" if k == at.choice else " "
        lines.append([("here" if k == at.choice else "", f"{mark} {name:<31} {title}")])
    return lines


def _foot(at, story, bugs):
    if at.mode == "node":
        names = matching(at, story, bugs)
        return [("key", f"node: {at.field}_"), ("dim", f"   {' '.join(names) or 'no such node'}")]
    if at.mode == "search":
        return [("key", f"search: {at.field}_")]
    if at.hidden:
        asked = [("key", f"your number: {at.typed}_")]
        return [("key", at.message)] if at.message and not at.typed else asked
    return [("key", at.message)]


def _keys(at, glyphs):
    if at.mode == "node":
        return "Tab completes  arrows choose  Enter goes there  Esc closes"
    if at.mode == "search":
        return "Enter goes to the next match  Esc closes"
    if at.predict:
        return f"predict: {score(at)}  Enter answers  s numbers  m leaves  ? help  q quit"
    return f"{glyphs.arrows}  s numbers  u unit  v verify  n node  ? help  q quit"


def _cut(line, width, dots):
    """Cut a line to the width, control characters taken out."""
    made, used = [], 0
    line = [(style, "".join(c if c.isprintable() else " " for c in text)) for style, text in line]
    total = sum(cell_len(text) for _, text in line)
    room = width if total <= width else max(0, width - cell_len(dots))
    for style, text in line:
        text = text if used + cell_len(text) <= room else set_cell_size(text, room - used)
        made.append((style, text))
        used += cell_len(text)
    return made if total <= width else [*made, ("dim", dots[:width])]
