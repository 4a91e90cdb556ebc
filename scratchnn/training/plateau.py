"""Schedules that are objects: one listens to a measurement after each epoch, one warms another up."""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

MODES = ("min", "max")
THRESHOLD_MODES = ("rel", "abs")


class Plateau:
    """Lower the learning rate when a measurement has stopped getting better.

    ``fit`` tells it the measurement after each epoch; ``schedule(step)`` is the factor of the base learning rate.

    Parameters
    ----------
    factor : float
        What each drop multiplies by; 0 <= factor < 1.
    patience : int
        Epochs without improvement that are borne; the next one makes a drop.
    mode : {"min", "max"}
        Which way is better.
    metric : str
        Column of the history that ``fit`` passes to ``update``, e.g. "valid_loss", "valid_accuracy", "train_loss".
    threshold : float
        How much better counts as an improvement.
    threshold_mode : {"rel", "abs"}
        ``threshold`` is a share of the best so far, or a difference from it.
    cooldown : int
        Epochs after a drop that count no failure.
    floor : float
        The factor never falls below it: PyTorch's ``min_lr`` divided by the base learning rate.
    eps : float
        A drop of the factor by no more than this is not made.

    Raises
    ------
    ValueError
        A setting is impossible.

    Notes
    -----
    As ``torch.optim.lr_scheduler.ReduceLROnPlateau``, for factors of the learning rate in place of the rate.
    A measurement that is NaN is no improvement.  Checked by: tests/training/test_plateau.py
    """

    def __init__(
        self,
        factor: float = 0.1,
        patience: int = 10,
        *,
        mode: Literal["min", "max"] = "min",
        metric: str = "valid_loss",
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        floor: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if not 0 <= factor < 1:
            raise ValueError(f"Plateau: factor is {factor}, expected 0 <= factor < 1")
        if not 0 <= floor <= 1:
            raise ValueError(f"Plateau: floor is {floor}, expected 0 to 1")
        for name, value in (("patience", patience), ("cooldown", cooldown)):
            if int(value) != value or value < 0:
                raise ValueError(f"Plateau: {name} is {value}, expected a whole number of at least 0")
        for name, value in (("threshold", threshold), ("eps", eps)):
            if not 0 <= value < math.inf:
                raise ValueError(f"Plateau: {name} is {value}, expected 0 or more, and finite")
        for name, value, allowed in (("mode", mode, MODES), ("threshold_mode", threshold_mode, THRESHOLD_MODES)):
            if value not in allowed:
                raise ValueError(f"Plateau: {name} is {value!r}, expected one of {', '.join(map(repr, allowed))}")
        self.factor, self.patience, self.mode, self.metric = float(factor), int(patience), mode, metric
        self.threshold, self.threshold_mode = float(threshold), threshold_mode
        self.cooldown, self.floor, self.eps = int(cooldown), float(floor), float(eps)
        self.start()

    def start(self) -> None:
        """Forget everything seen: the factor is 1 again."""
        self.current = 1.0
        self.best = math.inf if self.mode == "min" else -math.inf
        self.waited = 0
        self.cooling = 0

    def __call__(self, step: int) -> float:
        """Give the factor, the same for all steps between two ``update``."""
        return self.current

    def update(self, value: float) -> None:
        """Take the measurement of one more epoch.

        Parameters
        ----------
        value : float
        """
        value = float(value)
        if self._better(value):
            self.best = value
            self.waited = 0
        else:
            self.waited += 1
        if self.cooling > 0:
            self.cooling -= 1
            self.waited = 0
        if self.waited > self.patience:
            lower = max(self.current * self.factor, self.floor)
            if self.current - lower > self.eps:
                self.current = lower
            self.cooling = self.cooldown
            self.waited = 0

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copy the state.

        Returns
        -------
        dict of str to array
            "current", "best", "waited", "cooling".
        """
        return {name: np.array(getattr(self, name)) for name in ("current", "best", "waited", "cooling")}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Copy a state in; the schedule then goes on as if it had never stopped.

        Parameters
        ----------
        state : dict of str to array
            Exactly the keys of ``state_dict()``.

        Raises
        ------
        ValueError
            A key is missing or unknown.
        """
        _expect_keys("Plateau", self.state_dict(), state)
        self.current, self.best = float(state["current"]), float(state["best"])
        self.waited, self.cooling = int(state["waited"]), int(state["cooling"])

    def _better(self, value):
        sign = 1 if self.mode == "max" else -1
        if math.isinf(self.best):
            bar = self.best
        elif self.threshold_mode == "rel":
            bar = self.best * (1 + sign * self.threshold)
        else:
            bar = self.best + sign * self.threshold
        return value > bar if self.mode == "max" else value < bar


class Warmup:
    """Rise linearly to 1, then follow another schedule, whose step 0 is the end of the rise.

    Parameters
    ----------
    schedule : function or Plateau
        What follows.
    steps : int
        Steps before the factor reaches that of ``schedule``. The first has 1 / (steps + 1) of it, so no step is lost.

    Raises
    ------
    ValueError
        ``steps`` is not a whole number of at least 0.

    Notes
    -----
    factor = (step + 1) / (steps + 1) * schedule(0) before, schedule(step - steps) after.
    ``Warmup(cosine(n - k), k)`` is ``cosine(n, warmup_steps=k)``.  Checked by: tests/training/test_plateau.py
    """

    def __init__(self, schedule: Callable[[int], float], steps: int) -> None:
        if int(steps) != steps or steps < 0:
            raise ValueError(f"Warmup: steps is {steps}, expected a whole number of at least 0")
        self.schedule: Any = schedule
        self.steps = int(steps)

    def __call__(self, step: int) -> float:
        """Give the factor."""
        if step < self.steps:
            return (step + 1) / (self.steps + 1) * self.schedule(0)
        return self.schedule(step - self.steps)

    @property
    def metric(self) -> str | None:
        """What the inner schedule wants to be told after each epoch; None: nothing."""
        return getattr(self.schedule, "metric", None)

    def start(self) -> None:
        """Let the inner schedule forget everything seen."""
        if hasattr(self.schedule, "start"):
            self.schedule.start()

    def update(self, value: float) -> None:
        """Pass a measurement on.

        Parameters
        ----------
        value : float
        """
        if hasattr(self.schedule, "update"):
            self.schedule.update(value)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copy the state of the inner schedule; empty when it has none.

        Returns
        -------
        dict of str to array
        """
        return self.schedule.state_dict() if hasattr(self.schedule, "state_dict") else {}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Copy a state in.

        Parameters
        ----------
        state : dict of str to array
            Exactly the keys of ``state_dict()``.

        Raises
        ------
        ValueError
            A key is missing or unknown.
        """
        _expect_keys("Warmup", self.state_dict(), state)
        if hasattr(self.schedule, "load_state_dict"):
            self.schedule.load_state_dict(state)


def _expect_keys(where, own, state):
    for word, keys in (("missing", own.keys() - state.keys()), ("unknown", state.keys() - own.keys())):
        if keys:
            raise ValueError(f"{where}.load_state_dict: {word} {', '.join(map(repr, sorted(keys)))}")
