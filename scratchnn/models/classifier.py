"""A sequence classifier: embedding or raw features -> recurrent layers -> pooling -> linear."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from scratchnn import arrays
from scratchnn.layers import (
    GRU,
    LSTM,
    RNN,
    AttentionPooling,
    Dropout,
    Embedding,
    Linear,
    NGramEmbedding,
)
from scratchnn.layers.base import Layer
from scratchnn.layers.pooling import MeanPooling

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
POOLINGS = ("last", "mean", "attention", "self_attention")


class ClassifierCache(NamedTuple):
    """The caches of the parts in the order of the forward pass, and what a reader wants to see."""

    embedding: Any
    input_dropout: Any
    recurrent: Any
    state_dropout: Any
    attention: Any
    pooling: Any
    output_dropout: Any
    linear: Any
    alpha: np.ndarray | None  # (B, T), where the classifier looked; None without attention


class SequenceClassifier(Layer):
    """Classify sequences of ids or of feature vectors.

    Parameters
    ----------
    num_classes : int
        C.
    vocabulary_size : int, optional
        V; inputs are ids (B, T) and pass an embedding. Id 0 is padding.
    input_size : int, optional
        D; inputs are features (B, T, D). Give exactly one of the two.
    embedding_size : int
        Width of the embedding.
    ngram_sizes : tuple of int
        Add hashed n-grams of these sizes to the embedding (``layers.NGramEmbedding``); () for none.
    ngram_buckets : int
        Rows of each n-gram table.
    ngram_dropout : float
        Share of n-grams left out in training.
    cell : {"lstm", "gru", "rnn"}
    hidden_size, num_layers, bidirectional
        As in PyTorch.
    pooling : {"attention", "last", "mean", "self_attention"}
        ``attention``: weights over the steps from a query; ``last``: the final states; ``mean``: over real
        steps; ``self_attention``: the article's y_i = h_i + sum_j e_ij h_j at the last real step i, the one read.
    score : {"additive", "dot", "scaled_dot", "general"}
        Score of the two attentions.
    attention_size : int, optional
        A, the width of the additive score (default: the width of a state).
    query : {"learned", "last"}
        The query of ``pooling="attention"``: one learned vector, or the final state as in the article's code.
    input_dropout, dropout, output_dropout : float
        Share dropped from the inputs of the first layer, from states (between layers and before pooling; a query
        that is the final state asks with all of it), and from what the linear layer reads.
    dropout_per : {"step", "sequence"}
        A new mask at every step, or one per sequence (Gal & Ghahramani 2016).
    init : str
        Initialisation of the recurrent weights, by name.
    forget_bias : float, optional
        Start value of the LSTM's forget-gate bias.
    backend : str or module
    dtype : dtype
    rng : numpy.random.Generator
        Draws the initial weights.

    Raises
    ------
    ValueError
        Unknown cell or pooling; both or neither of vocabulary_size and input_size.
    """

    embedding: Any  # Embedding, NGramEmbedding or None
    attention: Any  # AttentionPooling or None
    pooling: Any  # MeanPooling or None

    def __init__(
        self,
        num_classes: int,
        *,
        vocabulary_size: int | None = None,
        input_size: int | None = None,
        embedding_size: int = 32,
        ngram_sizes: tuple[int, ...] = (),
        ngram_buckets: int = 8192,
        ngram_dropout: float = 0.0,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = True,
        pooling: str = "attention",
        score: str = "additive",
        attention_size: int | None = None,
        query: str = "learned",
        input_dropout: float = 0.0,
        dropout: float = 0.0,
        output_dropout: float = 0.0,
        dropout_per: str = "step",
        init: str = "pytorch",
        forget_bias: float | None = None,
        backend: str | Any = "cpu",
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(dtype=dtype, backend=backend)
        if cell not in CELLS:
            raise ValueError(f"SequenceClassifier: cell is {cell!r}, expected one of {', '.join(CELLS)}")
        if pooling not in POOLINGS:
            raise ValueError(f"SequenceClassifier: pooling is {pooling!r}, expected one of {', '.join(POOLINGS)}")
        if (vocabulary_size is None) == (input_size is None):
            raise ValueError(
                "SequenceClassifier: give vocabulary_size (ids) or input_size (features), one of the two"
            )
        common: dict[str, Any] = {"backend": backend, "dtype": dtype}
        self.embedding = None
        if vocabulary_size is not None:
            if ngram_sizes:
                grams: dict[str, Any] = {"sizes": ngram_sizes, "buckets": ngram_buckets, "dropout": ngram_dropout}
                embedding: Layer = NGramEmbedding(vocabulary_size, embedding_size, rng=rng, **grams, **common)
            else:
                embedding = Embedding(vocabulary_size, embedding_size, padding_idx=0, rng=rng, **common)
            self.embedding = self.add_child("embedding", embedding)
        self.ngrams = bool(ngram_sizes) and self.embedding is not None
        extra: dict[str, Any] = {"forget_bias": forget_bias} if cell == "lstm" else {}
        self.recurrent = self.add_child(
            "recurrent",
            CELLS[cell](
                input_size if self.embedding is None else embedding_size,
                hidden_size,
                num_layers,
                bidirectional=bidirectional,
                batch_first=True,
                dropout=dropout if num_layers > 1 else 0.0,
                dropout_per=dropout_per,
                init=init,
                rng=rng,
                **extra,
                **common,
            ),
        )
        self.cell, self.bidirectional, self.query = cell, bidirectional, query
        self.pooling_name = pooling
        width = hidden_size * (2 if bidirectional else 1)
        self.attention = self.pooling = None
        if pooling in ("attention", "self_attention"):
            asking = {"query": query} if pooling == "attention" else {"query": "last", "residual": True}
            options: dict[str, Any] = {"score": score, "attention_size": attention_size, **asking, **common}
            self.attention = self.add_child("attention", AttentionPooling(width, rng=rng, **options))
        elif pooling == "mean":
            self.pooling = MeanPooling(dtype=dtype)
        self.input_dropout = Dropout(input_dropout, per=dropout_per, time_axis=1, **common)
        self.state_dropout = Dropout(dropout, per=dropout_per, time_axis=1, **common)
        self.last_dropout = Dropout(dropout, **common)  # of the final states, which pooling "last" reads
        self.output_dropout = Dropout(output_dropout, **common)
        self.linear = self.add_child("linear", Linear(width, num_classes, rng=rng, **common))

    def forward(
        self, inputs: np.ndarray, lengths: np.ndarray | None = None, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, ClassifierCache]:
        """Compute the logits of a batch.

        Parameters
        ----------
        inputs : (B, T) int or (B, T, D)
            Ids, or features.
        lengths : (B,) int, optional
            Real steps of each sequence; all T when not given.
        rng : numpy.random.Generator, optional
            Given: training, dropout is drawn from it. None: evaluation.

        Returns
        -------
        logits : (B, C)
        cache : ClassifierCache
            ``cache.alpha`` (B, T) shows where it looked.
        """
        embedded = None
        x = inputs if self.embedding is not None else self.placed(inputs)
        if self.embedding is not None:
            drawn = {"rng": rng} if self.ngrams else {}
            x, embedded = self.embedding.forward(inputs, **drawn)
        x, input_dropout = self.input_dropout.forward(x, rng=rng)
        h, recurrent = self.recurrent.forward(x, lengths=lengths, rng=rng)
        h, state_dropout = self.state_dropout.forward(h, rng=rng)
        attention = pooling = alpha = None
        if self.attention is not None:
            last = self._last_state(recurrent.state) if self._asks_final_state() else None
            pooled, attention = self.attention.forward(h, lengths=lengths, last=last)
            alpha = attention.alpha
        elif self.pooling_name == "mean":
            pooled, pooling = self.pooling.forward(h, lengths)
        else:
            pooled, pooling = self.last_dropout.forward(self._last_state(recurrent.state), rng=rng)
        pooled, output_dropout = self.output_dropout.forward(pooled, rng=rng)
        logits, linear = self.linear.forward(pooled)
        return logits, ClassifierCache(
            embedded, input_dropout, recurrent, state_dropout, attention, pooling, output_dropout, linear, alpha
        )

    def backward(self, dlogits: np.ndarray, cache: ClassifierCache) -> np.ndarray | None:
        """Undo ``forward``, part by part from the last to the first; parameter gradients go to ``grads``.

        Parameters
        ----------
        dlogits : (B, C)
        cache : ClassifierCache

        Returns
        -------
        (B, T, D) or None
            Gradient of the features; None for ids, which have none.
        """
        dpooled = self.linear.backward(dlogits, cache.linear)
        dpooled = self.output_dropout.backward(dpooled, cache.output_dropout)
        dlast = None
        if self.attention is not None:
            dh = self.attention.backward(dpooled, cache.attention)
            if self.attention.query == "last":
                dh, dlast = dh
        elif self.pooling_name == "mean":
            dh = self.pooling.backward(dpooled, cache.pooling)
        else:
            dh, dlast = None, self.last_dropout.backward(dpooled, cache.pooling)
        dstate = None if dlast is None else self._dlast_state(dlast, cache.recurrent.state)
        if dh is None:
            dh = arrays.zeros_like(cache.recurrent.y)
        dh = self.state_dropout.backward(dh, cache.state_dropout)
        dx = self.recurrent.backward(dh, cache.recurrent, dstate)
        dx = self.input_dropout.backward(dx, cache.input_dropout)
        if self.embedding is None:
            return dx
        self.embedding.backward(dx, cache.embedding)
        return None

    def _asks_final_state(self):
        return self.pooling_name == "attention" and self.query == "last"

    def _last_state(self, state):
        """Read the top layer's final hidden state from PyTorch's (layers*directions, B, H): (B, H*directions)."""
        h_n = state[0] if self.cell == "lstm" else state
        N = h_n.shape[0]
        return arrays.join([h_n[N - 2], h_n[N - 1]]) if self.bidirectional else h_n[N - 1]

    def _dlast_state(self, dlast, state):
        """Put the gradient of ``_last_state`` where the recurrent layer expects its upstream."""
        h_n = state[0] if self.cell == "lstm" else state
        dh_n = arrays.make(h_n.shape, np.result_type(dlast.dtype, h_n.dtype), h_n)
        N, H = h_n.shape[0], h_n.shape[2]
        if self.bidirectional:
            arrays.write_into(dh_n[N - 2], arrays.columns(dlast, 0, H))
            arrays.write_into(dh_n[N - 1], arrays.columns(dlast, H, 2 * H))
        else:
            arrays.write_into(dh_n[N - 1], dlast)
        return (dh_n, arrays.zeros_like(dh_n)) if self.cell == "lstm" else dh_n
