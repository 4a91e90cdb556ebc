"""The optimisers over a dict of parameters: in place, state, 20 steps beside torch, what is refused."""

import re

import numpy as np
import pytest

from scratchnn.training import SGD, Adagrad, Adam, AdamW, RMSprop

RUNS = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (SGD, {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.1}),
    (Adam, {"lr": 0.05}),
    (Adam, {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    (AdamW, {}),
    (AdamW, {"lr": 0.05, "weight_decay": 0.3}),
    (Adagrad, {}),
    (Adagrad, {"lr": 0.1, "lr_decay": 0.2, "initial_accumulator_value": 0.5, "eps": 1e-3, "weight_decay": 0.1}),
    (RMSprop, {}),
    (RMSprop, {"lr": 0.02, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1, "momentum": 0.6, "centered": True}),
]


def problem(seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return {"a": rng.normal(size=(2, 3)).astype(dtype), "b": rng.normal(size=4).astype(dtype)}


def gradients(count, seed=1):
    rng = np.random.default_rng(seed)
    return [{"a": rng.normal(size=(2, 3)), "b": 5 * rng.normal(size=4)} for _ in range(count)]


@pytest.mark.parametrize(("kind", "settings"), RUNS)
def test_twenty_steps_beside_torch(kind, settings):
    """The learning rate is changed on the way, as a schedule does."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: no trajectory to compare with")
    params = problem()
    peers = {name: torch.nn.Parameter(torch.tensor(p)) for name, p in params.items()}
    optimizer = kind(params, **settings)
    peer = getattr(torch.optim, kind.__name__)(list(peers.values()), **settings)
    for count, grads in enumerate(gradients(20)):
        if count == 10:
            optimizer.lr = 0.02
            peer.param_groups[0]["lr"] = 0.02
        optimizer.step(grads)
        for name, p in peers.items():
            p.grad = torch.tensor(grads[name])
        peer.step()
        for name, p in params.items():
            # 20 steps of some 10 roundings on entries of order 1: 200 eps = 4e-14
            assert np.allclose(p, peers[name].detach().numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("kind", "settings"), RUNS)
def test_steps_write_into_the_arrays_and_leave_gradients(kind, settings):
    params = problem()
    arrays = dict(params)
    before = {name: p.copy() for name, p in params.items()}
    grads = gradients(1)[0]
    copies = {name: g.copy() for name, g in grads.items()}
    kind(params, **settings).step({**grads, "frozen": np.ones(7)})
    for name, p in arrays.items():
        assert params[name] is p
        assert not np.array_equal(p, before[name])
        assert np.array_equal(grads[name], copies[name])


@pytest.mark.parametrize(("kind", "settings"), RUNS)
def test_a_loaded_state_goes_on_as_if_never_stopped(kind, settings):
    straight, broken = problem(), problem()
    grads = gradients(6)
    optimizer = kind(straight, **settings)
    for g in grads:
        optimizer.step(g)
    first = kind(broken, **settings)
    for g in grads[:3]:
        first.step(g)
    state = first.state_dict()
    first.step(grads[3])  # the copy must not notice
    fresh = problem()
    resumed = kind(fresh, **{**settings, "lr": 0.7})
    again = kind(fresh, **settings)
    for g in grads[:3]:
        again.step(g)
    resumed.load_state_dict(state)
    for g in grads[3:]:
        resumed.step(g)
    for name, p in straight.items():
        assert np.array_equal(p, fresh[name])


def test_state_dict_is_flat_arrays():
    optimizer = Adam(problem(), lr=0.5)
    optimizer.step(gradients(1)[0])
    state = optimizer.state_dict()
    assert set(state) == {"lr", "a.m", "a.v", "a.count", "b.m", "b.v", "b.count"}
    assert all(isinstance(value, np.ndarray) for value in state.values())
    assert state["lr"] == 0.5
    assert state["a.count"] == 1
    state["a.m"][...] = 7
    assert not (optimizer.state_dict()["a.m"] == 7).any()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("a.velocity"), "SGD.load_state_dict: missing 'a.velocity'"),
        (lambda s: s.update(c=np.ones(1)), "SGD.load_state_dict: unknown 'c'"),
        (
            lambda s: s.update({"a.velocity": np.ones(2)}),
            "SGD.load_state_dict: a.velocity has shape (2,), expected (2, 3)",
        ),
    ],
)
def test_a_foreign_state_is_refused(change, sentence):
    optimizer = SGD(problem(), momentum=0.9)
    state = optimizer.state_dict()
    change(state)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        optimizer.load_state_dict(state)


@pytest.mark.parametrize(("kind", "settings"), RUNS)
def test_float32_parameters_follow_float64_within_rounding(kind, settings):
    single, double = problem(dtype=np.float32), problem()
    ours, exact = kind(single, **settings), kind(double, **settings)
    for g in gradients(5):
        ours.step({name: value.astype(np.float32) for name, value in g.items()})
        exact.step(g)
    for name, p in single.items():
        assert p.dtype == np.float32
        # five steps of size up to 10 lr, a dozen float32 roundings each
        assert np.allclose(p, double[name], rtol=0, atol=5 * 12 * 2.0**-24 * 10)


def test_an_error_changes_nothing():
    params = problem()
    before = {name: p.copy() for name, p in params.items()}
    optimizer = SGD(params, lr=1.0)
    grads = gradients(1)[0]
    with pytest.raises(ValueError, match=re.escape("SGD.step: no gradient for 'b'")):
        optimizer.step({"a": grads["a"]})
    with pytest.raises(ValueError, match=re.escape("SGD.step: the gradient of b has shape (3,), expected (4,)")):
        optimizer.step({"a": grads["a"], "b": np.ones(3)})
    assert all(np.array_equal(p, before[name]) for name, p in params.items())


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: SGD({}), ValueError, "SGD: no parameters given"),
        (lambda: Adam({"a": [1.0]}), TypeError, "Adam: parameter a is not a NumPy array of floats"),
        (lambda: SGD(problem(), lr=-1), ValueError, "SGD: lr is -1.0, expected 0 or more, and finite"),
        (lambda: SGD(problem(), lr=float("nan")), ValueError, "SGD: lr is nan, expected 0 or more, and finite"),
        (lambda: SGD(problem(), momentum=1), ValueError, "SGD: momentum is 1.0, expected 0 <= momentum < 1"),
        (lambda: SGD(problem(), nesterov=True), ValueError, "SGD: nesterov needs a momentum above 0"),
        (lambda: Adam(problem(), betas=(0.9, 1.0)), ValueError, "Adam: beta2 is 1.0, expected 0 <= beta2 < 1"),
        (lambda: AdamW(problem(), eps=-1), ValueError, "AdamW: eps is -1.0, expected 0 or more"),
        (lambda: RMSprop(problem(), alpha=1), ValueError, "RMSprop: alpha is 1.0, expected 0 <= alpha < 1"),
        (
            lambda: RMSprop(problem(), momentum=-1),
            ValueError,
            "RMSprop: momentum is -1.0, expected 0 <= momentum < 1",
        ),
        (lambda: Adagrad(problem(), lr_decay=-1), ValueError, "Adagrad: lr_decay is -1.0, expected 0 or more"),
        (
            lambda: Adagrad(problem(), initial_accumulator_value=-1),
            ValueError,
            "Adagrad: initial_accumulator_value is -1.0, expected 0 or more",
        ),
        (lambda: AdamW(problem(), weight_decay=-1), ValueError, "AdamW: weight_decay is -1.0, expected 0 or more"),
    ],
)
def test_wrong_settings_get_one_sentence(make, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        make()


ARRANGEMENTS = {
    "the same arrays with new numbers": lambda grads, k: grads,
    "new arrays at every step": lambda grads, k: {name: grad.copy() for name, grad in grads.items()},
    "every second number of a longer array": lambda grads, k: {
        name: np.repeat(grad, 2, axis=0)[::2] for name, grad in grads.items()
    },
    "now one, now the other": lambda grads, k: {
        n: g.copy() if k % 2 else np.asfortranarray(g) for n, g in grads.items()
    },
}


@pytest.mark.parametrize("arrange", ARRANGEMENTS.values(), ids=ARRANGEMENTS)
@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, Adagrad, RMSprop])
def test_where_the_numbers_lie_makes_no_difference(kind, arrange):
    """The kernels remember addresses from step to step; a state loaded on the way lies elsewhere."""
    mine, theirs = problem(), problem()
    optimizer, peer = kind(mine, lr=0.05), kind(theirs, lr=0.05, backend="reference")
    held = {name: np.zeros_like(p) for name, p in mine.items()}
    for k, grads in enumerate(gradients(6)):
        if k == 3:
            optimizer.load_state_dict(optimizer.state_dict())
        for name, grad in grads.items():
            held[name][...] = grad
        optimizer.step(arrange(held, k))
        peer.step(grads)
        for name, p in mine.items():
            np.testing.assert_allclose(p, theirs[name], rtol=0, atol=1e-13)


def test_a_parameter_that_became_read_only_is_not_written():
    params = problem()
    optimizer = Adam(params)
    grads = gradients(1)[0]
    optimizer.step(grads)
    params["a"].flags.writeable = False
    before = {name: p.copy() for name, p in params.items()}
    with pytest.raises(ValueError, match="read-only"):
        optimizer.step(grads)
    for name, p in params.items():
        np.testing.assert_array_equal(p, before[name])
