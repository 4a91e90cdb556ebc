"""Softmax and log-softmax on the device: every field and gradient that of the reference."""

import numpy as np
import pytest

from scratchnn import device
from scratchnn.ops import softmax
from scratchnn.ops.softmax import gpu, reference

PASSES = {"softmax": ("forward", "backward"), "log_softmax": ("log_forward", "log_backward")}
SHAPES = [(3, 5), (2, 3, 9), (4, 1), (7,), (1, 33)]  # rows shorter and longer than a block, one axis, three axes


def passes(which):
    names = PASSES[which]
    return [[getattr(module, name) for name in names] for module in (gpu, reference)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("which", PASSES)
def test_fields_and_gradients_are_those_of_the_reference(which, shape, dtype, close, untouched):
    (forward, backward), (wanted_forward, wanted_backward) = passes(which)
    rng = np.random.default_rng(0)
    z, d = ((2 * rng.normal(size=shape)).astype(dtype) for _ in range(2))
    mask = rng.random(shape) < 2 / 3
    if len(shape) > 1:
        mask[-1] = False
    for given in (None, mask):
        expected = wanted_forward(z, given)
        with untouched(z, mask, d):
            cache = forward(z, given)
            grads = backward(d, cache)
        assert isinstance(cache.z, np.ndarray)
        close(cache, expected)
        close(grads, wanted_backward(d, expected))


@pytest.mark.parametrize("which", PASSES)
def test_on_the_device_nothing_is_copied(which, close, moved, leaves):
    (forward, backward), (wanted_forward, wanted_backward) = passes(which)
    z, mask = softmax.sample(np.random.default_rng(1), B=3, C=6, masked=True)
    d = np.random.default_rng(2).normal(size=z.shape)
    there, d_there = moved((z, mask)), moved(d)
    with device.counting() as count:
        cache = forward(*there)
        grads = backward(d_there, cache)
    assert count.to_device == count.to_host == 0
    assert count.launches == 2
    assert all(device.on_device(leaf) for leaf in leaves((cache, grads)))
    close(cache, wanted_forward(z, mask))
    close(grads, wanted_backward(d, wanted_forward(z, mask)))


@pytest.mark.parametrize("shape", [(5,), (2, 1, 1), (3, 1), (1, 3, 5)], ids=str)
def test_a_mask_is_broadcast_on_the_device_too(shape, close, moved):
    rng = np.random.default_rng(3)
    z, mask = rng.normal(size=(2, 3, 5)), rng.random(shape) < 0.6
    close(gpu.forward(z, mask), reference.forward(z, mask))
    close(gpu.forward(moved(z), moved(mask)), reference.forward(z, mask))


@pytest.mark.parametrize("which", PASSES)
def test_what_is_no_number_stays_in_its_row(which, close):
    (forward, _), (wanted_forward, _) = passes(which)
    low = -np.inf
    z = np.array([[1.0, np.nan, 2.0], [low, low, low], [low, 3.0, low], [low, np.nan, low], [1.0, 2.0, 3.0]])
    with np.errstate(invalid="ignore"):
        close(forward(z), wanted_forward(z))


def test_a_masked_nan_is_not_read(close):
    z, mask = np.array([[np.nan, 1.0, 2.0], [np.nan] * 3]), np.array([[False, True, True], [False] * 3])
    close(gpu.forward(z, mask), reference.forward(z, mask))
    d = np.array([[np.nan, 1.0, 2.0], [np.nan] * 3])
    close(gpu.backward(d, gpu.forward(z, mask)), reference.backward(d, reference.forward(z, mask)))


def test_a_repetition_gives_the_same_bits():
    z = np.random.default_rng(4).normal(size=(3, 37)).astype(np.float32)
    first, second = gpu.forward(z), gpu.forward(z)
    np.testing.assert_array_equal(first.p, second.p)
    np.testing.assert_array_equal(*(gpu.backward(z, cache).z for cache in (first, second)))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((np.zeros((2, 0)),), "z has shape"),
        ((np.zeros(2, int),), "z has dtype int64"),
        ((np.zeros((2, 3)), np.ones((2, 2), bool)), "mask has shape"),
        ((np.zeros((2, 3)), np.ones((2, 3))), "mask has dtype"),
    ],
)
def test_the_sentences_are_those_of_the_reference(arguments, error):
    with pytest.raises((ValueError, TypeError), match=error) as ours:
        gpu.forward(*arguments)
    with pytest.raises(type(ours.value)) as theirs:
        reference.forward(*arguments)
    assert str(ours.value) == str(theirs.value)
