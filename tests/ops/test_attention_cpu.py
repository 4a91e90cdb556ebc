"""Attention on the CPU: every field and gradient that of the reference, for all scores, masks, sizes and threads."""

import copy
import pickle

import numpy as np
import pytest

from scratchnn import jit
from scratchnn.ops import attention
from scratchnn.ops.attention import cpu, reference

SCORES = reference.SCORES
NODES = ("q", "k", "v", "mask", "q_a", "hidden", "scores", "alpha", "context")
CASES = {  # Q and S below and above a block of queries (72), sources (512) and a vector's width
    "small": (4, 5, None, False),
    "wide": (65, 600, None, False),
    "causal": (130, 70, None, True),
    "causal, unseen sources": (70, 133, None, True),
    "sources": (3, 4, "sources", False),
    "pairs, causal": (74, 530, "pairs", True),
    "one axis": (61, 9, "one axis", False),
}
FEW = {  # cpu_few.py; without additive, for which one query's gradients cancel, far below any such bound
    "one asks": (1, 5, "sources", False),
    "one asks many": (1, 530, None, False),
    "two ask": (2, 33, "pairs", False),
}


def problem(score, case, dtype=np.float64, B=3):
    Q, S, kind, causal = (CASES | FEW)[case]
    rng = np.random.default_rng(7)
    q, k, v, params = attention.sample(rng, score=score, B=B, Q=Q, S=S, dtype=dtype)
    mask = None
    if kind == "sources":
        mask = rng.random((B, 1, S)) < 0.5
        mask[1] = False
    elif kind == "pairs":
        mask = rng.random((B, Q, S)) < 0.5
        mask[1, min(3, Q - 1)], mask[2, :, 5] = False, False
    elif kind == "one axis":
        mask = rng.random(S) < 0.5
    upstream = rng.normal(size=(B, Q, v.shape[2])).astype(dtype), rng.normal(size=(B, Q, S)).astype(dtype)
    return (q, k, v, params), {"score": score, "mask": mask, "causal": causal}, upstream


def assert_close(got, expected, allowed, name):
    assert (got is None) == (expected is None), name
    if got is not None:
        assert got.shape == expected.shape, name
        np.testing.assert_allclose(got, expected, rtol=0, atol=allowed * np.max(np.abs(expected)), err_msg=name)


def widened(arguments):
    *arrays, params = arguments
    wide = [array.astype(np.float64) for array in arrays]
    if params is not None:
        params = attention.Params(*(None if array is None else array.astype(np.float64) for array in params))
    return *wide, params


