"""Norms of dLoss/dh_t: against the complex step, against what theory says, and with attention's short cut."""

import math

import numpy as np
import pytest

from scratchnn import ops
from scratchnn.gradflow import Cell, gradient_norms, jacobians, make_cell, run, sequence_norms
from scratchnn.gradflow.norms import attention_upstream, slope

NAMES = ("linear", "rnn", "lstm", "gru")
STEP = 1e-30


def loss(cell, x, upstream, through_attention, moved=None):
    """Run step by step, one state moved on the way: sum of upstream times what the loss reads."""
    op = getattr(ops, cell.kind).reference
    options = {"nonlinearity": cell.nonlinearity} if cell.kind == "rnn" else {}
    states = [np.zeros((x.shape[1], cell.hidden_size)) for _ in cell.states]
    seen = []
    for t, x_t in enumerate(x):
        nodes = op.step(x_t, *states, cell.params, **options)
        states = [getattr(nodes, f"{name}_t") for name in cell.states]
        if moved is not None and moved[:2] == (t, "c"):
            states = [states[0] + nodes.o * (np.tanh(states[1] + moved[2]) - nodes.s), states[1] + moved[2]]
        elif moved is not None and moved[0] == t:
            states = [states[0] + moved[2], *states[1:]]
        seen.append(states[0])
    read = states[0]
    if through_attention:
        h = np.stack(seen, axis=1)
        read = ops.attention.reference.forward(h[:, -1:], h, h).context[:, 0]
    return (upstream * read).sum(axis=1)  # one loss per sequence: rows do not mix


def norms_by_complex_step(cell, x, upstream, through_attention, state):
    T, B, H = len(x), x.shape[1], cell.hidden_size
    gradient = np.zeros((T, B, H))
    for t, k in np.ndindex(T, H):
        delta = np.zeros((B, H), complex)
        delta[:, k] = 1j * STEP
        gradient[t, :, k] = loss(cell, x, upstream, through_attention, (t, state, delta)).imag / STEP
    return np.linalg.norm(gradient, axis=2)


@pytest.mark.parametrize("through_attention", [False, True], ids=["last", "attention"])
@pytest.mark.parametrize("name", NAMES)
def test_norms_against_the_complex_step(name, through_attention):
    rng = np.random.default_rng(0)
    cell = make_cell(name, rng, D=3, H=4, radius=1.3, drive=0.8)
    x, upstream = rng.normal(size=(5, 2, 3)), rng.normal(size=(2, 4))
    found = gradient_norms(cell, x, through_attention=through_attention, upstream=upstream)
    exact = norms_by_complex_step(cell, x, upstream, through_attention, "h")
    np.testing.assert_allclose(np.exp(found.h), exact, rtol=1e-12)
    if name == "lstm":
        exact = norms_by_complex_step(cell, x, upstream, through_attention, "c")
        np.testing.assert_allclose(np.exp(found.c), exact, rtol=1e-12)
    else:
        assert found.c is None


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_is_its_jacobian_applied(name):
    rng = np.random.default_rng(1)
    cell = make_cell(name, rng, D=3, H=4, radius=0.9)
    x, upstream = rng.normal(size=(12, 1, 3)), rng.normal(size=(1, 4))
    found, matrices = gradient_norms(cell, x, upstream=upstream), jacobians(cell, x[:, 0])
    for d in range(12):
        exact = np.linalg.norm(upstream @ matrices.hidden(d))
        assert np.exp(found.h[11 - d, 0]) == pytest.approx(exact, rel=1e-11)


# the linear network


def test_an_orthogonal_linear_network_scales_by_its_radius_at_every_step():
    """Exact at any size: 1e3 per step, 300 steps, is 1e897."""
    for radius in (1e-3, 1.0, 1e3):
        cell = make_cell("linear", np.random.default_rng(2), H=6, radius=radius, start="orthogonal")
        found = gradient_norms(cell, np.zeros((300, 2, 8)))
        np.testing.assert_allclose(found.mean, np.arange(299, -1, -1) * math.log(radius), rtol=0, atol=1e-10)
        assert found.rate == pytest.approx(math.log(radius), abs=1e-12)
        np.testing.assert_allclose(found.spread, 0, atol=1e-10)


def test_the_rate_of_a_linear_network_is_the_log_of_its_spectral_radius():
    """After 200 steps an eigenvalue in the ratio 0.9 to the first holds (0.9^200 = 7e-10)^2 of the norm's square."""
    rng = np.random.default_rng(3)
    q, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    W_h = (q * [1.1, -0.99, 0.5, 0.2]) @ q.T
    cell = Cell("rnn", ops.rnn.Params(np.zeros((1, 4)), W_h, np.zeros(4)), "identity")
    found = gradient_norms(cell, np.zeros((260, 3, 1)), upstream=q[:, :1].T + rng.normal(size=(3, 4)))
    assert slope(found.mean[::-1][200:]) == pytest.approx(math.log(1.1), abs=1e-12)


def test_states_that_overflow_are_one_sentence():
    cell = make_cell("linear", np.random.default_rng(4), radius=10.0)
    with pytest.raises(ValueError, match=r"gradflow\.run: the states overflow at step \d+, expected finite ones"):
        run(cell, np.ones((400, 1, 8)))


# meaning


