"""Without a GPU: one sentence says what is missing and how to get it. With the simulator's variable all is there."""

import os
import subprocess
import sys

import pytest

from scratchnn import device


def child(code, **variables):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **variables}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_asking_costs_nothing_until_it_is_asked():
    child("import sys; import scratchnn.device as d; d.on_device(3); assert 'numba' not in sys.modules")


def test_what_is_missing_and_how_to_get_it():
    sentence = device.why_missing()
    if sentence is None:
        pytest.skip("there is a device, or the simulator")
    assert device.state() == "missing"
    assert sentence.count(". ") == 0
    for word in ("scratchnn[cuda12]", "scratchnn[cuda13]", "NUMBA_ENABLE_CUDASIM=1"):
        assert word in sentence
    for ask in (device.require, lambda: device.empty(3, float), lambda: device.bring("f", *[])):
        with pytest.raises(device.Missing, match=r"no CUDA driver|NVVM|cannot be imported"):
            ask()


def test_the_variable_brings_the_simulator():
    assert child("from scratchnn import device; print(device.state())", NUMBA_ENABLE_CUDASIM="1") == "simulator"
