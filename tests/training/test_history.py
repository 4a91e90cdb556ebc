"""History and early stopping."""

import csv

import pytest

from scratchnn.training import EarlyStopping, History

ROW = {
    "epoch": 1,
    "seconds": 0.5,
    "train_loss": 0.1 + 0.2,
    "train_accuracy": 1 / 3,
    "valid_loss": None,
    "valid_accuracy": None,
    "gradient_norm": 2.0,
    "lr": 1e-3,
    "sequences_per_second": 100.0,
}


def test_csv_keeps_every_digit(tmp_path):
    history = History()
    history.rows = [ROW, {**ROW, "epoch": 2, "valid_loss": 0.25}]
    history.to_csv(tmp_path / "history.csv")
    with open(tmp_path / "history.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(ROW)
    assert float(rows[0]["train_loss"]) == 0.1 + 0.2
    assert float(rows[0]["train_accuracy"]) == 1 / 3
    assert rows[0]["valid_loss"] == ""
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["valid_loss"]) == 0.25


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    history = History()
    history.rows = [ROW]
    history.to_csv(tmp_path / "history.csv")
    before = (tmp_path / "history.csv").read_bytes()
    history.rows = [ROW, {"unknown": 1}]
    with pytest.raises(ValueError, match="unknown"):
        history.to_csv(tmp_path / "history.csv")
    assert (tmp_path / "history.csv").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["history.csv"]


def test_an_empty_history_writes_its_header(tmp_path):
    History().to_csv(str(tmp_path / "history.csv"))
    assert (tmp_path / "history.csv").read_text(encoding="utf-8").split() == [",".join(ROW)]


def test_columns():
    history = History()
    history.rows = [ROW, {**ROW, "epoch": 2}]
    assert history.column("epoch") == [1, 2]
    assert len(history) == 2
    with pytest.raises(ValueError, match="no column 'loss', expected one of epoch, seconds"):
        history.column("loss")


def test_early_stopping_by_hand():
    stop = EarlyStopping(2, minimum_change=0.1)
    assert [stop.update(s) for s in (1.0, 1.05, 1.2, 1.3, 1.1)] == [False, False, False, False, True]
    stop.start()
    assert [stop.update(s) for s in (0.0, 0.0, 0.0)] == [False, False, True]
    assert EarlyStopping(1).update(-5.0) is False


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [((0,), "patience is 0"), ((1.5,), "patience is 1.5"), ((1, -0.1), "minimum_change is -0.1")],
)
def test_early_stopping_refuses_with_one_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=f"EarlyStopping: {sentence}"):
        EarlyStopping(*arguments)
