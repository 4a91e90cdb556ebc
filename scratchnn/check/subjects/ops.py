"""One subject per op and variant: T >= 3, B >= 2, all sizes different, non-zero states, weights of 0.5, float64."""

import numpy as np

from scratchnn import ops
from scratchnn.ops import (
    activations,
    attention,
    cross_entropy,
    dropout,
    embedding,
    gru,
    linear,
    lstm,
    rnn,
    softmax,
)

from ..layout import layout_of
from .problem import Problem, Subject, away_from_zero, normal

T, B, D, H = 3, 2, 4, 5
RAGGED = np.array([[True, True], [False, True], [True, False]])  # (T, B); a gap, and padding at the end
SIZES = f"T={T} B={B} D={D} H={H}"


def _activation(name):
    def make(rng, backend="reference"):
        op = ops.backend(activations, backend)
        return Problem(
            lambda inputs: _outputs(op.forward(inputs["x"], nonlinearity=name), "y"),
            lambda upstream, cache: {"x": op.backward(upstream["y"], cache).x},
            {"x": away_from_zero(rng, B, H)},
        )

    return Subject(f"activations.{name}", f"{name}, elementwise", make, layout_of("activations"))


def _softmax(name, title, mask=None):
    def make(rng, backend="reference"):
        op = ops.backend(softmax, backend)

        def forward(inputs):
            cache = op.forward(inputs["z"], mask)
            return {"p": cache.p}, cache

        def log_forward(inputs):
            cache = op.log_forward(inputs["z"], mask)
            return {"log_p": cache.log_p if mask is None else np.where(mask, cache.log_p, 0)}, cache

        def backward(upstream, cache):
            return {"z": op.backward(upstream["p"], cache).z}

        def log_backward(upstream, cache):
            return {"z": op.log_backward(upstream["log_p"], cache).z}

        passes = (log_forward, log_backward) if name.startswith("log_softmax") else (forward, backward)
        return Problem(*passes, {"z": normal(rng, 3, 5, scale=2.0)})

    return Subject(name, title, make, layout_of("softmax"))


SOME = np.array([[True, False, True, True, False], [False, True, False, False, False], [False] * 5])


def _cross_entropy(name, title, **options):
    def make(rng, backend="reference"):
        op = ops.backend(cross_entropy, backend)
        targets = np.array([[4, 0, 2], [1, -100, 4]]) if name.endswith("ignore") else np.array([[4, 0, 2], [1, 3, 4]])
        given = {"weight": rng.uniform(0.5, 2.0, size=5)} if name.endswith("weighted") else {}

        def forward(inputs):
            cache = op.forward(inputs["logits"], inputs["targets"], **options, **given)
            return {"loss": cache.loss}, cache

        def backward(upstream, cache):
            return {"logits": op.backward(cache, upstream["loss"]).logits}

        return Problem(forward, backward, {"logits": normal(rng, 2, 3, 5, scale=2.0), "targets": targets})

    return Subject(f"cross_entropy.{name}", title, make, layout_of("cross_entropy"))


def _linear(bias):
    def make(rng, backend="reference"):
        op = ops.backend(linear, backend)

        def params(inputs):
            return linear.Params(inputs["W"], inputs.get("b"))

        def forward(inputs):
            cache = op.forward(inputs["x"], params(inputs))
            return {"y": cache.y}, (cache, params(inputs))

        def backward(upstream, kept):
            return _named(op.backward(upstream["y"], *kept))

        inputs = {"x": normal(rng, T, B, D, scale=1.0), "W": normal(rng, D, H)}
        return Problem(forward, backward, inputs | ({"b": normal(rng, H)} if bias else {}))

    words = "with" if bias else "without"
    return Subject(f"linear.{'bias' if bias else 'no_bias'}", f"Linear map {words} bias", make, layout_of("linear"))


