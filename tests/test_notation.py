"""The legend and the op rooms that use it."""

import importlib
import types

import numpy as np
import pytest

import scratchnn
from scratchnn import notation, ops


def test_gate_slices_follow_the_legend():
    slices = notation.gate_slices(notation.GATES["lstm"], 3)
    assert list(slices) == ["i", "f", "g", "o"]
    assert slices["g"] == slice(6, 9)


def test_every_gate_has_a_name():
    for op, gates in notation.GATES.items():
        assert set(gates) == set(notation.GATE_NAMES[op])


@pytest.mark.parametrize("name", ops.ROOMS)
def test_every_op_has_the_same_furniture(name):
    room = importlib.import_module(f"scratchnn.ops.{name}")
    assert isinstance(room.reference, types.ModuleType)
    assert isinstance(room.equations, types.ModuleType)
    assert room.equations.TITLE
    assert all(isinstance(symbol, notation.Symbol) for symbol in room.equations.SYMBOLS)


@pytest.mark.parametrize("name", [name for name in ops.ROOMS if name != "optimizers"])
def test_sample_gives_the_arguments_of_forward(name):
    room = importlib.import_module(f"scratchnn.ops.{name}")
    cache = room.reference.forward(*room.sample(np.random.default_rng(0)))
    assert cache is not None


def test_a_backend_is_a_module_or_anything_with_the_two_functions():
    assert ops.backend(ops.lstm, "reference") is ops.lstm.reference
    own = types.SimpleNamespace(forward=None, backward=None)
    assert ops.backend(ops.lstm, own) is own
    with pytest.raises(ValueError, match=r"lstm: no backend 'fast', this op has reference"):
        ops.backend(ops.lstm, "fast")


def test_rooms_open_by_name():
    assert scratchnn.ops is ops
    assert "layers" in dir(scratchnn)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        scratchnn.nothing  # noqa: B018
