"""Cross-entropy: by hand, against scalar code and PyTorch, what does not count, its gradient against two oracles."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnn.ops import cross_entropy
from scratchnn.ops.cross_entropy import reference

# by hand: exp of each row is (1, 2, 5), which sums to 8
LOGITS = np.log([[1.0, 2.0, 5.0], [1.0, 2.0, 5.0]])
TARGETS = np.array([1, 2])
OPTIONS = [
    {"weight": weight, "label_smoothing": smoothing, "reduction": reduction}
    for weight, smoothing, reduction in itertools.product((None, True), (0.0, 0.3), ("mean", "sum", "none"))
]


def name(options):
    return "-".join(f"{value}" for value in options.values())


def problem(seed, *shape, C=5, dtype=np.float64):
    """Draw logits, targets of which two are ignored, class weights, and an upstream gradient for each target."""
    rng = np.random.default_rng(seed)
    logits = (2 * rng.normal(size=(*shape, C))).astype(dtype)
    targets = rng.integers(C, size=shape)
    targets.flat[[1, -1]] = -100
    return logits, targets, rng.uniform(0.5, 2, size=C).astype(dtype), rng.normal(size=shape).astype(dtype)


def with_weight(options, weight):
    return {**options, "weight": weight if options["weight"] else None}


def scalar_losses(logits, targets, weight=None, label_smoothing=0.0, ignore_index=-100):
    """Compute loss and weight of every target with plain numbers and the math module."""
    losses, weights = [], []
    C = len(logits[0])
    weight = [1.0] * C if weight is None else [float(w) for w in weight]
    for row, target in zip(logits, targets, strict=True):
        if target == ignore_index:
            losses.append(0.0)
            weights.append(0.0)
            continue
        total = math.fsum(math.exp(z) for z in row)
        minus_log_p = [math.log(total) - float(z) for z in row]
        smooth = math.fsum(w * m for w, m in zip(weight, minus_log_p, strict=True)) / C
        hard = weight[target] * minus_log_p[target]
        losses.append((1 - label_smoothing) * hard + label_smoothing * smooth)
        weights.append(weight[target])
    return losses, weights


def test_forward_and_backward_by_hand():
    """p = (1, 2, 5)/8, so the losses are ln 4 and ln 8/5, and each row of the gradient is p - y, halved."""
    cache = reference.forward(LOGITS, TARGETS)
    np.testing.assert_allclose(cache.losses, [math.log(4), math.log(8 / 5)], rtol=1e-14)
    np.testing.assert_allclose(cache.loss, math.log(32 / 5) / 2, rtol=1e-14)
    grads = reference.backward(cache)
    np.testing.assert_allclose(grads.logits, [[1 / 16, -6 / 16, 5 / 16], [1 / 16, 2 / 16, -3 / 16]], rtol=1e-14)


def test_weights_by_hand():
    """Classes 1 and 2 weigh 3 and 1: (3 ln 4 + ln 8/5) / 4; the gradient's rows are 3 (p - y)/4 and (p - y)/4."""
    cache = reference.forward(LOGITS, TARGETS, weight=np.array([7.0, 3.0, 1.0]))
    np.testing.assert_allclose(cache.loss, (3 * math.log(4) + math.log(8 / 5)) / 4, rtol=1e-14)
    grads = reference.backward(cache, dloss=32.0)
    np.testing.assert_allclose(grads.logits, [[3, -18, 15], [1, 2, -3]], rtol=1e-14)


def test_label_smoothing_by_hand():
    """With smoothing 3/4 of 3 classes y = (1/4, 2/4, 1/4), and the gradient is p - y: (-1/8, -2/8, 3/8)."""
    cache = reference.forward(LOGITS[:1], TARGETS[:1], label_smoothing=0.75)
    np.testing.assert_allclose(cache.loss, (math.log(8) + 2 * math.log(4) + math.log(8 / 5)) / 4, rtol=1e-14)
    np.testing.assert_allclose(reference.backward(cache).logits, [[-1 / 8, -2 / 8, 3 / 8]], rtol=1e-14)


