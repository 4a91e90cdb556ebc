"""What the exercises on attention are given."""

from scratchnn.ops.attention.reference import (
    Grads,
    _full_mask,
    _scores,
    additive_scores_backward,
    general_scores_backward,
    softmax,
)

__all__ = ["Grads", "_full_mask", "_scores", "additive_scores_backward", "general_scores_backward", "softmax"]
