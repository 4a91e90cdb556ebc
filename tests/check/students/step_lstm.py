"""Only the backward of one LSTM step; the rest is the reference's."""

import numpy as np


def step_backward(dh_t, dc_next, nodes, params):
    i, f, g, o, s = nodes.i, nodes.f, nodes.g, nodes.o, nodes.s
    dc_t = dc_next + dh_t * o * (1 - s * s)
    da_i = dc_t * g * i * (1 - i)
    da_f = dc_t * nodes.c_prev * f * (1 - f)
    da_g = dc_t * i * (1 - g * g)
    da_o = dh_t * s * o * (1 - o)
    da_t = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
    return da_t @ params.W_x.T, da_t @ params.W_h.T, dc_t * f, da_t
