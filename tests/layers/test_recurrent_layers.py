"""What RNN, LSTM and GRU layers mean, and their gradients against the complex step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnn.layers import GRU, LSTM, RNN
from scratchnn.ops import gru, lstm, rnn

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
T, B, D, H = 5, 4, 2, 3
LENGTHS = np.array([3, 5, 1, 2])


def make(cell, *args, **options):
    options = {"dtype": np.float64, "rng": np.random.default_rng(11), **options}
    return CELLS[cell](*(args or (D, H)), **options)


def tuples(state):
    return state if isinstance(state, tuple) else (state,)


def draw(cell, *shape, seed=5):
    """Draw a state in the cell's layout: an array, or the LSTM's pair."""
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=shape) for _ in range(2)) if cell == "lstm" else rng.normal(size=shape)


def x_of(*shape, seed=2):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("cell", CELLS)
def test_one_layer_is_the_op(cell):
    layer, x, state = make(cell, backend="reference"), x_of(T, B, D), draw(cell, 1, B, H)
    room = {"rnn": rnn, "lstm": lstm, "gru": gru}[cell]
    params = room.Params(**{name.removesuffix("_l0"): array for name, array in layer.params.items()})
    expected = room.reference.forward(x, *(s[0] for s in tuples(state)), params)
    y, cache = layer.forward(x, state)
    np.testing.assert_array_equal(y, expected.h[1:])
    np.testing.assert_array_equal(tuples(cache.state)[0][0], expected.h[-1])


@pytest.mark.parametrize("cell", CELLS)
def test_the_backward_direction_is_the_same_op_on_the_reversed_sequence(cell):
    both, forward, backward = make(cell, bidirectional=True), make(cell), make(cell)
    state = both.state_dict()
    forward.load_state_dict({name: state[name] for name in forward.params})
    backward.load_state_dict({name: state[name + "_reverse"] for name in backward.params})
    x = x_of(T, B, D)
    y, _ = both.forward(x)
    np.testing.assert_array_equal(y[:, :, :H], forward.forward(x)[0])
    np.testing.assert_array_equal(y[:, :, H:], backward.forward(x[::-1])[0][::-1])


@pytest.mark.parametrize(
    "options",
    [
        {"num_layers": 1},
        {"num_layers": 3, "batch_first": True},
        {"num_layers": 2, "bidirectional": True},
        {"num_layers": 2, "bidirectional": True, "bias": False, "batch_first": True},
        {"num_layers": 2, "bidirectional": True, "dropout": 0.4},
        {"num_layers": 2, "dropout": 0.4, "dropout_per": "sequence", "batch_first": True},
    ],
    ids=["one", "stacked", "both_ways", "no_bias", "dropout", "sequence_dropout"],
)
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
@pytest.mark.parametrize("cell", CELLS)
def test_backward_equals_the_complex_step(check_layer, cell, lengths, options):
    layer = make(cell, **options)
    first = (B, T) if layer.batch_first else (T, B)
    rows = layer.num_layers * layer.directions
    initial = tuples(draw(cell, rows, B, H))
    inputs = {"x": x_of(*first, D), **{f"state {k}": array for k, array in enumerate(initial)}}

    def pack(arrays):
        picked = tuple(arrays[f"state {k}"] for k in range(len(initial)))
        return picked if len(picked) > 1 else picked[0]

    def forward(inputs):
        rng = np.random.default_rng(9) if layer.dropout else None
        y, cache = layer.forward(inputs["x"], pack(inputs), lengths=lengths, rng=rng)
        return {"y": y, **{f"state {k}": array for k, array in enumerate(tuples(cache.state))}}, cache

    def backward(upstream, cache):
        dx, dstate0 = layer.backward(upstream["y"], cache, pack(upstream), with_state=True)
        return {"x": dx, **{f"state {k}": array for k, array in enumerate(tuples(dstate0))}}

    check_layer(layer, forward, backward, inputs)


@st.composite
def ragged_problems(draw):
    sizes = {name: draw(st.integers(1, 4), label=name) for name in ("T", "B", "D", "H", "num_layers")}
    lengths = draw(st.lists(st.integers(1, sizes["T"]), min_size=sizes["B"], max_size=sizes["B"]), label="lengths")
    return draw(st.sampled_from(list(CELLS))), sizes, lengths, draw(st.booleans(), label="bidirectional")


@settings(max_examples=40, deadline=None)
@given(ragged_problems())
def test_a_ragged_batch_is_each_sequence_alone(problem):
    """Outputs, final states and all gradients; lengths of 1 and T, sizes of 1, included."""
    cell, sizes, lengths, bidirectional = problem
    T, B, D, H = (sizes[letter] for letter in "TBDH")
    layer = make(cell, D, H, sizes["num_layers"], bidirectional=bidirectional)
    rows, width = sizes["num_layers"] * layer.directions, H * layer.directions
    x, dy = x_of(T, B, D), x_of(T, B, width, seed=8)
    state, dstate = draw(cell, rows, B, H), draw(cell, rows, B, H, seed=6)

    def sequence(states, b):
        picked = tuple(np.ascontiguousarray(s[:, b : b + 1]) for s in tuples(states))
        return picked if isinstance(states, tuple) else picked[0]

    y, cache = layer.forward(x, state, lengths=lengths)
    dx, dstate0 = layer.backward(dy, cache, dstate, with_state=True)
    together = {name: grad.copy() for name, grad in layer.grads.items()}
    layer.zero_grad()
    for b, length in enumerate(lengths):
        y_b, cache_b = layer.forward(x[:length, b : b + 1], sequence(state, b))
        dx_b, dstate0_b = layer.backward(dy[:length, b : b + 1], cache_b, sequence(dstate, b), with_state=True)
        np.testing.assert_allclose(y[:length, b], y_b[:, 0], rtol=0, atol=1e-13)
        np.testing.assert_array_equal(y[length:, b], 0)
        np.testing.assert_allclose(dx[:length, b], dx_b[:, 0], rtol=0, atol=1e-12)
        np.testing.assert_array_equal(dx[length:, b], 0)
        for whole, alone in ((cache.state, cache_b.state), (dstate0, dstate0_b)):
            for all_of_them, one in zip(tuples(whole), tuples(alone), strict=True):
                np.testing.assert_allclose(all_of_them[:, b], one[:, 0], rtol=0, atol=1e-12)
    for name, grad in layer.grads.items():
        np.testing.assert_allclose(together[name], grad, rtol=0, atol=1e-11)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -1e300])
@pytest.mark.parametrize("cell", CELLS)
def test_what_stands_at_padding_is_never_read(cell, garbage):
    layer = make(cell, D, H, 2, bidirectional=True, batch_first=True)
    x, dy = x_of(B, T, D), x_of(B, T, 2 * H, seed=3)
    padding = np.arange(T) >= LENGTHS[:, None]
    results = []
    for value in (0.0, garbage):
        x[padding], dy[padding] = value, value
        layer.zero_grad()
        y, cache = layer.forward(x, lengths=LENGTHS)
        dx = layer.backward(dy, cache)
        results.append([y, dx, *tuples(cache.state), *(grad.copy() for grad in layer.grads.values())])
    for clean, dirty in zip(*results, strict=True):
        np.testing.assert_array_equal(clean, dirty)
    assert (results[0][0][padding] == 0).all()
    assert (results[0][1][padding] == 0).all()


@pytest.mark.parametrize("cell", CELLS)
def test_the_final_state_is_the_one_at_the_last_real_step(cell):
    layer = make(cell, D, H, bidirectional=True)
    y, cache = layer.forward(x_of(T, B, D), lengths=LENGTHS)
    h_n = tuples(cache.state)[0]
    np.testing.assert_array_equal(h_n[0], y[LENGTHS - 1, np.arange(B), :H])
    np.testing.assert_array_equal(h_n[1], y[0, :, H:])


@pytest.mark.parametrize("cell", CELLS)
def test_two_halves_with_the_state_handed_over_equal_one_run(cell):
    layer, x, dy = make(cell, D, H, 2), x_of(T, B, D), x_of(T, B, H, seed=3)
    y, cache = layer.forward(x)
    dx = layer.backward(dy, cache)
    whole = {name: grad.copy() for name, grad in layer.grads.items()}
    layer.zero_grad()
    y_1, cache_1 = layer.forward(x[:2])
    y_2, cache_2 = layer.forward(x[2:], cache_1.state)
    dx_2, dstate = layer.backward(dy[2:], cache_2, with_state=True)
    dx_1 = layer.backward(dy[:2], cache_1, dstate)
    np.testing.assert_array_equal(np.concatenate([y_1, y_2]), y)
    np.testing.assert_allclose(np.concatenate([dx_1, dx_2]), dx, rtol=0, atol=1e-14)
    for name, grad in layer.grads.items():
        np.testing.assert_allclose(grad, whole[name], rtol=0, atol=1e-13)


@pytest.mark.parametrize("cell", CELLS)
def test_batch_first_only_swaps_axes(cell):
    slow, fast = make(cell, D, H, 2, bidirectional=True), make(cell, D, H, 2, bidirectional=True, batch_first=True)
    x, dy = x_of(T, B, D), x_of(T, B, 2 * H, seed=3)
    y, cache = slow.forward(x, lengths=LENGTHS)
    y_fast, cache_fast = fast.forward(x.swapaxes(0, 1), lengths=LENGTHS)
    np.testing.assert_array_equal(y_fast.swapaxes(0, 1), y)
    np.testing.assert_array_equal(tuples(cache_fast.state)[0], tuples(cache.state)[0])
    dx, dx_fast = slow.backward(dy, cache), fast.backward(dy.swapaxes(0, 1), cache_fast)
    np.testing.assert_array_equal(dx_fast.swapaxes(0, 1), dx)


@pytest.mark.parametrize("cell", CELLS)
def test_two_interleaved_uses_do_not_meet(cell):
    """No hidden state: forward, forward, backward, backward gives what each gives alone, gradients summed."""
    layer = make(cell, D, H, 2, bidirectional=True)
    problems = [
        (x_of(4, 2, D, seed=1), x_of(4, 2, 2 * H, seed=2)),
        (x_of(3, 5, D, seed=3), x_of(3, 5, 2 * H, seed=4)),
    ]
    alone, total = [], {name: np.zeros_like(array) for name, array in layer.params.items()}
    for x, dy in problems:
        layer.zero_grad()
        y, cache = layer.forward(x)
        alone.append((y, layer.backward(dy, cache)))
        total = {name: total[name] + grad for name, grad in layer.grads.items()}
    layer.zero_grad()
    (y_0, cache_0), (y_1, cache_1) = (layer.forward(x) for x, _ in problems)
    dx_0, dx_1 = layer.backward(problems[0][1], cache_0), layer.backward(problems[1][1], cache_1)
    for got, expected in zip((y_0, dx_0, y_1, dx_1), (*alone[0], *alone[1]), strict=True):
        np.testing.assert_array_equal(got, expected)
    for name, grad in layer.grads.items():
        np.testing.assert_allclose(grad, total[name], rtol=0, atol=1e-14)
        assert np.abs(grad).max() > 0


@pytest.mark.parametrize("cell", CELLS)
def test_backward_twice_on_one_cache_gives_the_same_and_adds_up(cell):
    layer, x, dy = make(cell, D, H, 2), x_of(T, B, D), x_of(T, B, H, seed=3)
    _, cache = layer.forward(x, lengths=LENGTHS)
    first = layer.backward(dy, cache)
    once = {name: grad.copy() for name, grad in layer.grads.items()}
    np.testing.assert_array_equal(layer.backward(dy, cache), first)
    for name, grad in layer.grads.items():
        np.testing.assert_array_equal(grad, 2 * once[name])


@pytest.mark.parametrize("cell", CELLS)
def test_arguments_are_untouched(cell):
    layer = make(cell, D, H, 2, bidirectional=True, batch_first=True, dropout=0.3)
    arrays = [x_of(B, T, D), x_of(B, T, 2 * H, seed=3), *tuples(draw(cell, 4, B, H)), *tuples(draw(cell, 4, B, H))]
    for array in (*arrays, LENGTHS, *layer.params.values()):
        array.flags.writeable = False
    before = [array.copy() for array in arrays]
    half = len(arrays) // 2 + 1
    state, dstate = (pair if cell == "lstm" else pair[0] for pair in (tuple(arrays[2:half]), tuple(arrays[half:])))
    _, cache = layer.forward(arrays[0], state, lengths=LENGTHS, rng=np.random.default_rng(0))
    layer.backward(arrays[1], cache, dstate)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    LENGTHS.flags.writeable = True


@pytest.mark.parametrize("cell", CELLS)
def test_a_caller_may_overwrite_what_it_passed_and_got(cell):
    """A cache holds values: changing x, y, lengths or the final state afterwards does not change the gradient."""
    layer, dy = make(cell, D, H, 2, bidirectional=True), x_of(T, B, 2 * H, seed=3)
    gradients = []
    for spoil in (False, True):
        x, lengths = x_of(T, B, D), LENGTHS.copy()
        y, cache = layer.forward(x, lengths=lengths)
        if spoil:
            lengths[:] = 1
            for array in (x, y, *tuples(cache.state)):
                array[...] = 7
        gradients.append(layer.backward(dy, cache))
    np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize("cell", CELLS)
def test_no_upstream_means_zeros(cell):
    layer, x = make(cell, D, H, 2), x_of(T, B, D)
    _, cache = layer.forward(x, lengths=LENGTHS)
    dstate = draw(cell, 2, B, H)
    only_state = layer.backward(None, cache, dstate)
    np.testing.assert_array_equal(only_state, layer.backward(np.zeros((T, B, H)), cache, dstate))
    assert np.abs(only_state).max() > 0
    if cell == "lstm":
        only_h = layer.backward(None, cache, (dstate[0], None))
        np.testing.assert_array_equal(only_h, layer.backward(None, cache, (dstate[0], np.zeros((2, B, H)))))


@pytest.mark.parametrize("cell", CELLS)
def test_float32_stays_float32(cell):
    layer = make(cell, D, H, 2, bidirectional=True, dropout=0.5, dtype=np.float32)
    x = x_of(T, B, D).astype(np.float32)
    y, cache = layer.forward(x, lengths=LENGTHS, rng=np.random.default_rng(0))
    dx, dstate0 = layer.backward(y, cache, with_state=True)
    arrays = (y, dx, *tuples(cache.state), *tuples(dstate0), *layer.params.values(), *layer.grads.values())
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_dropout_falls_between_layers_in_training_only():
    plain, layer = make("gru", D, H, 2), make("gru", D, H, 2, dropout=0.5)
    one, dropping_one = make("gru", D, H), make("gru", D, H, dropout=0.5)
    x = x_of(T, B, D)
    np.testing.assert_array_equal(layer.forward(x)[0], plain.forward(x)[0])
    np.testing.assert_array_equal(
        dropping_one.forward(x, rng=np.random.default_rng(0))[0], one.forward(x)[0]
    )  # nothing is dropped after the last layer
    first, again, other = (layer.forward(x, rng=np.random.default_rng(seed))[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first != plain.forward(x)[0]).any()


def test_what_dropout_removes_is_the_input_of_the_next_layer():
    """Half of the second layer's inputs are 0, the others doubled; per sequence the same ones at every step."""
    x = x_of(6, 5, D)
    for per in ("step", "sequence"):
        layer = make("rnn", D, 40, 2, dropout=0.5, dropout_per=per)
        _, cache = layer.forward(x, rng=np.random.default_rng(0))
        below, above = cache.runs[0].h[1:], cache.runs[1].x
        kept = above != 0
        np.testing.assert_array_equal(above[kept], 2 * below[kept])
        count = kept[0].size if per == "sequence" else kept.size
        assert abs(kept.mean() - 0.5) < 4 * 0.5 / np.sqrt(count)  # four standard deviations
        assert (kept == kept[0]).all() == (per == "sequence")


