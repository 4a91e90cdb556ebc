"""Ask a student's backward: with the part of the cache that it wants, and by its names."""

import copy
from typing import Any

import numpy as np

from . import grads
from .answers import Answers
from .outputs import Kept
from .reading import contents


class Asking(Answers):
    """The part of an adapter that calls a backward."""

    how: dict[str, Any]
    places: dict[str, dict]
    _values: Any
    _method: Any

    def _answer(self, name, theirs, binding, given, cache, weights, kind, params):
        """Call the backward; give its gradients by name."""
        kept = cache if isinstance(cache, Kept) else None
        owner = None
        if kept is not None and self.own.cls is not None:
            owner, returned = copy.deepcopy(kept.own)
            theirs = getattr(owner, self._method(name))
        else:
            returned = kept.own if kept is not None else cache
        options = [self.how[name]] if name in self.how else self._caches(name, binding, returned)
        for k, choose in enumerate(options):
            try:
                values = self._values(
                    binding,
                    given | {"cache": choose(returned)},
                    weights,
                    kind,
                    params,
                    lambda slot: self._kept(slot, kept, returned, name),
                )
                found = theirs(**values)
            except (TypeError, ValueError, AttributeError, KeyError, IndexError):
                if k == len(options) - 1:
                    if len(options) == 1:
                        raise
                    self.how[name] = options[0]  # the whole; its error is the one to show
                    return self._answer(name, theirs, binding, given, cache, weights, kind, params)
                continue
            self.how[name] = choose
            break
        written = self.own.written.get(name, ())
        flat = grads.named(found, written, owner)
        return flat | {"": found}

    def _caches(self, name, binding, returned):
        """List what a backward may want of what the forward returned: all of it, a named part, the last, the rest."""
        wanted = next((slot.name for slot in binding.slots if slot.role == "cache"), "")
        options = [lambda kept: kept]
        if not wanted or not isinstance(returned, tuple) or hasattr(returned, "_fields"):
            return options
        written = self.own.written.get(name.replace("backward", "forward"), ())
        if wanted in written and len(written) == len(returned) > 1:
            place = written.index(wanted)
            return [lambda kept: kept[place]]
        kind, names = contents(self.own.student.source, wanted)
        if kind == "tuple":  # the names under which backward unpacks it
            texts = [tuple(part.strip() for part in text.strip("()").split(",")) for text in written]
            if names in texts and len(texts) == len(returned):
                place = texts.index(names)
                return [lambda kept: kept[place]]
            if len(names) != len(returned) and len(names) == len(_sized(returned[-1])):
                return [lambda kept: kept[-1], *options]
        return [*options, lambda kept: kept[-1], lambda kept: kept[1:]]

    def _kept(self, slot, kept, returned, name):
        """Fetch what the forward was given, or a part of what it returned, by name."""
        if kept is not None and slot in kept.given:
            return kept.given[slot]
        if kept is None and hasattr(returned, slot):
            return getattr(returned, slot)
        written = self.own.written.get(name.replace("backward", "forward"), ())
        return returned if len(written) == 1 else returned[written.index(slot)]

    def _of_tensors(self, cache, given, binding):
        """Run an ``autograd.Function`` backward."""
        applied, places = cache.own, self.places["forward"]
        upstream = {}
        for field, role in (("h", "dh"), ("c", "dc_last"), ("context", "dcontext"), ("alpha", "dalpha"), ("p", "dp"),
                            ("y", "dy"), ("loss", "dloss")):  # fmt: skip
            if field in places and given.get(role) is not None:
                k = places[field].path[0][1]
                array = self.form.given(role, np.asarray(given[role]))
                whole = np.zeros(applied.outputs[k].shape, applied.outputs[k].detach().numpy().dtype)
                room = whole[places[field].rows] if np.ndim(whole) > np.ndim(array) or field == "c" else whole
                if room.shape == array.shape:
                    whole[places[field].rows if room is not whole else ...] = array
                elif field == "h" and len(whole) == len(array) + 1:
                    whole[1:] = array
                else:
                    whole = np.broadcast_to(array, whole.shape).astype(whole.dtype)
                upstream[k] = whole + upstream.get(k, 0)
        found = applied.grads(upstream)
        slots = self.own.binding("forward", self.fields).slots
        return {slot.name.replace("_", "").lower(): grad for slot, grad in zip(slots, found, strict=True)} | {
            "": None
        }


def _sized(thing):
    return thing if isinstance(thing, tuple | list) else ()
