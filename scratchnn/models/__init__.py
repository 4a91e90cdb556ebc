"""Compositions of layers with a hand-written backward."""

from .classifier import SequenceClassifier

__all__ = ["SequenceClassifier"]
