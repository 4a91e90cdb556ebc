"""Vocabularies: what is a token, which id it has, and the way back."""

import json
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnn import data
from scratchnn.data import Vocabulary


def test_ids_by_hand():
    """b stands twice, a and c once: ids 2, 3, 4; 0 is padding, 1 unknown."""
    vocabulary = Vocabulary.from_texts(["ab", "cb"])
    assert vocabulary.entries == ("<padding>", "<unknown>", "b", "a", "c")
    assert len(vocabulary) == 5
    ids = vocabulary.encode("abzb")
    assert ids.dtype == np.int64
    assert ids.tolist() == [3, 2, 1, 2]
    assert vocabulary.decode([3, 2, 1, 2, 0, 0]) == "ab\ufffdb"
    assert "a" in vocabulary
    assert "z" not in vocabulary


def test_the_order_of_the_texts_does_not_change_the_ids():
    texts = ["gamma", "alpha", "beta"]
    assert Vocabulary.from_texts(texts).entries == Vocabulary.from_texts(texts[::-1]).entries


@pytest.mark.parametrize("name", ["surnames", "sentiment"])
def test_embedded_texts_come_back(name):
    dataset = data.load(name)
    vocabulary = Vocabulary.from_texts(dataset.inputs)
    assert all(vocabulary.decode(vocabulary.encode(text)) == text for text in dataset.inputs)
    assert all((vocabulary.encode(text) > 1).all() for text in dataset.inputs)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_comes_back_by_characters(text):
    normal = unicodedata.normalize("NFC", text)
    assert Vocabulary.from_texts([text]).decode(Vocabulary.from_texts([text]).encode(text)) == normal


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_words_lose_nothing_but_blanks(text):
    pieces = Vocabulary([], "words").pieces(text)
    blanks = unicodedata.normalize("NFC", text).split()
    assert "".join(pieces) == "".join(blanks)


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_pieces_tokens_and_ids_are_as_many(unit):
    vocabulary = Vocabulary([], unit)
    for text in data.load("sentiment").inputs[::40]:
        assert len(vocabulary.pieces(text)) == len(vocabulary.tokens(text)) == len(vocabulary.encode(text))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("I LOVE this :)", ["i", "love", "this", ":)"]),
        ("Great:) really ;-)", ["great", ":)", "really", ";-)"]),
        ("so sad :'( :-/ ...", ["so", "sad", ":'(", ":-/", "..."]),
        ("yes :D =D :P", ["yes", ":d", "=d", ":p"]),
        ("<3 </3 ^_^ -_- (:", ["<3", "</3", "^_^", "-_-", "(:"]),
        ("don't stop!!!!!", ["don't", "stop", "!!!"]),
        ("no! NO!!", ["no", "!", "no", "!!"]),
        ("Note:Don't at 8:30", ["note", ":", "don't", "at", "8", ":", "30"]),
        ("(see above): well", ["(", "see", "above", ")", ":", "well"]),
        ("look http://a.b/C?d :/", ["look", "http://a.b/c?d", ":/"]),
        ("ftp://a", ["ftp", ":", "//", "a"]),
        ("#fb @you naïve ÉTÉ", ["#", "fb", "@", "you", "naïve", "été"]),
        ("e\u0301te\u0301", ["été"]),
    ],
)
def test_words(text, tokens):
    assert Vocabulary([], "words").tokens(text) == tokens


def test_pieces_are_as_written():
    assert Vocabulary([], "words").pieces("WOW :D!!!!!") == ["WOW", ":D", "!!!!!"]


def test_words_of_one_kind_share_an_id():
    vocabulary = Vocabulary.from_texts(["Good good GOOD bad"], "words")
    assert vocabulary.entries[2:] == ("good", "bad")
    assert vocabulary.encode("BAD unheard Good").tolist() == [3, 1, 2]
    assert vocabulary.decode([3, 1, 2, 0]) == "bad <unknown> good"


def test_rare_tokens_and_the_size_limit():
    texts = ["aaa bb c"]
    assert Vocabulary.from_texts(texts, minimum_count=2).entries[2:] == ("a", " ", "b")
    assert Vocabulary.from_texts(texts, max_size=3).entries[2:] == ("a",)
    assert len(Vocabulary.from_texts(texts, max_size=3)) == 3


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_it_comes_back_from_json(unit):
    vocabulary = Vocabulary.from_texts(data.load("surnames").inputs[:50], unit)
    again = Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
    assert (again.unit, again.entries) == (vocabulary.unit, vocabulary.entries)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Vocabulary(["a"], "letters"), "unit is 'letters', expected one of 'characters', 'words'"),
        (lambda: Vocabulary(["a", "a"]), "entry 3 is 'a', expected texts"),
        (lambda: Vocabulary([""]), "entry 2 is ''"),
        (lambda: Vocabulary([["a"]]), "entry 2 is"),
        (lambda: Vocabulary.from_texts(["a"], minimum_count=0), "minimum_count is 0, expected at least 1"),
        (lambda: Vocabulary.from_texts(["a"], max_size=2), "max_size is 2, expected at least 3"),
        (lambda: Vocabulary(["a"]).encode(""), "text is '', expected at least one of characters"),
        (lambda: Vocabulary(["a"], "words").encode(" \t"), "expected at least one of words"),
        (lambda: Vocabulary(["a"]).decode([3]), "id 3, expected 0 to 2"),
        (lambda: Vocabulary(["a"]).decode([-1]), "id -1, expected 0 to 2"),
        (lambda: Vocabulary.from_dict({"unit": "words"}), 'no list under "entries"'),
        (lambda: Vocabulary.from_dict(["a"]), 'no list under "entries"'),
        (lambda: Vocabulary.from_dict({"entries": ["a"]}), "unit is None"),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(data.DataError, match=sentence):
        make()


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_marks_stand_around_every_text(unit):
    vocabulary = Vocabulary.from_texts(["a b", "b c"], unit=unit, marks=True)
    ids = vocabulary.encode("b")
    assert list(ids) == [2, vocabulary.encode("b")[1], 3]
    assert len(vocabulary.pieces("b")) == len(ids) == 3
    assert vocabulary.decode(ids) == "b"
    assert ids[1] >= 4
    again = Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
    assert again.marks
    assert list(again.encode("a c")) == list(vocabulary.encode("a c"))
    assert len(again) == len(vocabulary)


def test_a_mark_written_in_a_text_is_not_a_mark():
    vocabulary = Vocabulary.from_texts(["ab"], marks=True)
    assert list(vocabulary.encode("‹a")) == [2, 1, vocabulary.encode("a")[1], 3]
