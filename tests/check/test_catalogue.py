"""The catalogue's machinery: where an edit lands, what a planted module is, what the records must say."""

import inspect
import re
import traceback

import numpy as np
import pytest

from scratchnn import check, ops
from scratchnn.check import catalogue, conduct
from scratchnn.errors import InputError
from scratchnn.misconceptions import MISCONCEPTIONS, Bug, Edit
from scratchnn.ops import lstm

EVERY = catalogue.bugs()
PLACES = {"time", "gate", "sums", "shape", "memory", "clip", "softmax", "attention"}
LEAST = {"rnn": 18, "lstm": 45, "gru": 35}


def made(*edits, name="lstm-made-up"):
    """Give a bug of our own."""
    return Bug(name, "made up", "M1", tuple(Edit(*edit) for edit in edits), "Is it?")


def code_of(function):
    """Give the lines of a function without its docstring."""
    source = inspect.getsource(function)
    return source.replace(function.__doc__, "").splitlines()


# --- what planting does -------------------------------------------------------------------------------------------


def test_a_planted_module_differs_in_the_edited_line_only():
    bug = made(("step_backward", "dc_t = dc_next + ds * tanh_slope(s)", "dc_t = ds * tanh_slope(s)"))
    right, wrong = catalogue.source_of("lstm").splitlines(), catalogue.source(bug).splitlines()
    assert len(right) == len(wrong)
    changed = [pair for pair in zip(right, wrong, strict=True) if pair[0] != pair[1]]
    assert changed == [
        ("    dc_t = dc_next + ds * tanh_slope(s)  # (12)", "    dc_t = ds * tanh_slope(s)  # (12)"),
    ]
    module = catalogue.plant(bug)
    assert code_of(module.backward) == code_of(lstm.reference.backward)
    assert module.step_backward.__doc__ == lstm.reference.step_backward.__doc__


def test_planting_leaves_the_reference_and_other_plants_alone():
    bug = made(("step_backward", "ds = dh_t * o", "ds = dh_t"))
    before = lstm.reference.step_backward.__code__
    one, other = catalogue.plant(bug), catalogue.plant(bug)
    assert one is not other
    assert one.backward is not other.backward
    assert lstm.reference.step_backward.__code__ is before


def test_a_traceback_shows_the_planted_line_and_names_the_bug():
    module = catalogue.plant(made(("step_backward", "ds = dh_t * o", "ds = dh_t @ o @ dh_t"), name="lstm-at-sign"))
    x, h0, c0, params = lstm.sample(np.random.default_rng(0))
    cache = module.forward(x, h0, c0, params)
    with pytest.raises(ValueError, match="matmul") as raised:
        module.backward(cache.h[1:], cache.c[-1], cache, params)
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert last.line.startswith("ds = dh_t @ o @ dh_t")
    assert "lstm-at-sign" in last.filename
    assert (
        catalogue.source(made(("step_backward", "ds = dh_t * o", "ds = dh_t @ o @ dh_t")))
        .splitlines()[last.lineno - 1]
        .strip()
        == "ds = dh_t @ o @ dh_t  # (11)"
    )


def test_several_lines_are_found_and_written_at_any_indentation():
    call = "dx[t], dh_prev, dc_prev, da_t = step_backward("
    old = f"{call}\n    np.where(real, dh_t, 0), np.where(real, dc_next, 0), nodes, params\n)"
    new = f"if t:\n    {call}dh_t, dc_next, nodes, params)"
    bug = made(("backward", old, new))
    lines = catalogue.source(bug).splitlines()
    k = lines.index("        if t:")
    assert lines[k + 1] == f"            {call}dh_t, dc_next, nodes, params)"
    assert lines[k + 2] == ""  # three lines became two, and what follows keeps its number
    assert (
        lines[k + 3]
        == catalogue.source_of("lstm").splitlines()[k + 3]
        == "        dW_x += nodes.x_t.T @ da_t  # (24)"
    )


def test_two_bugs_are_planted_together():
    one, other = (
        made(("step_backward", "ds = dh_t * o", "ds = dh_t")),
        made(("backward", "dh_t = dh[t] + dh_next", "dh_t = dh[t]")),
    )
    both = catalogue.source(one, other)
    assert "    ds = dh_t  # (11)" in both
    assert "        dh_t = dh[t]  # (9)" in both
    catalogue.plant(one, other)


