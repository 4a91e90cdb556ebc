"""Helpers for the tests of every op: a backward against two independent oracles, and arrays that nobody may touch."""

from contextlib import contextmanager
from importlib import import_module

import numpy as np
import pytest

from scratchnn.ops import gru, lstm, rnn
from scratchnn.probe import complex_step, differentiable, project, richardson


def _readonly(array):
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


def _compare(outputs, gradients, inputs, seed=0):
    rng = np.random.default_rng(seed)
    inputs = {name: _readonly(array) for name, array in inputs.items()}
    wanted = differentiable(inputs)
    upstream = {name: _readonly(rng.normal(size=np.shape(y))) for name, y in outputs(inputs).items()}

    def loss(moved):
        return project(outputs(moved), upstream)

    got = gradients(inputs, upstream)
    assert sorted(got) == sorted(wanted), f"gradients for {sorted(got)}, inputs are {sorted(wanted)}"
    exact = complex_step(loss, inputs)
    differences, errors = richardson(loss, inputs)[:2]
    everywhere = max(np.max(np.abs(g)) for g in exact.values())
    for name, g in got.items():
        assert isinstance(g, np.ndarray), f"d{name} is a {type(g).__name__}"
        assert g.shape == inputs[name].shape, f"d{name} has shape {g.shape}, {name} has {inputs[name].shape}"
        assert g.dtype == np.float64, f"d{name} has dtype {g.dtype}"
        largest = np.max(np.abs(exact[name]))
        off = np.max(np.abs(g - exact[name]))
        allowed = 1e-10 * largest + 64 * np.finfo(float).eps * everywhere
        assert off <= allowed, f"d{name}: {off:.1e} off the complex step, largest entry {largest:.1e}"
        assert np.max(errors[name]) <= 1e-6 * everywhere, (
            f"d{name}: the differences prove nothing here (noise, a kink?)"
        )
        off = np.abs(g - differences[name])
        assert (off <= 10 * errors[name]).all(), (
            f"d{name}: {np.max(off):.1e} off the differences, their own error is {np.max(errors[name]):.1e}"
        )
    return got, upstream


def _arrays(tree):
    if isinstance(tree, np.ndarray):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from _arrays(value)
    elif isinstance(tree, tuple | list):
        for value in tree:
            yield from _arrays(value)


@contextmanager
def _untouched(*things):
    arrays = list(_arrays(things))
    assert arrays, "nothing to watch"
    before = [(a.copy(), a.shape, a.strides, a.dtype) for a in arrays]
    yield
    for k, (array, (copy, shape, strides, dtype)) in enumerate(zip(arrays, before, strict=True)):
        assert (array.shape, array.strides, array.dtype) == (shape, strides, dtype), f"array {k} changed its layout"
        assert array.tobytes() == copy.tobytes(), f"array {k} {shape} was changed"


@pytest.fixture(scope="session")
def compare():
    """Give ``compare(outputs, gradients, inputs, seed=0)``: a backward against two oracles that know nothing of it.

    outputs : function
        Takes a dict of arrays named as ``inputs`` (entries may be complex), returns a dict of arrays: every output
        and final state whose gradient may come from outside.
    gradients : function
        Takes the dict of inputs and a dict of upstream gradients named as the outputs (both read-only float64);
        runs forward and backward and returns a dict of gradients, one for EVERY float array of ``inputs``.
    inputs : dict of str to array
        Every float64 array in it is differentiated; ids and masks are passed through.
    seed : int
        The upstream gradients are normal numbers drawn from it.

    The loss is sum(output * upstream) over all outputs. Asserted for each input: shape and dtype; at most 1e-10 of
    the largest entry away from the complex step (plus 64 roundings of the largest gradient of all, for gradients
    that are exactly zero in mathematics); at each entry at most ten times the Richardson error estimate away
    from the extrapolated central differences, and that estimate small enough (1e-6 of the largest gradient) to
    prove something: keep the inputs of a relu away from its kink. Returns (gradients, upstream)::

        def outputs(i):
            cache = lstm.reference.forward(i["x"], i["h0"], i["c0"], params_of(i))
            return {"h": cache.h[1:], "c_last": cache.c[-1]}

        def gradients(i, d):
            cache = lstm.reference.forward(i["x"], i["h0"], i["c0"], params_of(i))
            return lstm.reference.backward(d["h"], d["c_last"], cache, params_of(i))._asdict()

        compare(outputs, gradients, inputs)
    """
    return _compare


