"""What the axes of an array mean, and which gates share it: passed in, or guessed from names and shapes.

A report says "forget gate, from t=2 backward" instead of "columns 5 to 9, rows 0 to 2" because a ``Layout`` told it
how the arrays are laid out. Nothing here looks at an op: names come from the legend, shapes from the arrays.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from scratchnn.notation import GATE_NAMES, GATES

SIZE_OF = {
    "time": "T", "batch": "B", "feature": "D", "unit": "H", "from unit": "H", "query": "Q", "source": "S",
    "width": "E", "key width": "E", "value": "F", "hidden": "A", "class": "C", "entry": "V",
    "input": "D", "output": "H",
}  # fmt: skip
_SUFFIX = re.compile(r"_l\d+(_reverse)?$")


@dataclass(frozen=True)
class Layout:
    """The meaning of arrays, by name.

    Names are looked up whole ("linear.b"), then without prefix and layer ("recurrent.W_h_l0_reverse" is "W_h"), so
    one layout serves an op, a layer and a model. Arrays of outputs are named like those of inputs.

    Parameters
    ----------
    axes : mapping of str to tuple of str
        Array name to the meaning of its axes, first to last; an array with fewer axes lacks the first ones. "time"
        and "batch" are understood by the hints, the rest is only said.
    blocks : mapping of str to (int, tuple of str)
        Array name to the axis that is shared out evenly, and to whom: ``(1, ("input gate", "forget gate", ...))``.
    carry : mapping of str to str
        Name of an initial state to that of the output which carries it on, for recurrent code: ``{"h0": "h"}``. Where
        the output has a time axis its last row is the state.
    note : str
        One sentence about what was guessed; empty if nothing was.
    """

    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    blocks: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    carry: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def axes_of(self, name: str, shape: tuple[int, ...]) -> tuple[str, ...]:
        """Name the axes of an array.

        Parameters
        ----------
        name : str
        shape : tuple of int

        Returns
        -------
        tuple of str
            One per axis; "axis 0" where nothing is known.
        """
        known = next((self.axes[key] for key in _keys(name) if key in self.axes), ())
        unnamed = tuple(f"axis {k}" for k in range(len(shape) - len(known)))
        return (*unnamed, *known[max(0, len(known) - len(shape)) :])

    def axis(self, name: str, shape: tuple[int, ...], meaning: str) -> int | None:
        """Find the axis that means something.

        Parameters
        ----------
        name : str
        shape : tuple of int
        meaning : str
            "time", "batch", ...

        Returns
        -------
        int or None
        """
        axes = self.axes_of(name, shape)
        return axes.index(meaning) if meaning in axes else None

    def blocks_of(self, name: str, shape: tuple[int, ...]) -> tuple[int, dict[str, slice]] | None:
        """Give the blocks of an array.

        Parameters
        ----------
        name : str
        shape : tuple of int

        Returns
        -------
        (axis, dict of str to slice) or None
            None where the array has no blocks, or cannot be shared out evenly.
        """
        for key in _keys(name):
            if key in self.blocks:
                axis, names = self.blocks[key]
                if axis >= len(shape) or shape[axis] % len(names):
                    return None
                width = shape[axis] // len(names)
                edges = range(0, shape[axis] + 1, width)
                return axis, {block: slice(*pair) for block, pair in zip(names, pairwise(edges), strict=True)}
            if key in self.axes:
                return None
        return None

    def sizes(self, inputs: Mapping[str, Any]) -> dict[str, int]:
        """Read the sizes T, B, D, ... off the arrays.

        Parameters
        ----------
        inputs : mapping of str to array

        Returns
        -------
        dict of str to int
        """
        sizes = {}
        for name, array in inputs.items():
            blocks = self.blocks_of(name, np.shape(array))
            for k, (axis, size) in enumerate(zip(self.axes_of(name, np.shape(array)), np.shape(array), strict=True)):
                if axis in SIZE_OF and not (blocks and k == blocks[0]):
                    sizes.setdefault(SIZE_OF[axis], size)
        return sizes


def sliced(array: np.ndarray, axis: int | None, part: slice) -> np.ndarray:
    """Give a part of an array along one axis, all of it if there is no axis.

    Parameters
    ----------
    array : array
    axis : int or None
    part : slice

    Returns
    -------
    array
        A view.
    """
    return array if axis is None else array[(slice(None),) * axis + (part,)]


def _keys(name):
    """Give the names under which an array may be known, the most particular first."""
    *path, last = _SUFFIX.sub("", name).split(".")
    particular = [f"{path[-1]}.{last}"] if path else []
    return dict.fromkeys([name, *particular, last])


SEQUENCE = ("time", "batch")
_STATE, _STATES, _HIDDEN = ("batch", "unit"), ("layer", "batch", "unit"), (*SEQUENCE, "unit")
_AXES = {
    "recurrent": {
        "x": (*SEQUENCE, "feature"), "mask": SEQUENCE, "h0": _STATE, "c0": _STATE, "h_0": _STATES, "c_0": _STATES,
        "W_x": ("feature", "unit"), "W_h": ("from unit", "unit"), "b": ("unit",), "b_hn": ("unit",),
        "h": _HIDDEN, "c": _HIDDEN, "y": _HIDDEN, "h_last": _STATE, "c_last": _STATE, "h_n": _STATES, "c_n": _STATES,
        "logits": ("batch", "class"),
    },
    "attention": {
        "q": ("batch", "query", "width"), "k": ("batch", "source", "key width"), "v": ("batch", "source", "value"),
        "h": (*SEQUENCE[::-1], "unit"), "last": _STATE, "W_a": ("width", "key width"), "W_q": ("width", "hidden"),
        "W_k": ("key width", "hidden"), "v_a": ("hidden",), "context": ("batch", "query", "value"),
        "alpha": ("batch", "query", "source"), "y": ("batch", "query", "unit"),
    },
    "linear": {
        "x": (*SEQUENCE, "input"), "y": (*SEQUENCE, "output"), "W": ("input", "output"), "b": ("output",),
        "linear.W": ("input", "class"), "linear.b": ("class",), "logits": ("batch", "class"),
    },
    "embedding": {
        "ids": SEQUENCE, "y": (*SEQUENCE, "feature"), "W": ("entry", "feature"), "embedding.W": ("entry", "feature"),
    },
    "softmax": {"z": ("batch", "class"), "p": ("batch", "class"), "log_p": ("batch", "class")},
    "cross_entropy": {"logits": (*SEQUENCE, "class"), "targets": SEQUENCE, "loss": SEQUENCE},
    "activations": {"x": _STATE, "y": _STATE},
    "dropout": {"x": (*SEQUENCE, "feature"), "y": (*SEQUENCE, "feature")},
}  # fmt: skip
KINDS = (*GATES, *(kind for kind in _AXES if kind != "recurrent"))
_CARRY = {"h0": "h", "c0": "c_last", "h_0": "h_n", "c_0": "c_n"}
_STACKED = ("W_x", "W_h", "b")


def layout_of(*kinds: str, batch_first: bool = False) -> Layout:
    """Give a ready layout.

    Parameters
    ----------
    *kinds : str
        "lstm", "gru", "rnn", "attention", "linear", "embedding", "softmax", "cross_entropy", "activations",
        "dropout"; several for a model. Where they disagree about a name, the first is right.
    batch_first : bool
        Sequences are (B, T, ...) instead of (T, B, ...).

    Returns
    -------
    Layout

    Raises
    ------
    ValueError
        A kind is unknown.
    """
    axes, blocks, carry = {}, {}, {}
    for kind in kinds:
        if kind not in GATES and kind not in _AXES:
            raise ValueError(
                f"layout_of: {kind!r} is unknown, expected one of {', '.join((*GATES, *list(_AXES)[1:]))}"
            )
        table = _AXES["recurrent" if kind in GATES else kind]
        if kind in GATES and len(GATES[kind]) > 1:
            blocks |= stacked(kind)
        if kind in GATES:
            carry = _CARRY if kind == "lstm" else {name: _CARRY[name] for name in ("h0", "h_0")}
        axes = table | axes
    if batch_first:
        axes = {name: _swapped(each) for name, each in axes.items()}
    return Layout(axes, blocks, carry)


def stacked(kind: str, axis: int = -1) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Give the blocks of the arrays in which an op of the legend stacks its gates.

    Parameters
    ----------
    kind : str
        "lstm" or "gru".
    axis : int
        0 where the matrices are stored as (4H, D); by default their columns.

    Returns
    -------
    dict
        As ``Layout.blocks``.
    """
    names = tuple(GATE_NAMES[kind][gate] for gate in GATES[kind])
    return {name: (0 if name == "b" or axis == 0 else 1, names) for name in _STACKED}


def _swapped(axes):
    return (*SEQUENCE[::-1], *axes[2:]) if axes[:2] == SEQUENCE else axes