def test_without_recurrence_nothing_comes_back_but_through_attention():
    """W_h = 0: to state t < T lead its value and its key alone, alpha_t (u + (u . (h_t - context)) q / sqrt(H))."""
    rng = np.random.default_rng(5)
    H, T = 6, 9
    cell = make_cell("rnn", rng, H=H, radius=0.0, drive=1.0)
    x, u = rng.normal(size=(T, 2, 8)), rng.normal(size=(2, H))
    alone = gradient_norms(cell, x, upstream=u)
    assert np.isneginf(alone.h[:-1]).all()
    assert alone.rate == -math.inf
    np.testing.assert_allclose(alone.h[-1], np.log(np.linalg.norm(u, axis=1)), rtol=1e-14)

    reader = gradient_norms(cell, x, upstream=u, through_attention=True)
    h = run(cell, x).h[1:]
    q, context = h[-1], np.einsum("tb,tbh->bh", reader.alpha, h)
    key = np.einsum("bh,tbh->tb", u, h - context)[:, :, None] * q / math.sqrt(H)
    exact = np.linalg.norm(reader.alpha[:, :, None] * (u + key), axis=2)
    np.testing.assert_allclose(np.exp(reader.h[:-1]), exact[:-1], rtol=1e-12)
    np.testing.assert_allclose(reader.alpha.sum(axis=0), 1, rtol=1e-14)


def test_attention_keeps_its_share_for_the_farthest_state():
    """What the value path gives, less what the key path and the recurrence can take away.

    Direct: alpha_t ||u + (u . (h_t - context)) q / sqrt(H)|| is between alpha_t (1 - k) and alpha_t (1 + k) with
    ||u|| = 1 and k the largest ||h_t - context|| ||q|| / sqrt(H); recurrence with ||W_h|| = r adds at most
    sum_d r^d max(direct), and r^(T-1) of what the query got: ||q's gradient|| <= 1 + k on top of alpha.
    """
    rng = np.random.default_rng(6)
    r, T, H = 0.3, 60, 16
    cell = make_cell("rnn", rng, H=H, radius=r, start="orthogonal")
    x = rng.normal(size=(T, 4, 8))
    found = gradient_norms(cell, x, through_attention=True)
    h = run(cell, x).h[1:]
    context = np.einsum("tb,tbh->bh", found.alpha, h)
    k = np.max(np.linalg.norm(h - context, axis=2)) * np.max(np.linalg.norm(h[-1], axis=1)) / math.sqrt(H)
    direct = attention_upstream(h, np.eye(H)[:4])[0]
    assert np.linalg.norm(direct[-1], axis=1).max() < 1 + k
    bound = found.alpha[0] * (1 - k) - r / (1 - r) * found.alpha.max() * (1 + k) - r ** (T - 1) * (1 + k)
    assert (bound > 0.3 / T).all(), "the bound proves nothing here"
    assert (np.exp(found.h[0]) >= bound).all()
    assert (gradient_norms(cell, x).h[0] <= (T - 1) * math.log(r) + 1e-9).all()


def test_the_gates_product_is_what_an_lstm_carries_without_recurrent_weights():
    """W_h = 0: c_t reaches c_T through the forget gates alone; equal gates in all units make the product exact."""
    rng = np.random.default_rng(7)
    T, H = 20, 3
    cell = make_cell("lstm", rng, H=H, radius=0.0, drive=0.0, keep_bias=2.0)
    found = gradient_norms(cell, np.zeros((T, 2, 8)))
    log_f = -math.log(1 + math.exp(-2.0))
    np.testing.assert_allclose(found.gates[:, 0], np.arange(T - 1, -1, -1) * log_f, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.c - found.c[-1], found.gates, rtol=0, atol=1e-12)


def test_a_wide_open_update_gate_lets_the_gradient_of_a_gru_through():
    rng = np.random.default_rng(8)
    cell = make_cell("gru", rng, keep_bias=20.0)
    found = gradient_norms(cell, rng.normal(size=(100, 3, 8)))
    np.testing.assert_allclose(found.relative, 0, atol=1e-5)
    assert not make_cell("rnn", rng, keep_bias=20.0).params.b.any(), "the RNN has no gate to open"


def test_padding_passes_the_gradient_by_and_is_not_recorded():
    rng = np.random.default_rng(9)
    x, h0, c0, params = ops.lstm.sample(rng, T=6, B=2)
    mask = np.array([[True, True]] * 4 + [[True, False]] * 2)
    upstream = rng.normal(size=(2, 5))
    dh = np.zeros((6, 2, 5))
    dh[-1] = upstream
    ragged = sequence_norms("lstm", ops.lstm.reference.forward(x, h0, c0, params, mask), params, dh)
    assert np.isnan(ragged.h[4:, 1]).all()
    short = sequence_norms("lstm", ops.lstm.reference.forward(x[:4], h0, c0, params), params, dh[2:])
    np.testing.assert_allclose(ragged.h[:4, 1], short.h[:, 1], rtol=0, atol=1e-13)
    np.testing.assert_allclose(ragged.c[:4, 1], short.c[:, 1], rtol=0, atol=1e-13)


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_the_size_of_the_upstream_is_a_common_factor(size):
    rng = np.random.default_rng(10)
    cell = make_cell("rnn", rng, H=5, radius=2.0)
    x, u = rng.normal(size=(30, 2, 8)), rng.normal(size=(2, 5))
    plain, scaled = gradient_norms(cell, x, upstream=u), gradient_norms(cell, x, upstream=size * u)
    np.testing.assert_allclose(scaled.h - plain.h, math.log(size), rtol=0, atol=1e-10)


def test_slope():
    assert slope(np.array([1.0, 3.0, 5.0])) == pytest.approx(2)
    assert slope(np.array([1.0, 3.0, 4.0]), np.array([0, 4, 6])) == pytest.approx(0.5)
    assert slope(np.array([1.0, -np.inf])) == -math.inf
    assert slope(np.array([1.0])) == 0
