"""What goes wrong in training."""

from scratchnn.errors import InputError

from .history import History


class TrainingError(InputError):
    """Training cannot go on: the loss or a gradient is not finite. The message is one sentence.

    Attributes
    ----------
    history : History
        The epochs that were finished.
    """

    def __init__(self, message: str, history: History | None = None) -> None:
        super().__init__(message)
        self.history = history


class CheckpointError(InputError):
    """A checkpoint cannot be used: damaged, foreign, or of another run. The message is one sentence."""
