"""Find the form of a student's arrays: the first one with which the forward equals ours."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from ... import conduct
from ...subjects import Subject
from .adapter import Adapter
from .form import Form, forms
from .outputs import EQUAL, SINGLE
from .own import Own
from .weights import arrangements

SECONDS = 8.0  # that the search may take
SCORES = {"": ("scaled_dot", "dot"), "one": ("general",), "three": ("additive",)}


def candidates(own: Own, reference: Any) -> Iterator[Form]:
    """List the forms that the names allow.

    Parameters
    ----------
    own : Own
    reference : module

    Yields
    ------
    Form
    """
    op = own.student.op
    fields = reference.Params._fields if hasattr(reference, "Params") else ()
    name = next((one for one in ("forward", "step", "log_forward", "backward") if one in own.functions), "")
    if not name or name == "step" or not ({"forward", "log_forward"} & set(own.functions)):
        yield Form()
        return
    if own.cls is None and own.binding(name, fields) is None:
        yield Form()
        return
    if op == "attention":
        yield from _of_attention(own, fields, name)
        return
    _, names = own.arrays(name, fields) if fields else ("", ())
    yield from forms(op, arrangements(op, names, fields) if fields else None, ())


def _of_attention(own, fields, name):
    binding = own.binding(name, fields)
    if binding is not None and "score" in binding.roles:
        yield Form()
        return
    kind, names = own.arrays(name, fields)
    names = () if kind == "ours" else names
    scores = {0: SCORES[""], 1: SCORES["one"], 3: SCORES["three"]}.get(len(names), ())
    wanted = {0: (), 1: ("W_a",), 3: ("W_q", "W_k", "v_a")}.get(len(names), fields)
    yield from forms("attention", arrangements("attention", names, wanted), scores)


def narrowed(subject: Subject, adapter: Adapter) -> Subject:
    """Leave out of a problem what the student's code does not have.

    Parameters
    ----------
    subject : Subject
    adapter : Adapter

    Returns
    -------
    Subject
        Inputs that it does not take are 0; those, and inputs of which it gives no gradient, are not judged; outputs
        that its backward takes no gradient of are not in the loss.
    """
    zero, constant, silent = (frozenset(one) for one in (adapter.zero, adapter.constant, adapter.silent))
    if not zero | constant | silent:
        return subject

    def make(rng, backend="reference"):
        problem = subject.make(rng, backend)
        held = {
            name: np.zeros_like(array) if name in zero else array
            for name, array in problem.inputs.items()
            if name in zero | constant
        }
        inputs = {name: array for name, array in problem.inputs.items() if name not in held}
        seen = {}

        def forward(inputs):
            outputs, cache = problem.forward(inputs | held)
            seen.update({name: np.shape(output) for name, output in outputs.items()})
            return {name: output for name, output in outputs.items() if name not in silent}, cache

        def backward(upstream, cache):
            left_out = silent if subject.name.endswith(".article") else silent - {"alpha"}
            none = {name: np.zeros(shape) for name, shape in seen.items() if name in left_out}
            found = problem.backward(none | upstream, cache)
            return {name: grad for name, grad in found.items() if name not in held}

        return problem._replace(forward=forward, backward=backward, inputs=inputs)

    return subject._replace(make=make)


def compared(subject: Subject, backend: Any, seed: int, right: Any = "reference") -> str:
    """Compare the outputs with ours.

    Parameters
    ----------
    subject : Subject
    backend : module
    seed : int
    right : str or module
        Ours.

    Returns
    -------
    str
        A sentence about the first output that is not ours, empty if all are.
    """
    subject = narrowed(subject, backend.adapter)
    ours, theirs = (subject.make(np.random.default_rng(seed), one) for one in (right, backend))
    inputs = {name: np.array(array) for name, array in theirs.inputs.items()}
    with np.errstate(all="ignore"), conduct.global_random_state_kept():
        given, right = theirs.forward(inputs)[0], ours.forward(ours.inputs)[0]
    for name, expected in right.items():
        if name not in given:
            continue
        got = np.asarray(given[name])
        if got.shape != np.shape(expected):
            return f"{name} has shape {got.shape}, expected {np.shape(expected)}"
        bound = (SINGLE if got.dtype.itemsize < 8 else EQUAL) * max(
            float(np.max(np.abs(expected), initial=0)), 1e-300
        )
        wrong = ~np.isclose(got, expected, rtol=0, atol=bound)
        if wrong.any():
            index = tuple(int(k) for k in np.argwhere(wrong)[0])
            at = ", ".join(map(str, index))
            return f"{name}[{at}] is {got[index]:.6g}, expected {expected[index]:.6g} ({wrong.sum()} of {wrong.size})"
    return ""


def discover(
    own: Own, reference: Any, names: dict[str, Any], subjects: list[Subject], seed: int, chosen: Form | None = None
) -> SimpleNamespace:
    """Find the form, and try out the backward once, so that it is known what it takes and gives.

    Parameters
    ----------
    own : Own
    reference : module
    names : dict
        Ours with the student's functions in it.
    subjects : list of Subject
        The plain ones first.
    seed : int
    chosen : Form, optional
        Known already.

    Returns
    -------
    SimpleNamespace
        The backend; the likeliest one if no form's forward equals ours.

    Raises
    ------
    TypeError
        Its arguments stay a riddle in every form.
    """
    first, equal, error, likely, deadline = None, None, None, chosen, time.process_time() + SECONDS
    for form in [chosen] if chosen else candidates(own, reference):
        likely = likely or form
        if time.process_time() > deadline:
            break
        backend = Adapter(own, reference, names, form)
        try:
            backend = backend.backend()
            sentence = _tried(own, form, subjects, backend, seed, reference)
        except Exception as raised:  # with another form it may run
            error = error or raised
            continue
        if not sentence:
            if _settle(subjects, backend, seed):
                return backend
            equal = equal or backend  # its backward raises; with another form it may not
        first = first or backend
    if equal is not None:
        return equal
    first = first and _marked(first)
    if first is None:
        try:
            first = Adapter(own, reference, names, likely).backend()
        except TypeError:
            raise error or TypeError("no form of its arguments could be tried") from None
    else:
        _settle(subjects, first, seed)
    first.error = error
    return first


def _marked(backend):
    """Note that its forward is not ours."""
    backend.equal = False
    return backend


def _tried(own, form, subjects, backend, seed, right):
    """Compare on the first variants: any that is equal will do."""
    said = "no variant could be asked"
    for subject in subjects[:4]:
        if own.student.op == "attention" and form.score and f".{form.score}." not in subject.name:
            continue
        if not subject.name.endswith((".plain", ".tanh", ".bias", ".mean", ".none", ".dot", ".no_bias")):
            continue
        try:
            said = compared(subject, backend, seed, right)
        except Exception:
            if subject is subjects[0] or own.student.op == "attention":
                raise
            continue
        if not said:
            return ""
    return said


def _settle(subjects, backend, seed):
    """Run the backward once: it shows what it gives no gradient of. False if it raised wherever the forward ran."""
    ran = False
    for subject in subjects[:4]:
        try:
            problem = narrowed(subject, backend.adapter).make(np.random.default_rng(seed), backend)
            with np.errstate(all="ignore"), conduct.global_random_state_kept():
                outputs, kept = problem.forward({name: np.array(array) for name, array in problem.inputs.items()})
                ran = True
                problem.backward(conduct.draw_upstream(outputs, seed), kept)
        except Exception:  # the check will tell
            continue
        return True
    return not ran


def runs(backend: Any, subject: Subject, seed: int) -> bool:
    """Whether the forward can be run at all.

    Parameters
    ----------
    backend : module
    subject : Subject
    seed : int

    Returns
    -------
    bool
    """
    problem = subject.make(np.random.default_rng(seed), backend)
    try:
        with np.errstate(all="ignore"), conduct.global_random_state_kept():
            problem.forward(problem.inputs)
    except Exception:
        return False
    return True
