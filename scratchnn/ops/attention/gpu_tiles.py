"""The third rung of attention's kernels: tiles of queries against tiles of sources, alpha never as a whole.

Here are forward and what it shares with backward (gpu_tiles_back.py).

A block has across x across threads and a tile of side = 4 across queries by as many sources; each thread makes 4 x 4
of its scores in registers: 8 numbers read from shared memory, 16 bytes at a time, serve 16 products. Scores,
exponentials and the product with v of a tile happen while it is on the chip. Forward keeps a running maximum and sum
of each query and corrects what earlier tiles added (online softmax); of alpha only the log of the sum stays, from
which backward makes it again. Backward is two kernels, one for each way to add up: dq a tile of queries, dk and dv a
tile of sources. So no sum has two writers: no atomics, and a repetition gives the same bits.

The additive score differs in one operation: instead of a product, v_a times tanh of the sum. Its hidden layer
(B, Q, S, A) is never stored, forward or backward.

A thread of these kernels needs 120 to 240 registers, so a multiprocessor holds one block or two of 256 threads.

Count first, for B sequences of Q queries, S sources, widths E and F. Forward: 2 B Q S (E + F) flops; backward:
2 B Q S (3 E + 2 F) of which dq's kernel and dk's both make the scores and dalpha again, in all 2 B Q S (4 E + 3 F).
Memory: q, k, v and context once each, and k and v again for every tile of queries, from the second-level cache: at 64
queries a tile 32 flops a byte of it, so arithmetic is the limit.
"""

import math
from functools import cache
from typing import Any

from scratchnn.device import cuda, function, kernel
from scratchnn.device.instructions import load4

from .formula import dunit, hidden_unit


@function
def hide_into(total, value, mask, masked, causal, b, top, near, Q, S):
    """Put ``value`` where a query may not look. ``mask`` is 1 long where it broadcasts."""
    x, y = near + 4 * cuda.threadIdx.x, top + 4 * cuda.threadIdx.y
    for r in range(4):
        end = 0 if y + r >= Q else min(S, y + r + 1) if causal else S
        for c in range(4):
            if x + c >= end:
                total[r, c] = value
    if masked:
        b = min(b, mask.shape[0] - 1)
        for r in range(4):
            i = min(y + r, mask.shape[1] - 1)
            for c in range(4):
                if not mask[b, i, min(x + c, mask.shape[2] - 1)]:
                    total[r, c] = value


