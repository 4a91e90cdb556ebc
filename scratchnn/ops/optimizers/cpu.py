"""Optimisers for the CPU. See reference.sgd, adam, adamw, adagrad and rmsprop.

Optimizations
-------------
- One pass over memory: some numbers of a parameter and its state are read, updated and written while they are in
  registers. NumPy makes a pass, and an array, for every operation: 14 for AdamW.
- All parameters in one call: a table says where their arrays lie (jit/rows.py), made once and used as long as the
  arrays are the same. The article's model has five parameters of 2 to 1600 numbers: five calls cost more than the
  work.
- ``..._into`` writes into the parameter and the state: nothing is allocated. The others copy first, and so stay pure.
- Large parameters are cut into pieces, which are split over threads.
The arithmetic is the reference's, operation by operation (formula.py).
"""

from operator import is_
from typing import Any, NamedTuple

import numpy as np

from scratchnn import jit
from scratchnn.jit.rows import over_table, row_loop

from . import reference
from .cpu_rules import RULES
from .reference import (
    AdagradState,
    AdamState,
    RMSpropState,
    SGDState,
    adagrad_start,
    adam_start,
    rmsprop_start,
    sgd_start,
)

COST = 20.0  # operations that one number costs, to judge whether threads pay
PIECE = 2**16  # numbers that one thread does at once


class Ready(NamedTuple):
    """Parameters that take their step in one call: what was found out about their arrays."""

    formula: Any
    arrays: list[np.ndarray]  # p, gradient and state of each parameter; empty if one had to be copied
    numbers: np.ndarray  # (parameters, settings): what the rows of the table read
    table: np.ndarray  # a row for each piece: how many numbers, the addresses of arrays and settings
    begun: int  # the table's address
    cost: float  # operations of one step
    run: Any
    kept: list[np.ndarray]  # what the addresses belong to


def fits(p: np.ndarray, grad: np.ndarray, state: tuple) -> bool:
    """Say whether the ``..._into`` functions can take these arrays, beside the reference's own conditions.

    Parameters
    ----------
    p, grad : array
    state : tuple
        Of the parameter.

    Returns
    -------
    bool
        All are of one precision, float32 or float64, and of one shape; those to write lie in one piece.
    """
    dtype, shape = p.dtype, p.shape
    if dtype not in jit.DTYPES or not isinstance(grad, np.ndarray) or grad.dtype != dtype or grad.shape != shape:
        return False
    return p.flags.carray and all(
        array.dtype == dtype and array.shape == shape and array.flags.carray
        for array in state
        if isinstance(array, np.ndarray)
    )


def sgd_into(p, grad, state, **settings):
    """Do what ``sgd`` does in place, for arrays that pass ``fits``; returns the new state."""
    return all_into("sgd", [(p, grad, state)], [settings])[0][0]


def adam_into(p, grad, state, **settings):
    """Do what ``adam`` does in place, for arrays that pass ``fits``; returns the new state."""
    return all_into("adam", [(p, grad, state)], [settings])[0][0]


def adamw_into(p, grad, state, **settings):
    """Do what ``adamw`` does in place, for arrays that pass ``fits``; returns the new state."""
    return all_into("adamw", [(p, grad, state)], [settings])[0][0]


def adagrad_into(p, grad, state, **settings):
    """Do what ``adagrad`` does in place, for arrays that pass ``fits``; returns the new state."""
    return all_into("adagrad", [(p, grad, state)], [settings])[0][0]


def rmsprop_into(p, grad, state, **settings):
    """Do what ``rmsprop`` does in place, for arrays that pass ``fits``; returns the new state."""
    return all_into("rmsprop", [(p, grad, state)], [settings])[0][0]


def all_into(
    rule: str, given: list[tuple], settings: list[dict[str, Any]], ready: Ready | None = None
) -> tuple[list[Any], Ready]:
    """Let parameters of one precision take one step each, in place.

    Parameters
    ----------
    rule : str
        "sgd", "adam", "adamw", "adagrad" or "rmsprop".
    given : list of (p, grad, state)
        All must pass ``fits``.
    settings : list of dict
        Of each, as the function ``rule`` takes them.
    ready : Ready, optional
        What the step before gave, if ``same`` says that the arrays are those of that step.

    Returns
    -------
    states : list of tuple
        The new ones, with the arrays of the old ones.
    ready : Ready
        For the next step.
    """
    told = [RULES[rule](state, **its) for (_, _, state), its in zip(given, settings, strict=True)]
    formula, states, numbers = told[0][0], [state for _, state, _ in told], [numbers for _, _, numbers in told]
    if ready is None or ready.formula is not formula:
        ready = _ready(formula, given, len(numbers[0]))
    ready.numbers[...] = numbers
    begun, pieces, row = ready.begun, len(ready.table), ready.table.strides[0]
    if pieces <= len(given):
        ready.run(pieces, begun)
    else:
        jit.split(lambda begin, end: ready.run(end - begin, begun + begin * row), pieces, ready.cost)
    return states, ready


