"""The user's own data: texts as lines ``label TAB text``, series as an .npz of three plain arrays.

The .npz format holds ragged series without pickled objects:

``values`` (N_total, D)
    The steps of all series, one series after another; any integer or floating type.
``length`` (n,)
    Steps of each series, integers of at least 1; they add up to N_total.
``label`` (n,)
    Class of each series, integers or text.

``write_npz`` makes such a file. Further arrays in it are not read.
"""

import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from .datasets import Dataset
from .errors import DataError
from .scaling import fit_scaling
from .split import stratified_split
from .vocabulary import UNITS

NPZ_KEYS = ("values", "length", "label")
UNREADABLE = (
    ValueError, EOFError, KeyError, OverflowError, MemoryError, NotImplementedError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
WORDS_FROM = 4  # texts with this many blank-separated words in the middle of the set are read word by word


def read_tsv(path: str | Path, *, unit: str | None = None, seed: int = 0) -> Dataset:
    """Read labelled texts and split them.

    One example a line, ``label TAB text``, in UTF-8, with or without a byte order mark, line ends LF or CRLF. Blank
    lines are skipped, though counted in line numbers. Labels and texts lose blanks at both ends and are brought to
    Unicode NFC. There is no header line: one would be a class of its own, and is refused for having one example.

    Parameters
    ----------
    path : str or path
    unit : str, optional
        "characters" or "words"; not given, words if the middle text by number of words has at least four of them.
    seed : int
        Of the split: a tenth of each class validates, a fifth tests, equal texts stay together.

    Returns
    -------
    Dataset
        Named as the file, classes in code point order.

    Raises
    ------
    DataError
        The sentence names the file, the line, what stands there and what was expected.
    """
    path = Path(path)
    if unit is not None and unit not in UNITS:
        raise DataError(f"read_tsv: unit is {unit!r}, expected one of {', '.join(map(repr, UNITS))}")
    rows = []
    for number, line in enumerate(_read(path).removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line.strip():
            rows.append(_example(path, number, line))
    if not rows:
        raise DataError(f'{path}: holds no examples, expected lines of the form "label TAB text"')
    labels, texts = zip(*rows, strict=True)
    classes, targets = _classes(path, labels)
    if unit is None:
        words = sorted(len(text.split()) for text in texts)
        unit = "words" if words[len(words) // 2] >= WORDS_FROM else "characters"
    split = stratified_split(targets, seed=seed, groups=texts, names=classes, where=str(path))
    return Dataset(path.stem, "text", unit, list(texts), targets, classes, split)


def read_npz(path: str | Path, *, seed: int = 0, scale: bool = True) -> Dataset:
    """Read labelled series and split them.

    Parameters
    ----------
    path : str or path
        A file as ``write_npz`` makes it; nothing in it is ever unpickled.
    seed : int
        Of the split: a tenth of each class validates, a fifth tests.
    scale : bool
        Bring each feature to mean 0 and deviation 1 over the steps of the training part.

    Returns
    -------
    Dataset
        Named as the file; integer labels in rising order, text in code point order.

    Raises
    ------
    DataError
        The sentence names the file, the array, what came and what was expected.
    """
    path = Path(path)
    values, length, label = _arrays(path)
    if values.ndim != 2 or values.shape[1] == 0 or values.dtype.kind not in "iuf":
        raise DataError(
            f"{path}: values has shape {values.shape} and dtype {values.dtype}, expected (N_total, D) numbers"
        )
    if length.ndim != 1 or length.dtype.kind not in "iu":
        raise DataError(f"{path}: length has shape {length.shape} and dtype {length.dtype}, expected (n,) integers")
    if label.shape != length.shape or label.dtype.kind not in "iuU":
        raise DataError(
            f"{path}: label has shape {label.shape} and dtype {label.dtype}, "
            f"expected (n,) = {length.shape} integers or text"
        )
    if len(length) == 0:
        raise DataError(f"{path}: holds no series, expected at least two classes of them")
    if (length < 1).any():
        k = int(np.argmax(length < 1))
        raise DataError(f"{path}: length[{k}] is {length[k]}, expected at least 1")
    total = sum(length.tolist())
    if total != len(values):
        raise DataError(f"{path}: length adds up to {total}, expected the {len(values)} rows of values")
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    if not np.isfinite(values).all():
        row, column = (int(k) for k in np.argwhere(~np.isfinite(values))[0])
        raise DataError(f"{path}: values[{row}, {column}] is {values[row, column]}, expected finite float32 numbers")
    classes, targets = _classes(path, label.tolist())
    split = stratified_split(targets, seed=seed, names=classes, where=str(path))
    inputs = np.split(values, np.cumsum(length.astype(np.int64))[:-1])
    scaling = None
    if scale:
        scaling = fit_scaling([inputs[k] for k in split["train"]])
        inputs = scaling.apply(inputs)
    return Dataset(path.stem, "series", None, inputs, targets, classes, split, scaling)


def write_npz(
    path: str | Path, inputs: Sequence[ArrayLike] | np.ndarray, labels: Sequence[int] | Sequence[str] | np.ndarray
) -> None:
    """Write labelled series in the format that ``read_npz`` takes.

    Parameters
    ----------
    path : str or path
        Written as named, overwriting.
    inputs : sequence of (T, D)
        Series; lengths may differ, D may not.
    labels : sequence of int or of str
        Class of each series.

    Raises
    ------
    DataError
        Shapes or counts that disagree, labels that are neither integers nor text.
    """
    arrays = [np.asarray(x) for x in inputs]
    if not arrays or len(arrays) != len(labels):
        raise DataError(f"write_npz: {len(labels)} labels for {len(arrays)} inputs, expected one each, at least one")
    for k, x in enumerate(arrays):
        if x.ndim != 2 or len(x) == 0 or x.shape[1:] != arrays[0].shape[1:] or x.dtype.kind not in "iuf":
            raise DataError(
                f"write_npz: inputs[{k}] has shape {x.shape} and dtype {x.dtype}, "
                "expected (T, D) numbers, T at least 1, the same D in all"
            )
    label = np.asarray(labels)
    if label.ndim != 1 or label.dtype.kind not in "iuU":
        raise DataError(f"write_npz: labels have dtype {label.dtype}, expected all integers or all text")
    with open(path, "wb") as file:
        np.savez_compressed(
            file, values=np.concatenate(arrays), length=np.array([len(x) for x in arrays], np.int64), label=label
        )


def _read(path):
    """Give a file's bytes, or say in one sentence why not."""
    if path.is_dir():
        raise DataError(f"{path}: is a folder, expected a file")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None


def _example(path, number, line):
    """Give (label, text) of one line."""
    where = f"{path}, line {number}"
    try:
        line = line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: byte {error.start + 1} is 0x{line[error.start]:02x}, expected UTF-8 text"
        ) from None
    fields = [unicodedata.normalize("NFC", field.strip()) for field in line.split("\t")]
    if len(fields) != 2:
        found = "no TAB" if len(fields) == 1 else f"{len(fields) - 1} TABs"
        raise DataError(f'{where}: {found}, expected one as in "label TAB text"')
    for name, field in zip(("label", "text"), fields, strict=True):
        if not field:
            raise DataError(f'{where}: the {name} is empty, expected "label TAB text"')
    return fields


def _classes(path, labels):
    """Give class names in order and each example's place among them."""
    if isinstance(labels[0], str):
        labels = [unicodedata.normalize("NFC", label.strip()) for label in labels]
        if "" in labels:
            raise DataError(f"{path}: label[{labels.index('')}] is empty, expected a class name")
    values = sorted(set(labels))
    if len(values) < 2:
        raise DataError(f"{path}: every label is {values[0]!r}, expected at least 2 classes")
    place = {value: k for k, value in enumerate(values)}
    return tuple(map(str, values)), np.array([place[label] for label in labels], dtype=np.int64)


def _arrays(path):
    """Give the three arrays of an .npz file, none of them unpickled."""
    expected = "expected an .npz file as write_npz makes it"
    if path.is_dir():
        raise DataError(f"{path}: is a folder, {expected}")
    try:
        with path.open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            if isinstance(stored, np.ndarray):
                raise DataError(f"{path}: holds one bare array, {expected}")
            missing = [key for key in NPZ_KEYS if key not in stored]
            if missing:
                raise DataError(f"{path}: holds no array {missing[0]!r}, expected {', '.join(NPZ_KEYS)}")
            return [_array(path, stored, key) for key in NPZ_KEYS]
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except DataError:
        raise
    except UNREADABLE:
        raise DataError(f"{path}: is no .npz file or a damaged one, {expected}") from None


def _array(path, stored, key):
    """Give one array, or say that it is pickled or damaged."""
    try:
        array = stored[key]
    except UNREADABLE:
        array = None
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: {key} is damaged or holds pickled objects, expected a plain array")
    return array
