"""Warm-up: after it nothing is left to compile."""

import numpy as np
import pytest

from scratchnn import jit, ops
from scratchnn.bench import cases, warm
from scratchnn.bench.contenders import ours


@pytest.fixture(scope="module")
def warmed():
    if jit.PLAIN:
        pytest.skip("kernels are plain Python here")
    return list(warm.warm_up(("float32",)))


def test_every_room_with_kernels_is_warmed(warmed):
    there = {room for room, which in warm.rooms().items() if which == "cpu"}
    assert {one.room for one in warmed} == there
    assert there <= set(warm.CALLS), "a room has kernels, but warm.CALLS does not call them"


def test_the_second_time_there_is_nothing_to_compile(warmed):
    assert sum(one.compiled for one in warm.warm_up(("float32",))) == 0


@pytest.mark.parametrize("topic", ["lstm", "gru", "rnn", "attention", "additive", "step"])
def test_work_after_it_compiles_nothing(warmed, topic):
    case = cases.parse(topic, "3,4,5,2")
    before = warm.compilations()
    run, results = ours.prepare(case, cases.draw(case))
    assert all(np.isfinite(value).all() for value in results(run()).values())
    assert warm.compilations() == before


def test_rooms_without_kernels_run_on_the_reference():
    assert set(warm.rooms()) == set(ops.ROOMS)
    assert warm.rooms()["lstm"] == "cpu"
