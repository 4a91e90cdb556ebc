"""The kernels: moving numbers, taking rows, adding, summing up. All bound by memory: a read and a write a number."""

from scratchnn.device import cuda, kernel

from .launch import THREADS


@kernel("f1 i i i i i f1 i i i i i i i i i", registers=48)
def move_kernel_any_strides(source, at, s0, s1, s2, s3, target, to, t0, t1, t2, t3, n0, n1, n2, n3):
    """Copy a box of up to four axes from one flat array to another, each with its strides."""
    for j in range(cuda.grid(1), n0 * n1 * n2 * n3, cuda.gridsize(1)):
        i3 = j % n3
        rest = j // n3
        i2 = rest % n2
        rest //= n2
        i1 = rest % n1
        i0 = rest // n1
        target[to + i0 * t0 + i1 * t1 + i2 * t2 + i3 * t3] = source[at + i0 * s0 + i1 * s1 + i2 * s2 + i3 * s3]


@kernel("f3 i1 b b b b b f3", registers=64)
def arrange_kernel_thread_a_number(x, lengths, all_real, reversing, clearing, batch_first, turning, y):
    """Copy sequences: each turned round by its own length, its padding cleared, the first two axes swapped."""
    for n in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        k, first, second = n % y.shape[2], n // (y.shape[1] * y.shape[2]), n // y.shape[2] % y.shape[1]
        x_batch_first = batch_first != turning  # of x; ``batch_first`` is that of y
        t, b, T = (second, first, y.shape[1]) if batch_first else (first, second, y.shape[0])
        length = T if all_real else lengths[b]
        real = t < length
        if reversing and real:
            t = length - 1 - t
        value = y.dtype.type(0)
        if real or not clearing:
            value = x[b, t, k] if x_batch_first else x[t, b, k]
        y[first, second, k] = value


@kernel("f2 b1 f2", registers=40)
def clear_kernel_thread_a_number(x, kept, y):
    """Copy rows, zeros for those that are not kept: they are not read."""
    for n in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        row, k = n // y.shape[1], n % y.shape[1]
        y[row, k] = x[row, k] if kept[row] else y.dtype.type(0)


@kernel("i1 b b2", registers=48)
def real_steps_kernel_thread_a_step(lengths, batch_first, mask):
    """Say which steps are real."""
    for n in range(cuda.grid(1), mask.size, cuda.gridsize(1)):
        first, second = n // mask.shape[1], n % mask.shape[1]
        mask[first, second] = second < lengths[first] if batch_first else first < lengths[second]


@kernel("b2 b3", registers=48)
def pairs_kernel_thread_a_pair(mask, pairs):
    """Say where both of a pair of steps are real."""
    T = mask.shape[1]
    for n in range(cuda.grid(1), pairs.size, cuda.gridsize(1)):
        b, i, j = n // (T * T), n // T % T, n % T
        pairs[b, i, j] = mask[b, i] and mask[b, j]


@kernel("f1 f f1", registers=40)
def add_scaled_kernel_thread_a_number(x, factor, total):
    """Add factor * x to the total."""
    for j in range(cuda.grid(1), total.size, cuda.gridsize(1)):
        total[j] += factor * x[j]


@kernel("f1 f u1", registers=40)
def beyond_kernel_thread_a_number(x, most, count):
    """Count the numbers below ``-most`` and above ``most``: a sum of whole numbers, which no order can change."""
    for j in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        if x[j] > most or x[j] < -most:
            cuda.atomic.add(count, 0, 1)


@kernel("f1 f1 f1", registers=40)
def add_kernel_thread_a_number(a, b, total):
    """Give a + b; ``total`` may be one of the two."""
    for j in range(cuda.grid(1), total.size, cuda.gridsize(1)):
        total[j] = a[j] + b[j]


@kernel("f1 f f1", registers=40)
def scale_kernel_thread_a_number(x, factor, y):
    """Give x * factor; ``y`` may be ``x``."""
    for j in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        y[j] = x[j] * factor


@kernel("f1 f f1", registers=40)
def clamp_kernel_thread_a_number(x, most, y):
    """Give x, but at most ``most`` and at least ``-most``; NaN stays NaN."""
    for j in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        value = x[j]
        y[j] = most if value > most else -most if value < -most else value


@kernel("f3 f2 f2", registers=64)
def weigh_kernel_thread_a_number(x, share, y):
    """Give y[b] = sum over t of share[b, t] * x[b, t]."""
    for j in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        b, k = j // y.shape[1], j % y.shape[1]
        total = y.dtype.type(0)
        for t in range(x.shape[1]):
            total += share[b, t] * x[b, t, k]
        y[b, k] = total


@kernel("f2 f2 f3", registers=48)
def weigh_backward_kernel_thread_a_number(dy, share, dx):
    """Give dx[b, t] = share[b, t] * dy[b]."""
    T, H = dx.shape[1], dx.shape[2]
    for j in range(cuda.grid(1), dx.size, cuda.gridsize(1)):
        b, t, k = j // (T * H), j // H % T, j % H
        dx[b, t, k] = share[b, t] * dy[b, k]


@kernel("f2 i f2", registers=40)
def sum_rows_kernel_part_a_block(x, rows, parts):
    """Give the sums of the columns over ``rows`` rows each: row n of ``parts`` is that of the n-th part."""
    k = cuda.grid(1)
    if k >= x.shape[1]:
        return
    part = cuda.blockIdx.y
    total = x.dtype.type(0)
    for n in range(part * rows, min((part + 1) * rows, x.shape[0])):
        total += x[n, k]
    parts[part, k] = total


@kernel("f1 f1", registers=40)
def squares_kernel_part_a_block(x, parts):
    """Give the sum of the squares, a part of it per block."""
    held = cuda.shared.array(THREADS, x.dtype)
    at, half = cuda.threadIdx.x, cuda.blockDim.x // 2
    total = x.dtype.type(0)
    for j in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        total += x[j] * x[j]
    held[at] = total
    cuda.syncthreads()
    while half > 0:
        if at < half:
            held[at] += held[at + half]
        cuda.syncthreads()
        half //= 2
    if at == 0:
        parts[cuda.blockIdx.x] = held[0]


def kernels() -> list:
    """List the kernels of this file, for the tests that compile them."""
    return [
        move_kernel_any_strides,
        arrange_kernel_thread_a_number,
        clear_kernel_thread_a_number,
        real_steps_kernel_thread_a_step,
        pairs_kernel_thread_a_pair,
        add_scaled_kernel_thread_a_number,
        beyond_kernel_thread_a_number,
        add_kernel_thread_a_number,
        scale_kernel_thread_a_number,
        clamp_kernel_thread_a_number,
        weigh_kernel_thread_a_number,
        weigh_backward_kernel_thread_a_number,
        sum_rows_kernel_part_a_block,
        squares_kernel_part_a_block,
    ]
