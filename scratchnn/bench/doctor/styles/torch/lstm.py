"""LSTM with PyTorch's parameters: rows in the order i f g o, two biases."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_forward(input, hx, weight_ih, weight_hh, bias_ih, bias_hh):
    h, c = hx
    output, saved = [], []
    for x_t in input:
        gates = x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh
        ingate, forgetgate, cellgate, outgate = np.split(gates, 4, axis=1)
        ingate = sigmoid(ingate)
        forgetgate = sigmoid(forgetgate)
        cellgate = np.tanh(cellgate)
        outgate = sigmoid(outgate)
        c_next = forgetgate * c + ingate * cellgate
        h_next = outgate * np.tanh(c_next)
        saved.append((x_t, h, c, gates, ingate, forgetgate, cellgate, outgate, c_next, h_next))
        h, c = h_next, c_next
        output.append(h)
    return np.stack(output), (h, c), saved


def lstm_backward(grad_output, grad_c_n, saved, weight_ih, weight_hh):
    steps = len(saved)
    grad_input = []
    grad_weight_ih = np.zeros_like(weight_ih)
    grad_weight_hh = np.zeros_like(weight_hh)
    grad_bias = np.zeros(len(weight_ih))
    grad_h = np.zeros_like(saved[0][1])
    grad_c = grad_c_n
    for t in range(steps - 1, -1, -1):
        x_t, h, c, gates, ingate, forgetgate, cellgate, outgate, c_next, h_next = saved[t]
        tanh_c = np.tanh(c_next)
        grad_hy = grad_output[t] + grad_h
        grad_cy = grad_c + grad_hy * outgate * (1 - tanh_c**2)
        grad_ingate = grad_cy * cellgate * ingate * (1 - ingate)
        grad_forgetgate = grad_cy * c * forgetgate * (1 - forgetgate)
        grad_cellgate = grad_cy * ingate * (1 - cellgate**2)
        grad_outgate = grad_hy * tanh_c * outgate * (1 - outgate)
        grad_gates = np.concatenate([grad_ingate, grad_forgetgate, grad_cellgate, grad_outgate], axis=1)
        grad_input.insert(0, grad_gates @ weight_ih)
        grad_weight_ih += grad_gates.T @ x_t
        grad_weight_hh += grad_gates.T @ h
        grad_bias += grad_gates.sum(axis=0)
        grad_h = grad_gates @ weight_hh
        grad_c = grad_cy * forgetgate
    grad_hx = (grad_h, grad_c)
    return np.stack(grad_input), grad_hx, grad_weight_ih, grad_weight_hh, grad_bias, grad_bias.copy()
