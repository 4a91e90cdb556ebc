"""Mistakes planted in the source of recurrent ops: the gate, the step where it begins, and what is left out."""

import numpy as np
import pytest

from scratchnn import check
from scratchnn.check import catalogue
from scratchnn.check.explain.pieces import Pieces
from scratchnn.check.layout import layout_of
from scratchnn.misconceptions import Bug, Edit
from scratchnn.ops import lstm

T, B, D, H = 4, 3, 2, 2
LAYOUT = layout_of("lstm")


def problem(reference=lstm.reference, T=T):
    """Give forward, backward and inputs of an LSTM computed by any module with the reference's functions."""
    x, h0, c0, params = lstm.sample(np.random.default_rng(0), T=T, B=B, D=D, H=H)

    def forward(inputs):
        params = lstm.Params(inputs["W_x"], inputs["W_h"], inputs["b"])
        cache = reference.forward(inputs["x"], inputs["h0"], inputs["c0"], params)
        return {"h": cache.h[1:], "c_last": cache.c[-1]}, (cache, params)

    def backward(upstream, kept):
        return reference.backward(upstream["h"], upstream["c_last"], *kept)._asdict()

    return forward, backward, {"x": x, "h0": h0, "c0": c0, **params._asdict()}


def mistake(function, old, new):
    return catalogue.plant(Bug("lstm-planted", "", "M3", (Edit(function, old, new),), "?"))


def rows_of(module, **options):
    report = check.check_gradients(*problem(module), layout=LAYOUT, **options)
    assert not report.passed
    return {row.name: row for row in report.rows}


@pytest.mark.parametrize(
    ("function", "old", "new", "gates"),
    [
        ("step_backward", "df = dc_t * nodes.c_prev", "df = dc_t * nodes.c_t", "forget gate"),
        ("step_backward", "da_o = do * sigmoid_slope(o)", "da_o = do", "output gate"),
        ("step_backward", "di = dc_t * g", "di = dc_t * i", "input gate"),
        ("step_backward", "da_g = dg * tanh_slope(g)", "da_g = dg * tanh_slope(np.tanh(g))", "candidate"),
    ],
)
def test_the_gate_is_named_though_the_error_spreads_to_all_of_them(function, old, new, gates):
    rows = rows_of(mistake(function, old, new))
    for name in ("W_x", "W_h", "b"):
        assert rows[name].wrong.all()
        assert rows[name].place == f"{gates}, from t={T - 1} backward; before t={T - 1} all of it"
    assert rows["h0"].place == "all of it"


@pytest.mark.parametrize(
    ("old", "new", "gates"),
    [
        ("dc_prev = dc_t * f", "dc_prev = dc_t", "input gate, forget gate and candidate, "),  # dc does not reach o
        ("dh_prev = da_t @ W_h.T", "dh_prev = da_i @ W_h[:, :da_i.shape[1]].T", ""),
    ],
)
def test_a_wrong_carry_begins_one_step_before_the_last(old, new, gates):
    rows = rows_of(mistake("step_backward", old, new))
    assert rows["x"].place == f"from t={T - 2} backward"
    assert rows["x"].hints == (f"the last step is right: look at what is carried from t={T - 1} to t={T - 2}",)
    for name in ("W_x", "W_h", "b"):
        assert rows[name].place.startswith(f"{gates}from t={T - 2} backward")
        assert rows[name].hints[0].startswith("the last step alone would be right: look at what is carried")


def first_hints(old, new, name, function="backward"):
    return rows_of(mistake(function, old, new))[name].hints[0]


