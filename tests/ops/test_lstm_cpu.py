"""What is the LSTM's own on the CPU: its ways through the sizes, layouts, memory, vectors, the ladder.

Equality with the reference field by field, masks, precisions, NaN and plain Python: test_recurrent_cpu.py.
"""

import gc
import inspect
import os
import re
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from scratchnn import jit
from scratchnn.jit import machine, rows
from scratchnn.ops import lstm
from scratchnn.ops.lstm import cpu, cpu_kernels, ladder, reference

GRADS = reference.Grads._fields


def problem(seed=0, dtype=np.float64, **sizes):
    """Draw arguments and upstream gradients; weights such that a step does not magnify errors."""
    rng = np.random.default_rng(seed)
    sizes = {"T": 5, "B": 4, "D": 3, "H": 6} | sizes
    x, h0, c0, params = lstm.sample(rng, scale=0.5 / np.sqrt(sizes["H"]), dtype=dtype, **sizes)
    dh = rng.normal(size=(sizes["T"], *h0.shape)).astype(dtype)
    return (x, h0, c0, params), (dh, rng.normal(size=h0.shape).astype(dtype))


def run(op, arguments, upstream, mask=None):
    cache = op.forward(*arguments, mask) if mask is not None else op.forward(*arguments)
    return cache, op.backward(*upstream, cache, arguments[3])


def assert_equal(got, expected, rtol=1e-12):
    for pair, other, names in zip(got, expected, (reference.Cache._fields, GRADS), strict=True):
        for name, array, wanted in zip(names, pair, other, strict=True):
            assert (array.shape, array.dtype) == (wanted.shape, wanted.dtype), name
            size = np.max(np.abs(wanted), initial=0)
            np.testing.assert_allclose(array, wanted, rtol=0, atol=rtol * size, err_msg=name)


def ragged(T, B):
    return np.arange(T)[:, None] < np.resize([T, 1, T - 1, 0, 2], B)


# the ways through the sizes


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "sizes",
    [
        {"T": 7, "B": 1, "D": 3, "H": 9},  # x's products for many steps at once
        {"T": 1, "B": 1, "D": 32, "H": 32},
        {"T": 3, "B": 23, "D": 2, "H": 5},
        {"T": 3, "B": 24, "D": 2, "H": 17},  # [x h] in one product
        {"T": 9, "B": 40, "D": 11, "H": 20},  # da used up in several goes
        {"T": 2, "B": 130, "D": 5, "H": 4},
        {"T": 3, "B": 3, "D": 7, "H": 170},  # more than one block of K
    ],
    ids=str,
)
def test_every_way_equals_the_reference(sizes, masked, monkeypatch):
    mask = ragged(sizes["T"], sizes["B"]) if masked else None
    arguments, upstream = problem(1, **sizes)
    expected = run(reference, arguments, upstream, mask)
    assert_equal(run(cpu, arguments, upstream, mask), expected)
    monkeypatch.setattr(cpu, "LARGE", 0)  # the way of weights that outgrow the cache
    assert_equal(run(cpu, arguments, upstream, mask), expected)


@pytest.mark.parametrize("large", [False, True])
def test_threads_agree_to_rounding(large, monkeypatch):
    """Forward is the same bit for bit; a weight's gradient is a sum of as many shares as threads."""
    monkeypatch.setattr(jit.threads, "WORTH", 1.0)
    if large:
        monkeypatch.setattr(cpu, "LARGE", 0)
    arguments, upstream = problem(2, B=13, T=6, D=5, H=20)
    mask = ragged(6, 13)
    before = jit.get_num_threads()
    try:
        jit.set_num_threads(1)
        expected = run(cpu, arguments, upstream, mask)
        for count in (2, 3, 20):
            jit.set_num_threads(count)
            cache, grads = run(cpu, arguments, upstream, mask)
            assert_equal((cache, grads), expected, rtol=1e-14)
            np.testing.assert_array_equal(cache.h, expected[0].h)
            np.testing.assert_array_equal(grads.x, expected[1].x)
    finally:
        jit.set_num_threads(before)


# inputs


def layouts(array):
    frozen = array.copy()
    frozen.flags.writeable = False
    wide = np.zeros(tuple(2 * n for n in array.shape), array.dtype)
    every_second = wide[tuple(slice(None, None, 2) for _ in array.shape)]
    every_second[...] = array
    return {
        "fortran": np.asfortranarray(array),
        "frozen": frozen,
        "strided": every_second,
        "other end first": array[::-1].copy()[::-1],
        "swapped bytes": array.astype(array.dtype.newbyteorder()),
    }


