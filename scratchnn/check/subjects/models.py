"""Whole models as subjects, from the embedding to the loss."""

import numpy as np

from scratchnn import arrays, models, training

from ..layout import layout_of
from .layers import of_layer
from .problem import Subject, normal

B, T = 4, 3
LENGTHS = np.array([3, 1, 2, 3])
IDS = np.array([[3, 1, 3], [4, 0, 0], [1, 4, 0], [2, 1, 2]])  # (B, T), 0 pads
SCALE = 1.2  # of the parameters: with 0.5 the states hardly differ, and attention hardly has a gradient
TARGETS = np.array([2, 0, 2, 1])


def _classifier(name, title, vocabulary=True, members=1, **options):
    """Make a classifier, or a committee, with its loss. The logits are an output too: the loss has none along 1."""

    def make(rng, backend="reference"):
        sizes = {"vocabulary_size": 5, "embedding_size": 2} if vocabulary else {"input_size": 5}
        shape = {"hidden_size": 2, "dtype": np.float64, "backend": backend} | sizes | options
        each = [models.SequenceClassifier(3, rng=rng, **shape) for _ in range(members)]
        model = each[0] if members == 1 else models.Committee(each)
        criterion = training.CrossEntropyLoss(label_smoothing=0.1, backend=backend)
        inputs = {"ids": IDS} if vocabulary else {"x": normal(rng, B, T, 5, scale=1.0)}

        def call(given):
            drops = any("dropout" in option for option in options)
            draws = np.random.default_rng(7) if drops else None
            logits, cache = model.forward(given["ids"] if vocabulary else given["x"], lengths=LENGTHS, rng=draws)
            loss, loss_cache = criterion.forward(logits, TARGETS)
            return {"loss": loss, "logits": logits}, (cache, loss_cache)

        def undo(upstream, caches):
            cache, loss_cache = caches
            dlogits = arrays.scale(criterion.backward(loss_cache), upstream["loss"])
            dlogits = arrays.add(dlogits, upstream["logits"])
            dx = model.backward(dlogits, cache)
            return {} if vocabulary else {"x": dx}

        return of_layer(model, inputs, rng, call, undo, SCALE)

    layout = layout_of(options.get("cell", "lstm"), "attention", "embedding", "linear", batch_first=True)
    return Subject(f"model.{name}", title, make, layout)


SUBJECTS = (
    _classifier("lstm_attention", "Characters -> both-way LSTM -> additive attention -> loss, ragged"),
    _classifier(
        "gru_query",
        "Features -> GRU -> attention asked by the last state -> loss, ragged",
        vocabulary=False,
        cell="gru",
        bidirectional=False,
        query="last",
        score="general",
    ),
    _classifier(
        "article",
        "Features -> LSTM -> the article's self-attention -> loss, ragged",
        vocabulary=False,
        bidirectional=False,
        pooling="self_attention",
        score="dot",
    ),
    _classifier(
        "rnn_mean",
        "Characters -> two-layer RNN with dropout -> mean -> loss, ragged",
        cell="rnn",
        num_layers=2,
        bidirectional=False,
        pooling="mean",
        dropout=0.3,
        input_dropout=0.2,
        dropout_per="sequence",
    ),
    _classifier("lstm_last", "Characters -> both-way LSTM -> last states -> loss, ragged", pooling="last"),
    _classifier(
        "ngrams",
        "Characters and their n-grams -> both-way LSTM -> attention -> loss, ragged, with n-gram dropout",
        ngram_sizes=(2, 3),
        ngram_buckets=7,
        ngram_dropout=0.3,
    ),
    _classifier(
        "committee",
        "Two classifiers that answer together -> loss, ragged",
        vocabulary=False,
        members=2,
        cell="gru",
        bidirectional=False,
    ),
)
