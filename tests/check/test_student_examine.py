"""Students' files: right ones pass in any convention, planted mistakes are named, wrong forwards are shown."""

import json
from pathlib import Path

import pytest

from scratchnn.check import examine
from scratchnn.check.student import load
from scratchnn.errors import InputError

FOLDER = Path(__file__).parent / "students"
FILES = sorted(path.name for path in FOLDER.glob("*.py"))


@pytest.fixture
def spoil(tmp_path):
    def call(name, old, new):
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert text.count(old) == 1
        file = tmp_path / name
        file.write_text(text.replace(old, new), encoding="utf-8")
        return file

    return call


def named(found):
    return [[mistake["id"] for mistake in match["mistakes"]] for match in found.matches]


@pytest.mark.parametrize("name", FILES)
def test_right_code_passes(name):
    if name.startswith("function"):
        pytest.importorskip("torch")
    found = examine(FOLDER / name)
    assert found.passed, str(found)
    assert found.status == 0
    assert not found.matches


# Paired by reading bugs.py, not by asking the doctor: dh_t * z left out of dh_prev is gru-dh-z-missing; dscores
# without 1/sqrt(E) leave both dq and dk unscaled, attention-dot-unscaled; and so on.
@pytest.mark.parametrize(
    ("name", "old", "new", "bug"),
    [
        ("lists_lstm.py", "dc_t = dc_next + dh_t * o", "dc_t = dh_t * o", "lstm-dc-next-dropped"),
        ("lists_lstm.py", "dh_next = da @ W_h.T", "dh_next = 0 * dh_next", "lstm-dh-next-not-carried"),
        ("torch_gru.py", "carry = dh_t * z + du @ W_h", "carry = du @ W_h", "gru-dh-z-missing"),
        ("own_attention.py", "    dscores = dscores / np.sqrt(q.shape[-1])\n", "", "attention-dot-unscaled"),
        ("step_lstm.py", "dc_next + dh_t * o", "dh_t * o", "lstm-dc-next-dropped"),
    ],
)
def test_a_planted_mistake_is_named(spoil, name, old, new, bug):
    found = examine(spoil(name, old, new))
    assert found.status == 1
    assert [bug] in named(found), str(found)


def test_assumptions_are_stated():
    said = examine(FOLDER / "torch_gru.py").as_dict()["assumed"]
    assert "your gate blocks stand in the order z r n" in said
    assert "your weights are (outputs, inputs), ours (inputs, outputs)" in said


def test_hints_go_step_by_step(spoil):
    file = spoil("step_lstm.py", "dc_next + dh_t * o", "dh_t * o")
    texts = [str(examine(file, hint=hint)) for hint in (1, 3, 4, 5)]
    for text, words in zip(
        texts, ("expected", "question:", "formula: (12)", "of our reference: dc_t ="), strict=True
    ):
        assert words in text
    assert "question:" not in texts[0]
    assert "formula:" not in texts[1]
    assert "of our reference:" not in texts[2]
    assert "--hint 4 tells more" in texts[1]


def test_a_wrong_forward_is_shown_by_its_first_wrong_node(tmp_path):
    text = """
import numpy as np

def step(x_t, h_prev, c_prev, params):
    W_x, W_h, b = params
    a_t = x_t @ W_x + h_prev @ W_h + b
    a_i, a_f, a_g, a_o = np.split(a_t, 4, axis=1)
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), sigmoid(a_g), sigmoid(a_o)
    c_t = f * c_prev + i * g
    s = np.tanh(c_t)
    return Step(x_t, h_prev, c_prev, a_t, i, f, g, o, c_t, s, o * s)
"""
    file = tmp_path / "my_lstm.py"
    file.write_text(text, encoding="utf-8")
    found = examine(file)
    assert found.status == 1
    assert found.forward["first_wrong"]["name"] == "g"
    assert found.forward["first_wrong"]["t"] == 0
    assert "first wrong: g at t=0" in str(found)


def test_everything_is_json(spoil):
    told = examine(spoil("step_lstm.py", "dc_next + dh_t * o", "dh_t * o")).as_dict()
    again = json.loads(json.dumps(told, allow_nan=False))
    assert again["status"] == 1
    assert again["diagnosis"]["certain"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def backward(:\n", "is no Python in line 1"),
        ("def backward(a, b):\n    pass\n", "does not say which op it is"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, text, words):
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        examine(file)


def test_a_missing_file_is_refused():
    with pytest.raises(InputError, match="cannot be read"):
        load("no_such_lstm.py")


@pytest.mark.parametrize(
    ("source", "op"),
    [
        ('"""My GRU."""\ndef backward(dh, cache, params): ...\n', "gru"),
        ("def step_backward(dh_t, dc_next, nodes, params): ...\n\n", "lstm"),
        ("class Attention:\n    pass\n", "attention"),
    ],
)
def test_the_op_is_found(source, op):
    assert load(source).op == op


def test_a_forward_alone_is_judged_alone(tmp_path):
    text = (FOLDER / "lists_lstm.py").read_text(encoding="utf-8").partition("def backward")[0]
    file = tmp_path / "my_lstm.py"
    file.write_text(text, encoding="utf-8")
    found = examine(file)
    assert found.status == 0
    assert not found.reports
    assert "the forward is right; no backward was judged" in str(found)


def test_arguments_that_are_not_understood_are_no_wrong_gradients(tmp_path):
    file = tmp_path / "my_lstm.py"
    file.write_text("def forward(x, h0, c0, one, two, three):\n    return x\n", encoding="utf-8")
    found = examine(file)
    assert found.status == 2
    assert "forward takes x, h0, c0, one, two, three, expected" in str(found)
    assert "WRONG" not in str(found)


def test_attention_without_a_gradient_of_its_weights_is_right_and_its_mistakes_are_named(tmp_path):
    text = (FOLDER / "own_attention.py").read_text(encoding="utf-8")
    text = text.replace(", dalpha=None", "").replace(" + (0 if dalpha is None else dalpha)", "")
    file = tmp_path / "my_attention.py"
    file.write_text(text, encoding="utf-8")
    assert examine(file).passed, str(examine(file))
    file.write_text(text.replace("dscores = dscores / np.sqrt(q.shape[-1])", "pass"), encoding="utf-8")
    assert ["attention-dot-unscaled"] in named(examine(file))
