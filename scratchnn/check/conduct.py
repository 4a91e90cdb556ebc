"""How a pair of passes behaves: does it leave what it is given alone, and say the same thing twice?"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .watch import changes, identical, shared, snapshot

__all__ = ["Observed", "changes", "draw_upstream", "global_random_state_kept", "observe", "snapshot"]


NO_DERIVATIVE = "no number is judged"
PACKAGE = Path(__file__).parents[1]


class Observed(NamedTuple):
    """What came out of forward and backward passes."""

    upstream: dict[str, np.ndarray]  # drawn for every floating-point output
    grads: dict[str, np.ndarray] | None  # the first answer, copied; None if there is none that can be judged
    failures: tuple[str, ...]  # one sentence each
    notes: tuple[str, ...] = ()  # what is no mistake, but may become one


def observe(forward: Callable, backward: Callable, inputs: dict[str, Any], seed: int) -> Observed:
    """Run both passes, twice, and watch everything that they touch.

    Parameters
    ----------
    forward, backward, inputs, seed
        As for ``check_gradients``.

    Returns
    -------
    Observed
        Without gradients where there is nothing to judge: an exception, a pass that is not deterministic.
    """
    inputs = {name: array.copy() if isinstance(array, np.ndarray) else array for name, array in inputs.items()}
    with global_random_state_kept():
        try:
            outputs, cache, failures = _twice_forward(forward, inputs)
        except Exception as error:
            return Observed({}, None, (f"forward raised {_raised(error)}",))
        if any(NO_DERIVATIVE in sentence for sentence in failures):
            return Observed({}, None, tuple(failures))
        upstream = draw_upstream(outputs, seed)
        if not upstream:
            return Observed({}, None, (*failures, "forward returned no floating-point output"))
        try:
            grads, found, notes = _twice_backward(forward, backward, inputs, outputs, cache, upstream)
        except Exception as error:
            return Observed(upstream, None, (*failures, f"backward raised {_raised(error)}"))
    failures += found
    if any(NO_DERIVATIVE in sentence for sentence in found):
        return Observed(upstream, None, tuple(failures), tuple(notes))
    failures += _misnamed(grads, inputs)
    return Observed(upstream, grads, tuple(failures), (*_narrow(outputs, inputs), *notes))


def _raised(error):
    """Say what was raised, and in which line of the judged code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith((str(PACKAGE), "<")) and "site-packages" not in f.filename]
    where = f" (line {own[-1].lineno}: {own[-1].line.partition('  #')[0]})" if own and own[-1].line else ""
    return f"{type(error).__name__}: {error}{where}"


def _twice_forward(forward, inputs):
    before, random_before = snapshot(inputs), _random_state()
    kept = _copied(_pair(forward(inputs))[0])
    drew = not _alike(random_before, _random_state())
    outputs, cache = _pair(forward(inputs))
    changed = changes(before, inputs)
    failures = [f"forward changed its input {place} in place" for place in changed]
    differing = [
        name for name, array in kept.items() if not (name in outputs and _same(array, np.asarray(outputs[name])))
    ]
    if differing and not changed:
        failures.append(
            f"forward called twice with the same inputs gave different outputs {', '.join(differing)}"
            f"{_because(drew)}: it is no function of its inputs, so {NO_DERIVATIVE}"
        )
    failures += [
        f"output {name} is {array[~np.isfinite(array)][0]} somewhere, so no gradient exists"
        for name, array in _copied(outputs).items()
        if array.dtype.kind == "f" and not np.isfinite(array).all()
    ]
    return outputs, cache, failures


def _twice_backward(forward, backward, inputs, outputs, cache, upstream):
    """Give the first answer, failures and notes."""
    watched = {"inputs": snapshot(inputs), "cache": snapshot(cache), "outputs": snapshot(outputs)}
    given = {name: array.copy() for name, array in upstream.items()}
    random_before = _random_state()
    answer = backward(given, cache)
    drew = not _alike(random_before, _random_state())
    changed = [f"its upstream {place}" for place in changes(snapshot(upstream), given)]
    changed += [f"the input {place}" for place in changes(watched["inputs"], inputs)]
    changed += [f"cache{_dotted(place)}" for place in changes(watched["cache"], cache)]
    changed = changed or [f"the output {place}" for place in changes(watched["outputs"], outputs)]
    grads = _answers(answer)
    notes = _aliases(answer, given, inputs, cache)
    second = backward(_copied(upstream), cache)
    again = _answers(second)
    failures = [f"backward changed {place} in place" for place in changed]
    differing = [name for name in grads if not _same(grads[name], again.get(name))]
    if differing and not changed and _is_erratic(forward, backward, inputs, upstream, grads, again):
        failures.append(
            f"backward called twice gave different gradients of {', '.join(differing)}{_because(drew)}: "
            f"it is not deterministic, so {NO_DERIVATIVE}"
        )
        return grads, failures, notes
    failures += [f"backward called twice on one cache gave different gradients of {name}" for name in differing]
    notes += [
        f"backward returns the gradient of {name} in the same memory each time: the next call overwrites the answer"
        for name, _ in (pair for name in grads for pair in shared({name: answer[name]}, {name: second.get(name)}))
        if not any(f"gradient of {name} shares" in note for note in notes)
    ]
    return grads, failures, notes


