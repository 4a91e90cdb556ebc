"""The LSTM on the device: every rung against the reference, field by field, at sizes that no block divides."""

import time

import numpy as np
import pytest

from scratchnn import device
from scratchnn.ops import lstm
from scratchnn.ops.lstm import gpu, gpu_launches, gpu_persistent, reference

RUNG = {rung.name: rung for rung in gpu.RUNGS}


def problem(dtype=np.float64, **sizes):
    rng = np.random.default_rng(0)
    arguments = lstm.sample(rng, **({"T": 3, "B": 3, "D": 2, "H": 5} | sizes), dtype=dtype)
    T, B, H = len(arguments[0]), *arguments[1].shape
    return arguments, (rng.normal(size=(T, B, H)).astype(dtype), rng.normal(size=(B, H)).astype(dtype))


def ragged(T, B):
    return np.arange(T)[:, None] < np.resize([T, 1, 0, 2], B)


def run(op, arguments, upstream, mask=None):
    cache = op.forward(*arguments, mask)
    return tuple(cache), tuple(op.backward(*upstream, cache, arguments[-1]))


def check(op, close, dtype=np.float64, masked=True, **sizes):
    arguments, upstream = problem(dtype, **sizes)
    mask = ragged(*upstream[0].shape[:2]) if masked else None
    cache = op.forward(*arguments, mask)
    truth = reference.forward(*arguments, mask)
    close(cache, truth)
    close(op.backward(*upstream, cache, arguments[-1]), reference.backward(*upstream, truth, arguments[-1]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["operations", "fused cell", "fused step"])
def test_a_rung_equals_the_reference(name, dtype, close):
    check(RUNG[name], close, dtype)


@pytest.mark.parametrize("sizes", [{"T": 1, "B": 1, "D": 1, "H": 1}, {"T": 2, "B": 5, "D": 3, "H": 9}], ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_a_fused_step_at_the_edges_of_blocks(sizes, masked, close):
    """Several slices of units, several groups of rows, tiles less deep than H."""
    check(RUNG["fused step"], close, masked=masked, **sizes)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("sizes", [{}, {"T": 4, "B": 5, "H": 9}, {"B": 2, "H": 4}], ids=str)
def test_all_steps_in_one_launch(sizes, masked, close):
    """Blocks that wait for each other: several slices of units, several groups of rows, several tiles of a group."""
    with device.counting() as count:
        check(gpu, close, masked=masked, **sizes)
    assert count.launches <= 15


def test_how_the_blocks_were_shared_out():
    """What the sizes above mean in the simulator, which runs at most six blocks at once."""
    if not device.simulated():
        pytest.skip("a device has more multiprocessors")
    shares = [gpu_launches.plans(B, H, np.float64, True)[0] for B, H in ((3, 5), (5, 9), (2, 4))]
    assert all(share.persistent for share in shares)
    assert [(share.slices, share.groups, share.share) for share in shares] == [(2, 2, 2), (3, 2, 4), (1, 1, 2)]


def test_without_the_barrier_it_goes_wrong(monkeypatch):
    """The checker is checked: block 0 lags behind, and nobody waits for it."""
    if not device.simulated():
        pytest.skip("compiled code cannot be changed so")

    def nobody_waits(arrived, place, count):
        if gpu_persistent.cuda.blockIdx.x == 0:
            time.sleep(0.2)

    arguments, upstream = problem(B=2, H=5)
    truth = reference.forward(*arguments)
    grads = reference.backward(*upstream, truth, arguments[-1])
    monkeypatch.setattr(gpu_persistent, "wait_for", nobody_waits)
    assert not np.allclose(gpu.forward(*arguments).h, truth.h)
    assert not np.allclose(gpu.backward(*upstream, truth, arguments[-1]).h0, grads.h0)


@pytest.mark.parametrize(("most", "way"), [(2000, 0), (2400, 1)], ids=["forward", "backward"])
def test_tiles_less_deep_than_the_state(most, way, close, monkeypatch):
    """Little shared memory: the source comes in several tiles a step."""
    monkeypatch.setattr(device, "most_shared", lambda: most)
    share = gpu_launches.plans(3, 9, np.float64, False)[way]
    assert share.fits
    assert share.deep < 9
    check(RUNG["fused step"], close, T=2, H=9)


def test_weights_too_large_for_a_block(close, monkeypatch):
    monkeypatch.setattr(device, "most_shared", lambda: 500)
    assert not gpu_launches.plans(3, 5, np.float64, True)[0].fits
    check(gpu, close, T=2)


def test_rows_are_shared_out_among_blocks():
    share = gpu_launches.plans(7, 5, np.float64, False)[0]
    assert share.groups * share.share >= 7
    assert (share.groups - 1) * share.share < 7


def test_a_full_device_is_planned_for(monkeypatch):
    """The sizes of a real device: 132 multiprocessors, 227 KB each."""
    monkeypatch.setattr(device, "resident", lambda: 132)
    monkeypatch.setattr(device, "most_shared", lambda: 227 * 1024)
    monkeypatch.setattr("scratchnn.ops.matmul.gpu_step.pick", lambda full, small: full)
    monkeypatch.setattr(gpu_launches, "pick", lambda full, small: full)
    for B, H in ((20, 10), (128, 28), (32, 128), (64, 256), (20, 650), (64, 512), (128, 1024)):
        for share in gpu_launches.plans(B, H, np.float32, True):
            assert share.fits, (B, H)
            assert share.persistent, (B, H)
            assert share.shared <= 227 * 1024, (B, H)
            assert share.deep % 32 == 0, (B, H)
            assert share.groups * share.share >= B, (B, H)
    assert gpu_launches.plans(64, 512, np.float32, True)[0].groups == 2
    assert not gpu_launches.plans(8, 2048, np.float32, True)[0].fits


def test_arrays_stay_where_they_are(moved, leaves):
    arguments, upstream = problem()
    mask = ragged(3, 3)
    assert all(isinstance(array, np.ndarray) for array in leaves(run(gpu, arguments, upstream, mask)))
    arguments, upstream, mask = moved((arguments, upstream, mask))
    with device.counting() as count:
        results = run(gpu, arguments, upstream, mask)
    assert (count.to_device, count.to_host) == (0, 0)
    assert all(device.on_device(array) for array in leaves(results))


def test_two_runs_agree_to_the_last_bit(leaves):
    arguments, upstream = problem(np.float32, B=5, H=9)
    first, second = (list(leaves(run(RUNG["fused step"], arguments, upstream))) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_backward_twice_gives_the_same_and_arguments_are_untouched(untouched, leaves):
    arguments, upstream = problem()
    with untouched(arguments, upstream):
        cache = RUNG["fused step"].forward(*arguments)
        with untouched(tuple(cache)):
            first, second = (RUNG["fused step"].backward(*upstream, cache, arguments[-1]) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_in_padding_is_read(close):
    arguments, upstream = problem()
    mask = ragged(3, 3)
    x = arguments[0].copy()
    x[~mask] = np.nan
    spoiled = (x, *arguments[1:])
    got, expected = (run(gpu, given, upstream, mask) for given in (spoiled, arguments))
    for one, other in zip([*got[0], *got[1]], [*expected[0], *expected[1]], strict=True):
        np.testing.assert_array_equal(one, other)


def test_shapes_and_masks_that_disagree_are_named(moved):
    (x, h0, c0, params), _ = problem()
    x, h0, c0, params = moved((x, h0, c0, params))
    with pytest.raises(ValueError, match=r"lstm\.forward: h0 has shape \(2, 5\), expected \(B, H\) = \(3, 5\)"):
        gpu.forward(x, h0[:2], c0, params)
    with pytest.raises(ValueError, match=r"lstm\.forward: mask is bool \(2, 3\), expected bool \(T, B\) = \(3, 3\)"):
        gpu.forward(x, h0, c0, params, device.to_device(np.ones((2, 3), bool)))
    with pytest.raises(TypeError, match=r"lstm\.forward: an array has dtype complex128"):
        gpu.forward(*problem()[0][:2], np.zeros((3, 5), complex), problem()[0][3])
