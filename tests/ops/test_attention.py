"""Attention: the four scores by hand and against scalar code, every gradient against two oracles.

What masks, order and need_alpha mean: test_attention_meaning.py; the article's composition and the equation
sheet: test_attention_article.py; wrong arguments: test_attention_sentences.py.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnn.ops import attention
from scratchnn.ops.attention import Params, reference

SCORES = reference.SCORES
LN2, LN3 = math.log(2), math.log(3)

# by hand: one query, two sources, made so that every score gives scores (0, ln 3), hence alpha = (1/4, 3/4).
# With v = ((4, 0), (0, 8)) the context is (1, 6); dcontext = (1, 1) gives dalpha = (4, 8), whose mean under alpha
# is 7, so dscores = (1/4 * -3, 3/4 * 1) = (-3/4, 3/4)
V = np.array([[[4.0, 0.0], [0.0, 8.0]]])
BY_HAND = {
    # q . k = (0, 1 * ln 3)
    "dot": (
        {"q": [[[1.0]]], "k": [[[0.0], [LN3]]]},
        {"q": [[[0.75 * LN3]]], "k": [[[-0.75], [0.75]]]},
    ),
    # q . k / sqrt(4) = (0, 2 ln 3 / 2)
    "scaled_dot": (
        {"q": [[[2.0, 1.0, 0.0, 0.0]]], "k": [[[0.0, 0.0, 0.0, 7.0], [LN3, 0.0, 5.0, 0.0]]]},
        {
            "q": [[[0.375 * LN3, 0.0, 1.875, -2.625]]],
            "k": [[[-0.75, -0.375, 0.0, 0.0], [0.75, 0.375, 0.0, 0.0]]],
        },
    ),
    # q W_a = (1, 2); dq_a = 3/4 k_2 - 3/4 k_1
    "general": (
        {"q": [[[1.0]]], "k": [[[0.0, 0.0], [LN3, 0.0]]], "W_a": [[1.0, 2.0]]},
        {"q": [[[0.75 * LN3]]], "k": [[[-0.75, -1.5], [0.75, 1.5]]], "W_a": [[0.75 * LN3, 0.0]]},
    ),
    # a = (0, ln 2), hidden = (0, 3/5), v_a = 5/3 ln 3; dhidden = (-5/4, 5/4) ln 3, da = (-5/4, 5/4 * 16/25) ln 3
    "additive": (
        {"q": [[[1.0]]], "k": [[[-1.0], [LN2 - 1]]], "W_q": [[1.0]], "W_k": [[1.0]], "v_a": [5 / 3 * LN3]},
        {
            "q": [[[-0.45 * LN3]]],
            "k": [[[-1.25 * LN3], [0.8 * LN3]]],
            "W_q": [[-0.45 * LN3]],
            "W_k": [[1.25 * LN3 + (LN2 - 1) * 0.8 * LN3]],
            "v_a": [0.45],
        },
    ),
}


def arrays(problem):
    """Give the inputs of a problem (q, k, v, params) as a dict of arrays."""
    q, k, v, params = problem
    weights = {} if params is None else {n: w for n, w in params._asdict().items() if w is not None}
    return {"q": q, "k": k, "v": v, **weights}


def run(i, score, **options):
    """Run forward on such a dict; give the cache and the params."""
    weights = {n: w for n, w in i.items() if n in Params._fields}
    params = Params(**weights) if weights else None
    return reference.forward(i["q"], i["k"], i["v"], params, score=score, **options), params


def gradients(i, d, score, **options):
    """Run forward and backward; give the gradients of what is in the dict."""
    cache, params = run(i, score, **options)
    grads = reference.backward(d["context"], cache, params, dalpha=d.get("alpha"))
    return {n: g for n, g in grads._asdict().items() if g is not None}


def draw_mask(rng, *shape):
    """Draw a mask in which row 1 of the first sequence sees nothing and nobody there sees source 2."""
    mask = rng.random(size=shape) < 0.6
    mask[0, 1] = False
    mask[0, :, 2] = False
    mask[-1, 0] = True
    return mask


@pytest.mark.parametrize("score", SCORES)
def test_by_hand(score):
    inputs, expected = BY_HAND[score]
    inputs = {n: np.array(a) for n, a in {**inputs, "v": V}.items()}
    cache, _ = run(inputs, score)
    np.testing.assert_allclose(cache.scores, [[[0, LN3]]], rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(cache.alpha, [[[1 / 4, 3 / 4]]], rtol=1e-14)
    np.testing.assert_allclose(cache.context, [[[1, 6]]], rtol=1e-14)
    got = gradients(inputs, {"context": np.array([[[1.0, 1.0]]])}, score)
    expected = {**expected, "v": [[[1 / 4, 1 / 4], [3 / 4, 3 / 4]]]}
    assert sorted(got) == sorted(expected)
    for n, g in got.items():
        np.testing.assert_allclose(g, expected[n], rtol=1e-13, atol=1e-14, err_msg=n)


def test_gradient_of_alpha_by_hand():
    """With dalpha = (0, 4) from outside as well, dalpha = (4, 12), its mean is 10, dscores = (-3/2, 3/2)."""
    inputs = {n: np.array(a) for n, a in {**BY_HAND["dot"][0], "v": V}.items()}
    d = {"context": np.array([[[1.0, 1.0]]]), "alpha": np.array([[[0.0, 4.0]]])}
    got = gradients(inputs, d, "dot")
    np.testing.assert_allclose(got["k"], [[[-1.5], [1.5]]], rtol=1e-14)
    np.testing.assert_allclose(got["q"], [[[1.5 * LN3]]], rtol=1e-14)
    np.testing.assert_allclose(got["v"], [[[1 / 4, 1 / 4], [3 / 4, 3 / 4]]], rtol=1e-14)


def scalar_score(score, scale, q, k, params):
    """Compute one score with plain numbers and the math module."""
    if score in ("dot", "scaled_dot"):
        value = math.fsum(x * y for x, y in zip(q, k, strict=True))
    elif score == "general":
        value = math.fsum(x * params.W_a[m, n] * y for m, x in enumerate(q) for n, y in enumerate(k))
    else:
        value = 0.0
        for a, weight in enumerate(params.v_a):
            before = math.fsum([*(x * w for x, w in zip(q, params.W_q[:, a], strict=True)),
                                *(y * w for y, w in zip(k, params.W_k[:, a], strict=True))])  # fmt: skip
            value += weight * math.tanh(before)
    return value * scale


@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("score", SCORES)
def test_everything_equals_scalar_code(score, scale):
    """Scores, weights and contexts of a masked causal problem, number by number."""
    q, k, v, params = attention.sample(np.random.default_rng(0), score=score, B=2, Q=3, S=4, E_q=2, F=3, A=5)
    mask = draw_mask(np.random.default_rng(1), 2, 3, 4)
    cache = reference.forward(q, k, v, params, score=score, scale=scale, mask=mask, causal=True)
    factor = scale if scale is not None else (1 / math.sqrt(2) if score == "scaled_dot" else 1)
    for b in range(2):
        for i in range(3):
            seen = [j for j in range(4) if mask[b, i, j] and j <= i]
            exps = {j: math.exp(scalar_score(score, factor, q[b, i], k[b, j], params)) for j in seen}
            alpha = [exps[j] / math.fsum(exps.values()) if j in exps else 0.0 for j in range(4)]
            context = [math.fsum(alpha[j] * v[b, j, f] for j in range(4)) for f in range(3)]
            np.testing.assert_allclose(cache.alpha[b, i], alpha, rtol=1e-13)
            np.testing.assert_allclose(cache.context[b, i], context, rtol=1e-12, atol=1e-14)


# backward


CASES = {
    "plain": lambda rng: {},
    "scale": lambda rng: {"scale": -0.7},
    "causal": lambda rng: {"causal": True},
    "sources": lambda rng: {"mask": draw_mask(rng, 3, 4, 5)[:, -1:, :]},
    "pairs": lambda rng: {"mask": draw_mask(rng, 3, 4, 5), "causal": True},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("score", SCORES)
def test_backward(compare, score, case):
    """Random upstream on context and on alpha."""
    rng = np.random.default_rng(2)
    inputs = arrays(attention.sample(rng, score=score))
    options = CASES[case](rng)

    def outputs(i):
        cache, _ = run(i, score, **options)
        return {"context": cache.context, "alpha": cache.alpha}

    compare(outputs, lambda i, d: gradients(i, d, score, **options), inputs)


@pytest.mark.parametrize("need_alpha", [True, False])
@pytest.mark.parametrize("score", SCORES)
def test_backward_from_the_context_alone(compare, score, need_alpha):
    rng = np.random.default_rng(3)
    inputs = arrays(attention.sample(rng, score=score))
    options = {"mask": draw_mask(rng, 3, 4, 5), "need_alpha": need_alpha}
    compare(
        lambda i: {"context": run(i, score, **options)[0].context},
        lambda i, d: gradients(i, d, score, **options),
        inputs,
    )


@pytest.mark.parametrize("score", ["general", "additive"])
def test_backward_with_wide_queries_and_narrow_keys(compare, score):
    inputs = arrays(attention.sample(np.random.default_rng(4), score=score, E_q=6, E_k=2, F=1, A=3))
    compare(
        lambda i: {"context": run(i, score)[0].context},
        lambda i, d: gradients(i, d, score),
        inputs,
    )


@pytest.mark.parametrize("score", SCORES)
def test_backward_is_linear(score):
    rng = np.random.default_rng(6)
    inputs = arrays(attention.sample(rng, score=score))
    one, other = ({"context": rng.normal(size=(3, 4, 6)), "alpha": rng.normal(size=(3, 4, 5))} for _ in range(2))
    mixed = {n: 2 * one[n] - 3 * other[n] for n in one}
    together, first, second = (gradients(inputs, d, score, causal=True) for d in (mixed, one, other))
    for n, g in together.items():
        np.testing.assert_allclose(g, 2 * first[n] - 3 * second[n], rtol=0, atol=1e-13, err_msg=n)


@pytest.mark.parametrize("need_alpha", [True, False])
@pytest.mark.parametrize("score", SCORES)
def test_arguments_are_untouched_and_backward_repeats(untouched, score, need_alpha):
    rng = np.random.default_rng(7)
    q, k, v, params = attention.sample(rng, score=score)
    mask = draw_mask(rng, 3, 4, 5)
    dcontext = rng.normal(size=(3, 4, 6))
    dalpha = rng.normal(size=(3, 4, 5)) if need_alpha else None
    with untouched(q, k, v, params, mask, dcontext, dalpha):
        cache = reference.forward(q, k, v, params, score=score, mask=mask, need_alpha=need_alpha)
        with untouched(cache):
            first = reference.backward(dcontext, cache, params, dalpha=dalpha)
            again = reference.backward(dcontext, cache, params, dalpha=dalpha)
    for n, g in first._asdict().items():
        np.testing.assert_array_equal(getattr(again, n), g, err_msg=n)


@pytest.mark.parametrize("score", SCORES)
def test_layout_does_not_matter(score):
    rng = np.random.default_rng(8)
    inputs = arrays(attention.sample(rng, score=score))
    d = {"context": rng.normal(size=(3, 4, 6)), "alpha": rng.normal(size=(3, 4, 5))}

    def turned(a):
        other = np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim == 1 else np.asfortranarray(a)
        other.flags.writeable = False
        assert not other.flags.c_contiguous
        return other

    plain = gradients(inputs, d, score)
    other = gradients({n: turned(a) for n, a in inputs.items()}, {n: turned(a) for n, a in d.items()}, score)
    for n, g in plain.items():
        np.testing.assert_allclose(other[n], g, rtol=0, atol=1e-14, err_msg=n)


# float32


def float32_bounds(i, score, cache):
    """Bound the float32 errors of scores, alpha and context, in absolute numbers.

    A dot product of n terms is off by at most (n + 1) u times the same product of absolute values; tanh is off by
    its argument's error and 2u. alpha has twice its scores' error, the rounding of score - shift, exp (4u), the sum
    (S u) and the quotient (u), all relative; the context its weights' error and a dot product of S terms.
    """
    u = float(np.finfo(np.float32).eps) / 2
    size = {n: np.abs(a.astype(float)) for n, a in i.items()}
    q, k, v = size["q"], size["k"].swapaxes(1, 2), size["v"]
    if score == "general":
        product = (q @ size["W_a"]) @ k
        scores = (q.shape[-1] + k.shape[1] + 3) * u * product
    elif score == "additive":
        into = (q @ size["W_q"])[:, :, None] + (size["k"] @ size["W_k"])[:, None]
        of_hidden = (q.shape[-1] + k.shape[1] + 3) * u * into + 2 * u
        scores = (of_hidden + (size["v_a"].size + 2) * u) @ size["v_a"]
    else:
        scores = (q.shape[-1] + 3) * u * cache.scale * (q @ k)
    alpha = 2 * scores.max(axis=-1, keepdims=True) + (np.ptp(cache.scores) + 4 + v.shape[1] + 1) * u
    return scores, alpha * cache.alpha, (alpha + (v.shape[1] + 1) * u) * (cache.alpha @ v)


@pytest.mark.parametrize("score", SCORES)
def test_float32_stays_float32(score):
    rng = np.random.default_rng(9)
    inputs = arrays(attention.sample(rng, score=score, dtype=np.float32))
    wide = {n: a.astype(float) for n, a in inputs.items()}
    cache, exact = run(inputs, score)[0], run(wide, score)[0]
    for n, bound in zip(("scores", "alpha", "context"), float32_bounds(inputs, score, exact), strict=True):
        got = getattr(cache, n)
        assert got.dtype == np.float32, n
        assert (np.abs(got - getattr(exact, n)) <= bound).all(), n
    d = {"context": rng.normal(size=(3, 4, 6)), "alpha": rng.normal(size=(3, 4, 5))}
    for need_alpha in (True, False):
        given = d if need_alpha else {"context": d["context"]}
        narrow = {n: a.astype(np.float32) for n, a in given.items()}
        got = gradients(inputs, narrow, score, need_alpha=need_alpha, scale=np.float64(0.5))
        assert {g.dtype for g in got.values()} == {np.dtype(np.float32)}


def test_float32_gradients_of_the_dot_score():
    """Bounds in roundings: each product as in ``float32_bounds``, dscores with alpha's error on both its factors."""
    rng = np.random.default_rng(10)
    u = float(np.finfo(np.float32).eps) / 2
    inputs = arrays(attention.sample(rng, score="dot", dtype=np.float32))
    wide = {n: a.astype(float) for n, a in inputs.items()}
    dcontext = rng.normal(size=(3, 4, 6)).astype(np.float32)
    got = gradients(inputs, {"context": dcontext}, "dot")
    exact = gradients(wide, {"context": dcontext.astype(float)}, "dot")
    cache, _ = run(wide, "dot")
    alpha = float32_bounds(inputs, "dot", cache)[1] / cache.alpha
    q, k, v, d = (np.abs(a) for a in (wide["q"], wide["k"], wide["v"], dcontext.astype(float)))
    dalpha = d @ v.swapaxes(1, 2)
    dscores = cache.alpha * (dalpha + (dalpha * cache.alpha).sum(axis=-1, keepdims=True))
    off = dscores * (2 * alpha.max(axis=-1, keepdims=True) + (6 + 1 + 5 + 4) * u)
    bounds = {
        "v": (cache.alpha * (alpha + 5 * u)).swapaxes(1, 2) @ d,
        "q": (off + 7 * u * dscores) @ k,
        "k": (off + 6 * u * dscores).swapaxes(1, 2) @ q,
    }
    for n, bound in bounds.items():
        assert (np.abs(got[n] - exact[n]) <= bound).all(), n


