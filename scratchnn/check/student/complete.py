"""Make a whole op of a student's functions: what is missing comes from our reference."""

import linecache
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

from scratchnn import ops

from ..diagnose import subjects_of
from ..diagnose.planted import rebound
from .adapt import Adapter, Form, Own, discover, looped, runs
from .load import Student, load
from .otherwise import RESET_FIRST, SENTENCE


def complete(student: Student, form: Form | None = None, seed: int = 0) -> SimpleNamespace:
    """Run the student's file and plant its functions into a copy of our reference.

    Parameters
    ----------
    student : Student
    form : Form, optional
        How its arrays lie, where that is known; else it is looked for.
    seed : int
        Draws what the forward is compared on.

    Returns
    -------
    SimpleNamespace
        A backend: a reference's names. The reference's ``backward`` calls the student's ``step_backward``, and so on;
        ``forward`` and ``backward`` take and give what ours do, whatever arguments and containers the student's have.
        ``form`` is how its arrays lie.
    """
    reference = ops.backend(getattr(ops, student.op), "reference")
    names = rebound(reference)
    if student.adapter:
        names["mine"] = executed(student, names, "mine")
        student = load(student.adapter, student.op)
    own = run(student, names)
    names |= {name: function for name, function in own.functions.items() if own.cls is None}
    subjects = subjects_of(student.op)
    if not {"forward", "backward", "log_forward", "log_backward"} & set(own.functions):
        backend = Adapter(own, reference, names, form).backend()
        if "step" in own.functions and not runs(backend, subjects[0], seed):
            own = looped(own, reference.Params._fields) or own
            if "forward" in own.functions:
                backend = discover(own, reference, names, subjects, seed, form)
                backend.adapter.form = backend.adapter.form._replace(stepwise=True)
    else:
        backend = discover(own, reference, names, subjects, seed, form)
    if student.op == "gru" and not getattr(backend, "equal", True) and "forward" in own.functions:
        other = discover(own, RESET_FIRST, vars(RESET_FIRST) | own.functions, subjects[:1], seed, form)
        if getattr(other, "equal", True):
            other.assumed.insert(0, SENTENCE)
            backend = other
    backend.form, backend.right = backend.adapter.form, backend.adapter.reference
    return backend


def run(student: Student, names: dict) -> Own:
    """Run the source in a module where the reference's names that it does not define can be found.

    Parameters
    ----------
    student : Student
    names : dict
        Of the reference.

    Returns
    -------
    Own

    Raises
    ------
    TypeError
        A function is none once the file has run.
    """
    return own_of(student, vars(executed(student, names, "student")))


def own_of(student: Student, space: dict) -> Own:
    """Pick the student's functions out of the names of a module that has run.

    Parameters
    ----------
    student : Student
    space : dict

    Returns
    -------
    Own

    Raises
    ------
    TypeError
        A function is none.
    """
    functions, cls = {}, None
    for name, theirs in student.theirs.items():
        holder, _, method = theirs.rpartition(".")
        thing = space.get(holder or theirs)
        if holder:
            cls, thing = thing, getattr(thing, method, None)
        if not callable(thing):
            raise TypeError(f"{theirs} is {thing!r} once the file has run, expected a function")
        functions[name] = thing
    return Own(student, functions, cls)


def executed(student: Student, names: dict, called: str) -> ModuleType:
    """Run a source in a module of its own.

    Parameters
    ----------
    student : Student
    names : dict
        What it finds there.
    called : str
        The module's name.

    Returns
    -------
    module
    """
    module = ModuleType(called)
    module.__file__ = student.file
    for name, thing in names.items():
        if not name.startswith("__") and (name == "mine" or not isinstance(thing, ModuleType)):
            setattr(module, name, thing)
    sys.modules[module.__name__] = module
    folder = str(Path(student.file).resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    lines = student.source.splitlines(keepends=True)
    linecache.cache[student.file] = (len(student.source), None, lines, student.file)
    exec(compile(student.source, student.file, "exec", dont_inherit=True), vars(module))
    return module
