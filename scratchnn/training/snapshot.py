"""From a fit to a snapshot and back."""

import json
import platform
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchnn import __version__
from scratchnn.arrays import as_numpy

from .checkpoint_file import Snapshot, from_plain
from .errors import CheckpointError

if TYPE_CHECKING:
    from .run import Run

SUMS = ("total_loss", "total_norm", "right", "counted", "sequences", "steps")  # of the meter
HISTORY = ("rows", "best_epoch", "stopped_early")
STEPS_PROBED = (0, 1, 2, 5, 10, 100, 1000, 10000)


def take(run: "Run", given: dict[str, Any], *, finished: bool = False) -> Snapshot:
    """Note everything that the rest of a fit depends on.

    Parameters
    ----------
    run : Run
        Between two steps.
    given : dict
        What stays the same for the whole fit: that of ``asked`` and of ``made_with``.
    finished : bool
        It is over: the weights are the final ones, only they and the history matter.

    Returns
    -------
    Snapshot
        Holding the arrays themselves, to be encoded before the next step.
    """
    arrays = {f"model/{name}": as_numpy(p) for name, p in run.weights.params.items()}
    record = given | {
        "finished": finished,
        "history": {name: getattr(run.history, name) for name in HISTORY},
        "seconds": run.seconds,
        "epoch": run.epoch,
        "position": run.position,
        "step": run.step,
    }
    if finished:
        return Snapshot(arrays, record)
    arrays |= {f"optimizer/{key}": np.asarray(value) for key, value in run.optimizer.state_dict().items()}
    arrays |= {name: as_numpy(array) for name, array in run.weights.kept().items()}
    if hasattr(run.schedule, "state_dict"):
        arrays |= {f"schedule/{key}": np.asarray(value) for key, value in run.schedule.state_dict().items()}
    record["state"] = _flatten(run.state, arrays)
    average, stopping = run.weights.average, run.early_stopping
    record |= {
        "between": run.between,
        "draw_start": run.draw_start,
        "draw_now": run.rng.bit_generator.state,
        "first": run.first,
        "meter": {name: getattr(run.meter, name) for name in SUMS},
        "meter_seconds": time.perf_counter() - run.meter.started,
        "average_count": 0 if average is None else average.count,
        "score": run.weights.score,
        "early_stopping": None if stopping is None else stopping.state_dict(),
    }
    return Snapshot(arrays, record)


def put_back(run: "Run", snapshot: Snapshot) -> None:
    """Bring a fresh fit to where the snapshot was taken.

    Parameters
    ----------
    run : Run
        As it begins.
    snapshot : Snapshot

    Raises
    ------
    CheckpointError
        Its arrays do not fit the model or the optimiser.
    """
    arrays, record = snapshot
    _expect_fitting(run, arrays)
    for name in HISTORY:
        setattr(run.history, name, record["history"][name])
    run.started = time.perf_counter() - record["seconds"]
    run.epoch, run.position, run.step = record["epoch"], record["position"], record["step"]
    run.weights.write({name: arrays[f"model/{name}"] for name in run.weights.params})
    if record["finished"]:
        return
    base_lr = run.base_lr
    run.optimizer.load_state_dict(_group(arrays, "optimizer/"))
    run.base_lr = base_lr  # the loaded one holds the schedule's factor
    score = record["score"]
    run.weights.put_back(arrays, count=record["average_count"], score=None if score is None else tuple(score))
    run.state = _unflatten(record["state"], arrays)
    for name in SUMS:
        setattr(run.meter, name, record["meter"][name])
    run.meter.started = time.perf_counter() - record["meter_seconds"]
    if run.early_stopping is not None:
        run.early_stopping.load_state_dict(record["early_stopping"])
    if hasattr(run.schedule, "load_state_dict"):
        run.schedule.load_state_dict(_group(arrays, "schedule/"))
    run.between, run.first, run.draw_start = record["between"], record["first"], from_plain(record["draw_start"])
    run.rng.bit_generator.state = from_plain(record["draw_now"])
    run.reopen_epoch()


