"""What the exercises on the simple recurrent network are given."""

from scratchnn.ops.rnn.reference import Grads, Step, step_backward

__all__ = ["Grads", "Step", "step_backward"]
