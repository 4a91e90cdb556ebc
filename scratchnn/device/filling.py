"""The kernel that fills an array: one write per entry, nothing read."""

from .launching import kernel
from .presence import numba_cuda

cuda = numba_cuda()  # a global of its own module: the simulator finds it there and nowhere else


@kernel("f1 f", registers=16)
def fill_kernel_threads(array, value):
    """One thread per entry: array[j] = value."""
    j = cuda.grid(1)
    if j < array.size:
        array[j] = value
