"""What passes: every number that a gradient is held against, and where it comes from.

An array's scale is the largest entry of its true gradient: an error below 1e-10 of that is no mistake, since wrong
formulas differ from right ones by parts per hundred, and no accident, since rounding is of the order of 1e-15.

- Against the complex step: every error is at most 1e-10 of the scale.
- Against the differences: every error is at most 10 times the estimate of that very entry, plus 64 eps of the scale.
  (The estimate is about one standard deviation of what the measured noise does; 10 of them never happen. A gradient
  of our sizes is a chain of fewer than 64 roundings, each of at most eps/2, so 64 eps leaves a factor of two; without
  it a loss whose differences happen to be exact would convict correct code.)
- A gradient that is zero everywhere, or no more than what is left of terms that cancel (64 eps of the overall scale,
  the largest entry of all arrays), has no scale of its own: it must be zero within 1e-10 of the overall scale, to
  both oracles. Code that sums cancelling terms cannot do better than their rounding.
- Gradients given in less than float64 are allowed 64 eps of their own precision instead of 1e-10.
- Along a random direction v the error v.e of a right gradient is a sum of independent roundings, so it goes with the
  Euclidean norm |g| and not with the largest entry: both bounds get 64 eps |g| more. Which errors such a test sees,
  and how surely, is derived in ``scratchnn.probe.directions``.
- If the oracles disagree with each other by more than the differences' bound, the complex step is not believed: code
  may drop an imaginary part without a trace. The report says so, and the differences decide.
- Alone, differences decide only where their bound is below 1e-3 of the scale. The mistakes of hand-written LSTM
  backwards that we know change a gradient by at least 9e-3 of its largest entry; a blunter oracle would miss some.
- An entry that sits on a kink has no derivative. Code that follows one convention for it (relu'(0) = a, 0 <= a <= 1)
  returns S + a (K + K'), where S is the smooth part and K, K' are what the units on their kinks add above and below:
  the slopes on the two sides are S + K and S + K'. The complex step follows the forward's own convention, a = 0 or 1,
  so it gives S or S + K + K', and the other of the two is the sum of the slopes minus the complex step: what is given
  must lie between those two, or between the slopes. An entry sits on a kink if its last digit decides; one so near
  that only the differences cannot tell is held against the complex step as any other. Without the complex step
  neither is judged, and the report says so.
"""

from collections.abc import Iterable

import numpy as np

COMPLEX_BOUND = 1e-10
ESTIMATES = 10
ROUNDINGS = 64
BLUNT = 1e-3
EPS = float(np.finfo(np.float64).eps)
UNSEEN = 1e-9  # the probability for which the report states what random directions see


def largest(array: np.ndarray) -> float:
    """Give the size of the largest entry, 0 for none.

    Parameters
    ----------
    array : array

    Returns
    -------
    float
    """
    return float(np.max(np.abs(array), initial=0.0))


def scale_of(own: float, overall: float) -> float:
    """Give what errors are relative to: the array's own largest entry, unless that is what cancellation left over.

    Parameters
    ----------
    own : float
        The array's largest entry.
    overall : float
        That of all arrays.

    Returns
    -------
    float
    """
    return own if own > ROUNDINGS * EPS * overall else overall


def rounding_of(dtype: np.dtype) -> float:
    """Give what 64 roundings in the precision of a gradient amount to, float64 at best.

    Parameters
    ----------
    dtype : dtype

    Returns
    -------
    float
    """
    return ROUNDINGS * max(EPS, float(np.finfo(dtype).eps))


def complex_bound_of(dtype: np.dtype) -> float:
    """Give what an entry may differ from the complex step, relative to the scale.

    Parameters
    ----------
    dtype : dtype
        Of the gradient that is judged.

    Returns
    -------
    float
    """
    return COMPLEX_BOUND if dtype == np.float64 else max(COMPLEX_BOUND, rounding_of(dtype))


def first_of(where: np.ndarray) -> tuple[int, ...]:
    """Give the index of the first True.

    Parameters
    ----------
    where : array of bool

    Returns
    -------
    tuple of int
    """
    return tuple(int(k) for k in np.argwhere(where)[0])


def entry(name: str, index: Iterable[int]) -> str:
    """Write an entry: "W[2, 1]".

    Parameters
    ----------
    name : str
    index : iterable of int

    Returns
    -------
    str
    """
    inner = ", ".join(map(str, index))
    return f"{name}[{inner}]" if inner else name
