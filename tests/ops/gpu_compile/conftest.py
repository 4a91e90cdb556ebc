"""A device that is not there: numba-cuda's own arrays, on addresses where nothing is."""

import contextlib
import types

import numpy as np
import pytest

FIRST = 1 << 20  # the address of everything
SHARED = 227 * 1024


@pytest.fixture
def no_device(monkeypatch):
    """Let the host believe in an H100: memory has an address, copies copy nothing, whatever comes home is 0."""
    from numba.cuda import api, dispatcher
    from numba.cuda.cudadrv import devicearray, devices, driver

    from scratchnn import device
    from scratchnn.device import arrays, memory, presence

    if device.state() == "present":
        pytest.skip("there is a device, on which the tests of tests/ops/gpu run")

    def memalloc(size):
        return driver.MemoryPointer(made, driver.binding.CUdeviceptr(FIRST), size)

    card = types.SimpleNamespace(
        id=0, name="none", compute_capability=(9, 0), MULTIPROCESSOR_COUNT=132, CLOCK_RATE=1,
        MAX_SHARED_MEMORY_PER_BLOCK_OPTIN=SHARED,
    )  # fmt: skip
    made = types.SimpleNamespace(device=card, memalloc=memalloc)
    monkeypatch.setattr(devices._runtime, "ensure_context", lambda: contextlib.nullcontext(made))
    for place, name in ((devices, "get_context"), (api, "current_context"), (device.cuda, "current_context")):
        monkeypatch.setattr(place, name, lambda *_: made)
    for place in (api, device.cuda, dispatcher):
        monkeypatch.setattr(place, "get_current_device", lambda: card)
    monkeypatch.setattr(device.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(presence, "why_missing", lambda: None)
    monkeypatch.setattr(devicearray.DeviceNDArray, "copy_to_device", lambda self, *_, **__: None)
    monkeypatch.setattr(devicearray.DeviceNDArray, "copy_to_host", lambda a, *_, **__: np.zeros(a.shape, a.dtype))
    monkeypatch.setattr(arrays, "_COUNTERS", [])
    memory.forget()
    yield card
    memory.forget()
