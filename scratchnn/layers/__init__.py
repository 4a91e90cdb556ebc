"""Objects that own parameters and choose who computes.

``y, cache = layer.forward(x)`` - ``dx = layer.backward(dy, cache)``; gradients of the parameters add up in
``layer.grads`` until ``zero_grad()``. Sizes, options and layouts follow PyTorch; weights are (inputs, outputs).
"""

from .attention import Attention, SelfAttention
from .attention_pooling import AttentionPooling
from .base import Layer
from .dropout import Dropout
from .embedding import Embedding
from .linear import Linear
from .ngram_embedding import NGramEmbedding
from .recurrent import GRU, LSTM, RNN

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Attention",
    "AttentionPooling",
    "Dropout",
    "Embedding",
    "Layer",
    "Linear",
    "NGramEmbedding",
    "SelfAttention",
]
