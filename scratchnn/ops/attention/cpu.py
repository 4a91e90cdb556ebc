"""Attention for the CPU. See reference.forward and reference.backward.

Optimizations
-------------
- Dot scores: blocks of queries against blocks of sources with register tiles; scores, exp and the product with v of a
  block happen while it is in the cache. With need_alpha=False no (B, Q, S) array is ever made: a running maximum and
  sum correct what earlier blocks added (online softmax), backward computes alpha again from the log of the sum.
- Causal: blocks above the diagonal are skipped, which is half the work.
- One or two queries (attention pooling): rows instead of tiles (cpu_few.py).
- sum over S of dalpha * alpha is dcontext * context summed over F: no pass over (Q, S) for it.
- Additive score: no (B, Q, S, A) array, forward or backward. The hidden layer of one pair is a row of A numbers in
  the first-level cache; backward computes it again, which costs less than reading it from memory would. The tanh of a
  sum from the exponentials of its parts, which are taken once: 0.12 ns a unit forward, 0.15 backward.
- The softmax of a block's rows and its way back are code written for vectors (cpu_vectors.py), one call a block: 0.6
  and 0.35 ns a number of 50, 0.3 and 0.25 of 512; loops compiled one by one took 1.1 and 2.0, 0.45 and 0.65.
- ``scores`` and ``hidden``, which backward does not need, are computed when somebody asks for them.
- Rows in buffers are as long as whole vectors: nothing is scalar.
- Large arrays use memory again that nobody holds any more (jit/memory.py): half of the time at (64, 128, 128, 64); at
  (32, 50, 50, 128) a third, for the gradients of k and v alone.
- The batch is split over threads; if it is smaller than their number, blocks of queries are.
"""

import math
from typing import Any

import numpy as np

from scratchnn import jit
from scratchnn.ops.matmul.cpu import product, product_tn, tiles
from scratchnn.ops.softmax.formula import VECTOR

from . import cpu_additive, cpu_additive_tanh, cpu_dot, cpu_few, cpu_rows, reference
from .cpu_arguments import copied, fits_backward, fits_forward, padded, three_axes, visible
from .reference import Grads, Params

Q_A, HIDDEN, SCORES, ALPHA = (reference.Cache._fields.index(name) for name in ("q_a", "hidden", "scores", "alpha"))
PAIR = 12.0  # operations that one unit of the additive score's hidden layer costs, as ``jit.split`` counts them


class Cache(reference.Cache):
    """As reference.Cache; the large nodes that backward does not need are computed when somebody asks for them.

    In the place of ``scores`` stands the log of each query's sum of exponentials, in that of ``hidden`` the query's
    and the key's part of it, v_a and its length (the three may be longer, see ``_hidden_parts``).
    """

    __slots__ = ()

    @property
    def q_a(self) -> np.ndarray | None:  # type: ignore[override]
        """Mapped queries (B, Q, E_k), general only."""
        return None if self.alpha is None else tuple.__getitem__(self, Q_A)

    @property
    def hidden(self) -> np.ndarray | None:  # type: ignore[override]
        """Hidden layer (B, Q, S, A), additive only."""
        held = tuple.__getitem__(self, HIDDEN)
        if self.alpha is None or not isinstance(held, tuple):
            return None if self.alpha is None else held
        return np.tanh(held[0][:, :, None] + held[1][:, None])[..., : held[3]]

    @property
    def scores(self) -> np.ndarray | None:  # type: ignore[override]
        """Scores (B, Q, S), before the mask."""
        held = tuple.__getitem__(self, SCORES)
        if self.alpha is None:
            return None
        if isinstance(held, np.ndarray) and held.ndim == 3:
            return held
        if self.score == "additive":
            a_q, a_k, v_a, _ = tuple.__getitem__(self, HIDDEN)
            scores = np.empty_like(self.alpha)
            cpu_additive_tanh.scores_into(a_q, a_k, v_a, v_a.dtype.type(self.scale), np.empty_like(v_a), scores)
            return scores
        q = self.q if self.score != "general" else tuple.__getitem__(self, Q_A)
        return self.scale * (q @ self.k.swapaxes(1, 2))

    def __iter__(self):
        return iter([self[k] for k in range(len(self._fields))])

    def __getitem__(self, k):
        if isinstance(k, slice):
            return tuple(self)[k]
        name = self._fields[k]
        return getattr(self, name) if name in ("q_a", "hidden", "scores") else tuple.__getitem__(self, k)


