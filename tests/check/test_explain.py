"""Hints: each planted mistake gets its sentence first, and a gradient that is wrong at random gets none."""

import numpy as np
import pytest

from scratchnn.check.explain import explain
from scratchnn.check.explain.place import place_of
from scratchnn.check.layout import Layout, layout_of
from scratchnn.check.report import Row

T, B, D, H = 4, 3, 2, 5
RNG = np.random.default_rng(0)
TRUTH = {name: RNG.normal(size=shape) for name, shape in {
    "x": (T, B, D), "h0": (B, H), "c0": (B, H), "W_x": (D, 4 * H), "W_h": (H, 4 * H), "b": (4 * H,),
}.items()}  # fmt: skip
GATES = ("input gate", "forget gate", "candidate", "output gate")


def row_of(name, given, truth):
    same = np.shape(given) == truth.shape
    wrong = np.abs(given - truth) > 1e-10 * np.max(np.abs(truth), initial=1e-300) if same else None
    passed = bool(same and not wrong.any())
    return Row(
        name, truth.shape, truth.size, passed=passed, gradient=given, truth=truth, wrong=wrong, bound_complex=1e-10
    )


def hints_for(name, given, layout=None, truths=TRUTH, inputs=None):
    """Explain one wrong gradient among right ones."""
    given = {key: truth for key, truth in truths.items()} | {name: np.asarray(given)}
    rows = tuple(row_of(key, given[key], truth) for key, truth in truths.items())
    explained, _ = explain(rows, layout or layout_of("lstm"), inputs or truths)
    return next(row for row in explained if row.name == name)


def in_blocks(name, function):
    """Change the blocks of an array, given as a list of four."""
    return np.concatenate(function(np.split(TRUTH[name], 4, axis=-1)), axis=-1)


def with_zero(array, where):
    array = array.copy()
    array[where] = 0
    return array


WHOLE = {
    "zero": ("W_h", 0 * TRUTH["W_h"], "every entry is 0: is nothing handed back?"),
    "zero but for rounding": ("h0", 1e-18 * TRUTH["h0"], "every entry is 0 but for rounding"),
    "of another": ("h0", TRUTH["c0"], "it is the gradient of c0, entry by entry: swapped?"),
    "sign": ("b", -TRUTH["b"], "every entry is the right one with the wrong sign"),
    "mean over the batch": ("b", TRUTH["b"] / B, "every entry is 1/3 of the right one: a mean over the batch (B=3)"),
    "mean over time": ("W_x", TRUTH["W_x"] / T, "every entry is 1/4 of the right one: a mean over time (T=4)"),
    "sum over time": ("W_x", TRUTH["W_x"] * T, "every entry is 4 times the right one: a sum over time (T=4)"),
    "both": ("b", TRUTH["b"] / (T * B), "every entry is 1/12 of the right one: a mean over time and batch (T*B=12)"),
    "another size": ("b", TRUTH["b"] / H, "every entry is 1/5 of the right one: a division by H=5 too many?"),
    "a number": ("W_h", 0.731 * TRUTH["W_h"], "every entry is 0.731 times the right one: is a factor wrong"),
    "order of time": ("x", TRUTH["x"][::-1], "it is the right gradient in reversed order of time"),
    "a step late": ("x", np.roll(TRUTH["x"], -1, 0), "at each step it holds what belongs to the step after"),
    "a step early": ("x", np.roll(TRUTH["x"], 1, 0), "at each step it holds what belongs to the step before"),
    "mean for all": ("h0", np.repeat(TRUTH["h0"].mean(0, keepdims=True), B, 0), "every row of the batch holds the"),
    "sum for all": ("x", np.repeat(TRUTH["x"].sum(0, keepdims=True), T, 0), "every step holds the sum of the right"),
    "reshaped": ("W_h", TRUTH["W_h"].T.reshape(H, -1), "its numbers are those of the transposed gradient: a reshape"),
    "clamped": ("W_h", np.clip(TRUTH["W_h"], -0.5, 0.5), "it is the right gradient with"),
    "permuted blocks": (
        "W_h", in_blocks("W_h", lambda p: [p[1], p[0], p[2], p[3]]),
        "the blocks are right but stand in the order forget gate, input gate, candidate and output gate, expected"),
    "a block of zeros": (
        "W_h", in_blocks("W_h", lambda p: [p[0], 0 * p[1], *p[2:]]), "forget gate block: every entry is 0"),
    "a block with the wrong sign": (
        "b", in_blocks("b", lambda p: [*p[:2], -p[2], p[3]]), "candidate block: every entry is the right one with"),
    "two blocks scaled alike": (
        "W_x", in_blocks("W_x", lambda p: [0.3 * p[0], p[1], p[2], 0.3 * p[3]]),
        "input gate and output gate blocks: every entry is 0.3 times the right one"),
    "a block in another's place": (
        "W_x", in_blocks("W_x", lambda p: [p[0], p[0], p[2], p[3]]),
        "forget gate block: it holds what belongs to the input gate block"),
    "a block transposed": (
        "W_h", in_blocks("W_h", lambda p: [p[0], p[1].T, p[2], p[3]]), "forget gate block: transposed"),
    "row dropped": ("h0", with_zero(TRUTH["h0"], 2), "every entry is 0 at row 2 of the batch; the rest is right"),
    "step dropped": ("x", with_zero(TRUTH["x"], 0), "every entry is 0 at t=0 only; the rest is right"),
    "a factor for each row": (
        "h0", TRUTH["h0"] * np.array([[2.0], [3.0], [5.0]]),
        "each row of the batch is right but for a factor of its own (2, 3, 5)"),
    "shape transposed": ("W_x", TRUTH["W_x"].T, "it is the right gradient transposed"),
    "shape with the batch": (
        "b", np.stack([TRUTH["b"] - 1, 0 * TRUTH["b"], 0 * TRUTH["b"] + 1]),
        "summed over its first axis (3) it is right"),
    "shape flat": ("W_x", TRUTH["W_x"].ravel(), "its numbers are right, only the shape is not"),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE)
