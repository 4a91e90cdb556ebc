"""What every kernel stands on: copies are counted, launches are strict, the simulator is mended."""

from collections import namedtuple

import numpy as np
import pytest

from scratchnn import device
from scratchnn.device import cuda, kernel
from scratchnn.device.instructions import wait_for


@kernel("f1 f1", registers=16)
def twice_kernel_threads(x, y):
    j = cuda.grid(1)
    if j < x.size:
        y[j] = x[j] + x[j]


@kernel("f1", registers=16)
def two_shared_kernel_one_line(out):
    a, b = cuda.shared.array(4, np.float32), cuda.shared.array(4, np.float32)
    j = cuda.threadIdx.x
    a[j], b[j] = 1, 2
    cuda.syncthreads()
    out[j] = a[3 - j] + 10 * b[3 - j]


def test_there_and_back(close):
    x = np.arange(6.0).reshape(2, 3)
    with device.counting() as count:
        there = device.to_device(x)
        assert device.on_device(there)
        assert not device.on_device(x)
        assert device.to_device(there) is there
        close(there, x)
    assert (count.to_device, count.to_host, count.launches) == (1, 1, 0)


def test_a_copy_is_made_row_by_row_in_the_dtype_wanted(close):
    x = np.arange(6.0).reshape(2, 3).T
    close(device.to_device(x, np.float32), x.astype(np.float32))


def test_a_device_array_is_not_converted_in_secret():
    there = device.to_device(np.zeros(3))
    with pytest.raises(TypeError, match="dtype float64, expected float32"):
        device.to_device(there, np.float32)


def test_a_device_array_with_gaps_between_rows_is_refused():
    with pytest.raises(ValueError, match=r"device array \(2, 1\) has gaps"):
        device.to_device(device.to_device(np.zeros((2, 3)))[:, :1])


def test_zeros_are_made_on_the_device():
    with device.counting() as count:
        z, ones = device.zeros((3, 7), np.float64), device.zeros((2, 5), bool, True)
        assert (count.to_device, count.to_host, count.launches) == (0, 0, 2)
    np.testing.assert_array_equal(device.to_host(z), np.zeros((3, 7)))
    np.testing.assert_array_equal(device.to_host(ones), np.ones((2, 5), bool), strict=True)


def test_results_go_home_only_if_everything_came_from_there():
    x, y = np.zeros(3, np.float32), np.zeros(2)
    (a, b), home = device.bring("op.forward", x, y)
    assert home
    assert a.dtype == b.dtype == np.float64
    assert isinstance(device.back((a,), home)[0], np.ndarray)
    (a, b), home = device.bring("op.forward", device.to_device(y), x)
    assert not home
    assert device.on_device(device.back((a,), home)[0])


def test_precisions_without_kernels_are_named():
    with pytest.raises(TypeError, match=r"op\.forward: an array has dtype complex128, the gpu computes in"):
        device.bring("op.forward", np.zeros(3, complex))


def test_a_launch_takes_device_arrays_alone(close):
    x, y = np.arange(5.0), device.zeros(5, np.float64)
    with device.counting() as count:
        twice_kernel_threads[2, 3](device.to_device(x), y)
    assert count.launches == 1
    close(y, 2 * x)
    with pytest.raises(TypeError, match="twice_kernel_threads: argument 0 is on the host"):
        twice_kernel_threads[2, 3](x, y)


def test_a_stream_of_ones_own(close):
    x = np.arange(5.0)
    with device.on_stream(cuda.stream()):
        there, y = device.to_device(x), device.empty(5, np.float64)
        twice_kernel_threads[2, 3](there, y)
        got = device.to_host(y)
    assert device.stream() == 0
    np.testing.assert_array_equal(got, 2 * x)


def test_two_shared_arrays_on_one_line_are_two():
    out = device.zeros(4, np.float32)
    for _ in range(20):
        two_shared_kernel_one_line[1, 4](out)
        np.testing.assert_array_equal(device.to_host(out), np.full(4, 21, np.float32))


@kernel("f1 u1 i", registers=32, waits=True)
def meet_kernel_all_blocks(x, arrived, place):
    cuda.cg.this_grid().sync()
    block = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        x[block] = block
    wait_for(arrived, place, cuda.gridDim.x)
    if cuda.threadIdx.x == 1:
        x[cuda.gridDim.x + block] = x[(block + 1) % cuda.gridDim.x]


def test_blocks_wait_for_each_other():
    for count in (1, 2, 5):
        x = device.zeros(2 * count, np.float64, -1)
        meet_kernel_all_blocks[count, 2](x, *device.counters(1))
        np.testing.assert_array_equal(device.to_host(x), [*range(count), *np.roll(range(count), -1)])


@pytest.mark.skipif(not device.simulated(), reason="a device reports no index")
def test_a_failing_block_lets_no_other_wait_for_ever():
    with pytest.raises(IndexError, match=r"ctaid=\[2, 0, 0\]"):
        meet_kernel_all_blocks[3, 2](device.zeros(2, np.float64), *device.counters(1))


def test_counters_belong_to_one_launch_and_begin_at_zero():
    for count in (1, 3, 60, 20, 5000 if device.state() == "present" else 70, 4):
        array, first = device.counters(count)
        assert not device.to_host(array)[first : first + count].any()
    other, beyond = device.counters(1)
    assert other is array
    assert beyond >= first + count


def test_the_comparison_of_these_tests_notices(close):
    """The checker is checked: another dtype, shape, field, and an error beyond rounding."""
    pair, other = namedtuple("pair", "x y"), namedtuple("pair", "x z")
    x = np.linspace(-3, 3, 7)
    close(pair(device.to_device(x + 1e-15), x), pair(x, x))
    for wrong in (
        pair(x, x + 1e-12), pair(x, x.astype(np.float32)), pair(x, x[:, None]), other(x, x), pair(x, x * np.nan)
    ):  # fmt: skip
        with pytest.raises(AssertionError):
            close(wrong, pair(x, x))


def test_blocks_cover_everything():
    assert [device.blocks(n, 4) for n in (1, 4, 5, 8, 9)] == [1, 1, 2, 2, 3]
