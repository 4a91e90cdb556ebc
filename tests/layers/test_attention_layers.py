"""Attention, SelfAttention and AttentionPooling: formulas by scalar loops, gradients, masks, PyTorch's numbers."""

from math import exp, sqrt, tanh

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnn.layers import Attention, AttentionPooling, SelfAttention

SCORES = ["dot", "scaled_dot", "general", "additive"]
B, T, H, A = 3, 4, 2, 5
LENGTHS = np.array([2, 4, 1])


def rng(seed=4):
    return np.random.default_rng(seed)


def options(score, **more):
    A_of = {"attention_size": A} if score == "additive" else {}
    return {"score": score, "dtype": np.float64, "rng": rng(), **A_of, **more}


def score_of(params, score, q, k):
    """Write s(q, k) for two vectors with scalar loops."""
    if score in ("dot", "scaled_dot"):
        dot = sum(q[i] * k[i] for i in range(len(q)))
        return dot / sqrt(len(q)) if score == "scaled_dot" else dot
    if score == "general":
        W_a = params["W_a"]
        return sum(q[i] * W_a[i, j] * k[j] for i in range(len(q)) for j in range(len(k)))
    W_q, W_k, v_a = params["W_q"], params["W_k"], params["v_a"]
    hidden = [
        tanh(sum(q[i] * W_q[i, a] for i in range(len(q))) + sum(k[j] * W_k[j, a] for j in range(len(k))))
        for a in range(len(v_a))
    ]
    return sum(v_a[a] * hidden[a] for a in range(len(v_a)))


def article(params, score, h):
    """Write section 3.3 and step 4 of section 3.2 of the article with scalar loops, for one sequence (T, H)."""
    steps, width = h.shape
    e, y = np.zeros((steps, steps)), np.zeros((steps, width))
    for i in range(steps):
        total = sum(exp(score_of(params, score, h[i], h[k])) for k in range(steps))
        for j in range(steps):
            e[i, j] = exp(score_of(params, score, h[i], h[j])) / total
        for f in range(width):
            a_if = sum(e[i, j] * h[j, f] for j in range(steps))
            y[i, f] = h[i, f] + a_if
    return e, y


def params_within(layer):
    return {name.removeprefix("attention."): array for name, array in layer.params.items()}


@pytest.mark.parametrize("score", SCORES)
def test_self_attention_is_the_formula_of_the_article(score):
    layer, h = SelfAttention(H, **options(score)), rng().normal(size=(B, T, H))
    y, cache = layer.forward(h, LENGTHS)
    for b, length in enumerate(LENGTHS):
        e, expected = article(params_within(layer), score, h[b, :length])
        np.testing.assert_allclose(cache.alpha[b, :length, :length], e, rtol=1e-13)
        np.testing.assert_allclose(y[b, :length], expected, rtol=1e-13)
        assert (y[b, length:] == 0).all()
        assert (cache.alpha[b, length:] == 0).all()
        assert (cache.alpha[b, :, length:] == 0).all()


def test_without_the_residual_self_attention_is_the_context_alone():
    h = rng().normal(size=(B, T, H))
    with_own, _ = SelfAttention(H, **options("dot")).forward(h)
    context, _ = SelfAttention(H, **options("dot"), residual=False).forward(h)
    np.testing.assert_allclose(with_own, h + context, rtol=1e-15)


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
@pytest.mark.parametrize("score", SCORES)
def test_self_attention_backward_equals_the_complex_step(check_layer, score, lengths, residual):
    layer = SelfAttention(H, **options(score), residual=residual)

    def forward(inputs):
        y, cache = layer.forward(inputs["h"], lengths)
        return {"y": y}, cache

    def backward(upstream, cache):
        return {"h": layer.backward(upstream["y"], cache)}

    check_layer(layer, forward, backward, {"h": rng().normal(size=(B, T, H))})


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("score", SCORES)
def test_attention_backward_equals_the_complex_step(check_layer, score, causal):
    """The weights alpha are an output too; one query may look at nothing."""
    E_k = H if score in ("dot", "scaled_dot") else H + 1
    layer = Attention(H, E_k, **options(score))
    Q, S, F = 3, 4, 6
    mask = rng(7).random((B, Q, S)) < 0.7
    mask[1, 2] = False
    inputs = {
        "q": rng(1).normal(size=(B, Q, H)),
        "k": rng(2).normal(size=(B, S, E_k)),
        "v": rng(3).normal(size=(B, S, F)),
    }

    def forward(inputs):
        context, cache = layer.forward(inputs["q"], inputs["k"], inputs["v"], mask, causal=causal)
        return {"context": context, "alpha": cache.alpha}, cache

    def backward(upstream, cache):
        dq, dk, dv = layer.backward(upstream["context"], cache, dalpha=upstream["alpha"])
        return {"q": dq, "k": dk, "v": dv}

    check_layer(layer, forward, backward, inputs)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
