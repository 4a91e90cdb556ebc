"""Running text: its held-out end, and streams whose chunks follow one another."""

import bz2
import itertools
import unicodedata
from importlib import resources

import numpy as np
import pytest

from scratchnn import data
from scratchnn.data import StreamBatches

IDS = np.arange(1000, 1101)  # every id says where it stands


def test_the_tragedies_are_what_the_card_says():
    """749,720 characters, 62 symbols; the last 10 % are held out."""
    text, card = data.load_text("chars"), data.TEXT_CARDS["chars"]
    assert (len(text.text), len(set(text.text))) == (card.characters, card.symbols) == (749720, 62)
    assert text.start == 749720 - 74972
    assert text.text.startswith("BERNARDO:\nWho's there?\n\nFRANCISCO:\n")
    assert text.text == unicodedata.normalize("NFC", text.text)
    assert "\r" not in text.text
    stored = (resources.files("scratchnn.data") / "files" / card.file).read_bytes()
    assert bz2.decompress(stored).decode("utf-8") == text.text


def test_the_vocabulary_has_every_character_of_both_parts():
    text = data.RunningText("mine", "abba" * 50 + "c", 190)
    vocabulary = text.vocabulary()
    assert vocabulary.entries[2:] == ("a", "b", "c")
    assert vocabulary.decode(vocabulary.encode(text.text)) == text.text


def test_an_unknown_text_is_refused():
    with pytest.raises(data.DataError, match="name is 'goethe', expected one of 'chars'"):
        data.load_text("goethe")


def test_an_own_text_loses_its_byte_order_mark_and_carriage_returns(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes("\ufeff".encode() + ("cafe\u0301\r\n" * 60).encode())
    text = data.read_text(path)
    assert (text.name, text.text, text.start) == ("mine", "café\n" * 60, 270)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"too short", "holds 9 characters, expected at least 200"),
        (b"a" * 300 + b"\xff\xfe", r"byte 301 is 0xff, expected UTF-8 text"),
        (b"\xef\xbb\xbfa\xff", r"byte 5 is 0xff, expected UTF-8 text"),
        (b"a" * 300 + b"\0", "holds a zero byte at character 301, expected text"),
    ],
)
def test_what_is_no_text_gets_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(data.DataError, match=sentence) as caught:
        data.read_text(path)
    assert str(path) in str(caught.value)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(data.DataError, match="no such file"):
        data.read_text(tmp_path / "nowhere.txt")
    with pytest.raises(data.DataError, match="is a folder, expected a text file"):
        data.read_text(tmp_path)


def test_two_streams_by_hand():
    """abcdefghi in two streams of four steps, chunks of three: abc|d and efg|h, the targets one later."""
    chunks = list(StreamBatches(np.arange(9), 2, 3)())
    assert [chunk.inputs.tolist() for chunk in chunks] == [[[0, 1, 2], [4, 5, 6]], [[3], [7]]]
    assert [chunk.targets.tolist() for chunk in chunks] == [[[1, 2, 3], [5, 6, 7]], [[4], [8]]]
    assert all(chunk.lengths is None for chunk in chunks)


@pytest.mark.parametrize("rng", [None, np.random.default_rng(0)], ids=["fixed", "drawn"])
@pytest.mark.parametrize(("batch_size", "steps"), [(1, 7), (4, 5), (3, 33), (20, 5), (8, 12), (1, 100)])
def test_every_row_goes_on_where_it_stopped_and_targets_come_next(rng, batch_size, steps):
    batches = StreamBatches(IDS, batch_size, steps)
    chunks = list(batches(rng))
    for before, after in itertools.pairwise(chunks):
        np.testing.assert_array_equal(after.inputs[:, 0], before.inputs[:, -1] + 1)
    inputs = np.concatenate([chunk.inputs for chunk in chunks], axis=1)
    np.testing.assert_array_equal(np.diff(inputs, axis=1), 1)
    np.testing.assert_array_equal(inputs[1:, 0], inputs[:-1, -1] + 1)  # no gap between streams
    for chunk in chunks:
        np.testing.assert_array_equal(chunk.targets, chunk.inputs + 1)
        assert chunk.inputs.dtype == chunk.targets.dtype == np.int64
        assert chunk.inputs.shape == (batches.batch_size, chunks[0].inputs.shape[1]) or chunk is chunks[-1]
    assert len(chunks) in ((len(batches),) if rng is not None else (len(batches), len(batches) + 1))


def test_one_fixed_stream_leaves_nothing_out():
    chunks = list(StreamBatches(IDS, 1, 7)())
    assert np.concatenate([chunk.targets for chunk in chunks], axis=1)[0].tolist() == IDS[1:].tolist()


def test_offsets_are_drawn_anew_and_reach_every_place_of_a_cut():
    rng = np.random.default_rng(0)
    batches = StreamBatches(IDS, 4, 5)
    starts = [int(next(batches(rng)).inputs[0, 0]) - IDS[0] for _ in range(200)]
    # one of five offsets fails to come in 200 draws with probability 5 * 0.8**200 < 1e-18
    assert set(starts) == set(range(5))
    again = [int(next(batches(np.random.default_rng(0))).inputs[0, 0]) - IDS[0] for _ in range(2)]
    assert again == [starts[0]] * 2


def test_the_offset_is_drawn_when_the_pass_begins():
    """A resumed run draws it once more and skips batches: it must not depend on how many were taken."""
    rng = np.random.default_rng(0)
    passing = StreamBatches(IDS, 4, 5)(rng)
    state = rng.bit_generator.state
    list(passing)
    assert rng.bit_generator.state == state


def test_at_most_one_chunk_and_a_row_are_left_out():
    for batch_size, steps in [(1, 7), (4, 5), (3, 33), (20, 5), (8, 12)]:
        batches = StreamBatches(IDS, batch_size, steps)
        for seed in range(5):
            used = sum(chunk.inputs.size for chunk in batches(np.random.default_rng(seed)))
            assert len(IDS) - 1 - used < batches.steps + batches.batch_size


def test_a_text_too_short_for_its_streams_gets_fewer_of_them():
    assert StreamBatches(IDS, 64, 25).batch_size == 4
    assert StreamBatches(IDS, 64, 1000).steps == 100
    assert [chunk.inputs.tolist() for chunk in StreamBatches(np.array([5, 6]), 8, 8)()] == [[[5]]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((np.array([1]), 1, 1), r"ids has shape \(1,\)"),
        ((np.zeros((3, 3), int), 1, 1), r"ids has shape \(3, 3\)"),
        ((np.zeros(9), 1, 1), "dtype float64, expected"),
        ((IDS, 0, 1), "batch_size is 0, expected a whole number of at least 1"),
        ((IDS, 1, 2.5), "steps is 2.5, expected a whole number of at least 1"),
    ],
)
def test_sizes_without_meaning_are_refused(arguments, sentence):
    with pytest.raises(data.DataError, match=sentence):
        StreamBatches(*arguments)
