"""scratchnn's kernels on the device: what layers use, or one rung of a room's ladder."""

from typing import Any

import numpy as np

from scratchnn import device, ops
from scratchnn.bench.cases import Case

from . import ours


def setup(threads: int) -> None:
    """Ask for a device.

    Parameters
    ----------
    threads : int
        Not used.
    """
    device.require()


def versions() -> str:
    """Name what is timed."""
    return f"scratchnn's kernels, float32, TF32 off but where it is named, on {device.name()}"


def prepare(case: Case, inputs: dict[str, np.ndarray], rung: str | None = None) -> tuple:
    """Make one forward and backward on the device, where the inputs are copied before.

    Parameters
    ----------
    case : Case
    inputs : dict of str to array
    rung : str, optional
        Of the room's RUNGS; what layers use unless given.

    Returns
    -------
    run, results : functions
    """
    if case.topic == "step":
        if rung:
            raise NotImplementedError("the whole training step has no rungs")
        return ours.prepare(case, inputs, backend="gpu")
    room = getattr(ops, case.op)
    there = {name: device.to_device(array) for name, array in inputs.items()}
    module = _rung(room, case, rung) if rung else ops.backend(room, "gpu")
    run, results = ours.maker(case)(case, there, room, module)
    return run, lambda made: results(device.to_host(made))


def rungs(case: Case) -> list[device.Rung]:
    """Give the rungs of a case's room, the simplest first.

    Parameters
    ----------
    case : Case

    Returns
    -------
    list of Rung
        Empty for the whole training step; the additive score has the last rung only.
    """
    if case.topic == "step":
        return []
    found = list(ops.backend(getattr(ops, case.op), "gpu").RUNGS)
    return found[-1:] if case.topic == "additive" else found


def _rung(room: Any, case: Case, name: str) -> Any:
    found = {rung.name: rung for rung in ops.backend(room, "gpu").RUNGS}[name]
    if device.simulated() and not found.simulated:
        raise NotImplementedError("the simulator lacks what this rung needs")
    return found
