"""Accuracy, confusion matrix, precision, recall and F1, with a defined answer where there is nothing to divide by."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def accuracy(targets: ArrayLike, predictions: ArrayLike) -> float:
    """Compute the share of right predictions.

    Parameters
    ----------
    targets, predictions : int array of one shape
        Classes.

    Returns
    -------
    float
        0.0 when there are no targets.

    Raises
    ------
    ValueError
        The shapes disagree.
    """
    targets, predictions = _pair("accuracy", targets, predictions)
    return float((targets == predictions).mean()) if targets.size else 0.0


def confusion_matrix(targets: ArrayLike, predictions: ArrayLike, C: int) -> np.ndarray:
    """Count how often each class was taken for each class.

    Parameters
    ----------
    targets, predictions : int array of one shape
        Classes 0 to C-1.
    C : int
        Number of classes.

    Returns
    -------
    (C, C) int64
        Row: true class, column: predicted class.

    Raises
    ------
    ValueError
        The shapes disagree, or a class outside 0 to C-1.
    """
    targets, predictions = _pair("confusion_matrix", targets, predictions)
    for name, classes in (("targets", targets), ("predictions", predictions)):
        if classes.size and not (classes.min() >= 0 and classes.max() < C):
            bad = classes[(classes < 0) | (classes >= C)][0]
            raise ValueError(f"confusion_matrix: {name} holds class {bad}, expected 0 to {C - 1}")
    return np.bincount(targets * C + predictions, minlength=C * C).reshape(C, C)


def classification_report(targets: ArrayLike, predictions: ArrayLike, C: int) -> dict[str, Any]:
    """Compute precision, recall and F1 of every class and their macro averages.

    Parameters
    ----------
    targets, predictions : int array of one shape
        Classes 0 to C-1.
    C : int
        Number of classes.

    Returns
    -------
    dict
        ``"classes"``: list of C dicts with ``precision``, ``recall``, ``f1`` (float) and ``support`` (int, true
        members); ``"macro"``: dict of the same three averaged over the classes that occur; ``"accuracy"``;
        ``"support"``: number of targets. Plain Python numbers, ready for JSON.

    Raises
    ------
    ValueError
        The shapes disagree, or a class outside 0 to C-1.

    Notes
    -----
    precision = right / predicted, recall = right / support, F1 = 2 right / (predicted + support).
    A quotient with nothing below the line is 0. The macro averages leave out classes that occur neither in the
    targets nor in the predictions (as scikit-learn does); with none left they are 0.
    Source: van Rijsbergen 1979 (the F measure).  Checked by: tests/training/test_metrics.py
    """
    matrix = confusion_matrix(targets, predictions, C)
    right, support, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    columns = {
        "precision": _ratio(right, predicted),
        "recall": _ratio(right, support),
        "f1": _ratio(2 * right, predicted + support),
    }
    occurs = predicted + support > 0
    rows = [
        {**{name: float(values[k]) for name, values in columns.items()}, "support": int(support[k])} for k in range(C)
    ]
    total = int(matrix.sum())
    return {
        "classes": rows,
        "macro": {name: float(values[occurs].mean()) if occurs.any() else 0.0 for name, values in columns.items()},
        "accuracy": int(right.sum()) / total if total else 0.0,
        "support": total,
    }


def _ratio(above, below):
    return above / np.maximum(below, 1)  # where below is 0, above is 0 too


def _pair(where: str, targets: ArrayLike, predictions: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    targets, predictions = np.asarray(targets), np.asarray(predictions)
    if targets.shape != predictions.shape:
        raise ValueError(
            f"{where}: predictions have shape {predictions.shape}, expected that of targets {targets.shape}"
        )
    for name, classes in (("targets", targets), ("predictions", predictions)):
        if classes.size and classes.dtype.kind not in "iu":
            raise ValueError(f"{where}: {name} have dtype {classes.dtype}, expected integers")
    return targets.ravel().astype(np.int64), predictions.ravel().astype(np.int64)