def _embedding(padding_id):
    def make(rng, backend="reference"):
        op = ops.backend(embedding, backend)

        def forward(inputs):
            params = embedding.Params(inputs["W"])
            cache = op.forward(inputs["ids"], params, padding_id=padding_id)
            return {"y": cache.y}, (cache, params)

        def backward(upstream, kept):
            return _named(op.backward(upstream["y"], *kept))

        ids = np.array([[5, 2], [0, 2], [2, 0]])  # (T, B): 2 three times, 1, 3, 4 never
        return Problem(forward, backward, {"ids": ids, "W": normal(rng, 6, D)})

    name = "plain" if padding_id is None else "padding"
    title = f"Embedding, repeated ids{'' if padding_id is None else ', a padding id'}"
    return Subject(f"embedding.{name}", title, make, layout_of("embedding"))


def _dropout(per):
    def make(rng, backend="reference"):
        op = ops.backend(dropout, backend)
        mask = rng.random(size=(T if per == "step" else 1, B, D)) < 0.6
        mask[0, 0, :2] = (True, False)  # whatever was drawn, something is kept and something dropped

        def forward(inputs):
            return _outputs(op.forward(inputs["x"], 0.4, mask=mask), "y")

        def backward(upstream, cache):
            return _named(op.backward(upstream["y"], cache))

        return Problem(forward, backward, {"x": normal(rng, T, B, D, scale=1.0)})

    return Subject(f"dropout.{per}", f"Dropout, one mask per {per}", make, layout_of("dropout"))


def _recurrent(room, name, title, states=("h0",), mask=None, **options):
    """Make a subject of a recurrent op; padding, where there is any, holds NaN and infinity."""

    def make(rng, backend="reference"):
        op = ops.backend(room, backend)

        def forward(inputs):
            params = room.Params(*(inputs[field] for field in room.Params._fields))
            initial = [inputs[state] for state in states]
            cache = op.forward(inputs["x"], *initial, params, mask, **options)
            outputs = {"h": cache.h[1:]}
            return outputs | ({"c_last": cache.c[-1]} if "c0" in states else {}), (cache, params)

        def backward(upstream, kept):
            final = [upstream["c_last"]] if "c0" in states else []
            return _named(op.backward(upstream["h"], *final, *kept))

        for _ in range(1000):
            x, *initial, params = room.sample(rng, T=T, B=B, D=D, H=H)
            inputs = {"x": x, **dict(zip(states, initial, strict=True)), **params._asdict()}
            kink = options.get("nonlinearity") == "relu"
            if not kink or np.min(np.abs(room.reference.forward(x, *initial, params, mask, **options).a)) > 0.05:
                break
        else:
            raise RuntimeError("no draw kept clear of the kink of relu")
        if mask is not None:
            x[~mask] = np.nan
            x[~mask, 0] = np.inf
        return Problem(forward, backward, inputs)

    return Subject(name, f"{title}, {SIZES}", make, layout_of(name.partition(".")[0]))


Q, S, E, E_K, F, A = 3, 5, 4, 6, 7, 8
LOOK = np.ones((B, Q, S), dtype=bool)
LOOK[0, :, 3:] = False  # a short sequence
LOOK[1, 1, :] = False  # a query that may look at nothing
LOOK[1, 2, ::2] = False


def _attention(score, variant="plain", title="", mask=None, alpha=True, **options):
    def make(rng, backend="reference"):
        op = ops.backend(attention, backend)
        width = E_K if score in ("general", "additive") else E
        shapes = {"q": (B, Q, E), "k": (B, S, width), "v": (B, S, F)}
        inputs = {name: normal(rng, *shape, scale=1.0) for name, shape in shapes.items()}
        weights = {"general": {"W_a": (E, width)}, "additive": {"W_q": (E, A), "W_k": (width, A), "v_a": (A,)}}
        inputs |= {name: normal(rng, *shape) for name, shape in weights.get(score, {}).items()}

        def forward(inputs):
            params = attention.Params(**{name: inputs[name] for name in weights[score]}) if score in weights else None
            qkv = (inputs["q"], inputs["k"], inputs["v"])
            cache = op.forward(*qkv, params, score=score, mask=mask, need_alpha=alpha, **options)
            outputs = {"context": cache.context}
            return outputs | ({"alpha": cache.alpha} if alpha else {}), (cache, params)

        def backward(upstream, kept):
            return _named(op.backward(upstream["context"], *kept, dalpha=upstream.get("alpha")))

        return Problem(forward, backward, inputs)

    sizes = f"B={B} Q={Q} S={S} E={E} F={F}"
    words = f"Attention, score {score}{title}, {sizes}"
    return Subject(f"attention.{score}.{variant}", words, make, layout_of("attention"))


