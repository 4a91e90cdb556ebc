"""A committee answers with the mean of its members' probabilities, and its gradient is right."""

import numpy as np
import pytest

from scratchnn.models import Committee, SequenceClassifier
from scratchnn.probe import complex_step

X = np.random.default_rng(0).normal(size=(3, 4, 2))
LENGTHS = np.array([4, 1, 2])


def make(K=3, pooling="attention"):
    options = {"input_size": 2, "hidden_size": 3, "dtype": np.float64, "pooling": pooling, "cell": "gru"}
    return Committee([SequenceClassifier(4, rng=np.random.default_rng(k), **options) for k in range(K)])


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def test_it_answers_with_the_mean_probability():
    committee = make()
    log_mean, cache = committee.forward(X, lengths=LENGTHS)
    members = [member.forward(X, lengths=LENGTHS) for member in committee.members]
    np.testing.assert_allclose(softmax(log_mean), np.mean([softmax(z) for z, _ in members], axis=0), rtol=1e-12)
    np.testing.assert_allclose(np.exp(log_mean).sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(cache.alpha, np.mean([c.alpha for _, c in members], axis=0), rtol=1e-12)


def test_one_member_alone_is_that_member():
    committee = make(K=1)
    log_mean, _ = committee.forward(X, lengths=LENGTHS)
    np.testing.assert_allclose(softmax(log_mean), softmax(committee.members[0].forward(X, lengths=LENGTHS)[0]))


@pytest.mark.parametrize("pooling", ["attention", "last"])
def test_every_gradient(pooling):
    dy = np.random.default_rng(1).normal(size=(3, 4))
    committee = make(pooling=pooling)
    _, cache = committee.forward(X, lengths=LENGTHS)
    dx = committee.backward(dy, cache)
    found = {name: grad.copy() for name, grad in committee.grads.items()} | {"x": dx}

    def loss(arrays):
        arrays = dict(arrays)
        probe = make(pooling=pooling)
        x = arrays.pop("x")
        probe.set_params(arrays)
        return (probe.forward(x, lengths=LENGTHS)[0] * dy).sum()

    true = complex_step(loss, committee.state_dict() | {"x": X})
    assert set(true) == set(found)
    for name, value in true.items():
        assert np.abs(value).max() > 0
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-10 * np.abs(value).max(), err_msg=name)


def test_an_empty_committee_is_refused():
    with pytest.raises(ValueError, match="members is empty"):
        Committee([])


def test_members_that_are_very_sure_overflow_nothing():
    committee = make(K=2)
    for member, sign in zip(committee.members, (1, -1), strict=True):
        member.linear.own["W"][...] = 0
        member.linear.own["b"][...] = [sign * 400, -sign * 400, 0, 0]
    log_mean, cache = committee.forward(X)
    assert np.isfinite(log_mean).all()
    np.testing.assert_allclose(np.exp(log_mean[0, :2]), 0.5)
    committee.backward(np.ones((3, 4)), cache)
    assert all(np.isfinite(grad).all() for grad in committee.grads.values())
