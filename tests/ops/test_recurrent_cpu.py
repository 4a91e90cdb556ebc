"""The cpu backends of rnn, gru and lstm against their references, field by field.

What every backend promises (states, masks, layouts, sentences): test_recurrent.py, test_recurrent_arrays.py.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from scratchnn import jit

# sizes with remainders: rows beyond the last full tile, columns beyond the last full vector and panel, several
# steps of x in one product, more numbers than one block of K holds
SIZES = [
    {"T": 4, "B": 3, "D": 2, "H": 5},
    {"T": 9, "B": 7, "D": 17, "H": 70},
    {"T": 1, "B": 1, "D": 1, "H": 1},
    {"T": 1, "B": 1, "D": 7, "H": 40},
    {"T": 3, "B": 101, "D": 20, "H": 21},
    {"T": 2, "B": 5, "D": 390, "H": 400},
]
LENGTHS = [9, 0, 3, 1, 9, 5, 2]


def scaled(op, seed, dtype=np.float64, **sizes):
    """Draw a problem whose weights shrink with the number of terms they are summed over."""
    inputs = op.sample(seed, **sizes, dtype=dtype)
    for name in ("W_x", "W_h"):
        inputs[name] *= dtype(1 / np.sqrt(inputs[name].shape[0]))
    return inputs


def fields(cache):
    return {name: value for name, value in cache._asdict().items() if isinstance(value, np.ndarray)}


def run(op, inputs, mask=None, dtype=None):
    cache = op.forward(inputs, mask)
    upstream = op.upstream(cache)
    if dtype is not None:
        upstream = {name: d.astype(dtype) for name, d in upstream.items()}
    return cache, op.backward(upstream, cache, inputs)


# equality


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_float64_equals_the_reference_field_by_field(recurrent_pair, sizes):
    reference, cpu = recurrent_pair
    inputs = scaled(reference, 20, **sizes)
    lengths = np.resize(LENGTHS, sizes["B"]).clip(max=sizes["T"])
    for mask in (None, reference.mask(sizes["T"], lengths)):
        (expected, wanted), (cache, grads) = run(reference, inputs, mask), run(cpu, inputs, mask)
        assert cache._fields == expected._fields
        assert grads.keys() == wanted.keys()
        for name, array in fields(expected).items():
            assert (getattr(cache, name).dtype, getattr(cache, name).shape) == (array.dtype, array.shape), name
        np.testing.assert_array_equal(cache.mask, expected.mask)
        cpu.assert_close(*({k: v for k, v in fields(c).items() if k != "mask"} for c in (cache, expected)))
        cpu.assert_close(grads, wanted)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_float32_within_the_rounding_bound(recurrent_pair, sizes):
    """Bound: eps32 * (T + 1) * (D + H + 24) of the largest entry, gradients of parameters eps32 * T * B more.

    One step sums D + H products, each rounded once, and rounds about 24 elementwise results (tanh is off by up to 4
    eps32 at each of its uses); weights are such that a step does not magnify what the step before had lost; a
    parameter's gradient sums T * B such terms.
    """
    reference, cpu = recurrent_pair
    inputs = scaled(reference, 21, np.float32, **sizes)
    T, B, D, H = sizes.values()
    mask = reference.mask(T, np.resize(LENGTHS, B).clip(max=T))
    fine = {name: array.astype(np.float64) for name, array in inputs.items()}
    cache = cpu.forward(inputs, mask)
    exact = reference.forward(fine, mask)
    bound = np.finfo(np.float32).eps * (T + 1) * (D + H + 24)
    cpu.assert_close(*({k: v for k, v in fields(c).items() if k != "mask"} for c in (cache, exact)), rtol=bound)
    upstream = cpu.upstream(cache)
    grads = cpu.backward(upstream, cache, inputs)
    assert {grad.dtype for grad in grads.values()} == {np.dtype(np.float32)}
    wanted = reference.backward({name: d.astype(np.float64) for name, d in upstream.items()}, exact, fine)
    cpu.assert_close(grads, wanted, rtol=bound + np.finfo(np.float32).eps * T * B)


def test_mixed_dtypes_are_those_of_the_reference(recurrent_pair):
    reference, cpu = recurrent_pair
    rough = reference.sample(22, dtype=np.float32)
    for name in (None, *rough):
        inputs = rough if name is None else {**rough, name: rough[name].astype(np.float64)}
        for dtype in (np.float32, np.float64):
            (expected, wanted), (cache, grads) = (run(op, inputs, dtype=dtype) for op in recurrent_pair)
            for field, array in fields(expected).items():
                assert getattr(cache, field).dtype == array.dtype, (name, field)
            assert {k: v.dtype for k, v in grads.items()} == {k: v.dtype for k, v in wanted.items()}
            cpu.assert_close(grads, wanted, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.complex128])
def test_other_precisions_are_the_references(recurrent_pair, dtype):
    reference, cpu = recurrent_pair
    inputs = {name: array.astype(dtype) for name, array in reference.sample(23).items()}
    (expected, wanted), (cache, grads) = run(reference, inputs), run(cpu, inputs)
    cpu.assert_same(fields(cache), fields(expected))
    cpu.assert_same(grads, wanted)


def test_a_complex_upstream_on_a_real_cache(recurrent_pair):
    reference, cpu = recurrent_pair
    inputs = reference.sample(24)
    grads = run(cpu, inputs, dtype=complex)[1]
    cpu.assert_close(grads, run(reference, inputs, dtype=complex)[1])
    assert all(grad.dtype == complex for grad in grads.values())


def test_the_references_cache_is_taken(recurrent_pair):
    reference, cpu = recurrent_pair
    inputs = reference.sample(25)
    expected, wanted = run(reference, inputs, reference.mask(4, [4, 0, 2]))
    cpu.assert_close(cpu.backward(reference.upstream(expected), expected, inputs), wanted)


# what a cache holds


def test_a_cache_outlives_its_inputs(recurrent_pair):
    """Inputs changed after forward, as an optimiser does with parameters, change no field of the cache."""
    reference, cpu = recurrent_pair
    inputs = reference.sample(26)
    expected, wanted = run(reference, inputs)
    mask = np.ones((4, 3), bool)
    kept = {name: array.copy() for name, array in inputs.items()}
    cache = cpu.forward(inputs, mask)
    for array in (*inputs.values(), mask):
        array[...] = 0
    cpu.assert_close(
        {name: value for name, value in fields(cache).items() if name != "mask"},
        {name: value for name, value in fields(expected).items() if name != "mask"},
    )
    assert cache.mask.all()
    cpu.assert_close(cpu.backward(cpu.upstream(expected), cache, kept), wanted)


def test_a_cache_is_a_tuple_of_its_fields(recurrent_pair):
    reference, cpu = recurrent_pair
    inputs = reference.sample(27)
    cache = cpu.forward(inputs)
    for k, (name, value) in enumerate(zip(cache._fields, cache, strict=True)):
        for other in (getattr(cache, name), cache[k], cache[k - len(cache)], cache._asdict()[name], cache[k:][0]):
            np.testing.assert_array_equal(value, other, err_msg=name)
    other = cache._replace(a=np.zeros_like(cache.a))
    assert not other.a.any()
    cpu.assert_same(fields(reference.op.reference.Cache(*cache)), fields(cache))


# NaN, threads, Python


def test_nan_in_any_input_comes_out(recurrent_pair):
    """Everywhere the reference says NaN, and nowhere else."""
    reference, cpu = recurrent_pair
    for name, array in reference.sample(28).items():
        inputs = reference.sample(28)
        inputs[name][(*(np.array(array.shape) - 1),)] = np.nan
        (expected, wanted), (cache, grads) = run(reference, inputs), run(cpu, inputs)
        pairs = {field: (getattr(cache, field), value) for field, value in fields(expected).items()}
        pairs |= {f"d{field}": (grads[field], grad) for field, grad in wanted.items()}
        for field, (got, value) in pairs.items():
            np.testing.assert_array_equal(np.isnan(got), np.isnan(value), err_msg=f"{name} to {field}")


@pytest.mark.parametrize("B", [2, 13])
def test_threads_agree(recurrent_pair, monkeypatch, B):
    """Rows are the same bit for bit; sums over the batch too, since each column of a product is one thread's."""
    _, cpu = recurrent_pair
    inputs = scaled(cpu, 29, np.float32, T=5, B=B, D=18, H=70)
    mask = cpu.mask(5, np.resize([5, 2, 0, 4], B))
    expected, wanted = run(cpu, inputs, mask)
    before = jit.get_num_threads()
    monkeypatch.setattr(jit, "WORTH", 1.0)
    try:
        for count in (2, 3):
            jit.set_num_threads(count)
            cache, grads = run(cpu, inputs, mask)
            cpu.assert_close(fields(cache), fields(expected), rtol=1e-6)
            cpu.assert_close(grads, wanted, rtol=1e-6)
    finally:
        jit.set_num_threads(before)


def test_kernels_run_as_plain_python():
    """The weather in which a debugger steps through them (NUMBA_DISABLE_JIT=1)."""
    code = """
import numpy as np
from scratchnn.ops import gru, rnn
from scratchnn.ops.gru import cpu as gru_cpu
from scratchnn.ops.rnn import cpu as rnn_cpu
rooms = [(gru, gru_cpu, {})] + [(rnn, rnn_cpu, {"nonlinearity": kind}) for kind in ("tanh", "relu", "identity")]
for op, cpu, options in rooms:
    x, h0, params = op.sample(np.random.default_rng(0), T=3, B=3, D=2, H=5)
    mask = np.arange(3)[:, None] < [3, 1, 2]
    dh = np.random.default_rng(1).normal(size=(3, 3, 5))
    expected = op.reference.forward(x, h0, params, mask, **options)
    cache = cpu.forward(x, h0, params, mask, **options)
    for got, wanted in zip(cpu.backward(dh, cache, params), op.reference.backward(dh, expected, params)):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())
    np.testing.assert_allclose(cache.h, expected.h, rtol=0, atol=1e-12)
"""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
