"""Arrays as kernels want them: one dtype, one layout, so that each kernel is compiled once."""

import numpy as np

from .copying import rows_copied

DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def working_dtype(*arrays: np.ndarray) -> np.dtype | None:
    """Give the dtype in which kernels compute with these arrays, that of NumPy's promotion.

    Parameters
    ----------
    *arrays : arrays

    Returns
    -------
    numpy.dtype or None
        float32 or float64; None: the reference must work, or find the sentence, because something is no array, no
        array of floats, or of a precision that no kernel has (half, long double, complex).
    """
    found = getattr(arrays[0], "dtype", None)
    for array in arrays:
        if type(array) is not np.ndarray or array.dtype is not found:
            break
    else:  # the usual case, quickly
        return found if found in DTYPES else None
    if not all(isinstance(array, np.ndarray) for array in arrays):
        return None
    if any(array.dtype is not found for array in arrays):
        if any(array.dtype.kind != "f" for array in arrays):
            return None
        found = np.result_type(*arrays)
    return found if found in DTYPES else None


def plain(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Give the array as kernels want it, so that there is one compiled version of each: a copy where it is not.

    Parameters
    ----------
    array : array
    dtype : numpy.dtype

    Returns
    -------
    array
        C-contiguous, writeable, aligned, of ``dtype`` in the machine's byte order; ``array`` itself if it is so.
    """
    if type(array) is np.ndarray and array.dtype == dtype:
        if array.flags.carray:
            return array
        if (made := rows_copied(array)) is not None:
            return made
    return np.array(array, dtype, order="C", subok=False)
