"""The product of two matrices: reference, and tiles on the CPU against it."""

import os
import subprocess
import sys

import numpy as np
import pytest

from scratchnn import probe
from scratchnn.ops import matmul
from scratchnn.ops.matmul import cpu


def test_by_hand():
    A, B = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
    cache = matmul.reference.forward(A, B)
    assert cache.C.tolist() == [[11.0]]
    grads = matmul.reference.backward(np.array([[2.0]]), cache)
    assert grads.A.tolist() == [[6.0, 8.0]]
    assert grads.B.tolist() == [[2.0], [4.0]]


def test_backward_is_the_derivative():
    rng = np.random.default_rng(0)
    A, B = matmul.sample(rng)
    upstream = rng.normal(size=(4, 5))
    grads = matmul.reference.backward(upstream, matmul.reference.forward(A, B))
    exact = probe.complex_step(
        lambda inputs: (matmul.reference.forward(inputs["A"], inputs["B"]).C * upstream).sum(), {"A": A, "B": B}
    )
    for name, expected in exact.items():
        np.testing.assert_allclose(getattr(grads, name), expected, rtol=0, atol=1e-14)


def test_shapes_that_disagree_are_named():
    with pytest.raises(ValueError, match=r"matmul.forward: B has shape \(4, 3\), expected \(K, N\) = \(3, 3\)"):
        cpu.forward(np.ones((4, 3)), np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"matmul\.backward: dC has shape"):
        cpu.backward(np.ones((2, 2)), cpu.forward(np.ones((4, 3)), np.ones((3, 5))))


SHAPES = [(1, 1, 1), (3, 5, 7), (6, 1, 64), (13, 400, 65), (7, 2, 130), (100, 20, 80), (5, 790, 3), (300, 33, 17)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_tiles_give_what_the_reference_gives(shape, dtype):
    M, K, N = shape
    rng = np.random.default_rng(M)
    A, B = matmul.sample(rng, M=M, K=K, N=N, dtype=dtype)
    dC = rng.normal(size=(M, N)).astype(dtype)
    got, exact = cpu.forward(A, B), matmul.reference.forward(A.astype(float), B.astype(float))
    grads, right = cpu.backward(dC, got), matmul.reference.backward(dC.astype(float), exact)
    for found, expected, depth in ((got.C, exact.C, K), (grads.A, right.A, N), (grads.B, right.B, M)):
        assert found.dtype == dtype
        # a sum of `depth` products: each of at most depth roundings (Higham 2002, 3.1), with terms below 6 * 6
        bound = depth * np.finfo(dtype).eps * 36 * max(depth, 1) ** 0.5
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layout_and_permissions_change_nothing(dtype):
    A, B = matmul.sample(np.random.default_rng(1), M=9, K=21, N=35, dtype=dtype)
    expected = cpu.forward(A, B).C
    frozen = B.copy()
    frozen.flags.writeable = False
    wide = np.zeros((18, 42), dtype)
    wide[::2, ::2] = A
    for left, right in ((np.asfortranarray(A), B), (A, frozen), (wide[::2, ::2], np.asfortranarray(B))):
        assert np.array_equal(cpu.forward(left, right).C, expected)


def test_nan_stays_in_its_row():
    A, B = matmul.sample(np.random.default_rng(2), M=9, K=5, N=70, dtype=np.float32)
    A[4, 2] = np.nan
    C = cpu.forward(A, B).C
    assert np.isnan(C[4]).all()
    assert np.isfinite(np.delete(C, 4, axis=0)).all()


def test_nothing_beside_the_product_is_written():
    used = cpu.tiles("float32")
    A, B = matmul.sample(np.random.default_rng(3), M=8, K=3, N=19, dtype=np.float32)
    C = np.full((10, 25), 7, np.float32)
    P = cpu.panels_of(B, used)
    cpu.product_into(used.addresses, used.lanes, A, 0, 3, 1, P, 3 * used.width, used.width, C, 26, 25, 8, 19, 3, True)
    np.testing.assert_allclose(C[1:9, 1:20], 7 + A @ B, rtol=1e-5)
    C[1:9, 1:20] = 7
    assert (C == 7).all()


def test_plain_python_gives_the_same(tmp_path):
    code = (
        "import numpy as np; from scratchnn.ops import matmul; from scratchnn.ops.matmul import cpu;"
        "A, B = matmul.sample(np.random.default_rng(0), M=8, K=3, N=9);"
        "c = cpu.forward(A, B); assert np.allclose(c.C, A @ B, rtol=0, atol=1e-14);"
        "g = cpu.backward(c.C, c); assert np.allclose(g.B, A.T @ c.C, rtol=0, atol=1e-13)"
    )
    plain = os.environ | {"NUMBA_DISABLE_JIT": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=plain, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
