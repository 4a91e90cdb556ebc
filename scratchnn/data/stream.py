"""Running text for a language model: one long row of characters, its held-out end, and chunks in order."""

import bz2
import unicodedata
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .cards import TEXT_CARDS
from .errors import DataError
from .vocabulary import Vocabulary

HELD_OUT = 0.1  # share at the end of a text that is never trained on
LEAST = 200  # characters: a shorter text teaches nothing


class RunningText(NamedTuple):
    """A text with its held-out end."""

    name: str
    text: str  # Unicode NFC, lines end with "\n"
    start: int  # the held-out part is text[start:]

    def vocabulary(self) -> Vocabulary:
        """Collect the characters of the whole text.

        The held-out part gives its characters too, but not their number: a text's alphabet is known before it is
        read, and a character without an entry could have no probability.

        Returns
        -------
        Vocabulary
            In code point order after padding and unknown.
        """
        return Vocabulary(sorted(set(self.text)))


def load_text(name: str = "chars") -> RunningText:
    """Load an embedded text.

    Parameters
    ----------
    name : str
        A key of ``TEXT_CARDS``.

    Returns
    -------
    RunningText

    Raises
    ------
    DataError
        Unknown name.
    """
    if name not in TEXT_CARDS:
        raise DataError(f"load_text: name is {name!r}, expected one of {', '.join(map(repr, TEXT_CARDS))}")
    content = resources.files(__package__).joinpath("files", TEXT_CARDS[name].file).read_bytes()
    return _running(name, bz2.decompress(content).decode("utf-8"))


def read_text(path: str | Path) -> RunningText:
    """Read the user's own text: UTF-8, with or without a byte order mark, line ends LF or CRLF.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    RunningText
        Named as the file; its last tenth is held out.

    Raises
    ------
    DataError
        The file cannot be read, is not UTF-8 text, or holds fewer than 200 characters.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "not a regular file"
        raise DataError(f"{path}: is {what}, expected a text file")
    try:
        text = path.read_bytes().decode("utf-8").removeprefix("\ufeff")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start + 1} is 0x{error.object[error.start]:02x}, expected UTF-8 text"
        ) from None
    if "\0" in text:
        raise DataError(f"{path}: holds a zero byte at character {text.index(chr(0)) + 1}, expected text")
    text = text.replace("\r\n", "\n")
    if len(text) < LEAST:
        raise DataError(f"{path}: holds {len(text)} characters, expected at least {LEAST}")
    return _running(path.stem, text)


def _running(name, text):
    text = unicodedata.normalize("NFC", text)
    return RunningText(name, text, len(text) - int(HELD_OUT * len(text)))


class Chunk(NamedTuple):
    """The next steps of all streams."""

    inputs: np.ndarray  # (B, T) int64
    targets: np.ndarray  # (B, T) int64, the inputs of one step later
    lengths: None = None  # every step is real


class StreamBatches:
    """One long text as B streams side by side, handed out in chunks of T steps.

    The text is cut into B pieces of one length; row b of every batch goes on where row b of the batch before ended,
    so that the state a model ended with is the one to begin with. ``batches()`` reads from the first character;
    ``batches(rng)`` leaves out some characters at the start, fewer than T (and than half a stream) and drawn anew in
    every pass, so that the cuts move. What does not fill all streams evenly is left out at the end: with one
    stream and no Generator nothing is.

    Parameters
    ----------
    ids : (N,) int
        The text. All but the last are inputs, all but the first are targets.
    batch_size : int
        B; fewer, if the text is too short for so many streams of T steps.
    steps : int
        T. The last chunk of a pass may be shorter.

    Raises
    ------
    DataError
        Not a row of at least two ids, or a size below 1.

    Notes
    -----
    ``len(batches)`` counts the chunks of a pass with a Generator; one without may have one more. The offset is drawn
    when a pass begins.
    Checked by: tests/data/test_stream.py
    """

    def __init__(self, ids: np.ndarray, batch_size: int, steps: int) -> None:
        ids = np.asarray(ids)
        if ids.ndim != 1 or ids.dtype.kind not in "iu" or len(ids) < 2:
            raise DataError(
                f"StreamBatches: ids has shape {ids.shape} and dtype {ids.dtype}, expected (N,) integers with N >= 2"
            )
        for name, size in (("batch_size", batch_size), ("steps", steps)):
            if int(size) != size or size < 1:
                raise DataError(f"StreamBatches: {name} is {size}, expected a whole number of at least 1")
        self.ids = ids.astype(np.int64)
        pairs = len(ids) - 1
        self.steps = min(int(steps), pairs)
        self.batch_size = min(int(batch_size), max(1, pairs // self.steps))
        self.slack = max(1, min(self.steps, pairs // (2 * self.batch_size)))  # offsets are smaller than this

    def __len__(self) -> int:
        return -(-self._length(self.slack - 1) // self.steps)

    def __call__(self, rng: np.random.Generator | None = None) -> Iterator[Chunk]:
        """Start one pass.

        Parameters
        ----------
        rng : numpy.random.Generator, optional
            Draws the offset; not given, it is 0.

        Returns
        -------
        iterator of Chunk
        """
        offset = 0 if rng is None else int(rng.integers(self.slack))
        length = self._length(0 if rng is None else self.slack - 1)
        stop = offset + self.batch_size * length
        inputs = self.ids[offset:stop].reshape(self.batch_size, length)
        targets = self.ids[offset + 1 : stop + 1].reshape(self.batch_size, length)
        starts = range(0, length, self.steps)
        return (Chunk(inputs[:, k : k + self.steps], targets[:, k : k + self.steps]) for k in starts)

    def _length(self, left_out):
        """Steps of each stream when so many characters are left out; the same for every offset of a pass."""
        return (len(self.ids) - 1 - left_out) // self.batch_size