@pytest.mark.parametrize("kind", ["fortran", "frozen", "strided", "other end first", "swapped bytes"])
@pytest.mark.parametrize("masked", [False, True])
def test_layout_and_permissions_change_nothing(kind, masked, untouched):
    (x, h0, c0, params), upstream = problem(3)
    mask = ragged(5, 4) if masked else None
    expected = run(cpu, (x, h0, c0, params), upstream, mask)
    odd = [layouts(array)[kind] for array in (x, h0, c0, *params, *upstream)]
    arguments, upstream = (*odd[:3], lstm.Params(*odd[3:6])), tuple(odd[6:])
    with untouched(odd):
        cache, grads = run(cpu, arguments, upstream, None if mask is None else np.asfortranarray(mask))
    for name, array, wanted in zip(GRADS, grads, expected[1], strict=True):
        np.testing.assert_array_equal(array, wanted, err_msg=name)
    np.testing.assert_array_equal(cache.h, expected[0].h)


def test_backward_leaves_its_cache_alone_and_repeats_itself(untouched):
    arguments, upstream = problem(4)
    cache = cpu.forward(*arguments)
    with untouched(list(cache), upstream, arguments):
        first, second = (cpu.backward(*upstream, cache, arguments[3]) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_cache_with_a_field_replaced_is_believed():
    """A tool may change one node of a cache; backward must see it although the arrays are views of another."""
    arguments, upstream = problem(5)
    cache = cpu.forward(*arguments)
    for name in ("f", "x", "h", "c", "s"):
        changed = cache._replace(**{name: getattr(cache, name) * 0.5})
        assert isinstance(changed.a, np.ndarray)
        expected = reference.backward(*upstream, changed, arguments[3])
        for field, array, wanted in zip(GRADS, cpu.backward(*upstream, changed, arguments[3]), expected, strict=True):
            np.testing.assert_allclose(array, wanted, rtol=0, atol=1e-13, err_msg=f"{name}: {field}")


def test_what_padding_holds_is_never_read():
    (x, h0, c0, params), upstream = problem(6)
    mask = ragged(5, 4)
    expected = run(cpu, (x, h0, c0, params), upstream, mask)
    spoilt = np.where(mask[:, :, None], x, np.nan)
    assert_equal(run(cpu, (spoilt, h0, c0, params), upstream, mask), expected, rtol=0)


def test_saturated_gates_are_exact_in_single_precision():
    """The carousel: forget gate at one, input gate at zero; c passes unchanged forward and back."""
    (x, h0, c0, params), (dh, dc) = problem(7, np.float32)
    b = params.b.copy()
    b[:6], b[6:12] = -1000, 1000
    params = params._replace(b=b)
    cache = cpu.forward(x, h0, c0, params)
    np.testing.assert_array_equal(cache.c, np.broadcast_to(c0, cache.c.shape))
    np.testing.assert_array_equal(cpu.backward(0 * dh, dc, cache, params).c0, dc)


def test_signatures_and_sentences_are_the_references():
    for label in ("forward", "backward"):
        assert inspect.signature(getattr(cpu, label), eval_str=True).parameters.keys() == (
            inspect.signature(getattr(reference, label)).parameters.keys()
        )
    (x, h0, c0, params), (dh, dc) = problem(8)
    wrong = [
        (x[0], h0, c0, params),
        (x, h0[:, 1:], c0, params),
        (x, h0, c0[1:], params),
        (x, h0, c0, params._replace(W_x=params.W_x[1:])),
        (x, h0, c0, params._replace(W_h=params.W_h.T)),
        (x, h0, c0, params._replace(b=params.b[1:])),
        (x[:0], h0, c0, params),
        (x.astype(int), h0, c0, params),
        (x.tolist(), h0, c0, params),
        (x, h0, c0, params, np.ones((5, 3), bool)),
        (x, h0, c0, params, np.ones((5, 4))),
    ]
    for arguments in wrong:
        sentences = []
        for op in (reference, cpu):
            with pytest.raises((ValueError, TypeError)) as caught:
                op.forward(*arguments)
            sentences.append(str(caught.value))
        assert sentences[0] == sentences[1]
    cache = cpu.forward(x, h0, c0, params)
    with pytest.raises(ValueError, match=r"^lstm\.backward: dh has shape"):
        cpu.backward(dh[1:], dc, cache, params)


# memory


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="resident memory is read from /proc")
def test_memory_does_not_grow_over_a_thousand_steps():
    """A leak of one (T, B, H) array a step would be 20 MB; Python's own objects may not grow by more than 64 KB."""
    arguments, upstream = problem(9, np.float32, T=8, B=32, H=20)
    for _ in range(50):
        run(cpu, arguments, upstream)
    gc.collect()
    tracemalloc.start()
    before, objects = resident(), tracemalloc.get_traced_memory()[0]
    for _ in range(1000):
        run(cpu, arguments, upstream)
    gc.collect()
    after, more = resident(), tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert more - objects < 64e3
    assert after - before < 4e6


