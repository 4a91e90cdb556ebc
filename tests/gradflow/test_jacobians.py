"""Jacobians over time: powers of W_h where the network is linear, the complex step everywhere else."""

import numpy as np
import pytest

from scratchnn import ops
from scratchnn.gradflow import Cell, jacobians, make_cell, run, slope_bound, spectral_radius, step_jacobian

NAMES = ("linear", "rnn", "lstm", "gru")
STEP = 1e-30


def linear(W_h):
    H = len(W_h)
    return Cell("rnn", ops.rnn.Params(np.zeros((1, H)), W_h, np.zeros(H)), "identity")


def symmetric(rng, values):
    q, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    return (q * values) @ q.T


def continued(cell, x, states):
    """Run from given states, complex ones too: all final states side by side, (1, S)."""
    options = {"nonlinearity": cell.nonlinearity} if cell.kind == "rnn" else {}
    cache = getattr(ops, cell.kind).reference.forward(x, *states, cell.params, **options)
    return np.concatenate([getattr(cache, name)[-1] for name in cell.states], axis=1)


def by_complex_step(cell, x, cache, t):
    """Give dstate_T/dstate_t column by column; x is (T, 1, D)."""
    H = cell.hidden_size
    start = np.concatenate([getattr(cache, name)[t] for name in cell.states], axis=1)
    columns = []
    for k in range(start.shape[1]):
        moved = start.astype(complex)
        moved[0, k] += 1j * STEP
        columns.append(continued(cell, x[t:], np.split(moved, len(cell.states), axis=1))[0].imag / STEP)
    assert start.shape[1] == H * len(cell.states)
    return np.stack(columns, axis=1)


# the linear network: everything is known


@pytest.mark.parametrize("radius", [0.7, 1.0, 1.3])
def test_a_linear_network_multiplies_by_powers_of_W_h(radius):
    """dh_T/dh_{T-d} = (W_h^T)^d; bound: d products of 6 x 6, each good to a few roundings of |W_h|^d."""
    cell = make_cell("linear", np.random.default_rng(0), D=3, H=6, radius=radius)
    found = jacobians(cell, np.random.default_rng(1).normal(size=(20, 3)))
    for d in range(21):
        exact = np.linalg.matrix_power(cell.params.W_h.T, d)
        np.testing.assert_allclose(found.at(d), exact, rtol=0, atol=1e-12 * np.max(np.abs(exact)))
        np.testing.assert_array_equal(found.hidden(d), found.at(d))


def test_singular_values_of_powers_to_ten_digits_over_a_hundred_orders():
    """A symmetric W_h of eigenvalues v: the singular values of its d-th power are |v|^d, 1e-80 beside 1e+8."""
    values = np.array([-1.2, 1.1, 0.9, -0.6, 0.4, 0.16])
    found = jacobians(linear(symmetric(np.random.default_rng(2), values)), np.zeros((100, 1)))
    for d in (1, 10, 100):
        exact = np.sort(d * np.log(np.abs(values)))[::-1]
        np.testing.assert_allclose(found.singular[d], exact, rtol=0, atol=1e-10)
    plain = np.linalg.svd(found.at(100), compute_uv=False)
    assert plain[-1] > 1e30 * np.exp(found.smallest[100]), "the multiplied matrix would have done"


def test_the_growth_per_step_is_the_spectral_radius():
    """With a gap of 0.9 between the first two eigenvalues what the others add is 0.9^400 after 200 steps."""
    W_h = symmetric(np.random.default_rng(3), np.array([1.3, -1.17, 0.8, 0.5]))
    assert spectral_radius(W_h) == pytest.approx(1.3, abs=1e-14)
    found = jacobians(linear(W_h), np.zeros((300, 1)), distances=range(200, 301))
    assert found.rate == pytest.approx(np.log(1.3), abs=1e-12)


def test_no_length_and_no_radius_overflows():
    """Warnings are errors here. An orthogonal matrix times 1e4, 200 times: 1e800."""
    cell = make_cell("linear", np.random.default_rng(4), H=5, radius=1e4, start="orthogonal")
    found = jacobians(cell, np.zeros((200, 8)), distances=[200])
    np.testing.assert_allclose(found.singular[0], 200 * np.log(1e4), rtol=1e-12)
    assert np.isinf(found.at(200)).any()
    tiny = jacobians(make_cell("linear", np.random.default_rng(4), H=5, radius=1e-4), np.zeros((200, 8)))
    assert tiny.largest[-1] < 195 * np.log(1e-4)


def test_a_matrix_of_zeros_is_said_to_be_zero():
    found = jacobians(linear(np.zeros((3, 3))), np.zeros((4, 1)))
    np.testing.assert_array_equal(found.singular[0], 0)
    assert np.isneginf(found.singular[1:]).all()
    np.testing.assert_array_equal(found.at(4), 0)


def test_a_singular_matrix_has_as_many_zeros_as_it_lacks_rank():
    W_h = symmetric(np.random.default_rng(5), np.array([1.1, 0.7, 0.0, 0.5]))
    W_h[:, 0] = 0.0
    found = jacobians(linear(W_h), np.zeros((3, 1)))
    expected = np.linalg.matrix_rank(np.linalg.matrix_power(W_h, 3))
    gone = found.singular[3] < found.largest[3] - 34  # a column of rounding errors: e^-34 is 8 eps
    assert 4 - gone.sum() == expected


