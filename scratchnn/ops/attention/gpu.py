"""Attention for the GPU. See reference.forward and reference.backward.

Optimizations
-------------
- Tiles of queries against tiles of sources, with products in registers; scores, exponentials and the product with v
  of a tile happen on the chip (gpu_tiles.py). With need_alpha=False no (B, Q, S) array is ever made: forward keeps
  the log of each query's sum of exponentials, from which backward computes alpha again.
- Causal: tiles above the diagonal are skipped, which is half the work.
- sum over S of dalpha * alpha is dcontext * context summed over F: no pass over (Q, S) for it.
- Additive score: no (B, Q, S, A) array, forward or backward; in the cache ``hidden`` is computed when somebody asks.
- Masks are read as they are, with the axes that they have: nothing is spread.
- Every sum has one writer, so repeated runs give the same bits.

The ladder is in ``RUNGS``; gpu_first.py and gpu_tiles.py count flops and bytes.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from scratchnn import arrays, device
from scratchnn.arrays import launch
from scratchnn.device import Rung, cuda, kernel
from scratchnn.ops.matmul.gpu import product

from . import gpu_arguments, gpu_first, gpu_launches, gpu_tiles, gpu_tiles_back, reference
from .formula import hidden_unit
from .gpu_arguments import checked, dtype_of, kept, means, three_axes, visible
from .gpu_launches import Problem
from .reference import Grads, Params


class Cache(reference.Cache):
    """As reference.Cache; beside its fields ``inner`` holds what backward wants and they lack, on the device.

    ``hidden`` of the additive score is computed when somebody asks for it by this name; in the tuple it is None.
    """

    inner: "Inner | None" = None

    @property
    def hidden(self) -> Any:  # type: ignore[override]
        """Hidden layer (B, Q, S, A), additive only."""
        if self.alpha is None or self.score != "additive" or self.inner is None:
            return None
        a_q, a_k = self.inner.asking, self.inner.asked
        (B, Q, A), S = a_q.shape, a_k.shape[1]
        made = device.empty((B, Q, S, A), a_q.dtype)
        attention_kernel_hidden[launch.over(made.size)](a_q, a_k, made)
        return made if device.on_device(self.q) else device.to_host(made)


class Inner(NamedTuple):
    """What lies between the inputs and the scores, and what alpha can be made from again."""

    asking: Any  # (B, Q, E), q, q W_a or q W_q: what the kernels take for q
    asked: Any  # (B, S, E), k or k W_k
    lse: Any  # (B, Q), log of the sum of exponentials; inf for a query that may see nothing


@kernel("f3 f3 f4", registers=48)
def attention_kernel_hidden(a_q, a_k, hidden):
    """Give tanh(a_q + a_k) of every query and source."""
    Q, S, A = hidden.shape[1], hidden.shape[2], hidden.shape[3]
    for at in range(cuda.grid(1), hidden.size, cuda.gridsize(1)):
        b, i, j, a = at // (Q * S * A), at // (S * A) % Q, at // A % S, at % A
        hidden[b, i, j, a] = hidden_unit(a_q[b, i, a], a_k[b, j, a])


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
    return _forward(gpu_launches.by_tiles, q, k, v, params, score, scale, mask, causal, need_alpha)


def backward(
    dcontext: np.ndarray, cache: reference.Cache, params: Params | None = None, *, dalpha: np.ndarray | None = None
) -> Grads:
    """Undo ``forward``. See reference.backward."""
    return _backward(gpu_launches.undo_by_tiles, gpu_launches.by_tiles, dcontext, cache, params, dalpha)


def _forward(run, q, k, v, params, score, scale, mask, causal, need_alpha):
    scale, causal = checked(q, k, v, params, score, scale, mask), bool(causal)
    weights = [getattr(params, name) for name in reference.NEEDS[score]]
    (q, k, v, *weights), home = device.bring("attention.forward", q, k, v, *weights)
    home = home and not device.on_device(mask)
    given = mask.copy() if isinstance(mask, np.ndarray) else None
    three, there, masked = three_axes(mask)
    (B, Q, _), S = q.shape, k.shape[1]
    asks, seen = visible(three, masked, causal, B, Q, S)
    q, k, v = kept(q, asks), kept(k, seen), kept(v, seen)
    problem = _problem(q, k, v, weights, score, three, masked, causal, scale)
    context, lse, scores, alpha = run(problem, need_alpha)
    q_a = problem.q if score == "general" and need_alpha else None
    made = Cache(q, k, v, there, causal, score, scale, q_a, None, scores, alpha, context)
    made = device.back(made, home)
    if home:
        made = made._replace(mask=given)
    made.inner = Inner(problem.q, problem.k, lse)
    return made


def _backward(undo, run, dcontext, cache, params, dalpha):
    dalpha = None if isinstance(reference._check_upstream(dcontext, cache, params, dalpha), int) else dalpha
    weights = [getattr(params, name) for name in reference.NEEDS[cache.score]]
    more = [] if dalpha is None else [dalpha, cache.alpha]
    (dcontext, q, k, v, context, *rest), home = device.bring(
        "attention.backward", dcontext, cache.q, cache.k, cache.v, cache.context, *weights, *more
    )
    weights, more = rest[: len(weights)], rest[len(weights) :]
    mask, _, masked = three_axes(cache.mask)
    (B, Q, _), S = q.shape, k.shape[1]
    asks, _ = visible(mask, masked, cache.causal, B, Q, S)
    dcontext = kept(dcontext, asks)
    problem = _problem(q, k, v, weights, cache.score, mask, masked, cache.causal, cache.scale)
    inner = getattr(cache, "inner", None)
    lse = run(problem, False)[1] if inner is None or inner.lse.dtype != q.dtype else inner.lse
    given, alpha = more or (None, None)
    delta = means(dcontext, context, alpha, given)
    dq, dk, dv, heads = undo(problem, lse, delta, dcontext, context if given is None else given, given is not None)
    grads = _through_score(q, k, dq, dk, heads, weights, cache.score)
    return device.back(Grads(v=dv, **grads), home)


def _problem(q, k, v, weights, score, mask, masked, causal, scale):
    """Make what the kernels take for q and k: for "general" q W_a, for "additive" both parts of the hidden layer."""
    v_a = q.reshape(q.size)  # not read
    if score == "general":
        q = _rows(q, weights[0])
    elif score == "additive":
        q, k, v_a = _rows(q, weights[0]), _rows(k, weights[1]), weights[2]
    return Problem(q, k, v, mask, masked, causal, dtype_of(q)(scale), v_a, score == "additive")


def _through_score(q, k, dq, dk, heads, weights, score):
    """Undo what ``_problem`` did."""
    if score == "general":
        return {"q": _rows(dq, weights[0], turned=True), "k": dk, "W_a": _summed(q, dq)}
    if score == "additive":
        grads = {"q": _rows(dq, weights[0], turned=True), "k": _rows(dk, weights[1], turned=True)}
        return grads | {"W_q": _summed(q, dq), "W_k": _summed(k, dk), "v_a": arrays.sum_rows(heads)}
    return {"q": dq, "k": dk}


def _rows(x, W, turned=False):
    """Multiply the last axis by W, or by W.T."""
    B, N, width = x.shape
    return product(x.reshape(B * N, width), W, B_turned=turned).reshape(B, N, W.shape[0 if turned else 1])


def _summed(x, dy):
    """Give the gradient of W in y = x W, summed over the rows of the batch."""
    rows = x.shape[0] * x.shape[1]
    return product(x.reshape(rows, x.shape[2]), dy.reshape(rows, dy.shape[2]), A_turned=True)


def _rung(name: str, new: str, costs: str, expect: str, run: Callable, undo: Callable) -> Rung:
    def rung_forward(
        q, k, v, params=None, *, score="scaled_dot", scale=None, mask=None, causal=False, need_alpha=True
    ):  # fmt: skip
        return _forward(run, q, k, v, params, score, scale, mask, causal, need_alpha)

    def rung_backward(dcontext, cache, params=None, *, dalpha=None):
        return _backward(undo, run, dcontext, cache, params, dalpha)

    return Rung(name, new, costs, expect, rung_forward, rung_backward)


RUNGS = (
    _rung(
        "three passes",
        "Scores, softmax and context one after the other, as the equations stand; a thread for each number.",
        "Two (B, Q, S) arrays written and read again, forward and backward; every product reads 8 bytes for 2 flops.",
        "Memory is the limit: a few per cent of the float32 peak, and the two arrays are 134 MB a sequence at 4096.",
        gpu_launches.by_passes,
        gpu_launches.undo_by_passes,
    ),
    _rung(
        "one block a query",
        "A row of scores stays in shared memory; backward computes it again, once a query and once a source.",
        "Rows of 4096 at most; all of k and v is read for every single query. The dot scores only.",
        "The second-level cache is the limit: 2 flops for 4 bytes read; memory O(Q + S).",
        gpu_launches.by_row,
        gpu_launches.undo_by_row,
    ),
    _rung(
        "online softmax in tiles",
        "A tile of queries shares what it reads of k and v; maximum and sum run along and correct what was added.",
        "120 to 240 registers a thread, 30 KB of shared memory, and backward makes seven products instead of five.",
        "Arithmetic is the limit: a third to a half of the float32 peak. Rows of any length; memory O(Q + S).",
        gpu_launches.by_tiles,
        gpu_launches.undo_by_tiles,
    ),
)


def kernels(dtype: Any = np.float32) -> Iterator[device.Kernel]:
    """Give every kernel of this room as it runs on a device: tests/ops/gpu_compile holds them to their promises.

    Parameters
    ----------
    dtype : type

    Returns
    -------
    iterator of Kernel
    """
    yield attention_kernel_hidden
    yield from gpu_arguments.kernels()
    yield gpu_first.attention_kernel_passes_scores
    yield gpu_first.attention_kernel_passes_alpha
    yield gpu_first.attention_kernel_passes_weighted
    yield gpu_first.attention_kernel_passes_weighted_turned
    yield gpu_first.attention_kernel_passes_dscores
    for make in (gpu_first.row_forward_kernel, gpu_first.row_dq_kernel, gpu_first.row_dk_dv_kernel):
        yield make(dtype, 4096)
    for additive in (False, True):
        kind = (dtype, additive, 16, 16)
        yield gpu_tiles.forward_kernel(*kind)
        yield gpu_tiles.alpha_kernel(*kind)
        yield gpu_tiles_back.dq_kernel(*kind)
        yield gpu_tiles_back.dk_dv_kernel(*kind)