@pytest.mark.parametrize(
    ("bugs", "sentence"),
    [
        ([made(("step_backward", "dh_t * c", "0"))], r"lstm-made-up: 'dh_t \* c' stands 0 times in step_backward"),
        ([made(("backward", "real", "1"))], "lstm-made-up: 'real' stands 5 times in backward, expected exactly once"),
        ([made(("step_backward", "dh_t * o,", "0"))], "stands 0 times"),  # it stands in the docstring
        ([made(("step_backward", "t = dc_next + ds", "0"))], "stands 0 times"),  # no whole word
        ([made(("undo", "ds", "0"))], "the reference has no function 'undo', expected one of step, step_backward"),
        ([made(("step", "i * g", "g"), ("step", "f * c_prev + i * g", "g"))], "lstm-made-up and lstm-made-up change"),
        ([made(name="lstm-one"), made(name="gru-one")], r"of the rooms \['gru', 'lstm'\], expected one room"),
        ([made(name="nothing-one")], "the id 'nothing-one' begins with no op"),
        ([], r"the rooms \[\], expected one room"),
    ],
)  # fmt: skip
def test_what_cannot_be_planted_is_refused_with_a_sentence(bugs, sentence):
    with pytest.raises(ValueError, match=sentence):
        catalogue.plant(*bugs)


def test_a_room_is_read_off_the_id():
    assert catalogue.room_of(made(name="cross-entropy-twice")) == "cross_entropy"
    assert catalogue.room_of(made(name="softmax-twice")) == "softmax"
    for room in ops.ROOMS:
        assert all(catalogue.room_of(bug) == room for bug in catalogue.bugs(room))


def test_a_planted_module_is_a_backend_of_ops_and_layers():
    right, wrong = catalogue.plant(made()), catalogue.plant(catalogue.bug("lstm-dc-next-dropped"))
    for name in ("lstm.masked", "layers.lstm"):
        (subject,) = check.select(name)
        expected, same, other = (
            conduct.observe(*subject.make(np.random.default_rng(0), backend), 0).grads
            for backend in ("reference", right, wrong)
        )
        assert all(np.array_equal(same[key], grad) for key, grad in expected.items())
        assert not np.array_equal(other["x"], expected["x"])
    assert not check.run("rnn.tanh", backend=catalogue.plant(catalogue.bug("rnn-db-mean")))[0].passed
    with pytest.raises(ValueError, match="linear: no backend 'abacus'"):
        check.run("linear.bias", backend="abacus")


def test_unknown_names_are_the_callers_mistake():
    with pytest.raises(InputError, match="op is 'lsmt', expected one of activations, "):
        catalogue.bugs("lsmt")
    with pytest.raises(InputError, match="no bug is called 'lstm-nothing'"):
        catalogue.bug("lstm-nothing")


# --- what the records say -----------------------------------------------------------------------------------------


def test_the_catalogue_is_large_enough():
    assert len(EVERY) >= 80
    for room, least in LEAST.items():
        assert len(catalogue.bugs(room)) >= least


def test_ids_and_titles_are_unique():
    assert len({bug.id for bug in EVERY}) == len(EVERY)
    for room in ops.ROOMS:
        titles = [bug.title for bug in catalogue.bugs(room)]
        assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("bug", EVERY, ids=lambda bug: bug.id)
def test_a_record_is_complete_and_every_edit_stands_exactly_once(bug):
    assert bug.misconception in MISCONCEPTIONS
    assert bug.kind in ("gradient", "memory")
    assert bug.place in PLACES
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", bug.id)
    assert bug.edits
    assert all(edit.old != edit.new for edit in bug.edits)
    assert catalogue.source(bug) != catalogue.source_of(catalogue.room_of(bug))
    catalogue.plant(bug)


RECURRENT = [bug for room in LEAST for bug in catalogue.bugs(room)]


@pytest.mark.parametrize("bug", RECURRENT, ids=lambda bug: bug.id)
def test_a_question_asks_and_does_not_tell(bug):
    assert bug.question.endswith("?")
    told = "".join(bug.question.split())
    for edit in bug.edits:
        for line in (*edit.new.splitlines(), *edit.old.splitlines()):
            value = "".join(line.partition(" = ")[2].split())
            assert "".join(line.split()) == "" or "".join(line.split()) not in told
            assert len(value) < 6 or value not in told
