"""The embedded sets: what DATA says is inside is inside, split without overlap, with their notices."""

import lzma
import time
import unicodedata
from importlib import resources

import numpy as np
import pytest

from scratchnn import data

FILES = resources.files("scratchnn.data") / "files"
NAMES = ("surnames", "sentiment", "vowels", "digits")


@pytest.fixture(scope="module", params=NAMES)
def dataset(request):
    return data.load(request.param)


def test_the_cards_are_the_four_sets():
    assert tuple(data.CARDS) == NAMES


def test_a_set_is_what_its_card_says(dataset):
    card = data.CARDS[dataset.name]
    assert dataset.name == card.name
    assert len(dataset.inputs) == len(dataset.targets) == card.examples
    assert len(dataset.classes) == len(set(dataset.classes)) == card.classes
    assert dataset.targets.dtype == np.int64
    assert set(dataset.targets.tolist()) == set(range(card.classes))
    assert (dataset.kind, dataset.unit) in {("text", "characters"), ("text", "words"), ("series", None)}


def test_the_parts_cover_the_set_without_overlap(dataset):
    assert list(dataset.split) == ["train", "valid", "test"]
    rows = np.concatenate(list(dataset.split.values()))
    assert sorted(rows) == list(range(len(dataset.inputs)))
    assert all(rows.dtype == np.int64 and (np.diff(rows) > 0).all() for rows in dataset.split.values())


def test_every_class_stands_in_every_part(dataset):
    for rows in dataset.split.values():
        assert set(dataset.targets[rows].tolist()) == set(range(len(dataset.classes)))


def test_part_gives_the_examples_of_the_split(dataset):
    inputs, targets = dataset.part("valid")
    rows = dataset.split["valid"]
    assert len(inputs) == len(targets) == len(rows)
    assert inputs[-1] is dataset.inputs[rows[-1]]
    assert (targets == dataset.targets[rows]).all()


@pytest.mark.parametrize("dataset", ["surnames", "sentiment"], indirect=True)
def test_texts_are_normalised_and_never_in_two_parts(dataset):
    assert dataset.kind == "text"
    assert all(text == unicodedata.normalize("NFC", text) and text.strip() for text in dataset.inputs)
    assert len(set(dataset.inputs)) == len(dataset.inputs)


@pytest.mark.parametrize("dataset", ["vowels", "digits"], indirect=True)
def test_series_are_finite_float32(dataset):
    assert dataset.kind == "series"
    assert all(x.ndim == 2 and x.dtype == np.float32 and np.isfinite(x).all() for x in dataset.inputs)


