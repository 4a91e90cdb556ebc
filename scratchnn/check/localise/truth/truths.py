"""The true derivative by every value that a forward pass reads, makes and binds: complex steps through taps.

No line of a backward pass runs here. Values with the batch in them are moved in many copies of the batch at once,
others (parameters) one entry after the other.
"""

import contextlib
import inspect
import time
import warnings
from typing import Any, NamedTuple

import numpy as np

from scratchnn.probe.tape.moves import STEP, Move, Unmoved
from scratchnn.probe.tape.taps import Place, Seen, Taps

from ..source.stage import Built, Passes, Stage

COPIES = 256  # at once: more would leave the processor's cache
TIME_MAJOR = {"rnn", "lstm", "gru"}
BATCHED = {"x": 1, "h0": 0, "c0": 0, "mask": 1}  # of a recurrent op: the axis of the batch
UNBATCHED = {"params", "scale", "score", "causal", "need_alpha", "nonlinearity", "padding_id"}


class Truth(NamedTuple):
    """One value of the forward pass and the true derivative by it.

    Parameters
    ----------
    place : Place
    t : int or None
        Time step, or round of the loop.
    value : array
    grad : array or None
        None where no derivative was found.
    order : int
        In the order of the forward pass.
    """

    place: Place
    t: int | None
    value: np.ndarray
    grad: np.ndarray | None
    order: int


def truths(stage: Stage, passes: Passes, deadline: float) -> list[Truth]:
    """Differentiate by everything that passes a tap in the forward.

    Parameters
    ----------
    stage : Stage
    passes : Passes
    deadline : float
        Of ``time.process_time``; what is not done by then is left out.

    Returns
    -------
    list of Truth

    Raises
    ------
    Unmoved
        The forward is not complex-safe.
    """
    return _Truths(stage, passes, deadline).all()


def step_of(rounds: tuple[tuple[int, int, int], ...], steps: int | None, lengths: dict[int, int]) -> int | None:
    """Say which time step a place in loops belongs to.

    Parameters
    ----------
    rounds : tuple of (loop, round, number)
    steps : int or None
        How many time steps there are.
    lengths : dict
        How many rounds each loop makes.

    Returns
    -------
    int or None
        Of the loop with as many rounds as there are steps, else of the outermost.
    """
    if not rounds:
        return None
    fitting = [one for one in rounds if lengths.get(one[0]) == steps]
    return (fitting or rounds)[0][2]