@pytest.mark.parametrize("masked", [False, True])
def test_pytorch_agrees(masked):
    """Scaled dot against torch.nn.functional.scaled_dot_product_attention, every row seeing something."""
    torch = pytest.importorskip("torch", reason="parity with PyTorch needs torch")
    rng = np.random.default_rng(11)
    q, k, v, _ = attention.sample(rng)
    mask = rng.random(size=(3, 4, 5)) < 0.5
    mask[:, :, 0] = True
    options = {"mask": mask} if masked else {"causal": True}
    theirs_options = {"attn_mask": torch.tensor(mask)} if masked else {"is_causal": True}
    dcontext = rng.normal(size=(3, 4, 6))
    theirs = [torch.tensor(a, requires_grad=True) for a in (q, k, v)]
    context = torch.nn.functional.scaled_dot_product_attention(*theirs, **theirs_options)
    context.backward(torch.tensor(dcontext))
    cache = reference.forward(q, k, v, **options)
    np.testing.assert_allclose(cache.context, context.detach().numpy(), rtol=0, atol=1e-13)
    grads = reference.backward(dcontext, cache)
    for n, tensor in zip("qkv", theirs, strict=True):
        np.testing.assert_allclose(getattr(grads, n), tensor.grad.numpy(), rtol=0, atol=1e-13, err_msg=n)


