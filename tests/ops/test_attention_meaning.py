"""What attention promises: masks, causality, order, extremes, and a cache without alpha."""

import math

import numpy as np
import pytest

from scratchnn.ops import attention
from scratchnn.ops.attention import reference

SCORES = reference.SCORES


def problem(score, seed, **sizes):
    """Draw a problem and an upstream gradient; give two functions that run it with other arguments or options."""
    rng = np.random.default_rng(seed)
    names = ("q", "k", "v")
    *drawn, params = attention.sample(rng, score=score, **sizes)
    inputs = dict(zip(names, drawn, strict=True))
    dcontext = rng.normal(size=(*inputs["q"].shape[:2], inputs["v"].shape[2]))

    def forward(**changes):
        given = {**inputs, **{n: changes.pop(n) for n in names if n in changes}}
        return reference.forward(**given, params=params, score=score, **changes)

    def backward(cache, dcontext=dcontext, dalpha=None):
        return reference.backward(dcontext, cache, params, dalpha=dalpha)

    return inputs, forward, backward, rng


def present(grads):
    return {n: g for n, g in grads._asdict().items() if g is not None}


def assert_same(one, other, atol=0.0):
    """Compare the gradients of two runs: bit for bit unless a tolerance is given."""
    assert sorted(present(one)) == sorted(present(other))
    for n, g in present(one).items():
        np.testing.assert_allclose(present(other)[n], g, rtol=0, atol=atol, err_msg=n)


@pytest.mark.parametrize("score", SCORES)
def test_a_score_has_the_gradients_of_its_parameters(score):
    _, forward, backward, _ = problem(score, 0)
    expected = {"q", "k", "v", *reference.NEEDS[score]}
    assert set(present(backward(forward()))) == expected


@pytest.mark.parametrize("score", SCORES)
def test_weights_are_positive_and_sum_to_one(score):
    _, forward, _, _ = problem(score, 1)
    alpha = forward().alpha
    assert (alpha > 0).all()
    np.testing.assert_allclose(alpha.sum(axis=-1), 1, rtol=1e-15)


def test_scaled_dot_is_dot_with_a_scale():
    inputs, forward, _, _ = problem("scaled_dot", 2, E_q=4)
    scaled = forward()
    assert scaled.scale == 1 / 2
    plain = reference.forward(**inputs, score="dot", scale=0.5)
    np.testing.assert_array_equal(plain.context, scaled.context)
    np.testing.assert_allclose(scaled.scores, reference.forward(**inputs, score="dot").scores / 2, rtol=1e-15)


def test_general_with_the_identity_is_dot():
    q, k, v, _ = attention.sample(np.random.default_rng(3), E_q=3)
    general = reference.forward(q, k, v, attention.Params(W_a=np.eye(3)), score="general")
    np.testing.assert_allclose(general.context, reference.forward(q, k, v, score="dot").context, rtol=0, atol=1e-15)


@pytest.mark.parametrize("score", SCORES)
def test_moving_keys_and_values_together_changes_nothing(score):
    inputs, forward, backward, rng = problem(score, 4)
    order = np.array([3, 0, 4, 1, 2])
    mask = rng.random(size=(3, 4, 5)) < 0.7
    cache = forward(mask=mask)
    moved = forward(k=inputs["k"][:, order], v=inputs["v"][:, order], mask=mask[:, :, order])
    np.testing.assert_allclose(moved.context, cache.context, rtol=0, atol=1e-14)
    np.testing.assert_allclose(moved.alpha, cache.alpha[:, :, order], rtol=1e-14)
    grads, moved_grads = backward(cache), backward(moved)
    back = np.argsort(order)
    moved_grads = moved_grads._replace(k=moved_grads.k[:, back], v=moved_grads.v[:, back])
    assert_same(grads, moved_grads, atol=1e-13)


@pytest.mark.parametrize("score", SCORES)
def test_queries_do_not_see_each_other(score):
    inputs, forward, _, _ = problem(score, 5)
    whole = forward()
    for i in range(4):
        alone = forward(q=inputs["q"][:, i : i + 1])
        np.testing.assert_allclose(alone.context[:, 0], whole.context[:, i], rtol=0, atol=1e-14)


