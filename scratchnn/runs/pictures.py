"""Which examples of the test part a picture shows, and how."""

import numpy as np

from scratchnn import draw

SHOWN_TEXTS, SHOWN_SERIES, LONGEST = 16, 5, 14


def chosen(targets, told, wanted, wrong_share=0.25):
    """Choose examples for a picture: the first right one of each class in turn, then some wrong ones.

    Parameters
    ----------
    targets, told : (N,) int
        True and predicted classes.
    wanted : int
        How many.
    wrong_share : float
        Share of wrong predictions shown, as far as there are any.

    Returns
    -------
    list of int
        Positions, without repeats.
    """
    wrong = np.flatnonzero(targets != told)[: int(wanted * wrong_share)]
    right = []
    for c in np.unique(targets):
        right += np.flatnonzero((targets == c) & (told == c))[:1].tolist()
    rest = [k for k in np.flatnonzero(targets == told).tolist() if k not in right]
    return (right + rest)[: wanted - len(wrong)] + wrong.tolist()


def attention_picture(prepared, told, test):
    """Draw where the classifier looked on some test examples.

    Parameters
    ----------
    prepared : Prepared
    told : Predictions
        On the test part.
    test : (N,) int
        Positions of the test part in the data set.

    Returns
    -------
    matplotlib.figure.Figure
    """
    dataset, names = prepared.dataset, prepared.dataset.classes
    targets, classes, probabilities = dataset.targets[test], told.classes, told.probabilities
    text = dataset.kind == "text"
    words = text and prepared.vocabulary.unit == "words"
    fitting = np.array([not words or len(prepared.inputs[k]) <= LONGEST for k in test])
    if not fitting.any():
        fitting[:] = True
    places = np.flatnonzero(fitting)
    wanted = (SHOWN_TEXTS // 2 if words else SHOWN_TEXTS) if text else SHOWN_SERIES
    examples = []
    for position in chosen(targets[places], classes[places], wanted):
        k = places[position]
        caption = f"{names[classes[k]]} {100 * probabilities[k].max():.0f} %"
        if classes[k] != targets[k]:
            caption += f", truth: {names[targets[k]]}"
        what = prepared.vocabulary.pieces(dataset.inputs[test[k]]) if text else dataset.inputs[test[k]]
        examples.append((what, told.alpha[k], caption, classes[k] == targets[k]))
    if text:
        return draw.attention_rows(examples, columns=1 if words else 2)
    return draw.attention_over_series(examples)
