"""Who holds a block, and when it comes back: numba-cuda's own device arrays on addresses where nothing is."""

import contextlib
import types

import numpy as np
import pytest

from scratchnn import device
from scratchnn.device import memory

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed: pip install 'scratchnn[gpu-compile]'")
pytest.importorskip("cuda.bindings", reason="cuda-bindings is not installed: pip install 'scratchnn[gpu-compile]'")
if device.simulated() or device.state() == "present":
    pytest.skip("tests/ops/gpu asks the same of real memory or the simulator's", allow_module_level=True)

FIRST = 1 << 20  # an address; nothing looks there


@pytest.fixture
def context(monkeypatch):
    """A context that gives addresses."""
    from numba.cuda import api
    from numba.cuda.cudadrv import devices, driver

    def memalloc(size):
        return driver.MemoryPointer(made, driver.binding.CUdeviceptr(FIRST), size)

    made = types.SimpleNamespace(device=types.SimpleNamespace(id=0), memalloc=memalloc)
    monkeypatch.setattr(devices._runtime, "ensure_context", lambda: contextlib.nullcontext(made))
    for place, name in ((devices, "get_context"), (api, "current_context"), (device.cuda, "current_context")):
        monkeypatch.setattr(place, name, lambda *_: made)
    memory.forget()
    yield made
    memory.forget()


@pytest.mark.usefixtures("context")
def test_a_view_holds_the_memory_of_a_real_device_array():
    whole = memory.lend((3, 4), np.float32)
    assert (whole.shape, whole.dtype, whole.strides) == ((3, 4), np.float32, (16, 4))
    assert whole.alloc_size == 48, "a copy from the host must not be as long as the block"
    views = [whole[1], whole.reshape(12)]
    views.append(views[1][3:5])
    assert [int(view.gpu_data.device_pointer) - FIRST for view in views] == [16, 0, 12]
    del whole
    while views:
        assert not memory._Kept.blocks
        views.pop(0)
    ((size, kept),) = ((key[-1], blocks) for key, blocks in memory._Kept.blocks.items())
    assert (size, len(kept)) == (512, 1)
    again = memory.lend((7,), np.float64)
    assert int(again.gpu_data.device_pointer) == FIRST
