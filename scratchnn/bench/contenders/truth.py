"""The reference in float64: what every contender's results are compared with. Never timed."""

import numpy as np

from scratchnn.bench.cases import Case

from . import ours


def setup(threads: int) -> None:
    """Nothing to set.

    Parameters
    ----------
    threads : int
    """


def versions() -> str:
    """Name what is compared with."""
    return "scratchnn's reference in float64"


def prepare(case: Case, inputs: dict[str, np.ndarray], rung: str | None = None) -> tuple:
    """Make one forward and backward in float64.

    Parameters
    ----------
    case : Case
    inputs : dict of str to array
    rung : str, optional
        Not used.

    Returns
    -------
    run, results : functions
    """
    wide = {name: value.astype(np.float64) if value.dtype == np.float32 else value for name, value in inputs.items()}
    return ours.prepare(case, wide, backend="reference")
