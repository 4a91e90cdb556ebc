"""Why hand-written gradients go wrong: the misconceptions, and the record of a known-wrong patch.

Every room of ``scratchnn.ops`` with a backward pass lists its mistakes in ``bugs.py`` as such records;
``scratchnn.check.catalogue`` collects them and makes wrong modules of them.
"""

from typing import NamedTuple

MISCONCEPTIONS = {
    "M1": "fan-out means pick one path (it means add)",
    "M2": "a derivative helper takes the value before and after the nonlinearity alike",
    "M3": "the recurrence ends after one step",
    "M4": "a shared parameter has one gradient, not a sum over its uses",
    "M5": "broadcasting has no transpose (a bias's gradient needs no sum)",
    "M6": "softmax acts elementwise",
    "M7": "a transpose goes wherever the shapes fit",
    "M8": "a convention (gate order, GRU's z, place of the reset) is a law",
    "M9": "setting a probability to zero is the same as masking its logit",
    "M10": "a cache holds values, not references",
    "M11": "training success proves the gradient",
    "M12": "averaging is a detail",
    "M13": "clipping the gradient means clamping its entries",
    "M14": "a mask matters on the way forward only",
}


class Edit(NamedTuple):
    """One replacement in the source of a reference: ``old`` stands exactly once in the code of ``function``."""

    function: str  # the module's function that is changed, e.g. "step_backward"
    old: str  # whole words of the source, without equation numbers; later lines are indented relative to the first
    new: str  # one line or several, indented alike; empty takes the old away


class Bug(NamedTuple):
    """A known-wrong variant of a reference: what is changed, why people write it, and what to ask them."""

    id: str  # unique: op and mistake, e.g. "lstm-dc-next-dropped"
    title: str  # what is wrong, in a few words: "dc_t without dc_next"
    misconception: str  # a key of MISCONCEPTIONS
    edits: tuple[Edit, ...]
    question: str  # leads a student to it without giving it away
    kind: str = "gradient"  # or "memory": what is given gets changed in place, or two calls disagree
    place: str = "gate"  # where it belongs: time, gate, sums, shape, memory, clip, softmax, attention
