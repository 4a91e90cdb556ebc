"""What is typed into a line: a node's name, a search, a known mistake to plant."""

import itertools
from dataclasses import replace

from .moves import around, go


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


def in_field(at, key, story, bugs):
    """Answer a key while something is being typed or chosen."""
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
    others = [event.n for event in around(at, story) if event.node == name]
    return go(walking, others[0]) if others else replace(walking, message=f"{name} is computed only here")


def _enter_search(walking, at, story, found):
    text = (at.field or at.sought).lower()
    if not text:
        return walking
    for event in around(at, story):
        equation = story.equation(event.n)
        parts = (event.node, event.text, event.function, story.place(event.n), equation["text"] if equation else "")
        if any(text in part.lower() for part in parts):
            return go(replace(walking, sought=text), event.n, f"found {text}; / and Enter: the next one")
    return replace(walking, sought=text, message=f"{text} is found nowhere else")


def _enter_plant(walking, at, story, found):
    if not found:
        return replace(walking, message=f"no known mistake fits {at.field}")
    name = found[at.choice][0]
    return replace(walking, wants=("plant", None if name == "none" else name))


ENTERS = {"node": _enter_node, "search": _enter_search, "plant": _enter_plant}
