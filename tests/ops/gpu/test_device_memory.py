"""Memory of device arrays: used again when nobody holds it, never before; a warm training step asks for none."""

import gc

import numpy as np
import pytest

from scratchnn import data, device
from scratchnn.device import memory
from scratchnn.models import SequenceClassifier
from scratchnn.training import Adam, CrossEntropyLoss, clip_grad_norm


@pytest.fixture(autouse=True)
def nothing_kept():
    memory.forget()
    yield
    memory.forget()


def asked(make):
    with device.counting() as count:
        made = make()
    return count.allocations, made


def test_what_nobody_holds_is_used_again():
    first, array = asked(lambda: device.empty((3, 5), np.float32))
    second, other = asked(lambda: device.empty((3, 5), np.float32))
    assert (first, second) == (1, 1), "both are held"
    del array
    assert asked(lambda: device.empty((5, 3), np.float32))[0] == 0
    assert asked(lambda: device.to_device(np.ones(100, np.int64)))[0] == 1, "800 bytes do not fit into 512"
    del other


@pytest.mark.parametrize("view", [lambda x: x[1], lambda x: x[1:], lambda x: x.reshape(2, 6), lambda x: x[1:][0]])
def test_a_view_holds_the_memory(view, close):
    numbers = np.arange(12.0).reshape(3, 4)
    seen = view(device.to_device(numbers))
    gc.collect()
    others = [device.zeros((3, 4), np.float64) for _ in range(3)]
    close(seen, view(numbers))
    assert all(device.on_device(array) for array in others)


def test_what_is_written_later_changes_no_array_that_is_held(close):
    """A hundred arrays of four sizes, made and dropped in any order: each keeps what was written into it."""
    rng, held = np.random.default_rng(0), {}
    count = 0
    for turn in range(100):
        size = int(rng.choice([1, 60, 61, 130]))
        asks, array = asked(lambda size=size, turn=turn: device.zeros(size, np.float64, turn))
        count += asks
        held[turn] = array, size
        if rng.random() < 0.6:
            del held[rng.choice(list(held))]
    assert count < 90, "hardly anything was used again"
    for turn, (array, size) in held.items():
        close(array, np.full(size, float(turn)))


def test_streams_share_no_memory():
    """What one stream still reads, another could overwrite."""
    array = device.empty(7, np.float32)
    del array
    with device.on_stream(device.cuda.stream()):
        assert asked(lambda: device.empty(7, np.float32))[0] == 1
    assert asked(lambda: device.empty(7, np.float32))[0] == 0


def test_an_array_without_numbers_asks_for_nothing():
    count, array = asked(lambda: device.empty((0, 4), np.float32))
    assert count == 0
    assert tuple(array.shape) == (0, 4)
    assert device.to_host(device.to_device(np.empty((2, 0)))).shape == (2, 0)


def test_when_the_driver_has_none_left_what_is_unused_is_given_back(monkeypatch):
    kept = device.empty(1000, np.float32)
    del kept
    ask, calls = memory._ask, []

    def scarce(size):
        calls.append(size)
        if memory._Kept.blocks:
            raise MemoryError("out of memory")
        return ask(size)

    monkeypatch.setattr(memory, "_ask", scarce)
    assert asked(lambda: device.empty(9000, np.float32))[0] == 1
    assert len(calls) == 2
    monkeypatch.setattr(memory, "_ask", lambda size: (_ for _ in ()).throw(MemoryError("out of memory")))
    with pytest.raises(MemoryError):
        device.empty(5000, np.float32)


def test_a_training_step_asks_the_driver_for_nothing_once_it_is_warm():
    rng = np.random.default_rng(0)
    model = SequenceClassifier(
        3, vocabulary_size=5, embedding_size=2, hidden_size=3, cell="lstm", pooling="attention",
        bidirectional=True, backend="gpu", rng=rng,
    )  # fmt: skip
    criterion, optimizer = CrossEntropyLoss(backend="gpu"), Adam(model.params, lr=0.1, backend="gpu")
    batches = data.Batches([np.array([1, 3, 2]), np.array([4, 2]), np.array([2])], np.array([0, 2, 1]), 3)

    def step():
        for batch in batches():
            logits, cache = model.forward(batch.inputs, batch.lengths)
            loss, scores = criterion.forward(logits, batch.targets)
            model.zero_grad()
            model.backward(criterion.backward(scores), cache)
            clip_grad_norm(model.grads, 1.0)
            optimizer.step(model.grads)
        return float(np.asarray(loss))

    gc.disable()  # memory must come back when the last name goes, without Python's collector
    try:
        losses = [step() for _ in range(2)]
        count, last = asked(step)
    finally:
        gc.enable()
    assert count == 0
    assert last < losses[0]