@pytest.mark.parametrize("score", SCORES)
def test_sequences_of_a_batch_do_not_see_each_other(score):
    inputs, forward, _, _ = problem(score, 6)
    whole = forward()
    for b in range(3):
        alone = forward(**{n: a[b : b + 1] for n, a in inputs.items()})
        np.testing.assert_allclose(alone.context[0], whole.context[b], rtol=0, atol=1e-14)


@pytest.mark.parametrize("score", SCORES)
def test_one_source_is_copied(score):
    """alpha = 1 whatever the score, so context = v, dv = the sum of dcontext, and the score gets no gradient."""
    inputs, forward, backward, _ = problem(score, 7, S=1)
    cache = forward()
    np.testing.assert_array_equal(cache.alpha, 1)
    np.testing.assert_array_equal(cache.context, np.broadcast_to(inputs["v"], cache.context.shape))
    grads = present(backward(cache, np.ones((3, 4, 6))))
    np.testing.assert_array_equal(grads.pop("v"), 4)
    for n, g in grads.items():
        np.testing.assert_array_equal(g, 0, err_msg=n)


@pytest.mark.parametrize("score", SCORES)
def test_equal_keys_give_the_mean(score):
    inputs, forward, _, _ = problem(score, 8)
    cache = forward(k=np.repeat(inputs["k"][:, :1], 5, axis=1))
    np.testing.assert_allclose(cache.context, np.repeat(inputs["v"].mean(axis=1)[:, None], 4, axis=1), atol=1e-15)


# masks


@pytest.mark.parametrize("sizes", [{"Q": 4, "S": 5}, {"Q": 5, "S": 3}, {"Q": 4, "S": 4}], ids=str)
@pytest.mark.parametrize("score", SCORES)
def test_causal_is_a_mask(score, sizes):
    _, forward, backward, rng = problem(score, 9, **sizes)
    Q, S = sizes["Q"], sizes["S"]
    past = np.array([[j <= i for j in range(S)] for i in range(Q)])
    other = rng.random(size=(3, 1, S)) < 0.7
    for causal, masked in (
        (forward(causal=True), forward(mask=past)),
        (forward(causal=True, mask=other), forward(mask=past & other)),
    ):
        np.testing.assert_array_equal(causal.context, masked.context)
        assert_same(backward(causal), backward(masked))


@pytest.mark.parametrize("score", SCORES)
def test_the_past_does_not_depend_on_the_future(score):
    inputs, forward, _, rng = problem(score, 10, Q=5, S=5)
    later = {n: np.concatenate([a[:, :3], rng.normal(size=a[:, 3:].shape)], axis=1) for n, a in inputs.items()}
    now, other = forward(causal=True), forward(**later, causal=True)
    np.testing.assert_allclose(other.context[:, :3], now.context[:, :3], rtol=0, atol=1e-14)
    assert (np.abs(other.context[:, 3:] - now.context[:, 3:]) > 1e-3).any()


