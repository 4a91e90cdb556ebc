"""Mean pooling: by hand, padding, gradients."""

import numpy as np
import pytest

from scratchnn.layers.pooling import MeanPooling
from scratchnn.probe import complex_step

H = np.arange(12.0).reshape(2, 3, 2)


def test_mean_by_hand():
    y, _ = MeanPooling().forward(H, np.array([3, 2]))
    np.testing.assert_allclose(y, [[2, 3], [7, 8]])


def test_padding_is_never_read_and_gets_no_gradient():
    spoiled = H.copy()
    spoiled[1, 2] = np.nan
    y, cache = MeanPooling().forward(spoiled, np.array([3, 2]))
    assert np.isfinite(y).all()
    dh = MeanPooling().backward(np.ones((2, 2)), cache)
    np.testing.assert_array_equal(dh[1, 2], 0)


def test_backward():
    rng = np.random.default_rng(0)
    h, dy, lengths = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 5)), np.array([4, 1, 2])
    layer = MeanPooling(dtype=np.float64)
    true = complex_step(lambda arrays: (layer.forward(arrays["h"], lengths)[0] * dy).sum(), {"h": h})["h"]
    _, cache = layer.forward(h, lengths)
    np.testing.assert_allclose(layer.backward(dy, cache), true, rtol=0, atol=1e-14)


def test_float32_stays_float32():
    y, cache = MeanPooling().forward(H.astype(np.float32), np.array([3, 2]))
    assert y.dtype == np.float32
    assert MeanPooling().backward(y, cache).dtype == np.float32


@pytest.mark.parametrize("lengths", [[9, 1], [0, 1]])
def test_a_length_that_cannot_be_is_refused(lengths):
    with pytest.raises(ValueError, match=r"lengths\[0\] is \d, expected 1 to T = 3"):
        MeanPooling().forward(H, np.array(lengths))
