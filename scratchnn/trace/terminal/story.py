"""Questions about a recorded run: its equations, where time steps begin, where two runs part."""

import functools
from typing import NamedTuple

import numpy as np

from .axes import Axes
from .substitute import part_of
from .values import Values, same
from .written import Part

ASSUMED = {"mask": 1.0, "dalpha_given": 0.0}  # not recorded where nobody gave them


class Reading(NamedTuple):
    """An equation that numbers can be put into: the text that was read, its parts, the letters of the value's axes.

    ``other`` is what the equation gives where the line that ran is another one.
    """

    text: str
    part: Part
    axes: tuple[str, ...]
    other: np.ndarray | None


class Story(Values):
    """A trace, and the right one beside it where a bug was planted.

    Parameters
    ----------
    trace : Trace
    right : Trace, optional
        The same run without the bug.
    file : str, optional
        Name of the user's file that was run.
    lines : list of str
        The lines of that file.
    """

    def __init__(self, trace, right=None, file=None, lines=()):
        super().__init__(trace)
        self.right = right and Story(right)
        self.file, self.lines = file, lines
        self.axes = Axes(trace.legend, trace.sizes)
        self.equations = {(one["op"], one["number"]): one for one in trace.equations}
        self.several = len({event.op for event in self.events}) > 1
        self._key = list(self._keys())
        self._numbers = {key: n for n, key in enumerate(self._key)}
        self.groups = self._groups()
        self._group = {n: k for k, members in enumerate(self.groups) for n in members}

    def equation(self, n):
        """Give the equation of an event.

        Parameters
        ----------
        n : int

        Returns
        -------
        dict or None
        """
        event = self.events[n]
        return self.equations.get((event.op, event.equation))

    def place(self, n):
        """Say where an event's line stands.

        Parameters
        ----------
        n : int

        Returns
        -------
        str
            File and line.
        """
        event = self.events[n]
        head = event.text.split("(")[0].split("=")[0].strip()
        if self.file and event.line <= len(self.lines) and head in self.lines[event.line - 1]:
            return f"{self.file}:{event.line}"
        where = "trace/recording/model_of_ops.py" if event.op == "model" else f"ops/{event.op}/reference.py"
        return f"{where}:{event.line}"

    def axes_of(self, name, array, n):
        """Name the axes of an array that an event reads or makes.

        Parameters
        ----------
        name : str
        array : array
        n : int

        Returns
        -------
        tuple of str
        """
        event = self.events[n]
        arrays = [(one["name"], self.array(one["array"])) for one in event.inputs]
        near = [self.axes.of(one, value.shape) for one, value in arrays if one in self.axes.known]
        return self.axes.of(name, array.shape, near)

    def in_numbers(self, n):
        """Read an event's equation, or else its line, so that numbers can be put in.

        Parameters
        ----------
        n : int

        Returns
        -------
        Reading or None
            None when neither can be read as something that gives exactly the recorded value.
        """
        event, equation, made = self.events[n], self.equation(n), self.made(n)
        if made is None:
            return None
        leaves, other = self._leaves(n), None
        axes = self.axes_of(event.node, made, n)
        for text in (*([equation["text"]] if equation else []), event.text):
            part = part_of(text, leaves)
            order = part and (axes if set(axes) == set(part.axes) else part.axes)
            if part is None or len(order) != made.ndim:
                continue
            value = np.transpose(part.value, [part.axes.index(letter) for letter in order])
            if value.shape == made.shape and same(value, made):
                return Reading(text, part, order, other)
            other = value if value.shape == made.shape else other
        return None

    def _leaves(self, n):
        leaves = {name: (np.asarray(value), ()) for name, value in ASSUMED.items()}
        for one in self.events[n].inputs:
            array = self.array(one["array"])
            leaves[one["name"]] = (array, self.axes_of(one["name"], array, n))
            name, _, items = one["name"].rstrip("]").partition("[")
            added = tuple(k for k, item in enumerate(items.split(", ")) if item == "None")
            if added and set(items.split(", ")) == {":", "None"}:  # dscores[:, :, :, None] is dscores
                array = array.squeeze(added)
                leaves.setdefault(name, (array, self.axes_of(name, array, n)))
        return leaves

    def verdict(self):
        """Say what the checks of a run without a failed one amount to.

        Returns
        -------
        str
        """
        back = [event for event in self.events if event.phase == "backward"]
        checked = sum(event.check is not None for event in back)
        if not back:
            return "this file has no backward pass that goes with its forward: there is nothing to check"
        if checked:
            return "every check passes" + ("" if 2 * checked > len(back) else f" so far: {checked} of {len(back)}")
        return "nothing is checked yet: v checks the number you look at, --checks all every number"

    def parting(self):
        """List the events whose value is not that of the right run, or that fail their check where there is none.

        Returns
        -------
        list of int
        """
        if self.right is None:
            return [event.n for event in self.events if event.check is not None and not event.check.passed]
        return self._parted

    @functools.cached_property
    def _parted(self):
        parted = []
        for n in range(len(self.events)):
            one, other = self.value(n), self.right_value(n)
            if other is None or one is None or one.shape != other.shape or not same(one, other):
                parted.append(n)
        return parted

    def right_value(self, n):
        """Give the value of the same event in the right run.

        Parameters
        ----------
        n : int

        Returns
        -------
        array or None
        """
        if self.right is None:
            return None
        other = self.right._numbers.get(self._key[n])
        return None if other is None else self.right.value(other)

    def group_of(self, n):
        """Give the number of the station that an event belongs to.

        Parameters
        ----------
        n : int

        Returns
        -------
        int
        """
        return self._group[n]

    def label(self, group):
        """Name a station: its time step, its op, or the node it computes.

        Parameters
        ----------
        group : int

        Returns
        -------
        str
        """
        event = self.events[self.groups[group][0]]
        return str(event.t) if event.t is not None else event.op if self.several else event.node

    def _keys(self):
        met = {}
        for event in self.events:
            key = (event.phase, event.op, event.t, event.node)
            met[key] = met.get(key, -1) + 1
            yield (*key, met[key])

    def _groups(self):
        groups, last = [], None
        for n, event in enumerate(self.events):
            inner = event.t if event.t is not None else None if self.several else event.node
            key = (event.phase, event.op, inner)
            if key != last:
                groups.append([])
            groups[-1].append(n)
            last = key
        return groups
