"""A student's callables after the file has run, and how their arguments and weights are to be understood."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..load import Student
from . import objects, tensors
from .binding import Binding, bind, parameters
from .names import STATES, UPSTREAM, plain
from .reading import contents, functions_of, returned

TRIAL = {
    "lstm": {"D": 4, "H": 5},
    "gru": {"D": 4, "H": 5},
    "rnn": {"D": 4, "H": 5},
    "linear": {"D": 4, "N": 5},
    "embedding": {"V": 6, "D": 4},
    "attention": {"E": 4, "K": 6, "A": 8},
}
OPTIONS = {
    "attention": ("score", "scale", "mask", "causal", "need_alpha"),
    "cross_entropy": ("mask", "ignore_index", "weight", "label_smoothing", "reduction"),
    "embedding": ("padding_id",),
    "rnn": ("mask", "nonlinearity"),
}
SPARE = ("dalpha", "dc_last", "dloss")  # a backward may do without


@dataclass
class Own:
    """The student's functions, or the class that has them as methods.

    Parameters
    ----------
    student : Student
    functions : dict of str to function
        By our names.
    cls : type or None
    """

    student: Student
    functions: dict[str, Any]
    cls: type | None = None
    _bindings: dict = field(default_factory=dict)

    def __post_init__(self):
        """Read what the source says about containers and returns."""
        nodes = functions_of(self.student.source)
        theirs = self.student.theirs
        self.written = {name: returned(nodes[theirs[name]]) for name in self.functions if theirs[name] in nodes}
        self.tensors = tensors.wanted(self.student.source)
        self.compiled = any(hasattr(function, "py_func") for function in self.functions.values())

    def binding(self, name: str, fields: tuple[str, ...]) -> Binding | None:
        """Understand the arguments of a function.

        Parameters
        ----------
        name : str
            Our name of it.
        fields : tuple of str
            Of our parameters.

        Returns
        -------
        Binding or None
        """
        if name not in self._bindings:
            op = self.student.op
            back = name.endswith("backward")
            states = (*UPSTREAM[op], "cache") if back else STATES[op]
            kept = ()
            if back and name.replace("backward", "forward") in self.functions:
                forward = name.replace("backward", "forward")
                kept = (*parameters(self.functions[forward]), *self.written.get(forward, ()))
            options = ("dalpha",) if back else OPTIONS.get(op, ("mask",))
            self._bindings[name] = bind(
                self.functions[name], states, options=options, kept=kept, fields=fields, spare=SPARE
            )
        return self._bindings[name]

    def arrays(self, name: str, fields: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """Name the arrays of weights that a function works with.

        Parameters
        ----------
        name : str
        fields : tuple of str

        Returns
        -------
        kind : str
            "weights" (arguments), "keys", "attributes", "tuple", "ours", or "object".
        names : tuple of str
        """
        if self.cls is not None and not tensors.is_function(self.cls):
            return "object", objects.weights_in(objects.create(self.cls, TRIAL.get(self.student.op, {}), {}))
        binding = self.binding(name, fields)
        if binding is None:
            return "weights", ()
        if binding.weights or not binding.container:
            return "weights", binding.weights
        kind, names = contents(self.student.source, binding.container)
        kind, names = (
            ("ours", fields) if not kind or (set(names) <= {*fields, "_"} and kind != "keys") else (kind, names)
        )
        return (kind, names) if "_" not in names else ("ours", fields)

    def container(self, kind: str, weights: dict[str, np.ndarray], params: Any) -> Any:
        """Make what holds all weights.

        Parameters
        ----------
        kind : str
        weights : dict of str to array
            In order.
        params : object
            Ours.

        Returns
        -------
        object
        """
        if kind == "keys":
            return dict(weights)
        if kind == "attributes":
            return SimpleNamespace(**weights)
        return tuple(weights.values()) if kind == "tuple" else params._replace(**weights)


def match(name: str, weights: dict[str, Any]) -> Any:
    """Fetch an array by a name that may be written otherwise elsewhere.

    Parameters
    ----------
    name : str
    weights : dict

    Returns
    -------
    object
        None if there is none.
    """
    if name in weights:
        return weights[name]
    return next((array for other, array in weights.items() if plain(other) == plain(name)), None)
