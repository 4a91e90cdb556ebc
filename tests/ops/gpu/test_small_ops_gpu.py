"""Cross-entropy, embedding and dropout on the device: every field and gradient that of the reference."""

import itertools

import numpy as np
import pytest

from scratchnn import device
from scratchnn.ops import cross_entropy, dropout, embedding, linear
from scratchnn.ops.cross_entropy import gpu as cross_entropy_gpu
from scratchnn.ops.dropout import gpu as dropout_gpu
from scratchnn.ops.embedding import gpu as embedding_gpu
from scratchnn.ops.linear import gpu as linear_gpu

DTYPES = (np.float32, np.float64)
OPTIONS = list(itertools.product((False, True), (0.0, 0.3), ("mean", "sum", "none")))


def losses(shape, dtype, C=5):
    rng = np.random.default_rng(0)
    logits, targets = cross_entropy.sample(rng, B=int(np.prod(shape)), C=C, dtype=dtype)
    targets[1] = -100
    mask = rng.random(shape) < 0.7
    weight, dloss = rng.uniform(0.5, 2, C).astype(dtype), rng.normal(size=shape).astype(dtype)
    return logits.reshape(*shape, C), targets.reshape(shape), mask, weight, dloss


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("weighted", "smoothing", "reduction"), OPTIONS)
def test_the_loss_and_its_gradient_are_the_references(weighted, smoothing, reduction, dtype, close, untouched):
    logits, targets, mask, weight, dloss = losses((3, 2), dtype)
    options = {"weight": weight if weighted else None, "label_smoothing": smoothing, "reduction": reduction}
    options["mask"] = mask if smoothing else None
    upstream = dloss if reduction == "none" else dtype(0.7)
    expected = cross_entropy.reference.forward(logits, targets, **options)
    with untouched(logits, targets, mask, weight, dloss):
        cache = cross_entropy_gpu.forward(logits, targets, **options)
        grads = cross_entropy_gpu.backward(cache, upstream)
    for name, got, wanted in zip(cache._fields, cache, expected, strict=True):
        if name in ("divisor", "loss") and np.ndim(wanted) == 0:
            np.testing.assert_allclose(got, wanted, rtol=20 * np.finfo(dtype).eps)
        else:
            close(got, wanted, name)
    close(grads, cross_entropy.reference.backward(expected, upstream))


def test_a_loss_on_the_device_copies_nothing(close, moved):
    logits, targets, mask, weight, _ = losses((5,), np.float32)
    there = moved((logits, targets, mask, weight))
    with device.counting() as count:
        cache = cross_entropy_gpu.forward(there[0], there[1], mask=there[2], weight=there[3], label_smoothing=0.1)
        grads = cross_entropy_gpu.backward(cache)
    assert (count.to_device, count.to_host) == (0, 0)
    expected = cross_entropy.reference.forward(logits, targets, mask=mask, weight=weight, label_smoothing=0.1)
    np.testing.assert_allclose(device.to_host(cache.loss), [expected.loss], rtol=1e-6)
    close(grads, cross_entropy.reference.backward(expected))


def test_when_nothing_counts_loss_and_gradient_are_0(close):
    logits, targets = np.full((2, 3), np.nan), np.full(2, -100)
    cache = cross_entropy_gpu.forward(logits, targets)
    assert cache.loss == 0
    assert cache.divisor == np.inf
    np.testing.assert_array_equal(cross_entropy_gpu.backward(cache).logits, np.zeros((2, 3)))


@pytest.mark.parametrize("there", [False, True])
def test_a_target_that_is_no_class_is_an_error(there, moved):
    targets = np.array([[0, 1], [1, 3]])
    with pytest.raises(ValueError, match=r"targets\[1, 1\] is (3|outside the classes), expected 0 to 2"):
        device.to_host(cross_entropy_gpu.forward(moved(np.zeros((2, 2, 3))), moved(targets) if there else targets))


