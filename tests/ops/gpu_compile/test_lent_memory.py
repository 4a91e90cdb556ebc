"""Who holds a block, and when it comes back: numba-cuda's own device arrays on addresses where nothing is."""

import numpy as np
import pytest

from scratchnn import device
from scratchnn.device import memory

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed: pip install 'scratchnn[gpu-compile]'")
pytest.importorskip("cuda.bindings", reason="cuda-bindings is not installed: pip install 'scratchnn[gpu-compile]'")
if device.simulated():
    pytest.skip("the simulator has arrays of its own", allow_module_level=True)


@pytest.mark.usefixtures("no_device")
def test_a_view_holds_the_memory_of_a_real_device_array():
    whole = memory.lend((3, 4), np.float32)
    assert (whole.shape, whole.dtype, whole.strides) == ((3, 4), np.float32, (16, 4))
    assert whole.alloc_size == 48, "a copy from the host must not be as long as the block"
    first = int(whole.gpu_data.device_pointer)
    views = [whole[1], whole.reshape(12)]
    views.append(views[1][3:5])
    assert [int(view.gpu_data.device_pointer) - first for view in views] == [16, 0, 12]
    del whole
    while views:
        assert not memory._Kept.blocks
        views.pop(0)
    ((size, kept),) = ((key[-1], blocks) for key, blocks in memory._Kept.blocks.items())
    assert (size, len(kept)) == (512, 1)
    again = memory.lend((7,), np.float64)
    assert int(again.gpu_data.device_pointer) == first
    assert not kept