@pytest.mark.parametrize("query", ["learned", "last", "last_given"])
@pytest.mark.parametrize("score", SCORES)
def test_pooling_backward_equals_the_complex_step(check_layer, score, query, lengths):
    layer = AttentionPooling(H, **options(score), query=query.removesuffix("_given"))
    inputs = {"h": rng(1).normal(size=(B, T, H))}
    if query == "last_given":
        inputs["last"] = rng(2).normal(size=(B, H))

    def forward(inputs):
        y, cache = layer.forward(inputs["h"], lengths, inputs.get("last"))
        return {"y": y}, cache

    def backward(upstream, cache):
        if query == "learned":
            return {"h": layer.backward(upstream["y"], cache)}
        dh, dlast = layer.backward(upstream["y"], cache)
        return {"h": dh} if dlast is None else {"h": dh, "last": dlast}

    check_layer(layer, forward, backward, inputs)


@pytest.mark.parametrize("score", SCORES)
def test_pooling_is_a_weighted_mean_of_the_real_steps(score):
    layer, h = AttentionPooling(H, **options(score)), rng().normal(size=(B, T, H))
    y, cache = layer.forward(h, LENGTHS)
    q = layer.params["q"]
    for b, length in enumerate(LENGTHS):
        weights = [exp(score_of(params_within(layer), score, q, h[b, t])) for t in range(length)]
        alpha = np.array(weights) / sum(weights)
        np.testing.assert_allclose(cache.alpha[b, :length], alpha, rtol=1e-13)
        np.testing.assert_allclose(y[b], sum(alpha[t] * h[b, t] for t in range(length)), rtol=1e-13)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_alpha_sums_to_one_and_is_zero_at_padding(data):
    T = data.draw(st.integers(1, 6), label="T")
    lengths = np.array(data.draw(st.lists(st.integers(1, T), min_size=1, max_size=4), label="lengths"))
    score = data.draw(st.sampled_from(SCORES))
    query = data.draw(st.sampled_from(["learned", "last"]))
    layer = AttentionPooling(H, **options(score), query=query)
    h = 3 * rng().normal(size=(len(lengths), T, H))
    y, cache = layer.forward(h, lengths)
    assert y.shape == (len(lengths), H)
    np.testing.assert_allclose(cache.alpha.sum(axis=1), 1, rtol=0, atol=1e-15 * (T + 2))
    assert ((cache.alpha > 0) == (np.arange(T) < lengths[:, None])).all()
    _, cache = SelfAttention(H, **options(score)).forward(h, lengths)
    np.testing.assert_allclose(cache.alpha.sum(axis=2), np.arange(T) < lengths[:, None], rtol=0, atol=1e-15 * (T + 2))