# shapes


SIZES = {n: st.integers(1, 4) for n in ("B", "Q", "S", "E_q", "E_k", "F", "A")}


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.fixed_dictionaries(SIZES),
    score=st.sampled_from(SCORES),
    seed=st.integers(0, 2**32 - 1),
    causal=st.booleans(),
    data=st.data(),
)
def test_every_shape(sizes, score, seed, causal, data):
    """Forward keeps its promises and the slope along a random direction is what backward says."""
    if score in ("dot", "scaled_dot"):
        sizes["E_k"] = sizes["E_q"]
    rng = np.random.default_rng(seed)
    inputs = arrays(attention.sample(rng, score=score, **sizes))
    shape = sizes["B"], sizes["Q"], sizes["S"]
    axes = data.draw(st.integers(0, 2))
    mask = np.asarray(rng.random(size=[data.draw(st.sampled_from([1, n])) for n in shape[axes:]]) < 0.7)
    options = {"mask": mask, "causal": causal}
    cache, _ = run(inputs, score, **options)
    seen = np.broadcast_to(mask, shape) & (np.tri(*shape[1:], dtype=bool) if causal else True)
    np.testing.assert_allclose(cache.alpha.sum(axis=-1), np.where(seen.any(axis=-1), 1, 0), rtol=1e-14)
    np.testing.assert_array_equal(cache.alpha[~seen], 0)
    d = {"context": rng.normal(size=cache.context.shape), "alpha": rng.normal(size=shape)}
    along = {n: rng.normal(size=a.shape) for n, a in inputs.items()}
    moved, _ = run({n: a + 1e-30j * along[n] for n, a in inputs.items()}, score, **options)
    slope = sum((np.imag(getattr(moved, n)) * d[n]).sum() for n in d) / 1e-30
    got = sum((g * along[n]).sum() for n, g in gradients(inputs, d, score, **options).items())
    np.testing.assert_allclose(got, slope, rtol=1e-9, atol=1e-11)
