"""Many wrong modules quickly: only the functions that a bug changes are compiled."""

import ast
import functools
import inspect
from types import FunctionType, ModuleType, SimpleNamespace

from scratchnn import ops
from scratchnn.misconceptions import Bug

from ..catalogue import planting


def planted(*bugs: Bug) -> SimpleNamespace:
    """Make a wrong backend, as ``catalogue.plant`` does, in a tenth of the time.

    Parameters
    ----------
    bugs : Bug
        One, or several of one room.

    Returns
    -------
    SimpleNamespace
        The names of the reference, its functions calling each other's changed forms.

    Raises
    ------
    ValueError
        As for ``catalogue.plant``.
    """
    room = planting.room_of(bugs[0])
    text = planting.source(*bugs)
    reference = ops.backend(getattr(ops, room), "reference")
    if any(_holds_functions(thing) for name, thing in vars(reference).items() if not name.startswith("__")):
        return SimpleNamespace(**vars(planting.plant(*bugs)))  # a table of functions has to be made anew
    names = rebound(reference)
    lines = text.splitlines(keepends=True)
    for function in {edit.function for bug in bugs for edit in bug.edits}:
        code = _slice(lines, function)
        exec(compile(code, f"<{room} with {', '.join(bug.id for bug in bugs)}>", "exec", dont_inherit=True), names)
    return SimpleNamespace(**{name: value for name, value in names.items() if not name.startswith("__")})


def rebound(module: ModuleType) -> dict:
    """Copy a module's names; its functions look up each other in the copy.

    Parameters
    ----------
    module : module

    Returns
    -------
    dict
    """
    names = dict(vars(module))
    for name, thing in vars(module).items():
        if inspect.isfunction(thing) and thing.__module__ == module.__name__:
            names[name] = FunctionType(thing.__code__, names, name, thing.__defaults__)
            names[name].__kwdefaults__ = thing.__kwdefaults__
            names[name].__doc__ = thing.__doc__
    return names


def _holds_functions(thing):
    if isinstance(thing, dict):
        thing = tuple(thing.values())
    return isinstance(thing, tuple | list) and any(
        inspect.isfunction(part) or _holds_functions(part) for part in thing if not isinstance(part, str)
    )


@functools.cache
def _indented(line):
    return line[:1] in (" ", "\t", "\n", "#", ")", "")


def _slice(lines, function):
    """Cut a function out of a source by its lines, without its docstring."""
    first = next(k for k, line in enumerate(lines) if line.startswith(f"def {function}("))
    after = first + 1
    while after < len(lines) and _indented(lines[after]):
        after += 1
    return compile("\n" * first + "".join(lines[first:after]), function, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
