"""A student's forward and backward, to be called as ours."""

import inspect
from types import SimpleNamespace
from typing import Any

import numpy as np

from . import objects, tensors
from .answers import params_dict
from .calling import NotCovered, changed
from .form import Form
from .names import STATES
from .outputs import Kept
from .own import Own, match
from .pieces import GATES, Maker, blocks_of, made
from .seeing import Seeing
from .sequences import parts_of, summed

PAIRS = (("forward", "backward"), ("log_forward", "log_backward"))


class Adapter(Seeing):
    """Calls a student's functions with their arguments in their form, and reads the answers.

    Parameters
    ----------
    own : Own
        The student's functions.
    reference : module
        Ours.
    names : dict
        Ours with the student's functions in it.
    form : Form
    """

    def __init__(self, own: Own, reference: Any, names: dict[str, Any], form: Form | None = None):
        self.own, self.reference, self.names = own, reference, names
        self.op, self.form = own.student.op, form or Form()
        self.assumed = self.form.said(self.op)
        self.fields = reference.Params._fields if hasattr(reference, "Params") else ()
        self.places: dict[str, dict] = {}
        self.makers: dict[tuple, dict] = {}
        self.how: dict[str, Any] = {}  # how a backward gets its cache
        self.zero: set[str] = set()  # inputs that the student does not take
        self.constant: set[str] = set()  # inputs of which the student gives no gradient
        self.silent: set[str] = set()  # outputs that are not in the loss

    def backend(self) -> SimpleNamespace:
        """Give a backend: the names of a reference, and the adapter itself.

        Returns
        -------
        SimpleNamespace
        """
        wrapped = {"assumed": self.assumed, "adapter": self}
        for forward, backward in (pair for pair in PAIRS if pair[0] in self.names):
            if forward in self.own.functions:
                wrapped[forward] = self._forward(forward)
            if backward in self.own.functions:
                wrapped[backward] = self._backward(backward, forward)
        return SimpleNamespace(**self.names | wrapped)

    def in_their_form(self, grads: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Lay gradients of ours out as the student's.

        Parameters
        ----------
        grads : dict of str to array
            By our names of inputs and parameters.

        Returns
        -------
        dict of str to array
            By the student's names of parameters, and by our names of inputs.
        """
        found = {name: self.form.given(name, array) for name, array in grads.items() if name not in self.fields}
        ours = {name: array for name, array in grads.items() if name in self.fields and array is not None}
        if not ours or not self.form.pieces:
            return found | ours
        blocks = blocks_of(self.op, ours, self.form.flipped)
        for gate in [gate for kind, gate in blocks if kind == "b1"]:
            blocks["b1", gate] = blocks["b", gate]
            blocks["b2", gate] = blocks["c", gate] if self.op == "gru" and gate == "n" else blocks["b", gate]
        return found | {
            piece.name: made(piece, blocks, self.form.transposed, self.form.column) for piece in self.form.pieces
        }

    def _forward(self, name):
        ours, theirs = getattr(self.reference, name), self.own.functions[name]
        plan, binding = inspect.signature(ours), self._bound(name)
        kind, _ = self._weights_as(name)
        self._note_missing(binding, name)

        def forward(*arguments, **options):
            given, params = _given(plan, arguments, options)
            uncovered = changed(plan.bind(*arguments, **options), plan) - binding.roles - {"params"}
            if self.form.score:
                uncovered -= {"score"} if given["score"] == self.form.score else set()
            if uncovered:
                raise NotCovered(f"it takes no {', '.join(sorted(uncovered))}")
            weights = self._weights(params)

            def one(given):
                values = self._values(binding, given, weights, kind, params)
                if tensors.is_function(self.own.cls):
                    return tensors.Applied(self.own.cls, [values.get(n) for n in binding_names(binding)]), values
                if self.own.cls is not None:
                    made_of = objects.create(
                        self.own.cls, objects.sizes_of(self.op, params_dict(params), given), weights
                    )
                    objects.put(made_of, weights)
                    return (made_of, getattr(made_of, self._method(name))(**values)), values
                return theirs(**values), values

            kept, values = self._each(one, given) if self.form.axes == "TD" else one(given)
            found = self._recognised(name, kept, values, lambda: ours(*arguments, **options))
            if isinstance(found, Kept):
                seen = [np.asarray(getattr(found, place)).dtype for place in self.places[name]]
                found.single = all(dtype == np.float32 for dtype in seen)
                found.again = lambda: ours(*arguments, **options)
                found.sizes = {key: array.shape for key, array in given.items() if isinstance(array, np.ndarray)}
            return found

        return forward

    def _backward(self, name, forward):
        ours, theirs = getattr(self.reference, name), self.own.functions[name]
        plan, binding = inspect.signature(ours), self._bound(name)
        kind, _ = self._weights_as(forward if forward in self.own.functions else name)
        if "dc_last" not in binding.roles and self.op == "lstm":
            self.silent.add("c_last")
        if "dalpha" not in binding.roles and self.op == "attention":
            self.silent.add("alpha")

        def backward(*arguments, **options):
            given, params = _given(plan, arguments, options)
            cache = given["cache"]
            blocks = self._blocks(params)

            weights = self._weights(params)

            def one(given, cache):
                if isinstance(cache, Kept) and isinstance(cache.own, tensors.Applied):
                    return self._of_tensors(cache, given, binding)
                return self._answer(name, theirs, binding, given, cache, weights, kind, params)

            if self.form.axes == "TD":
                answer = summed([self._resolved(one(*part)) for part in parts_of(given, cache)])
            else:
                answer = self._resolved(one(given, cache))

            def right():
                known = cache.again() if isinstance(cache, Kept) else cache
                return ours(*(known if part is cache else part for part in arguments), **options)

            return self._grads(answer, given, params, blocks, right, cache)

        return backward

    def _bound(self, name):
        binding = self.own.binding(name, self.fields)
        if binding is None:
            taken = ", ".join(inspect.signature(self.own.functions[name]).parameters)
            plan = ", ".join(inspect.signature(getattr(self.reference, name)).parameters)
            theirs = self.own.student.theirs.get(name, name)
            raise TypeError(f"{theirs} takes {taken}, expected {plan}, or the weights by name")
        for guess in binding.guessed:
            role = next(slot.role for slot in binding.slots if slot.name == guess)
            self._say(f"{guess} of your {name} is our {role}, by its position")
        return binding

    def _weights_as(self, name):
        if not self.fields:
            return "weights", ()
        return self.own.arrays(name, self.fields)

    def _note_missing(self, binding, name):
        self.zero |= {role for role in STATES.get(self.op, ()) if role in ("h0", "c0") and role not in binding.roles}
        if self.form.pieces is not None and self.op in GATES:
            kinds = {kind for piece in self.form.pieces for kind in piece.kinds}
            self.zero |= {"b"} if not kinds & {"b", "b1"} else set()
            self.zero |= {"b_hn"} if self.op == "gru" and not kinds & {"c", "b2"} else set()

    def _blocks(self, params):
        if params is None or self.form.pieces is None:
            return {}
        return blocks_of(self.op, params_dict(params), self.form.flipped)

    def _weights(self, params):
        """Make the student's arrays; complex or single ones stay so."""
        if params is None or not self.form.pieces:
            return {}
        ours = params_dict(params)
        shapes = tuple((name, array.shape) for name, array in ours.items())
        if shapes not in self.makers:
            found = blocks_of(self.op, ours)
            self.makers[shapes] = {
                piece.name: Maker(piece, self.op, ours, self.form)
                for piece in self.form.pieces
                if all(at in found for gate in piece.places for at in gate)
            }
        vector = np.concatenate([np.ravel(array) for array in ours.values()])
        return {name: make(vector) for name, make in self.makers[shapes].items()}

    def _values(self, binding, given, weights, kind, params, kept=None):
        """Give every argument of a student's function."""
        values = {}
        for slot in binding.slots:
            if slot.kind == "given":
                if slot.role in given:
                    value = given[slot.role]
                    values[slot.name] = self.form.given(slot.role, value) if isinstance(value, np.ndarray) else value
            elif slot.kind == "states":
                values[slot.name] = tuple(self.form.given(role, given[role]) for role in ("h0", "c0"))
            elif slot.kind == "kept":
                values[slot.name] = kept(slot.name) if kept else None
            elif slot.kind == "params":
                values[slot.name] = self.own.container(kind, weights, params) if weights else params
            elif (value := match(slot.name, weights)) is not None:
                values[slot.name] = value
        if self.own.tensors and not tensors.is_function(self.own.cls):
            values = {name: _deep(tensors.tensor, value) for name, value in values.items()}
        if self.own.compiled:
            values = {name: _deep(_for_compiled, value) for name, value in values.items()}
        return values

    def _method(self, name):
        return self.own.student.theirs[name].rpartition(".")[2]

    def _each(self, one, given):
        """Run one sequence after the other."""
        runs = [one(part) for part, _ in parts_of(given, None)]
        return [kept for kept, _ in runs], {"each": [values for _, values in runs]}


def binding_names(binding):
    """Name the arguments in order.

    Parameters
    ----------
    binding : Binding

    Returns
    -------
    list of str
    """
    return [slot.name for slot in binding.slots]


def _given(plan, arguments, options):
    bound = plan.bind(*arguments, **options)
    bound.apply_defaults()
    given = dict(bound.arguments)
    if "dlog_p" in given:
        given["dp"] = given["dlog_p"]  # the upstream of either softmax
    return given, given.pop("params", None)


def _for_compiled(value):
    """Give compiled code one type of arrays, so that it is compiled once: contiguous ones of real numbers."""
    if not isinstance(value, np.ndarray):
        return value
    if np.iscomplexobj(value):
        raise TypeError("compiled code is judged by differences: it is not compiled again for complex numbers")
    return np.ascontiguousarray(value)


def _deep(function, value):
    if isinstance(value, dict):
        return {name: _deep(function, part) for name, part in value.items()}
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(_deep(function, part) for part in value)
    return function(value)