def forward(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    params: Params | None = None,
    *,
    score: str = "scaled_dot",
    scale: float | None = None,
    mask: np.ndarray | None = None,
    causal: bool = False,
    need_alpha: bool = True,
) -> reference.Cache:
    """Let every query look at the sources. See reference.forward."""
    if not fits_forward(q, k, v, params, score, scale, mask):
        options: dict[str, Any] = {"score": score, "scale": scale, "mask": mask, "causal": causal}
        return reference.forward(q, k, v, params, **options, need_alpha=need_alpha)
    dtype = q.dtype
    if scale is None:
        scale = 1 / math.sqrt(q.shape[2]) if score == "scaled_dot" else 1.0
    scale = float(scale)
    (B, Q, _), (_, S, F) = q.shape, v.shape
    mask = None if mask is None else mask.copy()
    few = _few(score, Q, causal, need_alpha)
    room = 0 if few else tiles(dtype).lanes
    sees, seen = visible(mask, causal, Q, S)
    same = k is v
    q, k = copied(q, sees, room), copied(k, seen, room)
    v = k if same else copied(v, seen, room)
    alpha, context = jit.empty((B, Q, S) if need_alpha else (0,), dtype), jit.empty((B, Q, F), dtype)
    lse, q_a, hidden = None, None, None
    if score == "additive":
        hidden = _hidden_parts(q, k, params)
        _run_additive(hidden, v, mask, causal, scale, need_alpha, alpha, context)
    else:
        q_a = product(q, jit.plain(params.W_a, dtype)) if score == "general" else None
        lse = np.empty((B, Q), dtype)
        asking = q if q_a is None else q_a
        if few:
            cpu_few.run(asking, k, v, mask, scale, alpha, lse, context)
        else:
            _run_dot(asking, k, v, mask, causal, scale, need_alpha, alpha, lse, context)
    return Cache(q, k, v, mask, causal, score, scale, q_a, hidden, lse, alpha if need_alpha else None, context)


def backward(
    dcontext: np.ndarray, cache: reference.Cache, params: Params | None = None, *, dalpha: np.ndarray | None = None
) -> Grads:
    """Undo ``forward``. See reference.backward."""
    if not (isinstance(cache, Cache) and fits_backward(dcontext, cache, params, dalpha)):
        return reference.backward(dcontext, cache, params, dalpha=dalpha)
    q, k, v, mask, causal, score, scale = tuple.__getitem__(cache, slice(7))
    Q, S, dtype = q.shape[1], k.shape[1], q.dtype
    few = _few(score, Q, causal, cache.alpha is not None)
    room = 1 if few else tiles(dtype).lanes
    sees, _ = visible(mask, causal, Q, S)
    dcontext = padded(dcontext, room) if sees is None else copied(dcontext, sees, room)
    if dalpha is not None and (mask is not None or causal):
        dalpha = np.where(np.tri(Q, S, dtype=bool) if causal else True, dalpha, dtype.type(0))
        dalpha = dalpha if mask is None else np.where(mask, dalpha, dtype.type(0))
    k, v = padded(k, room), padded(v, room)
    if score == "additive":
        return _undo_additive(dcontext, q, k, v, mask, causal, scale, cache, params, dalpha)
    q_a = q if score != "general" else tuple.__getitem__(cache, Q_A)
    if q_a is None:
        q_a = product(q, jit.plain(params.W_a, dtype))
    if few:
        dq_a, dk, dv = cpu_few.undo(dcontext, padded(q_a, room), k, v, mask, scale, cache.alpha, dalpha)
    else:
        dq_a, dk, dv = _undo_dot(dcontext, padded(q_a, room), k, v, mask, causal, scale, cache, dalpha)
    if score != "general":
        return Grads(dq_a, dk, dv)
    W_a = jit.plain(params.W_a, dtype)
    return Grads(product(dq_a, W_a, transposed=True), dk, dv, W_a=product_tn(jit.plain(q, dtype), dq_a))


