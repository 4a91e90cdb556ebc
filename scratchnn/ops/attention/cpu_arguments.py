"""What attention's kernels are given: which arguments they take, and arrays with room for whole vectors."""

import math
import numbers

import numpy as np

from scratchnn import jit

from .reference import NEEDS, Cache, Params

BOOL = np.dtype(bool)
ANY = np.ones((1, 1, 1), bool)
SCORES = Cache._fields.index("scores")


def three_axes(mask, S):
    """Give a mask kernels can read: (B or 1, Q or 1, S)."""
    if mask is None:
        return ANY
    mask = mask.reshape((1,) * (3 - mask.ndim) + mask.shape)
    return jit.plain(np.broadcast_to(mask, (*mask.shape[:2], S)), BOOL)


def visible(mask, causal, Q, S):
    """Tell which queries see something and which sources are seen, (B or 1, Q) and (B or 1, S); None: all."""
    if mask is None and (not causal or Q >= S):
        return None, None
    mask = three_axes(mask, S)
    if mask is ANY:
        return None, np.arange(S)[None] < Q
    if not causal:
        return np.broadcast_to(mask.any(axis=2), (len(mask), Q)), mask.any(axis=1)
    if mask.shape[1] == 1:
        before = np.logical_or.accumulate(mask[:, 0], axis=1)
        return before[:, np.minimum(np.arange(Q), S - 1)], mask[:, 0] & (np.arange(S) < Q)
    mask = mask & np.tri(Q, S, dtype=bool)
    return mask.any(axis=2), mask.any(axis=1)


def copied(array, seen, room):
    """Copy an array with room behind it, 0 where ``seen`` (its first axes) is False; None: all is seen."""
    copy = jit.empty(array.shape, array.dtype, room)
    copy[...] = array
    if seen is not None and not seen.all():
        copy[~np.broadcast_to(seen, array.shape[:2])] = 0
    return copy


def padded(array, room):
    """Give the array itself if there is room behind it or none is needed, else a copy."""
    array = jit.plain(array, array.dtype)
    return array if array.shape[-1] % room == 0 or has_room(array, room) else copied(array, None, room)


def has_room(array, room):
    """Tell whether kernels may read ``room`` numbers behind the array's end."""
    base = array.base
    return (
        type(base) is np.ndarray and base.ndim == 1 and base.dtype == array.dtype and base.size >= array.size + room
        and base.flags.c_contiguous and base.ctypes.data == array.ctypes.data
    )  # fmt: skip


def fits_forward(q, k, v, params, score, scale, mask):
    """Tell whether the kernels take the arguments; what they do not take, the reference computes or refuses."""
    if not (isinstance(score, str) and score in NEEDS and alike(q, k, v)):
        return False
    if q.ndim != 3 or k.ndim != 3 or v.ndim != 3 or 0 in q.shape + k.shape + v.shape:
        return False
    if q.shape[0] != k.shape[0] or k.shape[:2] != v.shape[:2]:
        return False
    if score in ("dot", "scaled_dot") and q.shape[2] != k.shape[2]:
        return False
    if not (scale is None or (isinstance(scale, numbers.Real) and math.isfinite(scale))):
        return False
    shape = (*q.shape[:2], k.shape[1])
    masked = mask is not None
    if masked and not (isinstance(mask, np.ndarray) and mask.dtype == bool and broadcasts(mask.shape, shape)):
        return False
    return params_fit(params, score, q, k)


def params_fit(params, score, q, k):
    """Tell whether the score has the parameters it needs and no others, in the right shapes."""
    if params is None:
        return not NEEDS[score]
    W_a, W_q, W_k, v_a = params
    if any((array is not None) != (name in NEEDS[score]) for name, array in zip(Params._fields, params, strict=True)):
        return False
    if score == "general":
        return alike(q, W_a) and W_a.shape == (q.shape[2], k.shape[2])
    if score == "additive":
        return (
            alike(q, W_q, W_k, v_a) and v_a.ndim == 1 and v_a.size > 0
            and W_q.shape == (q.shape[2], v_a.size) and W_k.shape == (k.shape[2], v_a.size)
        )  # fmt: skip
    return True


def fits_backward(dcontext, cache, params, dalpha):
    """Tell whether the kernels take the arguments of backward; ``cache`` is one of cpu.forward's."""
    if not alike(cache.q, dcontext) or dcontext.shape != cache.context.shape:
        return False
    alpha, given = cache.alpha, dalpha is not None
    if given and (alpha is None or not alike(cache.q, dalpha) or dalpha.shape != alpha.shape):
        return False
    if cache.alpha is None and cache.score != "additive" and tuple.__getitem__(cache, SCORES) is None:
        return False  # changed by hand: nothing to compute alpha from
    return alike(*(cache[at] for at in (0, 1, 2, 11))) and params_fit(params, cache.score, cache.q, cache.k)


def alike(*arrays):
    """Tell whether all are arrays of one dtype that kernels compute in."""
    return all(isinstance(array, np.ndarray) for array in arrays) and (
        arrays[0].dtype in jit.DTYPES and all(array.dtype == arrays[0].dtype for array in arrays)
    )


def broadcasts(mask, shape):
    """Tell whether a mask's shape broadcasts to ``shape``."""
    return len(mask) <= len(shape) and all(m in (1, n) for m, n in zip(mask[::-1], shape[::-1], strict=False))
