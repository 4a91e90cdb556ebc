"""Compositions of layers with a hand-written backward."""

from .classifier import SequenceClassifier
from .committee import Committee
from .language_model import LanguageModel

__all__ = ["Committee", "LanguageModel", "SequenceClassifier"]
