"""An experiment: networks trained with wrong gradients learn all the same, so training proves nothing.

A small recurrent network reads ten symbols and names one of them: the last (easy) or the first (which it must
remember). Embedding, initial states, output layer and loss are right; only the backward pass of the recurrent op is
one of the catalogue's wrong ones. Weights, batches and optimiser are the same for all.
"""

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import numpy as np

from scratchnn import ops
from scratchnn.errors import InputError
from scratchnn.misconceptions import Bug
from scratchnn.ops import cross_entropy, embedding, linear
from scratchnn.training import Adam

from . import planting

CELLS = ("rnn", "lstm", "gru")
SYMBOLS, STEPS_IN, BATCH, UNITS, RATE = 4, 10, 32, 12, 0.02
HALVED, SOLVED = 0.5, 0.05  # of the loss of guessing, ln(SYMBOLS)
LAST = 10  # the final loss is the mean of that many steps


class Task(NamedTuple):
    """What is to be named after ten symbols."""

    name: str
    title: str
    place: int  # of the symbol that is asked for
    steps: int  # of training


TASKS = (
    Task("last", "name the last symbol (easy)", -1, 90),
    Task("first", "name the first symbol (memory)", 0, 200),
)


class Run(NamedTuple):
    """One training run; ``bug`` is None for the right gradient."""

    bug: Bug | None
    losses: np.ndarray  # (steps,), NaN after an overflow
    differs: bool  # from the run with the right gradient, anywhere

    @property
    def final(self) -> float:
        """The loss at the end, as a share of that of guessing."""
        return float(np.mean(self.losses[-LAST:]) / np.log(SYMBOLS))

    @property
    def halved(self) -> bool:
        """True if less than half of the loss of guessing is left."""
        return self.final < HALVED

    @property
    def solved(self) -> bool:
        """True if less than a twentieth of the loss of guessing is left."""
        return self.final < SOLVED


def still_trains(
    op: str = "lstm",
    seed: int = 0,
    *,
    bugs: tuple[Bug, ...] | None = None,
    steps: int | None = None,
    told: Callable[[str], object] = str,
) -> dict[Task, list[Run]]:
    """Train with the right gradient and with every known-wrong one.

    Parameters
    ----------
    op : {"rnn", "lstm", "gru"}
    seed : int
        Draws weights and batches, the same for all runs.
    bugs : tuple of Bug, optional
        All of the op by default.
    steps : int, optional
        Of training; each task has its own by default.
    told : function
        Called with the name of each run before it begins.

    Returns
    -------
    dict of Task to list of Run
        The right gradient's run comes first. Some bugs are never met by these tasks (there is no padding, and no
        loss looks at the final cell state): their runs do not differ from the right one.

    Raises
    ------
    InputError
        The op is not recurrent.
    """
    if op not in CELLS:
        raise InputError(f"still_trains: op is {op!r}, expected one of {', '.join(CELLS)}")
    modules = {None: ops.backend(getattr(ops, op), "reference")}
    modules |= {bug: planting.plant(bug) for bug in (planting.bugs(op) if bugs is None else bugs)}
    found = {}
    for task in TASKS:
        runs = []
        for bug, module in modules.items():
            told(f"{task.name}: {bug.id if bug else 'the right gradient'}")
            losses = train(op, module, task, seed, steps)
            runs.append(Run(bug, losses, bool(runs) and not np.array_equal(losses, runs[0].losses, equal_nan=True)))
        found[task] = runs
    return found


def train(op: str, module: ModuleType, task: Task, seed: int = 0, steps: int | None = None) -> np.ndarray:
    """Train one small network whose recurrent op is computed by ``module``.

    Parameters
    ----------
    op : {"rnn", "lstm", "gru"}
    module : module
        With the functions of the op's reference.
    task : Task
    seed : int
    steps : int, optional
        The task's by default.

    Returns
    -------
    (steps,)
        The loss of every batch before its update; NaN after an overflow.
    """
    rng = np.random.default_rng(seed)
    params = _initial(op, rng)
    optimizer = Adam(params, lr=RATE)
    losses = np.full(steps or task.steps, np.nan)
    with np.errstate(all="ignore"):  # a wrong gradient may overflow; the loss then says so
        for step in range(len(losses)):
            ids = rng.integers(SYMBOLS, size=(STEPS_IN, BATCH))
            losses[step], grads = _loss_and_grads(op, module, params, ids, ids[task.place])
            if not np.isfinite(losses[step]):
                break
            optimizer.step(grads)
    return losses


def _initial(op, rng):
    """Start as is usual: orthogonal recurrent blocks, symbols apart from each other, forget gates open."""
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[op]
    reach = 1 / np.sqrt(UNITS)

    def draw(*shape):
        return rng.uniform(-reach, reach, size=shape)

    blocks = [np.linalg.qr(rng.normal(size=(UNITS, UNITS)))[0] for _ in range(gates)]
    params = {"embedding": 2 * np.eye(SYMBOLS), "h0": draw(1, UNITS), "c0": draw(1, UNITS)}
    params |= {"W_x": draw(SYMBOLS, gates * UNITS), "W_h": np.hstack(blocks), "b": draw(gates * UNITS)}
    if op == "lstm":
        params["b"][UNITS : 2 * UNITS] += 1
    return params | {"b_hn": draw(UNITS), "W": draw(UNITS, SYMBOLS), "bias": np.zeros(SYMBOLS)}


def _loss_and_grads(op, module, params, ids, targets):
    """Go forward and back once: only the lines that call ``module`` can be wrong."""
    states = ("h0", "c0") if op == "lstm" else ("h0",)
    rows, weights = embedding.Params(params["embedding"]), linear.Params(params["W"], params["bias"])
    cell = module.Params(*(params[name] for name in module.Params._fields))
    looked_up = embedding.reference.forward(ids, rows)
    initial = [np.repeat(params[name], BATCH, axis=0) for name in states]
    read = module.forward(looked_up.y, *initial, cell)
    named = linear.reference.forward(read.h[-1], weights)
    scored = cross_entropy.reference.forward(named.y, targets)

    g_linear = linear.reference.backward(cross_entropy.reference.backward(scored).logits, named, weights)
    dh = np.zeros_like(read.h[1:])
    dh[-1] = g_linear.x
    dc_last = [np.zeros_like(initial[0])] if op == "lstm" else []
    g = module.backward(dh, *dc_last, read, cell)._asdict()
    grads = {name: np.zeros_like(array) for name, array in params.items()}
    grads |= {name: np.asarray(g[name]) for name in cell._fields}
    grads |= {name: g[name].sum(axis=0, keepdims=True) for name in states}
    grads |= {"embedding": embedding.reference.backward(g["x"], looked_up, rows).W}
    return float(scored.loss), grads | {"W": g_linear.W, "bias": g_linear.b}
