"""Slopes of the nonlinearities, each taken of the function's output."""

from scratchnn.ops.activations.reference import relu_slope, sigmoid_slope, tanh_slope

__all__ = ["relu_slope", "sigmoid_slope", "tanh_slope"]
