"""Weights in PyTorch's layout, to and fro: RNN, LSTM, GRU, Linear and Embedding, alone or inside a larger model.

| PyTorch | here |
|---|---|
| weight_ih_l0 (gates*H, D), weight_hh_l0 (gates*H, H) | W_x_l0, W_h_l0: the transposes; same order of gates |
| bias_ih_l0 + bias_hh_l0 | b_l0: their sum; only the sum matters, so their gradients are equal |
| GRU: block n of bias_hh_l0 | b_hn_l0: stands inside the reset product, hence apart from b_l0 |
| Linear: weight (N, D), bias | W, the transpose, and b |
| Embedding: weight (V, D) | W, as it is |

Names keep what stands before them ("encoder.lstm.weight_ih_l0" becomes "encoder.lstm.W_x_l0").
"""

import re
from collections.abc import Collection
from typing import Any

import numpy as np

from scratchnn import layers

_RECURRENT = re.compile(r"(?P<prefix>(?:.*\.)?)(?P<kind>weight|bias)_(?P<path>ih|hh|hr)_(?P<end>l\d+(?:_reverse)?)$")
_OURS = re.compile(r"(?P<prefix>(?:.*\.)?)(?P<field>W_x|W_h|b|b_hn)_(?P<end>l\d+(?:_reverse)?)$")
_GATES = {1: "RNN", 3: "GRU", 4: "LSTM"}


