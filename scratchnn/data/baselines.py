"""What a model should beat: the majority class, and linear models measured with scikit-learn.

Every baseline may use the training and the validation part and is scored once on the test part. Its settings are
fixed here: those of the n-gram models and of the support vector machine were chosen by accuracy on the validation
part out of a small grid, C = 1 elsewhere is scikit-learn's default. ``measure(load(name))`` gives the numbers that
stand in ``CARDS[name].baselines`` (scikit-learn 1.9.1). Logistic regression stops at scikit-learn's default tolerance
of 1e-4; fitting on to 1e-6 changes the score by -3 of 2,450 surnames, +2 of 787 short texts and +1 of 360 digits.
"""

import numpy as np

from .cards import Baseline
from .datasets import Dataset
from .errors import DataError

RESAMPLED = 12  # steps that every series is brought to
HOW = "on training + validation, scored on the fixed test part"


def majority(targets: np.ndarray) -> int:
    """Give the most frequent class; of equally frequent ones the first.

    Parameters
    ----------
    targets : (n,) int

    Returns
    -------
    int
    """
    return int(np.bincount(targets).argmax())


def majority_baseline(dataset: Dataset) -> Baseline:
    """Always answer the class most frequent in the training and validation parts; needs no scikit-learn.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    Baseline
    """
    known, test = _rows(dataset)
    answer = majority(dataset.targets[known])
    accuracy = float(np.mean(dataset.targets[test] == answer))
    return Baseline("majority class", accuracy, f'always "{dataset.classes[answer]}"')


def ngram_baseline(dataset: Dataset) -> Baseline:
    """Logistic regression on n-grams of a text, weighted by TF-IDF.

    Unit "characters": 1 to 5 characters inside words, blanks added at their ends (scikit-learn's "char_wb"), case
    kept, C = 30. Unit "words": one and two words or runs of punctuation that occur in at least two texts,
    lower-cased, C = 10.

    Parameters
    ----------
    dataset : Dataset
        Of kind "text".

    Returns
    -------
    Baseline

    Raises
    ------
    DataError
        scikit-learn is not installed, or no word stands in two texts.
    """
    _need_sklearn()
    from sklearn.feature_extraction.text import TfidfVectorizer

    if dataset.unit == "characters":
        vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), lowercase=False)
        method, C = "character 1-5-grams, logistic regression", 30.0
    else:
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, token_pattern=r"(?u)\b\w+\b|[^\w\s]+")
        method, C = "word 1-2-grams, logistic regression", 10.0
    known, test = _rows(dataset)
    try:
        features = vectorizer.fit_transform([dataset.inputs[k] for k in known])
    except ValueError:
        raise DataError(f"ngram_baseline: no word stands in two texts of {dataset.name}, expected some") from None
    unseen = vectorizer.transform([dataset.inputs[k] for k in test])
    accuracy = _logistic_accuracy(features, dataset.targets[known], unseen, dataset.targets[test], C)
    return Baseline(method, accuracy, f"TF-IDF, C = {C:g}, {HOW}")


def series_baseline(dataset: Dataset, features: str = "resampled") -> Baseline:
    """Logistic regression (C = 1) on a fixed number of features of a series, each at mean 0 and deviation 1.

    Parameters
    ----------
    dataset : Dataset
        Of kind "series".
    features : str
        "resampled": every feature at 12 equidistant times, linearly interpolated; "means": means over time;
        "steps": all steps as they are and not scaled, for series of one length.

    Returns
    -------
    Baseline

    Raises
    ------
    DataError
        scikit-learn is not installed, or "steps" with lengths that differ.
    """
    _need_sklearn()
    x, method = _series_features(dataset, features)
    known, test = _rows(dataset)
    accuracy = _logistic_accuracy(x[known], dataset.targets[known], x[test], dataset.targets[test], 1.0)
    return Baseline(f"{method}, logistic regression", accuracy, f"C = 1, {HOW}")


def svm_baseline(dataset: Dataset) -> Baseline:
    """Support vector machine with the radial kernel (C = 3, scikit-learn's default width), on all steps as they are.

    Parameters
    ----------
    dataset : Dataset
        Of kind "series", all of one length.

    Returns
    -------
    Baseline

    Raises
    ------
    DataError
        scikit-learn is not installed, or lengths differ.
    """
    _need_sklearn()
    from sklearn.svm import SVC

    x, method = _series_features(dataset, "steps")
    known, test = _rows(dataset)
    model = SVC(C=3.0).fit(x[known], dataset.targets[known])
    accuracy = float(np.mean(model.predict(x[test]) == dataset.targets[test]))
    return Baseline(f"{method}, radial support vector machine", accuracy, f"C = 3, {HOW}")


def measure(dataset: Dataset) -> tuple[Baseline, ...]:
    """Measure all baselines that fit a set, embedded or the user's own.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    tuple of Baseline
        Texts: majority, n-grams. Series: majority, then means and resampled steps where lengths differ, or all steps
        by logistic regression and by support vector machine where they do not.

    Raises
    ------
    DataError
        scikit-learn is not installed.
    """
    first = majority_baseline(dataset)
    if dataset.kind == "text":
        return first, ngram_baseline(dataset)
    if len({len(x) for x in dataset.inputs}) == 1:
        return first, series_baseline(dataset, "steps"), svm_baseline(dataset)
    return first, series_baseline(dataset, "means"), series_baseline(dataset, "resampled")


def _rows(dataset):
    """Give the positions that a baseline may learn from, and those it is scored on."""
    return np.concatenate([dataset.split["train"], dataset.split["valid"]]), dataset.split["test"]


def _need_sklearn():
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise DataError(
            'baselines: scikit-learn is not installed, expected it for this one: pip install "scratchnn[baselines]"'
        ) from None


def _logistic_accuracy(x, targets, unseen, expected, C):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=C, max_iter=2000).fit(x, targets)
    return float(np.mean(model.predict(unseen) == expected))


def _series_features(dataset, features):
    """Give the (n, width) float64 features of each series and their name."""
    inputs = [np.asarray(x, np.float64) for x in dataset.inputs]
    if features == "steps":
        if len({len(x) for x in inputs}) > 1:
            raise DataError("series_baseline: features is 'steps' but lengths differ, expected one length")
        return np.stack([x.ravel() for x in inputs]), "all steps"
    if features == "means":
        x, method = np.stack([x.mean(axis=0) for x in inputs]), "means over time"
    elif features == "resampled":
        x, method = np.stack([_resample(x).ravel() for x in inputs]), f"resampled to {RESAMPLED} steps"
    else:
        raise DataError(f"series_baseline: features is {features!r}, expected 'resampled', 'means' or 'steps'")
    known, _ = _rows(dataset)
    deviation = x[known].std(axis=0)
    return (x - x[known].mean(axis=0)) / np.where(deviation > 0, deviation, 1), method


def _resample(x):
    """Interpolate (T, D) linearly at RESAMPLED equidistant times."""
    times = np.linspace(0, len(x) - 1, RESAMPLED)
    return np.stack([np.interp(times, np.arange(len(x)), column) for column in x.T], axis=1)
