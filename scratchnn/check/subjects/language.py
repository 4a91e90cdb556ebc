"""A chunk of a language model as a subject: the state that comes in and the one that is carried out included."""

import numpy as np

from scratchnn import arrays, models, training

from ..layout import layout_of
from .layers import of_layer
from .problem import Subject, normal

B, V, H = 3, 5, 2
TEXT = np.array([[3, 1, 3, 4, 0], [4, 2, 0, 0, 1], [1, 3, 2, 4, 3]])  # (B, T+1)
SCALE = 1.2  # of the parameters, as for classifiers


def _chunk(name, title, **options):
    def make(rng, backend="reference"):
        sizes = {"embedding_size": 3, "hidden_size": H, "dtype": np.float64, "backend": backend}
        model = models.LanguageModel(V, rng=rng, **sizes | options)
        criterion = training.CrossEntropyLoss(backend=backend)
        kinds = ("h_0", "c_0") if model.cell == "lstm" else ("h_0",)
        shape = (options.get("num_layers", 1), B, H)

        def call(given):
            state = tuple(given[kind] for kind in kinds)
            draws = np.random.default_rng(7) if "dropout" in options else None
            logits, cache = model.forward(TEXT[:, :-1], rng=draws, state=state if len(kinds) == 2 else state[0])
            loss, loss_cache = criterion.forward(logits, TEXT[:, 1:])
            carried = model.carry(cache)
            carried = carried if len(kinds) == 2 else (carried,)
            outputs = {"loss": loss} | {f"{kind[0]}_n": s for kind, s in zip(kinds, carried, strict=True)}
            return outputs, (cache, loss_cache)

        def undo(upstream, caches):
            cache, loss_cache = caches
            dlogits = arrays.scale(criterion.backward(loss_cache), upstream["loss"])
            dstate = tuple(upstream[f"{kind[0]}_n"] for kind in kinds)
            dstate = dstate if len(kinds) == 2 else dstate[0]
            dstate0 = model.backward(dlogits, cache, dstate, with_state=True)
            return dict(zip(kinds, dstate0 if len(kinds) == 2 else (dstate0,), strict=True))

        return of_layer(model, {kind: normal(rng, *shape) for kind in kinds}, rng, call, undo, SCALE)

    layout = layout_of(options.get("cell", "lstm"), "embedding", "linear", batch_first=True)
    return Subject(f"model.{name}", title, make, layout)


SUBJECTS = (
    _chunk(
        "language_lstm",
        "A chunk of a language model: characters -> two-layer LSTM with dropout -> the next one, states in and out",
        num_layers=2,
        dropout=0.3,
        dropout_per="sequence",
    ),
    _chunk(
        "language_gru",
        "A chunk of a language model: characters -> GRU -> the next one, states in and out",
        cell="gru",
    ),
)
