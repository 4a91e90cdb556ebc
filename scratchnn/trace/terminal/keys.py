"""What a key does: (position, key, story) -> position. Nothing else happens here."""

from dataclasses import replace

from .fields import in_field
from .moves import by, gate, go, in_time, phase
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
        return in_field(at, key, story, bugs)
    if at.hidden and len(key) == 1 and key in NUMBER_KEYS and (key != "e" or at.typed):
        return replace(at, typed=at.typed + key)
    if at.typed and key in ("enter", "backspace", "escape"):
        return _judge(at, story) if key == "enter" else replace(at, typed=at.typed[:-1] if key == "backspace" else "")
    if key not in KEYS:
        return replace(at, message=f"{key!r} does nothing here; ? shows the keys")
    return KEYS[key](at, story)


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
            return replace(at, message=f"{story.verdict()}; x plants a known mistake")
        return replace(at, message="no value differs: this mistake does not show in these numbers")
    if at.n == parted[0]:
        return replace(at, message="this is the first line that differs; everything before it is right")
    how = "differs from the right run" if story.right else "fails its check"
    return go(at, parted[0], f"the first value that {how}; everything before it is right")


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


KEYS = {
    "right": by(1),
    "enter": by(1),
    " ": by(1),
    "left": by(-1),
    "backspace": by(-1),
    "down": in_time(1),
    "pagedown": in_time(1),
    "up": in_time(-1),
    "pageup": in_time(-1),
    "home": lambda at, story: go(at, 0),
    "end": lambda at, story: go(at, len(story.events) - 1),
    "p": phase(1),
    "P": phase(-1),
    "g": gate,
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
