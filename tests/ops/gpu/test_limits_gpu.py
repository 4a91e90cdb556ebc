"""What the benchmark holds for the device's limits: who multiplies quickest, a copy, a barrier, a launch."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchnn import device
from scratchnn.bench import limits
from scratchnn.bench.contenders import ours_device
from scratchnn.bench.on_device import Entry


def test_barriers_are_counted_by_all_blocks():
    arrived = device.zeros(2, np.int32)
    limits.bench_kernel_barriers[3, 2](arrived, 1, 4)
    np.testing.assert_array_equal(device.to_host(arrived), [0, 12])


def test_limits_are_the_least_times_of_some_tries(monkeypatch):
    for name, value in (("SIDE", 6), ("LARGE", 160), ("TURNS", 2), ("TRIES", 3)):
        monkeypatch.setattr(limits, name, value)
    told = iter([9, 3, 7, 5, 4, 6, 2, 2, 2, 8, 6, 7])  # seconds: ours, the peer's, the copy's, the barriers'

    def clock():
        return SimpleNamespace(seconds=lambda run: (run(), next(told))[1])

    def lacks(case, inputs, rung):
        raise NotImplementedError("no tensor cores")

    slower = SimpleNamespace(setup=ours_device.setup, prepare=ours_device.prepare)
    lacking = SimpleNamespace(setup=ours_device.setup, prepare=lacks)
    who = [Entry("ours", ours_device), Entry("torch", slower), Entry("none, tf32", lacking, "tf32", True)]
    found = limits.measure(who, clock)
    assert found[:3] == (pytest.approx(6 * 6**3 / 3), "ours", None)
    assert found.copy == 2 * 160 / 2
    assert found.barrier == 6 / 2
    assert found.launch > 0
