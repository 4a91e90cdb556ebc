"""Loops over rows that are compiled by running a formula once on symbols."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

from scratchnn import jit
from scratchnn.jit.rows import added, call_rows, copied, over_table, place, row_loop
from scratchnn.jit.symbols import at_least_zero, clamped
from scratchnn.ops.activations.formula import sigmoid, tanh

DTYPES = [np.float32, np.float64]


def arithmetic(x, y, shift):
    """Every operation, numbers of Python and NumPy on either side, and what is written where it was read."""
    return 2 - x, (x * y + shift) / (1.5 + x * x), -(y - np.float32(0.25)) * 0.5 + 1 / (2 + shift * shift)


def gates(x, y):
    return tanh(x), sigmoid(y)


def brought(x, root):
    return clamped(x, type(x)(1.5)), math.sqrt(at_least_zero(root))


def branching(x):
    return (x if x else -x,)


@jit.kernel
def three_in_two_more_out(code, rows, columns, x, y, shift, first, second):
    call_rows(
        code, rows, columns, place(x, 0), x.shape[1], place(y, 1), y.shape[1], place(shift, 0), 1,
        place(first, 0), first.shape[1], place(second, 0), second.shape[1],
    )  # fmt: skip


@jit.kernel
def two_in_two_out(code, rows, columns, x, y, first, second):
    call_rows(
        code, rows, columns, place(x, 0), x.shape[1], place(y, 0), y.shape[1],
        place(first, 0), first.shape[1], place(second, 0), second.shape[1],
    )  # fmt: skip


@jit.kernel
def one_row_to_many(code, rows, columns, x, y):
    call_rows(code, rows, columns, place(x, 0), 0, place(y, 0), y.shape[1])


def numbers(seed, *shape, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_length_of_a_row_and_nothing_beside_it(dtype):
    """0 numbers to three vectors and one more; y begins one number late; rows stand apart and the gaps stay."""
    code = row_loop(arithmetic, "wvnvv", dtype)
    eps = np.finfo(dtype).eps
    for columns in (*range(18), 31, 32, 33, 49):
        for rows in (0, 1, 3):
            x, y = numbers(1, 3, columns + 2, dtype=dtype), numbers(2, 3, columns + 1, dtype=dtype)
            shift = numbers(3, 3, dtype=dtype)
            first, second = (np.full((3, columns + 3), 7, dtype) for _ in range(2))
            given, s = x.copy(), shift[:, None].astype(float)
            three_in_two_more_out(code, rows, columns, x, y, shift, first, second)
            np.testing.assert_array_equal(x[:rows, columns:], given[:rows, columns:])
            np.testing.assert_array_equal(x[rows:], given[rows:])
            inputs = given[:, :columns].astype(float), y[:, 1 : columns + 1].astype(float)
            for found, wanted in zip((x, first, second), _wanted(*inputs, s), strict=True):
                np.testing.assert_allclose(found[:rows, :columns], wanted[:rows], rtol=0, atol=40 * eps)
            for found in (first, second):
                assert (found[:, columns:] == 7).all()
                assert (found[rows:] == 7).all()


def _wanted(x, y, s):
    return 2 - x, (x * y + s) / (1.5 + x * x), 0.5 * (0.25 - y) + 1 / (2 + s * s)


@pytest.mark.parametrize("dtype", DTYPES)
def test_formulas_call_formulas(dtype):
    x, y = 4 * numbers(4, 5, 37, dtype=dtype), 4 * numbers(5, 5, 37, dtype=dtype)
    first, second = np.empty_like(x), np.empty_like(y)
    two_in_two_out(row_loop(gates, "vvvv", dtype), 5, 37, x, y, first, second)
    bound = 4e-7 if dtype == np.float32 else 1e-15
    np.testing.assert_allclose(first, np.tanh(x.astype(float)), rtol=0, atol=bound)
    np.testing.assert_allclose(second, 1 / (1 + np.exp(-y.astype(float))), rtol=0, atol=bound)


@pytest.mark.parametrize("dtype", DTYPES)
def test_not_a_number_and_infinity_behave(dtype):
    x = np.array([[np.nan, np.inf, -np.inf, -3, 0.5] * 4], dtype)  # the root of what is below 0 would be a NaN
    first, second = np.empty_like(x), np.empty_like(x)
    two_in_two_out(row_loop(brought, "vvvv", dtype), 1, 20, x, x, first, second)
    np.testing.assert_array_equal(first, np.clip(x, -1.5, 1.5))
    np.testing.assert_allclose(second, np.sqrt(np.clip(x, 0, None)), rtol=np.finfo(dtype).eps)
    two_in_two_out(row_loop(gates, "vvvv", dtype), 1, 20, x, x, first, second)
    assert (np.isnan(first) == np.isnan(x)).all()
    np.testing.assert_allclose(second[0, 1:3], [1, 0], rtol=0, atol=4e-7)


def test_a_distance_of_0_repeats_a_row():
    x, y = numbers(6, 20), np.zeros((4, 20))
    one_row_to_many(row_loop(copied, "vv", np.float64), 4, 20, x, y)
    np.testing.assert_array_equal(y, np.broadcast_to(x, (4, 20)))


def test_sums_may_be_written_where_they_are_read():
    x, y = numbers(7, 3, 21), numbers(8, 3, 21)
    wanted = np.stack([x + y, x + 1])
    three = numbers(9, 3, 21)
    two_in_two_out(row_loop(pair, "vvvv", np.float64), 3, 21, x, y, x, three)
    np.testing.assert_array_equal([x, three], wanted)


def pair(x, y):
    return *added(x, y), x + 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_table_describes_rows_of_any_length_anywhere(dtype):
    """Three arrays apart, one of them empty; the last numbers of each belong to somebody else."""
    run = over_table(row_loop(arithmetic, "wvnvv", dtype, table=True))
    lengths = (5, 0, 33)
    arrays = [[numbers(k, n + 2, dtype=dtype) for k in range(4)] for n in lengths]
    given = [[array.copy() for array in row] for row in arrays]
    shift = numbers(9, 3, dtype=dtype)
    size = np.dtype(dtype).itemsize
    table = np.array(
        [
            [n, x.ctypes.data, y.ctypes.data, shift.ctypes.data + k * size, first.ctypes.data, second.ctypes.data]
            for k, (n, (x, y, first, second)) in enumerate(zip(lengths, arrays, strict=True))
        ],
        np.int64,
    )
    run(len(lengths), table.ctypes.data)
    for k, n in enumerate(lengths):
        x, y, *_ = (array[:n].astype(float) for array in given[k])
        x_new, y_new, first, second = arrays[k]
        np.testing.assert_array_equal(y_new, given[k][1])
        for found, before, wanted in zip(
            (x_new, first, second), (0, 2, 3), _wanted(x, y, float(shift[k])), strict=True
        ):
            np.testing.assert_allclose(found[:n], wanted, rtol=0, atol=40 * np.finfo(dtype).eps)
            np.testing.assert_array_equal(found[n:], given[k][before][n:])


@pytest.mark.skipif(jit.PLAIN, reason="plain numbers may branch")
def test_what_cannot_be_compiled_is_refused():
    with pytest.raises(TypeError, match="cannot branch"):
        row_loop(branching, "vv", np.float32)
    with pytest.raises(ValueError, match="no name of its own"):
        row_loop(lambda x: (x,), "vv", np.float32)


@pytest.mark.parametrize(
    "sky",
    [
        {"NUMBA_CPU_NAME": "generic"},
        {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma,+avx,+sse4.2"},
        {"NUMBA_DISABLE_JIT": "1"},
    ],
    ids=["short vectors", "avx2", "plain Python"],
)
def test_the_same_on_other_machines(sky):
    features = subprocess.run(
        [sys.executable, "-c", "from scratchnn.jit.machine import features; print(*features())"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    if "haswell" in sky.values() and "avx2" not in features:
        pytest.skip("this processor has no AVX2")
    code = f"""
import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})
import numpy as np, test_rows as tried
for dtype in tried.DTYPES:
    tried.test_every_length_of_a_row_and_nothing_beside_it(dtype)
    tried.test_formulas_call_formulas(dtype)
    tried.test_a_table_describes_rows_of_any_length_anywhere(dtype)
"""
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | sky, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
