"""The progress bar. rich is imported only when a bar is shown."""

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from .passes import Meter


class Silent:
    """No bar."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def batch(self, meter: "Meter") -> None:
        """Take no notice of a batch."""

    def epoch(self, row: dict[str, Any], best_epoch: int | None) -> None:
        """Take no notice of an epoch."""


class Bar:
    """One bar for the whole fit; below it loss, accuracy, gradient norm, speed and the last validation.

    It is drawn on standard error.

    Parameters
    ----------
    epochs : int
    batches_per_epoch : int or None
        None: not known, the bar only shows that something moves.
    epoch, done : int
        Where it begins, after a resumption: the epoch, and the batches of it already taken.
    """

    def __init__(self, epochs: int, batches_per_epoch: int | None, *, epoch: int = 1, done: int = 0) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.text import Text

        bar = self

        class TwoLines(Progress):
            def get_renderables(self):
                yield self.make_tasks_table(self.tasks)
                yield Text("\n".join(filter(None, (bar.line, bar.validation))), no_wrap=True, overflow="ellipsis")

        self.epochs = epochs
        self.current = epoch
        self.line = self.validation = ""
        self.progress = TwoLines(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        total = None if batches_per_epoch is None else epochs * batches_per_epoch
        completed = 0 if batches_per_epoch is None else (epoch - 1) * batches_per_epoch + done
        self.task = self.progress.add_task(self._description(), total=total, completed=completed)

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def batch(self, meter: "Meter") -> None:
        """Show one more batch.

        Parameters
        ----------
        meter : Meter
        """
        self.line = (
            f"loss {meter.loss:.4f}  accuracy {100 * meter.accuracy:.1f} %"
            f"  gradient norm {meter.gradient_norm:.2f}  {_speed(meter)}"
        )
        self.progress.update(self.task, advance=1, description=self._description())

    def epoch(self, row: dict[str, Any], best_epoch: int | None) -> None:
        """Show one more epoch.

        Parameters
        ----------
        row : dict
            Of the history.
        best_epoch : int or None
        """
        if row["valid_accuracy"] is not None:
            best = "" if best_epoch is None else f", best epoch {best_epoch}"
            loss, accuracy = row["valid_loss"], 100 * row["valid_accuracy"]
            self.validation = f"validation: loss {loss:.4f}  accuracy {accuracy:.1f} %{best}"
        self.current = min(row["epoch"] + 1, self.epochs)

    def _description(self):
        return f"epoch {self.current}/{self.epochs}"


def _speed(meter):
    """Sequences per second; targets per second where a sequence has many, as in a language model."""
    if meter.counted <= meter.sequences:
        return f"{meter.rate:,.0f} sequences/s"
    return f"{meter.rate * meter.counted / meter.sequences:,.0f} targets/s"


def make_bar(show: bool, epochs: int, batches: Any, *, epoch: int = 1, done: int = 0) -> Silent | Bar:
    """Give a ``Bar`` if ``show``, else ``Silent``; the length of ``batches`` is used where it has one."""
    if not show:
        return Silent()
    return Bar(epochs, len(batches) if hasattr(batches, "__len__") else None, epoch=epoch, done=done)
