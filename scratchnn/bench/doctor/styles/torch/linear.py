"""Linear map with PyTorch's weight: (outputs, inputs)."""

import numpy as np


def linear_forward(input, weight, bias):
    output = input @ weight.T + bias
    return output


def linear_backward(grad_output, input, weight, bias):
    rows = input.reshape(-1, input.shape[-1])
    grad_rows = grad_output.reshape(-1, grad_output.shape[-1])
    grad_input = grad_output @ weight
    grad_weight = grad_rows.T @ rows
    grad_bias = grad_rows.sum(axis=0)
    return grad_input, grad_weight, grad_bias.astype(np.result_type(bias))
