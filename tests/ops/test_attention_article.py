"""The article's own attention, y_i = h_i + sum_j e_ij h_j, as a composition of the op; the equation sheet."""

import math

import numpy as np
import pytest

from scratchnn.ops import attention
from scratchnn.ops.attention import Params, equations, reference

SCORES = reference.SCORES


def test_the_article_by_hand():
    """h = (0, 1), s the product: e of position 1 is (1, 1)/2, of position 2 (1, e)/(1 + e); y = h + e @ h."""
    h = np.array([[[0.0], [1.0]]])
    cache = reference.forward(h, h, h, score="dot")
    look = math.e / (1 + math.e)
    np.testing.assert_allclose(cache.alpha, [[[1 / 2, 1 / 2], [1 - look, look]]], rtol=1e-14)
    np.testing.assert_allclose(h + cache.context, [[[1 / 2], [1 + look]]], rtol=1e-14)


def test_the_article_stands_in_the_equations():
    assert [e.node for e in equations.ARTICLE] == ["e_ij", "a_i", "y_i"]
    assert equations.ARTICLE[0].number == equations.BACKWARD[-1].number + 1
    assert all("article" in e.source for e in equations.ARTICLE)


def test_every_score_lists_its_equations():
    """The lists name existing equations, cover all of them, and a backward undoes only what its forward did."""
    sheet = {e.number: e for e in (*equations.FORWARD, *equations.BACKWARD)}
    assert tuple(equations.SCORES) == SCORES
    used = {n for lists in equations.SCORES.values() for n in (*lists["forward"], *lists["backward"])}
    assert used == set(sheet)
    for lists in equations.SCORES.values():
        undone = {n for number in lists["backward"] for n in sheet[number].undoes}
        assert undone == set(lists["forward"])


@pytest.mark.parametrize("score", SCORES)
def test_backward(compare, score):
    """q = k = v = h, and h is added to the context: dh is the sum over all four uses of h."""
    h, _, _, params = attention.sample(np.random.default_rng(5), score=score, B=2, Q=4, E_q=3, E_k=3, A=5)
    weights = {n: getattr(params, n) for n in reference.NEEDS[score]}

    def forward(i):
        params = Params(**{n: i[n] for n in weights}) if weights else None
        return reference.forward(i["h"], i["h"], i["h"], params, score=score), params

    def gradients(i, d):
        cache, params = forward(i)
        g = reference.backward(d["y"], cache, params)
        return {"h": d["y"] + g.q + g.k + g.v, **{n: getattr(g, n) for n in weights}}

    compare(lambda i: {"y": i["h"] + forward(i)[0].context}, gradients, {"h": h, **weights})
