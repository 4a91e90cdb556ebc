"""Make a whole op of a student's functions: what is missing comes from our reference."""

import linecache
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

from scratchnn import ops

from ..diagnose.planted import rebound
from .adapt import Adapter, Convention
from .load import Student


def complete(student: Student, convention: Convention | None = None) -> SimpleNamespace:
    """Run the student's file and plant its functions into a copy of our reference.

    Parameters
    ----------
    student : Student
    convention : Convention, optional
        How its arrays are laid out, if not as ours.

    Returns
    -------
    SimpleNamespace
        A backend: a reference's names. The reference's ``backward`` calls the student's ``step_backward``, and so on;
        ``forward`` and ``backward`` take and give what ours do, whatever arguments and containers the student's have.
    """
    reference = ops.backend(getattr(ops, student.op), "reference")
    names = rebound(reference)
    own = _run(student, names)
    for function in student.functions:
        names[function] = own[function]
    adapter = Adapter(student, reference, names, convention)
    return SimpleNamespace(**adapter.backend())


def _run(student, names):
    """Run the source in a module where the reference's names that it does not define can be found."""
    module = ModuleType("student")
    module.__file__ = student.file
    for name, thing in names.items():
        if not name.startswith("__") and not isinstance(thing, ModuleType):
            setattr(module, name, thing)
    sys.modules[module.__name__] = module
    folder = str(Path(student.file).resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    lines = student.source.splitlines(keepends=True)
    linecache.cache[student.file] = (len(student.source), None, lines, student.file)
    exec(compile(student.source, student.file, "exec", dont_inherit=True), vars(module))
    for name in student.functions:
        if not callable(vars(module).get(name)):
            raise TypeError(f"{name} is {vars(module).get(name)!r} once the file has run, expected a function")
    return vars(module)
