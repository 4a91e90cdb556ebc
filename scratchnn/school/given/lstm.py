"""What the exercises on the LSTM are given."""

from scratchnn.ops.lstm.reference import Cache, Grads, _nodes, step, step_backward

__all__ = ["Cache", "Grads", "_nodes", "step", "step_backward"]