@pytest.mark.parametrize("options", OPTIONS, ids=name)
def test_losses_equal_scalar_code(options):
    logits, targets, weight, _ = problem(0, 7)
    options = with_weight(options, weight)
    losses, weights = scalar_losses(logits, targets, options["weight"], options["label_smoothing"])
    expected = {"none": losses, "sum": math.fsum(losses), "mean": math.fsum(losses) / math.fsum(weights)}
    cache = reference.forward(logits, targets, **options)
    np.testing.assert_allclose(cache.losses, losses, rtol=1e-13)
    np.testing.assert_allclose(cache.loss, expected[options["reduction"]], rtol=1e-13)


# meaning


def test_uniform_logits_lose_the_logarithm_of_the_number_of_classes():
    cache = reference.forward(np.full((4, 3, 7), 2.5), np.arange(12).reshape(4, 3) % 7)
    np.testing.assert_allclose(cache.losses, math.log(7), rtol=1e-15)


def test_one_class_is_certain():
    cache = reference.forward(np.array([[3.0], [-2.0]]), np.array([0, 0]))
    assert cache.loss == 0
    np.testing.assert_array_equal(reference.backward(cache).logits, 0)


def test_a_shift_of_the_logits_changes_nothing():
    """Multiples of 1/8 shifted by an integer are exact in binary, so not one bit may differ."""
    rng = np.random.default_rng(1)
    logits, targets = rng.integers(-20, 20, size=(6, 5)) / 8, rng.integers(5, size=6)
    moved = logits + rng.integers(-1000, 1000, size=(6, 1))
    assert reference.forward(moved, targets).loss == reference.forward(logits, targets).loss
    np.testing.assert_allclose(
        reference.backward(reference.forward(logits, targets)).logits.sum(axis=-1), 0, atol=1e-16
    )


def test_mask_and_ignored_targets_are_the_same_as_leaving_them_out():
    logits, targets, weight, _ = problem(2, 4, 3)
    mask = np.random.default_rng(3).random(size=(4, 3)) < 0.7
    here = mask & (targets != -100)
    assert 0 < here.sum() < mask.sum() < 12
    for reduction in ("mean", "sum"):
        options = {"weight": weight, "label_smoothing": 0.2, "reduction": reduction}
        whole = reference.forward(logits, targets, mask=mask, **options)
        short = reference.forward(logits[here], targets[here], **options)
        np.testing.assert_array_equal(whole.mask, here)
        np.testing.assert_allclose(whole.loss, short.loss, rtol=1e-14)
        dlogits = reference.backward(whole).logits
        np.testing.assert_allclose(dlogits[here], reference.backward(short).logits, rtol=1e-14)
        np.testing.assert_array_equal(dlogits[~here], 0)


def test_any_id_may_be_the_ignored_one():
    logits, targets, _, _ = problem(4, 6)
    targets = np.where(targets == -100, 2, targets)
    cache = reference.forward(logits, targets, ignore_index=2)
    np.testing.assert_array_equal(cache.mask, targets != 2)
    np.testing.assert_array_equal(cache.losses[targets == 2], 0)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf])
def test_nothing_is_read_where_nothing_counts(garbage):
    logits, targets, _, d = problem(5, 6)
    mask = np.array([True, True, False, True, True, True])
    here = mask & (targets != -100)
    dirty = np.where(here[:, None], logits, garbage)
    clean = reference.forward(logits, targets, mask=mask, reduction="none")
    cache = reference.forward(dirty, np.where(mask, targets, 10**6), mask=mask, reduction="none")
    np.testing.assert_array_equal(cache.loss, clean.loss)
    dlogits = reference.backward(cache, dloss=np.where(here, d, garbage)).logits
    np.testing.assert_array_equal(dlogits, reference.backward(clean, dloss=d).logits)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.4])
