"""What layers do to arrays between the ops: on the host NumPy's expression, on the device the same numbers."""

import numpy as np
import pytest

from scratchnn import arrays, device
from scratchnn.layers import sequences

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(3, 4, 5)), RNG.normal(size=(3, 4, 5))
SHARE, LENGTHS = RNG.normal(size=(3, 4)), np.array([2, 1, 3, 3])
PURE = {
    "copy": (lambda x, y: arrays.copy(x), X),
    "swap": (lambda x, y: arrays.swap(x), X.swapaxes(0, 1)),
    "columns": (lambda x, y: arrays.columns(x, 1, 4), X[..., 1:4]),
    "join": (lambda x, y: arrays.join([x, y, x]), np.concatenate([X, Y, X], axis=2)),
    "stack": (lambda x, y: arrays.stack([x, y]), np.array([X, Y])),
    "add": (lambda x, y: arrays.add(x, y, y), X + Y + Y),
    "scale": (lambda x, y: arrays.scale(x, 0.3), 0.3 * X),
    "divide": (lambda x, y: arrays.divide(x, 3.0), X / 3),
    "sum_rows": (lambda x, y: arrays.sum_rows(x), X.sum(axis=(0, 1))),
    "zeros_like": (lambda x, y: arrays.zeros_like(x), np.zeros_like(X)),
    "like": (lambda x, y: arrays.like(x, 2.5), np.full_like(X, 2.5)),
    "make": (lambda x, y: arrays.make((2, 7), np.float64, x), np.zeros((2, 7))),
    "weigh": (lambda x, y: arrays.weigh(x, arrays.put(SHARE, x)), np.einsum("bt,bth->bh", SHARE, X)),
    "weigh_backward": (
        lambda x, y: arrays.weigh_backward(x[0], arrays.put(SHARE.T, x)), SHARE.T[:, :, None] * X[0][:, None]
    ),
    "reverse": (lambda x, y: sequences.reverse(x, arrays.put(LENGTHS, x)), None),
    "reverse all": (lambda x, y: sequences.reverse(x, None), X[::-1]),
    "real steps": (lambda x, y: sequences.real_steps(arrays.put(LENGTHS, x), 3), np.arange(3)[:, None] < LENGTHS),
    "pairs": (lambda x, y: sequences.pairs(arrays.put(SHARE > 0, x)), (SHARE > 0)[:, :, None] & (SHARE > 0)[:, None]),
    "zero padding": (
        lambda x, y: sequences.zero_padding(x, arrays.put(SHARE > 0, x)), np.where((SHARE > 0)[:, :, None], X, 0)
    ),
}  # fmt: skip
WRITING = {
    "write_into": (lambda x, y: arrays.write_into(x, y), Y),
    "add_into": (lambda x, y: arrays.add_into(x, y), X + Y),
    "add_into scaled": (lambda x, y: arrays.add_into(x, y, 0.7), X + 0.7 * Y),
    "scale_into": (lambda x, y: arrays.scale_into(x, 0.7), 0.7 * X),
    "divide_into": (lambda x, y: arrays.divide_into(x, 7.0), X / 7),
    "fill_into": (lambda x, y: arrays.fill_into(x, -1.5), np.full_like(X, -1.5)),
    "fill_into a part": (lambda x, y: arrays.fill_into(x[1], 4), np.stack([X[0], np.full((4, 5), 4.0), X[2]])),
    "clamp_into": (lambda x, y: arrays.clamp_into(x, 0.4), np.clip(X, -0.4, 0.4)),
}


@pytest.mark.parametrize("name", PURE)
def test_here_and_there_the_same(name, close, moved, untouched):
    function, expected = PURE[name]
    with untouched(X, Y):
        host = function(X, Y)
    expected = host if expected is None else expected
    close(np.array(host), np.array(expected), tolerance=1e-14)
    x, y = moved(X), moved(Y)
    for _ in range(2):
        got = function(x, y)
        assert device.on_device(got)
        close(got, np.array(expected), tolerance=1e-14)
    close(x, X)


@pytest.mark.parametrize("name", WRITING)
def test_writing_here_and_there_the_same(name, close, moved):
    function, expected = WRITING[name]
    host, there = X.copy(), moved(X)
    function(host, Y)
    function(there, moved(Y))
    close(host, expected, tolerance=1e-15)
    close(there, expected, tolerance=1e-14)


@pytest.mark.parametrize("shape", [(5,), (4, 1), (3, 1, 5), (1, 4, 1), (3, 4, 5), (1,)], ids=str)
def test_spread(shape, close, moved):
    x = np.random.default_rng(1).normal(size=shape)
    close(arrays.spread(moved(x), (2, 3, 4, 5)), np.array(np.broadcast_to(x, (2, 3, 4, 5))))


def test_long_sums_are_made_in_parts_and_repeat_to_the_bit(moved):
    x = np.random.default_rng(2).normal(size=(300, 3)).astype(np.float32)
    first, second = (arrays.to_host(arrays.sum_rows(moved(x))) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, x.astype(np.float64).sum(axis=0), atol=1e-4)


def test_what_is_counted_and_squared(moved):
    there = {"x": moved(X), "y": moved(Y[0])}
    with device.counting() as count:
        sums = arrays.squares(there)
    assert count.to_host == 1, "all sums come home together"
    assert sums == pytest.approx({"x": (X**2).sum(), "y": (Y[0] ** 2).sum()}, rel=1e-14)
    assert arrays.count_beyond(there["x"], 0.5) == np.count_nonzero(np.abs(X) > 0.5) == arrays.count_beyond(X, 0.5)
