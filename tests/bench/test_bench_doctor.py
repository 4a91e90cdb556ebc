"""The doctor's benchmark: its plantings stand, its styles are right, its counting counts."""

import importlib
import itertools
import json

import pytest
from click.testing import CliRunner

from scratchnn.bench.doctor import cases, run, styles, trial, writing
from scratchnn.check import catalogue
from scratchnn.cli.bench import command
from scratchnn.errors import InputError

PLANTED = [
    (style, name, one)
    for style in styles.STYLES
    for name in styles.OPS
    for one in getattr(importlib.import_module(f"{styles.__name__}.{style}.plantings"), name.upper())
]


def test_enough_variants_are_planted_in_every_style():
    for style in styles.STYLES:
        assert len({one.bug for mine, _, one in PLANTED if mine == style}) >= 120, style


def test_every_planting_changes_its_source_and_names_a_bug_of_its_op():
    for style, name, one in PLANTED:
        source = styles.source(style, name)
        wrong = one.planted(source)
        compile(wrong, name, "exec")
        assert wrong != source
        assert catalogue.room_of(catalogue.bug(one.bug)) == styles.OPS[name]


def test_no_mistake_is_planted_twice_in_one_source():
    for key, group in itertools.groupby(PLANTED, key=lambda one: one[:2]):
        bugs = [one.bug for _, _, one in group]
        assert len(bugs) == len(set(bugs)), key


@pytest.mark.parametrize(
    "case", [case for case in cases.right() if case.style != cases.REFERENCE], ids=lambda c: c.name
)
def test_right_code_raises_no_alarm(case):
    assert not trial.alarms(case, 3)


@pytest.mark.parametrize("style", cases.STYLES)
def test_a_planted_mistake_is_named_and_its_lines_are_known(style):
    (case,) = (one for one in cases.singles((style,), ("lstm",)) if one.bugs == ("lstm-dc-next-dropped",))
    told = trial.tried(case, oracles=False)
    assert told["alone"]
    assert told["certain"]
    assert len(case.lines) == 1
    assert "dc_next" not in case.source.splitlines()[case.lines[0] - 1].partition("=")[2]


def test_lines_beside_one_that_was_taken_away_count():
    (case,) = (one for one in cases.singles(("gates",), ("gru",)) if one.bugs == ("gru-db-hn-zero",))
    lines = case.source.splitlines()
    assert 'grads["bh"]' in lines[case.lines[0] - 1]


def test_a_wrong_name_counts_against_the_doctor():
    (case,) = (one for one in cases.singles(("gates",), ("rnn",)) if one.bugs == ("rnn-db-mean",))
    lying = cases.Case(case.style, case.op, ("rnn-db-one-row",), case.source, case.lines)
    told = trial.tried(lying, oracles=False)
    assert not told["named"]
    found = run.summary([told], [], ["a false alarm"], [9.0], asked())
    assert found["styles"]["gates"]["named"] == [0, 1]
    assert found["styles"]["all"]["certain_right"] == [1, 2]  # of name and line, the line is right
    verdicts = [row[-1] for row in writing.goals(found)]
    assert verdicts == ["not measured"] * 3 + ["missed", "reached"] + ["missed"] * 3
    assert "rnn-db-mean" in writing.markdown(found)
    assert "a false alarm" in writing.markdown(found)


def asked():
    return {"singles": 1, "pairs": 0, "seeds": 1, "timed": 1, "options": ""}


def test_wrong_code_raises_alarms():
    (case,) = (one for one in cases.singles(("whole",), ("linear",)) if one.bugs == ("linear-db-mean",))
    assert len(trial.alarms(case, 3)) == 3


def test_the_command_samples_and_writes(tmp_path):
    out, report = tmp_path / "out.json", tmp_path / "doctor.md"
    options = "--styles whole,torch --ops softmax --limit 2 --pairs 5 --seeds 2 --timed 0"
    done = CliRunner().invoke(
        command, ["doctor", *options.split(), "--json", str(out), "--report", str(report)], standalone_mode=False
    )
    assert done.exception is None
    record = json.loads(out.read_text(encoding="utf-8"))
    assert record["styles"]["all"]["named"] == [4, 4]
    assert record["alarms"] == []
    assert "## Goals" in report.read_text(encoding="utf-8")


def test_an_unknown_style_is_refused():
    done = CliRunner().invoke(command, ["doctor", "--styles", "baroque"], standalone_mode=False)
    assert isinstance(done.exception, InputError)
    assert "baroque" in str(done.exception)
