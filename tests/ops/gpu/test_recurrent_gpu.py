"""RNN and GRU on the device: every rung against the reference, field by field, at sizes that no block divides."""

import numpy as np
import pytest

from scratchnn import device
from scratchnn.ops import gru, rnn
from scratchnn.ops.gru import gpu as gru_gpu
from scratchnn.ops.rnn import gpu as rnn_gpu

WAYS = {
    "gru": (gru, gru_gpu, {}),
    "rnn-tanh": (rnn, rnn_gpu, {}),
    "rnn-relu": (rnn, rnn_gpu, {"nonlinearity": "relu"}),
    "rnn-identity": (rnn, rnn_gpu, {"nonlinearity": "identity"}),
}


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


def problem(op, dtype=np.float64, **sizes):
    rng = np.random.default_rng(0)
    arguments = op.sample(rng, **({"T": 3, "B": 3, "D": 2, "H": 9} | sizes), dtype=dtype)
    return arguments, rng.normal(size=(len(arguments[0]), *arguments[1].shape)).astype(dtype)


def ragged(T, B):
    return np.arange(T)[:, None] < np.resize([T, 1, 0, 2], B)


def check(op, judged, options, close, dtype=np.float64, masked=True, **sizes):
    arguments, dh = problem(op, dtype, **sizes)
    mask = ragged(*dh.shape[:2]) if masked else None
    cache, truth = (module.forward(*arguments, mask, **options) for module in (judged, op.reference))
    close(cache, truth)
    close(judged.backward(dh, cache, arguments[-1]), op.reference.backward(dh, truth, arguments[-1]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [0, 1], ids=["fused cell", "fused step"])
def test_a_rung_equals_the_reference(way, k, dtype, close):
    op, module, options = way
    check(op, module.RUNGS[k], options, close, dtype)


@pytest.mark.parametrize("sizes", [{"T": 1, "B": 1, "D": 1, "H": 1}, {"T": 2, "B": 5, "D": 3, "H": 13}], ids=str)
def test_a_fused_step_at_the_edges_of_blocks(way, sizes, close):
    op, module, options = way
    check(op, module.RUNGS[1], options, close, masked=False, **sizes)


@pytest.mark.parametrize("masked", [False, True])
def test_all_steps_in_one_launch(way, masked, close):
    """Blocks that wait for each other: two slices of units or three, two groups of rows."""
    op, module, options = way
    with device.counting() as count:
        check(op, module, options, close, masked=masked)
    assert count.launches <= 15


def test_weights_too_large_for_a_block(way, close, monkeypatch):
    op, module, options = way
    monkeypatch.setattr(device, "most_shared", lambda: 500)
    check(op, module, options, close, T=2)


def test_tiles_less_deep_than_the_state(way, close, monkeypatch):
    """Little shared memory: h_prev and da come in several tiles a step."""
    op, module, options = way
    monkeypatch.setattr(device, "most_shared", lambda: 2060 if op is gru else 1100)
    plans = module.plans(3, 9, np.float64, False)
    share = plans if op is rnn else plans[0]
    assert share.fits
    assert share.deep < 9
    check(op, module.RUNGS[1], options, close, T=2)


def test_arrays_stay_where_they_are(way, moved, leaves):
    op, module, options = way
    arguments, dh = problem(op)
    mask = ragged(3, 3)
    cache = module.forward(*arguments, mask, **options)
    grads = module.backward(dh, cache, arguments[-1])
    assert all(isinstance(array, np.ndarray) for array in leaves((cache, grads)))
    arguments, dh, mask = moved((arguments, dh, mask))
    with device.counting() as count:
        cache = module.forward(*arguments, mask, **options)
        grads = module.backward(dh, cache, arguments[-1])
    assert (count.to_device, count.to_host) == (0, 0)
    assert all(device.on_device(array) for array in leaves((cache, grads)))


def test_two_runs_agree_to_the_last_bit_and_arguments_are_untouched(way, untouched, leaves):
    op, module, options = way
    arguments, dh = problem(op, np.float32)
    runs = []
    for _ in range(2):
        with untouched(arguments, dh):
            cache = module.forward(*arguments, **options)
            runs.append(list(leaves((cache, module.backward(dh, cache, arguments[-1])))))
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_in_padding_is_read(way):
    op, module, options = way
    (x, *rest), dh = problem(op)
    mask = ragged(3, 3)
    spoiled = x.copy()
    spoiled[~mask] = np.nan
    results = []
    for given in (x, spoiled):
        cache = module.forward(given, *rest, mask, **options)
        results.append([cache.h, *module.backward(dh, cache, rest[-1])])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_unknown_nonlinearity_is_named():
    with pytest.raises(ValueError, match=r"rnn\.forward: nonlinearity is 'cosine'"):
        rnn_gpu.forward(*problem(rnn)[0], nonlinearity="cosine")
