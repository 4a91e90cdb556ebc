"""What the variants draw, and what our own reference says to the same numbers."""

import numpy as np

from scratchnn import ops

T, B, D, H = 3, 2, 2, 3  # sizes of the recurrent variants
Q, S, E, F = 2, 3, 2, 4  # of the attention variants


def normal(rng, size, **shapes):
    """Draw arrays by name, their entries of the size given."""
    return {name: size * rng.normal(size=shape) for name, shape in shapes.items()}


def lstm(x, h0, c0, W_x, W_h, b):
    """Run our LSTM: columns in the order i f g o, time first."""
    reference = ops.lstm.reference
    cache = reference.forward(x, h0, c0, reference.Params(W_x, W_h, b))
    return {"h": cache.h[1:], "c_last": cache.c[-1]}


def gru(x, h0, W_x, W_h, b, b_hn):
    """Run our GRU: columns in the order r z n, time first."""
    reference = ops.gru.reference
    return {"h": reference.forward(x, h0, reference.Params(W_x, W_h, b, b_hn)).h[1:]}


def attend(q, k, v, mask):
    """Run our attention with scaled dot scores."""
    cache = ops.attention.reference.forward(q, k, v, mask=mask)
    return {"context": cache.context}


def attention_inputs(rng, size):
    """Draw queries, keys, values, and a mask in which every query may see a source, the last query only one."""
    mask = rng.random((B, Q, S)) < 0.6
    mask[:, -1] = False
    mask[..., 0] = True
    return normal(rng, size, q=(B, Q, E), k=(B, S, E), v=(B, S, F)) | {"mask": mask}


def blocks(matrix, order, wanted):
    """Put gate blocks of the columns, given in one order of letters, into another."""
    parts = dict(zip(order, np.split(matrix, len(order), axis=-1), strict=True))
    return np.concatenate([parts[gate] for gate in wanted], axis=-1)
