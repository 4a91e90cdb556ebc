"""What kernels call of the matrix product: panels, strips, offsets, threads."""

import numpy as np
import pytest

from scratchnn import jit
from scratchnn.ops.matmul import cpu
from scratchnn.ops.matmul.passes import K_BLOCK, M_BLOCK


def numbers(seed, *shape, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def bound(depth, dtype):
    """A sum of ``depth`` products of numbers below 6: each of at most depth roundings (Higham 2002, 3.1)."""
    return depth**1.5 * np.finfo(dtype).eps * 36


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transposed", [False, True])
def test_panels_hold_the_matrix_and_zeros_behind_it(dtype, transposed):
    used = cpu.tiles(dtype)
    for K, N in ((1, 1), (3, used.width), (37, used.width + 1), (16, 3 * used.width - 5)):
        B = numbers(0, *((N, K) if transposed else (K, N)), dtype=dtype)
        P = cpu.panels_of(B, used, transposed)
        assert P.shape == (-(-N // used.width), K, used.width)
        whole = P.transpose(1, 0, 2).reshape(K, -1)
        np.testing.assert_array_equal(whole[:, :N], B.T if transposed else B)
        assert not whole[:, N:].any()
        np.testing.assert_array_equal(cpu.unpacked(P, N), B.T if transposed else B)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "sizes", [(M_BLOCK + 5, K_BLOCK + 3, 70), (7, 2 * K_BLOCK, 5), (20, 30, 140), (13, 5, 64), (1, 1, 1)], ids=str
)
def test_products_over_block_borders(sizes, dtype):
    M, K, N = sizes
    A, B = numbers(1, M, K, dtype=dtype), numbers(2, K, N, dtype=dtype)
    exact = A.astype(float) @ B.astype(float)
    np.testing.assert_allclose(cpu.product(A, B), exact, rtol=0, atol=bound(K, dtype))
    np.testing.assert_allclose(cpu.product(A, B.T.copy(), transposed=True), exact, rtol=0, atol=bound(K, dtype))
    np.testing.assert_allclose(cpu.product_tn(A.T.copy(), B), exact, rtol=0, atol=bound(K, dtype))


def test_leading_axes_are_rows():
    A, B, C = numbers(3, 4, 5, 6), numbers(4, 6, 7), numbers(5, 4, 5, 7)
    np.testing.assert_allclose(cpu.product(A, B), A @ B, rtol=0, atol=bound(6, np.float32))
    expected = np.einsum("tbm,tbn->mn", A, C)
    np.testing.assert_allclose(cpu.product_tn(A, C), expected, rtol=0, atol=bound(20, np.float32))
    assert not cpu.product_tn(np.empty((0, 3)), np.empty((0, 4))).any(), "an empty sum is 0"


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    """Each number of the result is summed by one thread, in the same order."""
    monkeypatch.setattr(jit.threads, "WORTH", 1.0)
    before = jit.get_num_threads()
    A, B, C = numbers(6, 100, 50), numbers(7, 50, 200), numbers(8, 100, 200)
    found = []
    try:
        for count in (1, 2, 3, 5):
            jit.set_num_threads(count)
            found.append((cpu.product(A, B), cpu.product_tn(A, C)))
    finally:
        jit.set_num_threads(before)
    for pair in found[1:]:
        for one, other in zip(found[0], pair, strict=True):
            np.testing.assert_array_equal(one, other)


def test_forward_and_backward_take_mixed_precisions_and_leave_strangers_to_the_reference():
    A, B = numbers(9, 3, 4), numbers(10, 4, 5, dtype=np.float64)
    cache = cpu.forward(A, B)
    assert cache.C.dtype == np.float64
    grads = cpu.backward(cache.C.astype(np.float32), cache)
    assert (grads.A.dtype, grads.B.dtype) == (np.float64, np.float32)
    z = cpu.forward(A + 1j, B)
    np.testing.assert_allclose(z.C, (A + 1j) @ B)
    with pytest.raises(TypeError, match=r"^matmul\.forward: A has dtype int64"):
        cpu.forward(np.ones((2, 2), np.int64), B)


def test_inputs_stay_as_they_are(untouched):
    A, B, C = numbers(11, 3, 4), numbers(12, 4, 5), numbers(13, 3, 5)
    cache = cpu.forward(A, B)
    with untouched(A, B, C, cache):
        first, second = cpu.backward(C, cache), cpu.backward(C, cache)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiles_use_the_longest_vectors(dtype):
    """The registers of a tile hold what the machine offers; its size is chosen by the instruction set."""
    from scratchnn.jit.machine import features

    lanes = cpu.tiles(dtype).lanes * np.dtype(dtype).itemsize
    wanted = 64 if "avx512f" in features() else 32 if {"avx2", "fma"} <= features() else 16
    assert lanes == wanted
