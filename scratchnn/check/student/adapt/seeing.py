"""See the outputs in whatever a student's forward returned: by shape and value the first time, then by place."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from . import outputs, tensors
from .asking import Asking
from .outputs import Kept

OUTPUT_OF = {"c": "c_last", "alpha": "alpha"}


class Seeing(Asking):
    """The part of an adapter that reads what a forward returned."""

    shapes: dict[str, tuple[int, ...]]
    silent: set[str]
    _say: Any

    def _recognised(self, name, kept, values, ours):
        """Find the outputs in whatever came back; a cache with our fields passes as it is."""
        wanted = [field for field in outputs.OUTPUTS[self.op] if field in _cache_fields(self.reference, name)]
        looked = _visible(kept)
        if self.form.axes != "TD" and self._is_ours(looked, wanted):
            return looked
        cache = None
        if name not in self.places:
            cache = ours()
            self.places[name] = self._located(looked, cache)
            self.shapes = {
                field: np.shape(getattr(cache, field)) for field in wanted if getattr(cache, field, None) is not None
            }
            missing = [field for field in self.shapes if field not in self.places[name]]
            for field in missing:
                if field not in OUTPUT_OF:
                    tail = "[1:]" if field in outputs.STATES else ""
                    seen = outputs.kinds(kept if self.own.cls is None else looked)
                    raise TypeError(f"forward returned {seen}; nothing in it has the shape of {field}{tail}")
                self.silent.add(OUTPUT_OF[field])
            if self.own.cls is None:
                listed = " and ".join(self.places[name])
                self._say(f"in what your forward returns, {listed} were found by shape and value")
        found = self._fetched(looked, self.places[name])
        for field, shape in self.shapes.items():
            if field not in found:
                found[field] = np.zeros(shape)
        return Kept(kept, found, values)

    def _is_ours(self, kept, wanted):
        if self.form.axes != "TBD" or self.form.rows or not wanted:
            return False
        if set(self.reference.Cache._fields) <= set(getattr(kept, "_fields", ())):
            return True
        return all(isinstance(getattr(kept, field, None), np.ndarray | np.number) for field in wanted)

    def _located(self, looked, cache):
        if self.form.axes != "TD":
            return outputs.locate(self.op, looked, cache)
        first = SimpleNamespace(**{name: np.asarray(getattr(cache, name))[:, 0] for name in outputs.OUTPUTS[self.op]})
        return outputs.locate(self.op, looked[0], first)

    def _fetched(self, looked, places):
        if self.form.axes != "TD":
            return outputs.fetch(looked, places, self.shapes)
        shapes = {name: (shape[0], *shape[2:]) for name, shape in self.shapes.items()}
        each = [outputs.fetch(one, places, shapes) for one in looked]
        return {name: np.stack([one[name] for one in each], axis=1) for name in places}


def _cache_fields(reference, name):
    return (reference.LogCache if name.startswith("log") else reference.Cache)._fields


def _visible(kept):
    """What can be looked through for outputs: of an object, what the method returned comes first."""
    if isinstance(kept, tensors.Applied):
        return kept.outputs
    if isinstance(kept, tuple) and len(kept) == 2 and hasattr(kept[0], "__dict__") and not hasattr(kept[0], "shape"):
        return (kept[1], kept[0])
    return kept
