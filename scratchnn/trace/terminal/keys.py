"""What a key does: (position, key, story) -> position. Nothing else happens here."""

import itertools
from dataclasses import replace

from .rows import cell, index_of

SHARE, LEAST = 0.01, 0.0005  # how near a predicted number must be: 1 %, or this where that is less
NUMBER_KEYS = "0123456789.-+e"


def press(at, key, story, bugs=()):
    """Answer a key.

    Parameters
    ----------
    at : Position
    key : str
        A character, or "left", "right", "up", "down", "pageup", "pagedown", "home", "end", "enter", "backspace",
        "tab", "escape".
    story : Story
    bugs : sequence of (str, str)
        Id and title of what can be planted.

    Returns
    -------
    Position
    """
    at = replace(at, message="", wants=())
    if at.mode == "help":
        return replace(at, mode="walk")
    if at.mode in ("node", "search", "plant"):
        return _in_field(at, key, story, bugs)
    if at.hidden and len(key) == 1 and key in NUMBER_KEYS and (key != "e" or at.typed):
        return replace(at, typed=at.typed + key)
    if at.typed and key in ("enter", "backspace", "escape"):
        return _judge(at, story) if key == "enter" else replace(at, typed=at.typed[:-1] if key == "backspace" else "")
    if key not in KEYS:
        return replace(at, message=f"{key!r} does nothing here; ? shows the keys")
    return KEYS[key](at, story)


def matching(at, story, bugs):
    """List what the text typed so far can still become.

    Parameters
    ----------
    at : Position
    story : Story
    bugs : sequence of (str, str)

    Returns
    -------
    list
        Node names in mode "node"; (id, title) in mode "plant", the first of them planting nothing.
    """
    if at.mode == "node":
        names = dict.fromkeys(event.node for event in story.events)
        return sorted(name for name in names if name.lower().startswith(at.field.lower()))
    words = at.field.lower().split()
    found = [bug for bug in bugs if all(word in " ".join(bug).lower() for word in words)]
    return ([("none", "the right code")] if not words else []) + found


def chosen(at, story):
    """Give the chosen number of an event: what a reader predicts.

    Parameters
    ----------
    at : Position
    story : Story

    Returns
    -------
    (tuple of int, float) or None
    """
    value = story.value(at.n)
    if value is None or value.size == 0:
        return None
    event = story.events[at.n]
    index = index_of(story.axes_of(event.node, value, at.n), value.shape, at, event.t)
    return index, float(value[index])


def _go(at, n, message=""):
    return replace(at, n=n, typed="", proof=False, message=message)


def _by(step):
    def move(at, story):
        n = at.n + step
        if not 0 <= n < len(story.events):
            return replace(at, message="this is the last equation" if step > 0 else "this is the first equation")
        return _go(at, n)

    return move


def _in_time(step):
    """To the same node one station further, or to the station's first equation."""

    def move(at, story):
        here, group = story.events[at.n], story.group_of(at.n) + step
        if not 0 <= group < len(story.groups):
            return replace(at, message="there is no step after this" if step > 0 else "there is no step before this")
        members = story.groups[group]
        like = [n for n in members if (story.events[n].node, story.events[n].phase) == (here.node, here.phase)]
        return _go(at, (like or members)[0])

    return move


def _phase(step):
    def move(at, story):
        starts = [0]
        keys = [(event.phase, event.op if story.several else "") for event in story.events]
        starts += [n for n, (before, now) in enumerate(itertools.pairwise(keys), 1) if before != now]
        found = [n for n in starts if (n > at.n if step > 0 else n < at.n)]
        if not found:
            return replace(at, message=f"there is no phase {'after' if step > 0 else 'before'} this")
        return _go(at, found[0] if step > 0 else found[-1])

    return move


def _gate(at, story):
    gate = story.events[at.n].gate
    found = [e.n for e in _round(at, story) if e.gate is not None and gate in (None, e.gate)]
    if not found:
        return replace(at, message=f"no other equation belongs to gate {gate}" if gate else "this run has no gates")
    return _go(at, found[0], f"gate {story.events[found[0]].gate}")


def _round(at, story):
    """Give all other events, from the next one on, round to this one."""
    return [story.events[(at.n + k) % len(story.events)] for k in range(1, len(story.events))]


def _turn(name, step):
    def move(at, story):
        value = story.value(at.n)
        if value is None:
            return replace(at, message="there is no value here to choose from")
        axes = story.axes_of(story.events[at.n].node, value, at.n)
        sizes = {"unit": value.shape[-1] if value.ndim else 1, "batch": story.trace.sizes.get("B", 1), "row": 1}
        for size, letter in zip(value.shape[:-1], axes, strict=False):
            sizes["row"] *= 1 if letter in ("B", "T") else size
        if sizes[name] == 1:
            return replace(at, message=f"there is only one {'sequence' if name == 'batch' else name} here")
        return replace(at, typed="", **{name: (getattr(at, name) + step) % sizes[name]})

    return move


