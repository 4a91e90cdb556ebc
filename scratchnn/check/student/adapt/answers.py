"""Read what a student's backward answered: gradients by their names or in order, made into our Grads."""

from typing import Any

import numpy as np

from . import grads
from .form import Form
from .own import Own
from .pieces import GATES, blocks_of, joined, taken

LENIENT = ("x", "h0", "c0")  # gradients that a student may leave out: they are not judged then


class Answers:
    """The half of an adapter that reads gradients."""

    own: Own
    form: Form
    reference: Any
    op: str
    fields: tuple[str, ...]
    zero: set[str]
    constant: set[str]
    assumed: list[str]

    def _resolved(self, flat):
        """Give the gradients of our inputs and of the student's weights, by name or in order."""
        fields = self.reference.Grads._fields
        inputs = [field for field in fields if field not in self.fields]
        names = self._names_of_inputs(inputs)
        if self.form.pieces is None and hasattr(flat[""], "_fields"):
            return flat[""]._asdict()
        found = {field: grads.fitting(flat, names.get(field, field), field) for field in inputs}
        if self.form.pieces is None:  # the weights are ours, by our names
            found |= {field: grads.fitting(flat, field) for field in self.fields}
        found |= {_key(piece): _weight_in(flat, piece.name) for piece in self.form.pieces or ()}
        listed = [name for name in found if name not in self.zero]
        if any(found[name] is None for name in listed):
            found |= self._in_order(flat[""], listed) or {}
        return {name: None if part is None else grads.as_array(part) for name, part in found.items()}

    def _grads(self, answer, given, params, blocks, right, cache):
        """Give our Grads."""
        fields = self.reference.Grads._fields
        inputs = [field for field in fields if field not in self.fields]
        if self.form.pieces is None:
            return self._by_our_names(answer, params, cache)
        shapes, found = self._shapes_of(inputs, cache), {}
        for field in inputs:
            if answer[field] is None:
                self._without(field, fields)
                found[field] = np.zeros(shapes[field])
                continue
            back = self.form.back(answer[field], shapes[field])
            found[field] = answer[field] if back is None else back
        theirs = {piece.name: answer[_key(piece)] for piece in self.form.pieces or ()}
        found |= self._of_weights(theirs, params, blocks, right)
        if getattr(cache, "single", False):  # a double that comes of singles has their digits
            found = {name: np.asarray(grad, np.float32) for name, grad in found.items()}
        return self.reference.Grads(**found)

    def _by_our_names(self, answer, params, cache):
        there, shapes = params_dict(params), None
        for field, grad in list(answer.items()):
            if grad is not None or (field in self.fields and field not in there):
                continue
            if field in self.fields:
                raise TypeError(f"backward returned no gradient of {field}")
            shapes = shapes or self._shapes_of([one for one in answer if one not in self.fields], cache)
            self._without(field, self.reference.Grads._fields)
            answer[field] = np.zeros(shapes[field])
        return self.reference.Grads(**answer)

    def _of_weights(self, theirs, params, blocks, right):
        if params is None or not theirs:
            return {}
        there = params_dict(params)
        absent = [piece for piece in self.form.pieces if self.op not in GATES and piece.kinds[0] not in there]
        theirs = {name: grad for name, grad in theirs.items() if name not in {piece.name for piece in absent}}
        missing = [name for name, grad in theirs.items() if grad is None]
        if missing:
            raise TypeError(f"backward returned no gradient of {', '.join(missing)}")
        ours = {}
        if any(piece.kinds == ("b2",) for piece in self.form.pieces):
            exact = right()
            ours = blocks_of(self.op, {f: getattr(exact, f) for f in self.fields})
        found = {}
        for piece in self.form.pieces:
            if piece.name in theirs:
                found |= taken(piece, theirs[piece.name], blocks, self.form.transposed)
        whole = joined(self.op, found, self.fields, ours, self.form.flipped)
        held = {f: np.zeros_like(p) for f, p in there.items() if f not in whole and f in self.zero}
        return {piece.kinds[0]: None for piece in absent} | whole | held

    def _names_of_inputs(self, inputs):
        """Say what the student calls our inputs."""
        names = {}
        for function in ("forward", "log_forward", "step"):
            if function in self.own.functions and (binding := self.own.binding(function, self.fields)):
                names |= {slot.role: slot.name for slot in binding.slots if slot.kind == "given"}
        return {field: names.get(field, field) for field in inputs}

    def _in_order(self, found, listed):
        """Take a plain tuple in the order of the forward's arguments."""
        parts = grads.positional(found, len(listed))
        if parts is None:
            return None
        binding = self.own.binding("forward", self.fields) if "forward" in self.own.functions else None
        order = [slot.role if slot.kind == "given" else f"{slot.name} " for slot in binding.slots] if binding else []
        order = [name for name in order if name in listed]
        order = order if len(order) == len(listed) else listed
        self._say(f"the gradients that you return are {', '.join(name.strip() for name in order)}, in this order")
        return dict(zip(order, parts, strict=True))

    def _shapes_of(self, inputs, cache):
        """Give our shapes of the inputs that are no weights."""
        shapes = dict(getattr(cache, "sizes", {}))
        for field in inputs:
            if field not in shapes:
                shapes[field] = (
                    np.shape(getattr(cache, field[0]))[1:]
                    if field in ("h0", "c0")
                    else np.shape(getattr(cache, field))
                )
        return shapes

    def _without(self, field, fields):
        if field in self.zero or field in self.constant:
            return
        if field not in LENIENT or self.op not in GATES:
            raise TypeError(f"backward returned no gradient of {field}, expected those of {', '.join(fields)}")
        self.constant.add(field)
        self._say(f"your backward gives no gradient of {field}: that one is not judged")

    def _say(self, sentence):
        if sentence not in self.assumed:
            self.assumed.append(sentence)


def params_dict(params):
    """Give our parameters as a dict.

    Parameters
    ----------
    params : Params or None

    Returns
    -------
    dict of str to array
    """
    return {} if params is None else {name: array for name, array in params._asdict().items() if array is not None}


def _key(piece):
    """Tell a weight from an input of the same name."""
    return f"{piece.name} "


def _weight_in(flat, name):
    return grads.fitting(flat, name.rpartition(".")[2])
