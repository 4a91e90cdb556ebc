"""Students' classes: make one with our sizes, put our weights into it, call its methods."""

import functools
import inspect
from typing import Any

import numpy as np

from .binding import FREE
from .names import is_gradient, looks_like_weight, plain

INPUT = ("in", "input", "embed", "feature", "vocab", "nx", "d", "n_in", "e")
SIZES = {"lstm": "DH", "gru": "DH", "rnn": "DH", "linear": "DN", "embedding": "VD", "attention": "EA"}


def sizes_of(op: str, params: dict[str, np.ndarray | None], given: dict[str, Any]) -> dict[str, int]:
    """Read the sizes that a constructor may ask for.

    Parameters
    ----------
    op : str
    params : dict of str to array
    given : dict
        Our other arguments.

    Returns
    -------
    dict of str to int
    """
    if op in ("lstm", "gru", "rnn"):
        return {"D": len(params["W_x"]), "H": len(params["W_h"])}
    if op == "linear":
        return dict(zip("DN", params["W"].shape, strict=True))
    if op == "embedding":
        return dict(zip("VD", params["W"].shape, strict=True))
    if op == "attention":
        hidden = params.get("v_a")
        return {"E": given["q"].shape[-1], "K": given["k"].shape[-1], "A": len(hidden) if hidden is not None else 1}
    return {}


def create(cls: type, sizes: dict[str, int], weights: dict[str, np.ndarray]) -> Any:
    """Make an object.

    Parameters
    ----------
    cls : type
    sizes : dict of str to int
        In the order in which a constructor would ask for them.
    weights : dict of str to array
        Those that the constructor may take by name.

    Returns
    -------
    object

    Raises
    ------
    TypeError
        The constructor wants something else.
    """
    left, options = list(sizes.items()), {}
    for name, one in _asked(cls):
        if one.kind in FREE:
            continue
        if name in weights:
            options[name] = weights[name]
        elif one.default is inspect.Parameter.empty:
            options[name] = _size(name, left, cls)
    return cls(**options)


@functools.cache
def _asked(cls):
    return tuple(inspect.signature(cls).parameters.items())


def _size(name, left, cls):
    if not left:
        raise TypeError(f"{cls.__name__} wants {name}, expected its sizes only")
    text = plain(name)
    wanted = next((k for k, (letter, _) in enumerate(left) if text == letter.lower() or _means(text, letter)), 0)
    return left.pop(wanted)[1]


def _means(text, letter):
    words = {
        "H": ("hid", "units", "nh", "na"),
        "A": ("hid", "attn", "units", "att"),
        "K": ("key", "enc"),
        "E": ("query", "dec"),
        "V": ("vocab", "num"),
        "N": ("out",),
        "D": ("in", "emb", "nx", "dim"),
    }
    return any(word in text for word in words.get(letter, ()))


def weights_in(thing: Any) -> tuple[str, ...]:
    """Name the arrays of weights that an object holds, those in a dict as "dict.key".

    Parameters
    ----------
    thing : object

    Returns
    -------
    tuple of str
    """
    found = []
    for name, part in vars(thing).items():
        if isinstance(part, dict) and not is_gradient(name) and "grad" not in name.lower():
            found += [f"{name}.{key}" for key, one in part.items() if _array(one) and isinstance(key, str)]
        elif _array(part) and looks_like_weight(name):
            found.append(name)
    return tuple(found)


def _array(thing):
    return isinstance(thing, np.ndarray) and thing.dtype.kind == "f" and thing.ndim > 0


def put(thing: Any, weights: dict[str, np.ndarray]) -> None:
    """Put weights into an object, gradients of the same shape set to zero.

    Parameters
    ----------
    thing : object
    weights : dict of str to array
        Names as ``weights_in`` gives them.
    """
    for name, array in weights.items():
        holder, _, key = name.rpartition(".")
        if holder:
            getattr(thing, holder)[key] = array
        else:
            setattr(thing, name, array)
