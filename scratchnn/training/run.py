"""Where a fit stands: everything that changes while it trains."""

import copy
import hashlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .early_stopping import EarlyStopping
from .errors import CheckpointError
from .history import History
from .interrupts import Interrupts
from .optimizers import Optimizer
from .passes import Meter
from .weights import Weights


class Run:
    """What ``fit`` was given, and where it stands.

    Attributes
    ----------
    model, criterion, optimizer, batches, rng, schedule, max_norm, clip_value, accumulate, early_stopping
        As given to ``fit``.
    base_lr : float
        The optimiser's learning rate before the schedule.
    weights : Weights
    history : History
    step : int
        Steps of the optimiser taken.
    epoch : int
        The epoch begun last, from 1; 0 before the first.
    position : int
        Batches taken from it.
    between : bool
        That epoch is finished: it has its row, and the next has not begun.
    meter : Meter
        Its sums.
    state : array, tuple of arrays, or None
        Carried by the model from its last batch to the next.
    draw_start : dict
        State of the Generator when that epoch began.
    first : str
        Fingerprint of that epoch's first batch.
    """

    def __init__(
        self,
        model: Any,
        criterion: Any,
        optimizer: Optimizer,
        batches: Callable[..., Iterable[Any]],
        *,
        rng: np.random.Generator,
        schedule: Callable[[int], float],
        max_norm: float | None = None,
        clip_value: float | None = None,
        accumulate: int = 1,
        average: float | None = None,
        early_stopping: EarlyStopping | None = None,
    ) -> None:
        self.model, self.criterion, self.optimizer, self.batches = model, criterion, optimizer, batches
        self.rng, self.schedule, self.early_stopping = rng, schedule, early_stopping
        self.max_norm, self.clip_value, self.accumulate = max_norm, clip_value, accumulate
        self.base_lr = optimizer.lr
        self.weights = Weights(model.params, average)
        self.history = History()
        self.interrupts = Interrupts()
        self.step = self.epoch = self.position = 0
        self.between = True
        self.meter = Meter(criterion)
        self.state: Any = None
        self.draw_start: dict = {}
        self.first = ""
        self.coming: Iterator[Any] = iter(())
        self.started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Time spent training, that before a resumption included."""
        return time.perf_counter() - self.started

    def begin_epoch(self) -> None:
        """Start a pass over the training data."""
        self.epoch, self.position, self.between = self.epoch + 1, 0, False
        self.meter, self.state = Meter(self.criterion), None
        self.draw_start = copy.deepcopy(self.rng.bit_generator.state)
        self._open_pass()

    def take(self) -> list[Any]:
        """Take the next batches: as many as make one step, fewer at the end of the pass, none after it.

        Returns
        -------
        list of batches
        """
        return list(itertools.islice(self.coming, self.accumulate))

    def reopen_epoch(self) -> None:
        """Go back into the pass of a checkpoint: begin it from the same draw, leave out the batches already taken.

        Raises
        ------
        CheckpointError
            The data are not those of the checkpoint.
        """
        if self.epoch == 0:
            return
        now, first = self.rng.bit_generator.state, self.first
        self.rng.bit_generator.state = self.draw_start
        self._open_pass()
        left_out = sum(1 for _ in itertools.islice(self.coming, self.position))
        if self.first != first or left_out < self.position:
            raise CheckpointError("the training data are not those that the checkpoint was made with")
        self.rng.bit_generator.state = now

    def _open_pass(self):
        coming = iter(self.batches(self.rng))
        head = list(itertools.islice(coming, 1))
        self.first = _fingerprint(head[0]) if head else ""
        self.coming = itertools.chain(head, coming)


def _fingerprint(batch):
    digest = hashlib.sha256()
    for part in (batch.inputs, batch.lengths, batch.targets):
        if part is not None:
            digest.update(f"{np.shape(part)}{np.asarray(part).dtype}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]
