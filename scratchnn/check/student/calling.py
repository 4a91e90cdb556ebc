"""Call a function by the names of its arguments, and look into whatever it returns."""

import inspect

import numpy as np


class NotCovered(Exception):
    """The student's function does not take what a variant needs; that is no mistake."""


def named(arguments):
    """Give every argument by name, those of params by their own names too.

    Parameters
    ----------
    arguments : dict

    Returns
    -------
    dict
    """
    given = dict(arguments)
    params = given.get("params")
    if hasattr(params, "_asdict"):
        given |= {name: array for name, array in params._asdict().items() if name not in given}
    return given


def changed(bound, plan):
    """Name the arguments that are not the default: the student's function has to take them.

    Parameters
    ----------
    bound : inspect.BoundArguments
    plan : inspect.Signature

    Returns
    -------
    set of str
    """
    return {
        name
        for name, value in bound.arguments.items()
        if plan.parameters[name].default is not inspect.Parameter.empty
        and not _is(value, plan.parameters[name].default)
    }


def _is(value, default):
    return value is default or (isinstance(value, (str, int, float)) and value == default)


def call(function, given, plan, needed):
    """Call by name where all names are known, else in our order, as far as the function takes arguments.

    Parameters
    ----------
    function : function
    given : dict
    plan : inspect.Signature
        Of our function.
    needed : set of str
        What the function must take.

    Returns
    -------
    object

    Raises
    ------
    NotCovered
        It does not take what is needed.
    TypeError
        Its arguments are not ours.
    """
    taken = inspect.signature(function).parameters
    kinds = inspect.Parameter
    if any(one.kind is kinds.VAR_KEYWORD for one in taken.values()):
        return function(*[given[name] for name in plan.parameters if name in given])
    unnamed = [name for name in taken if name not in given and taken[name].default is kinds.empty]
    if not unnamed:
        missing = needed - set(taken) - {"params"}
        if missing:
            raise NotCovered(f"it takes no {', '.join(sorted(missing))}")
        return function(
            **{
                name: given[name]
                for name in taken
                if name in given and (name in needed or not _optional(taken[name]))
            }
        )
    required = [name for name in plan.parameters if plan.parameters[name].default is kinds.empty]
    if needed - {"params"}:
        raise NotCovered(f"its arguments are {', '.join(taken)}")
    if len([name for name in taken if not _optional(taken[name])]) == len(required):
        return function(*(given[name] for name in required))
    raise TypeError(
        f"{function.__name__} takes {', '.join(taken)}, expected {', '.join(plan.parameters)}, or the weights by name"
    )


def _optional(parameter):
    return parameter.default is not inspect.Parameter.empty


def arrays(thing):
    """Find every array in tuples, lists, dicts and attributes; a list of equal arrays counts as one.

    Parameters
    ----------
    thing : object

    Yields
    ------
    array
    """
    if isinstance(thing, (np.ndarray, np.floating)):
        yield thing
    elif isinstance(thing, dict):
        for part in thing.values():
            yield from arrays(part)
    elif isinstance(thing, (tuple, list)):
        shapes = {np.shape(part) if isinstance(part, np.ndarray) else None for part in thing}
        if len(thing) and len(shapes) == 1 and None not in shapes:
            yield np.array(thing)
        for part in thing:
            yield from arrays(part)
    elif hasattr(thing, "__dict__"):
        yield from arrays(vars(thing))


def kinds(thing):
    """Describe what an object holds.

    Parameters
    ----------
    thing : object

    Returns
    -------
    str
    """
    return f"{type(thing).__name__} with arrays of shapes {sorted({np.shape(a) for a in arrays(thing)})}"