def _is_erratic(forward, backward, inputs, upstream, grads, again):
    """Tell chance from memory: one that remembers adds up, or answers a fresh cache as it did the first one."""
    if all(_same(2 * grads[name], again.get(name)) for name in grads):
        return False
    _, cache = _pair(forward(inputs))
    fresh = _answers(backward(_copied(upstream), cache))
    return not all(_same(grads[name], fresh.get(name)) for name in grads)


def draw_upstream(outputs: dict[str, Any], seed: int) -> dict[str, np.ndarray]:
    """Draw a gradient for every floating-point output: random signs, sizes between 0.5 and 1.5.

    No entry is near zero, where it could hide a mistake, and no two are alike, so sums and swaps show.

    Parameters
    ----------
    outputs : dict of str to array
    seed : int

    Returns
    -------
    dict of str to array
        Each the shape and dtype of its output.
    """
    rng = np.random.default_rng([seed, 1])  # another stream than default_rng(seed), which drew the inputs
    upstream = {}
    for name, output in outputs.items():
        output = np.asarray(output)
        if output.dtype.kind == "f":
            signs = rng.choice([-1.0, 1.0], size=output.shape)
            upstream[name] = np.asarray(signs * rng.uniform(0.5, 1.5, size=output.shape), dtype=output.dtype)
    return upstream


@contextmanager
def global_random_state_kept() -> Iterator[None]:
    """Leave NumPy's global random state as it was, whatever the judged code draws from it."""
    before = _random_state()
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002 - it is this state that is kept


def _random_state():
    return np.random.get_state()  # noqa: NPY002 - judged code may draw from it


def _alike(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _because(drew):
    return " (it draws from NumPy's global random state)" if drew else " (dropout, or a state that it keeps?)"


def _same(one, other):
    """Compare two answers; a product may round otherwise when its operands lie elsewhere in memory."""
    if other is None or one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.dtype.kind != "f":
        return identical(one, other)
    allowed = 8 * np.finfo(one.dtype).eps * np.max(np.abs(one), initial=0, where=np.isfinite(one))
    return np.allclose(one, other, rtol=0, atol=allowed, equal_nan=True)


def _pair(result):
    if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[0], dict):
        raise TypeError(f"it returned {type(result).__name__}, expected (outputs, cache) with a dict of outputs")
    return result


def _copied(arrays):
    return {name: np.array(array) for name, array in arrays.items()}


def _answers(grads):
    if not isinstance(grads, dict):
        raise TypeError(f"it returned {type(grads).__name__}, expected a dict of gradients keyed as the inputs")
    return {name: np.array(grad) for name, grad in grads.items() if grad is not None}


def _aliases(answer, given, inputs, cache):
    """Note gradients that lie in memory of something else: whoever changes one later changes the other."""
    grads = {name: grad for name, grad in answer.items() if isinstance(grad, np.ndarray)}
    notes = []
    for what, thing in (("its upstream ", given), ("the input ", inputs), ("cache", cache)):
        for name, place in shared(grads, thing):
            label = what + (_dotted(place) if what == "cache" else place)
            notes.append(f"the gradient of {name} shares memory with {label}: changing one changes the other")
            del grads[name]
    names = list(grads)
    for k, name in enumerate(names):
        for _, other in shared({name: grads[name]}, {later: grads[later] for later in names[k + 1 :]}):
            notes.append(f"the gradients of {name} and {other} share memory: changing one changes the other")
    return notes


def _misnamed(grads, inputs):
    """Complain of gradients that belong to no input, and of a precision that is not the input's."""
    for name, grad in grads.items():
        wanted = inputs.get(name)
        if not isinstance(wanted, np.ndarray) or wanted.dtype.kind != "f":
            yield f"backward returned a gradient of {name}, which is no floating-point input"
        elif grad.dtype.kind == "f" and grad.dtype != wanted.dtype:
            yield f"the gradient of {name} is {grad.dtype}, although the input is {wanted.dtype}"


def _narrow(outputs, inputs):
    """Note outputs with fewer digits than every input: what was lost on the way blurs the gradient."""
    floats = [array.dtype for array in inputs.values() if isinstance(array, np.ndarray) and array.dtype.kind == "f"]
    for name, output in outputs.items():
        dtype = np.asarray(output).dtype
        if dtype.kind == "f" and floats and all(dtype.itemsize < given.itemsize for given in floats):
            yield f"output {name} is {dtype}, although inputs are {min(floats, key=lambda d: d.itemsize)}"


def _dotted(place):
    return place if not place or place.startswith("[") else f".{place}"
