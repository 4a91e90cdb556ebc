"""One helper: a layer's backward, every input and every parameter, against the complex step."""

import numpy as np
import pytest

from scratchnn.probe import complex_step, project


def _check(layer, forward, backward, inputs, limit=1e-10):
    params = layer.state_dict()
    rng = np.random.default_rng(0)
    start, _ = forward(inputs)
    upstream = {name: rng.normal(size=array.shape) for name, array in start.items()}
    everything = {**inputs, **{f"params {name}": array for name, array in params.items()}}

    def loss(moved):
        layer.set_params({name: moved[f"params {name}"] for name in params})
        outputs, _ = forward({name: moved[name] for name in inputs})
        return project(outputs, upstream)

    exact = complex_step(loss, everything)
    layer.set_params(params)
    layer.zero_grad()
    _, cache = forward(inputs)
    got = backward(upstream, cache)
    got = {**got, **{f"params {name}": grad for name, grad in layer.grads.items()}}
    assert got.keys() == exact.keys()
    for name, expected in exact.items():
        assert got[name].shape == expected.shape, name
        scale = max(np.abs(expected).max(), 1e-3)  # a gradient of exactly 0 is compared with 1e-13
        assert np.abs(got[name] - expected).max() <= limit * scale, name
        if not name.startswith("params"):
            assert np.abs(expected).max() > 1e-3, f"{name} has no influence: this checks nothing"


@pytest.fixture
def check_layer():
    """Give ``check_layer(layer, forward, backward, inputs)``.

    ``forward(inputs)`` returns (dict of outputs, cache), ``backward(upstream, cache)`` a dict of gradients with
    the keys of ``inputs``; the gradients of the parameters are read from the layer. Each must agree with the
    complex step to 1e-10 of its largest entry, with random numbers upstream of every output.
    """
    return _check