def test_when_nothing_counts_loss_and_gradient_are_zero(reduction, smoothing):
    logits, targets, _, _ = problem(6, 4)
    options = {"label_smoothing": smoothing, "reduction": reduction}
    for cache in (
        reference.forward(logits, np.full(4, -100), **options),
        reference.forward(logits, targets, mask=np.zeros(4, dtype=bool), **options),
        reference.forward(logits, targets, weight=np.zeros(5), **options),
        reference.forward(logits[:0], targets[:0], **options),
    ):
        np.testing.assert_array_equal(cache.loss, 0)
        np.testing.assert_array_equal(reference.backward(cache).logits, 0)


def test_a_mean_over_targets_of_weight_zero_is_zero_even_when_smoothing_spreads_to_other_classes():
    logits = np.zeros((2, 3))
    cache = reference.forward(logits, np.array([0, 0]), weight=np.array([0.0, 1.0, 1.0]), label_smoothing=0.5)
    assert cache.loss == 0
    np.testing.assert_array_equal(reference.backward(cache).logits, 0)


def test_huge_and_infinite_logits():
    logits = np.array([[1e4, 0.0, -1e4], [1e4, 0.0, -1e4], [-np.inf, 0.0, math.log(3)]])
    cache = reference.forward(logits, np.array([0, 2, 2]), reduction="none")
    np.testing.assert_allclose(cache.loss, [0, 2e4, math.log(4 / 3)], rtol=1e-14)
    expected = [[0, 0, 0], [1, 0, -1], [0, 1 / 4, -1 / 4]]
    np.testing.assert_allclose(reference.backward(cache).logits, expected, rtol=1e-14)
    impossible = reference.forward(logits[2:], np.array([0]))
    assert impossible.loss == np.inf
    np.testing.assert_allclose(reference.backward(impossible).logits, [[-1, 1 / 4, 3 / 4]], rtol=1e-14)


# backward


@pytest.mark.parametrize("options", OPTIONS, ids=name)
def test_backward(compare, options):
    logits, targets, weight, _ = problem(7, 3, 2)
    options = with_weight(options, weight)

    def outputs(i):
        return {"loss": reference.forward(i["logits"], targets, **options).loss}

    def gradients(i, d):
        cache = reference.forward(i["logits"], targets, **options)
        return reference.backward(cache, d["loss"])._asdict()

    compare(outputs, gradients, {"logits": logits})


def test_backward_is_linear():
    logits, targets, weight, one = problem(8, 6)
    other = np.random.default_rng(9).normal(size=6)
    cache = reference.forward(logits, targets, weight=weight, reduction="none")
    together = reference.backward(cache, 2 * one - 3 * other).logits
    apart = 2 * reference.backward(cache, one).logits - 3 * reference.backward(cache, other).logits
    np.testing.assert_allclose(together, apart, rtol=0, atol=1e-14)
    mean = reference.forward(logits, targets)
    np.testing.assert_allclose(
        reference.backward(mean, -3.0).logits, -3 * reference.backward(mean).logits, rtol=1e-15
    )


def test_arguments_are_untouched_and_backward_repeats(untouched):
    logits, targets, weight, d = problem(10, 6)
    mask = np.array([True, False, True, True, True, True])
    with untouched(logits, targets, weight, mask, d):
        cache = reference.forward(logits, targets, mask=mask, weight=weight, label_smoothing=0.1, reduction="none")
        with untouched(cache):
            first = reference.backward(cache, d).logits
            np.testing.assert_array_equal(reference.backward(cache, d).logits, first)


def test_layout_and_leading_axes_do_not_matter():
    logits, targets, weight, d = problem(11, 4, 3)
    cache = reference.forward(logits, targets, weight=weight, reduction="none")
    flat = reference.forward(logits.reshape(12, 5), targets.reshape(12), weight=weight, reduction="none")
    np.testing.assert_array_equal(flat.loss, cache.loss.reshape(12))
    turned, turned_ids = np.asfortranarray(logits), np.asfortranarray(targets)
    turned.flags.writeable = turned_ids.flags.writeable = False
    other = reference.forward(turned, turned_ids, weight=weight, reduction="none")
    np.testing.assert_array_equal(other.loss, cache.loss)
    np.testing.assert_array_equal(reference.backward(other, d).logits, reference.backward(cache, d).logits)
    alone = reference.forward(logits[0, 0], targets[0, 0, None].reshape(()))
    np.testing.assert_allclose(alone.loss, cache.losses[0, 0] / weight[targets[0, 0]], rtol=1e-14)
    assert reference.backward(alone).logits.shape == (5,)