@pytest.mark.parametrize("garbage", [np.nan, np.inf])
@pytest.mark.parametrize("score", SCORES)
def test_what_stands_at_padding_is_never_read(score, garbage):
    padding = np.arange(T) >= LENGTHS[:, None]
    h, dy = rng(1).normal(size=(B, T, H)), rng(2).normal(size=(B, T, H))
    results = []
    for value in (0.0, garbage):
        h[padding], dy[padding] = value, value
        attention, pooling = SelfAttention(H, **options(score)), AttentionPooling(H, **options(score), query="last")
        y, cache = attention.forward(h, LENGTHS)
        pooled, pooling_cache = pooling.forward(h, LENGTHS)
        dh = attention.backward(dy, cache)
        dh_pooled, _ = pooling.backward(np.ones_like(pooled), pooling_cache)
        results.append([y, dh, pooled, dh_pooled, *attention.grads.values(), *pooling.grads.values()])
    for clean, dirty in zip(*results, strict=True):
        np.testing.assert_array_equal(clean, dirty)
    assert (results[0][1][padding] == 0).all()
    assert (results[0][3][padding] == 0).all()


def test_asking_with_the_last_state_is_the_default_of_query_last():
    layer, h = AttentionPooling(H, **options("general"), query="last"), rng().normal(size=(B, T, H))
    y, _ = layer.forward(h, LENGTHS)
    given, _ = layer.forward(h, LENGTHS, h[np.arange(B), LENGTHS - 1])
    np.testing.assert_array_equal(y, given)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "ragged"])
@pytest.mark.parametrize("score", SCORES)
def test_pooling_with_residual_is_self_attention_read_at_the_last_real_step(score, lengths):
    everywhere, h = SelfAttention(H, **options(score)), rng(1).normal(size=(B, T, H))
    there = AttentionPooling(H, **options(score), query="last", residual=True)
    there.load_state_dict(everywhere.state_dict())
    last = (np.arange(B), T - 1 if lengths is None else lengths - 1)
    (y, cache), (read, read_cache) = everywhere.forward(h, lengths), there.forward(h, lengths)
    np.testing.assert_allclose(read, y[last], rtol=1e-14)
    np.testing.assert_allclose(read_cache.alpha, cache.alpha[last], rtol=1e-14)
    dread = rng(2).normal(size=read.shape)
    dy = np.zeros_like(y)
    dy[last] = dread
    dh, dlast = there.backward(dread, read_cache)
    assert dlast is None
    np.testing.assert_allclose(dh, everywhere.backward(dy, cache), rtol=0, atol=1e-14)
    for name, grad in everywhere.grads.items():
        np.testing.assert_allclose(there.grads[name], grad, rtol=0, atol=1e-13, err_msg=name)


def test_two_interleaved_uses_do_not_meet():
    layer = AttentionPooling(H, **options("additive"))
    h_1, h_2, dy = rng(1).normal(size=(B, T, H)), rng(2).normal(size=(1, 2, H)), np.ones((B, H))
    _, cache = layer.forward(h_1)
    alone = layer.backward(dy, cache)
    total = {name: 2 * grad for name, grad in layer.grads.items()}
    _, cache_2 = layer.forward(h_2)
    layer.backward(dy[:1], cache_2)
    total = {name: grad + (grad - total[name] / 2) for name, grad in layer.grads.items()}
    layer.zero_grad()
    (_, cache_1), (_, cache_2), (_, cache_3) = (layer.forward(h) for h in (h_1, h_2, h_2))
    np.testing.assert_array_equal(layer.backward(dy, cache_1), alone)
    layer.backward(dy[:1], cache_2)
    layer.backward(dy[:1], cache_3)
    for name, grad in layer.grads.items():
        np.testing.assert_allclose(grad, total[name], rtol=0, atol=1e-14)


def shapes_of(layer):
    return {name: array.shape for name, array in layer.params.items()}


def test_parameters_have_the_documented_names_and_shapes():
    general = Attention(2, 3, score="general", rng=rng())
    assert shapes_of(general) == {"W_a": (2, 3)}
    additive = Attention(2, 3, score="additive", attention_size=5, rng=rng())
    assert shapes_of(additive) == {
        "W_q": (2, 5),
        "W_k": (3, 5),
        "v_a": (5,),
    }
    assert Attention(2, 3, score="additive", rng=rng()).params["v_a"].shape == (3,)
    assert Attention(2, 2, score="dot").params == {}
    pooling = AttentionPooling(2, score="general", rng=rng())
    assert list(pooling.params) == ["q", "attention.W_a"]
    assert list(SelfAttention(2, score="general", rng=rng()).params) == ["attention.W_a"]
    assert AttentionPooling(2, score="dot", query="last").params == {}


