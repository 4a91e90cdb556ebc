"""The user's own data: read as documented, refused in one sentence with file, place, what came and what was due."""

import pickle
import zipfile

import numpy as np
import pytest

from scratchnn import data
from scratchnn.data import read_npz, read_tsv, write_npz

LINES = [f"{'even' if k % 2 == 0 else 'odd'}\tnumber {k}" for k in range(12)]


def tsv(folder, content, name="my.tsv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


# --- texts -------------------------------------------------------------


def test_a_tsv_by_hand(tmp_path):
    dataset = read_tsv(tsv(tmp_path, "\n".join(LINES)))
    assert (dataset.name, dataset.kind, dataset.unit) == ("my", "text", "characters")
    assert dataset.classes == ("even", "odd")
    assert dataset.inputs == [f"number {k}" for k in range(12)]
    assert dataset.targets.tolist() == [0, 1] * 6
    assert {part: len(rows) for part, rows in dataset.split.items()} == {"train": 8, "valid": 2, "test": 2}
    for rows in dataset.split.values():
        assert set(dataset.targets[rows].tolist()) == {0, 1}


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + "\n".join(LINES),
        "\r\n".join(LINES) + "\r\n",
        "\n\n" + "\n \t \n".join(LINES) + "\n\n",
        "\n".join(line.replace("\t", "  \t ") + " " for line in LINES),
    ],
    ids=["byte order mark", "CRLF", "blank lines", "blanks around"],
)
def test_forms_that_mean_the_same(tmp_path, content):
    plain = read_tsv(tsv(tmp_path, "\n".join(LINES)))
    other = read_tsv(tsv(tmp_path, content))
    assert (other.inputs, other.classes) == (plain.inputs, plain.classes)
    assert other.split["test"].tolist() == plain.split["test"].tolist()


def test_texts_and_labels_become_nfc(tmp_path):
    lines = [f"e\u0301\tu\u0308{k}" for k in range(3)] + [f"é\tü{k + 3}" for k in range(3)] + ["b\tx", "b\ty", "b\tz"]
    dataset = read_tsv(tsv(tmp_path, "\n".join(lines)))
    assert dataset.classes == ("b", "é")
    assert dataset.inputs[:6] == [f"ü{k}" for k in range(6)]


def test_line_separators_inside_a_text_do_not_end_it(tmp_path):
    lines = [*LINES, "even\tone\u2028two\x0bthree\x85four"]
    assert read_tsv(tsv(tmp_path, "\n".join(lines))).inputs[-1] == "one\u2028two\x0bthree\x85four"


def test_long_texts_are_read_word_by_word(tmp_path):
    path = tsv(tmp_path, "\n".join(line + " is what this text says" for line in LINES))
    assert read_tsv(path).unit == "words"
    assert read_tsv(path, unit="characters").unit == "characters"
    assert read_tsv(tsv(tmp_path, "\n".join(LINES)), unit="words").unit == "words"


def test_equal_texts_stay_in_one_part(tmp_path):
    dataset = read_tsv(tsv(tmp_path, "\n".join(LINES * 5)))
    parts = [{dataset.inputs[k] for k in rows} for rows in dataset.split.values()]
    assert len(set().union(*parts)) == sum(map(len, parts)) == 12


def test_the_seed_decides_the_split(tmp_path):
    path = tsv(tmp_path, "\n".join(f"{k % 2}\t{k}" for k in range(100)))
    assert read_tsv(path, seed=1).split["test"].tolist() == read_tsv(path, seed=1).split["test"].tolist()
    assert read_tsv(path, seed=1).split["test"].tolist() != read_tsv(path, seed=2).split["test"].tolist()


MALFORMED = {
    "no tab": ("number 12", 'no TAB, expected one as in "label TAB text"'),
    "two tabs": ("even\tnumber\t12", "2 TABs, expected one"),
    "empty label": ("\tnumber 12", "the label is empty"),
    "blank label": ("  \tnumber 12", "the label is empty"),
    "empty text": ("even\t", "the text is empty"),
    "blank text": ("even\t  ", "the text is empty"),
    "not UTF-8": (b"even\tM\xfcller", "byte 7 is 0xfc, expected UTF-8 text"),
    "half a character": ("even\tü".encode()[:-1], "byte 6 is 0xc3, expected UTF-8 text"),
}