def test_backward_never_holds_all_of_da():
    """At these sizes da, (T, B, 4H), is 8.4 MB; all that backward gives and borrows stays below 5."""
    arguments, upstream = problem(10, np.float32, T=128, B=64, D=8, H=64)
    cache = cpu.forward(*arguments)
    cpu.backward(*upstream, cache, arguments[3])
    tracemalloc.start()
    with jit.alone():
        cpu.backward(*upstream, cache, arguments[3])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 128 * 64 * 4 * 64 * 4 > 8e6
    assert peak < 5e6


# vectors


@pytest.mark.skipif(jit.PLAIN, reason="plain Python has no registers")
@pytest.mark.parametrize(
    ("formula", "kinds", "least"), [("cell", "v" * 16, 20), ("cell_backward", "w" + "v" * 12, 10)]
)
def test_the_cell_is_vector_code(formula, kinds, least):
    """Packed float32 products in the machine's longest registers: five tanh forward, eleven products backward."""
    written = rows.write_loop("tried", getattr(cpu_kernels, formula), kinds, 4)
    text = machine.assembly(written)
    if "avx512f" in machine.features():
        pattern = r"v(?:fn?m(?:add|sub)\d+|mul)ps\s.*%zmm"
    elif "avx2" in machine.features():
        pattern = r"v(?:fn?m(?:add|sub)\d+|mul)ps\s.*%ymm"
    elif "neon" in machine.features():
        pattern = r"f(?:mla|mul|mls)\s.*\.4s|f(?:mla|mul|mls)\.4s"
    else:
        pattern = r"mulps\s"
    assert len(re.findall(pattern, text)) >= least


# the ladder


@pytest.mark.parametrize("rung", ladder.RUNGS, ids=lambda rung: rung.name)
def test_every_rung_equals_the_reference(rung, untouched):
    arguments, upstream = problem(12, T=4, B=3, D=2, H=5)
    with untouched(arguments, upstream):
        found = run(rung, arguments, upstream)
    assert_equal(found, run(reference, arguments, upstream))
    assert rung.forward.__doc__
    assert rung.idea.count(".") >= 2


def test_the_ladder_begins_with_loops_and_ends_with_what_layers_use():
    assert [rung.name for rung in ladder.RUNGS] == [
        "loops", "numpy", "hoisted", "compiled", "vectors", "tiles", "threads",
    ]  # fmt: skip
    assert ladder.RUNGS[-1].forward is cpu.forward
    assert ladder.RUNGS[1].backward is reference.backward


def test_kernels_run_as_plain_python():
    """The weather in which a debugger steps through them (NUMBA_DISABLE_JIT=1), both ways through backward."""
    code = """
import numpy as np
from scratchnn.ops import lstm
from scratchnn.ops.lstm import cpu, reference
x, h0, c0, params = lstm.sample(np.random.default_rng(0), T=3, B=3, D=2, H=5)
dh, dc = np.random.default_rng(1).normal(size=(3, 3, 5)), h0
mask = np.arange(3)[:, None] < [3, 1, 2]
expected = reference.forward(x, h0, c0, params, mask)
wanted = reference.backward(dh, dc, expected, params)
for cpu.LARGE in (2**20, 0):
    cache = cpu.forward(x, h0, c0, params, mask)
    for pair in (zip(cache, expected), zip(cpu.backward(dh, dc, cache, params), wanted)):
        for got, right in pair:
            np.testing.assert_allclose(got, right, rtol=0, atol=1e-12 * np.abs(right).max())
"""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