def float32_bounds(logits, options, d):
    """Bound the float32 errors of the losses, the loss and the gradient, from the number u of one rounding.

    log_p: the error of z - shift and of the sum's logarithm, (range + C + 5) u. A loss: a sum of C products of it
    with y, whose entries sum to at most 2 (the weights are below 2), each rounded. The sum of N losses: N such
    errors and N roundings of partial sums; the mean divides by at least N/4, since half of the N targets count and no
    weight is below 1/2. The gradient: p with the relative error of softmax, (range + C + 5) u, times at most 2, and
    the divisor's N roundings.
    """
    u = float(np.finfo(np.float32).eps) / 2
    C, N = logits.shape[-1], logits[..., 0].size
    span = float(np.ptp(logits))
    largest = span + math.log(C)
    loss = 2 * (span + C + 5 + (C + 4) * largest) * u
    total = N * loss + N * (2 * N * largest) * u
    share = {"mean": 4 / N, "sum": 1, "none": 1}[options["reduction"]]
    gradient = 4 * float(np.max(np.abs(d))) * min(share, 1) * (span + C + 5 + N) * u
    return loss, loss if options["reduction"] == "none" else share * total, gradient


@pytest.mark.parametrize("options", OPTIONS, ids=name)
def test_float32_stays_float32(options):
    logits, targets, weight, d = problem(12, 40, dtype=np.float32)
    assert (targets != -100).sum() >= 20
    options = with_weight(options, weight)
    cache = reference.forward(logits, targets, **options)
    d = d if options["reduction"] == "none" else 1.0
    dlogits = reference.backward(cache, d).logits
    assert (cache.loss.dtype, cache.losses.dtype, dlogits.dtype) == (np.float32,) * 3
    wide = {**options, "weight": None if options["weight"] is None else weight.astype(float)}
    exact = reference.forward(logits.astype(float), targets, **wide)
    of_losses, of_loss, of_gradient = float32_bounds(logits, options, d)
    np.testing.assert_allclose(cache.losses, exact.losses, rtol=0, atol=of_losses)
    np.testing.assert_allclose(cache.loss, exact.loss, rtol=0, atol=of_loss)
    exact_dlogits = reference.backward(exact, np.asarray(d, dtype=float)).logits
    np.testing.assert_allclose(dlogits, exact_dlogits, rtol=0, atol=of_gradient)


def test_a_float64_number_as_smoothing_does_not_widen_float32():
    logits, targets, _, _ = problem(15, 6, dtype=np.float32)
    cache = reference.forward(logits, targets, label_smoothing=np.float64(0.25))
    assert (cache.loss.dtype, reference.backward(cache).logits.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("ignore_index", [-100, 2])
@pytest.mark.parametrize("options", OPTIONS, ids=name)
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_pytorch_agrees(options, ignore_index, precision):
    torch = pytest.importorskip("torch", reason="parity with PyTorch needs torch")
    logits, targets, weight, d = problem(13, 4, 6, dtype=precision)
    targets = np.where(targets == -100, ignore_index, targets)
    assert (targets != ignore_index).sum() >= 12
    options = {**with_weight(options, weight), "ignore_index": ignore_index}
    cache = reference.forward(logits, targets, **options)
    d = d if options["reduction"] == "none" else np.asarray(1, dtype=precision)
    dlogits = reference.backward(cache, d).logits
    theirs = torch.tensor(logits, requires_grad=True)
    if options["weight"] is not None:
        options["weight"] = torch.tensor(weight)
    loss = torch.nn.functional.cross_entropy(theirs.movedim(-1, 1), torch.tensor(targets), **options)
    loss.backward(torch.tensor(d))
    of_loss, of_gradient = 1e-12, 1e-13
    if precision == "float32":  # both codes may be off
        of_loss, of_gradient = (2 * bound for bound in float32_bounds(logits, options, d)[1:])
    np.testing.assert_allclose(cache.loss, loss.detach().numpy(), rtol=0, atol=of_loss)
    np.testing.assert_allclose(dlogits, theirs.grad.numpy(), rtol=0, atol=of_gradient)


# shapes and sentences


@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(1, 4), min_size=0, max_size=3).map(tuple),
    C=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
    smoothing=st.sampled_from([0.0, 0.25, 1.0]),
    kind=st.sampled_from([np.int64, np.int32, np.int8]),
)
def test_every_shape(shape, C, seed, smoothing, kind):
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(*shape, C))
    targets = np.asarray(rng.integers(C, size=shape)).astype(kind)
    targets = np.where(rng.random(size=shape) < 0.3, kind(-100), targets)
    losses, weights = scalar_losses(logits.reshape(-1, C), targets.reshape(-1), label_smoothing=smoothing)
    cache = reference.forward(logits, targets, label_smoothing=smoothing)
    expected = math.fsum(losses) / max(math.fsum(weights), 1)
    np.testing.assert_allclose(cache.loss, expected, rtol=1e-12, atol=1e-14)
    along = rng.normal(size=logits.shape)
    moved = reference.forward(logits + 1e-30j * along, targets, label_smoothing=smoothing).loss
    slope = (reference.backward(cache).logits * along).sum()
    np.testing.assert_allclose(np.imag(moved) / 1e-30, slope, rtol=1e-10, atol=1e-13)