def test_parameters_have_the_documented_names_and_shapes():
    layer = GRU(D, H, 2, bidirectional=True, rng=np.random.default_rng(0))
    ends = ("_l0", "_l0_reverse", "_l1", "_l1_reverse")
    assert list(layer.params) == [field + end for end in ends for field in ("W_x", "W_h", "b", "b_hn")]
    assert layer.params["W_x_l0_reverse"].shape == (D, 3 * H)
    assert layer.params["W_x_l1"].shape == (2 * H, 3 * H)
    assert layer.params["W_h_l1"].shape == (H, 3 * H)
    assert list(LSTM(D, H, bias=False, init="zeros").params) == ["W_x_l0", "W_h_l0"]


def test_forget_bias_fills_the_forget_block_only():
    layer = LSTM(D, H, 2, bidirectional=True, init="orthogonal", forget_bias=1.5, rng=np.random.default_rng(0))
    for end in ("_l0", "_l0_reverse", "_l1", "_l1_reverse"):
        np.testing.assert_array_equal(layer.params["b" + end], [0] * H + [1.5] * H + [0] * 2 * H)
    with pytest.raises(ValueError, match="LSTM: forget_bias is 1 with bias=False"):
        LSTM(D, H, bias=False, forget_bias=1, init="zeros")


