"""The one place for Numba: flags, where compiled kernels are kept, threads, and arrays as kernels want them.

Flags
-----
``error_model="numpy"``: a division by zero gives inf, as in NumPy, instead of raising; the test for it would keep
every loop with a division scalar. ``nogil=True``: kernels run outside Python's lock, so threads split the work.
``fastmath={"contract"}``: a product and a sum may become one instruction with one rounding. No other fast-math: NaN
and inf behave as in NumPy.

Where kernels are kept
----------------------
In ``folder()``, named by a digest of every kernel source, of the versions and of the flags that Numba leaves out of
its own key: an edit anywhere gives a new folder, so a stale kernel cannot be met, and no two test weathers share one.
``SCRATCHNN_CACHE_DIR`` (or Numba's own ``NUMBA_CACHE_DIR``) chooses the place; a home that cannot be written is
replaced by a temporary folder, and if that fails too kernels are compiled anew in each process.

Threads
-------
Work is split over a small pool of Python threads, each running a kernel over its own rows: no second OpenMP runtime,
nothing that a fork could break (a forked child makes a pool of its own).
"""

from .arrays import DTYPES, plain, working_dtype
from .compiling import PLAIN, apart, kernel, once, part, scalar, wide_vectors
from .disk import digest, folder, kept
from .memory import buffers, empty, empty_for, forget
from .threads import WORTH, alone, get_num_threads, parts, set_num_threads, split

__all__ = [
    "DTYPES",
    "PLAIN",
    "WORTH",
    "alone",
    "apart",
    "buffers",
    "digest",
    "empty",
    "empty_for",
    "folder",
    "forget",
    "get_num_threads",
    "kept",
    "kernel",
    "once",
    "part",
    "parts",
    "plain",
    "scalar",
    "set_num_threads",
    "split",
    "wide_vectors",
    "working_dtype",
]
