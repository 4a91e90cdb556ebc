"""Optimisers: first steps with scalar arithmetic, 20 steps beside torch.optim, meaning."""

import math
import re

import numpy as np
import pytest

from scratchnn.ops import optimizers

reference = optimizers.reference


def one(x):
    return np.array([x])


def test_sgd_by_hand():
    p, _ = reference.sgd(one(2.0), one(0.5), lr=0.1)
    assert p[0] == pytest.approx(1.95, abs=1e-15)


def test_sgd_weight_decay_by_hand():
    """g = 0.5 + 0.25*2 = 1."""
    p, _ = reference.sgd(one(2.0), one(0.5), lr=0.1, weight_decay=0.25)
    assert p[0] == pytest.approx(1.9, abs=1e-15)


def test_sgd_momentum_by_hand():
    """Velocity 1, then 0.5*1 + 3 = 3.5."""
    p, state = reference.sgd(one(0.0), one(1.0), lr=0.1, momentum=0.5)
    assert p[0] == pytest.approx(-0.1, abs=1e-15)
    p, state = reference.sgd(p, one(3.0), state, lr=0.1, momentum=0.5)
    assert state.velocity[0] == 3.5
    assert p[0] == pytest.approx(-0.45, abs=1e-15)


def test_sgd_nesterov_by_hand():
    """Velocity 1, direction 1 + 0.5*1 = 1.5; then velocity 3.5, direction 3 + 0.5*3.5 = 4.75."""
    p, state = reference.sgd(one(0.0), one(1.0), lr=0.1, momentum=0.5, nesterov=True)
    assert p[0] == pytest.approx(-0.15, abs=1e-15)
    p, state = reference.sgd(p, one(3.0), state, lr=0.1, momentum=0.5, nesterov=True)
    assert p[0] == pytest.approx(-0.625, abs=1e-15)


def test_adam_by_hand():
    """The first step is lr in the direction of the sign, but for eps; the second uses both decayed means."""
    p, state = reference.adam(one(1.0), one(4.0), lr=0.1, betas=(0.5, 0.75), eps=1.0)
    assert state.m[0] == 2.0
    assert state.v[0] == 4.0
    assert p[0] == pytest.approx(1 - 0.1 * 4 / (4 + 1), abs=1e-15)
    p, state = reference.adam(p, one(-2.0), state, lr=0.1, betas=(0.5, 0.75), eps=1.0)
    m, v = 0.5 * 2 + 0.5 * -2, 0.75 * 4 + 0.25 * 4
    assert m == 0.0
    assert state == (one(m), one(v), 2)
    assert p[0] == pytest.approx(0.92, abs=1e-15)
    p, _ = reference.adam(p, one(6.0), state, lr=0.1, betas=(0.5, 0.75), eps=1.0)
    m, v = 3.0, 0.75 * 4 + 0.25 * 36
    m_hat, v_hat = m / (1 - 0.125), v / (1 - 0.421875)
    assert p[0] == pytest.approx(0.92 - 0.1 * m_hat / (math.sqrt(v_hat) + 1), abs=1e-15)


def test_weight_decay_of_adam_and_adamw_by_hand():
    """Adam divides the decay away again (the first step is lr in size), AdamW does not."""
    p, _ = reference.adam(one(2.0), one(0.5), lr=0.1, eps=0.0, weight_decay=0.25)
    assert p[0] == pytest.approx(1.9, abs=1e-12)
    p, _ = reference.adamw(one(2.0), one(0.5), lr=0.1, eps=0.0, weight_decay=0.25)
    assert p[0] == pytest.approx(2 - 0.1 * 0.25 * 2 - 0.1, abs=1e-12)


def test_adam_without_gradient_stays():
    p, state = reference.adam(one(3.0), one(0.0), lr=0.1)
    assert p[0] == 3.0
    p, _ = reference.adam(p, one(0.0), state, lr=0.1)
    assert p[0] == 3.0


def test_adagrad_by_hand():
    """Sums 4, then 4 + 9 = 13; the second rate is 0.1 / (1 + 0.5)."""
    p, state = reference.adagrad(one(1.0), one(2.0), lr=0.1, lr_decay=0.5, eps=1.0)
    assert state == (one(4.0), 1)
    assert p[0] == pytest.approx(1 - 0.1 * 2 / (2 + 1), abs=1e-15)
    before = p[0]
    p, state = reference.adagrad(p, one(3.0), state, lr=0.1, lr_decay=0.5, eps=1.0)
    assert state == (one(13.0), 2)
    assert p[0] == pytest.approx(before - 0.1 / 1.5 * 3 / (math.sqrt(13) + 1), abs=1e-15)


def test_adagrad_begins_with_the_value_given():
    p, state = reference.adagrad(one(1.0), one(3.0), reference.adagrad_start(one(1.0), 16.0), lr=0.5, eps=0.0)
    assert state.total[0] == 25.0
    assert p[0] == pytest.approx(1 - 0.5 * 3 / 5, abs=1e-15)


def test_rmsprop_by_hand():
    """Mean squares 0.25*4 = 1, then 0.75*1 + 0.25*9 = 3; the mean is not corrected for its start at 0."""
    p, state = reference.rmsprop(one(0.0), one(2.0), lr=0.1, alpha=0.75, eps=1.0)
    assert state.v[0] == 1.0
    assert p[0] == pytest.approx(-0.1 * 2 / (1 + 1), abs=1e-15)
    p, state = reference.rmsprop(p, one(3.0), state, lr=0.1, alpha=0.75, eps=1.0)
    assert state.v[0] == 3.0
    assert p[0] == pytest.approx(-0.1 - 0.1 * 3 / (math.sqrt(3) + 1), abs=1e-15)


