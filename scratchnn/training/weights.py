"""Which weights a fit ends with: their running average, and the best ones seen."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from scratchnn import arrays


class WeightAverage:
    """Exponential moving average of parameters, without the pull towards where it started.

    After n updates it is the mean of the n parameter values with weights proportional to ``decay**(n - k)``: as in
    Adam, the sum that starts at zero is divided by ``1 - decay**n``.

    Parameters
    ----------
    params : dict of str to array
        The arrays themselves; read at every ``update``.
    decay : float
        0 <= decay < 1; about the last 1 / (1 - decay) steps count.

    Raises
    ------
    ValueError
        ``decay`` outside [0, 1).
    """

    def __init__(self, params: dict[str, np.ndarray], decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"WeightAverage: decay is {decay}, expected 0 <= decay < 1")
        self.params = dict(params)
        self.decay = float(decay)
        self.sums = {name: arrays.zeros_like(p) for name, p in self.params.items()}
        self.count = 0

    def update(self) -> None:
        """Take the parameters as they are now into the average."""
        for name, p in self.params.items():
            total = self.sums[name]
            arrays.scale_into(total, self.decay)
            arrays.add_into(total, p, 1 - self.decay)
        self.count += 1

    def values(self) -> dict[str, np.ndarray]:
        """Give the average.

        Returns
        -------
        dict of str to array
            New arrays; copies of the parameters before the first ``update``.
        """
        if self.count == 0:
            return {name: arrays.copy(p) for name, p in self.params.items()}
        correction = 1 - self.decay**self.count
        return {name: arrays.divide(total, correction) for name, total in self.sums.items()}


class Weights:
    """The weights of one fit: those that move, those to evaluate, those to keep.

    Parameters
    ----------
    params : dict of str to array
        The arrays themselves.
    decay : float or None
        Of the average; None: weights are used as they are.
    """

    def __init__(self, params: dict[str, np.ndarray], decay: float | None = None) -> None:
        self.params = dict(params)
        self.average = None if decay is None else WeightAverage(params, decay)
        self.best: dict[str, np.ndarray] | None = None
        self.safe: dict[str, np.ndarray] | None = None
        self.score: Any = None

    def stepped(self) -> None:
        """Tell that the optimiser has taken a step."""
        if self.average is not None:
            self.average.update()

    def proved_finite(self) -> None:
        """Tell that the weights gave a finite loss: what to fall back on until there are best ones."""
        if self.best is None:
            self.safe = self.effective()

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Put the effective weights into the arrays for the time of the ``with`` block."""
        if self.average is None:
            yield
            return
        moving = {name: arrays.copy(p) for name, p in self.params.items()}
        try:
            self.write(self.effective())
            yield
        finally:
            self.write(moving)

    def offer(self, score: Any) -> bool:
        """Keep a copy of the effective weights if they score better than any before.

        Parameters
        ----------
        score : comparable
            The larger the better.

        Returns
        -------
        bool
            True: kept.
        """
        if self.score is not None and score <= self.score:
            return False
        self.best = self.effective()
        self.score = score
        return True

    def settle(self, failed: bool = False) -> None:
        """Write the final weights: the best if any were offered, else the effective ones.

        Parameters
        ----------
        failed : bool
            The weights as they are now are not to be trusted: without best ones, fall back on proved ones.
        """
        if self.best is not None:
            self.write(self.best)
        elif not failed:
            self.write(self.effective())
        elif self.safe is not None:
            self.write(self.safe)

    def kept(self) -> dict[str, np.ndarray]:
        """Give the arrays that stand beside the parameters: the sums of the average, the best and the proved weights.

        Returns
        -------
        dict of str to array
            "average/NAME", "best/NAME", "safe/NAME", those that there are; the arrays themselves.
        """
        sums = None if self.average is None else self.average.sums
        safe = self.safe if self.best is None else None  # not needed any more
        groups = {"average": sums, "best": self.best, "safe": safe}
        return {
            f"{group}/{name}": array for group, arrays in groups.items() if arrays for name, array in arrays.items()
        }

    def put_back(self, kept: dict[str, np.ndarray], *, count: int, score: Any) -> None:
        """Go back to what ``kept`` gave.

        Parameters
        ----------
        kept : dict of str to array
        count : int
            Updates of the average.
        score : comparable or None
            Of the best weights.
        """

        def group(which):
            names = [name for name in self.params if f"{which}/{name}" in kept]
            found = {name: arrays.put(arrays.copy(kept[f"{which}/{name}"]), self.params[name]) for name in names}
            return found or None

        self.best, self.safe, self.score = group("best"), group("safe"), score
        if self.average is not None:
            self.average.sums, self.average.count = group("average") or self.average.sums, count

    def effective(self) -> dict[str, np.ndarray]:
        """Copy the weights to evaluate: the average, or the weights themselves without one.

        Returns
        -------
        dict of str to array
        """
        if self.average is not None:
            return self.average.values()
        return {name: arrays.copy(p) for name, p in self.params.items()}

    def write(self, values: dict[str, np.ndarray]) -> None:
        """Copy ``values`` into the parameter arrays.

        Parameters
        ----------
        values : dict of str to array
        """
        for name, p in self.params.items():
            arrays.write_into(p, values[name])