@pytest.mark.parametrize("name", NAMES)
def test_loading_takes_under_0_3_seconds(name):
    """The best of three, so that a busy machine does not decide."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        data.load(name)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.3


def test_two_loads_are_equal_and_independent():
    first, second = data.load("digits"), data.load("digits")
    first.inputs[0][:] = 9
    first.targets[:] = 9
    assert second.inputs[0].max() <= 1
    assert data.load("digits").targets.max() == 9
    assert (data.load("digits").targets == second.targets).all()


def test_surnames():
    """12,183 names, 22 languages of 234 to 600 names, 126 characters, mean length 7.5, longest 21."""
    surnames = data.load("surnames")
    counts = np.bincount(surnames.targets)
    lengths = [len(name) for name in surnames.inputs]
    assert (len(surnames.inputs), len(counts), counts.min(), counts.max()) == (12183, 22, 234, 600)
    assert len(set("".join(surnames.inputs))) == 126
    assert (round(np.mean(lengths), 1), max(lengths)) == (7.5, 21)
    assert {part: len(rows) for part, rows in surnames.split.items()} == {"train": 8728, "valid": 1005, "test": 2450}
    label = dict(zip(surnames.inputs, (surnames.classes[k] for k in surnames.targets), strict=True))
    assert label["Abičić"] == "Croatian/Slovene"


def test_sentiment_classes_follow_the_thresholds():
    """Ratings of -0.5 and 0.5 themselves have a side; 967 negative, 748 neutral, 2,314 positive."""
    sentiment = data.load("sentiment")
    assert sentiment.classes == ("negative", "neutral", "positive")
    assert np.bincount(sentiment.targets).tolist() == [967, 748, 2314]
    lines = lzma.decompress((FILES / data.CARDS["sentiment"].file).read_bytes()).decode("utf-8").splitlines()
    ratings = {text: float(rating) for rating, text in (line.split("\t") for line in lines)}
    for text, target in zip(sentiment.inputs, sentiment.targets, strict=True):
        side = -1 if ratings[text] <= -0.5 else 1 if ratings[text] >= 0.5 else 0
        assert target == side + 1
    assert {part: len(rows) for part, rows in sentiment.split.items()} == {"train": 2896, "valid": 346, "test": 787}


def test_vowels_keep_the_given_test_part():
    """640 utterances of 9 speakers, 12 features, 7 to 29 steps, 270 for training (30 a speaker), 370 for testing."""
    vowels = data.load("vowels")
    lengths = [len(x) for x in vowels.inputs]
    assert (len(lengths), min(lengths), max(lengths), sum(lengths)) == (640, 7, 29, 9961)
    assert {x.shape[1] for x in vowels.inputs} == {12}
    assert vowels.split["test"].tolist() == list(range(270, 640))
    assert np.bincount(vowels.targets[vowels.split["train"]]).tolist() == [27] * 9
    assert np.bincount(vowels.targets[vowels.split["valid"]]).tolist() == [3] * 9


def test_vowels_are_scaled_by_their_training_part_and_can_be_unscaled():
    vowels = data.load("vowels")
    steps = np.concatenate(vowels.part("train")[0]).astype(np.float64)
    # each float32 value is rounded by at most 2^-24 of itself, and |x| stays below 8
    np.testing.assert_allclose(steps.mean(axis=0), 0, atol=8 * 2**-24)
    np.testing.assert_allclose(steps.std(axis=0), 1, atol=8 * 2**-24)
    with np.load(lzma.open(str(FILES / data.CARDS["vowels"].file)), allow_pickle=False) as stored:
        q = stored["q"]
    raw = np.concatenate(vowels.inputs).astype(np.float64) * vowels.scaling.deviation + vowels.scaling.mean
    assert (np.rint(raw.T * 1000) == q).all()


def test_digits_are_eight_rows_of_eight_pixels():
    digits = data.load("digits")
    assert {x.shape for x in digits.inputs} == {(8, 8)}
    values = np.stack(digits.inputs)
    assert (values.min(), values.max()) == (0, 1)
    assert set(np.unique(values * 16).tolist()) == set(range(17))
    assert digits.classes == tuple("0123456789")
    assert {part: (rows[0], rows[-1]) for part, rows in digits.split.items()} == {
        "train": (0, 1148),
        "valid": (1149, 1436),
        "test": (1437, 1796),
    }
    assert digits.targets[:10].tolist() == list(range(10))
    zero = digits.inputs[0]  # the hole of the first image, a zero, stands in columns 3 and 4 of its rows
    assert zero[3:5, 4].max() < zero[3:5, [2, 5]].min()


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(data.DataError, match="name is 'names', expected one of 'surnames', 'sentiment'"):
        data.load("names")


def test_the_notice_names_every_file_that_is_shipped():
    notice = (FILES / "NOTICE").read_text(encoding="utf-8")
    shipped = {path.name for path in FILES.iterdir()} - {"NOTICE", "licenses"}
    cards = (*data.CARDS.values(), *data.TEXT_CARDS.values())
    assert shipped == {card.file for card in cards}
    for name in shipped:
        assert f"\n{name}\n" in notice
    for path in (FILES / "licenses").iterdir():
        assert f"licenses/{path.name}" in notice
    for card in cards:
        section = notice[notice.index(f"\n{card.file}\n") :].split("\n\n")[0]
        for word in ("Owner", "Licence:", "Changes:", card.licence):
            assert word in section, f"{card.file}: NOTICE says nothing of {word}"
    assert "10.24432/C5NS47" in notice
    assert "10.24432/C50P49" in notice


def test_every_card_is_filled():
    for card in data.CARDS.values():
        assert all(getattr(card, field) for field in card._fields), card.name
        accuracies = [baseline.accuracy for baseline in card.baselines]
        assert accuracies == sorted(accuracies)
        assert all(baseline.method and baseline.how for baseline in card.baselines)
    for card in data.TEXT_CARDS.values():
        assert all(getattr(card, field) for field in card._fields), card.name
