"""What rnn, gru and lstm promise alike about states, masks and upstream gradients.

Numbers by hand, saturated gates and every gradient against two oracles: test_rnn.py, test_gru.py, test_lstm.py.
Precision, layouts, sizes and error sentences: test_recurrent_arrays.py.
"""

import numpy as np
import pytest

# states


def test_row_zero_is_the_initial_state_and_rows_are_steps(recurrent):
    inputs = recurrent.sample(0)
    cache = recurrent.forward(inputs)
    fields = {"h_t": cache.h, "c_t": getattr(cache, "c", None)}
    for name in recurrent.states:
        np.testing.assert_array_equal(getattr(cache, name[0])[0], inputs[name])
    before = [inputs[name] for name in recurrent.states]
    for t, x_t in enumerate(inputs["x"]):
        nodes = recurrent.op.reference.step(x_t, *before, recurrent.params(inputs), **recurrent.options)
        np.testing.assert_array_equal(nodes.x_t, x_t)
        for name, state in zip(recurrent.states, before, strict=True):
            np.testing.assert_array_equal(getattr(nodes, f"{name[0]}_prev"), state)
        for name in ("a_t", "i", "f", "g", "o", "s", "m", "r", "z", "n"):
            if hasattr(nodes, name):
                row = getattr(cache, name.removesuffix("_t"))[t]
                recurrent.assert_step(row, getattr(nodes, name))
        before = [getattr(nodes, f"{name[0]}_t") for name in recurrent.states]
        for name, state in zip(("h_t", "c_t"), before, strict=False):
            recurrent.assert_step(fields[name][t + 1], state)


def test_two_halves_with_handed_over_state_equal_one_run(recurrent):
    """The second half's gradients of its initial states are upstream gradients of the first half."""
    inputs = recurrent.sample(1, T=7)
    whole = recurrent.forward(inputs)
    upstream = recurrent.upstream(whole)
    expected = recurrent.backward(upstream, whole, inputs)

    first = {**inputs, "x": inputs["x"][:3]}
    one = recurrent.forward(first)
    second = {**inputs, "x": inputs["x"][3:], **recurrent.final(one)}
    two = recurrent.forward(second)
    np.testing.assert_array_equal(np.concatenate([one.h, two.h[1:]]), whole.h)

    late = recurrent.backward({**upstream, "h": upstream["h"][3:]}, two, second)
    dh = upstream["h"][:3].copy()
    dh[-1] += late["h0"]
    early = recurrent.backward({"h": dh} | ({"c_last": late["c0"]} if "c0" in late else {}), one, first)
    joined = {name: early[name] + late[name] for name in recurrent.op.Params._fields}
    joined |= {name: early[name] for name in recurrent.states}
    joined["x"] = np.concatenate([early["x"], late["x"]])
    recurrent.assert_close({name: joined[name] for name in expected}, expected)


def test_sequences_of_a_batch_do_not_see_each_other(recurrent):
    """One sequence at a time: the same states; gradients of parameters add up."""
    inputs = recurrent.sample(2)
    cache = recurrent.forward(inputs)
    upstream = recurrent.upstream(cache)
    expected = recurrent.backward(upstream, cache, inputs)
    total = {name: np.zeros_like(array) for name, array in expected.items()}
    for b in range(inputs["x"].shape[1]):
        own = {**inputs, "x": inputs["x"][:, b : b + 1]}
        own |= {name: inputs[name][b : b + 1] for name in recurrent.states}
        alone = recurrent.forward(own)
        np.testing.assert_allclose(alone.h[:, 0], cache.h[:, b], rtol=0, atol=1e-14)
        grads = recurrent.backward({name: d[..., b : b + 1, :] for name, d in upstream.items()}, alone, own)
        for name, grad in grads.items():
            if name in ("x", *recurrent.states):
                total[name][..., b : b + 1, :] = grad
            else:
                total[name] += grad
    recurrent.assert_close(total, expected)


# masks


def test_a_padded_step_changes_nothing(recurrent):
    """A ragged batch against each sequence alone and unpadded, gaps in the middle included."""
    T = 6
    mask = recurrent.mask(T, [6, 1, 3, 0, 5])
    mask[:, 4] = [True, False, True, True, False, True]
    inputs = recurrent.sample(3, T=T, B=5)
    cache = recurrent.forward(inputs, mask)
    upstream = recurrent.upstream(cache)
    got = recurrent.backward(upstream, cache, inputs)
    params = {name: np.zeros_like(inputs[name]) for name in recurrent.op.Params._fields}
    for b in range(5):
        real = mask[:, b]
        for t in np.flatnonzero(~real):
            np.testing.assert_array_equal(cache.h[t + 1, b], cache.h[t, b])
        np.testing.assert_array_equal(got["x"][~real, b], 0)
        last = np.concatenate([[-1], np.flatnonzero(real)])  # whose state stands at step t
        row = np.cumsum(real)
        dh = np.zeros((len(last), 1, inputs["h0"].shape[1]))  # row 0: gradient that reaches h0 past all steps
        np.add.at(dh[:, 0], row, upstream["h"][:, b])
        if not real.any():
            np.testing.assert_array_equal(cache.h[-1, b], inputs["h0"][b])
            np.testing.assert_allclose(got["h0"][b], dh[0, 0], rtol=1e-13)
            if "c0" in got:
                np.testing.assert_array_equal(got["c0"][b], upstream["c_last"][b])
            continue
        own = {**inputs, "x": inputs["x"][real, b][:, None]}
        own |= {name: inputs[name][b : b + 1] for name in recurrent.states}
        alone = recurrent.forward(own)
        np.testing.assert_allclose(cache.h[1:][real, b], alone.h[1:, 0], rtol=0, atol=1e-14)
        for name, state in recurrent.final(alone).items():
            np.testing.assert_allclose(recurrent.final(cache)[name][b], state[0], rtol=0, atol=1e-14)
        d = {"h": dh[1:]} | ({"c_last": upstream["c_last"][b : b + 1]} if "c_last" in upstream else {})
        grads = recurrent.backward(d, alone, own)
        np.testing.assert_allclose(got["x"][real, b], grads["x"][:, 0], rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(got["h0"][b], grads["h0"][0] + dh[0, 0], rtol=1e-11, atol=1e-13)
        for name in params:
            params[name] += grads[name]
    recurrent.assert_close({name: got[name] for name in params}, params)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf, 1e300])
