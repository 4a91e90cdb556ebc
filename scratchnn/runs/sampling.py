"""Text from a language model, one character at a time."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scratchnn.data.vocabulary import PADDING, UNKNOWN, Vocabulary
from scratchnn.models import LanguageModel

from .folder import RunError
from .opened import open_run
from .threads import threads_of


def next_probabilities(scores: np.ndarray, temperature: float = 1.0, top_k: int | None = None) -> np.ndarray:
    """Turn the logits of the next character into the probabilities it is drawn with.

    Parameters
    ----------
    scores : (V,)
        Logits; padding and unknown, the first two, are never drawn.
    temperature : float
        p is proportional to exp(scores / temperature): below 1 the likely becomes likelier, 0 takes the likeliest.
    top_k : int, optional
        Only so many of the likeliest are drawn at all; of equal ones the first.

    Returns
    -------
    p : (V,) float64
    """
    scores = np.array(scores, np.float64)
    scores[[PADDING, UNKNOWN]] = -np.inf
    order = np.argsort(-scores, kind="stable")
    kept = 1 if temperature == 0 else top_k
    if kept is not None:
        scores[order[kept:]] = -np.inf
    p = np.exp((scores - scores[order[0]]) / (temperature or 1.0))
    return p / p.sum()


def sample_ids(
    model: LanguageModel,
    prefix: np.ndarray,
    length: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    rng: np.random.Generator,
) -> Iterator[int]:
    """Draw ids one after another, each from what the model says after all before it.

    The prefix is read at once; then every step reads one id and carries the state on.

    Parameters
    ----------
    model : models.LanguageModel
    prefix : (T,) int
        At least one id.
    length : int
        How many to draw.
    temperature : float
    top_k : int, optional
        As in ``next_probabilities``.
    rng : numpy.random.Generator

    Yields
    ------
    int
    """
    read, state = prefix, None
    for _ in range(length):
        logits, cache = model.forward(read[None], state=state)
        p = next_probabilities(logits[0, -1], temperature, top_k)
        read, state = rng.choice(len(p), size=1, p=p), model.carry(cache)
        yield int(read[0])


def sample(
    path: str | Path,
    *,
    length: int = 500,
    temperature: float = 0.8,
    prefix: str = "",
    top_k: int | None = None,
    seed: int = 0,
    backend: str | None = None,
) -> Iterator[str]:
    """Let a run write.

    Parameters
    ----------
    path : str or Path
        Run folder of a language model.
    length : int
        Characters to write after the prefix.
    temperature : float
        As in ``next_probabilities``.
    prefix : str
        What the text begins with; empty: it begins as after a line end.
    top_k : int, optional
    seed : int
        Same seed, same text.
    backend : str, optional

    Returns
    -------
    iterator of str
        The characters as they are drawn, without the prefix. What is wrong is said before the first.

    Raises
    ------
    RunError
        No run of a language model, a character that its text does not hold, or a number without meaning.
    """
    for name, value, least in (("length", length, 1), ("temperature", temperature, 0), ("top_k", top_k, 1)):
        if value is not None and not least <= value < np.inf:
            kind = "a finite number of " if name == "temperature" else ""
            raise RunError(f"{name} is {value}, expected {kind}at least {least}")
    run = open_run(path, backend)
    if not isinstance(run.model, LanguageModel):
        raise RunError(f"{path} is a classifier, it writes no text; ask it with `scratchnn predict`")
    ids = first_ids(run.vocabulary, prefix)
    drawn = sample_ids(run.model, ids, length, temperature=temperature, top_k=top_k, rng=np.random.default_rng(seed))
    return _spoken(run, drawn)


def first_ids(vocabulary: Vocabulary, prefix: str = "") -> np.ndarray:
    """Encode a prefix, or choose what stands in its place: a line end, or the first character known.

    Parameters
    ----------
    vocabulary : data.Vocabulary
    prefix : str

    Returns
    -------
    (T,) int64

    Raises
    ------
    RunError
        The prefix holds characters that the training text does not.
    """
    if not prefix:
        prefix = "\n" if "\n" in vocabulary else vocabulary.entries[UNKNOWN + 1]
    unknown = sorted({character for character in vocabulary.tokens(prefix) if character not in vocabulary})
    if unknown:
        listed = " ".join(map(repr, unknown))
        raise RunError(f"the prefix holds {listed}, which the text of this run does not")
    return vocabulary.encode(prefix)


def _spoken(run, drawn):
    with threads_of(run.settings):
        for k in drawn:
            yield run.vocabulary.entries[k]
