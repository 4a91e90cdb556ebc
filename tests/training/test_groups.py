"""Groups of parameters: who is in them, what changes for them, beside torch, saved and loaded."""

import re

import numpy as np
import pytest

from scratchnn.models import SequenceClassifier
from scratchnn.training import SGD, Adagrad, Adam, AdamW, Group, RMSprop, cosine, fit, no_decay

KINDS = [SGD, Adam, AdamW, Adagrad, RMSprop]


def problem(seed=0):
    rng = np.random.default_rng(seed)
    return {"cell.W": rng.normal(size=(2, 3)), "cell.b": rng.normal(size=4), "embedding.W": rng.normal(size=(5, 2))}


def gradients(count, seed=1):
    rng = np.random.default_rng(seed)
    return [{name: rng.normal(size=p.shape) for name, p in problem().items()} for _ in range(count)]


def test_one_step_of_gradient_descent_by_hand():
    """Without gradient only the decay moves: p - lr * lr_scale * weight_decay * p."""
    params = {name: np.ones(2) for name in "abc"}
    groups = [Group("a", weight_decay=0.0), Group("b", lr_scale=0.5)]
    SGD(params, lr=0.1, weight_decay=0.2, groups=groups).step({name: np.zeros(2) for name in "abc"})
    assert params["a"][0] == 1.0
    assert params["b"][0] == pytest.approx(1 - 0.05 * 0.2, abs=1e-16)
    assert params["c"][0] == pytest.approx(1 - 0.1 * 0.2, abs=1e-16)


def test_members_by_name_pattern_and_function():
    params = problem()
    assert Group("cell.b").chosen(params) == ["cell.b"]
    assert Group(["embedding.*", "cell.b"]).chosen(params) == ["cell.b", "embedding.W"]
    assert Group(lambda name, p: p.ndim == 2).chosen(params) == ["cell.W", "embedding.W"]


def test_no_decay_picks_arrays_with_one_axis_and_what_else_is_named():
    params = problem()
    assert no_decay(params).chosen(params) == ["cell.b"]
    assert no_decay(params, also="embedding.*").chosen(params) == ["cell.b", "embedding.W"]
    assert no_decay(params).weight_decay == 0.0


def test_no_decay_of_a_classifier_is_its_biases_and_vectors():
    model = SequenceClassifier(vocabulary_size=7, num_classes=3, hidden_size=4, rng=np.random.default_rng(0))
    chosen = no_decay(model.params).chosen(model.params)
    assert "linear.b" in chosen
    assert "linear.W" not in chosen
    assert {model.params[name].ndim for name in chosen} == {1}
    assert {p.ndim for name, p in model.params.items() if name not in chosen} == {2}


@pytest.mark.parametrize("kind", KINDS)
def test_groups_beside_torch(kind):
    """The learning rate of all is halved on the way: that of a group with it."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: no trajectory to compare with")
    params = problem()
    peers = {name: torch.nn.Parameter(torch.tensor(p)) for name, p in params.items()}
    groups = [no_decay(params), Group("embedding.*", weight_decay=0.3, lr_scale=0.25)]
    optimizer = kind(params, lr=0.04, weight_decay=0.1, groups=groups)
    theirs = [
        {"params": [peers["cell.b"]], "weight_decay": 0.0},
        {"params": [peers["embedding.W"]], "weight_decay": 0.3, "lr": 0.01},
        {"params": [peers["cell.W"]]},
    ]
    peer = getattr(torch.optim, kind.__name__)(theirs, lr=0.04, weight_decay=0.1)
    for count, grads in enumerate(gradients(20)):
        if count == 10:
            optimizer.lr = 0.02
            for group in peer.param_groups:
                group["lr"] /= 2
        optimizer.step(grads)
        for name, p in peers.items():
            p.grad = torch.tensor(grads[name])
        peer.step()
        for name, p in params.items():
            # 20 steps of some 10 roundings on entries of order 1: 200 eps = 4e-14
            assert np.allclose(p, peers[name].detach().numpy(), rtol=0, atol=1e-12), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_group_that_changes_nothing_changes_no_bit(kind):
    plain, grouped = problem(), problem()
    one = kind(plain, lr=0.1, weight_decay=0.1)
    other = kind(grouped, lr=0.1, weight_decay=0.1, groups=[Group("*")])
    for grads in gradients(3):
        one.step(grads)
        other.step(grads)
    assert all(np.array_equal(plain[name], grouped[name]) for name in plain)


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_state_brings_the_groups_numbers_back(kind):
    """The resumed optimiser was made with other numbers: those of the state count, bit for bit."""
    straight, resumed = problem(), problem()
    grads = gradients(6)

    def make(params, weight_decay, lr_scale):
        return kind(params, lr=0.1, groups=[Group("cell.*", weight_decay=weight_decay, lr_scale=lr_scale)])

    first = make(straight, 0.2, 0.3)
    for g in grads[:3]:
        first.step(g)
    for name, p in straight.items():
        resumed[name][...] = p
    second = make(resumed, 0.0, 1.0)
    second.load_state_dict(first.state_dict())
    for g in grads[3:]:
        first.step(g)
        second.step(g)
    assert all(np.array_equal(straight[name], resumed[name]) for name in straight)


def test_a_state_of_other_groups_is_refused():
    grouped = SGD(problem(), groups=[Group("cell.b", weight_decay=0.0)])
    with pytest.raises(ValueError, match=r"SGD\.load_state_dict: unknown 'cell\.b\.lr_scale'"):
        SGD(problem()).load_state_dict(grouped.state_dict())
    with pytest.raises(ValueError, match=r"SGD\.load_state_dict: missing 'cell\.b\.lr_scale'"):
        grouped.load_state_dict(SGD(problem()).state_dict())


def test_a_schedule_moves_every_group_and_fit_puts_the_base_back(toys):
    """One epoch of four steps with gradient -1: w is the sum of the learning rates, b half of it."""

    class Two(toys.Walk):
        def __init__(self):
            super().__init__()
            self.params["v"], self.grads["v"] = np.zeros(1), np.zeros(1)

        def backward(self, dlogits, cache):
            self.grads["w"] += self.gradient
            self.grads["v"] += self.gradient

    model = Two()
    optimizer = SGD(model.params, lr=2.0, groups=[Group("v", lr_scale=0.5)])
    fit(
        model, toys.SumLoss(), optimizer, toys.walk_batches(4), epochs=1, schedule=cosine(4),
        rng=np.random.default_rng(0), progress=False,
    )  # fmt: skip
    total = 2.0 * sum(cosine(4)(k) for k in range(4))
    assert model.params["w"][0] == pytest.approx(total, rel=1e-15)
    assert model.params["v"][0] == pytest.approx(total / 2, rel=1e-15)
    assert optimizer.lr == 2.0


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Group("a", weight_decay=-1), "Group: weight_decay is -1.0, expected 0 or more, and finite"),
        (lambda: Group("a", lr_scale=float("nan")), "Group: lr_scale is nan, expected 0 or more, and finite"),
        (lambda: SGD(problem(), groups=[Group("c")]), "Group: 'c' fits none of the parameters cell.W, cell.b"),
        (
            lambda: SGD(problem(), groups=[Group("cell.*"), Group("*.b")]),
            "SGD: the parameter cell.b is in two groups",
        ),
    ],
)
def test_wrong_groups_get_one_sentence(make, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        make()
