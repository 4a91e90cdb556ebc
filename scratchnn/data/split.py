"""Which example belongs to which part: fixed once for the embedded sets, seeded for the user's own data.

Texts are split by their content: with ``k`` the MD5 sum of the text (Unicode NFC, UTF-8) read as one number,
``k % 5 == 0`` is the test part, and of the rest ``(k // 5) % 10 == 0`` is the validation part. So a text stays in its
part whatever the order of the file and whatever is added to it, and equal texts never stand on both sides.
"""

import hashlib
import unicodedata
from collections.abc import Hashable, Sequence

import numpy as np

from .errors import DataError

PARTS = ("train", "valid", "test")


def part_of(text: str) -> str:
    """Give the part that a text belongs to by its content.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        "train", "valid" or "test".
    """
    content = unicodedata.normalize("NFC", text).encode("utf-8")
    number = int(hashlib.md5(content, usedforsecurity=False).hexdigest(), 16)
    if number % 5 == 0:
        return "test"
    return "valid" if (number // 5) % 10 == 0 else "train"


def content_split(texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Split texts by content, see ``part_of``.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    dict of str to (n,) int64
        Positions of the examples in "train", "valid" and "test", ascending.
    """
    return split_by_part([part_of(text) for text in texts])


def split_by_part(parts: Sequence[str] | np.ndarray) -> dict[str, np.ndarray]:
    """Turn one part name per example into positions per part.

    Parameters
    ----------
    parts : sequence of str
        "train", "valid" or "test" for each example.

    Returns
    -------
    dict of str to (n,) int64
    """
    parts = np.asarray(parts)
    return {part: np.flatnonzero(parts == part).astype(np.int64) for part in PARTS}


def every_ninth_of_class(targets: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """Split a set whose first ``count`` examples are given for training and whose rest is the test part.

    Of the training examples of each class, in their order, the 9th, 18th, 27th... are the validation part: three of
    the 30 utterances of every speaker.

    Parameters
    ----------
    targets : (n,) int
    count : int
        How many examples from the start are given for training.

    Returns
    -------
    dict of str to (n,) int64
    """
    parts = np.full(len(targets), "test", dtype="<U5")
    parts[:count] = "train"
    for target in np.unique(targets[:count]):
        parts[np.flatnonzero(targets[:count] == target)[8::9]] = "valid"
    return split_by_part(parts)


def in_order(count: int, valid: int, test: int) -> dict[str, np.ndarray]:
    """Split by position: the last ``test`` examples test, the ``valid`` before them validate, the rest train.

    Parameters
    ----------
    count, valid, test : int
        Examples in all, in the validation part, in the test part.

    Returns
    -------
    dict of str to (n,) int64
    """
    start = count - test - valid
    return {
        "train": np.arange(start, dtype=np.int64),
        "valid": np.arange(start, start + valid, dtype=np.int64),
        "test": np.arange(start + valid, count, dtype=np.int64),
    }


def stratified_split(
    targets: Sequence[int] | np.ndarray,
    *,
    seed: int = 0,
    valid: float = 0.1,
    test: float = 0.2,
    groups: Sequence[Hashable] | None = None,
    names: Sequence[str] | None = None,
    where: str = "stratified_split",
) -> dict[str, np.ndarray]:
    """Split at random, class by class, so that every class stands in every part.

    Parameters
    ----------
    targets : (n,) int
        Classes of the examples.
    seed : int
        Same seed, targets and groups: same split.
    valid, test : float
        Shares of the two parts, each at least one member of every class.
    groups : sequence of n hashable, optional
        Examples of one group stay together (equal texts, say); a group counts for the class of its first example.
        Not given: every example is a group of its own.
    names : sequence of str, optional
        Names of the classes, for the error.
    where : str
        What the error's sentence begins with.

    Returns
    -------
    dict of str to (n,) int64
        Positions of the examples in "train", "valid" and "test", ascending.

    Raises
    ------
    DataError
        Shares that leave nothing to train on, or a class with fewer than 3 distinct groups.
    """
    if not (0 < valid < 1 and 0 < test < 1 and valid + test < 1):
        raise DataError(f"{where}: valid is {valid} and test is {test}, expected shares above 0 with a sum below 1")
    targets = np.asarray(targets)
    groups = range(len(targets)) if groups is None else groups
    members: dict[Hashable, list[int]] = {}
    for k, group in enumerate(groups):
        members.setdefault(group, []).append(k)
    by_class: dict[int, list[list[int]]] = {}
    for positions in members.values():
        by_class.setdefault(int(targets[positions[0]]), []).append(positions)
    parts = np.full(len(targets), "train", dtype="<U5")
    rng = np.random.default_rng(seed)
    for target in range(int(targets.max()) + 1 if len(targets) else 0):
        found = by_class.get(target, [])
        if len(found) < 3:
            label = repr(names[target]) if names is not None else str(target)
            raise DataError(
                f"{where}: class {label} has {len(found)} distinct example{'' if len(found) == 1 else 's'}, "
                "expected at least 3, one each for training, validation and test"
            )
        n_test = min(max(1, round(test * len(found))), len(found) - 2)
        n_valid = min(max(1, round(valid * len(found))), len(found) - n_test - 1)
        for place, k in enumerate(rng.permutation(len(found))):
            part = "test" if place < n_test else "valid" if place < n_test + n_valid else "train"
            parts[found[k]] = part
    return split_by_part(parts)
