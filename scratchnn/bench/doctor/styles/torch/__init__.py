"""PyTorch's names and layout: matrices (outputs, inputs), two biases."""