def _article():
    """Make the article's composition: section 3.3, a_i = sum_j e_ij h_j, added to the position's own state."""

    def make(rng, backend="reference"):
        op = ops.backend(attention, backend)

        def forward(inputs):
            h = inputs["h"]
            cache = op.forward(h, h, h, score="dot")
            return {"y": h + cache.context, "alpha": cache.alpha}, cache

        def backward(upstream, cache):
            g = op.backward(upstream["y"], cache, dalpha=upstream["alpha"])
            return {"h": upstream["y"] + g.q + g.k + g.v}

        return Problem(forward, backward, {"h": normal(rng, B, T, H, scale=1.0)})

    title = "The article's self-attention, y_i = h_i + sum_j e_ij h_j"
    return Subject("attention.article", title, make, layout_of("attention"))


def _outputs(cache, *fields):
    return {field: getattr(cache, field) for field in fields}, cache


def _named(grads):
    return {name: grad for name, grad in grads._asdict().items() if grad is not None}


SUBJECTS = (
    *(_activation(name) for name in activations.reference.FUNCTIONS),
    _softmax("softmax.plain", "Softmax"),
    _softmax("softmax.masked", "Softmax, masked, one row fully", SOME),
    _softmax("log_softmax.plain", "Log-softmax"),
    _softmax("log_softmax.masked", "Log-softmax, masked, one row fully", SOME),
    _cross_entropy("mean", "Cross-entropy, mean"),
    _cross_entropy("weighted", "Cross-entropy, class weights, smoothed", label_smoothing=0.1),
    _cross_entropy("ignore", "Cross-entropy, an ignored target"),
    _cross_entropy("none", "Cross-entropy of each target", reduction="none"),
    _cross_entropy("masked", "Cross-entropy, sum, masked", reduction="sum", mask=RAGGED.T),
    _linear(bias=True),
    _linear(bias=False),
    _embedding(None),
    _embedding(0),
    _dropout("step"),
    _dropout("sequence"),
    _recurrent(rnn, "rnn.tanh", "RNN, tanh", nonlinearity="tanh"),
    _recurrent(rnn, "rnn.relu", "RNN, relu", nonlinearity="relu"),
    _recurrent(rnn, "rnn.identity", "RNN, linear", nonlinearity="identity"),
    _recurrent(rnn, "rnn.masked", "RNN, padding in the middle and at the end", mask=RAGGED),
    _recurrent(lstm, "lstm.plain", "LSTM", ("h0", "c0")),
    _recurrent(lstm, "lstm.masked", "LSTM, padding in the middle and at the end", ("h0", "c0"), RAGGED),
    _recurrent(gru, "gru.plain", "GRU"),
    _recurrent(gru, "gru.masked", "GRU, padding in the middle and at the end", mask=RAGGED),
    *(_attention(score) for score in ("dot", "scaled_dot", "general", "additive")),
    *(_attention(score, "masked", ", masked", LOOK) for score in ("dot", "scaled_dot", "general", "additive")),
    _attention("scaled_dot", "causal", ", causal", causal=True),
    _attention("additive", "causal", ", causal and masked", LOOK, causal=True),
    _attention("scaled_dot", "scale", ", scale given", scale=0.7),
    _attention("additive", "without_alpha", ", weights recomputed", LOOK, alpha=False),
    _article(),
)
