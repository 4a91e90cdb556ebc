"""Guessing the layout of somebody's arrays from their names and shapes."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from scratchnn.check.layout import Layout, layout_of
from scratchnn.notation import GATE_NAMES, GATES

STATES = {"h0": "h0", "h_0": "h0", "h_prev": "h0", "h_init": "h0", "c0": "c0", "c_0": "c0", "c_prev": "c0"}
_PARAMETER = re.compile(r"^(W|w|U|R|b|bias|weight|kernel)(_?\w*)$")


def guess_layout(inputs: Mapping[str, Any], outputs: Mapping[str, Any] | None = None) -> Layout:
    """Guess what the axes of arrays mean.

    Recurrent code is known by its states and by matrices of which one axis is 4, 3 or 1 times the other; attention
    by q, k, v. Which block is which gate cannot be seen from outside: the order of the legend is taken, and
    ``note`` says so.

    Parameters
    ----------
    inputs : mapping of str to array
    outputs : mapping of str to array, optional
        They tell whether a state comes out again.

    Returns
    -------
    Layout
    """
    shapes = {name: np.shape(array) for name, array in inputs.items()}
    if {"q", "k", "v"} <= set(shapes) and all(len(shapes[name]) == 3 for name in "qkv"):
        return layout_of("attention")
    H = _hidden_size(shapes)
    kind = _kind(shapes, H) if H else None
    if kind is None:
        known = next((kind for kind, names in _PLAIN.items() if names <= set(shapes)), None)
        return layout_of(known) if known else Layout()
    first = _batch_comes_first(shapes)
    ready = layout_of(kind, batch_first=first)
    blocks = _blocks(shapes, kind, H) if kind != "rnn" else {}
    axes = dict(ready.axes) | {name: ("batch", "unit") for name in STATES if len(shapes.get(name, ())) == 2}
    axes |= {name: _matrix(shapes[name], blocks[name][0], H) for name in blocks if len(shapes[name]) == 2}
    return Layout(axes, blocks, _carry(shapes, outputs or {}), _note(kind, blocks))


_PLAIN = {"softmax": {"z"}, "cross_entropy": {"logits"}, "embedding": {"ids", "W"}, "linear": {"x", "W"}}


def _hidden_size(shapes):
    for name, shape in shapes.items():
        if name in STATES and shape:
            return shape[-1]
    for name, shape in shapes.items():
        bare = name.rpartition(".")[2]
        if re.match(r"^(W_?hh?|weight_hh|U|R)(_\w+)?$", bare) and len(shape) == 2:
            return min(shape)
    return None


def _kind(shapes, H):
    """Judge by the parameters: 4 blocks, 3 blocks, or one."""
    wide = [s for name, s in shapes.items() if _PARAMETER.match(name.rpartition(".")[2]) and len(s) == 2 and H in s]
    for kind in ("lstm", "gru"):
        if any(len(GATES[kind]) * H in shape for shape in wide):
            return kind
    return "rnn" if any(shape == (H, H) for shape in wide) else None


def _blocks(shapes, kind, H):
    width, names = len(GATES[kind]) * H, tuple(GATE_NAMES[kind][gate] for gate in GATES[kind])
    found = {}
    for name, shape in shapes.items():
        if _PARAMETER.match(name.rpartition(".")[2]) and width in shape and len(shape) < 3:
            found[name] = (len(shape) - 1 - shape[::-1].index(width), names)  # the last such axis
    return found


def _matrix(shape, axis, H):
    other = "from unit" if shape[1 - axis] == H else "feature"
    return (other, "unit") if axis else ("unit", other)


def _batch_comes_first(shapes):
    batch = next((shape[-2] for name, shape in shapes.items() if name in STATES and len(shape) > 1), None)
    x = shapes.get("x", ())
    return len(x) == 3 and batch is not None and x[0] == batch != x[1]


def _carry(shapes, outputs):
    """Pair each state with the output that has its shape, or its shape behind a time axis, and a name alike."""
    pairs = {}
    for state in (name for name in STATES if name in shapes):
        letter = STATES[state][0]
        alike = [name for name in outputs if name.lower().startswith(letter) or (letter == "h" and name in "yY")]
        whole = [name for name in alike if np.shape(outputs[name]) == shapes[state]]
        rows = [name for name in alike if np.shape(outputs[name])[1:] == shapes[state]]
        if not whole and not rows:
            return {}
        pairs[state] = (whole + rows)[0]
    return pairs


def _note(kind, blocks):
    if not blocks:
        return ""
    axis = {0: "rows", 1: "columns"}
    matrices = [name for name, (k, _) in blocks.items() if (k or not name.rpartition(".")[2].startswith("b"))]
    name = (matrices or list(blocks))[0]
    order = " ".join(GATES[kind])
    entries = axis[blocks[name][0]] if name in matrices else "entries"
    return f"no layout was given: taking the {entries} of {name} as blocks {order} ({', '.join(blocks[name][1])})"
