"""GRU with PyTorch's parameters: rows in the order r z n, two biases, the second inside the reset product."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru_forward(input, h_0, weight_ih, weight_hh, bias_ih, bias_hh):
    h, output, saved = h_0, [], []
    for x_t in input:
        i_r, i_z, i_n = np.split(x_t @ weight_ih.T + bias_ih, 3, axis=1)
        h_r, h_z, h_n = np.split(h @ weight_hh.T + bias_hh, 3, axis=1)
        resetgate = sigmoid(i_r + h_r)
        updategate = sigmoid(i_z + h_z)
        newgate = np.tanh(i_n + resetgate * h_n)
        hy = (1 - updategate) * newgate + updategate * h
        saved.append((x_t, h, resetgate, updategate, newgate, i_n, h_n, hy))
        h = hy
        output.append(h)
    return np.stack(output), saved


def gru_backward(grad_output, saved, weight_ih, weight_hh, bias_hh):
    steps = len(saved)
    size = weight_hh.shape[1]
    grad_input = []
    grad_weight_ih, grad_weight_hh = np.zeros_like(weight_ih), np.zeros_like(weight_hh)
    grad_bias_ih, grad_bias_hh = np.zeros(3 * size), np.zeros(3 * size)
    grad_h = np.zeros_like(saved[0][1])
    for t in range(steps - 1, -1, -1):
        x_t, h, resetgate, updategate, newgate, i_n, h_n, hy = saved[t]
        grad_hy = grad_output[t] + grad_h
        grad_update = grad_hy * (h - newgate) * updategate * (1 - updategate)
        grad_new = grad_hy * (1 - updategate) * (1 - newgate**2)
        grad_reset = grad_new * h_n * resetgate * (1 - resetgate)
        grad_h_n = grad_new * resetgate
        grad_i = np.concatenate([grad_reset, grad_update, grad_new], axis=1)
        grad_gates = np.concatenate([grad_reset, grad_update, grad_h_n], axis=1)
        grad_input.insert(0, grad_i @ weight_ih)
        grad_weight_ih += grad_i.T @ x_t
        grad_weight_hh += grad_gates.T @ h
        grad_bias_ih += grad_i.sum(axis=0)
        grad_bias_hh += grad_gates.sum(axis=0)
        grad_h = grad_hy * updategate + grad_gates @ weight_hh
    return np.stack(grad_input), grad_h, grad_weight_ih, grad_weight_hh, grad_bias_ih, grad_bias_hh
