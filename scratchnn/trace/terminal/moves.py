"""From one event to another: steps, time, phases, gates."""

import itertools
from dataclasses import replace


def go(at, n, message=""):
    """Go to an event."""
    return replace(at, n=n, typed="", proof=False, message=message)


def by(step):
    """Go some equations further."""

    def move(at, story):
        n = at.n + step
        if not 0 <= n < len(story.events):
            return replace(at, message="this is the last equation" if step > 0 else "this is the first equation")
        return go(at, n)

    return move


def in_time(step):
    """To the same node one station further, or to the station's first equation."""

    def move(at, story):
        here, group = story.events[at.n], story.group_of(at.n) + step
        if not 0 <= group < len(story.groups):
            return replace(at, message="there is no step after this" if step > 0 else "there is no step before this")
        members = story.groups[group]
        like = [n for n in members if (story.events[n].node, story.events[n].phase) == (here.node, here.phase)]
        return go(at, (like or members)[0])

    return move


def phase(step):
    """Go to the next phase, or to where this or the one before began."""

    def move(at, story):
        starts = [0]
        keys = [(event.phase, event.op if story.several else "") for event in story.events]
        starts += [n for n, (before, now) in enumerate(itertools.pairwise(keys), 1) if before != now]
        found = [n for n in starts if (n > at.n if step > 0 else n < at.n)]
        if not found:
            return replace(at, message=f"there is no phase {'after' if step > 0 else 'before'} this")
        return go(at, found[0] if step > 0 else found[-1])

    return move


def gate(at, story):
    """Go to the next equation of the same gate."""
    same = story.events[at.n].gate
    found = [e.n for e in around(at, story) if e.gate is not None and same in (None, e.gate)]
    if not found:
        return replace(at, message=f"no other equation belongs to gate {same}" if same else "this run has no gates")
    return go(at, found[0], f"gate {story.events[found[0]].gate}")


def around(at, story):
    """Give all other events, from the next one on, round to this one."""
    return [story.events[(at.n + k) % len(story.events)] for k in range(1, len(story.events))]