def _few(score, Q, causal, keeps_alpha):
    """Tell whether the queries are so few that cpu_few.py takes them."""
    return Q <= cpu_few.FEW and keeps_alpha and not causal and score != "additive"


def _run_dot(q, k, v, mask, causal, scale, keep, alpha, lse, context):
    arrays, flops = _described(q, k, v, mask, causal, scale)
    out = (keep, *(array.reshape(-1) for array in (alpha, lse, context)))
    sizes = k.shape[1], q.shape[2], tiles(q.dtype), keep, q.dtype

    def work(*part):
        cpu_dot.forward_into(*arrays, *out, *cpu_dot.forward_buffers(*sizes), *part)

    _over_batch_or_queries(work, *q.shape[:2], flops)


def _undo_dot(dcontext, q, k, v, mask, causal, scale, cache, dalpha):
    (used, lanes, *arrays), flops = _described(q, k, v, mask, causal, scale)
    dtype, kept = q.dtype, cache.alpha is not None
    nothing = np.empty(0, dtype)
    alpha = jit.plain(cache.alpha, dtype).reshape(-1) if kept else nothing
    lse = nothing if kept else tuple.__getitem__(cache, SCORES).reshape(-1)
    given = nothing if dalpha is None else jit.plain(dalpha, dtype).reshape(-1)
    context, dq = jit.plain(cache.context, dtype).reshape(-1), jit.empty(q.shape, dtype)
    more_mean = nothing if dalpha is None else np.vecdot(dalpha, cache.alpha).reshape(-1)

    sizes = k.shape[1], q.shape[2], v.shape[2], tiles(dtype), kept, dtype

    def work(begin, end, first, step):
        dk, dv = sums if step == 1 else [jit.empty(sum_.shape, dtype) for sum_ in sums]  # its rows of all, or its own
        cpu_dot.backward_into(
            used, lanes, _flat(dcontext), *arrays, kept, alpha, lse, context, dalpha is not None, given, more_mean,
            dq.reshape(-1), dk.reshape(-1), dv.reshape(-1), *cpu_dot.backward_buffers(*sizes),
            begin, end, first, step,
        )  # fmt: skip
        return dk, dv

    sums = jit.empty(k.shape, dtype), jit.empty(v.shape, dtype)
    (dk, dv), *more = _over_batch_or_queries(work, *q.shape[:2], 3 * flops)
    for dk_more, dv_more in more:
        if dk_more is not dk:
            np.add(dk, dk_more, out=dk)
            np.add(dv, dv_more, out=dv)
    return dq, dk, dv


