"""What rnn, gru and lstm promise alike about arrays: dtypes, layouts, sizes, error sentences."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

EPS32 = np.finfo(np.float32).eps


# precision and layout


def test_float32_stays_float32_within_the_rounding_bound(recurrent):
    """Bound: eps32 * T * (D + k*H + 8) of the largest entry.

    One step rounds each sum of at most D + k*H terms and about 8 elementwise results, all of the size of what
    they enter or smaller (weights O(0.5), so the carries do not grow), and T steps follow each other.
    """
    T, D, H = 4, 2, 5
    rough = recurrent.sample(11, dtype=np.float32)
    fine = {name: array.astype(np.float64) for name, array in rough.items()}
    mask = recurrent.mask(T, [4, 1, 2])
    cache, exact = recurrent.forward(rough, mask), recurrent.forward(fine, mask)
    for value in cache:
        assert not isinstance(value, np.ndarray) or value.dtype in (np.float32, np.bool_)
    upstream = recurrent.upstream(cache)
    grads = recurrent.backward(upstream, cache, rough)
    assert {grad.dtype for grad in grads.values()} == {np.dtype(np.float32)}
    bound = EPS32 * T * (D + recurrent.blocks * H + 8)
    recurrent.assert_close(recurrent.outputs(cache), recurrent.outputs(exact), rtol=bound)
    upstream = {name: d.astype(np.float64) for name, d in upstream.items()}
    recurrent.assert_close(grads, recurrent.backward(upstream, exact, fine), rtol=bound)


def test_one_float64_array_makes_everything_float64(recurrent):
    inputs = recurrent.sample(12, dtype=np.float32)
    for name in inputs:
        mixed = {**inputs, name: inputs[name].astype(np.float64)}
        cache = recurrent.forward(mixed)
        assert cache.h.dtype == np.float64
        grads = recurrent.backward(recurrent.upstream(cache), cache, mixed)
        assert {grad.dtype for grad in grads.values()} == {np.dtype(np.float64)}


def strided(array):
    """Give the same numbers with a gap after each and the first axis running backwards."""
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan)[::-1]
    wide[..., ::2] = array
    return wide[..., ::2]


def frozen(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


@pytest.mark.parametrize("layout", [strided, np.asfortranarray, frozen])
def test_layout_does_not_matter(recurrent, layout):
    """BLAS may sum in another order, no more."""
    inputs = recurrent.sample(13)
    mask = recurrent.mask(4, [4, 1, 2])
    expected = recurrent.forward(inputs, mask)
    upstream = recurrent.upstream(expected)
    other = {name: layout(array) for name, array in inputs.items()}
    cache = recurrent.forward(other, frozen(mask) if layout is frozen else np.asfortranarray(mask))
    recurrent.assert_close(recurrent.outputs(cache), recurrent.outputs(expected), rtol=1e-14)
    grads = recurrent.backward({name: layout(d) for name, d in upstream.items()}, cache, other)
    recurrent.assert_close(grads, recurrent.backward(upstream, expected, inputs), rtol=1e-13)


# shapes nobody thought of


@settings(deadline=None, max_examples=20)
@given(
    sizes=st.fixed_dictionaries({letter: st.integers(1, 4) for letter in "TBDH"}),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_any_sizes_and_lengths(recurrent, sizes, seed, data):
    """Complex step along one random direction through all inputs at once, lengths 1 and T among the draws."""
    T, B = sizes["T"], sizes["B"]
    lengths = data.draw(st.lists(st.sampled_from([1, T]) | st.integers(0, T), min_size=B, max_size=B))
    mask = data.draw(st.sampled_from([None, recurrent.mask(T, lengths)]))
    inputs = recurrent.sample(seed, **sizes)
    cache = recurrent.forward(inputs, mask)
    upstream = recurrent.upstream(cache)
    grads = recurrent.backward(upstream, cache, inputs)
    direction = recurrent.sample(seed + 1, **sizes)
    moved = recurrent.outputs(recurrent.forward({k: v + 1e-30j * direction[k] for k, v in inputs.items()}, mask))
    exact = sum(np.sum(moved[k].imag / 1e-30 * d) for k, d in upstream.items())
    terms = [grads[k] * direction[k] for k in inputs]
    size = sum(np.sum(np.abs(term)) for term in terms)
    assert abs(sum(np.sum(term) for term in terms) - exact) <= 1e-12 * size
    for k, grad in grads.items():
        assert grad.shape == inputs[k].shape


# errors


def raises(error, where, sentence):
    return pytest.raises(error, match=f"^{re.escape(where)}: {re.escape(sentence)}$")


def test_shape_sentences(recurrent):
    D, H, k = 2, 5, recurrent.blocks
    stacked = f"{k}H" if k > 1 else "H"
    inputs = recurrent.sample(14)
    where = f"{recurrent.room}.forward"
    sentences = {
        "x": "x has shape (4, 3, 2, 1), expected 3 axes (T, B, D)",
        "h0": "h0 has shape (3, 5, 1), expected 2 axes (B, H)",
        "c0": "c0 has shape (3, 5, 1), expected (B, H) = (3, 5)",
        "W_x": f"W_x has shape ({D}, {k * H}, 1), expected (D, {stacked}) = ({D}, {k * H})",
        "W_h": f"W_h has shape ({H}, {k * H}, 1), expected (H, {stacked}) = ({H}, {k * H})",
        "b": f"b has shape ({k * H}, 1), expected ({stacked},) = ({k * H},)",
        "b_hn": "b_hn has shape (5, 1), expected (H,) = (5,)",
    }
    for name, array in inputs.items():
        with raises(ValueError, where, sentences[name]):
            recurrent.forward({**inputs, name: array[..., None]})
    with raises(ValueError, where, "h0 has shape (1, 5), expected (B, H) = (3, 5)"):
        recurrent.forward({**inputs, "h0": inputs["h0"][:1]})
    with raises(ValueError, where, f"W_h has shape (4, {k * H}), expected (H, {stacked}) = (5, {k * H})"):
        recurrent.forward({**inputs, "W_h": inputs["W_h"][1:]})
    with raises(ValueError, where, "x has shape (0, 3, 2): T = 0, expected at least 1"):
        recurrent.forward({**inputs, "x": inputs["x"][:0]})


def test_type_sentences(recurrent):
    inputs = recurrent.sample(15)
    where = f"{recurrent.room}.forward"
    for name, array in inputs.items():
        with raises(TypeError, where, f"{name} has dtype int32, expected float32, float64 or complex"):
            recurrent.forward({**inputs, name: array.astype(np.int32)})
        with raises(TypeError, where, f"{name} is a list, expected a NumPy array of floats"):
            recurrent.forward({**inputs, name: array.tolist()})


@pytest.mark.parametrize(
    ("error", "mask", "sentence"),
    [
        (TypeError, np.ones((4, 3)), "mask has dtype float64, expected bool"),
        (TypeError, [[True]], "mask is a list, expected a NumPy array of booleans"),
        (ValueError, np.ones((3, 4), bool), "mask has shape (3, 4), expected (T, B) = (4, 3)"),
        (ValueError, np.ones((1, 3), bool), "mask has shape (1, 3), expected (T, B) = (4, 3)"),
    ],
)
def test_mask_sentences(recurrent, error, mask, sentence):
    with raises(error, f"{recurrent.room}.forward", sentence):
        recurrent.forward(recurrent.sample(16), mask)


def test_upstream_sentences(recurrent):
    inputs = recurrent.sample(17)
    cache = recurrent.forward(inputs)
    upstream = recurrent.upstream(cache)
    where = f"{recurrent.room}.backward"
    with raises(ValueError, where, "dh has shape (3, 3, 5), expected (T, B, H) = (4, 3, 5)"):
        recurrent.backward({**upstream, "h": upstream["h"][1:]}, cache, inputs)
    for name, d in upstream.items():
        with raises(TypeError, where, f"d{name} has dtype int32, expected float32, float64 or complex"):
            recurrent.backward({**upstream, name: d.astype(np.int32)}, cache, inputs)
        with raises(TypeError, where, f"d{name} is a list, expected a NumPy array of floats"):
            recurrent.backward({**upstream, name: d.tolist()}, cache, inputs)