# every cell


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("start", ["gaussian", "orthogonal"])
def test_products_of_steps_are_the_derivative_of_the_run(name, start):
    rng = np.random.default_rng(6)
    cell = make_cell(name, rng, D=3, H=4, radius=1.4, start=start, drive=0.7)
    x = rng.normal(size=(6, 3))
    cache = run(cell, x[:, None])
    found = jacobians(cell, x)
    np.testing.assert_array_equal(found.at(0), np.eye(4 * len(cell.states)))
    for d in range(1, 7):
        exact = by_complex_step(cell, x[:, None], cache, 6 - d)
        np.testing.assert_allclose(found.at(d), exact, rtol=0, atol=1e-12 * np.max(np.abs(exact)))
        np.testing.assert_array_equal(found.hidden(d), found.at(d)[:4, :4])


@pytest.mark.parametrize("name", NAMES)
def test_the_singular_values_are_those_of_the_multiplied_matrix_as_far_as_it_holds_them(name):
    """Plain SVD is good to S eps of the largest value, a product of 12 factors to 12 S eps: together below 1e-12."""
    rng = np.random.default_rng(13)
    cell = make_cell(name, rng, D=3, H=5, radius=1.2, drive=0.7)
    found = jacobians(cell, rng.normal(size=(12, 3)))
    for d in range(13):
        exact = np.linalg.svd(found.at(d), compute_uv=False)
        np.testing.assert_allclose(np.exp(found.singular[d]), exact, rtol=0, atol=1e-12 * exact[0])


@pytest.mark.parametrize("name", NAMES)
def test_the_singular_values_multiply_to_the_determinants_of_the_steps(name):
    """log|det| of a product is the sum over its factors, whatever was lost in multiplying them."""
    rng = np.random.default_rng(7)
    cell = make_cell(name, rng, D=3, H=5, radius=1.1)
    x = 0.5 * rng.normal(size=(30, 3))
    cache = run(cell, x[:, None])
    found = jacobians(cell, x)
    steps = [step_jacobian(cell, cache, t) for t in range(30)]
    exact = sum(np.linalg.slogdet(J_t)[1] for J_t in steps)
    assert found.singular[30].sum() == pytest.approx(exact, abs=1e-8)
    assert (np.diff(found.singular, axis=1) <= 1e-12).all(), "largest first"


def test_a_step_of_another_sequence_in_the_batch():
    rng = np.random.default_rng(8)
    cell = make_cell("lstm", rng, D=3, H=4)
    x = rng.normal(size=(3, 2, 3))
    alone = step_jacobian(cell, run(cell, x[:, 1:]), 2)
    np.testing.assert_allclose(step_jacobian(cell, run(cell, x), 2, row=1), alone, rtol=0, atol=1e-15)


# theory: Pascanu, Mikolov & Bengio 2013


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.0])
def test_no_gradient_exceeds_the_product_of_norm_and_steepest_slope(radius):
    rng = np.random.default_rng(9)
    cell = make_cell("rnn", rng, D=3, H=8, radius=radius, drive=0.5)
    x = rng.normal(size=(25, 3))
    found, bound = jacobians(cell, x), slope_bound(cell, run(cell, x[:, None]))
    assert (found.largest <= bound + 1e-12).all()
    assert bound[25] < 25 * np.log(np.linalg.norm(cell.params.W_h, 2)), "tanh was never flat"


def test_a_norm_below_one_is_enough_to_vanish():
    rng = np.random.default_rng(10)
    cell = make_cell("rnn", rng, radius=0.9, start="orthogonal")
    found = jacobians(cell, rng.normal(size=(40, 8)))
    assert (found.largest <= np.arange(41) * np.log(0.9) + 1e-12).all()


def test_the_bound_is_reached_by_an_orthogonal_linear_network():
    cell = make_cell("linear", np.random.default_rng(11), H=5, radius=1.2, start="orthogonal")
    x = np.zeros((10, 8))
    np.testing.assert_allclose(jacobians(cell, x).largest, slope_bound(cell, run(cell, x[:, None])), atol=1e-12)


# sentences


def test_what_was_not_measured_is_refused():
    cell = make_cell("rnn", np.random.default_rng(12), H=3)
    found = jacobians(cell, np.zeros((5, 8)), distances=[1, 5])
    with pytest.raises(ValueError, match=r"Jacobians\.at: d is 2, expected one of \[1, 5\]"):
        found.at(2)
    with pytest.raises(ValueError, match=r"jacobians: distances are \[6\], expected some from 0 to T = 5"):
        jacobians(cell, np.zeros((5, 8)), distances=[6])
    gated = make_cell("gru", np.random.default_rng(12), H=3)
    with pytest.raises(ValueError, match="slope_bound: the cell is a gru, expected an rnn"):
        slope_bound(gated, run(gated, np.zeros((2, 1, 8))))
