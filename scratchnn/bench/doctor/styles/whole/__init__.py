"""Whole tensors without a name for any step."""
