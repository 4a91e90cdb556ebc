"""The page: one file, no network, the recorded numbers in it."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from scratchnn.errors import InputError
from scratchnn.trace import Trace, record
from scratchnn.trace.page import document, write
from scratchnn.trace.telling import TELLING

VOID = {"meta", "link", "input", "br"}


@pytest.fixture(scope="module")
def trace():
    return record("lstm", T=3, B=1, D=2, H=3, seed=1)


class Nesting(HTMLParser):
    """Every element is closed in the order in which it was opened; no id stands twice."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.ids = [], [], []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def embedded(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(found[1])


def test_the_page_holds_the_whole_trace(trace):
    read = Trace.from_json(embedded(document(trace))["right"])
    assert [one.text for one in read.events] == [one.text for one in trace.events]
    assert len(read.arrays) == len(trace.arrays)
    assert all(np.array_equal(a, b) for a, b in zip(read.arrays, trace.arrays, strict=True))


def test_a_wrong_run_shares_what_it_can_with_the_right_one(trace):
    wrong = [record("lstm", T=3, B=1, D=2, H=3, seed=1, plant=bug) for bug in TELLING["lstm"]]
    data = embedded(document(trace, wrong))
    for own, one in zip(data["wrong"], wrong, strict=True):
        assert len(json.dumps(own)) < 0.6 * len(json.dumps(one.to_json()))
        arrays = [json.dumps(x) for x in data["right"]["arrays"] + own["arrays"]]
        assert len(set(arrays)) == len(arrays), "equal arrays stand once"
        assert not any(event.keys() - {"like"} for event in own["events"] if "forward" in _twin(event, data))


def _twin(event, data):
    return data["right"]["events"][event["like"]]["phase"]


def test_it_is_well_formed_and_no_id_stands_twice(trace):
    nesting = Nesting()
    nesting.feed(document(trace))
    assert not nesting.wrong
    assert not nesting.open
    assert len(set(nesting.ids)) == len(nesting.ids)


def test_nothing_is_fetched(trace):
    page = document(trace)
    assert "default-src 'none'" in page
    assert not re.search(r"""(src|href)=["'](?!#|data:)""", page)
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest|WebSocket", page)


def test_a_name_that_looks_like_markup_stays_text(trace):
    copy = Trace.from_json(trace.to_json())
    copy.title = "</script><script>alert(1)</script>"
    copy.events[0].text = "x = '</script><b>'  # <!--"
    page = document(copy)
    assert "<script>alert" not in page
    assert page.count("</script>") == 2
    assert embedded(page)["right"]["events"][0]["text"] == copy.events[0].text


def test_the_default_page_with_a_planted_bug_is_small(tmp_path):
    sizes = {"T": 8, "B": 1, "H": 16}
    right, wrong = (record("lstm", **sizes, plant=bug) for bug in (None, "lstm-dc-next-dropped"))
    path = write(right, tmp_path / "lstm.html", [wrong])
    assert path.stat().st_size < 1_500_000


def test_numbers_that_are_not_finite_are_written(trace):
    copy = Trace.from_json(trace.to_json())
    copy.arrays[0] = np.full_like(copy.arrays[0], np.nan)
    assert "nan" in embedded(document(copy))["right"]["arrays"][0]["data"]


def test_a_wrong_trace_of_another_size_is_refused(trace):
    other = record("lstm", T=2, B=1, D=2, H=3, seed=1, checks=False)
    with pytest.raises(InputError, match=r"trace\.page: the wrong trace is of lstm .* expected lstm"):
        document(trace, [other])


def test_a_folder_that_is_not_there_is_one_sentence(trace, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write(trace, tmp_path / "nowhere" / "a.html")


def test_the_tables_show_every_equation_and_value(trace):
    page = document(trace)
    tables = page.split('<section id="tables"')[1]
    for equation in trace.equations:
        assert f'id="eq-{equation["op"]}-{equation["phase"]}-{equation["number"]}"' in tables
    assert tables.count("<math") == len(trace.equations)
    event = trace.find("dc_t", t=1, phase="backward")
    row = next(one for one in tables.split("<tr") if "dc_t = dc_next" in one and "<td>1</td>" in one)
    for x in trace.array(event.value).ravel():
        assert f"{x:.4g}".replace("-", "−") in row
    assert "✓ pass" in row