def test_a_planted_mistake_gets_its_hint_first(case):
    name, given, hint = WHOLE[case]
    assert hints_for(name, given).hints[0].startswith(hint)


def test_a_square_matrix_transposed_is_said_so():
    truths = {"W": RNG.normal(size=(4, 4)), "x": RNG.normal(size=(2, 4))}
    assert hints_for("W", truths["W"].T, layout_of("linear"), truths).hints == (
        "it is the right gradient transposed",
    )


def test_a_missing_scale_of_attention_is_named_before_other_sizes():
    truths = {
        name: RNG.normal(size=shape) for name, shape in {"q": (2, 3, 4), "k": (2, 5, 4), "v": (2, 5, 7)}.items()
    }
    hint = hints_for("q", 2 * truths["q"], layout_of("attention"), truths).hints[0]
    assert hint.startswith("every entry is twice the right one: 1/sqrt(E) missing (E=4), or ")
    assert "swapped" in hints_for("q", truths["k"], layout_of("attention"), truths).hints[0]


def test_a_softmax_without_its_sum_breaks_the_sum_of_the_rows():
    p, dp = RNG.dirichlet(np.ones(5), size=3), RNG.normal(size=(3, 5))
    truths = {"z": p * (dp - (dp * p).sum(axis=1, keepdims=True))}
    assert (
        hints_for("z", p * dp, layout_of("softmax"), truths)
        .hints[0]
        .startswith("rows of the right gradient sum to 0")
    )
    assert (
        "off by the same amount"
        in hints_for("z", truths["z"] + RNG.normal(size=(3, 1)), layout_of("softmax"), truths).hints[0]
    )


