"""What is recorded of a model made of our ops: embedding -> LSTM -> attention -> linear -> loss."""

import inspect
from typing import Any

import numpy as np

from scratchnn import ops
from scratchnn.check.catalogue import planting
from scratchnn.misconceptions import Bug

from . import model_of_ops
from .parts import Part
from .problem import DIGITS, Problem, rewritten, spread

PARTS = ("embedding", "lstm", "attention", "linear", "cross_entropy")
ENTRIES, CLASSES = 6, 3


class ModelProblem(Problem):
    """The model on random ids. Its loss is the mean cross-entropy.

    Parameters
    ----------
    sizes : dict of str to int
        T, B, D, H.
    seed : int
    bug : Bug, optional
        Of one of the parts.
    score : str
        Of the attention.
    """

    def __init__(self, sizes: dict[str, int], seed: int, bug: Bug | None = None, score: str = "scaled_dot") -> None:
        self.op, self.seed, self.bug, self.steps = "model", seed, bug, True
        self.title = "Embedding, LSTM, attention, linear map, cross-entropy"
        self.sizes = {**sizes, "V": ENTRIES, "C": CLASSES}
        self.options = {"score": score}
        self.symbols = tuple(symbol for op in PARTS for symbol in getattr(ops, op).equations.SYMBOLS)
        rng = np.random.default_rng(seed)
        T, B, D, H = (sizes[name] for name in "TBDH")
        self.inputs = {"ids": rng.integers(0, ENTRIES, (T, B)), "targets": rng.integers(0, CLASSES, B)}
        shapes = {
            "embedding.W": (ENTRIES, D), "lstm.W_x": (D, 4 * H), "lstm.W_h": (H, 4 * H), "lstm.b": (4 * H,),
            **_of_score(score, H), "linear.W": (H, CLASSES), "linear.b": (CLASSES,),
        }  # fmt: skip
        self.params = {name: np.round(spread(H) * rng.normal(size=shape), DIGITS) for name, shape in shapes.items()}
        self.upstream: dict[str, np.ndarray] = {}
        self.parts: tuple[Part, ...] = ()
        self.faulty = planting.room_of(bug) if bug else None
        self.source = planting.source(bug) if bug else ""

    def build(self, runner: Any) -> dict[str, Any]:
        """Make the functions of all parts and of what stands between them.

        Parameters
        ----------
        runner : Tape or Nudge

        Returns
        -------
        dict of str to dict
        """
        built = {
            op: self.module(runner, op, self.source if op == self.faulty else planting.source_of(op)) for op in PARTS
        }
        code = rewritten(inspect.getsource(model_of_ops), "scratchnn/trace/recording/model_of_ops.py")
        built["model"] = runner.run(code)
        if hasattr(runner, "records"):
            end = len(runner.sites)
            self.parts = (*self.parts, Part("model", (), end - len(code.sites), end, True))
        return built

    def forward(
        self, built: dict[str, Any], inputs: dict[str, np.ndarray], params: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], Any]:
        """Run the forward pass; the loss looks at the losses of the single sequences.

        Parameters
        ----------
        built : dict
        inputs, params : dict of str to array

        Returns
        -------
        outputs : dict of str to array
        kept : object
        """
        given = inputs["ids"], inputs["targets"], self._bundles(params), self.options["score"]
        caches = built["model"]["forward"](built, *given)
        return {"losses": caches[-1].losses}, caches

    def backward(
        self, built: dict[str, Any], kept: Any, upstream: dict[str, np.ndarray], params: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Run the backward pass.

        Parameters
        ----------
        built : dict
        kept : object
        upstream, params : dict of str to array

        Returns
        -------
        dict of str to array
        """
        grads = built["model"]["backward"](built, kept, self._bundles(params))
        return {name: getattr(grads[name.partition(".")[0]], name.partition(".")[2]) for name in self.params}

    def draw_upstream(self, outputs: dict[str, np.ndarray]) -> None:
        """The mean weighs every sequence alike; nothing is drawn.

        Parameters
        ----------
        outputs : dict of str to array
        """
        self.upstream = {"losses": np.full(outputs["losses"].shape, 1 / self.sizes["B"])}

    def _bundles(self, params):
        found = {}
        for op in PARTS[:-1]:
            own = {name.removeprefix(f"{op}."): one for name, one in params.items() if name.startswith(f"{op}.")}
            found[op] = self.bundle(own, op)
        return found


def _of_score(score, H):
    if score == "general":
        return {"attention.W_a": (H, H)}
    if score == "additive":
        return {"attention.W_q": (H, H), "attention.W_k": (H, H), "attention.v_a": (H,)}
    return {}