def test_rmsprop_with_momentum_by_hand():
    """Directions 1 and 0.5 (the mean square goes from 4 to 16): velocity 1, then 0.5*1 + 0.5."""
    p, state = reference.rmsprop(one(0.0), one(2.0), lr=0.1, alpha=0.0, eps=0.0, momentum=0.5)
    assert state.velocity[0] == 1.0
    p, state = reference.rmsprop(p, one(4.0), state, lr=0.1, alpha=0.0, eps=4.0, momentum=0.5)
    assert state.velocity[0] == 1.0
    assert p[0] == pytest.approx(-0.2, abs=1e-15)


def test_centered_rmsprop_by_hand():
    """After gradients 2 and 4 with alpha 1/2: mean 2.5, mean square 9, variance 9 - 6.25 = 2.75."""
    p, state = reference.rmsprop(one(0.0), one(2.0), lr=0.1, alpha=0.5, eps=1.0, centered=True)
    assert (state.v[0], state.m[0]) == (2.0, 1.0)
    assert p[0] == pytest.approx(-0.1 * 2 / (math.sqrt(2 - 1) + 1), abs=1e-15)
    before = p[0]
    p, state = reference.rmsprop(p, one(4.0), state, lr=0.1, alpha=0.5, eps=1.0, centered=True)
    assert (state.v[0], state.m[0]) == (9.0, 2.5)
    assert p[0] == pytest.approx(before - 0.1 * 4 / (math.sqrt(2.75) + 1), abs=1e-15)


def test_a_gradient_that_stays_the_same_gives_centered_rmsprop_no_nan():
    """Its variance is 0, and rounding makes v - m**2 negative on the way: the root of that must not be taken."""
    grad = np.linspace(0.1, 1.0, 10, dtype=np.float32)
    p, state, negative = np.zeros_like(grad), None, False
    for _ in range(300):
        p, state = reference.rmsprop(p, grad, state, lr=1e-6, alpha=0.5, eps=1e-3, centered=True)
        negative |= (state.v - state.m**2 < 0).any()
        assert np.isfinite(p).all()
    assert negative, "no rounding occurred: the case is not the one meant"


RUNS = [
    ("sgd", "SGD", {"lr": 0.1}),
    ("sgd", "SGD", {"lr": 0.1, "momentum": 0.9}),
    ("sgd", "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("sgd", "SGD", {"lr": 0.1, "weight_decay": 0.01}),
    ("sgd", "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("adam", "Adam", {"lr": 0.05}),
    ("adam", "Adam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ("adamw", "AdamW", {"lr": 0.05}),
    ("adamw", "AdamW", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.3}),
    ("adagrad", "Adagrad", {"lr": 0.1}),
    ("adagrad", "Adagrad", {"lr": 0.1, "lr_decay": 0.3, "eps": 1e-3, "weight_decay": 0.1}),
    ("rmsprop", "RMSprop", {"lr": 0.01}),
    ("rmsprop", "RMSprop", {"lr": 0.01, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.1}),
    ("rmsprop", "RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.7}),
    ("rmsprop", "RMSprop", {"lr": 0.01, "alpha": 0.9, "centered": True, "eps": 1e-3}),
    ("rmsprop", "RMSprop", {"lr": 0.01, "alpha": 0.8, "centered": True, "momentum": 0.5, "weight_decay": 0.1}),
]


@pytest.mark.parametrize(("ours", "theirs", "settings"), RUNS)
def test_twenty_steps_beside_torch(ours, theirs, settings):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: no trajectory to compare with")
    rng = np.random.default_rng(0)
    p, _ = optimizers.sample(rng)
    peer = torch.nn.Parameter(torch.tensor(p))
    optimizer = getattr(torch.optim, theirs)([peer], **settings)
    state = None
    start = p
    for count in range(20):
        grad = rng.normal(size=p.shape) * 10.0 ** rng.integers(-3, 2)
        if count == 7:
            grad[0] = 0.0
        p, state = getattr(reference, ours)(p, grad, state, **settings)
        peer.grad = torch.tensor(grad)
        optimizer.step()
        # 20 steps of some 10 roundings on entries of order 1: 200 eps = 4e-14
        assert np.allclose(p, peer.detach().numpy(), rtol=0, atol=1e-12)
    assert np.abs(p - start).min() > 1e-3


@pytest.mark.parametrize(("ours", "settings"), [(ours, settings) for ours, _, settings in RUNS])
def test_arguments_are_untouched(untouched, ours, settings):
    p, grad = optimizers.sample(np.random.default_rng(1))
    step = getattr(reference, ours)
    with untouched(p, grad):
        p_new, state = step(p, grad, **settings)
    with untouched(p_new, grad, state):
        again, _ = step(p_new, grad, state, **settings)
    assert not np.array_equal(p_new, again)


@pytest.mark.parametrize(("ours", "settings"), [(ours, settings) for ours, _, settings in RUNS])
def test_float32_stays_float32(ours, settings):
    p, grad = optimizers.sample(np.random.default_rng(2), dtype=np.float32)
    state = None
    for _ in range(2):
        p, state = getattr(reference, ours)(p, grad, state, **settings)
        assert p.dtype == np.float32
        assert {a.dtype for a in state if isinstance(a, np.ndarray)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("ours", ["sgd", "adam", "adamw", "adagrad", "rmsprop"])
def test_wrong_arguments_get_one_sentence(ours):
    step = getattr(reference, ours)
    sentence = f"optimizers.{ours}: grad has shape (2,), expected the shape of p (3,)"
    with pytest.raises(ValueError, match=re.escape(sentence)):
        step(np.zeros(3), np.zeros(2), lr=0.1)
    with pytest.raises(TypeError, match=f"optimizers.{ours}: p has dtype int64"):
        step(np.zeros(3, int), np.zeros(3), lr=0.1)
