"""Activations on the device against the reference."""

import numpy as np
import pytest

from scratchnn import device
from scratchnn.ops import activations
from scratchnn.ops.activations import gpu

X = np.array([[-40.0, -2.5, -1e-3, 0.0, 1e-3], [0.5, 1.0, 3.0, 20.0, np.nan]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("nonlinearity", list(gpu.SCALARS))
def test_equals_the_reference(nonlinearity, dtype, close):
    x, dy = X.astype(dtype), np.linspace(-1, 2, 10, dtype=dtype).reshape(2, 5)
    cache, truth = (m.forward(x, nonlinearity=nonlinearity) for m in (gpu, activations.reference))
    close(cache, truth)
    close(gpu.backward(dy, cache), activations.reference.backward(dy, truth))


def test_arrays_stay_where_they_are_whatever_their_shape(moved):
    for shape in ((), (0, 3), (2, 3, 4)):
        x = moved(np.ones(shape))
        with device.counting() as count:
            cache = gpu.forward(x)
            dx = gpu.backward(cache.y, cache).x
        assert (count.to_device, count.to_host) == (0, 0)
        assert tuple(dx.shape) == shape
        assert device.on_device(dx)


def test_sentences():
    with pytest.raises(ValueError, match="nonlinearity is 'sine'"):
        gpu.forward(X, nonlinearity="sine")
    with pytest.raises(ValueError, match=r"dy has shape \(3,\)"):
        gpu.backward(np.ones(3), gpu.forward(X))
    with pytest.raises(TypeError, match="dtype int64"):
        gpu.forward(np.arange(3))
