"""Other conventions: arguments by name, tuples and dicts, another order of the gates, transposed weights.

What a student means is found by equality of the forward with ours; what was assumed is said.
"""

import inspect
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .calling import arrays, call, changed, kinds, named

GATES = {"lstm": "ifgo", "gru": "rzn"}
BLOCKED = ("W_x", "W_h", "b")
OUTPUTS = {"lstm": ("h", "c"), "gru": ("h",), "rnn": ("h",)}  # of Cache, with one row more than there are steps
WEIGHTS_TURNED = ("W_x", "W_h", "W", "W_a", "W_q", "W_k")


class Convention(NamedTuple):
    """How the student's weights are laid out."""

    gates: str = ""  # order of the blocks, ours if empty
    transposed: bool = False  # weights as (outputs, inputs)

    def said(self) -> list[str]:
        """Say what is assumed.

        Returns
        -------
        list of str
        """
        said = [f"your gate blocks stand in the order {' '.join(self.gates)}"] if self.gates else []
        return said + (["your weights are (outputs, inputs), ours (inputs, outputs)"] if self.transposed else [])


class Kept:
    """What the student's forward returned, and our names for what was found in it.

    Parameters
    ----------
    own : object
    found : dict of str to array
    """

    def __init__(self, own, found):
        self.own = own
        vars(self).update(found)


def conventions(op: str) -> Iterator[Convention]:
    """List the layouts that can be tried, ours first.

    Parameters
    ----------
    op : str

    Yields
    ------
    Convention
    """
    ours = GATES.get(op, "")
    for order in itertools.permutations(ours):
        gates = "".join(order) if "".join(order) != ours else ""
        yield Convention(gates)
        yield Convention(gates, True)


