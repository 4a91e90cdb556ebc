"""Wrong gradients still train: the experiment, in small."""

import numpy as np
import pytest

from scratchnn import ops
from scratchnn.check import catalogue
from scratchnn.check.catalogue import still_trains
from scratchnn.errors import InputError
from scratchnn.misconceptions import Bug, Edit

EASY, MEMORY = still_trains.TASKS


@pytest.mark.parametrize("op", still_trains.CELLS)
def test_the_right_gradient_solves_the_easy_task(op):
    losses = still_trains.train(op, getattr(ops, op).reference, EASY)
    assert losses.shape == (EASY.steps,)
    assert losses[0] == pytest.approx(np.log(still_trains.SYMBOLS), rel=0.3)  # it begins by guessing
    assert still_trains.Run(None, losses, False).solved


def test_the_right_gradient_solves_the_memory_task_which_cut_carries_do_not():
    cut = catalogue.plant(catalogue.bug("lstm-no-carry"))
    right = still_trains.Run(None, still_trains.train("lstm", ops.lstm.reference, MEMORY, steps=120), False)
    wrong = still_trains.Run(None, still_trains.train("lstm", cut, MEMORY, steps=120), True)
    assert right.halved
    assert not wrong.halved


def test_most_wrong_gradients_still_halve_the_loss_of_the_easy_task():
    some = catalogue.bugs("rnn")[::6]
    runs = still_trains.still_trains("rnn", bugs=some, steps=60)[EASY]
    wrong = [run for run in runs if run.differs]
    assert runs[0].bug is None
    assert len(wrong) >= 5
    assert sum(run.halved for run in wrong) >= len(wrong) / 2


def test_all_but_the_recurrent_backward_is_right_and_is_used():
    """A gradient of zeros learns as much as the output layer can; a reversed one climbs."""
    edits = {"zero": "dx_t = 0 * (da_t @ W_x.T)", "up": "dx_t = -(da_t @ W_x.T)"}
    found = {}
    for name, new in edits.items():
        bug = Bug("rnn-made-up", name, "M1", (Edit("step_backward", "dx_t = da_t @ W_x.T", new),), "Is it?")
        found[name] = still_trains.train("rnn", catalogue.plant(bug), EASY, steps=30)
    right = still_trains.train("rnn", ops.rnn.reference, EASY, steps=30)
    assert not np.array_equal(found["zero"], right)
    assert not np.array_equal(found["up"], found["zero"])


def test_what_a_task_never_meets_is_said_to_make_no_difference():
    bugs = tuple(catalogue.bug(name) for name in ("lstm-carry-not-held", "lstm-dc-next-dropped"))
    for runs in still_trains.still_trains("lstm", bugs=bugs, steps=3).values():
        assert [run.differs for run in runs] == [False, False, True]


def test_the_same_seed_gives_the_same_curve():
    one, other = (still_trains.train("gru", ops.gru.reference, EASY, seed=3, steps=4) for _ in range(2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, still_trains.train("gru", ops.gru.reference, EASY, seed=4, steps=4))


def test_an_overflow_is_no_success():
    losses = np.array([1.0, 0.5, np.nan])
    run = still_trains.Run(None, losses, True)
    assert not run.halved
    assert not run.solved


def test_only_recurrent_ops_take_part():
    with pytest.raises(InputError, match="op is 'linear', expected one of rnn, lstm, gru"):
        still_trains.still_trains("linear")
