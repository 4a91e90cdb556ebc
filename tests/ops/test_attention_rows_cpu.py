"""The rows of a softmax, written for LLVM by hand: every length, whatever the mask, and nothing beside the row."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit

from scratchnn import jit
from scratchnn.ops.attention import cpu_rows

DTYPES = [np.float32, np.float64]
WIDE = 96  # of a row in memory, whole vectors
ROUNDING = {np.float32: 2.0**-23, np.float64: 2.0**-52}

if jit.PLAIN:
    exponentials_into, undo_softmax_into = cpu_rows.exponentials_into, cpu_rows.undo_softmax_into
else:

    @njit
    def exponentials_into(*given):
        cpu_rows.exponentials_into(*given)

    @njit
    def undo_softmax_into(*given):
        cpu_rows.undo_softmax_into(*given)


def drawn(dtype, rows=3):
    rng = np.random.default_rng(1)
    return rng, rng.normal(size=(rows, WIDE)).astype(dtype), rng.random((rows, WIDE)) < 0.6


def softmax(scores, seen):
    scores = np.where(seen, scores.astype(np.float64), -np.inf)
    most = np.max(scores, axis=1, keepdims=True, initial=-np.inf)
    e = np.exp(scores - np.where(np.isinf(most), 0, most))
    total = e.sum(axis=1, keepdims=True)
    return np.divide(e, total, out=np.zeros_like(e), where=total > 0), most[:, 0], total[:, 0]


def which_are_seen(w, c, c_step, mask):
    seen = np.arange(WIDE) < np.minimum(w, c + c_step * np.arange(3))[:, None]
    return seen if mask is None else seen & mask


def cases(mask):
    for w in (*range(1, 20), 31, 32, 33, 50, 63, 64, 65):
        for c, c_step in ((w, 0), (1, 1), (-1, 1), (w - 1, 1)):
            for given in (None, mask):
                yield w, c, c_step, given


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_softmax_of_every_length_and_nothing_beside_it(dtype):
    _, given, mask = drawn(dtype)
    scale, none = np.array([0.7], dtype), np.ones((1, 1), bool)
    for w, c, c_step, allowed in cases(mask):
        x, (most, sums, fades) = given.copy(), np.zeros((3, 3), dtype)
        rows = (none, 0, 0) if allowed is None else (allowed, 0, WIDE)
        codes = cpu_rows.codes(dtype, allowed is not None)
        exponentials_into(codes, 3, w, x, 0, WIDE, c, c_step, scale, *rows, most, sums, fades, 1, 1)
        seen = which_are_seen(w, c, c_step, allowed)
        alpha, largest, total = softmax(scale[0] * given, seen)
        assert np.abs(x[:, :w] - alpha[:, :w]).max() < 8 * ROUNDING[dtype]
        assert not x[:, :w][~seen[:, :w]].any()
        np.testing.assert_allclose(most, largest, rtol=ROUNDING[dtype])
        np.testing.assert_allclose(sums, total, rtol=80 * ROUNDING[dtype])
        behind = -(-w // 16) * 16  # whole vectors are written
        np.testing.assert_array_equal(x[:, behind:], given[:, behind:])


@pytest.mark.parametrize("dtype", DTYPES)
def test_sources_in_two_parts_are_those_in_one(dtype):
    """exp(before - after) mends what the first part gave; a row may see nothing of either part."""
    _, x, mask = drawn(dtype)
    mask[0], mask[1, :32], mask[2, 32:] = False, False, False
    scale, codes = np.ones(1, dtype), cpu_rows.codes(dtype, True)
    alpha, most_of_all, total = softmax(x, mask)
    most, sums, fades = np.full((3, 3), np.nan, dtype)
    exponentials_into(codes, 3, 32, x, 0, WIDE, 32, 0, scale, mask, 0, WIDE, most, sums, fades, 1, 0)
    first = x[:, :32].copy()
    exponentials_into(codes, 3, 64, x, 32, WIDE, 64, 0, scale, mask, 32, WIDE, most, sums, fades, 0, 0)
    np.testing.assert_allclose(sums, total, rtol=100 * ROUNDING[dtype])
    np.testing.assert_array_equal(most, most_of_all.astype(dtype))
    made = np.concatenate([first * fades[:, None], x[:, 32:]], axis=1)
    np.testing.assert_allclose(made, alpha * total[:, None], rtol=0, atol=10 * ROUNDING[dtype])


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_way_back_at_every_length(dtype, again):
    rng, given, mask = drawn(dtype)
    dalpha, scale, none = rng.normal(size=given.shape).astype(dtype), np.array([0.7], dtype), np.ones((1, 1), bool)
    for w, c, c_step, allowed in cases(mask):
        seen = which_are_seen(w, c, c_step, allowed)
        alpha, most, total = softmax(scale[0] * given, seen)
        log_sums = np.where(total > 0, most + np.log(np.where(total > 0, total, 1)), np.inf).astype(dtype)
        mean = np.where(seen, alpha * dalpha, 0).sum(axis=1)
        expected = np.where(seen, alpha * (dalpha - mean[:, None]), 0) * scale[0]
        rows = (none, 0, 0) if allowed is None else (allowed, 0, WIDE)
        codes = cpu_rows.codes(dtype, allowed is not None)
        for own in (False,) if again else (False, True):
            p, d = given.copy() if again else alpha.astype(dtype), dalpha.copy()
            undo_softmax_into(
                codes, 3, w, p, 0, WIDE, d, 0, WIDE, c, c_step, scale, *rows, log_sums, 0, mean.astype(dtype),
                int(again), int(own),
            )  # fmt: skip
            assert np.abs(d[:, :w] - expected[:, :w]).max() < 30 * ROUNDING[dtype]
            assert np.abs(p[:, :w] - alpha[:, :w]).max() < 8 * ROUNDING[dtype]


def test_exp_of_shifted_scores_is_right_down_to_the_smallest_normal_number():
    x = np.linspace(-87.2, 0, 20000).astype(np.float32).reshape(-1, 32)[:, ::-1].copy()
    x[:, 0] = 0  # the largest: nothing is shifted
    made, n = x.copy(), len(x)
    some = np.zeros((3, n), np.float32)
    codes, scale, none = cpu_rows.codes(np.float32, False), np.ones(1, np.float32), np.ones((1, 1), bool)
    exponentials_into(codes, n, 32, made, 0, 32, 32, 0, scale, none, 0, 0, *some, 1, 0)
    np.testing.assert_allclose(made, np.exp(x.astype(np.float64)), rtol=2e-7)


def test_not_a_number_spoils_its_row_and_minus_infinity_is_nothing():
    x = np.zeros((3, 32), np.float32)
    x[0, 3], x[1, 3], x[2] = np.nan, -np.inf, -np.inf
    some = np.zeros((3, 3), np.float32)
    codes, scale, none = cpu_rows.codes(np.float32, False), np.ones(1, np.float32), np.ones((1, 1), bool)
    exponentials_into(codes, 3, 20, x, 0, 32, 20, 0, scale, none, 0, 0, *some, 1, 1)
    assert np.isnan(x[0, :20]).all()
    assert x[1, 3] == 0
    np.testing.assert_allclose(x[1, 4:20], 1 / 19, rtol=1e-6)
    assert not x[2, :20].any()


@pytest.mark.skipif(jit.PLAIN, reason="plain Python has no machines")
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
    if "haswell" in sky.values():
        from scratchnn.jit.machine import features

        if "avx2" not in features():
            pytest.skip("this processor has no AVX2")
    code = f"""
import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})
import test_attention_rows_cpu as tried
for dtype in tried.DTYPES:
    tried.test_a_softmax_of_every_length_and_nothing_beside_it(dtype)
    tried.test_the_way_back_at_every_length(dtype, True)
"""
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | sky, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