@pytest.mark.parametrize("score", SCORES)
def test_a_masked_source_is_an_absent_one(score):
    inputs, forward, backward, _ = problem(score, 11)
    here = np.array([True, False, True, True, False])
    whole, short = forward(mask=here), forward(k=inputs["k"][:, here], v=inputs["v"][:, here])
    np.testing.assert_allclose(whole.context, short.context, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(whole.alpha[:, :, ~here], 0)
    grads = backward(whole)
    for n in ("k", "v"):
        np.testing.assert_array_equal(getattr(grads, n)[:, ~here], 0)
    assert_same(grads._replace(k=grads.k[:, here], v=grads.v[:, here]), backward(short), atol=1e-13)


@pytest.mark.parametrize("score", SCORES)
def test_masks_broadcast(score):
    _, forward, backward, rng = problem(score, 12)
    for shape in ((5,), (4, 5), (3, 1, 5), (1, 4, 1), (1, 1, 1), (3, 4, 5)):
        mask = rng.random(size=shape) < 0.6
        small, full = forward(mask=mask), forward(mask=np.array(np.broadcast_to(mask, (3, 4, 5))))
        np.testing.assert_array_equal(small.alpha, full.alpha)
        assert_same(backward(small), backward(full))


@pytest.mark.parametrize("score", SCORES)
def test_a_query_without_any_source(score):
    """alpha, context and its own gradient are 0, and it adds nothing to the others'."""
    inputs, forward, backward, rng = problem(score, 13)
    mask = np.ones((3, 4, 5), dtype=bool)
    mask[:, 2] = False
    d = rng.normal(size=(3, 4, 6))
    dalpha = rng.normal(size=(3, 4, 5))
    cache = forward(mask=mask)
    np.testing.assert_array_equal(cache.alpha[:, 2], 0)
    np.testing.assert_array_equal(cache.context[:, 2], 0)
    grads = backward(cache, d, dalpha)
    np.testing.assert_array_equal(grads.q[:, 2], 0)
    rest = [0, 1, 3]
    short = backward(forward(q=inputs["q"][:, rest]), d[:, rest], dalpha[:, rest])
    assert_same(grads._replace(q=grads.q[:, rest]), short, atol=1e-13)


@pytest.mark.parametrize("need_alpha", [True, False])
@pytest.mark.parametrize("score", SCORES)
def test_when_nobody_sees_anything_all_is_zero(score, need_alpha):
    _, forward, backward, _ = problem(score, 14)
    cache = forward(mask=np.zeros((3, 1, 1), dtype=bool), need_alpha=need_alpha)
    np.testing.assert_array_equal(cache.context, 0)
    for n, g in present(backward(cache)).items():
        np.testing.assert_array_equal(g, 0, err_msg=n)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("need_alpha", [True, False])
@pytest.mark.parametrize("score", SCORES)
def test_padding_cannot_leak(score, need_alpha, garbage):
    """Padded sources, padded queries and the upstream gradient at padded queries: not one bit may come through."""
    inputs, forward, backward, rng = problem(score, 15)
    sources = np.arange(5) < np.array([5, 2, 3])[:, None]
    queries = np.arange(4) < np.array([1, 4, 2])[:, None]
    mask = queries[:, :, None] & sources[:, None, :]
    d = rng.normal(size=(3, 4, 6))
    dalpha = rng.normal(size=(3, 4, 5)) if need_alpha else None

    def dirty(array, here):
        return np.where(here, array, garbage)

    clean = forward(mask=mask, need_alpha=need_alpha)
    cache = forward(
        q=dirty(inputs["q"], queries[:, :, None]),
        k=dirty(inputs["k"], sources[:, :, None]),
        v=dirty(inputs["v"], sources[:, :, None]),
        mask=mask,
        need_alpha=need_alpha,
    )
    assert np.isfinite(cache.context).all()
    np.testing.assert_array_equal(cache.context, clean.context)
    if need_alpha:
        np.testing.assert_array_equal(cache.alpha, clean.alpha)
    grads = backward(cache, dirty(d, queries[:, :, None]), dirty(dalpha, mask) if need_alpha else None)
    assert_same(backward(clean, d, dalpha), grads)
    assert all(np.isfinite(g).all() for g in present(grads).values())


@pytest.mark.parametrize("score", SCORES)
def test_sources_beyond_the_causal_reach_cannot_leak(score):
    """Three queries reach three sources; what stands at the fourth and fifth is never read."""
    inputs, forward, backward, _ = problem(score, 16, Q=3)
    dirty = {n: np.array(inputs[n]) for n in ("k", "v")}
    for array in dirty.values():
        array[:, 3:] = np.nan
    clean, cache = forward(causal=True), forward(**dirty, causal=True)
    np.testing.assert_array_equal(cache.context, clean.context)
    assert_same(backward(clean), backward(cache))


@pytest.mark.parametrize("score", SCORES)
def test_a_nan_that_counts_stays_in_its_sequence(score):
    """A NaN in a source that some query sees is loud; alpha of a masked pair stays 0, other sequences stay finite."""
    inputs, forward, backward, _ = problem(score, 17)
    mask = np.ones((3, 4, 5), dtype=bool)
    mask[1, 0, 2] = False
    k, v = inputs["k"].copy(), inputs["v"].copy()
    k[1, 2] = v[1, 2] = np.nan
    clean, cache = forward(mask=mask), forward(k=k, v=v, mask=mask)
    assert np.isnan(cache.context[1, 1:]).all()
    assert cache.alpha[1, 0, 2] == 0
    np.testing.assert_allclose(cache.alpha[1, 0], clean.alpha[1, 0], rtol=1e-14)
    others = [0, 2]
    np.testing.assert_array_equal(cache.context[others], clean.context[others])
    grads, clean_grads = backward(cache), backward(clean)
    for n in ("q", "k", "v"):
        np.testing.assert_array_equal(getattr(grads, n)[others], getattr(clean_grads, n)[others])


# extremes


@pytest.mark.parametrize("score", ["dot", "scaled_dot", "general"])
def test_huge_scores_do_not_overflow(score):
    """Scores of the order of 1e4 to 1e6: the best source gets everything."""
    inputs, forward, backward, _ = problem(score, 18)
    cache = forward(q=1e3 * inputs["q"], k=1e3 * inputs["k"])
    assert 1e4 < np.abs(cache.scores).max() < 1e8
    assert np.isfinite(cache.context).all()
    best = np.argmax(cache.scores, axis=-1)
    np.testing.assert_array_equal(np.argmax(cache.alpha, axis=-1), best)
    assert (cache.alpha.max(axis=-1) > 0.999).mean() > 0.9
    assert all(np.isfinite(g).all() for g in present(backward(cache)).values())


def test_a_saturated_additive_score_is_bounded():
    """|scores| is at most the sum of |v_a|, however large q and k; at saturation no gradient reaches them."""
    q, k, v, params = attention.sample(np.random.default_rng(19), score="additive")
    cache = reference.forward(1e6 * q, 1e6 * k, v, params, score="additive")
    assert np.abs(cache.scores).max() <= np.abs(params.v_a).sum() * (1 + 1e-14)
    grads = reference.backward(np.ones((3, 4, 6)), cache, params)
    np.testing.assert_array_equal(grads.q, 0)
    np.testing.assert_array_equal(grads.k, 0)


def test_a_score_of_minus_infinity_is_weight_zero():
    """Source 2 has the key -inf, so its score is -inf: alpha 0 by itself, without a mask."""
    q, v = np.ones((1, 1, 1)), np.array([[[4.0], [8.0], [100.0]]])
    k = np.array([[[0.0], [math.log(3)], [-np.inf]]])
    cache = reference.forward(q, k, v, score="dot")
    np.testing.assert_allclose(cache.alpha, [[[1 / 4, 3 / 4, 0]]], rtol=1e-14)
    np.testing.assert_allclose(cache.context, [[[7]]], rtol=1e-14)


# need_alpha


@pytest.mark.parametrize("score", SCORES)
def test_without_alpha_nothing_changes(score):
    _, forward, backward, rng = problem(score, 20)
    for options in ({}, {"causal": True}, {"mask": rng.random(size=(3, 4, 5)) < 0.5, "scale": 0.4}):
        kept, recomputed = forward(**options), forward(**options, need_alpha=False)
        np.testing.assert_array_equal(recomputed.context, kept.context)
        assert_same(backward(kept), backward(recomputed))


@pytest.mark.parametrize("score", SCORES)
def test_without_alpha_the_cache_holds_nothing_of_size_q_times_s(score):
    sizes = {"B": 2, "Q": 30, "S": 40, "E_q": 2, "E_k": 2, "F": 3, "A": 3}
    _, forward, _, _ = problem(score, 21, **sizes)

    def largest(cache):
        return max(a.size for a in cache if isinstance(a, np.ndarray))

    assert largest(forward()) >= 2 * 30 * 40
    short = forward(mask=np.ones((2, 1, 40), dtype=bool), causal=True, need_alpha=False)
    assert largest(short) <= 2 * 40 * 3
    assert short.scores is None
    assert short.alpha is None