def test_padding_does_not_leak(recurrent, garbage):
    """Whatever stands in x at padding: states, cache and gradients are bit for bit those of zeros there."""
    mask = recurrent.mask(4, [4, 1, 2])
    inputs = recurrent.sample(4)
    clean = {**inputs, "x": np.where(mask[:, :, None], inputs["x"], 0)}
    dirty = {**inputs, "x": np.where(mask[:, :, None], inputs["x"], garbage)}
    expected, cache = recurrent.forward(clean, mask), recurrent.forward(dirty, mask)
    arrays = {name: value for name, value in cache._asdict().items() if isinstance(value, np.ndarray)}
    assert all(np.isfinite(array).all() for array in arrays.values())
    recurrent.assert_same(arrays, {name: getattr(expected, name) for name in arrays})
    upstream = recurrent.upstream(cache)
    recurrent.assert_same(recurrent.backward(upstream, cache, dirty), recurrent.backward(upstream, expected, clean))


def test_nan_at_a_real_step_is_not_hidden(recurrent):
    inputs = recurrent.sample(5)
    inputs["x"][1, 2, 0] = np.nan
    h = recurrent.forward(inputs).h
    assert np.isnan(h[2:, 2]).all()
    assert np.isfinite(h[:, :2]).all()
    assert np.isfinite(h[:2]).all()


def test_a_mask_of_ones_is_no_mask(recurrent):
    inputs = recurrent.sample(6)
    full = recurrent.forward(inputs, np.ones((4, 3), bool))
    np.testing.assert_array_equal(full.h, recurrent.forward(inputs).h)


# backward as a map of the upstream


def test_backward_is_linear_in_the_upstream(recurrent):
    inputs = recurrent.sample(7)
    cache = recurrent.forward(inputs, recurrent.mask(4, [4, 1, 2]))
    first, second = recurrent.upstream(cache, 1), recurrent.upstream(cache, 2)
    one, two = recurrent.backward(first, cache, inputs), recurrent.backward(second, cache, inputs)
    both = recurrent.backward({name: 2 * first[name] - 3 * second[name] for name in first}, cache, inputs)
    recurrent.assert_close(both, {name: 2 * one[name] - 3 * two[name] for name in one})
    nothing = recurrent.backward({name: 0 * d for name, d in first.items()}, cache, inputs)
    recurrent.assert_same(nothing, {name: np.zeros_like(grad) for name, grad in one.items()})


def test_no_gradient_flows_back_from_the_future(recurrent):
    """A loss on h_1 alone gives later inputs exactly nothing."""
    inputs = recurrent.sample(8)
    cache = recurrent.forward(inputs)
    upstream = {name: np.zeros_like(y) for name, y in recurrent.outputs(cache).items()}
    upstream["h"][0] = 1
    dx = recurrent.backward(upstream, cache, inputs)["x"]
    assert np.any(dx[0] != 0)
    np.testing.assert_array_equal(dx[1:], 0)


def test_backward_twice_on_one_cache_and_everything_untouched(recurrent, untouched):
    inputs = recurrent.sample(9)
    mask = recurrent.mask(4, [4, 1, 2])
    with untouched(inputs, mask):
        cache = recurrent.forward(inputs, mask)
    upstream = recurrent.upstream(cache)
    with untouched(inputs, mask, cache, upstream):
        once = recurrent.backward(upstream, cache, inputs)
        kept = {name: grad.copy() for name, grad in once.items()}
        again = recurrent.backward(upstream, cache, inputs)
    recurrent.assert_same(again, kept)
    recurrent.assert_same(once, kept)  # the second run did not write into what the first gave away


def test_results_share_no_memory_with_arguments(recurrent):
    """Whoever changes a result in place changes no input and no upstream."""
    inputs = recurrent.sample(10)
    cache = recurrent.forward(inputs, np.zeros((4, 3), bool))  # all padding: everything is only passed on
    upstream = recurrent.upstream(cache)
    grads = recurrent.backward(upstream, cache, inputs)
    given = [*inputs.values(), *upstream.values()]
    for made in (cache.h, cache.x, *grads.values()):
        assert not any(np.shares_memory(made, array) for array in given)
