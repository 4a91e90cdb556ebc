"""Weights and conventions of other libraries."""

from .torch import from_torch, to_torch

__all__ = ["from_torch", "to_torch"]