def asked(run: "Run", **settings: Any) -> dict[str, Any]:
    """Say what decides the result of a fit, as far as ``fit`` can see it.

    Parameters
    ----------
    run : Run
        Before the first step.
    **settings
        Those that ``Run`` does not hold.

    Returns
    -------
    dict
        As it comes back from JSON.
    """
    stopping = run.early_stopping
    batches = len(run.batches) if hasattr(run.batches, "__len__") else None
    found = {
        "model": type(run.model).__name__,
        "parameters": {name: f"{p.dtype} {p.shape}" for name, p in run.weights.params.items()},
        "optimizer": {"kind": type(run.optimizer).__name__, "lr": run.base_lr} | _plain_settings(run.optimizer),
        "criterion": {"kind": type(run.criterion).__name__} | _plain_settings(run.criterion),
        "schedule": _describe_schedule(run.schedule, 1 if batches is None else settings.get("epochs", 1) * batches),
        "generator": run.rng.bit_generator.state["bit_generator"],
        "max_norm": run.max_norm,
        "clip_value": run.clip_value,
        "accumulate": run.accumulate,
        "average": None if run.weights.average is None else run.weights.average.decay,
        "early_stopping": None if stopping is None else [stopping.patience, stopping.minimum_change],
        "batches": batches,
        **settings,
    }
    return json.loads(json.dumps(found, default=float))


def made_with() -> dict[str, Any]:
    """Say what the bits of a result may depend on besides the settings.

    Returns
    -------
    dict
    """
    from threadpoolctl import threadpool_info  # opened when needed

    pools = threadpool_info()
    blas = {f"{pool['internal_api']} {pool['version']} {pool.get('architecture')}" for pool in pools}
    return {
        "scratchnn": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "processor": f"{platform.machine()} {' '.join(np.show_config('dicts')['SIMD Extensions']['found'])}",
        "matrix products by": ", ".join(sorted(blas)),
        "threads": max((pool["num_threads"] for pool in pools), default=1),
    }


def first_difference(one: Any, other: Any, name: str = "") -> tuple[str, Any, Any] | None:
    """Find where two records differ.

    Parameters
    ----------
    one, other : dict, or anything comparable
    name : str
        Of the records; "" at the top.

    Returns
    -------
    (str, object, object) or None
        Dotted name and both values; None: they are equal.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            found = first_difference(one.get(key), other.get(key), f"{name}.{key}" if name else key)
            if found:
                return found
        return None
    return None if one == other else (name, one, other)


def _group(arrays, prefix):
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _expect_fitting(run, arrays):
    for name, p in run.weights.params.items():
        found = arrays.get(f"model/{name}")
        if found is None or found.shape != p.shape or found.dtype != p.dtype:
            came = "no array" if found is None else f"{found.dtype} {found.shape}"
            raise CheckpointError(f"the checkpoint holds {came} for {name}, expected {p.dtype} {p.shape}")


def _plain_settings(thing):
    """Give an object's attributes that are numbers, names or tuples of such."""

    def is_plain(value):
        if isinstance(value, tuple):
            return all(map(is_plain, value))
        return value is None or isinstance(value, bool | int | float | str)

    return {name: value for name, value in vars(thing).items() if is_plain(value) and name != "_lr"}


def _describe_schedule(schedule, steps):
    if not hasattr(schedule, "state_dict"):
        return [float(schedule(step)) for step in STEPS_PROBED if step < steps]
    changing = schedule.state_dict()
    told = {name: value for name, value in _plain_settings(schedule).items() if name not in changing}
    inner = getattr(schedule, "schedule", None)
    return {"kind": type(schedule).__name__} | told | ({"of": _describe_schedule(inner, steps)} if inner else {})


def _flatten(tree, arrays):
    """Put the arrays of a carried state beside the others; give its shape as nested lists of their numbers."""
    if tree is None:
        return None
    if isinstance(tree, tuple | list):
        return [_flatten(branch, arrays) for branch in tree]
    number = sum(name.startswith("state/") for name in arrays)
    arrays[f"state/{number}"] = as_numpy(tree)
    return number


def _unflatten(tree, arrays):
    if tree is None:
        return None
    if isinstance(tree, list):
        return tuple(_unflatten(branch, arrays) for branch in tree)
    return arrays[f"state/{tree}"]
