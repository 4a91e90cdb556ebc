"""A small model of our ops, by hand: ids -> embedding -> LSTM -> attention -> linear -> cross-entropy.

It is a source for the tape: one line is one thing that happens between the ops.
"""

import numpy as np


def forward(ops, ids, targets, params, score):
    """Run the model: ids (T, B), targets (B,); the last hidden state asks, all hidden states are keys and values."""
    embedded = ops["embedding"]["forward"](ids, params["embedding"])
    h0 = np.zeros((ids.shape[1], params["lstm"].W_h.shape[0]), embedded.y.dtype)
    recurrent = ops["lstm"]["forward"](embedded.y, h0, h0, params["lstm"])
    h = recurrent.h[1:]
    k = h.swapaxes(0, 1)
    q = h[-1][:, None, :]
    attended = ops["attention"]["forward"](q, k, k, params["attention"], score=score)
    x = attended.context[:, 0, :]
    mapped = ops["linear"]["forward"](x, params["linear"])
    lost = ops["cross_entropy"]["forward"](mapped.y, targets)
    return embedded, recurrent, attended, mapped, lost


def backward(ops, caches, params):
    """Undo the model, part by part from the last to the first."""
    embedded, recurrent, attended, mapped, lost = caches
    of_loss = ops["cross_entropy"]["backward"](lost)
    of_linear = ops["linear"]["backward"](of_loss.logits, mapped, params["linear"])
    dcontext = of_linear.x[:, None, :]
    of_attention = ops["attention"]["backward"](dcontext, attended, params["attention"])
    from_keys = of_attention.k.swapaxes(0, 1)
    from_values = of_attention.v.swapaxes(0, 1)
    from_query = np.zeros_like(from_keys)
    from_query[-1] = of_attention.q[:, 0, :]
    dh = from_keys + from_values + from_query
    dc_last = np.zeros_like(dh[-1])
    of_lstm = ops["lstm"]["backward"](dh, dc_last, recurrent, params["lstm"])
    of_embedding = ops["embedding"]["backward"](of_lstm.x, embedded, params["embedding"])
    return {
        "embedding": of_embedding,
        "lstm": of_lstm,
        "attention": of_attention,
        "linear": of_linear,
    }
