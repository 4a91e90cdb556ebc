"""What happened in training, one row per epoch."""

import csv
import os
from pathlib import Path
from typing import Any

COLUMNS = (
    "epoch",
    "seconds",
    "train_loss",
    "train_accuracy",
    "valid_loss",
    "valid_accuracy",
    "gradient_norm",
    "lr",
    "sequences_per_second",
)


class History:
    """Rows of numbers and how training ended.

    Attributes
    ----------
    rows : list of dict
        One per finished epoch, keys ``COLUMNS``. ``epoch`` counts from 1; ``seconds`` is the time of the epoch with
        its validation, ``sequences_per_second`` that of training alone; ``train_loss`` and ``train_accuracy`` are
        means over the epoch while the weights moved, with dropout; ``valid_loss`` and ``valid_accuracy`` are None
        without validation; ``gradient_norm`` is the mean over steps, before clipping; ``lr`` that of the last step.
    best_epoch : int or None
        The epoch whose weights were kept; None: no epoch was chosen, the last weights were kept.
    interrupted : bool
        Ctrl-C ended training.
    stopped_early : bool
        Early stopping ended training.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.best_epoch: int | None = None
        self.interrupted = False
        self.stopped_early = False

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> list[Any]:
        """Give one column.

        Parameters
        ----------
        name : str
            One of ``COLUMNS``.

        Returns
        -------
        list
        """
        if name not in COLUMNS:
            raise ValueError(f"History.column: no column {name!r}, expected one of {', '.join(COLUMNS)}")
        return [row[name] for row in self.rows]

    def to_csv(self, path: str | Path) -> None:
        """Write all rows, with a header; numbers in full precision, None as an empty cell.

        The file is complete or not there: it is written beside its place and then moved there.

        Parameters
        ----------
        path : str or Path
        """
        path = Path(path)
        part = path.with_name(f".{path.name}.part")
        try:
            with open(part, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(self.rows)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
