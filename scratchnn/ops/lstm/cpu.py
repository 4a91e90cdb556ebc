"""LSTM for the CPU: a whole sequence in one compiled call. See reference.forward and reference.backward.

Optimizations
-------------
- x, h and a 1 lie side by side in one array. So a step is ONE product, [x_t h_prev] @ [W_x; W_h], and one product
  gives dW_x, dW_h and db: [x h 1].T @ da. With few rows a step (small batches) x's products are done for many steps
  at once.
- Weights are packed into panels once and used at every step (ops/matmul: register tiles).
- The products of a step go into a small array that stays in the cache, the cell makes ``i f g o``, views of one
  (T, B, 4H) array, of it. (Written where the products stood, the last, masked vector of a row would wait for the
  store of its neighbour: 6 ns a unit at H = 20 where it is now 2.6.) A cell is one loop over its units in vectors
  of 16 (float32), everything between the product and h_t in registers, compiled from the formula (jit/rows.py).
- Backward keeps da only for as many steps as the second-level cache holds, uses it up for dx and dW, and goes on:
  the (T, B, 4H) array of all da is never written.
- Weights too large for that cache (H > 256): dx and dW as one product each, after all steps.
- The batch is split over threads; each runs its rows through all T, with nothing to wait for.
- ``a``, which backward does not need, is computed when somebody asks for it: a (T, B, 4H) array less.
"""

from operator import is_
from typing import NamedTuple

import numpy as np

from scratchnn import jit, shapes
from scratchnn.ops.matmul.cpu import product, product_into, product_tn_into, tiles, unpacked

from . import reference
from .cpu_kernels import backward_into, forward_into, loops, pack_backward_into, pack_forward_into
from .reference import Grads, Params

FEW = 24  # with fewer rows a step, x's products are done for many steps at once
ROWS = 128  # rows of da that are made before they are used up: they stay in the second-level cache
LARGE = 2**20  # bytes of weights that leave no room in that cache


class Held(NamedTuple):
    """What forward leaves for backward."""

    P: np.ndarray  # [W_x; W_h] in panels
    b: np.ndarray  # (4H,)
    xh: np.ndarray  # (T+1, B, D+H+1)
    gates: np.ndarray  # (T, B, 4H)
    masked: bool
    views: tuple  # x mask i f g o h, as the Cache shows them


class Cache(reference.Cache):
    """As reference.Cache, but ``a``, which backward does not need, is computed when somebody asks for it.

    In its place stands what backward wants. The weights in it are copies: the packed panels, which were made anyway.
    """

    __slots__ = ()

    @property
    def a(self) -> np.ndarray:  # type: ignore[override]
        """Everything before the nonlinearities, (T, B, 4H)."""
        held = tuple.__getitem__(self, 2)
        if isinstance(held, np.ndarray):
            return held
        return product(np.ascontiguousarray(held.xh[:-1, :, :-1]), unpacked(held.P, held.b.size)) + held.b

    def __iter__(self):
        return iter([self.a if k == 2 else tuple.__getitem__(self, k) for k in range(len(self._fields))])

    def __getitem__(self, k):
        return (
            self.a if k in (2, 2 - len(self)) else tuple(self)[k] if isinstance(k, slice) else super().__getitem__(k)
        )