@pytest.fixture(scope="session")
def untouched():
    """Give ``with untouched(x, params, cache): ...``: every array inside must be bit for bit the same afterwards."""
    return _untouched


RECURRENT = {
    "rnn-tanh": (rnn, {"nonlinearity": "tanh"}, 1),
    "rnn-relu": (rnn, {"nonlinearity": "relu"}, 1),
    "rnn-identity": (rnn, {"nonlinearity": "identity"}, 1),
    "gru": (gru, {}, 3),
    "lstm": (lstm, {}, 4),
}


BACKENDS = ("reference", "cpu")


class Recurrent:
    """One op under dict names: inputs x, h0, (c0), W_x, ... and outputs h, (c_last)."""

    def __init__(self, name, backend="reference"):
        self.op, self.options, self.blocks = RECURRENT[name]
        self.room = name.partition("-")[0]
        self.states = ("h0", "c0") if self.op is lstm else ("h0",)
        self.backend = import_module(f"{self.op.__name__}.{backend}")

    def sample(self, seed, **sizes):
        *arrays, params = self.op.sample(np.random.default_rng(seed), **sizes)
        return {**dict(zip(("x", *self.states), arrays, strict=True)), **params._asdict()}

    def params(self, inputs):
        return self.op.Params(*(inputs[name] for name in self.op.Params._fields))

    def forward(self, inputs, mask=None):
        states = [inputs[name] for name in self.states]
        return self.backend.forward(inputs["x"], *states, self.params(inputs), mask, **self.options)

    def outputs(self, cache):
        return {"h": cache.h[1:]} | ({"c_last": cache.c[-1]} if self.op is lstm else {})

    def upstream(self, cache, seed=1):
        rng = np.random.default_rng(seed)
        return {name: rng.normal(size=y.shape).astype(y.dtype) for name, y in self.outputs(cache).items()}

    def backward(self, upstream, cache, inputs):
        return self.backend.backward(*upstream.values(), cache, self.params(inputs))._asdict()

    def final(self, cache):
        return {"h0": cache.h[-1]} | ({"c0": cache.c[-1]} if self.op is lstm else {})

    @staticmethod
    def mask(T, lengths):
        return np.arange(T)[:, None] < np.array(lengths)

    @staticmethod
    def assert_close(got, expected, rtol=1e-12):
        """Compare dicts of arrays, each to ``rtol`` of its largest entry."""
        assert got.keys() == expected.keys()
        for name, array in got.items():
            size = np.max(np.abs(expected[name]), initial=0)
            np.testing.assert_allclose(array, expected[name], rtol=0, atol=rtol * size, err_msg=name)

    @staticmethod
    def assert_same(got, expected):
        """Compare dicts of arrays bit for bit."""
        assert got.keys() == expected.keys()
        for name, array in got.items():
            np.testing.assert_array_equal(array, expected[name], err_msg=name, strict=True)

    def assert_step(self, got, expected):
        """Compare with what ``step`` gave: bit for bit, or to rounding where another backend computed."""
        close = self.backend is not self.op.reference
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-14 * np.max(np.abs(expected)) if close else 0)


@pytest.fixture(
    scope="session",
    params=[(name, backend) for backend in BACKENDS for name in RECURRENT],
    ids="-".join,
)
def recurrent(request):
    """Give each recurrent op and backend, called the same way: inputs, outputs and gradients are dicts by name."""
    return Recurrent(*request.param)


@pytest.fixture(scope="session", params=RECURRENT)
def recurrent_pair(request):
    """Give each recurrent op twice, as the reference computes it and as the cpu backend does."""
    return Recurrent(request.param), Recurrent(request.param, "cpu")
