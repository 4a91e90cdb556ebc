"""The parts of a screen, each a few lines of (style, text)."""

from rich.cells import cell_len, set_cell_size

from .keys import chosen
from .rows import NAME, cell, index_of, room, row
from .written import number

TERMS = (32, 16, 8, 6, 4, 3, 2, 1)  # of a long sum: as many as the width allows
MEANINGS = {
    "total": "the whole gradient",
    "carried": "carried: without that step's own loss",
    "sum so far": "the sum over the steps so far",
    "value": "the value",
}


def title(at, story, width):
    """Say what was run, and what was planted in it."""
    trace = story.trace
    sizes = " ".join(f"{name}={size}" for name, size in trace.sizes.items())
    count = f"{at.n + 1} of {len(story.events)}"
    told = f"{trace.title.split(':')[0]}  {sizes}  seed {trace.seed}"
    told = set_cell_size(told, max(0, width - len(count) - 2)).rstrip()
    gap = " " * max(2, width - cell_len(told) - len(count))
    lines = [[("title", told), ("dim", gap + count)]]
    if trace.planted:
        lines.append([("bad", "PLANTED: "), ("", f"{trace.planted['title']} ({trace.planted['id']})")])
    return lines


def timeline(at, story, width, glyphs):
    """Draw the run: forward to the right, round at the end, and back."""
    here, lines = story.group_of(at.n), []
    rows = {
        phase: [k for k, members in enumerate(story.groups) if story.events[members[0]].phase == phase]
        for phase in ("forward", "backward")
    }
    for phase, joint, end in (("forward", " > ", glyphs.top), ("backward", " < ", glyphs.bottom)):
        stations = rows[phase] if phase == "forward" else rows[phase][::-1]
        if stations:
            lines.append(
                [("dim", f"{phase:<9}"), *_track(stations, here, story, width - 12, joint, glyphs.dots, end)]
            )
    return lines


def _track(stations, here, story, width, joint, dots, end):
    labels = [f"[{story.label(k)}]" if k == here else f" {story.label(k)} " for k in stations]
    step = [*map(len, labels)]
    middle = stations.index(here) if here in stations else None
    first, last = 0, len(labels)
    if sum(step) + 3 * (last - 1) > width:
        centre = middle if middle is not None else len(labels) - 1
        first = last = centre
        while last - first < len(labels):
            grown = sum(step[max(0, first - 1) : last + 1]) + 3 * (last - first + 1)
            if grown > width - 2 * len(dots) and last > first:
                break
            first, last = max(0, first - 1), min(len(labels), last + 1)
    spans = [("dim", dots)] if first else []
    for k in range(first, last):
        spans += [("dim", joint)] if k > first else []
        spans.append(("here" if stations[k] == here else "", labels[k]))
    return [*spans, ("dim", end if last == len(labels) else f"{dots}{end}")]


def heading(at, story, glyphs):
    """Say which number this is and whether it is proved."""
    event = story.events[at.n]
    when = f" t={event.t}" if event.t is not None else ""
    op = f" {event.op}" if story.several else ""
    what = f"the gradient of {event.of}" if event.of else _meaning(event, story)
    spans = [("title", f"{event.phase.upper()}{op}{when}  {event.node}"), ("", f"  {what}" if what else "")]
    if event.check is not None and not at.hidden:
        good = event.check.passed
        spans.append(("good" if good else "bad", f"   {glyphs.good if good else glyphs.bad}"))
    return spans


def _meaning(event, story):
    for entry in story.trace.legend:
        names = [name.strip() for name in entry["symbol"].split(",")]
        if event.node in names:
            parts = entry["meaning"].split(", ")
            return parts[names.index(event.node)] if len(parts) == len(names) else entry["meaning"]
    return f"gate {event.gate}" if event.gate else ""


def equation(at, story, width, glyphs):
    """Write the equation: in symbols, or with the chosen entry's numbers put in."""
    sheet = story.equation(at.n)
    label = f"equation ({sheet['number']})" if sheet else "line"
    undoes = "".join(f"({one})" for one in sheet["undoes"]) if sheet else ""
    symbols = sheet["text"] if sheet else story.events[at.n].text
    lines = [[("dim", f"{label:<14} "), ("equation", symbols), ("dim", f"   undoes {undoes}" if undoes else "")]]
    if at.numbers:
        lines += [[("dim", " " * 15), ("number", one)] for one in _numbers(at, story, width - 15, glyphs)]
    return lines


def _numbers(at, story, width, glyphs):
    read, here = story.in_numbers(at.n), chosen(at, story)
    if read is None or here is None:
        return ["(a line on whole arrays: its numbers stand below)"]
    part, other = read.part, read.other
    index, value = here
    event = story.events[at.n]
    position = dict(zip(read.axes, index, strict=True))
    name = f"{event.node}[{','.join(map(str, index))}]" if index else event.node
    sign = "+=" if event.kind == "add" else "="
    for most in TERMS:
        right = part.write(position, most).replace("…", glyphs.dots)
        if len(name) + len(right) + 4 <= width * 2:
            break
    result = "?" if at.hidden else number(float(part.value[tuple(position[letter] for letter in part.axes)]))
    if event.kind == "add" and not at.hidden:
        result += f"   sum so far {number(value)}"
    lines = [*_wrapped(f"{name} {sign} {right}", width), f"{' ' * len(name)} {sign} {result}"]
    if other is not None and not at.hidden:
        lines.append(f"but the equation says {number(float(other[index]))}")
    return lines


def _wrapped(text, width):
    lines = []
    while len(text) > width > 20:
        cut = text.rfind(" ", 0, width)
        cut = cut if cut > 20 else width
        lines.append(text[:cut])
        text = "    " + text[cut:].lstrip()
    return [*lines, text]


