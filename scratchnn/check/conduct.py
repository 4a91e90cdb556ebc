"""How a pair of passes behaves: does it leave what it is given alone, and say the same thing twice?"""

from typing import NamedTuple

import numpy as np


class Observed(NamedTuple):
    """What came out of one forward and two backward passes."""

    upstream: dict[str, np.ndarray]  # drawn for every floating-point output
    grads: dict[str, np.ndarray] | None  # the first answer, copied; None if there is none to judge
    failures: tuple[str, ...]  # one sentence each


def observe(forward, backward, inputs, seed):
    """Run both passes, twice, and watch everything that they touch.

    Parameters
    ----------
    forward, backward, inputs, seed
        As for ``check_gradients``.

    Returns
    -------
    Observed
    """
    failures = []
    inputs = {name: array.copy() if isinstance(array, np.ndarray) else array for name, array in inputs.items()}
    before = snapshot(inputs)
    try:
        first, _ = _pair(forward(inputs))
        kept = _copied(first)
        outputs, cache = _pair(forward(inputs))
    except Exception as error:
        return Observed({}, None, (f"forward raised {type(error).__name__}: {error}",))
    changed = changes(before, inputs)
    failures += [f"forward changed its input {place} in place" for place in changed]
    failures += [
        f"forward called twice with the same inputs gave different outputs {name}"
        for name, array in kept.items()
        if not changed and not (name in outputs and _same(array, np.asarray(outputs[name])))
    ]
    failures += [
        f"output {name} is {array[~np.isfinite(array)][0]} somewhere, so no gradient exists"
        for name, array in _copied(outputs).items()
        if array.dtype.kind == "f" and not np.isfinite(array).all()
    ]
    upstream = draw_upstream(outputs, seed)
    if not upstream:
        failures.append("forward returned no floating-point output")
        return Observed({}, None, tuple(failures))

    watched = {"inputs": snapshot(inputs), "cache": snapshot(cache), "outputs": snapshot(outputs)}
    given = {name: array.copy() for name, array in upstream.items()}
    try:
        answer = backward(given, cache)
        changed = [f"its upstream {place}" for place in changes(snapshot(upstream), given)]
        changed += [f"the input {place}" for place in changes(watched["inputs"], inputs)]
        changed += [f"cache{_dotted(place)}" for place in changes(watched["cache"], cache)]
        changed = changed or [f"the output {place}" for place in changes(watched["outputs"], outputs)]
        grads = _answers(answer)
        again = _answers(backward({name: array.copy() for name, array in upstream.items()}, cache))
    except Exception as error:
        return Observed(upstream, None, (*failures, f"backward raised {type(error).__name__}: {error}"))
    failures += [f"backward changed {place} in place" for place in changed]
    failures += [
        f"backward called twice on one cache gave different gradients of {name}"
        for name in grads
        if not _same(grads[name], again.get(name))
    ]
    failures += _misnamed(grads, inputs)
    return Observed(upstream, grads, tuple(failures))


def draw_upstream(outputs, seed):
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


def snapshot(thing):
    """Copy every array and number that can be reached from ``thing``, keyed by where it stands.

    Parameters
    ----------
    thing : any nesting of tuples, lists, dicts, objects and arrays

    Returns
    -------
    dict of str to array or number
    """
    return {place: np.array(leaf) if isinstance(leaf, np.ndarray) else leaf for place, leaf in _leaves(thing, "", [])}


def changes(before, thing):
    """Name the places where ``thing`` is no longer what its snapshot says, bit for bit.

    Parameters
    ----------
    before : dict
        What ``snapshot`` gave.
    thing : any

    Returns
    -------
    list of str
    """
    now = dict(_leaves(thing, "", []))
    places = [*before, *(place for place in now if place not in before)]
    return [place for place in places if not _identical(before.get(place), now.get(place))]


def _leaves(thing, place, above):
    if isinstance(thing, np.ndarray | np.generic) or thing is None or isinstance(thing, int | float | complex | str):
        yield place, thing
        return
    if any(thing is parent for parent in above):
        return
    above = [*above, thing]
    if isinstance(thing, dict):
        parts = [(f".{key}", value) for key, value in thing.items()]
    elif isinstance(thing, tuple) and hasattr(thing, "_fields"):
        parts = [(f".{field}", getattr(thing, field)) for field in thing._fields]
    elif isinstance(thing, tuple | list):
        parts = [(f"[{k}]", value) for k, value in enumerate(thing)]
    elif not callable(thing) and hasattr(thing, "__dict__"):
        parts = [(f".{key}", value) for key, value in vars(thing).items()]
    else:
        return
    for part, value in parts:
        yield from _leaves(value, (place + part).removeprefix("."), above)


def _identical(one, other):
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        alike = one.shape == other.shape and one.dtype == other.dtype
        return alike and (one.dtype.kind == "O" or one.tobytes() == other.tobytes())
    if type(one) is not type(other):
        return False
    return bool(one == other or (one != one and other != other))


def _same(one, other):
    """Compare two answers; a product may round otherwise when its operands lie elsewhere in memory."""
    if other is None or one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.dtype.kind != "f":
        return _identical(one, other)
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


def _misnamed(grads, inputs):
    """Complain of gradients that belong to no input, and of a precision that is not the input's."""
    for name, grad in grads.items():
        wanted = inputs.get(name)
        if not isinstance(wanted, np.ndarray) or wanted.dtype.kind != "f":
            yield f"backward returned a gradient of {name}, which is no floating-point input"
        elif grad.dtype.kind == "f" and grad.dtype != wanted.dtype:
            yield f"the gradient of {name} has dtype {grad.dtype}, expected {wanted.dtype} as the input"


def _dotted(place):
    return place if not place or place.startswith("[") else f".{place}"