class Adapter:
    """Lets a student's forward and backward be called as ours.

    Parameters
    ----------
    student : Student
    reference : module
        Ours.
    names : dict
        The student's functions among ours.
    convention : Convention, optional
    """

    def __init__(self, student, reference, names, convention=None):
        self.student, self.reference, self.names = student, reference, names
        self.convention = convention or Convention()
        self.assumed = self.convention.said()

    def backend(self) -> dict:
        """Give the names of a backend.

        Returns
        -------
        dict
        """
        wrapped = {"assumed": self.assumed}
        pairs = [("forward", "backward"), ("log_forward", "log_backward")]
        for forward, backward in (pair for pair in pairs if pair[0] in self.names):
            wrapped[forward], wrapped[backward] = self._forward(forward), self._backward(backward)
        return self.names | wrapped

    def _forward(self, name):
        ours, theirs = getattr(self.reference, name), self.names[name]
        if name not in self.student.functions and self.convention == Convention():
            return theirs
        plan = inspect.signature(ours)

        def forward(*arguments, **options):
            bound = plan.bind(*arguments, **options)
            bound.apply_defaults()
            given = named(bound.arguments)
            kept = call(theirs, self._laid_out(given), plan, changed(bound, plan))
            return self._recognised(kept, lambda: ours(*arguments, **options))

        return forward

    def _backward(self, name):
        ours, theirs = getattr(self.reference, name), self.names[name]
        if not self.student.functions:
            return theirs
        plan = inspect.signature(ours)

        def backward(*arguments, **options):
            bound = plan.bind(*arguments, **options)
            bound.apply_defaults()
            given = named(bound.arguments)
            given["cache"] = given["cache"].own if isinstance(given["cache"], Kept) else given["cache"]
            found = call(theirs, self._laid_out(given), plan, changed(bound, plan))
            return self._grads(found, arguments, bound.arguments)

        return backward

    def _laid_out(self, given):
        if self.convention == Convention():
            return given
        return {name: self._turned(name, value) for name, value in given.items()}

    def _turned(self, name, value):
        if name == "params" and value is not None:
            return type(value)(*(self._turned(field, array) for field, array in value._asdict().items()))
        gates = self.convention.gates
        if gates and name in BLOCKED:
            value = _reordered(value, GATES[self.student.op], gates)
        return value.T if self.convention.transposed and name in WEIGHTS_TURNED and np.ndim(value) == 2 else value

    def _turned_back(self, name, value):
        value = value.T if self.convention.transposed and name in WEIGHTS_TURNED and np.ndim(value) == 2 else value
        if self.convention.gates and name in BLOCKED:
            value = _reordered(value, self.convention.gates, GATES[self.student.op])
        return value

    def _recognised(self, kept, ours):
        """Find h and c in whatever came back; a cache with our fields passes as it is."""
        wanted = OUTPUTS.get(self.student.op)
        if wanted is None:
            fields = self.reference.Cache._fields
            return kept if any(hasattr(kept, field) for field in fields[1:]) else self._by_equality(kept, ours())
        if all(isinstance(getattr(kept, name, None), np.ndarray) for name in wanted):
            return kept
        cache, held, found = ours(), list(arrays(kept)), {}
        for name in wanted:
            right = getattr(cache, name)
            for rows, place in ((right, slice(None)), (right[1:], slice(1, None)), (right[-1], -1)):
                same = [array for array in held if np.shape(array) == rows.shape]
                if same:
                    closest = min(same, key=lambda array: float(np.max(np.abs(array - rows), initial=0)))
                    full = np.zeros(right.shape, np.result_type(closest))
                    full[place] = closest
                    found[name] = full
                    break
            else:
                raise TypeError(f"forward returned {kinds(kept)}; nothing in it has the shape of {name}[1:]")
        self._say(f"in what your forward returns, {' and '.join(found)} were found by shape and value")
        return Kept(kept, found)

    def _by_equality(self, kept, cache):
        """Find an op's single output: the array that looks like one of our cache."""
        output = {"attention": "context", "softmax": "p", "cross_entropy": "loss"}.get(self.student.op, "y")
        output = "log_p" if not hasattr(cache, output) and hasattr(cache, "log_p") else output
        right = np.asarray(getattr(cache, output))
        same = [array for array in arrays(kept) if np.shape(array) == right.shape]
        if not same:
            raise TypeError(f"forward returned {kinds(kept)}; nothing in it has the shape {right.shape} of {output}")
        closest = min(same, key=lambda array: float(np.max(np.abs(array - right), initial=0)))
        found = {output: closest}
        if self.student.op == "attention":
            weights = [array for array in arrays(kept) if np.shape(array) == np.shape(cache.alpha)]
            found["alpha"] = weights[0] if weights else cache.alpha
        self._say(f"in what your forward returns, {' and '.join(found)} were found by shape and value")
        return Kept(kept, found)

    def _grads(self, found, arguments, bound):
        """Give our Grads, from a tuple or dict with or without the letter d."""
        fields = self.reference.Grads._fields
        if hasattr(found, "_asdict"):
            found = found._asdict()
        if isinstance(found, np.ndarray):
            found = (found,)
        if isinstance(found, (tuple, list)):
            if len(found) != len(fields):
                raise TypeError(f"backward returned {len(found)} values, expected {len(fields)}: {', '.join(fields)}")
            found = dict(zip(fields, found, strict=True))
            self._say(f"the gradients that you return are {', '.join(fields)}, in this order")
        if not isinstance(found, dict):
            raise TypeError(f"backward returned {type(found).__name__}, expected gradients of {', '.join(fields)}")
        flat = {name.removeprefix("d"): grad for name, grad in found.items()}
        flat = {name: grad for name, grad in (flat | found).items() if name in fields}
        missing = [name for name in fields if name not in flat]
        if missing and not (self.reference.Grads._field_defaults.keys() >= set(missing)):
            raise TypeError(f"backward returned no gradient of {', '.join(missing)}")
        return self.reference.Grads(**{name: self._turned_back(name, grad) for name, grad in flat.items()})

    def _say(self, sentence):
        if sentence not in self.assumed:
            self.assumed.append(sentence)


def _reordered(array, have, want):
    if array is None:
        return None
    blocks = dict(zip(have, np.split(array, len(have), axis=-1), strict=True))
    return np.concatenate([blocks[gate] for gate in want], axis=-1)
