"""Attention on the device: every field and gradient that of the reference, for all scores, masks and rungs."""

import numpy as np
import pytest

from scratchnn import device
from scratchnn.ops import attention
from scratchnn.ops.attention import gpu, reference

NODES = ("q", "k", "v", "mask", "causal", "score", "scale", "q_a", "hidden", "scores", "alpha", "context")
CASES = {  # tiles are 8 x 8 here: sizes below, at and above one
    "small": (3, 5, None, False),
    "tiles": (9, 17, None, False),
    "causal": (11, 9, None, True),
    "causal, unseen sources": (3, 10, None, True),
    "sources": (3, 9, "sources", False),
    "pairs, causal": (9, 10, "pairs", True),
    "one axis": (4, 9, "one axis", False),
}


def problem(score, case, dtype=np.float64, B=2):
    Q, S, kind, causal = CASES[case]
    rng = np.random.default_rng(7)
    q, k, v, params = attention.sample(rng, score=score, B=B, Q=Q, S=S, E_q=5, F=9, A=5, dtype=dtype)
    mask = None
    if kind == "sources":
        mask = rng.random((B, 1, S)) < 0.5
        mask[1] = False
    elif kind == "pairs":
        mask = rng.random((B, Q, S)) < 0.5
        mask[1, 3], mask[0, :, 5] = False, False
    elif kind == "one axis":
        mask = rng.random(S) < 0.5
    upstream = rng.normal(size=(B, Q, v.shape[2])).astype(dtype), rng.normal(size=(B, Q, S)).astype(dtype)
    return (q, k, v, params), {"score": score, "mask": mask, "causal": causal}, upstream


def check(module, score, case, dtype, need_alpha, close):
    arguments, options, (dcontext, dalpha) = problem(score, case, dtype)
    options["need_alpha"] = need_alpha
    expected, cache = reference.forward(*arguments, **options), module.forward(*arguments, **options)
    for name in NODES:
        close(getattr(cache, name), getattr(expected, name), name)
    for given in (None, dalpha) if need_alpha else (None,):
        grads = module.backward(dcontext, cache, arguments[3], dalpha=given)
        close(grads, reference.backward(dcontext, expected, arguments[3], dalpha=given))


@pytest.mark.parametrize("score", reference.SCORES)
@pytest.mark.parametrize("need_alpha", [True, False])
def test_fields_and_gradients_are_those_of_the_reference(score, need_alpha, close):
    check(gpu, score, "pairs, causal", np.float64, need_alpha, close)
    check(gpu, score, "sources", np.float32, need_alpha, close)


@pytest.mark.parametrize("case", CASES)
def test_sizes_and_masks(case, close):
    check(gpu, "scaled_dot", case, np.float64, False, close)


@pytest.mark.parametrize("case", ["small", "causal, unseen sources", "pairs, causal"])
@pytest.mark.parametrize("rung", gpu.RUNGS[:-1], ids=lambda rung: rung.name)
def test_each_rung_is_the_reference(rung, case, close):
    check(rung, "dot", case, np.float32, True, close)
    check(rung, "general", case, np.float64, False, close)


def test_the_last_rung_is_what_is_used():
    assert gpu.RUNGS[-1].name == "online softmax in tiles"
    arguments, options, (dcontext, _) = problem("dot", "small")
    ours, rung = gpu.forward(*arguments, **options), gpu.RUNGS[-1].forward(*arguments, **options)
    np.testing.assert_array_equal(ours.context, rung.context)
    for a, b in zip(gpu.backward(dcontext, ours), gpu.RUNGS[-1].backward(dcontext, rung), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("rung", gpu.RUNGS[:-1], ids=lambda rung: rung.name)
def test_a_rung_without_the_additive_score_says_so(rung):
    (*arrays, params), options, _ = problem("additive", "small")
    with pytest.raises(ValueError, match=f"the rung '{rung.name}' has the dot scores only"):
        rung.forward(*arrays, params, **options)


@pytest.mark.parametrize("score", ["scaled_dot", "additive"])
def test_on_the_device_nothing_is_copied_and_nothing_large_is_made(score, close, moved, leaves, monkeypatch):
    arguments, options, (dcontext, _) = problem(score, "pairs, causal", np.float32)
    there, mask, d = moved(arguments), moved(options["mask"]), moved(dcontext)
    B, Q, S = options["mask"].shape
    made, original = [], device.empty

    def watched(shape, dtype):
        made.append(tuple(shape) if isinstance(shape, tuple) else (shape,))
        return original(shape, dtype)

    monkeypatch.setattr(device, "empty", watched)
    with device.counting() as count:
        cache = gpu.forward(*there, **{**options, "mask": mask}, need_alpha=False)
        grads = gpu.backward(d, cache, there[3])
    assert count.to_device == count.to_host == 0
    assert not [shape for shape in made if shape[:3] == (B, Q, S)]
    assert (B, Q, 9) in made, "the watch sees nothing"
    assert all(device.on_device(leaf) for leaf in leaves((cache, grads)))
    expected = reference.forward(*arguments, **options, need_alpha=False)
    close(cache.context, expected.context)
    close(grads, reference.backward(dcontext, expected, arguments[3]))


@pytest.mark.parametrize("score", ["dot", "additive"])
def test_nothing_leaks_from_what_nobody_may_see(score, close):
    """NaN in a source that no query sees, and in a query that sees nothing."""
    (q, k, v, params), options, (dcontext, dalpha) = problem(score, "pairs, causal")
    clean = gpu.forward(q, k, v, params, **options)
    grads = gpu.backward(dcontext, clean, params, dalpha=np.where(options["mask"], dalpha, 0))
    for array in (q, dcontext):
        array[1, 3] = np.nan
    for array in (k, v):
        array[0, 5] = np.nan
    cache = gpu.forward(q, k, v, params, **options)
    np.testing.assert_array_equal(cache.context, clean.context)
    again = gpu.backward(dcontext, cache, params, dalpha=np.where(options["mask"], dalpha, np.nan))
    for a, b in zip(again, grads, strict=True):
        assert a is b is None or (a == b).all()


def test_a_cache_of_the_reference_can_be_undone(close):
    arguments, options, (dcontext, _) = problem("additive", "sources")
    cache = reference.forward(*arguments, **options)
    close(gpu.backward(dcontext, cache, arguments[3]), reference.backward(dcontext, cache, arguments[3]))


def test_arguments_stay_as_they_are(untouched):
    (*arrays, params), options, upstream = problem("additive", "pairs, causal")
    with untouched(arrays, params, options["mask"], upstream):
        cache = gpu.forward(*arrays, params, **options)
        first = gpu.backward(upstream[0], cache, params, dalpha=upstream[1])
        second = gpu.backward(upstream[0], cache, params, dalpha=upstream[1])
    for a, b in zip(first, second, strict=True):
        assert a is b is None or (a == b).all(), "a repetition gives the same bits"


def test_sentences_are_those_of_the_reference():
    (q, k, v, _), _, (dcontext, dalpha) = problem("dot", "small")
    for wrong in ((q, k[:, :, :3], v), (q, k, v[:, :2]), (q, k, v.astype(int))):
        with pytest.raises((ValueError, TypeError)) as theirs:
            reference.forward(*wrong)
        with pytest.raises(type(theirs.value)) as ours:
            gpu.forward(*wrong)
        assert str(ours.value) == str(theirs.value)
    with pytest.raises(ValueError, match="dalpha was given, but forward ran with need_alpha=False"):
        gpu.backward(dcontext, gpu.forward(q, k, v, need_alpha=False), dalpha=dalpha)