@cache
def tools(dtype: Any, additive: bool, across: int, deep: int) -> tuple:
    """Make the functions that the kernels of one kind of score share.

    Parameters
    ----------
    dtype : type
    additive : bool
    across : int
        Threads of a row of the block.
    deep : int
        So much at a time of what is summed over.

    Returns
    -------
    scores_into, products_into, weighted_into, units_into : functions
    """
    side, threads = 4 * across, across * across
    pitch = side + 4  # a multiple of 4 for load4, not of 32 for the banks
    zero = dtype(0)

    @function
    def turned_into(part, X, b, first, begin):
        """Bring columns ``begin`` to ``begin + deep`` of a tile's rows of X, turned; zeros where X ends."""
        for n in range(cuda.threadIdx.y * across + cuda.threadIdx.x, side * deep, threads):
            j, e = n // deep, n % deep
            inside = first + j < X.shape[1] and begin + e < X.shape[2]
            part[e * pitch + j] = X[b, first + j, begin + e] if inside else zero

    @function
    def straight_into(part, X, b, first, begin):
        """Bring rows ``first`` to ``first + deep`` of a tile's columns of X; zeros where X ends."""
        for n in range(cuda.threadIdx.y * across + cuda.threadIdx.x, side * deep, threads):
            e, j = n // side, n % side
            inside = first + e < X.shape[1] and begin + j < X.shape[2]
            part[e * pitch + j] = X[b, first + e, begin + j] if inside else zero

    @function
    def products_into(total, left, right, A, top, B, near, b):
        """Give the products of a tile's rows of A with those of B."""
        a = cuda.local.array(4, dtype)
        x, y = 4 * cuda.threadIdx.x, 4 * cuda.threadIdx.y
        for r in range(4):
            for c in range(4):
                total[r, c] = zero
        for begin in range(0, A.shape[2], deep):
            turned_into(left, A, b, top, begin)
            turned_into(right, B, b, near, begin)
            cuda.syncthreads()
            for e in range(deep):
                a[0], a[1], a[2], a[3] = load4(left, e * pitch + y)
                b0, b1, b2, b3 = load4(right, e * pitch + x)
                for r in range(4):
                    total[r, 0] += a[r] * b0
                    total[r, 1] += a[r] * b1
                    total[r, 2] += a[r] * b2
                    total[r, 3] += a[r] * b3
            cuda.syncthreads()

    @function
    def hidden_into(total, left, right, A, top, B, near, b, v_a):
        """Give the additive score's sums over the hidden layer, of a tile's rows of A with those of B."""
        a = cuda.local.array(4, dtype)
        x, y = 4 * cuda.threadIdx.x, 4 * cuda.threadIdx.y
        for r in range(4):
            for c in range(4):
                total[r, c] = zero
        for begin in range(0, A.shape[2], deep):
            turned_into(left, A, b, top, begin)
            turned_into(right, B, b, near, begin)
            cuda.syncthreads()
            for e in range(min(deep, A.shape[2] - begin)):
                a[0], a[1], a[2], a[3] = load4(left, e * pitch + y)
                b0, b1, b2, b3 = load4(right, e * pitch + x)
                heavy = v_a[begin + e]
                for r in range(4):
                    total[r, 0] += heavy * hidden_unit(a[r], b0)
                    total[r, 1] += heavy * hidden_unit(a[r], b1)
                    total[r, 2] += heavy * hidden_unit(a[r], b2)
                    total[r, 3] += heavy * hidden_unit(a[r], b3)
            cuda.syncthreads()

    if additive:
        scores_into = hidden_into
    else:

        @function
        def scores_into(total, left, right, A, top, B, near, b, v_a):
            """Give the scores of a tile before the scale."""
            products_into(total, left, right, A, top, B, near, b)

    @function
    def weighted_into(total, weights, right, X, b, first, begin):
        """Add the tile's rows of X, from ``first`` on, each times its weight for r at n * pitch + r."""
        a = cuda.local.array(4, dtype)
        x, y = 4 * cuda.threadIdx.x, 4 * cuda.threadIdx.y
        for n in range(0, side, deep):
            straight_into(right, X, b, first + n, begin)
            cuda.syncthreads()
            for e in range(min(deep, side - n)):
                a[0], a[1], a[2], a[3] = load4(weights, (n + e) * pitch + y)
                b0, b1, b2, b3 = load4(right, e * pitch + x)
                for r in range(4):
                    total[r, 0] += a[r] * b0
                    total[r, 1] += a[r] * b1
                    total[r, 2] += a[r] * b2
                    total[r, 3] += a[r] * b3
            cuda.syncthreads()

    @function
    def units_into(total, heads, own, weights, right, X, b, first, begin):
        """Undo the hidden layer: add dscore * (1 - hidden**2) to ``total`` and dscore * hidden to ``heads``."""
        a, part = cuda.local.array(4, dtype), cuda.local.array(4, dtype)
        x, y = 4 * cuda.threadIdx.x, 4 * cuda.threadIdx.y
        for n in range(0, side, deep):
            straight_into(right, X, b, first + n, begin)
            cuda.syncthreads()
            for e in range(min(deep, side - n)):
                a[0], a[1], a[2], a[3] = load4(weights, (n + e) * pitch + y)
                part[0], part[1], part[2], part[3] = load4(right, e * pitch + x)
                for r in range(4):
                    for c in range(4):
                        unit = hidden_unit(own[r, c], part[c])
                        total[r, c] += dunit(a[r], unit)
                        heads[r, c] += a[r] * unit
            cuda.syncthreads()

    return scores_into, products_into, weighted_into, units_into


