"""Products on the device: every rung against the reference, at sizes that no block divides."""

import threading

import numpy as np
import pytest

from scratchnn import device
from scratchnn.ops import matmul
from scratchnn.ops.matmul import gpu, gpu_tensor

RUNGS = [rung for rung in gpu.RUNGS if rung.simulated or device.state() == "present"]


@pytest.fixture
def arrays():
    def draw(dtype=np.float64, **sizes):
        rng = np.random.default_rng(0)
        A, B = matmul.sample(rng, **{"M": 11, "K": 7, "N": 10} | sizes, dtype=dtype)
        return A, B, rng.normal(size=(A.shape[0], B.shape[1])).astype(dtype)

    return draw


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rung", [r for r in RUNGS if r.simulated], ids=lambda r: r.name)
def test_a_rung_multiplies_as_the_reference_does(rung, dtype, arrays, close):
    A, B, dC = arrays(dtype)
    cache, truth = rung.forward(A, B), matmul.reference.forward(A, B)
    close(cache, truth)
    close(rung.backward(dC, cache), matmul.reference.backward(dC, truth))


@pytest.mark.parametrize("sizes", [{"M": 1, "K": 1, "N": 1}, {"M": 8, "K": 6, "N": 8}, {"M": 17, "K": 2, "N": 3}])
def test_sizes_at_the_edges_of_blocks(sizes, arrays, close):
    A, B, _ = arrays(**sizes)
    close(gpu.forward(A, B), matmul.reference.forward(A, B))


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True)])
def test_what_a_product_does_on_the_way(turned, parts, arrays, close):
    """Factors that lie turned, a bias, a sum with what is there, a row of ones, K in parts."""
    A, B, C = arrays()
    A_turned, B_turned = turned
    b = np.arange(10.0)
    there = [device.to_device(part) for part in (A.T if A_turned else A, B.T if B_turned else B, C, b)]
    ways = {"A_turned": A_turned, "B_turned": B_turned, "parts": parts}
    close(gpu.product(*there[:2], **ways), A @ B)
    got = gpu.product(*there[:2], bias=there[3], out=there[2], add=True, **ways)
    assert got is there[2]
    close(got, C + A @ B + b)
    close(gpu.product(*there[:2], ones=True, **ways), np.vstack([A @ B, B.sum(axis=0)]))


@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True)])
def test_a_thread_may_make_eight_by_eight_numbers(turned, arrays, monkeypatch, close):
    """As it does for large float32 matrices: more tiles than multiprocessors."""
    monkeypatch.setattr(device, "resident", lambda: 1)
    A, B, _ = arrays(np.float32, M=19, K=5, N=18)
    assert gpu.plan(19, 18, 5, 1, A.dtype)[0] == 8
    there = [device.to_device(array) for array in (A.T if turned[0] else A, B.T if turned[1] else B)]
    close(gpu.product(*there, A_turned=turned[0], B_turned=turned[1], parts=1), A @ B)


def test_two_runs_agree_to_the_last_bit(arrays):
    A, B, _ = (device.to_device(array) for array in arrays(np.float32, K=29))
    first, second = (device.to_host(gpu.product(A, B, parts=4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_arrays_stay_where_they_are(arrays, moved, leaves):
    A, B, dC = arrays()
    cache = gpu.forward(A, B)
    assert all(isinstance(array, np.ndarray) for array in leaves((cache, gpu.backward(dC, cache))))
    A, B, dC = moved((A, B, dC))
    with device.counting() as count:
        cache = gpu.forward(A, B)
        grads = gpu.backward(dC, cache)
    assert (count.to_device, count.to_host) == (0, 0)
    assert all(device.on_device(array) for array in leaves((cache, grads)))


def test_shapes_that_disagree_are_named(moved):
    A, B = moved((np.ones((4, 3)), np.ones((4, 3))))
    with pytest.raises(ValueError, match=r"matmul.forward: B has shape \(4, 3\), expected \(K, N\) = \(3, 3\)"):
        gpu.forward(A, B)
    with pytest.raises(ValueError, match=r"matmul\.backward: dC has shape"):
        gpu.backward(np.ones((2, 2)), gpu.forward(np.ones((4, 3)), np.ones((3, 5))))


class LentTensorCores:
    """What the PTX manual says of mma.m16n8k8 with tf32: a warp's threads lay down their numbers, then each sums.

    The numbers are not rounded to tf32, so that an index gone wrong cannot hide behind a tolerance.
    """

    def __init__(self):
        self.barrier = threading.Barrier(32, timeout=60)
        self.A, self.B = np.full((16, 8), np.nan), np.full((8, 8), np.nan)

    def multiply_add(self, a, b, c):
        group, own = divmod(gpu_tensor.cuda.threadIdx.x % 32, 4)
        self.A[[group, group + 8, group, group + 8], [own, own, own + 4, own + 4]] = a
        self.B[[own, own + 4], group] = b
        self.barrier.wait()
        rows, columns = [group, group, group + 8, group + 8], [2 * own, 2 * own + 1] * 2
        got = [self.A[m] @ self.B[:, n] + before for m, n, before in zip(rows, columns, c, strict=True)]
        self.barrier.wait()
        return tuple(np.float32(value) for value in got)


@pytest.mark.skipif(not device.simulated(), reason="a device has tensor cores of its own")
@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True)])
def test_tensor_cores_are_fed_as_the_manual_says(turned, arrays, monkeypatch, close):
    A, B, C = arrays(np.float32, M=35, K=11, N=33)
    there = [device.to_device(array) for array in (A.T if turned[0] else A, B.T if turned[1] else B, C, B[0])]
    ways = {"A_turned": turned[0], "B_turned": turned[1]}
    with pytest.raises(NotImplementedError, match="no tensor cores"):
        gpu.product_tensor_cores(*there[:2], **ways)
    monkeypatch.setattr(gpu_tensor, "multiply_add", LentTensorCores().multiply_add)
    close(gpu.product_tensor_cores(*there[:2], **ways), A @ B)
    with gpu.tf32():
        got = gpu.product(*there[:2], ones=True, **ways)
        close(got, np.vstack([A @ B, B.sum(axis=0)]))
        close(gpu.product(*there[:2], bias=there[3], out=there[2], add=True, **ways), C + A @ B + B[0])


@pytest.mark.skipif(device.simulated(), reason="the simulator has no tensor cores")
def test_tensor_cores_keep_eleven_bits(arrays):
    A, B, _ = arrays(np.float32, M=150, K=70, N=130)
    with gpu.tf32():
        got = gpu.forward(A, B).C
    bound = 2.0**-10 * (np.abs(A) @ np.abs(B)) + 1e-5
    assert (np.abs(got - A.astype(np.float64) @ B) <= bound).all()
    assert np.abs(got - A @ B).max() > 0
