"""Our own signatures: which arguments a call changes, and what a student's function cannot take."""

import inspect


class NotCovered(Exception):
    """The student's function does not take what a variant needs; that is no mistake."""


def changed(bound: inspect.BoundArguments, plan: inspect.Signature) -> set[str]:
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
