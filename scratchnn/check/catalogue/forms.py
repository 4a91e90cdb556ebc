"""The forms in which an op can be checked, at any sizes: what the weak regimes make weaker.

A form is like a subject of ``scratchnn check``, only that sizes, the size of the weights and the initial states are
chosen from outside, and that ``forward`` and ``backward`` take the module that computes.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from scratchnn import ops

Arrays = dict[str, Any]
SIZES = {"T": 3, "B": 2, "D": 4, "H": 5, "N": 6, "V": 6, "C": 5, "Q": 3, "S": 5, "E": 4, "E_k": 6, "F": 7, "A": 8}
WIDTHS = ("D", "H", "N", "E", "E_k", "F", "A")


class Form(NamedTuple):
    """One op in one variant.

    ``draw(rng, sizes, scale, states) -> inputs``: ``scale`` is the size of weights, ``states`` that of the initial
    states. ``forward(module, inputs) -> (outputs, kept)``, ``backward(module, upstream, kept) -> grads``.
    """

    name: str
    op: str
    draw: Callable[..., Arrays]
    forward: Callable[[ModuleType, Arrays], tuple[Arrays, Any]]
    backward: Callable[[ModuleType, Arrays, Any], Arrays]


def _recurrent(room, variant, ragged=False, **options):
    op = getattr(ops, room)
    states = ("h0", "c0") if room == "lstm" else ("h0",)

    def draw(rng, sizes, scale, initial):
        T, B = sizes["T"], sizes["B"]
        x, *starts, params = op.sample(rng, **{size: sizes[size] for size in "TBDH"})
        inputs = {"x": x, **{name: initial * start / 0.5 for name, start in zip(states, starts, strict=True)}}
        inputs |= {name: scale * W / 0.5 for name, W in params._asdict().items()}
        mask = _lengths(T, B) if ragged else None
        if ragged:
            x[~mask] = np.nan
        return inputs | {"mask": mask}

    def forward(module, inputs):
        params = module.Params(*(inputs[name] for name in op.Params._fields))
        cache = module.forward(inputs["x"], *(inputs[name] for name in states), params, inputs["mask"], **options)
        last = {"c_last": cache.c[-1]} if room == "lstm" else {}
        return {"h": cache.h[1:], **last}, (cache, params)

    def backward(module, upstream, kept):
        last = [upstream["c_last"]] if room == "lstm" else []
        return module.backward(upstream["h"], *last, *kept)._asdict()

    return Form(f"{room}.{variant}", room, draw, forward, backward)


def _attention(score, variant="plain", masked=False, alpha=True, **options):
    own = {"general": ("W_a",), "additive": ("W_q", "W_k", "v_a")}.get(score, ())

    def draw(rng, sizes, scale, initial):
        width = sizes["E_k" if own else "E"]
        arguments = {name: sizes[name] for name in "BQSFA"} | {"E_q": sizes["E"], "E_k": width}
        q, k, v, params = ops.attention.sample(rng, score=score, **arguments)
        mask = _looks(*(sizes[name] for name in "BQS")) if masked else None
        weights = {name: scale * getattr(params, name) / 0.5 for name in own}
        return {"q": q, "k": k, "v": v, **weights, "mask": mask}

    def forward(module, inputs):
        params = module.Params(**{name: inputs[name] for name in own}) if own else None
        qkv = (inputs[name] for name in "qkv")
        cache = module.forward(*qkv, params, score=score, mask=inputs["mask"], need_alpha=alpha, **options)
        return {"context": cache.context} | ({"alpha": cache.alpha} if alpha else {}), (cache, params)

    def backward(module, upstream, kept):
        return _given(module.backward(upstream["context"], *kept, dalpha=upstream.get("alpha")))

    return Form(f"attention.{score}.{variant}", "attention", draw, forward, backward)


def _article():
    def draw(rng, sizes, scale, initial):
        return {"h": rng.normal(size=(sizes["B"], sizes["S"], sizes["E"]))}

    def forward(module, inputs):
        h = inputs["h"]
        cache = module.forward(h, h, h, score="dot")
        return {"y": h + cache.context, "alpha": cache.alpha}, cache

    def backward(module, upstream, cache):
        g = module.backward(upstream["y"], cache, dalpha=upstream["alpha"])
        return {"h": upstream["y"] + g.q + g.k + g.v}

    return Form("attention.article", "attention", draw, forward, backward)


def _softmax(logarithm, masked):
    name, prefix = ("log_p", "log_") if logarithm else ("p", "")

    def draw(rng, sizes, scale, initial):
        B, C = sizes["B"] + 1 if sizes["B"] > 1 else 1, sizes["C"]
        mask = (np.arange(B)[:, None] + np.arange(C)) % 3 > 0
        mask[1:][-1:] = False  # in the last row nothing counts, unless it is the only one
        return {"z": 2 * rng.normal(size=(B, C)), "mask": mask if masked else None}

    def forward(module, inputs):
        cache = getattr(module, f"{prefix}forward")(inputs["z"], inputs["mask"])
        output = getattr(cache, name)
        return {name: output if not masked else np.where(inputs["mask"], output, 0)}, cache

    def backward(module, upstream, cache):
        return getattr(module, f"{prefix}backward")(upstream[name], cache)._asdict()

    return Form(f"{prefix}softmax.{'masked' if masked else 'plain'}", "softmax", draw, forward, backward)


def _cross_entropy(variant, **options):
    def draw(rng, sizes, scale, initial):
        T, B, C = (sizes[name] for name in "TBC")
        targets = np.resize([4, 0, 2, 1, 3, 4], (B, T)) % C
        if variant == "ignore":
            targets[-1, T // 2] = -100
        weight = {"weight": rng.uniform(0.5, 2.0, size=C)} if variant == "weighted" else {}
        mask = {"mask": _lengths(T, B).T} if variant == "masked" else {}
        constants = {"targets": targets, "options": options | weight | mask}
        return {"logits": 2 * rng.normal(size=(B, T, C)), **constants}

    def forward(module, inputs):
        cache = module.forward(inputs["logits"], inputs["targets"], **inputs["options"])
        return {"loss": cache.loss}, cache

    def backward(module, upstream, cache):
        return module.backward(cache, upstream["loss"])._asdict()

    return Form(f"cross_entropy.{variant}", "cross_entropy", draw, forward, backward)


def _linear(bias):
    def draw(rng, sizes, scale, initial):
        x, params = ops.linear.sample(rng, **{size: sizes[size] for size in "TBDN"}, bias=bias)
        return {"x": x} | {name: scale * W / 0.5 for name, W in params._asdict().items() if W is not None}

    def forward(module, inputs):
        params = module.Params(inputs["W"], inputs.get("b"))
        cache = module.forward(inputs["x"], params)
        return {"y": cache.y}, (cache, params)

    def backward(module, upstream, kept):
        return _given(module.backward(upstream["y"], *kept))

    return Form(f"linear.{'bias' if bias else 'no_bias'}", "linear", draw, forward, backward)


def _embedding(padding_id):
    def draw(rng, sizes, scale, initial):
        V = sizes["V"]
        ids = np.resize([[2, 5, 0], [0, 2, 0], [2, 0, 1]], (sizes["T"], 3))[:, : sizes["B"]] % V
        return {"W": scale * rng.normal(size=(V, sizes["D"])), "ids": ids}

    def forward(module, inputs):
        params = module.Params(inputs["W"])
        cache = module.forward(inputs["ids"], params, padding_id=padding_id)
        return {"y": cache.y}, (cache, params)

    def backward(module, upstream, kept):
        return module.backward(upstream["y"], *kept)._asdict()

    variant = "plain" if padding_id is None else "padding"
    return Form(f"embedding.{variant}", "embedding", draw, forward, backward)


def _activation(name):
    def draw(rng, sizes, scale, initial):
        return {"x": 1.5 * rng.normal(size=(sizes["B"], sizes["H"]))}

    def forward(module, inputs):
        cache = module.forward(inputs["x"], nonlinearity=name)
        return {"y": cache.y}, cache

    def backward(module, upstream, cache):
        return module.backward(upstream["y"], cache)._asdict()

    return Form(f"activations.{name}", "activations", draw, forward, backward)


def _lengths(T, B):
    """Give the (T, B) mask of one full sequence beside sequences of a single step."""
    return np.arange(T)[:, None] < np.where(np.arange(B) == 0, T, 1)


def _looks(B, Q, S):
    """Give the (B, Q, S) mask with a short sequence, a query that sees nothing and one that sees some sources."""
    mask = np.ones((B, Q, S), dtype=bool)
    if S > 2:
        mask[0, :, S - 2 :] = False
    if Q > 1:
        mask[-1, 1] = False
    if S > 1:
        mask[-1, -1, ::2] = False
    return mask


def _given(grads):
    return {name: grad for name, grad in grads._asdict().items() if grad is not None}


FORMS = (
    *(_activation(name) for name in ("tanh", "sigmoid", "relu")),
    *(_softmax(logarithm, masked) for logarithm in (False, True) for masked in (False, True)),
    _cross_entropy("mean"),
    _cross_entropy("weighted", label_smoothing=0.1),
    _cross_entropy("ignore"),
    _cross_entropy("none", reduction="none"),
    _cross_entropy("masked", reduction="sum"),
    _linear(bias=True),
    _linear(bias=False),
    _embedding(None),
    _embedding(0),
    _recurrent("rnn", "tanh"),
    _recurrent("rnn", "relu", nonlinearity="relu"),
    _recurrent("rnn", "masked", ragged=True),
    _recurrent("lstm", "plain"),
    _recurrent("lstm", "masked", ragged=True),
    _recurrent("gru", "plain"),
    _recurrent("gru", "masked", ragged=True),
    *(_attention(score) for score in ("dot", "scaled_dot", "general", "additive")),
    *(_attention(score, "masked", masked=True) for score in ("dot", "scaled_dot", "general", "additive")),
    _attention("scaled_dot", "causal", causal=True),
    _attention("additive", "causal", masked=True, causal=True),
    _attention("scaled_dot", "scale", scale=0.7),
    _attention("additive", "without_alpha", masked=True, alpha=False),
    _article(),
)
