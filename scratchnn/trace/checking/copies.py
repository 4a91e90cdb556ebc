"""True derivatives by complex step through the forward pass: many copies along the batch, one moved entry in each.

No line of a backward pass runs here. The derivative of the loss by an entry of a node is Im(loss) / 1e-30 when
1e-30 i is added to that entry right after the forward has computed it.
"""

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from scratchnn.errors import InputError
from scratchnn.probe.tape.moves import STEP, Move, Unmoved
from scratchnn.probe.tape.nudge import Nudge

from ..recording.problem import BATCH_AXES

DIFFERENCE = 1e-5
COPIES = 2048  # in one run


class Wanted(NamedTuple):
    """A node whose derivative is wanted."""

    key: tuple[int, int, Any]  # where it is computed; see ``Record.key``
    value: np.ndarray  # as recorded


def derivatives(problem: Any, wanted: list[Wanted]) -> dict[Any, np.ndarray]:
    """Differentiate the loss by nodes of the forward pass.

    Parameters
    ----------
    problem : Problem
    wanted : list of Wanted

    Returns
    -------
    dict
        By key, arrays of the nodes' shapes.

    Raises
    ------
    Unmoved
        A node cannot be moved.
    """
    flat = {one.key: np.zeros(one.value.size) for one in wanted}
    for run in _runs(wanted):
        copies = sum(len(entries) for _, entries in run)
        moves, start = {}, 0
        for one, entries in run:
            moves[one.key] = Move(one.value, copies, start, entries)
            start += len(entries)
        nudge = Nudge(moves)
        slopes = _slopes(problem, nudge, {}, copies)
        start = 0
        for one, entries in run:
            if one.key not in nudge.met:
                raise Unmoved(f"nothing was computed at {one.key} when the forward ran again")
            flat[one.key][entries] = slopes[start : start + len(entries)]
            start += len(entries)
    return {one.key: flat[one.key].reshape(one.value.shape) for one in wanted}


def agrees(problem: Any) -> bool:
    """Whether complex steps through a forward agree with differences: whether it is complex-safe.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    bool
        Along one direction through all inputs and parameters.
    """
    rng = np.random.default_rng(1)
    given = {**problem.inputs, **problem.params}
    way = {name: rng.normal(size=array.shape) for name, array in given.items() if array.dtype.kind == "f"}

    def loss(step):
        moved = {name: array + step * way[name] if name in way else array for name, array in given.items()}
        inputs = {name: moved[name] for name in problem.inputs}
        params = {name: moved[name] for name in problem.params}
        if np.iscomplexobj(step):
            outputs = _run(problem, Nudge({}), inputs, params)
        else:
            outputs, _ = problem.forward(problem.build(Nudge({})), inputs, params)
        return sum(np.sum(outputs[name] * up) for name, up in problem.upstream.items())

    try:
        slope = np.imag(loss(1j * STEP)) / STEP
        difference = np.real(loss(DIFFERENCE) - loss(-DIFFERENCE)) / (2 * DIFFERENCE)
    except (Unmoved, InputError):
        return False
    return bool(abs(slope - difference) <= 1e-6 * max(abs(slope), abs(difference), 1.0))


def of_input(problem: Any, name: str) -> np.ndarray:
    """Differentiate the loss by an input.

    Parameters
    ----------
    problem : Problem
    name : str

    Returns
    -------
    array
    """
    value = problem.inputs[name]
    flat = np.zeros(value.size)
    for first in range(0, value.size, COPIES):
        entries = np.arange(first, min(first + COPIES, value.size))
        moved = Move(value, len(entries), 0, entries, BATCH_AXES.get(name, 0))
        flat[entries] = _slopes(problem, Nudge({}), {name: moved}, len(entries))
    return flat.reshape(value.shape)


def of_parameter(problem: Any, name: str, entries: np.ndarray, only: list[Any] | None = None) -> np.ndarray:
    """Differentiate the loss by some entries of a parameter, one forward pass each.

    Parameters
    ----------
    problem : Problem
    name : str
    entries : (N,) int
        Places in the flattened parameter.
    only : list of keys, optional
        The arguments ``params`` in which it is moved; everywhere by default.

    Returns
    -------
    (N,) array
    """
    inputs = {key: _complex(array) for key, array in problem.inputs.items()}
    params = {key: _complex(array) for key, array in problem.params.items()}
    bare = name.rpartition(".")[2]
    found = []
    for entry in entries:
        moved = params[name].copy()
        moved.reshape(-1)[entry] += 1j * STEP
        if only is None:
            outputs = _run(problem, Nudge({}), inputs, {**params, name: moved})
        else:
            nudge = Nudge(dict.fromkeys(only, lambda taken, moved=moved: taken._replace(**{bare: moved})))
            outputs = _run(problem, nudge, inputs, params)
        found.append(sum(np.sum(np.imag(outputs[key]) * up) for key, up in problem.upstream.items()) / STEP)
    return np.array(found)


def _runs(wanted: list[Wanted]) -> Iterator[list[tuple[Wanted, np.ndarray]]]:
    """Share the entries of all nodes out among runs."""
    run, room = [], COPIES
    for one in wanted:
        first = 0
        while first < one.value.size:
            entries = np.arange(first, min(first + room, one.value.size))
            run.append((one, entries))
            first, room = first + len(entries), room - len(entries)
            if room == 0:
                yield run
                run, room = [], COPIES
    if run:
        yield run


def _slopes(problem, nudge, moved, copies):
    """Run the forward on copies of the batch; give the slope of the loss of each."""
    inputs = {}
    for name, array in problem.inputs.items():
        axis = BATCH_AXES.get(name, 0)
        tiled = _complex(np.concatenate([array] * copies, axis=axis))
        inputs[name] = moved[name](tiled) if name in moved else tiled
    params = {name: _complex(array) for name, array in problem.params.items()}
    outputs = _run(problem, nudge, inputs, params)
    total = np.zeros(copies)
    for name, upstream in problem.upstream.items():
        axis = BATCH_AXES.get(name, 0)
        rows = np.moveaxis(np.imag(outputs[name]), axis, 0).reshape(copies, -1)
        total += rows @ np.moveaxis(upstream, axis, 0).reshape(-1)
    return total / STEP


def _run(problem, nudge, inputs, params):
    """Run the forward with complex numbers; where they get lost no derivative is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        try:
            given = {name: array.copy() for name, array in inputs.items()}
            outputs, _ = problem.forward(problem.build(nudge), given, params)
        except (InputError, np.exceptions.ComplexWarning) as error:
            raise Unmoved(str(error)) from None
    if not all(np.iscomplexobj(outputs[name]) for name in problem.upstream):
        raise Unmoved("the forward drops the imaginary part")
    return outputs


def _complex(array):
    return array.astype(np.complex128) if array.dtype.kind == "f" else array