def test_any_object_with_forward_and_backward_is_a_backend():
    class Counting:
        calls = 0

        def forward(self, *args):
            self.calls += 1
            return lstm.reference.forward(*args)

        def backward(self, *args):
            self.calls += 1
            return lstm.reference.backward(*args)

    backend = Counting()
    layer, plain = (
        make("lstm", D, H, 2, bidirectional=True, backend=backend),
        make("lstm", D, H, 2, bidirectional=True, backend="reference"),
    )
    x = x_of(T, B, D)
    y, cache = layer.forward(x)
    layer.backward(y, cache)
    np.testing.assert_array_equal(y, plain.forward(x)[0])
    assert backend.calls == 8


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda m: m.forward(x_of(T, B, D + 1)), r"x has shape \(5, 4, 3\), expected \(T, B, D\) = \(5, 4, 2\)"),
        (lambda m: m.forward(x_of(T, D)), r"LSTM.forward: x has shape \(5, 2\), expected 3 axes"),
        (lambda m: m.forward(np.zeros((0, B, D))), r"T = 0, expected at least 1"),
        (lambda m: m.forward(np.zeros((T, B, D), int)), r"LSTM.forward: x has dtype int64"),
        (lambda m: m.forward(x_of(T, B, D), lengths=[1, 2]), r"lengths has shape \(2,\), expected \(B,\) = \(4,\)"),
        (lambda m: m.forward(x_of(T, B, D), lengths=[1, 2, 0, 3]), r"lengths\[2\] is 0, expected 1 to T = 5"),
        (lambda m: m.forward(x_of(T, B, D), lengths=[1, 6, 2, 3]), r"lengths\[1\] is 6, expected 1 to T = 5"),
        (lambda m: m.forward(x_of(T, B, D), lengths=[1.0, 2, 2, 3]), r"lengths has dtype float64, expected integers"),
        (lambda m: m.forward(x_of(T, B, D), x_of(1, B, H)), r"state is a ndarray, expected the 2 arrays \(h, c\)"),
        (lambda m: m.forward(x_of(T, B, D), (x_of(1, B, H),)), r"state is 1 arrays, expected the 2 arrays \(h, c\)"),
        (
            lambda m: m.forward(x_of(T, B, D), (x_of(1, B, H), x_of(2, B, H))),
            r"state c has shape \(2, 4, 3\), expected \(num_layers \* directions, B, H\) = \(1, 4, 3\)",
        ),
        (lambda m: m.backward(x_of(T, B, 2), m.forward(x_of(T, B, D))[1]), r"dy has shape .* the shape of y"),
        (lambda m: LSTM(0, H), "LSTM: input_size is 0, expected a whole number of at least 1"),
        (lambda m: LSTM(D, H, 1.5), "LSTM: num_layers is 1.5, expected a whole number"),
        (lambda m: LSTM(D, H), "LSTM: rng is None, expected a numpy.random.Generator to draw from"),
        (lambda m: LSTM(D, H, init="kaiming", rng=np.random.default_rng(0)), "LSTM: init is 'kaiming', expected"),
        (lambda m: LSTM(D, H, dropout=1.0, init="zeros"), "LSTM: dropout is 1.0, expected 0 <= dropout < 1"),
        (lambda m: LSTM(D, H, dropout_per="batch", init="zeros"), "LSTM: dropout_per is 'batch', expected one of"),
        (lambda m: LSTM(D, H, backend="tpu", init="zeros"), "lstm: no backend 'tpu', this op has reference"),
        (lambda m: LSTM(D, H, dtype=np.float16, init="zeros"), "LSTM: dtype is float16, expected float32 or float64"),
        (lambda m: RNN(D, H, nonlinearity="gelu"), "RNN: nonlinearity is 'gelu', expected one of 'tanh', 'relu'"),
        (
            lambda m: make("gru", D, H, 2, dropout=0.5).forward(x_of(T, B, D), rng=3),
            "GRU.forward: rng is a int, expected a numpy.random.Generator",
        ),
    ],
)  # fmt: skip
def test_wrong_input_gets_one_sentence(call, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence) as caught:
        call(make("lstm"))
    assert "\n" not in str(caught.value)
