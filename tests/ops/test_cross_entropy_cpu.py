"""Cross-entropy on the CPU: every field and gradient that of the reference, under all options."""

import numpy as np
import pytest

from scratchnn.ops.cross_entropy import cpu, reference

EPS = 2.0**-23
OPTIONS = {
    "plain": {},
    "weight": {"weight": True},
    "smoothed": {"label_smoothing": 0.1},
    "all": {"weight": True, "label_smoothing": 0.3, "mask": True, "reduction": "sum"},
    "none": {"reduction": "none", "mask": True},
    "ignored": {"ignore_index": 3},
    "nothing": {"mask": "nowhere"},
}


def problem(dtype, options):
    rng = np.random.default_rng(1)
    logits, targets = (3 * rng.normal(size=(7, 3, 37))).astype(dtype), rng.integers(37, size=(7, 3))
    logits[0, 0, 1:], logits[1, 1, 3] = -np.inf, -np.inf
    targets[0, 0], targets[1, 1], targets[2, 1] = 0, 5, options.get("ignore_index", -100)
    options = dict(options)
    if "weight" in options:
        options["weight"] = rng.random(37).astype(dtype)
        options["weight"][5] = 0
    if "mask" in options:
        options["mask"] = (rng.random((7, 3)) < 0.7) & (options["mask"] != "nowhere")
    if options.get("label_smoothing"):  # a class that is smoothed and impossible costs inf in both
        logits[np.isinf(logits)] = -30
    dloss = rng.normal(size=(7, 3)).astype(dtype) if options.get("reduction") == "none" else 0.7
    return logits, targets, options, dloss


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIONS)
def test_fields_and_gradients_are_those_of_the_reference(name, dtype):
    """float32: 37 sums of exp, |z - shift| < 33 roundings, 37 and 21 of the losses and their mean, 10 more."""
    logits, targets, options, dloss = problem(dtype, OPTIONS[name])
    got = cpu.forward(logits, targets, **options)
    wide = {**options, "weight": options["weight"].astype(np.float64)} if "weight" in options else options
    expected = reference.forward(logits.astype(np.float64), targets, **wide)
    allowed = 1e-12 if dtype == np.float64 else 138 * EPS
    for field, a, b in zip(got._fields, got, expected, strict=True):
        if field in ("targets", "mask", "reduction"):
            np.testing.assert_array_equal(a, b, strict=True)
            continue
        a, b = np.asarray(a), np.asarray(b)
        finite = np.isfinite(b)
        assert a.shape == b.shape
        np.testing.assert_array_equal(a[~finite], b[~finite])
        np.testing.assert_allclose(
            a[finite], b[finite], rtol=0, atol=allowed * np.max(np.abs(b[finite]), initial=0), err_msg=field
        )
        assert field == "divisor" or a.dtype == dtype, field
    gradient = cpu.backward(got, dloss).logits
    b = reference.backward(expected, np.asarray(dloss, np.float64) if np.ndim(dloss) else dloss).logits
    np.testing.assert_allclose(gradient, b, rtol=0, atol=allowed * np.max(np.abs(b)))
    assert gradient.dtype == dtype
    np.testing.assert_array_equal(cpu.backward(got, dloss).logits, gradient)


def test_the_form_of_the_arrays_changes_nothing(untouched):
    logits, targets, _, _ = problem(np.float64, {})
    mask = np.arange(21).reshape(7, 3) % 4 > 0
    plain = cpu.forward(logits, targets, mask=mask)
    others = [np.asfortranarray(logits), np.asfortranarray(targets.astype(np.int16)), np.asfortranarray(mask)]
    for array in others:
        array.flags.writeable = False
    with untouched(others):
        cache = cpu.forward(*others[:2], mask=others[2])
        np.testing.assert_array_equal(cache.log_p, plain.log_p)
        assert cache.loss == plain.loss
        assert cache.targets.dtype == np.int16
        np.testing.assert_array_equal(cpu.backward(cache).logits, cpu.backward(plain).logits)


def test_nan_reaches_its_own_row_and_nothing_behind_the_mask():
    logits, targets, _, _ = problem(np.float32, {"reduction": "none"})
    logits[3, 1, 4] = np.nan
    cache = cpu.forward(logits, targets, reduction="none")
    bad = np.isnan(cpu.backward(cache).logits).any(axis=2)
    assert bad[3, 1]
    assert bad.sum() == 1
    hidden = cpu.forward(logits, targets, mask=~np.isnan(logits).any(axis=2))
    assert np.isfinite(hidden.loss)
    assert np.isfinite(cpu.backward(hidden).logits).all()


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"targets": np.array([1, 7])}, ValueError, r"targets\[1\] is 7, expected 0 to 4"),
        ({"targets": np.array([-1, 2])}, ValueError, r"targets\[0\] is -1, expected 0 to 4"),
        ({"targets": np.array([1, 2, 3])}, ValueError, r"targets has shape \(3,\)"),
        ({"reduction": "max"}, ValueError, "reduction is 'max'"),
        ({"label_smoothing": 2}, ValueError, "label_smoothing is 2, expected a number from 0 to 1"),
        ({"weight": -np.ones(5)}, ValueError, "weight has an entry that is negative"),
        ({"logits": np.ones((2, 5), int)}, TypeError, "logits has dtype int64"),
    ],
)
def test_wrong_arguments_get_the_reference_s_sentence(changes, error, sentence):
    given = {"logits": np.zeros((2, 5)), "targets": np.array([1, 2]), **changes}
    with pytest.raises(error, match=f"^cross_entropy.forward: {sentence}"):
        cpu.forward(**given)


def test_other_precisions_go_to_the_reference():
    logits, targets = np.linspace(-1, 1, 10).reshape(2, 5), np.array([0, 3])
    assert cpu.forward(logits.astype(np.float16), targets).log_p.dtype == np.float16
    assert cpu.forward(logits + 1e-20j, targets).loss.dtype == np.complex128
    cache = cpu.forward(logits.astype(np.float32), targets)
    assert cpu.backward(cache, np.float64(1)).logits.dtype == np.float64