def _diverge(at, story):
    parted = story.parting()
    if not parted:
        if story.right is None:
            return replace(at, message="every check passes; x plants a known mistake")
        return replace(at, message="no value differs: this mistake does not show in these numbers")
    if at.n == parted[0]:
        return replace(at, message="this is the first line that differs; everything before it is right")
    how = "differs from the right run" if story.right else "fails its check"
    return _go(at, parted[0], f"the first value that {how}; everything before it is right")


def _verify(at, story):
    if at.hidden:
        return replace(at, message="predict first: type the number and press Enter (m leaves predict mode)")
    return replace(at, proof=not at.proof, wants=() if at.proof else ("verify", at.n))


def _predict(at, story):
    if at.predict:
        return replace(at, predict=False, typed="", message=f"predict mode off; {score(at)}")
    return replace(at, predict=True, proof=False, numbers=True, message="predict mode: type the number, then Enter")


def score(at):
    """Say how many predictions were right.

    Parameters
    ----------
    at : Position

    Returns
    -------
    str
    """
    return f"{at.right} of {len(at.answered)} right"


def _judge(at, story):
    here = chosen(at, story)
    if here is None:
        return replace(at, typed="", message="there is no value here to predict")
    try:
        guess = float(at.typed)
    except ValueError:
        return replace(at, typed="", message=f"{at.typed} is no number, expected one such as -0.25")
    _, true = here
    near = max(SHARE * abs(true), LEAST)
    right = abs(guess - true) <= near
    at = replace(at, typed="", answered=at.answered | {at.n}, right=at.right + right)
    verdict = "right" if right else "wrong"
    return replace(at, message=f"{verdict}: it is {cell(true)}, you said {guess:g} (within {near:.2g}); {score(at)}")


def _open(mode):
    return lambda at, story: replace(at, mode=mode, field="", choice=0)


def _in_field(at, key, story, bugs):
    if key == "escape":
        return replace(at, mode="walk", field="")
    if key == "backspace":
        return replace(at, field=at.field[:-1], choice=0)
    if len(key) == 1:
        return replace(at, field=at.field + key, choice=0)
    found = matching(at, story, bugs) if at.mode != "search" else []
    if key in ("up", "down") and found:
        return replace(at, choice=(at.choice + (1 if key == "down" else -1)) % len(found))
    if key in ("pageup", "pagedown") and found:
        return replace(at, choice=min(max(at.choice + (10 if key == "pagedown" else -10), 0), len(found) - 1))
    if key == "tab" and at.mode == "node" and found:
        start = _beginning(found)
        return replace(at, field=start if len(start) > len(at.field) else at.field)
    if key == "enter":
        return ENTERS[at.mode](replace(at, mode="walk", field="", choice=0), at, story, found)
    return at


def _beginning(names):
    shared = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in shared)


def _enter_node(walking, at, story, found):
    if not found:
        return replace(walking, message=f"no node is called {at.field}")
    name = at.field if at.field in found and at.choice == 0 else found[at.choice]
    others = [event.n for event in _round(at, story) if event.node == name]
    return _go(walking, others[0]) if others else replace(walking, message=f"{name} is computed only here")


def _enter_search(walking, at, story, found):
    text = (at.field or at.sought).lower()
    if not text:
        return walking
    for event in _round(at, story):
        equation = story.equation(event.n)
        parts = (event.node, event.text, event.function, story.place(event.n), equation["text"] if equation else "")
        if any(text in part.lower() for part in parts):
            return _go(replace(walking, sought=text), event.n, f"found {text}; / and Enter: the next one")
    return replace(walking, sought=text, message=f"{text} is found nowhere else")


def _enter_plant(walking, at, story, found):
    if not found:
        return replace(walking, message=f"no known mistake fits {at.field}")
    name = found[at.choice][0]
    return replace(walking, wants=("plant", None if name == "none" else name))


ENTERS = {"node": _enter_node, "search": _enter_search, "plant": _enter_plant}
KEYS = {
    "right": _by(1),
    "enter": _by(1),
    " ": _by(1),
    "left": _by(-1),
    "backspace": _by(-1),
    "down": _in_time(1),
    "pagedown": _in_time(1),
    "up": _in_time(-1),
    "pageup": _in_time(-1),
    "home": lambda at, story: _go(at, 0),
    "end": lambda at, story: _go(at, len(story.events) - 1),
    "p": _phase(1),
    "P": _phase(-1),
    "g": _gate,
    "n": _open("node"),
    "/": _open("search"),
    "x": _open("plant"),
    "?": _open("help"),
    "s": lambda at, story: replace(at, numbers=not at.numbers),
    "u": _turn("unit", 1),
    "U": _turn("unit", -1),
    "b": _turn("batch", 1),
    "B": _turn("batch", -1),
    "r": _turn("row", 1),
    "R": _turn("row", -1),
    "v": _verify,
    "m": _predict,
    "d": _diverge,
    "escape": lambda at, story: replace(at, proof=False),
    "q": lambda at, story: replace(at, wants=("quit",)),
}
