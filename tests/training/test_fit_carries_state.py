"""A model that carries state gets it from batch to batch, and starts every pass without it."""

import numpy as np

from scratchnn.training import SGD, evaluate, fit


def make_counter(toys):
    class Counter(toys.Walk):
        """Its state counts the batches of a pass; what each forward was given is noted."""

        carries_state = True

        def __init__(self):
            super().__init__([(1.0, 1)] * 99)
            self.given = {"training": [], "validation": []}

        def forward(self, inputs, lengths=None, rng=None, state=None):
            self.given["validation" if rng is None else "training"].append(None if state is None else int(state[0]))
            logits, _ = super().forward(inputs, lengths, rng)
            return logits, (np.array([0]) if state is None else state) + 1

        def carry(self, cache):
            return cache

        def backward(self, dlogits, cache):
            super().backward(dlogits, None)

    return Counter()


def test_the_state_goes_from_batch_to_batch_and_every_pass_starts_without(toys):
    model = make_counter(toys)
    fit(
        model, toys.SumLoss(), SGD(model.params, lr=1.0), toys.walk_batches(3), epochs=2,
        validation=toys.walk_batches(2), rng=np.random.default_rng(0), progress=False,
    )  # fmt: skip
    assert model.given == {"training": [None, 1, 2] * 2, "validation": [None, 1] * 2}


def test_evaluate_carries_the_state_too(toys):
    model = make_counter(toys)
    model.params["w"][0] = 1
    evaluate(model, toys.SumLoss(), toys.walk_batches(4))
    assert model.given["validation"] == [None, 1, 2, 3]


def test_a_model_that_carries_none_is_asked_as_before(toys):
    """``Walk.forward`` takes no ``state``: giving one would be a TypeError."""
    model = toys.Walk([(1.0, 1)] * 2)
    fit(
        model, toys.SumLoss(), SGD(model.params, lr=1.0), toys.walk_batches(2), epochs=1,
        validation=toys.walk_batches(2), rng=np.random.default_rng(0), progress=False,
    )  # fmt: skip
    assert model.params["w"][0] == 2
