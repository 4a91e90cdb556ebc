"""Which examples of the test part a picture shows, and how."""

import numpy as np

from scratchnn import draw

SHOWN_TEXTS, SHOWN_SERIES, LONGEST = 16, 5, 14


def chosen(targets, told, wanted, wrong_share=0.25):
    """Choose examples for a picture: right ones of as many classes as there is room for, then some wrong ones.

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
        Positions, without repeats; the same for the same arguments.
    """
    order = np.random.default_rng(0).permutation(len(targets))
    right, wrong = order[targets[order] == told[order]], order[targets[order] != told[order]]
    wrong = wrong[: int(wanted * wrong_share)]
    first = np.sort(np.unique(targets[right], return_index=True)[1])  # the first of each class, in drawn order
    right = np.concatenate([right[first], np.delete(right, first)])
    return [*right[: wanted - len(wrong)].tolist(), *wrong.tolist()]


def attention_picture(prepared, told, test, *, image=False):
    """Draw where the classifier looked on some test examples.

    Parameters
    ----------
    prepared : Prepared
    told : Predictions
        On the test part.
    test : (N,) int
        Positions of the test part in the data set.
    image : bool
        Series are images read row by row.

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
        caption = f"{names[classes[k]]}: {100 * probabilities[k].max():.0f} %"
        if classes[k] != targets[k]:
            caption += f", truth: {names[targets[k]]}"
        what = prepared.vocabulary.pieces(dataset.inputs[test[k]]) if text else dataset.inputs[test[k]]
        examples.append((what, told.alpha[k], caption, classes[k] == targets[k]))
    title = f"Where it looked: {dataset.name}, test part (orange: wrong)"
    if text:
        return draw.attention_rows(examples, title=title, columns=1 if words else 2)
    return draw.attention_over_series(examples, title=title, step="row" if image else "time step", down=image)
