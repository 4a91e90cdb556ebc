"""A checkpoint's bytes: everything comes back, and no byte can change unnoticed."""

import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from scratchnn.training import CheckpointError
from scratchnn.training.checkpoint_file import Snapshot, decode, encode, from_plain

SMALL = Snapshot({"model/w": np.arange(6.0).reshape(2, 3)}, {"epoch": 3})


def test_arrays_and_record_come_back_as_they_were():
    arrays = {
        "float32": np.array([1e-45, -0.0, np.inf, np.nan], np.float32),
        "no axis": np.array(3),
        "other order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "every second": np.arange(10)[::2],
        "bool": np.array([True, False]),
        "no entries": np.zeros((0, 4), np.float32),
    }
    record = {"number": 0.1 + 0.2, "large": 2**127 + 1, "infinite": float("-inf"), "none": None, "text": 'sha256":"x'}
    found = decode(encode(Snapshot(arrays, record)))
    assert found.record == record
    assert found.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (found.arrays[name].dtype, found.arrays[name].shape) == (array.dtype, array.shape)
        assert found.arrays[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_a_generator_goes_on_with_the_same_draws(kind):
    rng = np.random.Generator(getattr(np.random, kind)(1))
    rng.integers(7, dtype=np.uint32)  # leaves half of a drawn number behind
    record = decode(encode(Snapshot({}, {"state": rng.bit_generator.state}))).record
    other = np.random.Generator(getattr(np.random, kind)(2))
    other.bit_generator.state = from_plain(record["state"])
    one, two = (generator.integers(2**32, size=9, dtype=np.uint32).tolist() for generator in (rng, other))
    assert one == two


def test_any_reader_of_safetensors_can_open_it():
    np.testing.assert_array_equal(load(encode(SMALL))["model/w"], SMALL.arrays["model/w"])


def test_every_changed_bit_is_noticed():
    content = encode(SMALL)
    for place in range(len(content)):
        broken = bytearray(content)
        broken[place] ^= 1 << (place % 8)
        with pytest.raises(CheckpointError, match=r"^is (damaged|not a)"):
            decode(bytes(broken))


def test_every_cut_and_every_addition_is_noticed():
    content = encode(SMALL)
    for length in range(len(content)):
        with pytest.raises(CheckpointError, match=r"^is (damaged|not a)"):
            decode(content[:length])
    with pytest.raises(CheckpointError, match="is damaged"):
        decode(content + b"\0")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04pickle",
        json.dumps({"sha256": "0" * 64}).encode(),
        save({"w": np.zeros(3)}),
        save({"w": np.zeros(3)}, metadata={"format": "scratchnn checkpoint"}),
        b"\xff" * 200,
    ],
    ids=["empty", "pickle", "JSON", "weights", "no checksum", "huge header"],
)
def test_foreign_files_get_one_sentence(content):
    with pytest.raises(CheckpointError, match=r"^is not a whole checkpoint of scratchnn$"):
        decode(content)


def test_another_version_is_named(monkeypatch):
    import scratchnn.training.checkpoint_file as module

    monkeypatch.setattr(module, "VERSION", "2")
    content = encode(SMALL)
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="has format 'scratchnn checkpoint', version 2"):
        decode(content)
