"""What the exercise on the linear map is given."""

from scratchnn.ops.linear.reference import Grads

__all__ = ["Grads"]
