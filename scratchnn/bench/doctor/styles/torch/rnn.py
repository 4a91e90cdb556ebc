"""RNN with PyTorch's parameters: matrices (hidden, inputs), two biases."""

import numpy as np


def rnn_forward(input, h_0, weight_ih, weight_hh, bias_ih, bias_hh):
    h, output, saved = h_0, [], []
    for x_t in input:
        pre = x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh
        hy = np.tanh(pre)
        saved.append((x_t, h, pre, hy))
        h = hy
        output.append(h)
    return np.stack(output), saved


def rnn_backward(grad_output, saved, weight_ih, weight_hh):
    steps = len(saved)
    grad_input = []
    grad_weight_ih, grad_weight_hh = np.zeros_like(weight_ih), np.zeros_like(weight_hh)
    grad_bias = np.zeros(len(weight_ih))
    grad_h = np.zeros_like(saved[0][1])
    for t in range(steps - 1, -1, -1):
        x_t, h, pre, hy = saved[t]
        grad_hy = grad_output[t] + grad_h
        grad_pre = grad_hy * (1 - hy**2)
        grad_input.insert(0, grad_pre @ weight_ih)
        grad_weight_ih += grad_pre.T @ x_t
        grad_weight_hh += grad_pre.T @ h
        grad_bias += grad_pre.sum(axis=0)
        grad_h = grad_pre @ weight_hh
    return np.stack(grad_input), grad_h, grad_weight_ih, grad_weight_hh, grad_bias, grad_bias.copy()
