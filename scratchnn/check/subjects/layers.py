"""Layers as subjects: stacked, in both directions, ragged; parameters are inputs like any other."""

import numpy as np

from scratchnn import arrays, layers

from ..layout import layout_of
from .problem import Problem, Subject, normal

T, B, D, H = 3, 4, 5, 2
LENGTHS = np.array([3, 1, 2, 3])
DRAWS = 7  # seeds the Generator that a layer in training draws its dropout from


def of_layer(layer, inputs, rng, call, undo, scale=0.5):
    """Make a problem of a layer, its parameters drawn anew.

    Parameters
    ----------
    layer : Layer
    inputs : dict of str to array
        What it is applied to.
    rng : numpy.random.Generator
        Draws the parameters.
    call : function
        ``call(inputs) -> (outputs, cache)``.
    undo : function
        ``undo(upstream, cache) -> grads`` of the inputs; those of the parameters are read from the layer.
    scale : float
        Standard deviation of the parameters.

    Returns
    -------
    Problem
    """

    def forward(given):
        params = {name: given[name] for name in layer.params}
        (layer.load_state_dict if layer.on_device else layer.set_params)(params)
        return call(given)

    def backward(upstream, cache):
        layer.zero_grad()
        grads = undo(upstream, cache)
        return grads | {name: arrays.copy(grad) for name, grad in layer.grads.items()}

    params = {name: normal(rng, *array.shape, scale=scale) for name, array in layer.params.items()}
    return Problem(forward, backward, inputs | params)


def _recurrent(kind, name, title, ragged=True, **options):
    def make(rng, backend="reference"):
        layer = getattr(layers, kind)(D, H, backend=backend, rng=rng, dtype=np.float64, **options)
        pair = kind == "LSTM"
        rows = layer.num_layers * layer.directions
        shape = (B, T, D) if layer.batch_first else (T, B, D)
        inputs = {"x": normal(rng, *shape, scale=1.0), "h_0": normal(rng, rows, B, H)}
        inputs |= {"c_0": normal(rng, rows, B, H)} if pair else {}
        lengths = LENGTHS if ragged else None

        def call(given):
            state = (given["h_0"], given["c_0"]) if pair else given["h_0"]
            draws = np.random.default_rng(DRAWS) if layer.dropout else None
            y, cache = layer.forward(given["x"], state, lengths=lengths, rng=draws)
            h_n, *c_n = cache.state if pair else (cache.state,)
            return {"y": y, "h_n": h_n} | ({"c_n": c_n[0]} if pair else {}), cache

        def undo(upstream, cache):
            dstate = (upstream["h_n"], upstream["c_n"]) if pair else upstream["h_n"]
            dx, dstate0 = layer.backward(upstream["y"], cache, dstate, with_state=True)
            dh_0, *dc_0 = dstate0 if pair else (dstate0,)
            return {"x": dx, "h_0": dh_0} | ({"c_0": dc_0[0]} if pair else {})

        return of_layer(layer, inputs, rng, call, undo)

    layout = layout_of(kind.lower(), batch_first=options.get("batch_first", False))
    return Subject(f"layers.{name}", title, make, layout)


def _embedding():
    def make(rng, backend="reference"):
        layer = layers.Embedding(6, D, padding_idx=0, backend=backend, rng=rng, dtype=np.float64)
        ids = np.array([[5, 2, 2], [3, 0, 0], [2, 5, 0], [1, 2, 4]])

        def undo(upstream, cache):
            layer.backward(upstream["y"], cache)
            return {}

        return of_layer(layer, {"ids": ids}, rng, lambda given: _output(layer.forward(given["ids"])), undo)

    return Subject("layers.embedding", "Embedding layer with padding", make, layout_of("embedding"))


def _linear():
    def make(rng, backend="reference"):
        layer = layers.Linear(D, H, backend=backend, rng=rng, dtype=np.float64)
        inputs = {"x": normal(rng, B, D, scale=1.0)}

        def undo(upstream, cache):
            return {"x": layer.backward(upstream["y"], cache)}

        return of_layer(layer, inputs, rng, lambda given: _output(layer.forward(given["x"])), undo)

    return Subject("layers.linear", "Linear layer", make, layout_of("linear"))


def _attention():
    def make(rng, backend="reference"):
        layer = layers.Attention(4, 5, score="additive", attention_size=6, backend=backend, rng=rng, dtype=np.float64)
        shapes = {"q": (2, 3, 4), "k": (2, 7, 5), "v": (2, 7, 1)}
        inputs = {name: normal(rng, *shape, scale=1.0) for name, shape in shapes.items()}
        mask = np.ones((2, 1, 7), dtype=bool)
        mask[1, :, 4:] = False

        def call(given):
            context, cache = layer.forward(given["q"], given["k"], given["v"], mask)
            return {"context": context, "alpha": cache.alpha}, cache

        def undo(upstream, cache):
            dq, dk, dv = layer.backward(upstream["context"], cache, upstream["alpha"])
            return {"q": dq, "k": dk, "v": dv}

        return of_layer(layer, inputs, rng, call, undo)

    return Subject("layers.attention", "Attention layer, additive, masked", make, layout_of("attention"))


def _self_attention():
    def make(rng, backend="reference"):
        layer = layers.SelfAttention(D, score="general", backend=backend, rng=rng, dtype=np.float64)
        inputs = {"h": normal(rng, B, T, D, scale=1.0)}

        def undo(upstream, cache):
            return {"h": layer.backward(upstream["y"], cache)}

        return of_layer(layer, inputs, rng, lambda given: _output(layer.forward(given["h"], LENGTHS)), undo)

    return Subject(
        "layers.self_attention", "The article's self-attention, general score, ragged", make, layout_of("attention")
    )


def _pooling(query, score):
    def make(rng, backend="reference"):
        layer = layers.AttentionPooling(
            D, score=score, attention_size=2, query=query, backend=backend, rng=rng, dtype=np.float64
        )
        inputs = {"h": normal(rng, B, T, D, scale=1.0)}
        inputs |= {"last": normal(rng, B, D)} if query == "last" else {}

        def undo(upstream, cache):
            dh = layer.backward(upstream["y"], cache)
            return {"h": dh} if query == "learned" else dict(zip(("h", "last"), dh, strict=True))

        def call(given):
            return _output(layer.forward(given["h"], LENGTHS, given.get("last")))

        return of_layer(layer, inputs, rng, call, undo)

    title = f"Attention pooling, query {query}, {score} score, ragged"
    return Subject(f"layers.pooling_{query}", title, make, layout_of("attention"))


def _output(result):
    y, cache = result
    return {"y": y}, cache


STACKED = {"num_layers": 2, "bidirectional": True}

SUBJECTS = (
    _recurrent("LSTM", "lstm", "LSTM, 2 layers, ragged, states in and out", num_layers=2),
    _recurrent("GRU", "gru", "GRU, both directions, ragged, batch first", bidirectional=True, batch_first=True),
    _recurrent("RNN", "rnn", "RNN, 2 layers, both directions, ragged, dropout between", dropout=0.3, **STACKED),
    _recurrent("GRU", "gru_no_bias", "GRU, 2 layers, no bias", ragged=False, num_layers=2, bias=False),
    _embedding(),
    _linear(),
    _attention(),
    _self_attention(),
    _pooling("learned", "additive"),
    _pooling("last", "scaled_dot"),
)