class _Truths:
    def __init__(self, stage, passes, deadline):
        self.stage, self.passes, self.deadline = stage, passes, deadline
        self.looking = Taps(keep=True)
        outputs, _ = passes.forward(stage.tapped(self.looking, calm=False).backend)
        self.shapes = {name: np.shape(array) for name, array in outputs.items() if name in passes.upstream}
        self.seen = [one for one in self.looking.seen if one.value.size and np.isfinite(one.value).all()]
        self.taps = Taps()
        self.calm, self.built = self._safely()
        self.grads: dict[Any, np.ndarray] = {}

    def all(self):
        tiled = self._tileable()
        self._tiled([one for one in self.seen if one.key in tiled])
        self._by_products()
        self._by_pieces()
        left = [one for one in self.seen if one.key not in self.grads]
        self._single([one for one in left if not (tiled and one.place.kind in ("bound", "argument"))])
        lengths: dict[int, int] = {}
        for one in self.looking.seen:
            for loop, k, _ in one.rounds:
                lengths[loop] = max(lengths.get(loop, 0), k + 1)
        steps = steps_of(self.stage, self.passes)
        return [
            Truth(one.place, step_of(one.rounds, steps, lengths), one.value, self.grads.get(one.key), order)
            for order, one in enumerate(self.seen)
        ]

    def _safely(self):
        """Build it for complex numbers: with NumPy as it is, or with one whose buffers are complex."""
        built = self.stage.tapped(self.taps, calm=False)
        try:
            self._run(built, 1)
            return False, built
        except (np.exceptions.ComplexWarning, TypeError, Unmoved):
            self.taps = Taps()
            return True, self.stage.tapped(self.taps)

    def _tileable(self):
        """Find which values hold the batch: with two copies of it they grow."""
        if self.stage.student.op == "cross_entropy":
            return set()  # its mean ties the samples together
        taps = Taps(keep=True)
        built = self.stage.tapped(taps, calm=self.calm)
        try:
            self._run(built, 2)
        except Exception:  # whatever a student's code makes of another batch size
            return set()
        shapes = {one.key: one.value.shape for one in taps.seen}
        if shapes.keys() != {one.key for one in self.looking.seen}:
            return set()
        return {one.key for one in self.seen if sum(shapes[one.key]) > sum(one.value.shape)}

    def _run(self, built: Built, copies: int):
        """Run the forward with complex numbers, on copies of the batch; give Im(loss) of each copy."""
        plan = inspect.signature(self.stage.reference.forward)
        backend = dict(built.backend)
        for name in ("forward", "log_forward"):
            if name in backend:
                backend[name] = self._tiling(backend[name], plan, copies)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            with self._wide(copies):
                outputs, _ = self.passes.forward(backend)
        total = np.zeros(copies)
        for name, upstream in self.passes.upstream.items():
            output = np.asarray(outputs[name])
            if not np.iscomplexobj(output):
                raise Unmoved("the forward drops the imaginary part")
            axis = next((k for k, n in enumerate(self.shapes[name]) if output.shape[k] != n), 0)
            imaginary = np.imag(output)
            if copies == 1:
                total += np.sum(imaginary * upstream)
            else:
                rows = np.moveaxis(imaginary, axis, 0).reshape(copies, -1)
                total += rows @ np.moveaxis(upstream, axis, 0).reshape(-1)
        return total / STEP

    @contextlib.contextmanager
    def _wide(self, copies):
        """Tell the adapter that outputs come for so many copies of the batch."""
        shapes = getattr(self.stage.adapter, "shapes", {})
        usual = dict(shapes)
        for name, shape in usual.items():
            axis = 1 if self.stage.student.op in TIME_MAJOR and len(shape) == 3 else 0
            shapes[name] = (*shape[:axis], copies * shape[axis], *shape[axis + 1 :]) if shape else shape
        try:
            yield
        finally:
            shapes.update(usual)

    def _tiling(self, forward, plan, copies):
        recurrent = self.stage.student.op in TIME_MAJOR

        def call(*arguments, **options):
            bound = plan.bind(*arguments, **options)
            for name, value in bound.arguments.items():
                if name == "params" and value is not None:
                    bound.arguments[name] = type(value)(*map(_complex, value))
                elif isinstance(value, np.ndarray):
                    axis = BATCHED[name] if recurrent else 0
                    once = copies == 1 or (name == "mask" and value.shape[axis] == 1)
                    tiled = value if once else np.concatenate([value] * copies, axis=axis)
                    bound.arguments[name] = tiled if name == "weight" else _complex(tiled)  # weights are constants
            return forward(*bound.args, **bound.kwargs)

        return call

    def _tiled(self, wanted: list[Seen]):
        run, room = [], COPIES
        for one in wanted:
            if room < one.value.size:
                self._tiled_run(run)
                run, room = [], COPIES
            run.append(one)
            room -= one.value.size
        self._tiled_run(run)

    def _tiled_run(self, run):
        if not run or time.process_time() > self.deadline:
            return
        copies, start = max(2, sum(one.value.size for one in run)), 0
        moves = {}
        for one in run:
            moves[one.key] = Move(one.value, copies, start, np.arange(one.value.size))
            start += one.value.size
        self.taps.forget()
        self.taps.moves = moves
        try:
            slopes = self._run(self.built, copies)
        except Unmoved:
            if len(run) > 1:
                middle = len(run) // 2
                self._tiled_run(run[:middle])
                self._tiled_run(run[middle:])
            return
        start = 0
        for one in run:
            if one.key in self.taps.met:
                self.grads[one.key] = slopes[start : start + one.value.size].reshape(one.value.shape)
            start += one.value.size

    def _by_products(self):
        """Finish what stands in a product or a sum whose derivative is known: A @ W gives dW = A.T @ d(A @ W).

        Each is held against one complex step along a random direction.
        """
        values = {one.key: one.value for one in self.looking.seen}
        rng = np.random.default_rng(1)
        for one in reversed(self.seen):
            if one.place.operator and one.key in self.grads:
                keys = [(place, one.key[1]) for place in one.place.operands]
                for side, key in enumerate(keys):
                    if key in values and key not in self.grads:
                        other = values.get(keys[1 - side]) if len(keys) > 1 else None
                        grad = _through(one.place.operator, side, self.grads[one.key], values[key], other)
                        if grad is not None:
                            way = rng.normal(size=grad.shape)
                            if np.isclose(self._slope(key, way), np.sum(grad * way), rtol=1e-9, atol=1e-12):
                                self.grads[key] = grad

    def _by_pieces(self):
        """Finish what is cut into blocks of columns whose derivatives are known; held against a complex step."""
        rng = np.random.default_rng(2)
        for k, one in enumerate(self.seen):
            if one.key in self.grads or one.place.kind != "read" or one.value.ndim not in (1, 2):
                continue
            near = [piece for piece in self.seen[k + 1 :] if piece.rounds == one.rounds and piece.key in self.grads]
            grad = _assembled(one.value, [(piece.value, self.grads[piece.key]) for piece in near])
            if grad is not None:
                way = rng.normal(size=grad.shape)
                if np.isclose(self._slope(one.key, way), np.sum(grad * way), rtol=1e-9, atol=1e-12):
                    self.grads[one.key] = grad

    def _single(self, wanted):
        rng = np.random.default_rng(0)
        for one in wanted:
            if time.process_time() > self.deadline:
                return
            try:
                self.grads[one.key] = self._entries(one, rng)
            except (np.exceptions.ComplexWarning, TypeError):  # on its way a complex number is of no use
                continue

    def _entries(self, one, rng):
        """Move one entry after the other, if the loss depends on any."""
        grad = np.zeros(one.value.shape)
        if self._slope(one.key, rng.normal(size=one.value.shape)) != 0:
            flat = grad.reshape(-1)
            for k in range(flat.size):
                way = np.zeros(flat.size)
                way[k] = 1
                flat[k] = self._slope(one.key, way.reshape(one.value.shape))
        return grad

    def _slope(self, key, way):
        self.taps.forget()
        self.taps.moves = {key: lambda value: value + 1j * STEP * way}
        return self._run(self.built, 1)[0]