@pytest.mark.parametrize("case", MALFORMED)
@pytest.mark.parametrize("before", [0, 3, 12])
def test_a_malformed_line_is_named_by_its_number(tmp_path, case, before):
    """Blank lines are counted: line ``before + 3`` follows ``before`` good lines and two blank ones."""
    line, sentence = MALFORMED[case]
    line = line if isinstance(line, bytes) else line.encode("utf-8")
    good = [text.encode("utf-8") for text in LINES]
    path = tsv(tmp_path, b"\n".join([*good[:before], b"", b"  ", line, *good[before:]]))
    with pytest.raises(data.DataError) as raised:
        read_tsv(path)
    assert str(raised.value).startswith(f"{path}, line {before + 3}: {sentence}")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "holds no examples"),
        ("\ufeff", "holds no examples"),
        ("\n \n\t\n", "holds no examples"),
        ("a\tx\na\ty\na\tz", "every label is 'a', expected at least 2 classes"),
        ("label\ttext\n" + "\n".join(LINES), "class 'label' has 1 distinct example, expected at least 3"),
        ("\n".join(LINES) + "\nrare\tx\nrare\tx\nrare\ty", "class 'rare' has 2 distinct examples"),
        ("\n".join(LINES).encode("utf-16"), "line 1: byte 1 is 0xff, expected UTF-8 text"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, content, sentence):
    path = tsv(tmp_path, content)
    with pytest.raises(data.DataError, match=sentence) as raised:
        read_tsv(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("read", [read_tsv, read_npz])
def test_a_missing_file_and_a_folder(tmp_path, read):
    with pytest.raises(data.DataError, match="gone: no such file"):
        read(tmp_path / "gone")
    with pytest.raises(data.DataError, match="is a folder, expected"):
        read(str(tmp_path))


def test_an_unknown_unit_is_refused(tmp_path):
    with pytest.raises(data.DataError, match="unit is 'letters', expected one of"):
        read_tsv(tsv(tmp_path, "\n".join(LINES)), unit="letters")


# --- series ------------------------------------------------------------


def series(count=12, D=2, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(3, 2, size=(1 + k % 4, D)) for k in range(count)]


def stored(folder, **changes):
    """Write the three arrays of a good file, some of them changed or (None) left out."""
    inputs = series()
    arrays = {
        "values": np.concatenate(inputs),
        "length": np.array([len(x) for x in inputs]),
        "label": np.arange(12) % 2,
    }
    arrays = {key: value for key, value in {**arrays, **changes}.items() if value is not None}
    path = folder / "my.npz"
    np.savez(path, **arrays)
    return path


def test_what_is_written_is_read(tmp_path):
    inputs, labels = series(), ["up", "down", "down"] * 4
    write_npz(tmp_path / "my.npz", inputs, labels)
    dataset = read_npz(tmp_path / "my.npz", scale=False)
    assert (dataset.name, dataset.kind, dataset.unit, dataset.scaling) == ("my", "series", None, None)
    assert dataset.classes == ("down", "up")
    assert dataset.targets.tolist() == [1, 0, 0] * 4
    assert len(dataset.inputs) == 12
    for x, y in zip(dataset.inputs, inputs, strict=True):
        assert x.dtype == np.float32
        assert (x == y.astype(np.float32)).all()


def test_integer_labels_are_ordered_as_numbers(tmp_path):
    write_npz(tmp_path / "my.npz", series(), [10, -1, 2] * 4)
    assert read_npz(tmp_path / "my.npz").classes == ("-1", "2", "10")


def test_the_file_is_named_as_asked(tmp_path):
    write_npz(tmp_path / "my.data", series(), [0, 1] * 6)
    assert [path.name for path in tmp_path.iterdir()] == ["my.data"]
    assert len(read_npz(tmp_path / "my.data").inputs) == 12


def test_series_are_scaled_by_the_training_part_alone(tmp_path):
    write_npz(tmp_path / "my.npz", series(), [0, 1] * 6)
    plain, scaled = read_npz(tmp_path / "my.npz", scale=False), read_npz(tmp_path / "my.npz")
    train = np.concatenate(plain.part("train")[0]).astype(np.float64)
    for x, y in zip(plain.inputs, scaled.inputs, strict=True):
        assert (y == ((x - train.mean(axis=0)) / train.std(axis=0)).astype(np.float32)).all()


def test_a_feature_that_never_changes_becomes_zero(tmp_path):
    inputs = [np.full((3, 1), 7.0) for _ in range(6)]
    write_npz(tmp_path / "my.npz", inputs, [0, 1] * 3)
    assert all((x == 0).all() for x in read_npz(tmp_path / "my.npz").inputs)


class Surprise:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize("key", ["values", "length", "label"])
def test_pickled_objects_are_refused_unopened(tmp_path, key):
    path = stored(tmp_path, **{key: np.array([Surprise()], dtype=object)})
    with pytest.raises(data.DataError, match=f"{key} is damaged or holds pickled objects"):
        read_npz(path)


def test_a_pickle_in_place_of_the_file_is_refused_unopened(tmp_path):
    path = tmp_path / "my.npz"
    path.write_bytes(pickle.dumps(Surprise()))
    with pytest.raises(data.DataError, match=r"is no \.npz file or a damaged one"):
        read_npz(path)


BAD_ARRAYS = [
    ({"values": None}, "holds no array 'values', expected values, length, label"),
    ({"length": None}, "holds no array 'length'"),
    ({"label": None}, "holds no array 'label'"),
    ({"values": np.zeros(30)}, r"values has shape \(30,\) and dtype float64, expected \(N_total, D\) numbers"),
    ({"values": np.zeros((30, 0))}, r"values has shape \(30, 0\)"),
    ({"values": np.zeros((30, 2), complex)}, "dtype complex128, expected"),
    ({"values": np.full((30, 2), "a")}, "dtype <U1, expected"),
    ({"values": np.zeros((29, 2))}, "length adds up to 30, expected the 29 rows of values"),
    ({"values": np.zeros((31, 2))}, "length adds up to 30, expected the 31 rows of values"),
    ({"length": np.full(12, 2.5)}, r"length has shape \(12,\) and dtype float64, expected \(n,\) integers"),
    ({"length": np.full((3, 4), 1)}, r"length has shape \(3, 4\)"),
    ({"length": np.array([1, 2, 3, 4] * 2 + [1, 2, 7, 0])}, r"length\[11\] is 0, expected at least 1"),
    ({"length": np.array([1, 2, 3, 4] * 2 + [1, 2, 8, -1])}, r"length\[11\] is -1, expected at least 1"),
    ({"length": np.full(12, 2**63, np.uint64)}, "length adds up to 110680464442257309696, expected"),
    ({"label": np.arange(11) % 2}, r"label has shape \(11,\) and dtype int64, expected \(n,\) = \(12,\)"),
    ({"label": np.linspace(0, 1, 12)}, "dtype float64, expected"),
    ({"label": np.zeros(12, int)}, "every label is 0, expected at least 2 classes"),
    ({"label": np.array([0] * 10 + [1] * 2)}, "class '1' has 2 distinct examples, expected at least 3"),
    ({"label": np.array(["a", " "] * 6)}, r"label\[1\] is empty"),
    ({"values": np.zeros((0, 2)), "length": np.zeros(0, int), "label": np.zeros(0, int)}, "holds no series"),
]


@pytest.mark.parametrize(("changes", "sentence"), BAD_ARRAYS)
def test_arrays_that_cannot_be_used(tmp_path, changes, sentence):
    path = stored(tmp_path, **changes)
    with pytest.raises(data.DataError, match=sentence) as raised:
        read_npz(path)
    assert str(raised.value).startswith(str(path))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_numbers_that_are_not_finite_in_float32_are_named_by_place(tmp_path, value):
    values = np.zeros((30, 2))
    values[17, 1] = value
    with pytest.raises(data.DataError, match=r"values\[17, 1\] is -?(nan|inf), expected finite float32 numbers"):
        read_npz(stored(tmp_path, values=values))


@pytest.mark.parametrize("content", [b"", b"a\tb\n", b"PK\x03\x04 cut off", b"\x93NUMPY\x01\x00 cut off"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "my.npz"
    path.write_bytes(content)
    with pytest.raises(data.DataError, match=r"is no \.npz file or a damaged one"):
        read_npz(path)


def test_one_bare_array_is_refused(tmp_path):
    np.save(tmp_path / "my.npy", np.zeros((3, 2)))
    with pytest.raises(data.DataError, match="holds one bare array"):
        read_npz(tmp_path / "my.npy")


def test_a_damaged_array_is_named(tmp_path):
    path = stored(tmp_path)
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("values.npy").header_offset
    content = bytearray(path.read_bytes())
    content[offset + 300] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(data.DataError, match="values is damaged"):
        read_npz(path)


def test_a_member_that_is_no_array_is_refused(tmp_path):
    path = stored(tmp_path, label=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("label.npy", b"not an array")
    with pytest.raises(data.DataError, match="label is damaged or holds pickled objects"):
        read_npz(path)


@pytest.mark.parametrize(
    ("inputs", "labels", "sentence"),
    [
        ([], [], "0 labels for 0 inputs"),
        (series(3), [0, 1], "2 labels for 3 inputs"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], [0, 1], r"inputs\[1\] has shape \(2, 3\)"),
        ([np.zeros((2, 2)), np.zeros((0, 2))], [0, 1], r"inputs\[1\] has shape \(0, 2\)"),
        ([np.zeros(4)], [0], r"inputs\[0\] has shape \(4,\)"),
        (series(2), [0.5, 1.0], "labels have dtype float64"),
        (series(2), [None, "a"], "labels have dtype object"),
    ],
)
def test_what_cannot_be_written(tmp_path, inputs, labels, sentence):
    with pytest.raises(data.DataError, match=sentence):
        write_npz(tmp_path / "my.npz", inputs, labels)
    assert not list(tmp_path.iterdir())