GOOD = {"logits": np.zeros((2, 3)), "targets": np.array([0, 2])}


@pytest.mark.parametrize(
    ("changed", "error", "sentence"),
    [
        ({"logits": np.zeros((2, 3), dtype=int)}, TypeError, "logits has dtype int64, expected float32"),
        ({"logits": np.zeros((2, 0))}, ValueError, r"logits has shape \(2, 0\), expected .* with C at least 1"),
        ({"targets": [0, 2]}, TypeError, "targets is a list, expected a NumPy array of integers"),
        ({"targets": np.array([0.0, 2.0])}, TypeError, "targets has dtype float64, expected integers"),
        ({"targets": np.array([0])}, ValueError, r"targets has shape \(1,\), expected logits' without C = \(2,\)"),
        ({"targets": np.array([0, 3])}, ValueError, r"targets\[1\] is 3, expected 0 to 2"),
        ({"targets": np.array([-1, 0])}, ValueError, r"targets\[0\] is -1, expected 0 to 2"),
        ({"mask": np.array([1, 0])}, TypeError, "mask has dtype int64, expected bool"),
        ({"mask": np.ones(3, bool)}, ValueError, r"mask has shape \(3,\), expected one that broadcasts to \(2,\)"),
        ({"weight": np.ones(2)}, ValueError, r"weight has shape \(2,\), expected \(C,\) = \(3,\)"),
        ({"weight": np.array([1.0, -1.0, 1.0])}, ValueError, "weight has an entry that is negative or not finite"),
        ({"weight": np.array([1.0, np.nan, 1.0])}, ValueError, "weight has an entry that is negative or not finite"),
        ({"label_smoothing": 1.5}, ValueError, "label_smoothing is 1.5, expected a number from 0 to 1"),
        ({"label_smoothing": "a"}, ValueError, "label_smoothing is 'a', expected a number from 0 to 1"),
        ({"reduction": "max"}, ValueError, "reduction is 'max', expected one of 'mean', 'sum', 'none'"),
    ],
)  # fmt: skip
def test_wrong_arguments_get_one_sentence(changed, error, sentence):
    arguments = {**GOOD, **changed}
    with pytest.raises(error, match=f"^cross_entropy.forward: {sentence}"):
        reference.forward(arguments.pop("logits"), arguments.pop("targets"), **arguments)


def test_wrong_upstream_gets_one_sentence():
    cache = reference.forward(*cross_entropy.sample(np.random.default_rng(14)))
    with pytest.raises(
        ValueError, match=r"^cross_entropy.backward: dloss has shape \(4,\), expected the loss's \(\)$"
    ):
        reference.backward(cache, np.ones(4))
