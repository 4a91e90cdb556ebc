"""A whole trace as text, for a pipe or a printer."""

import numpy as np

from .rows import cell


def whole(story):
    """Write every event of a run.

    Parameters
    ----------
    story : Story

    Yields
    ------
    str
        Line by line; nothing is cut.
    """
    trace = story.trace
    sizes = ", ".join(f"{name}={size}" for name, size in trace.sizes.items())
    yield f"{trace.title}; {sizes}; seed {trace.seed}"
    if trace.planted:
        yield f"planted: {trace.planted['title']} ({trace.planted['id']})"
    yield ""
    yield "inputs"
    for one in trace.inputs:
        yield from _block(f"{one['name']} ({one['role']})", story.array(one["array"]))
    for n in range(len(story.events)):
        yield ""
        yield from event_lines(story, n)
    parted = story.parting()
    yield ""
    yield _ending(story, parted)


def event_lines(story, n):
    """Write one event.

    Parameters
    ----------
    story : Story
    n : int

    Yields
    ------
    str
    """
    event, equation = story.events[n], story.equation(n)
    when = "" if event.t is None else f" t={event.t}"
    gradient = f", gradient of {event.of}" if event.of else ""
    yield f"[{n + 1}/{len(story.events)}] {event.phase}{when} {event.op}: {event.node}{gradient}"
    if equation:
        undoes = "".join(f"({number})" for number in equation["undoes"])
        yield f"  equation ({equation['number']})  {equation['text']}" + (f"   undoes {undoes}" if undoes else "")
    yield f"  {story.place(n)} {event.function}:  {event.text}"
    for one in event.inputs:
        made = "from outside" if one["event"] is None else f"made by [{one['event'] + 1}]"
        yield from _block(f"in {one['name']} ({made})", story.array(one["array"]), "  ")
    value = story.value(n)
    if value is not None:
        yield from _block(f"{event.node} {'so far' if event.kind == 'add' else '='}", value, "  ")
    for source, addend in story.addends(n):
        yield from _block(f"addend, {source}", addend, "    ")
    if event.check is not None:
        yield f"  {check_line(event.check)}"


def check_line(check):
    """Say what a check found.

    Parameters
    ----------
    check : Check

    Returns
    -------
    str
    """
    verdict = "checked" if check.passed else "WRONG"
    return f"{verdict} ({check.meaning}): {check.method}; error {check.error:.1e}, bound {check.bound:.0e}"


def _block(label, array, indent=""):
    array = np.asarray(array)
    shape = f"({','.join(map(str, array.shape))})"
    rows = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
    if len(rows) == 1:
        yield f"{indent}{label} {shape}  " + " ".join(cell(one) for one in rows[0])
        return
    yield f"{indent}{label} {shape}"
    for one in rows:
        yield f"{indent}  " + " ".join(f"{cell(number):>9}" for number in one)


def _ending(story, parted):
    checked = [event for event in story.events if event.check is not None]
    failed = [event for event in checked if not event.check.passed]
    told = f"{len(story.events)} events, {len(checked)} checked, {len(failed)} wrong"
    told += "" if checked else f"; {story.verdict()}"
    if not parted:
        return told
    event = story.events[parted[0]]
    return f"{told}; the first that differs is [{parted[0] + 1}] {event.node}, {story.place(parted[0])}"