def source(at, story):
    """Show the line of source that ran."""
    event = story.events[at.n]
    lines = [[("dim", f"{story.place(at.n)}  {event.function}: "), ("code", event.text)]]
    planted = story.trace.planted
    if planted and (event.function, event.line) == (planted["function"], planted["line"]):
        lines.append([("dim", "the right line: "), ("good", " ".join(planted["right"].split()))])
    return lines


def inputs(at, story, width, glyphs):
    """List what went in, each with the event that made it."""
    event, lines = story.events[at.n], []
    for one in event.inputs:
        array = story.array(one["array"])
        made = _origin(story, one, event)
        axes = story.axes_of(one["name"], array, at.n)
        index, name = _used(one["name"], array, axes, event, at)
        if isinstance(index, int):  # a column of a matrix
            column = array[:, index]
            text = _column(f"{name}", column, array.shape, width - len(made) - 4, glyphs)
        else:
            text = row(name, array, index, width - len(made) - 4, glyphs.dots)
        pad = " " * max(2, width - cell_len(text) - len(made) - 2)
        lines.append([("", "  "), ("", text), ("dim", pad + made)])
    return lines


def _origin(story, one, event):
    if one["event"] is None:
        given = {
            name: entry["array"] for entry in story.trace.inputs for name in (entry["name"], f"{entry['name']}_t")
        }
        return "given" if one["name"].split("[")[0] in given or one["array"] in given.values() else ""
    made = story.events[one["event"]]
    near = made.t == event.t and made.phase == event.phase
    return (
        f"from ({made.equation})"
        if near and made.equation
        else f"from {made.node}" + (f" t={made.t}" if made.t is not None else "")
    )


def _used(name, array, axes, event, at):
    """Choose the row, or of a matrix on the right of a product the column, that goes into the chosen entry."""
    product = f"@ {name}" in event.text and f"@ {name}.T" not in event.text and f"@ {name}[" not in event.text
    if array.ndim == 2 and product and axes[0] != "B":
        column = at.unit % array.shape[1]
        return column, f"{name}[:,{column}]"
    index = index_of(axes, array.shape, at, event.t)
    if array.ndim == 2 and f"@ {name}.T" in event.text and axes[0] != "B":
        index = (at.unit % array.shape[0], 0)
    return index, name


def _column(name, column, shape, width, glyphs):
    head = f"{f'{name} ({shape[0]},{shape[1]})':<{NAME}} "
    fits = room(len(column), width - len(head))
    cells = "".join(f" {cell(one):>8} " for one in column[:fits])
    return head + cells + (f" {glyphs.dots}" if fits < len(column) else "")


def value(at, story, width, glyphs):
    """Show what came out, and beside it the right number where a bug was planted."""
    event, array = story.events[at.n], story.value(at.n)
    if array is None:
        return [[("dim", "  (no value was kept here)")]]
    index = index_of(story.axes_of(event.node, array, at.n), array.shape, at, event.t)
    name = f"{event.node}" if event.kind == "set" else f"sum {event.node}"
    lines = [[("key", "= "), ("value", row(name, array, index, width - 4, glyphs.dots, at.hidden))]]
    right = story.right_value(at.n)
    if right is not None and not at.hidden:
        if at.n not in story.parting():
            lines.append([("good", "  the right run has the same")])
        elif right.shape == array.shape:
            lines.append([("bad", "  "), ("good", row("right", right, index, width - 4, glyphs.dots))])
        else:
            lines.append([("bad", f"  the right one has the shape ({','.join(map(str, right.shape))})")])
    return lines


def addends(at, story, width, glyphs):
    """List where the chosen entry of a sum comes from."""
    found, array = story.addends(at.n), story.value(at.n)
    if not found or array is None:
        return []
    if at.hidden:
        return [[("dim", "  where it comes from: shown after your number")]]
    event = story.events[at.n]
    index = index_of(story.axes_of(event.node, array, at.n), array.shape, at, event.t)
    entries = [(label, float(addend[index])) for label, addend in found if addend.shape == array.shape]
    largest = max((abs(entry) for _, entry in entries), default=0) or 1
    name = f"{event.node}[{','.join(map(str, index))}]"
    lines = [[("dim", f"  {name} is the sum of")]]
    wide = max(len(label) for label, _ in entries) if entries else 0
    for label, entry in entries[::-1] if event.kind == "add" else entries:
        bar = glyphs.bar * round(abs(entry) / largest * max(4, min(30, width - wide - 20)))
        lines.append([("", f"    {label:<{wide}} {cell(entry):>9}  "), ("bar" if entry >= 0 else "minus", bar)])
    return lines


def proof(at, story, width, glyphs):
    """Show the independent check of this number."""
    event = story.events[at.n]
    check, array = event.check, story.value(at.n)
    if check is None:
        return [[("dim", "  no independent value is known for this node; backward nodes have one")]]
    good = check.passed
    lines = [[("good" if good else "bad", f"  {glyphs.good if good else glyphs.bad}"),
              ("", f"  {MEANINGS.get(check.meaning, check.meaning)}")],
             [("", f"  how: {check.method}")]]  # fmt: skip
    if check.true is not None and array is not None:
        true = story.array(check.true)
        if true.shape == array.shape:
            index = index_of(story.axes_of(event.node, array, at.n), array.shape, at, event.t)
            lines.append([("", "  "), ("value", row("true", true, index, width - 4, glyphs.dots))])
    lines.append([("", f"  largest difference {check.error:.1e} of the largest entry; allowed {check.bound:.0e}")])
    return lines