def test_repeated_ids_are_named():
    ids, g = np.array([[5, 2], [0, 2], [2, 0]]), RNG.normal(size=(3, 2, 4))
    truth, given = np.zeros((6, 4)), np.zeros((6, 4))
    np.add.at(truth, ids, g)
    given[ids] += g
    row = hints_for("W", given, layout_of("embedding"), {"W": truth}, {"ids": ids, "W": truth})
    assert row.place == "entries 0 and 2"
    assert row.hints[0].startswith("wrong are just the rows that ids names more than once (0 and 2)")


def test_an_upstream_that_went_through_unchanged_is_said_so():
    truth, dy = RNG.normal(size=(2, 5)), RNG.normal(size=(2, 5))
    rows, _ = explain((row_of("x", dy, truth),), layout_of("activations"), {"x": truth}, upstream={"y": dy})
    assert rows[0].hints == ("it is the upstream gradient of y unchanged: is a derivative missing?",)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", ["all of it", "a few entries", "a factor per entry", "nearly right"])
def test_a_gradient_that_is_wrong_at_random_gets_no_hint(seed, kind):
    rng = np.random.default_rng(seed)
    for name, truth in TRUTH.items():
        noise = rng.normal(size=truth.shape)
        given = {
            "all of it": noise,
            "a few entries": truth + noise * (rng.random(truth.shape) < 0.2),
            "a factor per entry": truth * (1 + noise),
            "nearly right": truth * (1 + 1e-5 * noise),
        }[kind]
        row = hints_for(name, given)
        if not row.passed:
            told = [hint for hint in row.hints if "look at what is carried" not in hint]  # a place, true of any error
            assert told == [], (name, told)


def test_an_array_that_passed_gets_no_hint():
    row = hints_for("b", TRUTH["b"])
    assert row.passed
    assert row.place == ""
    assert row.hints == ()


def test_one_factor_for_all_arrays_is_a_note():
    rows = tuple(row_of(name, 0.25 * truth, truth) for name, truth in TRUTH.items())
    assert any(
        "all arrays are 0.25 times the right ones" in note for note in explain(rows, layout_of("lstm"), TRUTH)[1]
    )


@pytest.mark.parametrize("broken", [None, np.full((4 * H,), np.nan), np.zeros(0), np.zeros((4 * H,), int)])
def test_what_cannot_be_compared_is_left_alone(broken):
    row = Row("b", (4 * H,), 4 * H, gradient=broken, truth=TRUTH["b"], wrong=np.ones(4 * H, bool))
    explain((row,), None, {"b": TRUTH["b"]})


def wrong_at(shape, *indices):
    wrong = np.zeros(shape, bool)
    for index in indices:
        wrong[index] = True
    return wrong


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("x", wrong_at((4, 3, 2), 0, 1, 2), "from t=2 backward"),
        ("x", wrong_at((4, 3, 2), 3), "t=3 only"),
        ("x", wrong_at((4, 3, 2), 2, 3), "from t=2 on"),
        ("x", wrong_at((4, 3, 2), 1, 2), "from t=1 to 2"),
        ("x", wrong_at((4, 3, 2), 0, 2), "t=0 and 2"),
        ("x", wrong_at((4, 3, 2), (slice(0, 2), 0)), "from t=1 backward, row 0 of the batch"),
        ("W_h", wrong_at((5, 20), (slice(None), slice(5, 10))), "forget gate"),
        ("W_h", wrong_at((5, 20), (2, slice(5, 10)), (2, slice(15, 20))), "forget gate and output gate, from unit 2"),
        ("W_h", wrong_at((5, 20)) | (np.indices((5, 20)).sum(0) % 2 == 0), "scattered over 50 of 100 entries"),
        ("h0", wrong_at((3, 5), 0, 2), "rows 0 and 2 of the batch"),
        ("h0", ~wrong_at((3, 5)), "all of it"),
    ],
)
def test_a_place_is_said_in_words(name, wrong, words):
    assert place_of(wrong, name, layout_of("lstm")) == words


def test_a_place_without_a_layout_counts_rows_and_columns():
    assert place_of(wrong_at((3, 4), (1, slice(0, 2))), "theta", Layout()) == "row 1, columns 0 and 1"
