"""What happened in training, one row per epoch."""

import csv
import io
from pathlib import Path
from typing import Any

from scratchnn import files

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
        Ctrl-C (or SIGTERM, where there are checkpoints) ended training.
    interrupted_by : str or None
        The signal, "SIGINT" or "SIGTERM".
    stopped_early : bool
        Early stopping ended training.
    seconds : float
        Time spent in ``fit``; after a resumption with what was spent before it.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.best_epoch: int | None = None
        self.interrupted = False
        self.interrupted_by: str | None = None
        self.stopped_early = False
        self.seconds = 0.0

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
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(self.rows)
        files.write_bytes(Path(path), text.getvalue().encode())
