"""Softmax on the CPU: exp within its bound; every field and gradient that of the reference, in any form of arrays."""

import numpy as np
import pytest

from scratchnn.ops.softmax import cpu, formula, reference

EPS = {np.float32: 2.0**-23, np.float64: 2.0**-52}
PAIRS = [("forward", "backward", "p"), ("log_forward", "log_backward", "log_p")]


def exp_of(x):
    """All of exp through a kernel: a row with largest entry 0 keeps e = exp(z), and p = e / sum."""
    z = np.stack([x, np.zeros_like(x)], axis=1)
    p = cpu.forward(z).p.astype(np.float64)
    return p[:, 0] / p[:, 1]


def test_exp_of_float32_is_within_its_bound():
    x = -np.linspace(0, 87.2, 100_001).astype(np.float32)
    bound = 2e-7 + 2 * EPS[np.float32]  # what formula.py says, and the two products with 1 / sum
    assert np.max(np.abs(exp_of(x) / np.exp(x.astype(np.float64)) - 1)) < bound


def test_exp_ends_where_it_says():
    x = np.array([-np.inf, -200, -87.4, 0, 88.5, np.inf, np.nan], np.float32)
    got = [float(formula.exp32(number)) for number in x]
    assert got[:4] == [0, 0, 0, 1]
    assert got[4:6] == [np.inf, np.inf]
    assert np.isnan(got[6])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_largest_and_total_are_those_of_numpy(dtype):
    rng = np.random.default_rng(0)
    largest = formula.largest32 if dtype == np.float32 else formula.largest64
    for n in (1, 7, 8, 33, 64):
        for x in (rng.normal(size=n).astype(dtype), -rng.random(n).astype(dtype) - 1, np.full(n, -np.inf, dtype)):
            assert largest(x, n) == np.max(x)
            assert cpu.forward(x).p.sum() == pytest.approx(0 if x[0] == -np.inf else 1, rel=(n + 8) * EPS[dtype])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_logits_neither_overflow_nor_vanish(dtype):
    z = np.array([[-1000, 1000, 999, -np.inf], [-1000, -1001, -np.inf, -3000]], dtype)
    share = 1 / (1 + np.exp(-1))
    np.testing.assert_allclose(cpu.forward(z).p, [[0, share, 1 - share, 0], [share, 1 - share, 0, 0]], rtol=1e-6)
    assert np.isfinite(cpu.log_forward(z).log_p).sum() == 6


def problem(dtype, seed=0):
    rng = np.random.default_rng(seed)
    z = (3 * rng.normal(size=(7, 3, 37))).astype(dtype)
    z[0, 0], z[1, 1, 3] = -np.inf, -np.inf
    mask = rng.random(z.shape) < 0.6
    mask[2, 1] = False
    return z, mask, rng.normal(size=z.shape).astype(dtype)


def assert_close(got, expected, dtype, roundings):
    assert got.dtype == dtype
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(got[~finite], expected[~finite])
    size = np.max(np.abs(expected[finite]), initial=0)
    allowed = 1e-12 if dtype == np.float64 else roundings * EPS[np.float32]
    np.testing.assert_allclose(got[finite], expected[finite], rtol=0, atol=allowed * size)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", ["none", "full", "broadcast"])
@pytest.mark.parametrize("names", PAIRS, ids=["p", "log_p"])
def test_fields_and_gradients_are_those_of_the_reference(names, form, dtype):
    """float32: 37 sums, |z - shift| < 24 roundings through exp's argument, 10 of exp and the quotient."""
    run, undo, field = names
    z, mask, d = problem(dtype)
    mask = {"none": None, "full": mask, "broadcast": mask[:1, :, :1]}[form]
    got = getattr(cpu, run)(z, mask)
    expected = getattr(reference, run)(z.astype(np.float64), mask)
    np.testing.assert_array_equal(got.mask, expected.mask)
    assert_close(got.z, expected.z, dtype, 0)
    assert_close(getattr(got, field), getattr(expected, field), dtype, 71)
    gradient = getattr(cpu, undo)(d, got).z
    assert_close(gradient, getattr(reference, undo)(d.astype(np.float64), expected).z, dtype, 2 * 71)
    np.testing.assert_array_equal(getattr(cpu, undo)(d, got).z, gradient)


@pytest.mark.parametrize("names", PAIRS, ids=["p", "log_p"])
def test_the_form_of_the_arrays_changes_nothing(names, untouched):
    run, undo, field = names
    z, mask, d = problem(np.float64)
    plain = getattr(cpu, run)(z, mask)
    for change in (np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2], lambda a: a.view()):
        z_other, mask_other, d_other = change(z), change(mask), change(d)
        for array in (z_other, mask_other, d_other):
            array.flags.writeable = False
        with untouched(z_other, mask_other, d_other):
            cache = getattr(cpu, run)(z_other, mask_other)
            np.testing.assert_array_equal(getattr(cache, field), getattr(plain, field))
            np.testing.assert_array_equal(getattr(cpu, undo)(d_other, cache).z, getattr(cpu, undo)(d, plain).z)
        assert not np.shares_memory(cache.z, z_other)


def test_nan_stays_in_its_row_and_behind_the_mask():
    z, _, _ = problem(np.float32)
    z[3, 1, 4] = np.nan
    bad = np.isnan(cpu.forward(z).p)
    assert bad[3, 1].all()
    assert bad.sum() == z.shape[-1]
    assert not np.isnan(cpu.forward(z, ~np.isnan(z)).p).any()


def test_what_kernels_do_not_take_the_reference_computes_or_refuses():
    z = np.linspace(-1, 1, 6).reshape(2, 3)
    assert cpu.forward(z.astype(np.float16)).p.dtype == np.float16
    assert cpu.forward(z + 1e-20j).p.dtype == np.complex128
    with pytest.raises(TypeError, match=r"^softmax.forward: z has dtype int64"):
        cpu.forward(np.ones((2, 3), int))
    with pytest.raises(ValueError, match=r"^softmax.backward: dp has shape \(3,\)"):
        cpu.backward(np.ones(3), cpu.forward(z))
