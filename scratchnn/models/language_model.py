"""A language model: embedding -> recurrent layers -> at every step a linear head that names the next entry."""

from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import DTypeLike

from scratchnn.layers import GRU, LSTM, RNN, Dropout, Embedding, Linear
from scratchnn.layers.base import Layer

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


class LanguageCache(NamedTuple):
    """The caches of the parts in the order of the forward pass."""

    embedding: Any
    input_dropout: Any
    recurrent: Any
    state_dropout: Any
    linear: Any


class LanguageModel(Layer):
    """Give, after every entry of a text, the scores of the entry that comes next.

    A text is too long for one pass, so it is read in chunks: each begins with the state that the chunk before ended
    with, and its backward stops where the chunk begins. That is truncated backpropagation through time. The forward
    pass loses nothing by it: chunk by chunk or at once, the logits are the same. The gradient does: the weights also
    made the state that this chunk began with, in the chunks before, and what this chunk's loss has to say about that
    is left out (``backward`` with ``with_state=True`` gives what would have to be sent back). So no error can teach
    the model to keep something over a cut; what it learnt to keep inside a chunk it does keep over cuts.

    Parameters
    ----------
    vocabulary_size : int
        V.
    embedding_size, hidden_size, num_layers : int
    cell : {"lstm", "gru", "rnn"}
        It reads in one direction: read backwards, the next entry would be the input.
    input_dropout, dropout : float
        Share dropped from the inputs of the first layer, and from states on their way up: to the next layer and to
        the head. On their way to the next step they are not dropped.
    dropout_per : {"step", "sequence"}
        A new mask at every step, or one per chunk.
    init : str
        Initialisation of the recurrent weights, by name.
    forget_bias : float, optional
        Start value of the LSTM's forget-gate bias.
    backend : str or module
    dtype : dtype
    rng : numpy.random.Generator
        Draws the initial weights.

    Attributes
    ----------
    carries_state : bool
        True: ``training.fit`` hands the state of each batch on to the next.

    Raises
    ------
    ValueError
        Unknown cell, or a size below 1.

    Notes
    -----
    Source: Elman 1990; Williams & Peng 1990 (truncation); Graves 2013, section 2.
    Checked by: tests/models/test_language_model.py
    """

    carries_state = True

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_size: int = 32,
        hidden_size: int = 64,
        num_layers: int = 1,
        cell: str = "lstm",
        input_dropout: float = 0.0,
        dropout: float = 0.0,
        dropout_per: str = "step",
        init: str = "pytorch",
        forget_bias: float | None = None,
        backend: str | Any = "cpu",
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(dtype=dtype, backend=backend)
        if cell not in CELLS:
            raise ValueError(f"LanguageModel: cell is {cell!r}, expected one of {', '.join(CELLS)}")
        common: dict[str, Any] = {"backend": backend, "dtype": dtype, "rng": rng}
        extra: dict[str, Any] = {"forget_bias": forget_bias} if cell == "lstm" else {}
        self.cell = cell
        self.embedding = self.add_child("embedding", Embedding(vocabulary_size, embedding_size, **common))
        self.recurrent = self.add_child(
            "recurrent",
            CELLS[cell](
                embedding_size,
                hidden_size,
                num_layers,
                batch_first=True,
                dropout=dropout if num_layers > 1 else 0.0,
                dropout_per=dropout_per,
                init=init,
                **extra,
                **common,
            ),
        )
        self.linear = self.add_child("linear", Linear(hidden_size, vocabulary_size, **common))
        drop: dict[str, Any] = {"per": dropout_per, "time_axis": 1, "backend": backend, "dtype": dtype}
        self.input_dropout = Dropout(input_dropout, **drop)
        self.state_dropout = Dropout(dropout, **drop)

    def forward(
        self,
        inputs: np.ndarray,
        lengths: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
        state: Any = None,
    ) -> tuple[np.ndarray, LanguageCache]:
        """Compute the logits of every step of a chunk.

        Parameters
        ----------
        inputs : (B, T) int
            Ids.
        lengths : (B,) int, optional
            Real steps of each row; all T when not given. At padding the logits are the head's bias.
        rng : numpy.random.Generator, optional
            Given: training, dropout is drawn from it. None: evaluation.
        state : (num_layers, B, H), for the LSTM a pair (h, c) of them, optional
            What ``carry`` gave after the chunk before; zeros when not given.

        Returns
        -------
        logits : (B, T, V)
            ``logits[:, t]`` scores the entry at t+1.
        cache : LanguageCache
        """
        x, embedding = self.embedding.forward(inputs)
        x, input_dropout = self.input_dropout.forward(x, rng=rng)
        h, recurrent = self.recurrent.forward(x, state, lengths=lengths, rng=rng)
        h, state_dropout = self.state_dropout.forward(h, rng=rng)
        logits, linear = self.linear.forward(h)
        return logits, LanguageCache(embedding, input_dropout, recurrent, state_dropout, linear)

    @overload
    def backward(
        self, dlogits: np.ndarray, cache: LanguageCache, dstate: Any = None, *, with_state: Literal[False] = False
    ) -> None: ...

    @overload
    def backward(
        self, dlogits: np.ndarray, cache: LanguageCache, dstate: Any = None, *, with_state: Literal[True]
    ) -> Any: ...

    def backward(
        self, dlogits: np.ndarray, cache: LanguageCache, dstate: Any = None, *, with_state: bool = False
    ) -> Any:
        """Undo ``forward``; parameter gradients go to ``grads``.

        Parameters
        ----------
        dlogits : (B, T, V)
        cache : LanguageCache
        dstate : the layout of ``carry``, optional
            dLoss/d(state that was carried out of this chunk). Truncated: not given, the later chunks ask nothing of
            this one. Full backpropagation through time: what ``with_state=True`` gave in the chunk after.
        with_state : bool
            Also return the gradient of the state that came in.

        Returns
        -------
        dstate0 : the layout of ``state``, or None
            Only with ``with_state=True``; ids have no gradient.

        Notes
        -----
        forward  was   state_k, logits_k = chunk_k(state_(k-1)), with the same parameters in every chunk
        so now         the full gradient needs dstate_(k-1) = d(logits_k..)/dstate_(k-1) sent into chunk k-1;
                       truncated, it is replaced by 0, and the parameters lack what it would have added there
        """
        dh = self.linear.backward(dlogits, cache.linear)
        dh = self.state_dropout.backward(dh, cache.state_dropout)
        dx, dstate0 = self.recurrent.backward(dh, cache.recurrent, dstate, with_state=True)
        dx = self.input_dropout.backward(dx, cache.input_dropout)
        self.embedding.backward(dx, cache.embedding)
        return dstate0 if with_state else None

    def carry(self, cache: LanguageCache) -> Any:
        """Give the state after a chunk, for the ``forward`` of the next.

        It is an array like any other: nothing in it remembers how it came about, so no gradient can pass it.

        Parameters
        ----------
        cache : LanguageCache

        Returns
        -------
        (num_layers, B, H), for the LSTM a pair (h, c) of them
        """
        return cache.recurrent.state
