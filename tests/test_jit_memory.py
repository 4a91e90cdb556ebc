"""Memory of large arrays is used again, but never while somebody holds the array or a view of it."""

import copy
import gc
import pickle
import threading

import numpy as np
import pytest

from scratchnn import jit
from scratchnn.jit import memory

SHAPE = (50, 40, 70)  # 560 KB in float32
assert 4 * np.prod(SHAPE) > memory.LEAST, "else nothing is tested"


@pytest.fixture(autouse=True)
def nothing_kept():
    gc.collect()
    jit.forget()
    yield
    jit.forget()


def place(array):
    return array.__array_interface__["data"][0]


def test_memory_is_used_again_once_its_array_is_gone():
    first = jit.empty(SHAPE, np.float32)
    at = place(first)
    del first
    second = jit.empty(SHAPE, np.float32)
    assert place(second) == at
    assert second.shape == SHAPE
    assert second.dtype == np.float32
    assert second.flags.carray


@pytest.mark.parametrize("view", [
    lambda a: a[3:5], lambda a: a.reshape(-1)[7:].view(np.int32), lambda a: a.T[1], lambda a: memoryview(a),
    lambda a: np.asarray(a)[::2], lambda a: a.reshape(-1)[-1:],
])  # fmt: skip
def test_a_view_keeps_the_memory(view):
    array = jit.empty(SHAPE, np.float32)
    array[...] = 1.0
    kept = view(array)
    before = bytes(np.asarray(kept).tobytes())
    del array
    gc.collect()
    others = [jit.empty(SHAPE, np.float32) for _ in range(3)]
    for other in others:
        other[...] = 2.0
    assert np.asarray(kept).tobytes() == before


def test_two_arrays_never_share_memory():
    arrays = [jit.empty(SHAPE, np.float64) for _ in range(4)]
    for k, array in enumerate(arrays):
        array[...] = k
    assert all((array == k).all() for k, array in enumerate(arrays))


def test_copies_and_pickles_are_independent():
    array = jit.empty(SHAPE, np.float32)
    array[...] = 3.0
    others = copy.deepcopy(array), pickle.loads(pickle.dumps(array)), array.copy()
    array[...] = 4.0
    assert all((other == 3.0).all() for other in others)


@pytest.mark.parametrize("shape", [SHAPE, (3, 2), (0,), (2, 0, 5), (64, 256)])
def test_room_behind_the_end_is_zero(shape):
    for _ in range(2):  # fresh memory, and memory that somebody wrote into
        array = jit.empty(shape, np.float32, room=16)
        assert array.shape == shape
        flat = array.base
        assert flat.ndim == 1
        assert flat.size == array.size + 16
        assert place(flat) == place(array)
        assert (flat[array.size :] == 0).all()
        flat[...] = 5.0
        del array, flat


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(memory, "MOST", 1 << 20)
    for _ in range(2):
        arrays = [jit.empty((100_000 + 9000 * k,), np.float32) for k in range(8)]
        del arrays
        assert 0 < memory._Kept.bytes <= 1 << 20
        assert memory._Kept.bytes == sum(size * len(blocks) for size, blocks in memory._Kept.blocks.items())
    jit.forget()
    assert memory._Kept.bytes == 0


def test_small_arrays_are_numpys():
    assert jit.empty((10, 10), np.float32).base is None


def test_threads_do_not_get_the_same_memory():
    wrong = []

    def work(number):
        for _ in range(300):
            array = jit.empty(SHAPE, np.float32)
            array[0, 0, :] = number
            array[-1, -1, :] = number
            if not ((array[0, 0] == number).all() and (array[-1, -1] == number).all()):
                wrong.append(number)
            del array

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 5), (33, 128), (70, 80, 16), SHAPE])
def test_lined_arrays_begin_with_a_line_unless_they_are_small(shape, dtype):
    for _ in range(4):
        array = memory.lined(shape, dtype)
        assert array.shape == shape
        assert array.dtype == dtype
        assert array.flags.carray
        assert place(array) % memory.LINE == 0 or array.nbytes < memory.SMALL


def test_who_makes_arrays_depends_on_size_and_rows():
    assert jit.empty_for(100, 16) is np.empty
    assert jit.empty_for(10_000, 20) is np.empty
    assert jit.empty_for(10_000, 32) is memory.lined
    assert jit.empty_for(1_000_000) is jit.empty
