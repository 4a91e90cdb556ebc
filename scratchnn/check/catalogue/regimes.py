"""The weak ways in which people check gradients, as data, and which known mistakes escape them.

Every regime weakens one thing of the ordinary check and keeps the rest. Each is given the exact derivative to compare
with (the complex step), which is more than most people have: what escapes, escapes by the regime's design and not by
the noise of its differences. The derivative of every output by every input is taken once for each form of an op and
each choice of sizes; after that only the wrong backward passes run.
"""

import functools
import zlib
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

import numpy as np

from scratchnn import ops
from scratchnn.errors import InputError
from scratchnn.misconceptions import Bug

from .. import conduct
from . import planting, verdicts
from .forms import FORMS, SIZES, WIDTHS, Form
from .verdicts import Case

RECURRENT = ("rnn", "lstm", "gru")
WEIGHTS = (*RECURRENT, "attention", "linear", "embedding")
STEP = 1e-30
LOSS = "loss went down"


class Regime(NamedTuple):
    """One way to check gradients: which inputs and upstream gradients are used, and what counts as right."""

    name: str
    what: str  # it does
    why: str  # mistakes escape it
    sizes: tuple[tuple[str, int], ...] = ()  # those that differ from ours
    weights: float = 0.5  # their standard deviation
    states: float = 0.5  # that of the initial states
    upstream: str = "random"  # or "ones", "mean", "last"
    dtype: str = "float64"
    verdict: str = "exact"  # a key of ``verdicts.VERDICTS``, or LOSS
    watched: bool = True  # called twice, and nothing that it was given may change
    ops: tuple[str, ...] | None = None  # it makes sense for; None: all


REGIMES = (
    Regime("ours", "sizes that differ, T = 3, states, random upstream on every output, 1e-10, watched",
           "nothing is left to chance"),
    Regime("T = 1", "a single time step", "nothing is carried, so nothing carried can be wrong",
           sizes=(("T", 1),), ops=RECURRENT),
    Regime("B = 1", "one sequence, so no padding", "a sum over the batch has one term", sizes=(("B", 1),)),
    Regime("H = D = 1", "every width 1", "a 1 x 1 matrix is its own transpose",
           sizes=tuple((width, 1) for width in WIDTHS), ops=WEIGHTS),
    Regime("S = 1", "one key", "the softmax of one score is 1 and its gradient 0, whatever the formula",
           sizes=(("S", 1),), ops=("attention",)),
    Regime("square", "all sizes 3", "wrong operands fit, so only their numbers can show it",
           sizes=tuple((size, 3) for size in SIZES)),
    Regime("summed loss", "upstream gradients of ones", "swapped, ignored or constant upstreams look alike",
           upstream="ones"),
    Regime("last state only", "a loss of the last state alone", "nothing comes in at the steps before",
           upstream="last", ops=RECURRENT),
    Regime("zero states", "initial states of zero", "what is multiplied with them at the first step is zero",
           states=0.0, ops=RECURRENT),
    Regime("tiny weights, 1e-2", "weights of 0.01, np.allclose with rtol = atol = 1e-2",
           "everything is nearly linear, so slopes are 1 and wrong terms are small",
           weights=0.01, states=0.01, verdict="within 1e-2", ops=WEIGHTS),
    Regime("1e-2", "np.allclose with rtol = atol = 1e-2", "an absolute tolerance forgives small gradients",
           verdict="within 1e-2"),
    Regime("mean loss, 1e-2", "the mean of all outputs, np.allclose with rtol = atol = 1e-2",
           "a mean makes gradients small, and an absolute tolerance forgives small gradients",
           upstream="mean", verdict="within 1e-2"),
    Regime("float32, 1e-3", "float32, np.allclose with rtol = atol = 1e-3",
           "an absolute tolerance forgives small gradients", dtype="float32", verdict="within 1e-3"),
    Regime("called once", "the numbers only, to 1e-10", "what is spoiled is needed only by the next who reads it",
           watched=False),
    Regime("one entry", "one random entry of each array within 1e-2, on a summed output",
           "most entries are not looked at, and ones hide what cancels",
           upstream="ones", verdict="one entry", watched=False),
    Regime("direction", "the cosine of all gradients as one vector above 0.99",
           "a wrong length is no wrong direction, and a small part hardly turns a long vector",
           verdict="direction", watched=False),
    Regime("loss went down", "20 steps of gradient descent", "any slope that leads downhill will do",
           verdict=LOSS, watched=False),
    Regime("not zero", "every gradient finite, with an entry that is not 0", "a wrong number is not zero either",
           verdict="not zero", watched=False),
    Regime("shapes agree", "every gradient has the shape of its array", "a wrong number has the same shape",
           verdict="shapes", watched=False),
)  # fmt: skip


class Table(NamedTuple):
    """Who is caught by what."""

    bugs: tuple[Bug, ...]
    regimes: tuple[Regime, ...]
    caught: tuple[tuple[bool | None, ...], ...]  # a row for every bug; None where the regime does not apply

    def column(self, regime: str) -> dict[str, bool | None]:
        """Give one regime's answers.

        Parameters
        ----------
        regime : str

        Returns
        -------
        dict of str to bool or None
            Bug id to caught, escaped, or not applicable.
        """
        k = [known.name for known in self.regimes].index(regime)
        return {bug.id: row[k] for bug, row in zip(self.bugs, self.caught, strict=True)}

    def escaped(self, regime: str) -> tuple[Bug, ...]:
        """List the bugs that a regime lets through.

        Parameters
        ----------
        regime : str

        Returns
        -------
        tuple of Bug
        """
        answers = self.column(regime)
        return tuple(bug for bug in self.bugs if answers[bug.id] is False)


