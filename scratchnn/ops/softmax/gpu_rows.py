"""What one block does to the row that it has: the largest and the sum of what its threads hold.

A tree in shared memory, log2(threads) steps with a barrier each. The order of the additions depends on the number of
threads alone, so a repetition gives the same bits.
"""

from scratchnn.device import cuda, function

THREADS = 256  # most of a block; room in shared memory is for so many numbers, fewer may be launched


@function
def largest_of_block(part, value):
    """Give every thread of a block the largest ``value``; ``part`` is shared, the number of threads a power of 2."""
    at, half = cuda.threadIdx.x, cuda.blockDim.x // 2
    part[at] = value
    cuda.syncthreads()
    while half > 0:
        if at < half and part[at + half] > part[at]:
            part[at] = part[at + half]
        cuda.syncthreads()
        half //= 2
    result = part[0]
    cuda.syncthreads()  # the next use of ``part`` must not overtake the slowest reader
    return result


@function
def sum_of_block(part, value):
    """Give every thread of a block the sum of all ``value``; see ``largest_of_block``."""
    at, half = cuda.threadIdx.x, cuda.blockDim.x // 2
    part[at] = value
    cuda.syncthreads()
    while half > 0:
        if at < half:
            part[at] += part[at + half]
        cuda.syncthreads()
        half //= 2
    result = part[0]
    cuda.syncthreads()
    return result