def from_torch(state_dict: dict[str, Any], *, embeddings: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Turn PyTorch's weights into ours.

    Parameters
    ----------
    state_dict : dict of str to array or tensor
        As ``module.state_dict()`` gives it. RNN, GRU and LSTM are told apart by their shapes.
    embeddings : collection of str
        Names of the modules that are embeddings ("" when the module itself is one): a matrix called "weight"
        does not say whether it is an embedding's or a linear layer's.

    Returns
    -------
    dict of str to array
        For ``load_state_dict``. Dtypes are kept.

    Raises
    ------
    ValueError
        A name without a counterpart here, half a pair of biases, or an odd shape.
    """
    source = {name: _array(value) for name, value in state_dict.items()}
    ours = {}
    for name, value in source.items():
        found = _RECURRENT.match(name)
        if found is None:
            prefix, _, last = name.rpartition(".")
            ours[_joined(prefix, {"weight": "W", "bias": "b"}.get(last, last))] = _plain(
                "from_torch", name, value, last, prefix in embeddings, ("weight", "bias")
            )
        elif found["path"] == "hr":
            raise ValueError(f"from_torch: {name} belongs to an LSTM with proj_size, expected one without")
        elif found["kind"] == "weight":
            field = "W_x" if found["path"] == "ih" else "W_h"
            _gates(name, value, found, source)
            ours[f"{found['prefix']}{field}_{found['end']}"] = value.T.copy()
        elif found["path"] == "ih":
            ours.update(_biases_from_torch(name, found, source))
        elif name.replace("bias_hh", "bias_ih") not in source:
            raise ValueError(
                f"from_torch: {name} stands alone, expected {name.replace('bias_hh', 'bias_ih')} beside it"
            )
    return ours


def to_torch(
    layer_or_state: layers.Layer | dict[str, Any], *, embeddings: Collection[str] = (), tensors: bool = False
) -> dict[str, Any]:
    """Turn our weights into PyTorch's. ``b`` becomes ``bias_ih``; ``bias_hh`` is zero but for the GRU's ``b_hn``.

    Parameters
    ----------
    layer_or_state : Layer or dict of str to array
        A layer with whatever it contains, or its ``state_dict()``.
    embeddings : collection of str
        As for ``from_torch``; found by itself when a layer was given.
    tensors : bool
        True: ready for PyTorch's ``load_state_dict``; this needs torch. False: NumPy arrays.

    Returns
    -------
    dict of str to array or tensor

    Raises
    ------
    ValueError
        A parameter without a counterpart in PyTorch (those of attention).
    ImportError
        ``tensors=True`` without torch.
    """
    state = layer_or_state
    if isinstance(state, layers.Layer):
        embeddings = {*embeddings, *_embeddings_in(state)}
        state = state.state_dict()
    theirs = {}
    for name, value in state.items():
        found = _OURS.match(name)
        if found is None:
            prefix, _, last = name.rpartition(".")
            theirs[_joined(prefix, {"W": "weight", "b": "bias"}.get(last, last))] = _plain(
                "to_torch", name, _array(value), last, prefix in embeddings, ("W", "b")
            )
        elif found["field"] in ("W_x", "W_h"):
            path = "ih" if found["field"] == "W_x" else "hh"
            theirs[f"{found['prefix']}weight_{path}_{found['end']}"] = _array(value).T.copy()
        elif found["field"] == "b":
            b_hn = state.get(f"{found['prefix']}b_hn_{found['end']}")
            b = _array(value)
            b_hh = np.zeros_like(b)
            if b_hn is not None:
                b_hh[2 * len(b_hn) :] = _array(b_hn)
            theirs[f"{found['prefix']}bias_ih_{found['end']}"] = b.copy()
            theirs[f"{found['prefix']}bias_hh_{found['end']}"] = b_hh
    return _as_tensors(theirs) if tensors else theirs


def _array(value):
    """Give a NumPy array of a tensor (on any device, with or without gradient) or of anything like an array."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # NumPy has no such type
            value = value.float()
        value = value.numpy()
    return np.asarray(value)


def _joined(prefix, name):
    return f"{prefix}.{name}" if prefix else name


def _plain(where, name, value, last, is_embedding, known):
    """Give the array of a linear layer or an embedding in the other layout."""
    weight, bias = known
    if last == weight and value.ndim == 2:
        return value.copy() if is_embedding else value.T.copy()
    if last == bias and value.ndim == 1:
        return value.copy()
    raise ValueError(
        f"{where}: {name} with shape {value.shape} has no counterpart, "
        "expected the weights of RNN, LSTM, GRU, Linear or Embedding"
    )


def _gates(name, value, found, source):
    """Count the gates of a recurrent weight from its own and weight_hh's shape; raise when it is not 1, 3 or 4."""
    recurrent = source.get(f"{found['prefix']}weight_hh_{found['end']}")
    H = recurrent.shape[1] if recurrent is not None and recurrent.ndim == 2 else 0
    rows = value.shape[0] if value.ndim else 0
    if H == 0 or rows % H or rows // H not in _GATES:
        listed = ", ".join(f"{gates}H ({kind})" for gates, kind in _GATES.items())
        raise ValueError(f"from_torch: {name} has shape {value.shape}, expected {listed} rows with H = {H}")
    return rows // H


def _expect_beside(name, other, source):
    if other not in source:
        raise ValueError(f"from_torch: {name} stands alone, expected {other} beside it")


def _biases_from_torch(name, found, source):
    """Join bias_ih and bias_hh to b, and take the GRU's b_hn out of bias_hh."""
    other = name.replace("bias_ih", "bias_hh")
    _expect_beside(name, other, source)
    b_ih, b_hh = source[name], source[other]
    if b_hh.shape != b_ih.shape:
        raise ValueError(f"from_torch: {other} has shape {b_hh.shape}, expected that of {name} {b_ih.shape}")
    b = b_ih + b_hh
    end = f"_{found['end']}"
    if _gates(name, b_ih, found, source) != 3:
        return {f"{found['prefix']}b{end}": b}
    n = slice(2 * (len(b) // 3), None)
    b[n] = b_ih[n]
    return {f"{found['prefix']}b{end}": b, f"{found['prefix']}b_hn{end}": b_hh[n].copy()}


def _embeddings_in(layer, prefix=""):
    """Yield the names of all embeddings in a layer."""
    if isinstance(layer, layers.Embedding):
        yield prefix
    for name, child in layer.children.items():
        yield from _embeddings_in(child, _joined(prefix, name))


def _as_tensors(arrays):
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "to_torch: tensors=True needs torch, which is not installed; tensors=False does not"
        ) from error
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
