"""Softmax and log-softmax: by hand, meaning (shifts, masks, huge logits), both gradients against two oracles."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnn.ops import softmax
from scratchnn.ops.softmax import reference

# by hand: exp of the row is (1, 2, 5), which sums to 8
Z = np.log([[1.0, 2.0, 5.0]])
U32 = float(np.finfo(np.float32).eps) / 2


def test_forward_by_hand():
    cache = reference.forward(Z)
    np.testing.assert_allclose(cache.p, [[1 / 8, 2 / 8, 5 / 8]], rtol=1e-15)


def test_backward_by_hand():
    """dp = (8, 0, 0): sum(dp * p) = 1, so dz = (1/8 * 7, 2/8 * -1, 5/8 * -1)."""
    grads = reference.backward(np.array([[8.0, 0.0, 0.0]]), reference.forward(Z))
    np.testing.assert_allclose(grads.z, [[0.875, -0.25, -0.625]], rtol=1e-14)


def test_log_forward_by_hand():
    cache = reference.log_forward(Z)
    np.testing.assert_allclose(cache.log_p, [[-math.log(8), -math.log(4), math.log(5 / 8)]], rtol=1e-14)


def test_log_backward_by_hand():
    """dlog_p = (0, 2, 0): dz = (0, 2, 0) - 2 * (1/8, 2/8, 5/8)."""
    grads = reference.log_backward(np.array([[0.0, 2.0, 0.0]]), reference.log_forward(Z))
    np.testing.assert_allclose(grads.z, [[-0.25, 1.5, -1.25]], rtol=1e-14)


def test_rows_equal_scalar_code():
    """Every entry computed again with plain numbers and the math module, what is masked left out."""
    z, mask = softmax.sample(np.random.default_rng(0), B=6, C=5, masked=True)
    mask[0] = True
    p = reference.forward(z, mask).p
    log_p = reference.log_forward(z, mask).log_p
    assert not mask.all()
    for b in range(6):
        total = math.fsum(math.exp(z[b, c]) for c in range(5) if mask[b, c])
        for c in range(5):
            if mask[b, c]:
                assert p[b, c] == pytest.approx(math.exp(z[b, c]) / total, rel=1e-14)
                assert log_p[b, c] == pytest.approx(z[b, c] - math.log(total), rel=1e-13, abs=1e-14)
            else:
                assert p[b, c] == 0
                assert log_p[b, c] == -np.inf


# meaning


def test_rows_sum_to_one():
    (z,) = softmax.sample(np.random.default_rng(1), B=40, C=7)
    p = reference.forward(z).p
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-15)
    assert (p > 0).all()
    np.testing.assert_allclose(np.exp(reference.log_forward(z).log_p), p, rtol=1e-14)


def test_a_shifted_row_has_the_same_probabilities():
    """Multiples of 1/8 shifted by an integer are exact in binary, so not one bit may differ."""
    rng = np.random.default_rng(2)
    z = rng.integers(-20, 20, size=(4, 6)) / 8
    shift = rng.integers(-1000, 1000, size=(4, 1)).astype(float)
    np.testing.assert_array_equal(reference.forward(z + shift).p, reference.forward(z).p)
    np.testing.assert_array_equal(reference.log_forward(z + shift).log_p, reference.log_forward(z).log_p)


def test_the_gradient_of_a_row_sums_to_zero():
    """Moving all logits alike moves no probability."""
    z, mask = softmax.sample(np.random.default_rng(3), masked=True)
    dp = np.random.default_rng(4).normal(size=z.shape)
    for grads in (
        reference.backward(dp, reference.forward(z, mask)),
        reference.log_backward(dp, reference.log_forward(z, mask)),
    ):
        np.testing.assert_allclose(grads.z.sum(axis=-1), 0, atol=1e-15)


def test_order_does_not_matter():
    z, mask = softmax.sample(np.random.default_rng(5), masked=True)
    order = np.array([3, 0, 4, 1, 2])
    moved = reference.forward(z[:, order], mask[:, order]).p
    np.testing.assert_allclose(moved, reference.forward(z, mask).p[:, order], rtol=1e-15)


def test_a_masked_entry_is_an_absent_one():
    (z,) = softmax.sample(np.random.default_rng(6))
    mask = np.array([True, False, True, True, False])
    dp = np.random.default_rng(7).normal(size=z.shape)
    whole, short = reference.forward(z, mask), reference.forward(z[:, mask])
    np.testing.assert_allclose(whole.p[:, mask], short.p, rtol=1e-15)
    np.testing.assert_array_equal(whole.p[:, ~mask], 0)
    dz = reference.backward(dp, whole).z
    np.testing.assert_allclose(dz[:, mask], reference.backward(dp[:, mask], short).z, rtol=1e-13)
    np.testing.assert_array_equal(dz[:, ~mask], 0)


def test_a_fully_masked_row_is_zero():
    z, mask = softmax.sample(np.random.default_rng(8), masked=True)
    assert not mask[-1].any()
    cache, log_cache = reference.forward(z, mask), reference.log_forward(z, mask)
    np.testing.assert_array_equal(cache.p[-1], 0)
    np.testing.assert_array_equal(log_cache.log_p[-1], -np.inf)
    np.testing.assert_array_equal(reference.backward(np.ones_like(z), cache).z[-1], 0)
    np.testing.assert_array_equal(reference.log_backward(np.ones_like(z), log_cache).z[-1], 0)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf, 1e308])
def test_nothing_is_read_where_the_mask_is_false(garbage):
    z, mask = softmax.sample(np.random.default_rng(9), masked=True)
    dp = np.random.default_rng(10).normal(size=z.shape)
    dirty_z, dirty_dp = np.where(mask, z, garbage), np.where(mask, dp, garbage)
    clean, dirty = reference.forward(z, mask), reference.forward(dirty_z, mask)
    np.testing.assert_array_equal(dirty.p, clean.p)
    np.testing.assert_array_equal(reference.backward(dirty_dp, dirty).z, reference.backward(dp, clean).z)
    clean, dirty = reference.log_forward(z, mask), reference.log_forward(dirty_z, mask)
    np.testing.assert_array_equal(dirty.log_p, clean.log_p)
    np.testing.assert_array_equal(reference.log_backward(dirty_dp, dirty).z, reference.log_backward(dp, clean).z)


def test_huge_logits_do_not_overflow():
    z = np.array([[1e4, 1e4 - math.log(3), -1e4], [-1e4, -1e4, -1e4], [8e307, -8e307, 0.0]])
    p = reference.forward(z).p
    # the spacing of float64 at 1e4 is 1.8e-12, so ln 3 is in there to 1e-12
    np.testing.assert_allclose(p, [[3 / 4, 1 / 4, 0], [1 / 3, 1 / 3, 1 / 3], [1, 0, 0]], rtol=2e-12)
    log_p = reference.log_forward(z[:2]).log_p
    np.testing.assert_allclose(log_p[0, 2], -2e4 - math.log(4 / 3), rtol=1e-14)
    assert np.isfinite(log_p).all()


def test_a_huge_negative_row_beside_a_masked_entry_does_not_overflow():
    """The masked entry must not be exponentiated: exp(0 - (-1e4)) would overflow."""
    z, mask = np.array([[-1e4, -1e4, 5.0]]), np.array([True, True, False])
    np.testing.assert_array_equal(reference.forward(z, mask).p, [[0.5, 0.5, 0]])
    np.testing.assert_allclose(reference.log_forward(z, mask).log_p[0, :2], -math.log(2), rtol=1e-15)


def test_minus_infinity_is_probability_zero():
    z = np.array([[0.0, -np.inf, math.log(3)], [-np.inf, -np.inf, -np.inf]])
    cache = reference.forward(z)
    np.testing.assert_allclose(cache.p, [[1 / 4, 0, 3 / 4], [0, 0, 0]], rtol=1e-15)
    dz = reference.backward(np.array([[1.0, 7.0, 0.0], [1.0, 2.0, 3.0]]), cache).z
    np.testing.assert_allclose(dz, [[3 / 16, 0, -3 / 16], [0, 0, 0]], rtol=1e-14)
    log_cache = reference.log_forward(z)
    np.testing.assert_allclose(log_cache.log_p[0], [-math.log(4), -np.inf, math.log(3 / 4)], rtol=1e-14)
    np.testing.assert_array_equal(log_cache.log_p[1], -np.inf)
    np.testing.assert_array_equal(reference.log_backward(np.ones_like(z), log_cache).z[1], 0)


def test_a_nan_stays_in_its_row():
    """Where it counts a NaN is loud, and only there."""
    z = np.array([[0.0, np.nan, 1.0], [0.0, math.log(3), -np.inf], [np.nan, np.nan, np.nan]])
    p = reference.forward(z).p
    assert np.isnan(p[[0, 2]]).all()
    np.testing.assert_allclose(p[1], [1 / 4, 3 / 4, 0], rtol=1e-15)


# backward


@pytest.mark.parametrize("masked", [False, True])
def test_backward(compare, masked):
    z, *mask = softmax.sample(np.random.default_rng(11), masked=masked)

    def outputs(i):
        return {"p": reference.forward(i["z"], *mask).p}

    def gradients(i, d):
        return reference.backward(d["p"], reference.forward(i["z"], *mask))._asdict()

    compare(outputs, gradients, {"z": z})


@pytest.mark.parametrize("masked", [False, True])
def test_log_backward(compare, masked):
    z, *mask = softmax.sample(np.random.default_rng(12), masked=masked)
    here = mask[0] if masked else np.ones(z.shape, dtype=bool)

    def outputs(i):
        return {"log_p": np.where(here, reference.log_forward(i["z"], *mask).log_p, 0)}

    def gradients(i, d):
        return reference.log_backward(d["log_p"], reference.log_forward(i["z"], *mask))._asdict()

    compare(outputs, gradients, {"z": z})


def test_backward_is_linear():
    z, mask = softmax.sample(np.random.default_rng(13), masked=True)
    one, other = np.random.default_rng(14).normal(size=(2, *z.shape))
    cache = reference.forward(z, mask)
    together = reference.backward(2 * one - 3 * other, cache).z
    apart = 2 * reference.backward(one, cache).z - 3 * reference.backward(other, cache).z
    np.testing.assert_allclose(together, apart, rtol=0, atol=1e-14)
    log_cache = reference.log_forward(z, mask)
    together = reference.log_backward(2 * one - 3 * other, log_cache).z
    apart = 2 * reference.log_backward(one, log_cache).z - 3 * reference.log_backward(other, log_cache).z
    np.testing.assert_allclose(together, apart, rtol=0, atol=1e-14)


def test_arguments_are_untouched_and_backward_repeats(untouched):
    z, mask = softmax.sample(np.random.default_rng(15), masked=True)
    d = np.random.default_rng(16).normal(size=z.shape)
    with untouched(z, mask, d):
        cache, log_cache = reference.forward(z, mask), reference.log_forward(z, mask)
        with untouched(cache, log_cache):
            first, log_first = reference.backward(d, cache).z, reference.log_backward(d, log_cache).z
            np.testing.assert_array_equal(reference.backward(d, cache).z, first)
            np.testing.assert_array_equal(reference.log_backward(d, log_cache).z, log_first)


def test_a_later_change_of_the_arguments_does_not_reach_the_cache():
    z, mask = softmax.sample(np.random.default_rng(17), masked=True)
    d = np.random.default_rng(18).normal(size=z.shape)
    cache = reference.forward(z, mask)
    before = reference.backward(d, cache).z
    z[:] = 0
    mask[:] = False
    np.testing.assert_array_equal(reference.backward(d, cache).z, before)


def test_layout_and_leading_axes_do_not_matter():
    z = np.random.default_rng(19).normal(size=(2, 3, 4, 5))
    whole = reference.forward(z)
    np.testing.assert_array_equal(reference.forward(z.reshape(24, 5)).p, whole.p.reshape(24, 5))
    np.testing.assert_array_equal(reference.forward(z[1, 2, 3]).p, whole.p[1, 2, 3])
    turned = np.ascontiguousarray(z.transpose(3, 1, 0, 2)).transpose(2, 1, 3, 0)
    turned.flags.writeable = False
    assert not turned.flags.c_contiguous
    np.testing.assert_array_equal(reference.forward(turned).p, whole.p)
    np.testing.assert_array_equal(reference.backward(turned, whole).z, reference.backward(z, whole).z)


def test_float32_stays_float32():
    """Relative error of p: of z - shift (its size times u), of exp (4u), of the sum (C u), of the quotient (u)."""
    z, mask = softmax.sample(np.random.default_rng(20), B=50, C=9, masked=True, dtype=np.float32)
    exact, exact_log = reference.forward(z.astype(float), mask), reference.log_forward(z.astype(float), mask)
    cache, log_cache = reference.forward(z, mask), reference.log_forward(z, mask)
    assert (cache.p.dtype, log_cache.log_p.dtype) == (np.float32, np.float32)
    bound = (np.ptp(z) + 4 + 9 + 1) * U32
    np.testing.assert_allclose(cache.p, exact.p, rtol=bound)
    here = mask & mask.any(axis=-1, keepdims=True)
    np.testing.assert_allclose(log_cache.log_p[here], exact_log.log_p[here], rtol=0, atol=bound)
    dp = np.random.default_rng(21).normal(size=z.shape).astype(np.float32)
    dz, dz_exact = reference.backward(dp, cache).z, reference.backward(dp.astype(float), exact).z
    assert dz.dtype == np.float32
    assert reference.log_backward(dp, log_cache).z.dtype == np.float32
    # p comes in twice, the sum has C terms of at most max|dp| * p, then a difference and a product
    np.testing.assert_allclose(dz, dz_exact, rtol=0, atol=2 * np.abs(dp).max() * (2 * bound + (9 + 3) * U32))


# shapes and sentences


@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_every_shape(shape, seed, data):
    rng = np.random.default_rng(seed)
    z = 3 * rng.normal(size=shape)
    dp = rng.normal(size=shape)
    axes = data.draw(st.integers(0, len(shape)))
    mask = np.asarray(rng.random(size=[data.draw(st.sampled_from([1, n])) for n in shape[axes:]]) < 0.6)
    cache = reference.forward(z, mask)
    some = np.broadcast_to(mask, shape).any(axis=-1)
    np.testing.assert_allclose(cache.p.sum(axis=-1), np.where(some, 1, 0), rtol=1e-14)
    dz = reference.backward(dp, cache).z
    assert dz.shape == shape
    np.testing.assert_array_equal(dz[~np.broadcast_to(mask, shape)], 0)
    h = 1e-30
    moved = reference.forward(z + 1j * h * dp, mask).p  # p moves along dp by J dp, and J is symmetric
    np.testing.assert_allclose(moved.imag / h, dz, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("z", "mask", "error", "sentence"),
    [
        ([1.0], None, TypeError, "softmax.forward: z is a list, expected a NumPy array of floats"),
        (np.arange(3), None, TypeError, "softmax.forward: z has dtype int64, expected float32, float64 or complex"),
        (np.array(1.0), None, ValueError, r"softmax.forward: z has shape \(\), expected .* with C at least 1"),
        (np.zeros((2, 0)), None, ValueError, r"softmax.forward: z has shape \(2, 0\), expected .* C at least 1"),
        (np.zeros((2, 3)), np.ones(3), TypeError, "softmax.forward: mask has dtype float64, expected bool"),
        (np.zeros((2, 3)), np.ones(2, bool), ValueError,
         r"softmax.forward: mask has shape \(2,\), expected one that broadcasts to \(2, 3\)"),
    ],
)  # fmt: skip
def test_wrong_arguments_get_one_sentence(z, mask, error, sentence):
    with pytest.raises(error, match=sentence):
        reference.forward(z, mask)
    with pytest.raises(error, match=sentence.replace("forward", "log_forward")):
        reference.log_forward(z, mask)


def test_wrong_upstream_gets_one_sentence():
    z = np.zeros((2, 3))
    with pytest.raises(
        ValueError, match=r"^softmax.backward: dp has shape \(3,\), expected the shape of .* \(2, 3\)$"
    ):
        reference.backward(np.zeros(3), reference.forward(z))
    with pytest.raises(ValueError, match=r"^softmax.log_backward: dlog_p has shape \(3,\), expected the shape"):
        reference.log_backward(np.zeros(3), reference.log_forward(z))
    with pytest.raises(TypeError, match=r"^softmax.backward: dp has dtype int64"):
        reference.backward(np.zeros((2, 3), dtype=np.int64), reference.forward(z))