def forward(x: np.ndarray, h0: np.ndarray, c0: np.ndarray, params: Params, mask: np.ndarray | None = None) -> Cache:
    """Run an LSTM over a batch of sequences. See reference.forward."""
    W_x, W_h, b = params
    dtype = jit.working_dtype(x, h0, c0, W_x, W_h, b)
    if dtype is None or not _fit(x, h0, c0, W_x, W_h, b):
        return reference.forward(x, h0, c0, params, mask)
    T, B, D = x.shape
    H = W_h.shape[0]
    masked = mask is not None
    mask = shapes.recurrent_mask("lstm.forward", mask, T, B)
    given = np.where(mask[:, :, None], x, x.dtype.type(0)) if masked else x
    given, h0, c0, W_x, W_h, b = [jit.plain(array, dtype) for array in (given, h0, c0, W_x, W_h, b)]
    used, empty = tiles(dtype), jit.empty_for(T * B * H, H)
    P = empty((-(-4 * H // used.width), D + H, used.width), dtype)
    xh, gates = empty((T + 1, B, D + H + 1), dtype), empty((T, B, 4 * H), dtype)
    s, c = empty((T, B, H), dtype), empty((T + 1, B, H), dtype)
    xh[:, :, -1] = 1
    flops, large = 8.0 * T * B * H * (D + H), P.nbytes > LARGE
    alone = not large and jit.parts(B, flops) == 1
    if not alone:
        pack_forward_into(used.addresses, P, W_x, W_h)
    if large:
        _project(used, P, given, xh, gates)

    def work(begin, end):
        n = end - begin
        together = 0 if large else min(T, max(1, ROWS // n)) if n < FEW and n == B else 1
        z = gates if large else empty((together * n, 4 * H), dtype)
        forward_into(
            used.addresses, used.lanes, loops(dtype.itemsize), given, h0, c0, mask, masked, W_x, W_h, b, alone, P,
            together, xh, z, gates, s, c, begin, end,
        )  # fmt: skip

    jit.split(work, B, flops)
    seen = xh[:T, :, :D] if x.dtype == dtype else np.where(mask[:, :, None], x, x.dtype.type(0))
    i, f, g, o = gates[:, :, :H], gates[:, :, H : 2 * H], gates[:, :, 2 * H : 3 * H], gates[:, :, 3 * H :]
    h = xh[:, :, D:-1]
    held = Held(P, b.copy(), xh, gates, masked, (seen, mask, i, f, g, o, h))
    return Cache(seen, mask, held, i, f, g, o, s, c, h)


def backward(dh: np.ndarray, dc_last: np.ndarray, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``. See reference.backward."""
    W_x, W_h, b = params
    s, c, mask = cache.s, cache.c, cache.mask
    dtype = jit.working_dtype(dh, dc_last, cache.h, W_x, W_h, b)
    if dtype is None or dh.shape != s.shape or dc_last.shape != s.shape[1:]:
        return reference.backward(dh, dc_last, cache, params)
    (T, B, H), D = s.shape, W_x.shape[0]
    xh, gates, masked = _buffers(cache)
    given, s, c, W_x, W_h, xh, gates = [jit.plain(array, dtype) for array in (dh, s, c, W_x, W_h, xh, gates)]
    used, empty = tiles(dtype), jit.empty_for(T * B * H, H)
    P = empty((-(-H // used.width) - (-D // used.width), 4 * H, used.width), dtype)
    dx, dh0, dc0 = empty((T, B, D), dtype), np.zeros((B, H), dtype), np.array(dc_last, dtype, order="C")
    flops, large = 16.0 * T * B * H * (D + H), (D + H) * 4 * H * dtype.itemsize > LARGE
    alone = jit.parts(B, flops) == 1
    if not alone:
        pack_backward_into(used.addresses, P, W_x, W_h)
    N_row = 4 * H + used.lanes  # not a power of two: the rows would displace each other from the cache
    all_da = empty((T * B, N_row), dtype) if large else None

    def work(begin, end):
        n = end - begin
        steps = 0 if large else min(T, max(1, ROWS // n))
        da = all_da if large else empty((steps * n, N_row), dtype)
        rows = xh if n == B else empty((1, steps * n, D + H + 1), dtype)
        held = empty((n if masked else 0, H), dtype)
        dW = empty((0 if large else D + H + 1, 4 * H), dtype)
        backward_into(
            used.addresses, used.lanes, loops(dtype.itemsize), given, mask, masked, W_x, W_h, alone, P, xh, gates, s,
            c, dx, dh0, dc0, da, steps, rows, held, dW, begin, end,
        )  # fmt: skip
        return dW

    dW, *more = jit.split(work, B, flops)
    if large:
        dW = _use_up(used, P, xh, all_da, dx)
    for part in [] if large else more:
        dW += part
    return Grads(dx, dh0, dc0, dW[:D], dW[D:-1], dW[-1])


def _project(used, P, x, xh, gates):
    """Put x into xh, and all products with W_x into gates."""
    T, B, D = x.shape
    R, N, width = xh.shape[2], gates.shape[2], used.width
    xh[:T, :, :D] = x

    def work(begin, end):
        product_into(
            used.addresses, used.lanes, xh, begin * R, R, 1, P, P[0].size, width,
            gates, begin * N, N, end - begin, N, D, False,
        )  # fmt: skip

    jit.split(work, T * B, 2.0 * T * B * D * N)


def _use_up(used, P, xh, da, dx):
    """Put da @ W_x.T into dx, and give [x h 1].T @ da."""
    (K, N_row), N, R, D, width = da.shape, P.shape[1], xh.shape[2], dx.shape[2], used.width
    dW = jit.empty((R, N), da.dtype)
    P_x = P[-(-(R - D - 1) // width) :]

    def inputs(begin, end):
        product_into(
            used.addresses, used.lanes, da, begin * N_row, N_row, 1, P_x, N * width, width,
            dx, begin * D, D, end - begin, D, N, False,
        )  # fmt: skip

    def weights(begin, end):
        begin, end = begin * width, min(end * width, N)
        product_tn_into(used.addresses, used.lanes, xh, R, da, N_row, begin, end - begin, dW, K)

    jit.split(inputs, K, 2.0 * K * D * N)
    jit.split(weights, -(-N // width), 2.0 * K * R * N)
    return dW


def _buffers(cache):
    """Give x, h and 1 side by side, the gates, and whether there is padding; joined anew for a foreign cache."""
    held = tuple.__getitem__(cache, 2)
    x, mask, i, f, g, o, h = seen = (cache.x, cache.mask, cache.i, cache.f, cache.g, cache.o, cache.h)
    if isinstance(held, Held) and all(map(is_, held.views, seen)):
        return held.xh, held.gates, held.masked
    (T, B, D), H = x.shape, h.shape[2]
    xh = np.ones((T + 1, B, D + H + 1), np.result_type(x, h))
    xh[:T, :, :D], xh[:, :, D:-1] = x, h
    return xh, np.concatenate([i, f, g, o], axis=2), not mask.all()


def _fit(x, h0, c0, W_x, W_h, b):
    """Say whether the shapes agree and nothing is empty; if not, the reference has the sentence."""
    if x.ndim != 3 or W_h.ndim != 2:
        return False
    (T, B, D), H = x.shape, W_h.shape[0]
    state = (B, H)
    return (
        T * B * D * H > 0 and h0.shape == state and c0.shape == state
        and W_x.shape == (D, 4 * H) and W_h.shape == (H, 4 * H) and b.shape == (4 * H,)
    )  # fmt: skip
