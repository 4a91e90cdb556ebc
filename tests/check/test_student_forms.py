"""Students' code in other forms is understood and its mistakes named; other conventions are called conventions."""

import importlib.util
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from scratchnn.check import adapter_for, examine
from scratchnn.cli.check import command

STUDENTS = Path(__file__).parent / "students"
RIDDLE = Path(__file__).parent / "riddles" / "bundle_lstm.py"
HOW = RIDDLE.with_name("bundle_lstm_adapter.py")
NO_TORCH = importlib.util.find_spec("torch") is None


@pytest.fixture
def spoil(tmp_path):
    def call(name, old, new):
        text = (STUDENTS / name).read_text(encoding="utf-8")
        assert text.count(old) == 1
        file = tmp_path / name
        file.write_text(text.replace(old, new), encoding="utf-8")
        return examine(file)

    return call


def ids(found):
    return [[mistake["id"] for mistake in match["mistakes"]] for match in found.matches]


def assumed(name):
    found = examine(STUDENTS / name)
    assert found.passed, str(found)
    return " | ".join(found.as_dict()["assumed"])


# Each planting was paired with its id by reading bugs.py: the same term is missing, the same factor is wrong.
PLANTINGS = [
    ("columns_lstm.py", "dct = dc_next + da_next * ot", "dct = da_next * ot", "lstm-dc-next-dropped"),
    ("stepwise_lstm.py", "dc = dnext_c + dnext_h * o", "dc = dnext_h * o", "lstm-dc-next-dropped"),
    ("vectors_rnn.py", "dhraw = (1 - hs[t] * hs[t]) * dh", "dhraw = dh", "rnn-slope-missing"),
    ("function_lstm.py", "dct * cs[t] * f * (1 - f)", "dct * cs[t + 1] * f * (1 - f)", "lstm-c-t-for-c-prev"),
    ("compiled_softmax.py", "p[row, k] * (dp[row, k] - inner)", "p[row, k] * dp[row, k]", "softmax-sum-dropped"),
    ("single_lstm.py", "dc_t = dc_next + dh_t * o", "dc_t = dh_t * o", "lstm-dc-next-dropped"),
]


@pytest.mark.parametrize(("name", "old", "new", "bug"), PLANTINGS)
def test_a_mistake_is_named_in_every_form(spoil, name, old, new, bug):
    if name.startswith("function") and NO_TORCH:
        pytest.skip("PyTorch is not installed")
    found = spoil(name, old, new)
    assert found.status == 1
    assert [bug] in ids(found), str(found)


def test_columns_and_matrices_on_both_are_said():
    said = assumed("columns_lstm.py")
    assert "(features, batch, time)" in said
    assert "Wf = h+x of f" in said
    assert "no gradient of c0: that one is not judged" in said


def test_another_place_of_the_reset_gate_is_a_convention_and_its_mistakes_are_found(spoil):
    said = assumed("reset_first_gru.py")
    assert "another convention and no mistake" in said
    assert "h_t = (1 - z) * h_prev + z * n" in said
    found = spoil("reset_first_gru.py", "drhx[:, :H] * r + dhx", "drhx[:, :H] + dhx")
    assert found.status == 1
    assert not found.matches


def test_single_precision_is_judged_by_a_bound_of_its_own():
    found = examine(STUDENTS / "single_lstm.py")
    assert found.passed
    (report,) = found.reports
    assert any("single precision" in note for note in report["notes"])
    assert max(row["bound"] for row in report["rows"]) < 1e-3  # the mistakes of the catalogue are of order 1


def test_two_biases_must_both_be_right(tmp_path):
    from scratchnn.bench.doctor import styles

    text = styles.source("torch", "lstm")
    wrong = text.replace("grad_bias.copy()", "0 * grad_bias")
    file = tmp_path / "my_lstm.py"
    for spoiled in (wrong, wrong.replace("grad_bias, 0 * grad_bias", "0 * grad_bias, grad_bias")):
        assert spoiled != text
        file.write_text(spoiled, encoding="utf-8")
        found = examine(file)
        assert [row["name"] for row in found.reports[0]["rows"] if not row["passed"]] == ["b"]


def test_a_riddle_is_called_one_and_an_adapter_solves_it(tmp_path):
    found = examine(RIDDLE)
    assert found.status == 2
    assert examine(RIDDLE, adapter=HOW).passed
    wrong = tmp_path / RIDDLE.name
    wrong.write_text(RIDDLE.read_text(encoding="utf-8").replace("dct = dc + d", "dct = d"), encoding="utf-8")
    found = examine(wrong, adapter=HOW)
    assert ["lstm-dc-next-dropped"] in ids(found)


def test_the_skeleton_names_the_students_functions_and_is_python():
    text = adapter_for(RIDDLE)
    compile(text, "skeleton", "exec")
    assert "mine.lstm_forward(...)" in text
    assert "#   lstm_backward(dh, dc, keep, W, c)" in text
    for name in ("x", "h0", "c0", "W_x", "W_h", "b"):
        assert f'"{name}": ...,' in text


def test_the_command_writes_a_skeleton_once(tmp_path):
    place = tmp_path / "how.py"
    done = CliRunner().invoke(command, [str(RIDDLE), "--write-adapter", str(place)], standalone_mode=False)
    assert "TODO" in place.read_text(encoding="utf-8")
    assert "--adapter" in done.output
    again = CliRunner().invoke(command, [str(RIDDLE), "--write-adapter", str(place)], standalone_mode=False)
    assert "is there already" in str(again.exception)


def test_a_report_of_another_form_is_json(spoil):
    found = spoil("stepwise_lstm.py", "dc = dnext_c + dnext_h * o", "dc = dnext_h * o")
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["diagnosis"]["certain"]