PARAMETERS = {
    "the last step": ("(t == T - 1)", "only the last step (t=3) counts in it: right is the sum over all 4 steps"),
    "the first step": ("(t == 0)", "only the first step (t=0) counts in it: right is the sum over all 4 steps"),
    "a step between": ("(t == 2)", "only step t=2 counts in it: right is the sum over all 4 steps"),
    "all but the first": ("(t > 0)", "the first step (t=0) is left out of the sum over the steps"),
    "all but the last": ("(t < T - 1)", "the last step (t=3) is left out of the sum over the steps"),
    "the mean over the steps": (
        "1 / T",
        "every entry is 1/4 of the right one: a mean over time (T=4) instead of a sum",
    ),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_which_steps_count_in_a_parameter_is_said(case):
    factor, hint = PARAMETERS[case]
    new = f"dW_h += {factor} * (nodes.h_prev.T @ da_t)"
    assert first_hints("dW_h += nodes.h_prev.T @ da_t", new, "W_h").startswith(hint)


def test_one_row_of_the_batch_is_recognised():
    hint = "only row 1 of the batch counts in it: right is the sum over all 3 rows"
    assert first_hints("db += da_t.sum(axis=0)", "db += da_t[1]", "b") == hint
    hint = "only the upstream gradient of row 0"
    assert not first_hints("db += da_t.sum(axis=0)", "db += da_t[0]", "b").startswith(hint)


def test_a_state_whose_gradient_from_outside_is_ignored_is_named():
    rows = rows_of(mistake("backward", "dc_next = dc_last", "dc_next = 0 * dc_last"))
    hint = "the upstream gradient of c_last is left out, the rest is right"
    assert {row.hints for row in rows.values()} == {(hint,)}


def test_without_any_carry_each_step_hears_its_own_loss_only():
    report = check.judge(check.select("gru.plain")[0], 0, catalogue.plant(catalogue.bug("gru-dh-next-dropped")))
    hints = {row.name: row.hints for row in report.rows}
    own = ("each step hears its own loss only: is the carry from t+1 to t cut?",)
    zero = ("every entry is 0: is nothing handed back?",)
    assert hints == {"x": own, "h0": zero, "W_x": own, "W_h": own, "b": own, "b_hn": own}


def test_blocks_in_another_order_are_read_off_the_last_step():
    rows = rows_of(mistake("step_backward", "[da_i, da_f, da_g, da_o]", "[da_f, da_i, da_g, da_o]"))
    assert rows["W_h"].hints[0] == (
        "the last step alone: the blocks are right but stand in the order forget gate, input gate, candidate and "
        "output gate, expected input gate, forget gate, candidate and output gate"
    )


def test_a_mistake_of_the_first_step_only_is_not_put_at_the_last():
    rows = rows_of(mistake("backward", "return Grads(x=dx", "dx[0] = 2 * dx[0]\nreturn Grads(x=dx"))
    assert rows["x"].place == "t=0 only"


def test_pieces_add_up_to_the_gradient_and_a_step_alone_is_what_its_copy_does():
    forward, backward, inputs = problem()
    report = check.check_gradients(forward, backward, inputs, layout=LAYOUT)
    rng = np.random.default_rng(1)
    outputs, cache = forward(inputs)
    upstream = {name: rng.normal(size=array.shape) for name, array in outputs.items()}
    pieces = Pieces(forward, backward, upstream, inputs, LAYOUT)
    grads = backward(upstream, cache)
    for name in report.rows[0].name, "h0", "W_h", "b":
        shares = pieces.of(name)
        assert shares.shape == (T if name in ("W_h", "b") else 1, 2, T, B, *inputs[name].shape)
        np.testing.assert_allclose(shares.sum(axis=(0, 1, 2, 3)), grads[name], rtol=0, atol=1e-13)
    by_loss = pieces.of("b").sum(axis=1)  # (step of use, step of the loss, ...)
    assert not by_loss[np.tril_indices(T, -1)].any(), "a step spoke to a loss before it"
    assert by_loss[np.triu_indices(T)].any(axis=(1, 2)).all()


def test_code_that_cannot_be_cut_into_steps_gets_no_steps_and_no_harm():
    forward, backward, inputs = problem(mistake("step_backward", "df = dc_t * nodes.c_prev", "df = dc_t * nodes.c_t"))

    def whole(inputs):
        if len(inputs["x"]) != T:
            raise ValueError(f"expected {T} steps")
        return forward(inputs)

    report = check.check_gradients(whole, backward, inputs, layout=LAYOUT)
    assert not report.passed
    assert not report.failures
    assert {row.place for row in report.rows} == {"all of it"}


def test_a_code_with_state_of_its_own_is_not_believed_in_pieces():
    """A forward whose steps do not chain to what the whole run gives is left whole."""
    forward, backward, inputs = problem()

    def scaled_by_length(given):
        outputs, cache = forward(given)
        return {name: array * len(given["x"]) for name, array in outputs.items()}, cache

    upstream = {name: np.ones_like(array) for name, array in forward(inputs)[0].items()}
    assert Pieces(scaled_by_length, backward, upstream, inputs, LAYOUT).states is None


def test_float_buffers_get_hints_by_differences():
    edits = (
        Edit("forward", "dtype = np.result_type(x, h0, c0, *params)", "dtype = np.float64"),
        Edit("backward", "dW_h += nodes.h_prev.T @ da_t", "dW_h += (t == T - 1) * (nodes.h_prev.T @ da_t)"),
    )
    rows = rows_of(catalogue.plant(Bug("lstm-planted", "", "M3", edits, "?")))
    assert rows["W_h"].hints[0].startswith("only the last step (t=3) counts in it")


def test_a_guessed_layout_is_confessed():
    module = mistake("step_backward", "df = dc_t * nodes.c_prev", "df = dc_t * nodes.c_t")
    report = check.check_gradients(*problem(module))
    assert "forget gate" in {row.name: row.place for row in report.rows}["W_h"]
    assert any("taking the columns of W_x as blocks i f g o" in note for note in report.notes)


def test_attention_that_sees_its_last_query_only_is_found_out():
    report = check.judge(
        check.select("attention.dot.plain")[0], 0, catalogue.plant(catalogue.bug("attention-dv-last-query"))
    )
    assert [row.hints for row in report.rows if not row.passed] == [
        ("only the upstream gradient of the last query (2) counts in it",)
    ]
