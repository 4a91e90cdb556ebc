"""The way straight into a student's backward: the arguments of one call are kept, the layout of its answer is known.

Around a student's function stands an adapter, which takes several times as long as the function itself. Where only
the function changes, it is called with the arguments of the first time, and its answer put in order by a table.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .leaves import leaves, replaced
from .stage import Built, Passes


class Shortcut:
    """Runs a student's backward on what its forward kept once.

    Parameters
    ----------
    built : Built
    passes : Passes
    flat : function
        Makes one row of numbers of our gradients, None where they do not fit.
    """

    def __init__(self, built: Built, passes: Passes, flat: Callable[[dict], np.ndarray | None]) -> None:
        self.built, self.table = built, None
        theirs = built.stage.student.theirs.get("backward")
        if theirs is None or not {"forward", "backward"} <= set(built.stage.student.functions):
            return
        self.path = theirs.split(".")
        self._learn(passes, flat)

    @property
    def open(self) -> bool:
        """Whether it can be taken."""
        return self.table is not None

    def _learn(self, passes, flat):
        calls: list[Any] = []
        rng = np.random.default_rng(0)
        disguise: list[Callable] = []

        owner, name = self.built.find(self.path)
        function = owner[name] if isinstance(owner, dict) else owner.__dict__[name]

        @functools.wraps(function)
        def heard(*arguments, **options):
            answer = function(*arguments, **options)
            calls.append((arguments, options, answer))
            return replaced(answer, disguise[0]) if disguise else answer

        self._put(owner, name, heard)
        try:
            _, kept = passes.forward(self.built.backend)
            before = flat(passes.backward(kept))
            if before is None or len(calls) != 1:
                return
            arguments, options, _ = calls[0]
            masks: list[np.ndarray] = []

            def other(way, array):
                masks.append(rng.normal(size=np.shape(array)))
                return masks[-1] if np.ndim(array) else float(masks[-1])

            disguise.append(other)
            shown = flat(passes.backward(kept))
        finally:
            self._put(owner, name, function)
        self.arguments, self.options = arguments, options
        if shown is None or not masks:
            return
        table = _table(np.concatenate([np.ravel(one) for one in masks]), shown)
        if table is None:
            return
        self.table = table
        for _ in range(2):  # it must not depend on how often it was called
            again = self()
            if again is None or not np.array_equal(again, before):
                self.table = None
                return

    def _put(self, owner, name, function):
        if isinstance(owner, dict):
            owner[name] = function
        else:
            setattr(owner, name, function)
        self.built.adapt()

    def __call__(self) -> np.ndarray | None:
        """Run it as it stands now.

        Returns
        -------
        array or None
            Our gradients in one row; None if the answer has another form than before.
        """
        owner, name = self.built.find(self.path)
        function = owner[name] if isinstance(owner, dict) else owner.__dict__[name]
        answer = function(*self.arguments, **self.options)
        parts = [np.ravel(array) for _, array in leaves(answer)]
        row = np.concatenate([*parts, np.zeros(1)]) if parts else np.zeros(1)
        first, second, signs, size = self.table  # type: ignore[misc]
        return signs * row[first] + row[second] if len(row) == size else None


def _table(raw, shown):
    """Find of which entries of an answer each gradient is made: of one, of its opposite, or of the sum of two."""
    order = np.argsort(raw)
    raw_sorted = raw[order]

    def place(number):
        k = int(np.searchsorted(raw_sorted, number))
        for near in (k - 1, k, k + 1):
            if 0 <= near < len(raw) and abs(raw_sorted[near] - number) <= 1e-14:
                return int(order[near])
        return None

    nothing = len(raw)
    first, second, signs = np.full(len(shown), nothing), np.full(len(shown), nothing), np.ones(len(shown))
    for k, number in enumerate(shown):
        if number == 0:
            continue
        for sign in (1, -1):
            found = place(sign * number)
            if found is not None:
                first[k], signs[k] = found, sign
                break
        else:
            found = None
        if found is not None:
            continue
        pair = next(((i, j) for i, one in enumerate(raw) if (j := place(number - one)) is not None), None)
        if pair is None:
            return None
        first[k], second[k] = pair
    return first, second, signs, len(raw) + 1