@pytest.mark.parametrize("need_alpha", [True, False])
@pytest.mark.parametrize(
    ("score", "case"),
    [(score, case) for score in SCORES for case in CASES | FEW if score != "additive" or case in CASES],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_fields_and_gradients_are_those_of_the_reference(dtype, score, case, need_alpha):
    """float64 within 1e-12 of the largest entry. float32 is compared with float64 on the same numbers: a gradient has
    gone through sums over E, A or F, S and Q, each entry a rounding, and some 60 more for exp, tanh and the quotient;
    all of them at their worst and in one direction, relative to the largest entry, is the bound."""
    arguments, options, (dcontext, dalpha) = problem(score, case, dtype)
    exact = widened(arguments)
    got = cpu.forward(*arguments, **options, need_alpha=need_alpha)
    expected = reference.forward(*exact, **options, need_alpha=need_alpha)
    (B, Q, E), (_, S, _) = got.q.shape, got.k.shape
    roundings = E + 8 + 7 + S + Q + B * (score != "dot") + 60
    allowed = 1e-12 if dtype == np.float64 else roundings * 2.0**-23
    for name in NODES:
        assert_close(getattr(got, name), getattr(expected, name), 0 if name == "mask" else allowed, name)
        assert getattr(got, name) is None or name == "mask" or getattr(got, name).dtype == dtype, name
    for given in (None, dalpha) if need_alpha else (None,):
        grads = cpu.backward(dcontext, got, arguments[3], dalpha=given)
        wide = None if given is None else given.astype(np.float64)
        truth = reference.backward(dcontext.astype(np.float64), expected, exact[3], dalpha=wide)
        for name, a, b in zip(grads._fields, grads, truth, strict=True):
            assert_close(a, b, allowed, f"d{name}")
            assert a is None or a.dtype == dtype, name
        for a, b in zip(grads, cpu.backward(dcontext, got, arguments[3], dalpha=given), strict=True):
            assert a is b is None or (a == b).all()


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("score", ["scaled_dot", "additive"])
def test_threads_agree_to_rounding(score, batch, monkeypatch):
    """A batch of 1 splits the queries, one of 3 the batch."""
    monkeypatch.setattr(jit.threads, "WORTH", 1.0)
    before = jit.get_num_threads()
    arguments, options, (dcontext, _) = problem(score, "causal", B=batch)
    results = []
    try:
        for count in (1, 2, 3):
            jit.set_num_threads(count)
            assert jit.parts(3, 1e6) == count, "nothing is split here, so nothing is tested"
            for need_alpha in (True, False):
                cache = cpu.forward(*arguments, **options, need_alpha=need_alpha)
                results.append((cache.context, *cpu.backward(dcontext, cache, arguments[3])))
    finally:
        jit.set_num_threads(before)
    for result in results[1:]:
        for a, b in zip(result, results[0], strict=True):
            assert_close(a, b, 1e-13, "threads")


def other_form(array, form):
    if array is None:
        return None
    made = np.asfortranarray(array) if form == "fortran" else np.repeat(array, 2, axis=-1)[..., ::2]
    made.flags.writeable = False
    return made


@pytest.mark.parametrize("form", ["fortran", "strided"])
@pytest.mark.parametrize("score", ["general", "additive"])
def test_the_form_of_the_arrays_changes_nothing(score, form, untouched):
    (*arrays, params), options, (dcontext, dalpha) = problem(score, "pairs, causal")
    plain = cpu.forward(*arrays, params, **options)
    grads = cpu.backward(dcontext, plain, params, dalpha=dalpha)
    others = [other_form(array, form) for array in arrays]
    params = attention.Params(*(other_form(array, form) for array in params))
    mask, d, more = (other_form(array, form) for array in (options["mask"], dcontext, dalpha))
    with untouched(others, params, mask, d, more):
        cache = cpu.forward(*others, params, **{**options, "mask": mask})
        again = cpu.backward(d, cache, params, dalpha=more)
    np.testing.assert_array_equal(cache.context, plain.context)
    for a, b in zip(again, grads, strict=True):
        assert a is b is None or (a == b).all()


@pytest.mark.parametrize("need_alpha", [True, False])
@pytest.mark.parametrize("score", SCORES)
def test_the_cache_owns_what_it_holds(score, need_alpha, untouched):
    (*arrays, params), options, (dcontext, _) = problem(score, "sources")
    cache = cpu.forward(*arrays, params, **options, need_alpha=need_alpha)
    with untouched([part for part in cache if part is not None], dcontext):
        grads = cpu.backward(dcontext, cache, params)
    for array in arrays:
        array += 1
    options["mask"][...] = True
    for a, b in zip(grads, cpu.backward(dcontext, cache, params), strict=True):
        assert a is b is None or (a == b).all()
    for other in (copy.deepcopy(cache), pickle.loads(pickle.dumps(cache)), cache._replace(score=score)):
        for a, b in zip(grads, cpu.backward(dcontext, other, params), strict=True):
            if a is not None:
                assert_close(b, a, 1e-12, "of a copy")


@pytest.mark.parametrize("need_alpha", [True, False])
@pytest.mark.parametrize("score", SCORES)
def test_nan_cannot_leak_from_behind_the_mask_and_does_not_vanish_before_it(score, need_alpha):
    arguments, options, (dcontext, _) = problem(score, "sources", np.float32)
    q, k, v, params = arguments
    clean = cpu.forward(*arguments, **options, need_alpha=need_alpha)
    hidden = ~options["mask"][:, 0]
    k[hidden], v[hidden], q[1], dcontext[1] = np.nan, np.nan, np.nan, np.nan
    cache = cpu.forward(*arguments, **options, need_alpha=need_alpha)
    np.testing.assert_array_equal(cache.context, clean.context)
    assert not any(np.isnan(g).any() for g in cpu.backward(dcontext, cache, params) if g is not None)
    q[0, 1] = np.nan
    bad = np.isnan(cpu.forward(*arguments, **options, need_alpha=need_alpha).context).any(axis=2)
    assert bad[0, 1]
    assert bad.sum() == 1


@pytest.mark.parametrize("need_alpha", [True, False])
def test_large_scores_neither_overflow_nor_vanish(need_alpha):
    """Blocks of sources whose largest scores lie 300 apart: exp of a difference is 0 or 1, never inf or NaN."""
    q, k = np.ones((1, 3, 1), np.float32), np.zeros((1, 1100, 1), np.float32)
    v = np.arange(1100, dtype=np.float32).reshape(1, 1100, 1)
    k[0, 7], k[0, 600], k[0, 1050] = 300, 900, 600
    cache = cpu.forward(q, k, v, score="dot", need_alpha=need_alpha)
    np.testing.assert_array_equal(cache.context, 600)
    assert np.isfinite(cpu.backward(np.ones_like(q), cache).k).all()


def test_what_kernels_do_not_take_the_reference_computes_or_refuses():
    (q, k, v, _), _, (dcontext, dalpha) = problem("dot", "small")
    assert cpu.forward(q.astype(np.float16), k.astype(np.float16), v.astype(np.float16)).context.dtype == np.float16
    assert cpu.forward(q + 1e-20j, k, v).context.dtype == np.complex128
    mixed, expected = (backend.forward(q.astype(np.float32), k, v) for backend in (cpu, reference))
    assert mixed.q.dtype == expected.q.dtype == np.float32
    np.testing.assert_array_equal(mixed.context, expected.context)
    cache = cpu.forward(q, k, v, need_alpha=False)
    assert cpu.backward(dcontext + 1e-20j, cache).q.dtype == np.complex128
    with pytest.raises(ValueError, match=r"^attention.backward: dalpha was given, but forward ran with need_alpha=F"):
        cpu.backward(dcontext, cache, dalpha=dalpha)
    with pytest.raises(ValueError, match=r"^attention.forward: score 'cosine'|^attention.forward: score is 'cosine'"):
        cpu.forward(q, k, v, score="cosine")
    with pytest.raises(ValueError, match=r"^attention.forward: v has shape \(3, 4, 6\), expected \(B, S, F\)"):
        cpu.forward(q, k, v[:, :4])
    with pytest.raises(TypeError, match=r"^attention.backward: dcontext has dtype int64"):
        cpu.backward(dcontext.astype(int), cache)