def _over_batch_or_queries(work, B, Q, flops):
    """Call ``work(begin, end, first, step)`` in parts: rows of the batch, or every ``step``-th block of queries."""
    threads = jit.get_num_threads()
    blocks = -(-Q // cpu_dot.height_of_blocks(Q))
    if threads <= B or blocks == 1:
        return jit.split(lambda begin, end: work(begin, end, 0, 1), B, flops)
    step = min(threads, blocks)
    parts = jit.split(lambda begin, end: [work(0, B, first, step) for first in range(begin, end)], step, flops)
    return [part for some in parts for part in some]


def _described(q, k, v, mask, causal, scale):
    """Give what both kernels of dot attention begin with, and the cost of forward."""
    (B, Q, E), (_, S, F) = q.shape, v.shape
    used = tiles(q.dtype)
    seen = cpu_rows.codes(q.dtype, mask is not None), three_axes(mask, S), bool(causal)
    sizes = (B, Q, S, E, F, *seen, np.full(1, scale, q.dtype))
    return (used.addresses, used.lanes, _flat(q), _flat(k), _flat(v), *sizes), 2.0 * B * Q * S * (E + F + 20)


def _hidden_parts(q, k, params):
    """Give q W_q, k W_k and v_a, in float32 with zeros up to whole vectors: tanh(0) adds nothing anywhere."""
    W_q, W_k, v_a = _wide(params)
    a_q, a_k, A = product(jit.plain(q, q.dtype), W_q), product(jit.plain(k, q.dtype), W_k), params.v_a.size
    if v_a.size > A:
        a_q[..., A:], a_k[..., A:] = 0, 0  # 0 times an infinity is not
    return a_q, a_k, v_a, A


def _wide(params):
    A = params.v_a.size
    more = -A % VECTOR if params.v_a.dtype == np.float32 else 0
    if not more:
        return jit.plain(params.W_q, params.W_q.dtype), jit.plain(params.W_k, params.W_k.dtype), params.v_a.copy()
    wide = [np.zeros((*array.shape[:-1], A + more), array.dtype) for array in params[1:]]
    for array, given in zip(wide, params[1:], strict=True):
        array[..., :A] = given
    return wide


def _run_additive(hidden, v, mask, causal, scale, keep, alpha, context):
    (B, Q, F), S, A = context.shape, v.shape[1], hidden[2].size
    used, dtype = tiles(v.dtype), v.dtype
    seen = cpu_rows.codes(dtype, mask is not None), three_axes(mask, S), bool(causal)
    arrays = (used.addresses, used.lanes, *hidden[:3], _flat(v), F, *seen)
    out = (np.full(1, -2 * scale, dtype), keep, alpha.reshape(-1), context.reshape(-1))

    hard = np.zeros(B, bool)

    def work(begin, end):
        buffers = cpu_additive.forward_buffers(Q, S, A, dtype)
        cpu_additive.forward_into(*arrays, *out, hard, *buffers, begin, end)
        _each(cpu_additive_tanh.forward_into, begin + np.flatnonzero(hard[begin:end]), *arrays, *out)

    jit.split(work, B, PAIR * B * Q * S * A)


def _each(kernel, batches, *arguments):
    for b in batches.tolist():
        kernel(*arguments, b, b + 1)


def _undo_additive(dcontext, q, k, v, mask, causal, scale, cache, params, dalpha):
    hidden, dtype = tuple.__getitem__(cache, HIDDEN), q.dtype
    (B, Q, F), S, kept = dcontext.shape, k.shape[1], cache.alpha is not None
    if not isinstance(hidden, tuple):
        hidden = _hidden_parts(q, k, params)
    used, nothing = tiles(dtype), np.empty(0, dtype)
    a_q, a_k, v_a, A = hidden
    given = nothing if dalpha is None else jit.plain(dalpha, dtype).reshape(-1)
    da_q, da_k, dv = (jit.empty(array.shape, dtype) for array in (a_q, a_k, v))
    alpha = jit.plain(cache.alpha, dtype).reshape(-1) if kept else nothing
    arrays = (
        used.addresses, used.lanes, _flat(dcontext), a_q, a_k, v_a, _flat(v), F,
        cpu_rows.codes(dtype, mask is not None), three_axes(mask, S), bool(causal), np.full(1, -2 * scale, dtype),
        kept, alpha, dalpha is not None, given,
        da_q, da_k, dv.reshape(-1),
    )  # fmt: skip
    flops = 2 * PAIR * B * Q * S * v_a.size

    hard = np.zeros(B, bool)

    def work(begin, end):
        dv_a = np.zeros_like(v_a)
        buffers = cpu_additive.backward_buffers(Q, S, v_a.size, F, used.width, dtype)
        cpu_additive.backward_into(*arrays, dv_a, hard, *buffers, begin, end)
        _each(cpu_additive_tanh.backward_into, begin + np.flatnonzero(hard[begin:end]), *arrays, dv_a)
        return dv_a

    dv_a = sum(jit.split(work, B, flops))
    W_q, W_k, _ = _wide(params)
    dq, dk = product(da_q, W_q, transposed=True), product(da_k, W_k, transposed=True)
    dW_q, dW_k = product_tn(jit.plain(q, dtype), da_q), product_tn(jit.plain(k, dtype), da_k)
    return Grads(dq, dk, dv, W_q=dW_q[:, :A], W_k=dW_k[:, :A], v_a=dv_a[:A])


def _flat(array):
    return array.reshape(-1)