def test_float32_stays_float32():
    h = rng().normal(size=(B, T, H)).astype(np.float32)
    for layer in (SelfAttention(H, score="additive", rng=rng()), AttentionPooling(H, rng=rng())):
        y, cache = layer.forward(h, LENGTHS)
        dh = layer.backward(y, cache)
        arrays = (y, dh, cache.alpha, *layer.params.values(), *layer.grads.values())
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Attention(2, 2, score="cosine"), r"Attention: score is 'cosine', expected one of 'dot'"),
        (lambda: Attention(2, 3, score="dot"), r"Attention: key_size is 3, expected query_size = 2 with 'dot'"),
        (lambda: Attention(2, 0, score="general", rng=rng()), r"Attention: key_size is 0, expected a whole number"),
        (lambda: AttentionPooling(2, score="dot", residual=True), r"residual is True with query='learned'"),
        (lambda: AttentionPooling(2, query="first"), r"AttentionPooling: query is 'first', expected one"),
        (
            lambda: Attention(2, 2).forward(np.ones((B, T, 3)), np.ones((B, T, 2)), np.ones((B, T, 2))),
            r"Attention.forward: q has shape \(3, 4, 3\), expected \(B, ..., 2\)",
        ),
        (lambda: SelfAttention(2).forward(np.ones((B, T, 3))), r"SelfAttention.forward: h has shape .*\(B, T, H\)"),
        (lambda: SelfAttention(2).forward(np.ones((B, T, 2)), [1, 2, 5]), r"lengths\[2\] is 5, expected 1 to T = 4"),
        (
            lambda: AttentionPooling(2, rng=rng()).forward(np.ones((B, T, 2)), last=np.ones((B, 2))),
            r"AttentionPooling.forward: last was given, expected None with query='learned'",
        ),
        (
            lambda: AttentionPooling(2, rng=rng(), query="last").forward(np.ones((B, T, 2)), last=np.ones((B, 3))),
            r"AttentionPooling.forward: last has shape \(3, 3\), expected \(B, H\) = \(3, 2\)",
        ),
    ],
)  # fmt: skip
def test_wrong_input_gets_one_sentence(call, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        call()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", ["plain", "masked", "causal", "scaled"])
def test_attention_equals_pytorch(case, dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is the peer here and is not installed")
    B, Q, S, E, F = 3, 5, 6, 4, 7
    shapes = ((B, Q, E), (B, S, E), (B, S, F), (B, Q, F))
    q, k, v, dcontext = (rng(i).normal(size=shape).astype(dtype) for i, shape in enumerate(shapes))
    mask = None
    if case == "masked":
        mask = rng(9).random((B, Q, S)) < 0.6
        mask[:, :, 2] = True  # every query sees something: PyTorch's answer to nothing differs between versions
    scale = 0.3 if case == "scaled" else None
    tensors = [torch.tensor(array, requires_grad=True) for array in (q, k, v)]
    theirs = torch.nn.functional.scaled_dot_product_attention(
        *tensors, attn_mask=None if mask is None else torch.tensor(mask), is_causal=case == "causal", scale=scale
    )
    theirs.backward(torch.tensor(dcontext))
    layer = Attention(E, E, score="scaled_dot", scale=scale, dtype=dtype)
    context, cache = layer.forward(q, k, v, mask, causal=case == "causal")
    grads = layer.backward(dcontext, cache)
    # float32: about 2E + 3S + 2F roundings on each path, forward and back; see test_recurrent_parity.bound_of
    bound = 1e-12 if dtype == "float64" else 4 * np.sqrt(2 * (2 * E + 3 * S + 2 * F)) * np.finfo(np.float32).eps
    for ours, peer in zip((context, *grads), (theirs.detach(), *(t.grad for t in tensors)), strict=True):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, peer.numpy(), rtol=0, atol=bound * peer.abs().max().item())