@pytest.mark.parametrize("padding", [None, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_looked_up_and_added_up_are_the_references(dtype, padding, close, untouched):
    rng = np.random.default_rng(1)
    ids, params = embedding.sample(rng, T=4, B=5, V=6, D=7, dtype=dtype)
    dy = rng.normal(size=(4, 5, 7)).astype(dtype)
    expected = embedding.reference.forward(ids, params, padding_id=padding)
    with untouched(ids, params, dy):
        cache = embedding_gpu.forward(ids, params, padding_id=padding)
        grads = embedding_gpu.backward(dy, cache, params)
    close(cache, expected)
    close(grads, embedding.reference.backward(dy, expected, params))
    np.testing.assert_array_equal(grads.W, embedding_gpu.backward(dy, cache, params).W)


def test_the_scatter_add_adds_in_the_order_of_the_ids():
    """1 is lost beside 1e8 in float32: only one order gives this sum, and atomics would give others now and then."""
    dy = np.array([[1e8], [1.0], [5.0], [-1e8], [1.0]], np.float32)
    ids, params = np.array([2, 2, 0, 2, 2]), embedding.Params(np.zeros((3, 1), np.float32))
    dW = embedding_gpu.backward(dy, embedding_gpu.forward(ids, params), params).W
    assert dW[:, 0].tolist() == [5.0, 0.0, 1.0]


def test_add_into_a_gradient_on_the_device(close, moved):
    rng = np.random.default_rng(2)
    ids, params = embedding.sample(rng, V=9, D=3)
    dy, dW = rng.normal(size=(*ids.shape, 3)), rng.normal(size=(9, 3))
    there, d_there, total = moved(ids), moved(dy), moved(dW)
    table = moved(params)
    with device.counting() as count:
        cache = embedding_gpu.forward(there, table)
        assert embedding_gpu.add_into(total, d_there, cache)
    assert (count.to_device, count.to_host) == (0, 0)
    close(total, dW + embedding.reference.scatter_add(ids, dy, 9))
    assert not embedding_gpu.add_into(dW, d_there, cache)


@pytest.mark.parametrize("there", [False, True])
def test_an_id_outside_the_table_is_an_error(there, moved):
    ids, params = np.array([[0, 1], [4, 2]]), embedding.Params(np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"ids\[1, 0\] is (4|outside the table), expected 0 to 3"):
        device.to_host(embedding_gpu.forward(moved(ids) if there else ids, moved(params)).y)


def test_an_id_outside_the_table_harms_nobody_until_it_is_told(moved):
    """On the device the whole step goes on; the next copy to the host tells, once."""
    ids, params = moved(np.array([2, -1, 7, 2])), moved(embedding.Params(np.ones((4, 3))))
    with device.counting() as count:
        cache = embedding_gpu.forward(ids, params)
        dW = embedding_gpu.backward(cache.y, cache, params).W
        total = device.zeros((4, 3), np.float64)
        embedding_gpu.add_into(total, cache.y, cache)
    assert (count.to_device, count.to_host) == (0, 0)
    with pytest.raises(ValueError, match=r"ids\[[12]\] is outside the table"):
        device.to_host(dW)
    for got in (dW, total):
        np.testing.assert_array_equal(device.to_host(got), np.array([0, 0, 2, 0])[:, None] * np.ones(3))


def test_checks_put_off_are_looked_at_in_time(moved):
    """Without any copy to the host in a long time, too."""
    wrong, right = moved(np.array([5])), moved(np.array([0]))
    device.check_later(wrong, lambda value: ValueError(f"{value} is wrong"))

    def go_on():
        for _ in range(1000):
            device.check_later(right, lambda value: ValueError("nothing is wrong"))

    with pytest.raises(ValueError, match="5 is wrong"):
        go_on()
    device.to_host(right)


@pytest.mark.parametrize(
    "options",
    [{}, {"per": "sequence"}, {"per": "sequence", "time_axis": 1}, {"per": "sequence", "time_axis": -1}],
    ids=str,
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dropout_draws_and_drops_as_the_reference(dtype, options, close):
    x, p = dropout.sample(np.random.default_rng(3), T=3, B=4, D=5, dtype=dtype)
    dy = np.random.default_rng(4).normal(size=x.shape).astype(dtype)
    cache = dropout_gpu.forward(x, p, rng=np.random.default_rng(5), **options)
    expected = dropout.reference.forward(x, p, rng=np.random.default_rng(5), **options)
    close(cache, expected)
    close(dropout_gpu.backward(dy, cache), dropout.reference.backward(dy, expected))


@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 4, 1), (5,), (3, 1, 5)], ids=str)
def test_dropout_with_a_mask_on_the_device(shape, close, moved):
    rng = np.random.default_rng(6)
    x, mask = rng.normal(size=(3, 4, 5)), rng.random(shape) < 0.5
    x_there, mask_there = moved(x), moved(mask)
    with device.counting() as count:
        cache = dropout_gpu.forward(x_there, 0.5, mask=mask_there)
        grads = dropout_gpu.backward(x_there, cache)
    assert count.to_device == count.to_host == 0
    close(cache.y, np.where(mask, 2 * x, 0))
    close(grads.x, np.where(mask, 2 * x, 0))


def test_dropout_without_a_generator_hands_on():
    x = np.ones(3)
    cache = dropout_gpu.forward(x, 0.5)
    assert cache.y is x
    assert dropout_gpu.backward(x, cache).x is x


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_linear_map_and_its_gradients_are_the_references(dtype, bias, close, untouched):
    rng = np.random.default_rng(8)
    x, params = linear.sample(rng, T=3, B=4, D=6, N=7, bias=bias, dtype=dtype)
    dy = rng.normal(size=(3, 4, 7)).astype(dtype)
    expected = linear.reference.forward(x, params)
    with untouched(x, dy, params):
        cache = linear_gpu.forward(x, params)
        grads = linear_gpu.backward(dy, cache, params)
    close(cache, expected)
    close(grads, linear.reference.backward(dy, expected, params))


def test_a_linear_map_on_the_device_copies_nothing(close, moved):
    x, params = linear.sample(np.random.default_rng(9))
    there, weights = moved(x), moved(params)
    with device.counting() as count:
        cache = linear_gpu.forward(there, weights)
        grads = linear_gpu.backward(cache.y, cache, weights)
    assert count.to_device == count.to_host == 0
    expected = linear.reference.forward(x, params)
    close(grads, linear.reference.backward(expected.y, expected, params))
    with pytest.raises(ValueError, match=r"linear\.backward: dy has shape \(2, 2\), expected the shape of y"):
        linear_gpu.backward(np.zeros((2, 2)), cache, params)
