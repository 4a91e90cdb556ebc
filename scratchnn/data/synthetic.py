"""Sets made of random numbers: the article's own, and one of the same shapes that can be learned."""

import numpy as np

from .datasets import Dataset
from .split import in_order

MARK = 2.0  # added to or taken from every feature of the marked step, in deviations of the noise


def article(rng: np.random.Generator, *, train: int = 100, test: int = 10) -> Dataset:
    """Make the article's data: random sequences with random labels.

    Every number of the (10, 10) sequences is drawn from the normal distribution and every label, 0 or 1, by a fair
    coin that knows nothing of them. So a model can learn the training part by heart and nothing else: on new
    sequences no method is right more often than half the time, and a test accuracy above that is luck.

    Parameters
    ----------
    rng : numpy.random.Generator
    train, test : int
        Sequences of the two parts.

    Returns
    -------
    Dataset
        Kind "series"; the validation part is empty, as in the article.
    """
    inputs = rng.normal(size=(train + test, 10, 10)).astype(np.float32)
    targets = rng.integers(0, 2, size=train + test)
    return _dataset("article", inputs, targets, test)


def marked_step(rng: np.random.Generator, *, train: int = 100, test: int = 10) -> Dataset:
    """Make the article's twin that can be learned: same shapes, but one step carries the label.

    The sequences are normal noise as in ``article``. At one step, drawn for each sequence, 2 is added to all ten
    features where the label is 1 and taken from them where it is 0. A model must notice that step, wherever it is,
    and remember it to the end; one that attends should look at it. The step is where the sum of the features is
    farthest from 0: the mark moves that sum by 20, six deviations of the noise in it.

    Parameters
    ----------
    rng : numpy.random.Generator
    train, test : int
        Sequences of the two parts.

    Returns
    -------
    Dataset
        Kind "series"; the validation part is empty, as in ``article``.
    """
    inputs = rng.normal(size=(train + test, 10, 10)).astype(np.float32)
    targets = rng.integers(0, 2, size=train + test)
    step = rng.integers(0, 10, size=train + test)
    inputs[np.arange(train + test), step] += np.where(targets == 1, MARK, -MARK)[:, None].astype(np.float32)
    return _dataset("marked_step", inputs, targets, test)


def _dataset(name, inputs, targets, test):
    split = in_order(len(inputs), 0, test)
    return Dataset(name, "series", None, list(inputs), targets.astype(np.int64), ("0", "1"), split)