def same(given: list[tuple], ready: Ready) -> bool:
    """Say whether these are the very arrays of the step before, and may still be written.

    Parameters
    ----------
    given : list of (p, grad, state)
    ready : Ready

    Returns
    -------
    bool
    """
    arrays = _arrays(given)
    known = len(arrays) == len(ready.arrays) and all(map(is_, arrays, ready.arrays))
    return known and all([p.flags.writeable for p, _, _ in given])


def _arrays(given):
    return [array for p, grad, state in given for array in (p, grad, *state) if isinstance(array, np.ndarray)]


def _ready(formula, given, settings):
    """Find the addresses."""
    arrays = _arrays(given)
    dtype = given[0][0].dtype
    numbers, kept, rows = np.empty((len(given), settings), dtype), [], []
    for k, (p, grad, state) in enumerate(given):
        its = [p, *(array for array in state if isinstance(array, np.ndarray)), jit.plain(grad, dtype)]
        kept += its
        where = [array.ctypes.data for array in its]
        read = [numbers[k:, j:].ctypes.data for j in range(settings)]
        for begin in range(0, p.size, PIECE):
            at = [place + begin * dtype.itemsize for place in where]
            rows.append([min(PIECE, p.size - begin), *at, *read])
    table = np.array(rows, np.int64).reshape(-1, 1 + len(its) + settings)
    kinds = "w" * (len(its) - 1) + "v" + "n" * settings
    copied = len(set(map(id, kept)) - set(map(id, arrays))) > 0
    run = over_table(row_loop(formula, kinds, dtype, table=True))
    cost = COST * float(table[:, 0].sum())
    return Ready(formula, [] if copied else arrays, numbers, table, table.ctypes.data, cost, run, kept)


def sgd(
    p: np.ndarray,
    grad: np.ndarray,
    state: SGDState | None = None,
    *,
    lr: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> tuple[np.ndarray, SGDState]:
    """Take one step of gradient descent. See reference.sgd."""
    settings = {"lr": lr, "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
    return _pure(reference.sgd, sgd_into, sgd_start, p, grad, state, settings)


def adam(
    p: np.ndarray,
    grad: np.ndarray,
    state: AdamState | None = None,
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> tuple[np.ndarray, AdamState]:
    """Take one step of Adam. See reference.adam."""
    settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
    return _pure(reference.adam, adam_into, adam_start, p, grad, state, settings)


def adamw(
    p: np.ndarray,
    grad: np.ndarray,
    state: AdamState | None = None,
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> tuple[np.ndarray, AdamState]:
    """Take one step of AdamW. See reference.adamw."""
    settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
    return _pure(reference.adamw, adamw_into, adam_start, p, grad, state, settings)


def adagrad(
    p: np.ndarray,
    grad: np.ndarray,
    state: AdagradState | None = None,
    *,
    lr: float,
    lr_decay: float = 0.0,
    eps: float = 1e-10,
    weight_decay: float = 0.0,
) -> tuple[np.ndarray, AdagradState]:
    """Take one step of Adagrad. See reference.adagrad."""
    settings = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay}
    return _pure(reference.adagrad, adagrad_into, adagrad_start, p, grad, state, settings)


def rmsprop(
    p: np.ndarray,
    grad: np.ndarray,
    state: RMSpropState | None = None,
    *,
    lr: float,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
) -> tuple[np.ndarray, RMSpropState]:
    """Take one step of RMSprop. See reference.rmsprop."""
    settings = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}
    settings |= {"momentum": momentum, "centered": centered}
    return _pure(reference.rmsprop, rmsprop_into, rmsprop_start, p, grad, state, settings)


def _pure(by_reference, into, start, p, grad, state, settings):
    """Copy what ``into`` would write; arrays that are none for kernels go to the reference."""
    numbers = isinstance(p, np.ndarray) and all(_is_python(value) for value in settings.values())
    if not numbers or p.dtype not in jit.DTYPES:
        return by_reference(p, grad, state, **settings)
    p_new = np.array(p, order="C", subok=False)
    begun = start(p_new) if state is None else state
    copied = (np.array(value, order="C") if isinstance(value, np.ndarray) else value for value in begun)
    copied = type(begun)(*copied)
    if not fits(p_new, grad, copied):
        return by_reference(p, grad, state, **settings)
    return p_new, into(p_new, grad, copied, **settings)


def _is_python(value):
    """Say whether a setting is a Python number, which leaves float32 alone; NumPy's would not."""
    return all(map(_is_python, value)) if isinstance(value, tuple) else type(value) in (float, int, bool)
