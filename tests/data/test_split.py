"""The split: fixed by content for embedded texts, seeded and by class for the user's own data."""

import hashlib
import unicodedata

import numpy as np
import pytest

from scratchnn import data
from scratchnn.data.split import content_split, every_ninth_of_class, in_order, part_of, stratified_split

# `printf %s NAME | md5sum`, and the remainder of that number by 50 (`bc`): multiples of 5 test, 1 to 4 validate
BY_HAND = {
    "Hedegaard": ("20a41e5149a210274ce1e47e5af2df17", 5, "test"),
    "Sukhanov": ("459601dc7f56f1ce904e9c40c909173c", 0, "test"),
    "Damn typos :(": ("16623e88795c0863f8c93976280dfb2c", 40, "test"),
    "Mac Fheargail": ("b5b0151c481e675938482771856536b8", 2, "valid"),
    "Losada": ("88da8b2e3a0cf6324fd58946ad093383", 3, "valid"),
    "I feel empty.": ("e4ad3c98df8d0fd3fba4569a097c1621", 1, "valid"),
    "Radović": ("4a4676f4c50248633bfd0e61c433ae2c", 24, "train"),
    "Flynn": ("4bae835ba22f5f80ffee5a8776deea56", 16, "train"),
}


@pytest.mark.parametrize("text", BY_HAND)
def test_known_texts_stay_in_their_part(text):
    digest, remainder, part = BY_HAND[text]
    assert hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest() == digest
    assert int(digest, 16) % 50 == remainder
    assert part_of(text) == part


@pytest.mark.parametrize("name", ["surnames", "sentiment"])
def test_the_embedded_sets_use_it(name):
    dataset = data.load(name)
    place = {text: k for k, text in enumerate(dataset.inputs)}
    known = [text for text in BY_HAND if text in place]
    assert len(known) >= 2
    for text in known:
        assert place[text] in dataset.split[BY_HAND[text][2]]


def test_part_of_is_the_documented_arithmetic():
    for name in ("Kowalski", "Müller", "Papadopoulos", "Smith", "García", "a", ""):
        k = int(hashlib.md5(name.encode("utf-8"), usedforsecurity=False).hexdigest(), 16)
        expected = "test" if k % 5 == 0 else "valid" if (k // 5) % 10 == 0 else "train"
        assert part_of(name) == expected


def test_a_name_written_with_combining_marks_is_the_same_name():
    for name in ("Müller", "García", "Åström", "Łukasik"):
        assert part_of(unicodedata.normalize("NFD", name)) == part_of(name)


def test_content_split_does_not_depend_on_the_order():
    names = [f"name {k}" for k in range(200)]
    split = content_split(names)
    turned = content_split(names[::-1])
    for part, rows in split.items():
        assert {names[k] for k in rows} == {names[::-1][k] for k in turned[part]}


def test_shares_are_about_72_8_and_20_percent():
    """20,000 texts: the standard deviation of a share is at most 0.0032; five of them are allowed."""
    split = content_split([str(k) for k in range(20000)])
    for part, share in {"train": 0.72, "valid": 0.08, "test": 0.20}.items():
        assert abs(len(split[part]) / 20000 - share) < 0.016


def test_every_ninth_of_class_by_hand():
    targets = np.array([0] * 10 + [1] * 19 + [1, 0])
    split = every_ninth_of_class(targets, 29)
    assert split["valid"].tolist() == [8, 18, 27]
    assert split["test"].tolist() == [29, 30]
    assert len(split["train"]) == 26


def test_in_order_by_hand():
    split = in_order(6, 2, 1)
    assert {part: rows.tolist() for part, rows in split.items()} == {
        "train": [0, 1, 2],
        "valid": [3, 4],
        "test": [5],
    }


def test_stratified_split_keeps_the_shares_of_each_class():
    targets = np.repeat([0, 1, 2], [100, 50, 3])
    split = stratified_split(targets, seed=5)
    counts = {part: np.bincount(targets[rows], minlength=3).tolist() for part, rows in split.items()}
    assert counts == {"train": [70, 35, 1], "valid": [10, 5, 1], "test": [20, 10, 1]}
    assert sorted(np.concatenate(list(split.values()))) == list(range(153))


def test_stratified_split_is_decided_by_its_seed():
    targets = np.tile([0, 1], 50)
    first, again, other = (stratified_split(targets, seed=seed) for seed in (1, 1, 2))
    for part in first:
        assert first[part].tolist() == again[part].tolist()
    assert first["test"].tolist() != other["test"].tolist()


def test_equal_texts_stay_together():
    texts = [f"t{k % 30}" for k in range(120)]
    targets = np.array([k % 30 % 2 for k in range(120)])
    split = stratified_split(targets, seed=0, groups=texts)
    found = [{texts[k] for k in rows} for rows in split.values()]
    assert not found[0] & found[1]
    assert not found[0] & found[2]
    assert not found[1] & found[2]
    assert sum(map(len, split.values())) == 120


def test_a_class_of_two_is_refused():
    with pytest.raises(data.DataError, match=r"class 'rare' has 2 distinct examples, expected at least 3"):
        stratified_split(np.array([0, 0, 0, 1, 1]), names=("often", "rare"))


@pytest.mark.parametrize(("valid", "test"), [(0.0, 0.2), (0.1, 0.0), (0.5, 0.5), (-0.1, 0.2), (0.1, 1.5)])
def test_shares_that_leave_nothing_are_refused(valid, test):
    with pytest.raises(data.DataError, match="expected shares above 0 with a sum below 1"):
        stratified_split(np.array([0, 0, 0]), valid=valid, test=test)
