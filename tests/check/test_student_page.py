"""The report as a page: self-contained, escaped, hints to be opened; a key asks for the next hint in a terminal."""

import os
import re
import sys
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest
from line_terminal import LineTerminal

from scratchnn.check import examine
from scratchnn.check.student.page import page

RIGHT = Path(__file__).parent / "students" / "step_lstm.py"
NASTY = '<script>alert("x")</script> & <b>'
VOID = {"meta"}


class Reader(HTMLParser):
    """Collects texts and tags, and complains of tags that are closed in another order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return "".join(self.texts)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    text = RIGHT.read_text(encoding="utf-8").replace("dc_next + dh_t * o", "dh_t * o")
    file = tmp_path_factory.mktemp("page") / "my_lstm.py"
    file.write_text(f"{text}\nprint({NASTY!r})\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def read(wrong):
    return Reader(page(examine(wrong, hint=5)))


def test_it_needs_no_network_and_runs_nothing(read):
    assert not read.open
    names = {tag for tag, _ in read.tags}
    assert not names & {"script", "img", "link", "iframe"}
    assert not [attrs for _, attrs in read.tags if {"src", "href", "onclick"} & attrs.keys()]


def test_the_students_text_is_shown_not_run(read):
    assert read.text.count(NASTY) == 2  # in the source and in what it printed


def test_numbers_and_hints_are_there_in_their_order(read):
    assert "The gradients are wrong" in read.text
    assert re.search(r"dW_h\s*wrong", read.text)
    places = [read.text.index(words) for words in ("step_backward", "used twice", "(12) dc_t", "tanh_slope(s)")]
    hints = read.text.index("Hints, one after the other")
    assert [place > hints for place in places[1:]] == [True] * 3
    assert places[1:] == sorted(places[1:])


def test_every_line_of_the_source_has_a_number(wrong, read):
    lines = wrong.read_text(encoding="utf-8").splitlines()
    assert sum(tag == "li" for tag, _ in read.tags) == len(lines)


def test_a_small_hint_gives_nothing_more_away(wrong):
    text = Reader(page(examine(wrong, hint=1))).text
    assert "The gradients are wrong" in text
    assert "Hints" not in text
    assert "used twice" not in text


def test_right_code_gets_a_page_without_hints():
    text = Reader(page(examine(RIGHT))).text
    assert "Forward and gradients are right" in text
    assert "Hints" not in text


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_key_asks_for_the_next_hint(wrong):
    command = [sys.executable, "-m", "scratchnn", "check", str(wrong)]
    with closing(LineTerminal(command, os.environ | {"TERM": "dumb"})) as terminal:
        seen = terminal.until("q: enough")
        assert "gradients of lstm.plain: WRONG" in seen
        assert "question:" not in seen
        for words in ("where:", "question:"):
            terminal.press(" ")
            assert words in terminal.until("q: enough")
        terminal.press("q")
        assert terminal.end() == 1
