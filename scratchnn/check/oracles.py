"""The two oracles at work on one loss: differences always, the complex step as long as it can be believed."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnn import probe

from .evidence import Evidence

COMPLEX_STEP = 1e-30
TINY = 1e-290  # a step off zero that survives being multiplied with a weight
ONE_SLOPE = 1e-10  # slopes that differ by less are the same


class Oracles:
    """Both oracles, asked about the same lines.

    Parameters
    ----------
    loss : function
        Takes a dict of arrays, returns one number.
    inputs : dict of str to array

    Attributes
    ----------
    why_not : str
        Why the complex step is not believed; empty as long as it is.
    """

    def __init__(self, loss: Callable[[dict[str, Any]], Any], inputs: dict[str, Any]):
        self.loss, self.inputs = loss, inputs
        self.noise = probe.noise_level(loss, inputs)
        self.why_not = ""
        self.halvings = 0

    def look(self, name: str, lines: list) -> Evidence:
        """Measure slopes by both oracles.

        Parameters
        ----------
        name : str
            The array.
        lines : list of array, then of tuple of int
            Directions, then entries.

        Returns
        -------
        Evidence
        """
        directions = sum(isinstance(line, np.ndarray) for line in lines)
        numeric = probe.differences_along(self.loss, self.inputs, name, lines, self.noise, self.halvings)
        self.halvings = numeric.halvings
        exact = self._exact(name, lines)
        on_kink = (
            frozenset() if exact is None else frozenset(k for k in numeric.seated if self._is_on(name, lines[k]))
        )
        return Evidence(name, self.inputs[name].shape, lines, directions, numeric, exact, on_kink)

    def best(self, name: str, lines: list) -> np.ndarray:
        """Measure slopes by the better oracle.

        Parameters
        ----------
        name : str
        lines : list

        Returns
        -------
        (lines,) array
        """
        exact = self._exact(name, lines)
        if exact is None:
            return probe.differences_along(self.loss, self.inputs, name, lines, self.noise, self.halvings).slopes
        return exact

    def said(self, evidence: Evidence) -> str:
        """Say which oracles looked along the lines, with what step, and why not both.

        Parameters
        ----------
        evidence : Evidence

        Returns
        -------
        str
        """
        differences = f"differences, h={evidence.numeric.step:.1e}"
        if evidence.exact is not None:
            return f"complex step, h={COMPLEX_STEP:.0e}; {differences}"
        return f"{differences}, alone: {self.why_not}"

    def _is_on(self, name, line):
        """Tell whether the point sits on a kink to the last digit: one rounding to either side, the slopes differ.

        A direction moves many entries, each with roundings of its own, so there a seat counts as one.
        """
        if isinstance(line, np.ndarray):
            return True
        slopes = []
        for sign in (-1, 1):
            array = np.array(self.inputs[name], dtype=np.float64)
            array[line] += sign * max(np.spacing(abs(array[line])), TINY)
            slopes.append(probe.complex_step_along(self.loss, {**self.inputs, name: array}, name, [line])[0])
        return abs(slopes[1] - slopes[0]) > ONE_SLOPE * max(map(abs, slopes))

    def _exact(self, name, lines):
        if self.why_not:
            return None
        try:
            return probe.complex_step_along(self.loss, self.inputs, name, lines, COMPLEX_STEP)
        except probe.ImaginaryPartLost as lost:
            self.why_not = str(lost)
        except Exception as error:  # code that checks dtypes by its own means
            self.why_not = (
                f"the code is not complex-safe: forward raised {type(error).__name__} for complex inputs ({error})"
            )
        return None
