"""How bundle_lstm.py is to be called; `mine` is that module."""

import numpy as np


def forward(x, h0, c0, W_x, W_h, b):
    h, c_last, keep = mine.lstm_forward((x, h0, c0, np.concatenate([W_x, W_h]), b))  # noqa: F821
    return h, c_last, (keep, c_last)


def backward(dh, dc_last, kept, W_x, W_h, b):
    dx, dh0, dc0, dW, db = mine.lstm_backward(dh, dc_last, kept[0], np.concatenate([W_x, W_h]), kept[1])  # noqa: F821
    return {"x": dx, "h0": dh0, "c0": dc0, "W_x": dW[: len(W_x)], "W_h": dW[len(W_x) :], "b": db}