def regime(name: str) -> Regime:
    """Find a regime.

    Parameters
    ----------
    name : str

    Returns
    -------
    Regime

    Raises
    ------
    InputError
        None is called that.
    """
    for known in REGIMES:
        if known.name == name:
            return known
    raise InputError(f"regimes: nothing is called {name!r}, expected one of {', '.join(r.name for r in REGIMES)}")


def who_is_caught(bugs: Sequence[Bug] | None = None, regimes: Sequence[Regime] | None = None, seed: int = 0) -> Table:
    """Hold every known mistake against every way of checking.

    Parameters
    ----------
    bugs : sequence of Bug, optional
        The whole catalogue by default.
    regimes : sequence of Regime, optional
        All by default.
    seed : int
        Draws inputs and upstream gradients.

    Returns
    -------
    Table
        A bug counts as caught if any form of its op shows it, a crash included.
    """
    bugs = tuple(planting.bugs() if bugs is None else bugs)
    regimes = tuple(REGIMES if regimes is None else regimes)
    cases = functools.cache(lambda form, regime: make_case(form, regime, seed))
    rows = []
    for bug in bugs:
        module, answers = planting.plant(bug), {}
        forms = [form for form in FORMS if form.op == planting.room_of(bug)]
        rows.append(tuple(_caught(module, forms, regime, cases, answers) for regime in regimes))
    return Table(bugs, regimes, tuple(rows))


def accepts(regime: Regime, case: Case, module: ModuleType, answers: dict | None = None) -> bool:
    """Say whether a regime lets a module's backward pass.

    Parameters
    ----------
    regime : Regime
    case : Case
        Of ``make_case`` with this regime.
    module : module
        With the functions of the op's reference.
    answers : dict, optional
        What the module has answered so far; regimes that ask the same share an answer.

    Returns
    -------
    bool
    """
    answers = {} if answers is None else answers
    asked = (case.form, regime.sizes, regime.weights, regime.states, regime.upstream, regime.dtype)
    if asked not in answers:
        answers[asked] = verdicts.answer(case, module)
    found = answers[asked]
    if found.grads is None or (regime.watched and not found.behaved):
        return False
    if regime.verdict == LOSS:  # a right gradient goes down without being asked to
        right = found.behaved and verdicts.exact(case, found.grads)
        return right or verdicts.loss_went_down(case, module)
    return verdicts.VERDICTS[regime.verdict](case, found.grads)


def _caught(module, forms, regime, cases, answers):
    if regime.ops is not None and forms[0].op not in regime.ops:
        return None
    return not all(accepts(regime, cases(form, regime), module, answers) for form in forms)


def make_case(form: Form, regime: Regime, seed: int = 0) -> Case:
    """Draw what a regime looks at, and the exact derivative there.

    Parameters
    ----------
    form : Form
    regime : Regime
    seed : int

    Returns
    -------
    Case
    """
    inputs, outputs, jacobian = _measured(form, regime.sizes, regime.weights, regime.states, seed)
    upstream = _upstream(outputs, regime.upstream, seed)
    flat = np.concatenate([array.ravel() for array in upstream.values()])
    truth = {name: (rows @ flat).reshape(inputs[name].shape) for name, rows in jacobian.items()}
    if regime.dtype != "float64":
        inputs, upstream = (
            {name: _as(regime.dtype, array) for name, array in arrays.items()} for arrays in (inputs, upstream)
        )
    return Case(form, inputs, upstream, truth, zlib.crc32(f"{form.name} {seed}".encode()))


@functools.lru_cache(maxsize=512)
def _measured(form, sizes, weights, states, seed):
    """Draw inputs; give them, the outputs, and for each input the rows d outputs / d entry by the complex step."""
    rng = np.random.default_rng([seed, zlib.crc32(form.name.encode())])
    inputs = form.draw(rng, SIZES | dict(sizes), weights, states)
    right = ops.backend(getattr(ops, form.op), "reference")
    outputs, _ = form.forward(right, inputs)
    names = [name for name, array in inputs.items() if isinstance(array, np.ndarray) and array.dtype.kind == "f"]
    work = {name: array.astype(complex) if name in names else array for name, array in inputs.items()}
    jacobian = {}
    for name in names:
        rows = []
        for index in np.ndindex(inputs[name].shape):
            kept = work[name][index]
            work[name][index] = kept + complex(0, STEP)
            moved, _ = form.forward(right, work)
            rows.append(np.concatenate([np.imag(array).ravel() for array in moved.values()]) / STEP)
            work[name][index] = kept
        jacobian[name] = np.array(rows)
    return inputs, outputs, jacobian


def _upstream(outputs, kind, seed):
    if kind in ("ones", "mean"):
        share = {name: 1.0 if kind == "ones" else 1 / np.size(array) for name, array in outputs.items()}
        return {name: np.full(np.shape(array), share[name]) for name, array in outputs.items()}
    upstream = conduct.draw_upstream(outputs, seed)
    if kind == "last":
        for name, array in upstream.items():
            array[: -1 if name == "h" else None] = 0
    return upstream


def _as(dtype, array):
    return array.astype(dtype) if isinstance(array, np.ndarray) and array.dtype.kind == "f" else array
