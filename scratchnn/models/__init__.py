"""Compositions of layers with a hand-written backward."""

from .classifier import SequenceClassifier
from .committee import Committee

__all__ = ["Committee", "SequenceClassifier"]
