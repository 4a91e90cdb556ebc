"""The race itself, with tiny sizes: processes start, results are compared, who is wrong or missing is named."""

import json
import math
import os
from pathlib import Path

import pytest

from scratchnn import draw
from scratchnn.bench import cases, report, turns

PACE = turns.Pace(rounds=2, seconds=0.0, least=2, most=2, warm=0)
CASE = cases.Case("lstm", (2, 3, 4, 5))
ENTRY = turns.Entry("ours", "reference")
BLAS = turns.Entry("BLAS", "product", "blas")


@pytest.fixture(scope="module")
def raced():
    """Race the reference against itself, a planted mistake, a peer that is not there, and one that dies."""
    folder = str(Path(__file__).parent)
    before, missing = os.environ.get("PYTHONPATH"), {}
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, before]))
    entries = [
        ENTRY,
        turns.Entry("twin", "reference"),
        turns.Entry("wrong", "wrong_contender"),
        turns.Entry("absent", "no_such.contender"),
    ]
    try:
        rows = list(turns.race([CASE], 1, lambda case: entries, PACE, missing=missing, limits=(BLAS,)))
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    return rows, missing


@pytest.fixture(scope="module")
def record(raced):
    rows, missing = raced
    return report.as_json(rows, "ours", ["twin", "wrong", "absent"], missing, report.machine())


def test_everybody_takes_the_same_number_of_turns(raced):
    (row,), _ = raced
    for name in ("ours", "twin"):
        assert [len(turn) for turn in row.timings[name].turns] == [2, 2]
        assert row.timings[name].least <= row.timings[name].median
    low, high = row.spread("ours", "twin")
    assert 0 < low <= high
    assert row.limit > 0
    assert row.rate("ours") == cases.flops(CASE) / row.timings["ours"].median


def test_a_wrong_contender_fails_and_is_not_timed(raced):
    (row,), _ = raced
    wrong = row.timings["wrong"]
    assert "differs by" in wrong.failed
    assert wrong.times == []
    assert wrong.median is None
    assert row.ratio("ours", "wrong") is None


def test_a_missing_contender_is_named_and_stops_nobody(raced):
    (row,), missing = raced
    assert list(missing) == ["absent"]
    assert "no_such" in missing["absent"]
    assert "absent" not in row.timings


def test_the_record_is_json_with_all_numbers(record):
    again = json.loads(json.dumps(record))
    assert again["schema"] == report.SCHEMA
    assert set(again) == {"schema", "machine", "ours", "peers", "missing", "versions", "rows"}
    (row,) = again["rows"]
    assert (row["topic"], row["cell"], row["letters"], row["threads"]) == ("lstm", "2,3,4,5", "T,B,D,H", 1)
    twin = row["contenders"]["twin"]
    assert twin["ratio"] == pytest.approx(twin["median"] / row["contenders"]["ours"]["median"])
    assert twin["error"] < twin["bound"]
    assert math.isfinite(twin["first_seconds"])
    assert row["contenders"]["wrong"]["median"] is None


def test_the_picture_tells_who_was_wrong(record, tmp_path):
    figure = draw.race(record)
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert "wrong: wrong result" in words
    assert draw.save(figure, tmp_path / "race.png").stat().st_size > 5000


def test_the_ladder_is_drawn_in_milliseconds(record):
    (row,) = record["rows"]
    figure = draw.race(record | {"rows": [row | {"topic": "ladder"}]})
    (axes,) = figure.axes
    assert "milliseconds" in axes.get_xlabel()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ours", "twin", "wrong"]


def test_a_contender_whose_process_ends_is_reported(tmp_path):
    worker = turns.Worker(ENTRY, 1, tmp_path)
    try:
        assert "NumPy" in worker.answer()["versions"]
        worker.process.kill()
        with pytest.raises(turns.Gone, match="process"):
            worker.ask(do="time", seconds=0, least=1, most=1)
    finally:
        worker.close()


def test_threads_stand_in_the_environment_before_anything_is_imported():
    environment = turns.environment(3)
    assert environment["OMP_NUM_THREADS"] == environment["NUMBA_NUM_THREADS"] == "3"
    assert "intra_op_parallelism_threads=3" in environment["XLA_FLAGS"]
