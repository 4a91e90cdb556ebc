"""Embedding as a product with rows of zeros and a one; ids occur more than once."""

import numpy as np
from variants import drawing

from scratchnn import ops

FAULT = ('np.einsum("tbv,tbe->ve", one_hot, upstream["y"])', 'one_hot[-1].T @ upstream["y"][-1]')
V, WIDTH = 4, 3


def draw(rng, size):
    return drawing.normal(rng, size, W=(V, WIDTH)) | {"ids": rng.integers(0, V, size=(4, 2))}


def reference(inputs):
    return {"y": ops.embedding.reference.forward(inputs["ids"], ops.embedding.reference.Params(inputs["W"])).y}


def forward(inputs):
    one_hot = np.eye(V)[inputs["ids"]]
    return {"y": one_hot @ inputs["W"]}, one_hot


def backward(upstream, one_hot):
    return {"W": np.einsum("tbv,tbe->ve", one_hot, upstream["y"])}
