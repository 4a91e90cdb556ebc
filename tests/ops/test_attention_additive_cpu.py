"""Additive attention on the CPU takes tanh(x + y) from exp(2 x) and exp(2 y): where that would fail, it must not."""

import numba
import numpy as np
import pytest

from scratchnn import jit
from scratchnn.ops import attention
from scratchnn.ops.attention import cpu, cpu_additive, reference

ROUNDING = 2.0**-23


def drawn(dtype=np.float64, A=8, B=3, scale=0.5, **sizes):
    rng = np.random.default_rng(3)
    q, k, v, params = attention.sample(rng, score="additive", dtype=dtype, A=A, B=B, scale=scale, **sizes)
    return rng, q, k, v, params


def both(q, k, v, params, rng, **options):
    """Run ours, and the reference in float64 on the same numbers."""
    cache = cpu.forward(q, k, v, params, score="additive", **options)
    dcontext = rng.normal(size=cache.context.shape).astype(q.dtype)
    wide = attention.Params(*(None if array is None else array.astype(np.float64) for array in params))
    exact = reference.forward(*(array.astype(np.float64) for array in (q, k, v)), wide, score="additive", **options)
    grads = cpu.backward(dcontext, cache, params)
    truth = reference.backward(dcontext.astype(np.float64), exact, wide)
    return [(cache.context, exact.context), *zip(grads, truth, strict=True)], cache


def error(pairs):
    """Give the largest error of all arrays, each relative to its largest entry."""
    return max(np.max(np.abs(a - b)) / max(np.max(np.abs(b)), 1e-300) for a, b in pairs if a is not None)


@pytest.mark.parametrize("need_alpha", [True, False])
@pytest.mark.parametrize("far", [15.0, 19.0, 21.0, 50.0, 400.0])
def test_parts_that_cancel_are_right_however_large_they_are(far, need_alpha):
    """x = far and y = -far + O(1): exp(2 x) overflows from 355 on; the sum is a usual number that has lost log2(far)
    bits."""
    rng, q, k, v, params = drawn(E_q=2, E_k=2)
    params.W_q[...], params.W_k[...] = np.eye(2, 8), np.eye(2, 8)
    q[..., 0] += far
    k[..., 0] -= far
    pairs, _ = both(q, k, v, params, rng, need_alpha=need_alpha)
    assert error(pairs) < 1e-12


def test_parts_in_float32_up_to_the_limit():
    """Both sides of ``MOST``: the parts themselves are rounded to 24 bits, 20 * 2**-24, before anything else."""
    for far in (0.9, 1.1):
        rng, q, k, v, params = drawn(np.float32, E_q=2, E_k=2)
        params.W_q[...], params.W_k[...] = np.eye(2, 8), np.eye(2, 8)
        q[..., 0] += np.float32(far * cpu_additive.MOST)
        k[..., 0] -= np.float32(far * cpu_additive.MOST)
        pairs, _ = both(q, k, v, params, rng)
        assert error(pairs) < 3 * far * cpu_additive.MOST * ROUNDING + 60 * ROUNDING


@pytest.mark.parametrize("size", [1e-6, 1e-3, 0.03, 0.2, 1.0])
def test_a_hidden_layer_near_zero_keeps_its_relative_precision(size):
    """1 - 2 r is right to 2**-23, not to a fraction of itself; at 0.0625 that is 16 roundings of the largest unit.
    The gradients of q and W_q vanish with the hidden layer's square, sums of nearly opposite numbers: left out."""
    rng, q, k, v, params = drawn(np.float32, scale=size)
    params = params._replace(v_a=np.ones_like(params.v_a))
    pairs, _ = both(q, k, v, params, rng)
    Q, S, A, E = q.shape[1], k.shape[1], 8, 7
    names = "context", *reference.Grads._fields
    chosen = [pair for name, pair in zip(names, pairs, strict=True) if "q" not in name]
    assert error(chosen) < (Q + S + A + E + 3 + 60) * ROUNDING


@pytest.mark.parametrize("need_alpha", [True, False])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_stay_in_their_sequence(bad, need_alpha):
    _, q, k, v, params = drawn(np.float32)
    clean = cpu.forward(q, k, v, params, score="additive", need_alpha=need_alpha)
    q[1, 2, 0] = bad
    with np.errstate(invalid="ignore"):  # 0 * inf in W_q's product; in plain Python kernels warn too
        cache = cpu.forward(q, k, v, params, score="additive", need_alpha=need_alpha)
        grads = cpu.backward(np.ones_like(cache.context), cache, params)
        expected = reference.forward(q, k, v, params, score="additive")
    np.testing.assert_array_equal(cache.context[[0, 2]], clean.context[[0, 2]])
    np.testing.assert_array_equal(np.isnan(cache.context), np.isnan(expected.context))
    assert np.isfinite(grads.k[[0, 2]]).all()


def test_both_ways_are_taken_and_agree():
    """Half of the batch beyond the limit, half within: each sequence as if it were alone."""
    rng, q, k, v, params = drawn(B=4)
    q[::2] *= 100
    whole = cpu.forward(q, k, v, params, score="additive")
    for b in range(4):
        alone = cpu.forward(q[b : b + 1], k[b : b + 1], v[b : b + 1], params, score="additive")
        np.testing.assert_array_equal(alone.context[0], whole.context[b])
    pairs, _ = both(q, k, v, params, rng)
    assert error(pairs) < 1e-12


@pytest.mark.skipif(jit.PLAIN, reason="plain Python compiles nothing")
def test_no_kernel_of_a_float32_problem_is_given_a_float64():
    """A number written without its type makes a kernel compute in float64, slow, and nothing else shows it."""
    for score in reference.SCORES:
        rng = np.random.default_rng(0)
        q, k, v, params = attention.sample(rng, score=score, dtype=np.float32)
        for need_alpha in (True, False):
            cache = cpu.forward(q, k, v, params, score=score, need_alpha=need_alpha)
            cpu.backward(np.ones_like(cache.context), cache, params)
    looked = 0
    for module in (cpu.cpu_additive, cpu.cpu_dot):
        for name, kernel in vars(module).items():
            for signature in getattr(kernel, "signatures", ()):
                kinds = [getattr(kind, "dtype", kind) for kind in signature]
                if numba.float32 in kinds:
                    looked += 1
                    assert numba.float64 not in kinds, name
    assert looked >= 4
