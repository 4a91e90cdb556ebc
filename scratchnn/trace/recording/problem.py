"""What is recorded: an op with inputs, parameters and gradients from outside, to be run on a tape or nudged."""

import functools
from typing import Any

import numpy as np

from scratchnn import ops
from scratchnn.check.catalogue import planting
from scratchnn.misconceptions import Bug
from scratchnn.probe.tape import Instrumented, instrument

from .parts import Part

OPS = ("lstm", "gru", "rnn", "attention")
ARGUMENTS = {"lstm": ("x", "h0", "c0"), "gru": ("x", "h0"), "rnn": ("x", "h0"), "attention": ("q", "k", "v")}
DIGITS = 3  # behind the point of every number given: short to read and to store
BATCH_AXES = {"x": 1, "h": 1, "ids": 1}  # of inputs and outputs; 0 for all others


class Problem:
    """One of our ops on random inputs, with a random gradient from outside for every output.

    Parameters
    ----------
    op : str
    sizes : dict of str to int
        T, B, D, H.
    seed : int
        Draws inputs and parameters, then the gradients from outside.
    bug : Bug, optional
        Planted into the reference.
    score : str
        Of attention.
    """

    def __init__(
        self, op: str, sizes: dict[str, int], seed: int, bug: Bug | None = None, score: str = "scaled_dot"
    ) -> None:
        self.op, self.seed, self.bug = op, seed, bug
        self.room = getattr(ops, op)
        self.title, self.symbols = self.room.equations.TITLE, self.room.equations.SYMBOLS
        self.rng = np.random.default_rng(seed)
        self.options: dict[str, Any] = {}
        self.sizes = dict(sizes)
        if op == "attention":
            own = {name: sizes[of] for name, of in zip(("B", "Q", "S", "E", "F", "A"), "BTTDHH", strict=True)}
            self.sizes = {name: size for name, size in own.items() if name != "A" or score == "additive"}
            own["S"] += 1  # all sizes different, so that a transposed product cannot hide
            self.sizes["S"] = own["S"]
            own["E_q"] = own["E_k"] = own.pop("E")
            self.options, self.title = {"score": score}, f"Attention, score {score}"
            *arrays, params = self.room.sample(self.rng, score=score, **own)
        else:
            *arrays, params = self.room.sample(self.rng, scale=spread(sizes["H"]), **sizes)
        self.inputs = {name: np.round(array, DIGITS) for name, array in zip(ARGUMENTS[op], arrays, strict=True)}
        named = {} if params is None else params._asdict()
        self.params = {name: np.round(array, DIGITS) for name, array in named.items() if array is not None}
        self.upstream: dict[str, np.ndarray] = {}  # by output
        self.source = planting.source(bug) if bug else planting.source_of(op)
        self.parts: tuple[Part, ...] = ()
        self.steps = "step" in self.source and op != "attention"  # what a step adds to a parameter can be judged

    def build(self, runner: Any) -> dict[str, Any]:
        """Make the functions of a tape's or a nudge's source.

        Parameters
        ----------
        runner : Tape or Nudge

        Returns
        -------
        dict of str to dict
            Per op, the names of its module.
        """
        return {self.op: self.module(runner, self.op, self.source)}

    def module(self, runner: Any, op: str, source: str) -> dict[str, Any]:
        """Run one reference's source on a tape or a nudge, and remember which places are its own.

        Parameters
        ----------
        runner : Tape or Nudge
        op : str
        source : str

        Returns
        -------
        dict
        """
        code = rewritten(source, f"scratchnn/ops/{op}/reference.py")
        space = runner.run(code, {"__package__": f"scratchnn.ops.{op}"})
        self.claim(runner, op, code, False)
        return space

    def claim(self, runner: Any, op: str, code: Instrumented, free: bool) -> None:
        """Remember that the last places of a tape are those of an op.

        Parameters
        ----------
        runner : Tape or Nudge
        op : str
        code : Instrumented
        free : bool
            A user's source.
        """
        if hasattr(runner, "records"):
            end = len(runner.sites)
            module = getattr(ops, op).equations
            part = Part(op, listed(module, self.options.get("score")), end - len(code.sites), end, free)
            self.parts = (*self.parts, part)

    def forward(
        self, built: dict[str, Any], inputs: dict[str, np.ndarray], params: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], Any]:
        """Run the forward pass.

        Parameters
        ----------
        built : dict
            Of ``build``.
        inputs, params : dict of str to array

        Returns
        -------
        outputs : dict of str to array
            What the loss looks at.
        kept : object
            For ``backward``.
        """
        cache = built[self.op]["forward"](*inputs.values(), self.bundle(params), **self.options)
        return self.outputs(cache), cache

    def backward(
        self, built: dict[str, Any], kept: Any, upstream: dict[str, np.ndarray], params: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Run the backward pass.

        Parameters
        ----------
        built : dict
        kept : object
            Of ``forward``.
        upstream, params : dict of str to array

        Returns
        -------
        dict of str to array
            Gradients by the names of inputs and parameters.
        """
        grads = built[self.op]["backward"](*upstream.values(), kept, self.bundle(params))
        return {name: array for name, array in grads._asdict().items() if array is not None}

    def complex_safe(self) -> bool:
        """Whether a complex step gives true derivatives: of our ops, tests know.

        Returns
        -------
        bool
        """
        return True

    @property
    def bent(self) -> bool:
        """Whether the weights are laid out in another way than ours."""
        return False

    def outputs(self, cache: Any) -> dict[str, np.ndarray]:
        """Give what the loss looks at.

        Parameters
        ----------
        cache : Cache

        Returns
        -------
        dict of str to array
        """
        if self.op == "attention":
            return {"context": cache.context}
        found = {"h": cache.h[1:]}
        return found | {"c_last": cache.c[-1]} if self.op == "lstm" else found

    def draw_upstream(self, outputs: dict[str, np.ndarray]) -> None:
        """Draw a gradient from outside for every output.

        Parameters
        ----------
        outputs : dict of str to array
        """
        self.upstream = {name: np.round(self.rng.normal(size=array.shape), DIGITS) for name, array in outputs.items()}

    def bundle(self, params: dict[str, np.ndarray], op: str | None = None) -> Any:
        """Give parameters as the op wants them.

        Parameters
        ----------
        params : dict of str to array
        op : str, optional

        Returns
        -------
        Params or None
        """
        return getattr(ops, op or self.op).Params(**params) if params else None


def spread(H: int) -> float:
    """Say how widely weights are drawn: so that many units do not make a run that every rounding throws off course.

    Parameters
    ----------
    H : int

    Returns
    -------
    float
        Half, and from 16 units on less with the square root of their number.
    """
    return 0.5 * min(1.0, (16 / H) ** 0.5)


def listed(module: Any, score: str | None) -> tuple[tuple[str, Any], ...]:
    """List an op's equations with their phase; of attention, those of one score.

    Parameters
    ----------
    module : module
        An op's ``equations``.
    score : str or None

    Returns
    -------
    tuple of (str, Equation)
    """
    chosen = getattr(module, "SCORES", {}).get(score)
    return tuple(
        (phase, equation)
        for phase, those in (("forward", module.FORWARD), ("backward", module.BACKWARD))
        for equation in those
        if chosen is None or equation.number in chosen[phase]
    )


@functools.lru_cache(maxsize=64)
def rewritten(source: str, file: str) -> Instrumented:
    """Rewrite a source once.

    Parameters
    ----------
    source, file : str

    Returns
    -------
    Instrumented
    """
    return instrument(source, file)
