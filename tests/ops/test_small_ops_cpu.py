"""linear, embedding and dropout on the CPU: the reference's numbers, sentences and manners."""

import inspect

import numpy as np
import pytest

from scratchnn import jit, ops
from scratchnn.ops import dropout, embedding, linear

EPS32 = float(np.finfo(np.float32).eps)
LARGE = {"T": 7, "B": 9, "D": 96, "N": 61}  # enough for the kernels of linear: 63 * 96 * 61 > linear.cpu.SMALL
ROOMS = {"linear": linear, "embedding": embedding, "dropout": dropout}


def cpu(room):
    return ops.backend(room, "cpu")


def worst(found, expected):
    """The largest difference relative to the array's largest entry."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-300))


@pytest.fixture
def linear_problem():
    def draw(dtype=np.float64, bias=True):
        rng = np.random.default_rng(3)
        x, params = linear.sample(rng, **LARGE, bias=bias, dtype=dtype)
        return x, params, rng.normal(size=(*x.shape[:-1], LARGE["N"])).astype(dtype)

    return draw


@pytest.mark.parametrize("name", ROOMS)
def test_the_signatures_are_the_references(name):
    for function in ("forward", "backward"):
        mine, theirs = (getattr(ops.backend(ROOMS[name], which), function) for which in ("cpu", "reference"))
        assert str(inspect.signature(mine)) == str(inspect.signature(theirs))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_linear_equals_the_reference(linear_problem, bias, axes):
    x, params, dy = linear_problem(bias=bias)
    if axes != 3:
        x, dy = x.reshape(-1, LARGE["D"]), dy.reshape(-1, LARGE["N"])
    if axes == 1:
        x, dy = x[0], dy[0]  # too small for the kernels
    mine, theirs = cpu(linear).forward(x, params), linear.reference.forward(x, params)
    assert worst(mine.y, theirs.y) < 1e-12
    for found, expected in zip(
        cpu(linear).backward(dy, mine, params), linear.reference.backward(dy, theirs, params), strict=True
    ):
        assert (found is None and expected is None) or worst(found, expected) < 1e-12


def test_linear_in_single_precision_keeps_within_its_roundings(linear_problem):
    """A sum of n products is off by at most n eps times the sum of their sizes."""
    x, params, dy = linear_problem(np.float32)
    cache = cpu(linear).forward(x, params)
    g = cpu(linear).backward(dy, cache, params)
    X, W, dY = (a.reshape(-1, a.shape[-1]).astype(np.float64) for a in (x, params.W, dy))
    for found, left, right in ((cache.y, X, W), (g.x, dY, W.T), (g.W, X.T, dY)):
        exact = left @ right + (params.b if found is cache.y else 0)
        sizes = np.abs(left) @ np.abs(right) + 1
        assert found.dtype == np.float32
        assert (np.abs(found.reshape(exact.shape) - exact) <= (left.shape[1] + 1) * EPS32 * sizes).all()


def test_linear_takes_any_layout_and_changes_nothing(linear_problem):
    x, (W, b), dy = linear_problem()
    expected = linear.reference.backward(dy, linear.reference.forward(x, linear.Params(W, b)), linear.Params(W, b))
    odd = np.asfortranarray(x), np.asfortranarray(W), np.repeat(b, 2)[::2], dy.swapaxes(0, 1).copy().swapaxes(0, 1)
    for array in odd:
        array.flags.writeable = False
    params = linear.Params(*odd[1:3])
    cache = cpu(linear).forward(odd[0], params)
    first, second = (cpu(linear).backward(odd[3], cache, params) for _ in range(2))
    for found, again, right in zip(first, second, expected, strict=True):
        np.testing.assert_array_equal(found, again)
        assert worst(found, right) < 1e-12


def test_linear_lets_nan_through_where_it_belongs(linear_problem):
    x, params, _ = linear_problem()
    x[2, 3, 5] = np.nan
    y = cpu(linear).forward(x, params).y
    assert np.isnan(y[2, 3]).all()
    assert np.isfinite(np.delete(y.reshape(-1, LARGE["N"]), 2 * LARGE["B"] + 3, axis=0)).all()


def test_linear_on_several_threads_is_the_same(linear_problem):
    x, params, dy = linear_problem()
    before = jit.get_num_threads()
    try:
        found = {}
        for threads in (1, 3):
            jit.set_num_threads(threads)
            cache = cpu(linear).forward(np.tile(x, (40, 1, 1)), params)
            found[threads] = cache.y, *cpu(linear).backward(np.tile(dy, (40, 1, 1)), cache, params)
    finally:
        jit.set_num_threads(before)
    for one, many in zip(found[1], found[3], strict=True):
        assert worst(many, one) < 1e-13


@pytest.mark.parametrize("dtype", [np.complex128, np.float16, np.longdouble])
def test_other_numbers_go_to_the_reference(linear_problem, dtype):
    x, params, dy = linear_problem()
    x, dy, params = x.astype(dtype), dy.astype(dtype), linear.Params(*(a.astype(dtype) for a in params))
    mine, theirs = cpu(linear).forward(x, params), linear.reference.forward(x, params)
    np.testing.assert_array_equal(mine.y, theirs.y)
    g = cpu(linear).backward(dy, mine, params)
    np.testing.assert_array_equal(g.W, linear.reference.backward(dy, theirs, params).W)


def test_a_complex_upstream_keeps_its_imaginary_part(linear_problem):
    x, params, dy = linear_problem()
    g = cpu(linear).backward(dy + 1j * dy, cpu(linear).forward(x, params), params)
    assert worst(g.W.imag, g.W.real) < 1e-12


def test_mixed_precisions_promote(linear_problem):
    x, params, _ = linear_problem()
    cache = cpu(linear).forward(x.astype(np.float32), params)
    assert cache.y.dtype == np.float64


@pytest.mark.parametrize("padding_id", [None, 0, 4])
@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
def test_embedding_equals_the_reference_bit_by_bit(padding_id, kind):
    rng = np.random.default_rng(0)
    ids, params = embedding.sample(rng, T=30, B=5)
    ids = ids.astype(kind)
    mine, theirs = (
        ops.backend(embedding, which).forward(ids, params, padding_id=padding_id) for which in ("cpu", "reference")
    )
    np.testing.assert_array_equal(mine.y, theirs.y)
    dy = rng.normal(size=mine.y.shape)
    found, expected = cpu(embedding).backward(dy, mine, params), embedding.reference.backward(dy, theirs, params)
    np.testing.assert_array_equal(found.W, expected.W)


def test_embedding_adds_to_a_gradient_in_place():
    rng = np.random.default_rng(0)
    ids, params = embedding.sample(rng)
    cache = cpu(embedding).forward(ids, params, padding_id=1)
    dy = np.asfortranarray(rng.normal(size=cache.y.shape))
    dW = rng.normal(size=params.W.shape)
    expected = dW + cpu(embedding).backward(dy, cache, params).W
    assert cpu(embedding).add_into(dW, dy, cache)
    np.testing.assert_allclose(dW, expected, rtol=1e-15)
    assert not cpu(embedding).add_into(dW.astype(np.float32), dy, cache)
    assert not cpu(embedding).add_into(dW[:, ::-1], dy, cache)
    assert not cpu(embedding).add_into(dW, dy + 0j, cache)


def test_ids_changed_after_forward_are_no_way_out_of_the_table():
    ids, params = embedding.sample(np.random.default_rng(0))
    cache = cpu(embedding).forward(ids, params)
    ids[0, 0] = 10**9
    dW = np.zeros_like(params.W)
    assert not cpu(embedding).add_into(dW, cache.y, cache)
    assert not dW.any()
    with pytest.raises(IndexError):
        cpu(embedding).backward(cache.y, cache, params)


def test_embedding_of_odd_layouts_and_precisions():
    ids, params = embedding.sample(np.random.default_rng(0))
    expected = params.W[ids]
    W = np.asfortranarray(params.W)
    W.flags.writeable = False
    np.testing.assert_array_equal(cpu(embedding).forward(ids[::-1].T, embedding.Params(W)).y, params.W[ids[::-1].T])
    for dtype in (np.float16, np.complex128):
        y = cpu(embedding).forward(ids, embedding.Params(params.W.astype(dtype))).y
        np.testing.assert_array_equal(y, expected.astype(dtype))


def problem_of_sentences():
    x, p = linear.sample(np.random.default_rng(0))
    ids, table = embedding.sample(np.random.default_rng(0))
    ones = np.ones((2, 3))
    return [
        (linear, "forward", (x[..., :1], p), {}),
        (linear, "forward", (x.astype(int), p), {}),
        (linear, "forward", (x, p._replace(b=p.b[:2])), {}),
        (linear, "forward", (x.tolist(), p), {}),
        (embedding, "forward", (ids + 3, table), {}),
        (embedding, "forward", (ids - 1, table), {}),
        (embedding, "forward", (ids * 1.0, table), {}),
        (embedding, "forward", (ids, table), {"padding_id": 5}),
        (dropout, "forward", (ones, 1.0), {}),
        (dropout, "forward", (ones, 0.5), {"per": "row"}),
        (dropout, "forward", (ones, 0.5), {"mask": np.ones((2, 2), bool)}),
        (dropout, "forward", (ones, 0.5), {"mask": ones}),
        (dropout, "forward", (ones, 0.5), {"per": "sequence", "time_axis": 2, "rng": np.random.default_rng(0)}),
        (dropout, "backward", (ones, dropout.reference.Cache(None, 0.5, ones[:1])), {}),
    ]


@pytest.mark.parametrize("case", range(len(problem_of_sentences())))
def test_the_sentences_are_the_references(case):
    room, function, arguments, options = problem_of_sentences()[case]
    told = []
    for which in ("cpu", "reference"):
        with pytest.raises((ValueError, TypeError)) as caught:
            getattr(ops.backend(room, which), function)(*arguments, **options)
        told.append((caught.type, str(caught.value)))
    assert told[0] == told[1]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", [{}, {"per": "sequence"}, {"per": "sequence", "time_axis": 1}])
def test_dropout_draws_and_computes_what_the_reference_does(dtype, options):
    x, p = dropout.sample(np.random.default_rng(0), T=5, B=6, D=7, dtype=dtype)
    x[0, 0, :] = np.nan
    mine, theirs = (
        ops.backend(dropout, which).forward(x, p, rng=np.random.default_rng(8), **options)
        for which in ("cpu", "reference")
    )
    dy = np.random.default_rng(1).normal(size=x.shape).astype(dtype)
    found, expected = cpu(dropout).backward(dy, mine).x, dropout.reference.backward(dy, theirs).x
    np.testing.assert_array_equal(mine.mask, theirs.mask)
    np.testing.assert_array_equal(mine.y, theirs.y)
    np.testing.assert_array_equal(found, expected)
    assert mine.y.dtype == found.dtype == dtype


def test_dropout_takes_any_mask_that_broadcasts_and_any_layout():
    rng = np.random.default_rng(0)
    x = np.asfortranarray(rng.normal(size=(3, 4, 5)))
    x.flags.writeable = False
    for shape in ((3, 4, 5), (1, 4, 5), (3, 4, 1), (1, 1, 5), (5,), ()):
        mask = np.asarray(rng.random(shape) < 0.5)
        found = cpu(dropout).forward(x, 0.25, mask=mask).y
        np.testing.assert_array_equal(found, dropout.reference.forward(x, 0.25, mask=mask).y)


def test_evaluation_drops_nothing_and_complex_numbers_pass():
    x = np.ones((2, 3))
    assert cpu(dropout).forward(x, 0.5).y is x
    y = cpu(dropout).forward(x + 1j, 0.5, mask=np.ones((2, 3), bool)).y
    np.testing.assert_array_equal(y, 2 * (x + 1j))
