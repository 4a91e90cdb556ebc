"""NVIDIA's compute-sanitizer finds nothing: no access outside an array, no race in shared memory."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import every_kernel
import pytest

from scratchnn import device
from scratchnn.device.launching import Kernel

TOOLS = ("memcheck", "racecheck")
FOUND = 77  # exit code


def test_what_the_sanitizer_looks_at_is_every_kernel(monkeypatch):
    launched, launch = set(), Kernel.__getitem__
    monkeypatch.setattr(Kernel, "__getitem__", lambda self, how: launched.add(self.name) or launch(self, how))
    every_kernel.run()
    left_out = {kernel.name for kernel in every_kernel.all_kernels()} - launched
    assert left_out == ({"matmul_kernel_tensor_cores"} if device.simulated() else set())


@pytest.fixture(scope="module")
def sanitizer():
    """Find the program: on the path, or in the wheel ``nvidia-cuda-sanitizer-api``."""
    if device.state() != "present":
        pytest.skip("the sanitizer looks at a device, here is none")
    places = [shutil.which("compute-sanitizer")]
    spec = importlib.util.find_spec("nvidia")
    for folder in spec.submodule_search_locations if spec else ():
        places += sorted(map(str, Path(folder).glob("*/bin/compute-sanitizer")))
    found = next(filter(None, places), None)
    if found is None:
        pytest.skip("compute-sanitizer is not here: pip install nvidia-cuda-sanitizer-api")

    def run(tool, *more):
        command = [found, "--tool", tool, "--error-exitcode", str(FOUND), sys.executable, every_kernel.__file__]
        return subprocess.run([*command, *more], capture_output=True, text=True, timeout=1800)

    return run


@pytest.mark.parametrize("tool", TOOLS)
def test_the_sanitizer_finds_nothing(tool, sanitizer):
    done = sanitizer(tool)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "every kernel was launched" in done.stdout


@pytest.mark.parametrize("tool", TOOLS)
def test_the_sanitizer_finds_what_was_planted(tool, sanitizer):
    done = sanitizer(tool, tool)
    assert done.returncode != 0, done.stdout[-4000:]
    assert {"memcheck": "Invalid __global__ write", "racecheck": "hazard"}[tool] in done.stdout
