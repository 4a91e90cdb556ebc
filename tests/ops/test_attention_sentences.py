"""Attention: every wrong argument gets one sentence that names array, got, expected."""

import numpy as np
import pytest

from scratchnn.ops import attention
from scratchnn.ops.attention import Params, reference


def changed(score="scaled_dot", **changes):
    q, k, v, params = attention.sample(np.random.default_rng(12), score=score)
    return {"q": q, "k": k, "v": v, "params": params, "score": score, **changes}


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (changed(score="cosine"), ValueError,
         "score is 'cosine', expected one of 'dot', 'scaled_dot', 'general', 'additive'"),
        (changed(q=[[1.0]]), TypeError, "q is a list, expected a NumPy array of floats"),
        (changed(q=np.zeros((4, 2))), ValueError, r"q has shape \(4, 2\), expected 3 axes \(B, Q, E_q\)"),
        (changed(q=np.zeros((3, 0, 2))), ValueError, r"q has shape \(3, 0, 2\): Q = 0, expected at least 1"),
        (changed(k=np.zeros((2, 5, 2))), ValueError,
         r"k has shape \(2, 5, 2\), expected \(B, S, E_k\) = \(3, 5, 2\)"),
        (changed(k=np.zeros((3, 0, 2))), ValueError, r"k has shape \(3, 0, 2\): S = 0, expected at least 1"),
        (changed(v=np.zeros((3, 4, 6))), ValueError, r"v has shape \(3, 4, 6\), expected \(B, S, F\) = \(3, 5, 6\)"),
        (changed(v=np.zeros((3, 5, 6), int)), TypeError, "v has dtype int64, expected float32"),
        (changed(k=np.zeros((3, 5, 7))), ValueError,
         "score 'scaled_dot' needs q and k of one width, got E_q = 2 and E_k = 7; 'general' and 'additive' allow"),
        (changed("dot", k=np.zeros((3, 5, 7))), ValueError, "score 'dot' needs q and k of one width"),
        (changed("general", params=None), ValueError, "score 'general' needs params.W_a, got None"),
        (changed("additive", params=Params(W_a=np.zeros((2, 7)))), ValueError,
         "score 'additive' has no parameter W_a, expected None"),
        (changed("additive", params=Params(W_q=np.zeros((2, 8)))), ValueError,
         "score 'additive' needs params.W_k, got None"),
        (changed(params=Params(v_a=np.zeros(8))), ValueError,
         "score 'scaled_dot' has no parameter v_a, expected None"),
        (changed("general", params=Params(W_a=np.zeros((7, 2)))), ValueError,
         r"W_a has shape \(7, 2\), expected \(E_q, E_k\) = \(2, 7\)"),
        (changed("additive", params=Params(W_q=np.zeros((2, 8)), W_k=np.zeros((7, 4)), v_a=np.zeros(8))), ValueError,
         r"W_k has shape \(7, 4\), expected \(E_k, A\) = \(7, 8\)"),
        (changed(mask=np.ones((3, 5), bool)), ValueError,
         r"mask has shape \(3, 5\), expected one that broadcasts to \(3, 4, 5\)"),
        (changed(mask=np.ones((3, 4, 5))), TypeError, "mask has dtype float64, expected bool"),
        (changed(scale=np.inf), ValueError, "scale is inf, expected a finite number"),
        (changed(scale="1"), ValueError, "scale is '1', expected a finite number"),
    ],
)  # fmt: skip
def test_wrong_arguments_get_one_sentence(arguments, error, sentence):
    with pytest.raises(error, match=f"^attention.forward: {sentence}"):
        reference.forward(**arguments)


def test_wrong_upstream_gets_one_sentence():
    q, k, v, params = attention.sample(np.random.default_rng(13), score="general")
    cache = reference.forward(q, k, v, params, score="general")
    good = np.zeros((3, 4, 6))
    with pytest.raises(ValueError, match=r"^attention.backward: dcontext has shape .* \(B, Q, F\) = \(3, 4, 6\)$"):
        reference.backward(np.zeros((3, 5, 6)), cache, params)
    with pytest.raises(ValueError, match=r"^attention.backward: dalpha has shape .* \(B, Q, S\) = \(3, 4, 5\)$"):
        reference.backward(good, cache, params, dalpha=np.zeros((4, 5)))
    with pytest.raises(ValueError, match=r"^attention.backward: score 'general' needs params.W_a, got None$"):
        reference.backward(good, cache)
    with pytest.raises(TypeError, match=r"^attention.backward: dcontext has dtype int64"):
        reference.backward(good.astype(int), cache, params)
    short = reference.forward(q, k, v, params, score="general", need_alpha=False)
    with pytest.raises(ValueError, match=r"^attention.backward: dalpha was given, but forward ran with need_alpha=F"):
        reference.backward(good, short, params, dalpha=np.zeros((3, 4, 5)))