def _through(operator, side, grad, value, other):
    """Take a derivative through an operation to its operand on one side."""
    if operator == "T":
        return grad.T if value.ndim == 2 else None
    if operator == "+":
        while grad.ndim > value.ndim:
            grad = grad.sum(axis=0)
        return grad if grad.shape == value.shape else None
    if other is None or value.ndim != 2:
        return None
    if side == 1:
        return other.reshape(-1, value.shape[0]).T @ grad.reshape(-1, value.shape[1])
    return grad @ other.T if other.ndim == 2 else np.outer(grad, other) if other.ndim == 1 else None


def _assembled(whole, pieces):
    """Put derivatives by blocks of columns side by side; None if they do not make up the whole."""
    grad, covered = np.zeros(whole.shape), np.zeros(whole.shape[-1], dtype=bool)
    for value, part in pieces:
        if value.ndim != whole.ndim or value.shape[:-1] != whole.shape[:-1] or value.shape == whole.shape:
            continue
        width = value.shape[-1]
        for first in range(0, whole.shape[-1] - width + 1, width):
            if np.array_equal(whole[..., first : first + width], value):
                grad[..., first : first + width] += part
                covered[first : first + width] = True
    return grad if covered.all() else None


def steps_of(stage: Stage, passes: Passes) -> int | None:
    """Give the number of time steps, None where there is no time."""
    return len(passes.inputs["x"]) if stage.student.op in TIME_MAJOR else None


def _complex(array):
    if isinstance(array, np.ndarray) and array.dtype.kind == "f":
        return array.astype(np.complex128)
    return array