@cache
def forward_kernel(dtype: Any, additive: bool, across: int, deep: int) -> Any:
    """Make the kernel of forward: a block has a tile of queries and ``side`` columns of context."""
    side = 4 * across
    pitch, room, square, columns = side + 4, side * (side + 4), (4, 4), across + 1
    some, sums_room = deep * (side + 4), side * (across + 1)
    scores_into, _, weighted_into, _ = tools(dtype, additive, across, deep)
    zero, one, lowest = dtype(0), dtype(1), dtype(-math.inf)

    @kernel("f3 f3 f3 b3 b b f f1 f2 f3", registers=176)
    def attention_kernel_tiles_forward(q, k, v, mask, masked, causal, scale, v_a, lse, context):
        left = cuda.shared.array(some, dtype, alignment=16)
        right = cuda.shared.array(some, dtype, alignment=16)
        weights = cuda.shared.array(room, dtype, alignment=16)
        part = cuda.shared.array(sums_room, dtype)
        total = cuda.local.array(square, dtype)
        found = cuda.local.array(square, dtype)
        most = cuda.local.array(4, dtype)
        sums = cuda.local.array(4, dtype)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        top, b, begin = cuda.blockIdx.x * side, cuda.blockIdx.y, cuda.blockIdx.z * side
        Q, S = q.shape[1], k.shape[1]
        for r in range(4):
            most[r], sums[r] = lowest, zero
            for c in range(4):
                found[r, c] = zero
        for near in range(0, min(S, top + side) if causal else S, side):
            scores_into(total, left, right, q, top, k, near, b, v_a)
            for r in range(4):
                for c in range(4):
                    total[r, c] *= scale
            hide_into(total, lowest, mask, masked, causal, b, top, near, Q, S)
            for r in range(4):
                row_most = lowest
                for c in range(4):
                    row_most = max(row_most, total[r, c])
                part[(4 * y + r) * columns + x] = row_most
            cuda.syncthreads()
            for r in range(4):
                new = most[r]
                for n in range(across):
                    new = max(new, part[(4 * y + r) * columns + n])
                shift = new if new != lowest else zero
                fade = math.exp(most[r] - shift)
                sums[r] *= fade
                most[r] = new
                for c in range(4):
                    found[r, c] *= fade
                    e = math.exp(total[r, c] - shift)
                    sums[r] += e
                    weights[(4 * x + c) * pitch + 4 * y + r] = e
            cuda.syncthreads()
            weighted_into(found, weights, right, v, b, near, begin)
        for r in range(4):
            part[(4 * y + r) * columns + x] = sums[r]
        cuda.syncthreads()
        for r in range(4):
            i, row_sum = top + 4 * y + r, zero
            for n in range(across):
                row_sum += part[(4 * y + r) * columns + n]
            share = one / row_sum if row_sum != zero else one
            if i < Q:
                if x == 0 and begin == 0:
                    lse[b, i] = most[r] + math.log(row_sum) if row_sum != zero else -lowest
                for c in range(4):
                    if begin + 4 * x + c < context.shape[2]:
                        context[b, i, begin + 4 * x + c] = found[r, c] * share

    return attention_kernel_tiles_forward


@cache
def alpha_kernel(dtype: Any, additive: bool, across: int, deep: int) -> Any:
    """Make the kernel that writes scores and alpha, for those who want to see them: a block a tile of them."""
    side, square = 4 * across, (4, 4)
    some = deep * (side + 4)
    scores_into, _, _, _ = tools(dtype, additive, across, deep)
    lowest = dtype(-math.inf)

    @kernel("f3 f3 b3 b b f f1 f2 f3 f3", registers=128)
    def attention_kernel_tiles_alpha(q, k, mask, masked, causal, scale, v_a, lse, scores, alpha):
        left = cuda.shared.array(some, dtype, alignment=16)
        right = cuda.shared.array(some, dtype, alignment=16)
        total = cuda.local.array(square, dtype)
        top, near, b = cuda.blockIdx.x * side, cuda.blockIdx.y * side, cuda.blockIdx.z
        Q, S = q.shape[1], k.shape[1]
        x, y = near + 4 * cuda.threadIdx.x, top + 4 * cuda.threadIdx.y
        scores_into(total, left, right, q, top, k, near, b, v_a)
        for r in range(4):
            for c in range(4):
                total[r, c] *= scale
                if y + r < Q and x + c < S:
                    scores[b, y + r, x + c] = total[r, c]
        hide_into(total, lowest, mask, masked, causal, b, top, near, Q, S)
        for r in range(4):
            for c in range(4):
                if y + r < Q and x + c < S:
                    alpha[b, y + r, x + c] = math.exp(total[r, c] - lse[b, y + r])

    return attention_kernel_tiles_alpha
