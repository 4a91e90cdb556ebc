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


@kernel("f2 i1 f2", registers=40)
def take_rows_kernel_thread_a_number(x, rows, y):
    """Give row ``rows[n]`` of x as row n of y; zeros where that is negative."""
    for j in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        n, k = j // y.shape[1], j % y.shape[1]
        row = rows[n]
        y[n, k] = x[row, k] if row >= 0 else y.dtype.type(0)


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
        take_rows_kernel_thread_a_number,
        add_kernel_thread_a_number,
        scale_kernel_thread_a_number,
        clamp_kernel_thread_a_number,
        weigh_kernel_thread_a_number,
        weigh_backward_kernel_thread_a_number,
        sum_rows_kernel_part_a_block,
        squares_kernel_part_a_block,
    ]
