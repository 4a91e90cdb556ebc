"""The softmax's exp, and the largest and the sum of a row, in forms that LLVM can do several numbers at a time.

exp       A library's exp is a call, which keeps a loop scalar (about 10 ns). In float32 ours is arithmetic alone:
          x = n ln 2 + r with a whole n and |r| <= ln(2)/2, so exp(x) = 2**n exp(r). exp(r) is a polynomial of degree
          6 (minimax fit, off by 3e-9), 2**n is written directly into the exponent's bits. Together with rounding the
          relative error is below 2e-7 for -87.3 <= x <= 88; below exp is 0 (no denormals), above it is inf: a shifted
          logit is never above 0. NaN gives NaN.
          float64: ``math.exp``, full precision, for checking rather than for speed.
largest   A maximum of floats must be taken in order, for the sake of NaN and -0. Read as an integer (the bits of a
          negative number turned round) a float keeps its place, and integers may be compared in any order.
total     A sum that may be taken in any order (fast-math's ``reassoc`` alone: NaN and inf are what they are).
"""

import math

import numpy as np
from numba import njit, types
from numba.extending import overload

from scratchnn import jit


def exp(x):
    """Exponential function, in the precision of ``x``."""
    return exp32(x) if isinstance(x, np.float32) else math.exp(x)


@jit.scalar
def exp32(x):
    """Exponential function of a float32."""
    low, high = np.float32(-87.3), np.float32(88.0)
    y = low if x < low else (high if x > high else x)
    shifted = y * np.float32(1.44269504088896341) + np.float32(12582912.0)  # 1.5 * 2**23: n stands in the last bits
    n = shifted - np.float32(12582912.0)
    r = y - n * np.float32(0.693359375)  # ln 2 in two parts, the first of few bits: n times it is exact
    r = r - n * np.float32(-2.12194440e-4)
    p = np.float32(0.001381461275741458)
    p = p * r + np.float32(0.008368710055947304)
    p = p * r + np.float32(0.04166838899254799)
    p = p * r + np.float32(0.1666652113199234)
    p = p * r + np.float32(0.4999999403953552)
    p = p * r * r + r + np.float32(1)
    power = (np.float32(shifted).view(np.int32) << np.int32(23)) + np.int32(0x3F800000)
    p = p * np.int32(power).view(np.float32)
    return np.float32(0) if x < low else (np.float32(np.inf) if x > high else p)


@overload(exp, jit_options={"error_model": "numpy", "fastmath": {"contract"}, "forceinline": True})
def _exp_for_kernels(x):
    if x == types.float32:
        return lambda x: exp32(x)
    return lambda x: math.exp(x)


VECTOR = 32  # a row of so many numbers, or a multiple, is done without a rest, for which LLVM makes slow scalar code


def largest(x, n):
    """Give the largest of the first ``n`` numbers of a row; NaN where one is NaN, or it is not looked at."""
    return np.max(x[:n], initial=-np.inf).astype(x.dtype)


@jit.scalar
def largest32(x, n):
    """``largest`` of float32 numbers."""
    best = np.int32(-0x7F800001)  # -inf
    for j in range(n):
        bits = np.float32(x[j]).view(np.int32)
        bits = np.int32(bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF)))
        best = bits if bits > best else best
    return np.int32(best ^ ((best >> np.int32(31)) & np.int32(0x7FFFFFFF))).view(np.float32)


@jit.scalar
def largest64(x, n):
    """``largest`` of float64 numbers: in order, which costs little beside ``math.exp``."""
    best = -np.inf
    for j in range(n):
        best = x[j] if x[j] > best else best
    return best


@overload(largest, jit_options={"error_model": "numpy", "fastmath": {"contract"}, "forceinline": True})
def _largest_for_kernels(x, n):
    if x.dtype == types.float32:
        return lambda x, n: largest32(x, n)
    return lambda x, n: largest64(x, n)


def total(x, n):
    """Give the sum of the first ``n`` numbers of a row, in any order."""
    sum_ = x.dtype.type(0)
    for j in range(n):
        sum_ += x[j]
    return sum_


def inner(x, y, n):
    """Give the sum of the first ``n`` products of two rows, in any order."""
    sum_ = x.dtype.type(0)
    for j in range(n):
        sum_ += x[j] * y[j]
    return sum_


if not jit.PLAIN:
    total = njit(error_model="numpy", nogil=True, fastmath={"reassoc"})(total)
    inner = njit(error_model="numpy", nogil=True, fastmath={"reassoc", "contract"})(inner)
