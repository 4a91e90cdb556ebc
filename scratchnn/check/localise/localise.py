"""The whole of it: push, repair; else record, judge, blame, repair; then examine the repaired source again."""

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchnn.probe.tape.moves import STEP, Unmoved
from scratchnn.probe.tape.taps import Taps

from ..diagnose import probing
from ..student.load import Student
from ..subjects import Subject
from .faults import farthest, fault, fault_of
from .pushing import Pushing
from .repairs.search import Found, Search
from .repairs.trying import Bench
from .result import Edit, Fault, Localisation
from .source.stage import Passes, Stage
from .source.statements import edited_line, replaced
from .truth.blame import Blame
from .truth.pool import Pool
from .truth.records import WRONG, Written, judge, look_at_answers, record
from .truth.truths import steps_of, truths

SECONDS = 4.0  # of the processor
MOST_FAULTS = 6
SHOWN = 5
MISSING = "after this line a statement is missing"


def localise(
    student: Student,
    backend: Any,
    subject: Subject,
    seeds: Sequence[int] = (0, 1),
    *,
    seconds: float = SECONDS,
    others: Sequence[Subject] = (),
    ours: bool = True,
) -> Localisation:
    """Name the first wrong line of a student's backward, and the edit that repairs it, without a list of mistakes.

    Parameters
    ----------
    student : Student
    backend : module
        As ``complete`` gives it: says how the student's arrays are laid out.
    subject : Subject
        On which the gradients are wrong.
    seeds : sequence of int
        The first is searched on, the second confirms.
    seconds : float
        That the search may take.
    others : sequence of Subject
        More variants of the op, on which a repair must be right as well.
    ours : bool
        The forward is as ours, so that our gradients are the true ones.

    Returns
    -------
    Localisation
        Empty if the gradients are right.
    """
    deadline = time.process_time() + seconds
    try:
        return _Localising(student, backend, subject, seeds, others, ours, deadline).result()
    except Unmoved as error:
        return Localisation(complete=False, why=f"the forward cannot be followed with complex numbers: {error}")


class _Localising:
    def __init__(self, student, backend, subject, seeds, others, ours, deadline):
        self.student, self.given, self.deadline = student, backend, deadline
        subjects = [subject, *(one for one in others if one.name != subject.name)]
        self.stage = Stage(student, backend)
        self.passes = [one for seed in seeds for one in self._run(subjects, seed)]
        self.truths = [self._true(one, ours) for one in self.passes]
        self.bench = Bench(self.stage, self.passes, self.truths)
        self.faults: list[Fault] = []
        self.sure = True
        self.complete = True

    def result(self):
        if self.bench.all_right():
            return Localisation()
        suspects, pool, likely = (), None, None
        for _ in range(MOST_FAULTS):
            if not self._turned():
                pool = None
            pool = self._pool() if pool is None else pool
            written, grads, _ = record(self.stage, self.passes[0])
            pushing = Pushing(self, pool, written)
            found = pushing.found()
            if found is None and pushing.reached and likely is None:  # one line is known to suffice, but not how
                likely = (*self.faults, fault_of(pushing.reached[0], pushing.keeper))
            if found is not None and self._accept(found, written):
                if not found.whole:
                    continue
                return self._whole(suspects)
            judge(written, pool)
            lost = look_at_answers(written, grads, self.truths[0])
            blame = Blame(written, self.bench.statements, pool, lost)
            suspects = suspects or self._suspects(blame)
            found = self._found(blame, pool, written)
            if found is None:
                self._unrepaired(blame)
                break
            if not self._accept(found, written):
                self._unrepaired(blame)
                break
            if found.whole:
                return self._whole(suspects)
        return Localisation(likely or tuple(self.faults), suspects, False, self.complete)

    def _whole(self, suspects):
        """All is right after the edits; certain if each of them is a small one."""
        faults = [dataclasses.replace(one, certain=self.sure) for one in self.faults]
        shown = () if self.sure else suspects
        return Localisation(tuple(faults), shown, self.sure, self.complete, repaired=True)

    def _found(self, blame, pool, written):
        """Search where the first alarm points; take what repairs it; search everywhere only if nothing does."""
        search = Search(self.bench, pool, self.deadline)
        ordered = blame.suspects()
        found = search.repair(ordered[: blame.first])
        if found is None:
            found = self._progress(search.partial, written, pool)
        if found is None:
            found = search.repair(ordered[blame.first :])
        if found is None and search.partial:
            found = next((one for one in search.partial if one.here), None)
        self.complete = self.complete and not search.late
        return found

    def _turned(self):
        """Put passes first on which there is something to see; say whether they were."""
        k = next((k for k in range(len(self.passes)) if not self.bench.right(k)), 0)
        if k:
            for some in (self.passes, self.truths):
                some.insert(0, some.pop(k))
        return k == 0

    def _run(self, subjects, seed):
        """Run the forward on every variant; one that the code does not know of is left out."""
        plain, found = self.stage.plain(), []
        for subject in subjects:
            one = Passes(subject, seed)
            try:
                one.gradients(plain.backend)
            except Exception:
                if subject is subjects[0]:
                    raise
                continue
            found.append(one)
        return found

    def _laid_out(self, arrays):
        """Give arrays as the student's code has them, parameters under its names of them."""
        try:
            return self.stage.adapter.in_their_form(arrays)
        except KeyError:  # a variant without one of the parameters
            return dict(arrays)

    def _true(self, passes, ours):
        if ours:
            found = probing.answer(probing.Probe(passes.subject, passes.seed))
            if found is not None:
                return found
        return _by_complex_steps(self.stage, passes)

    def _pool(self):
        passes = self.passes[0]
        found = truths(self.stage, passes, self.deadline)
        finals = self._laid_out(self.truths[0])
        floats = {n: a for n, a in passes.inputs.items() if isinstance(a, np.ndarray) and a.dtype.kind == "f"}
        given = self._laid_out(floats)
        given |= {f"^{name}": array for name, array in passes.upstream.items()}
        return Pool(found, steps_of(self.stage, passes), finals, given)

    def _suspects(self, blame):
        shown, lines = [], set()
        for one in [*blame.alarms(), *filter(None, [blame.first_alarm()])]:
            if one.accepts and one.line not in lines and len(shown) < SHOWN:
                lines.add(one.line)
                expected, got, _ = farthest(one.accepts[0], one.value)
                shown.append((one.line, one.record.site.text, expected, got))
        return tuple(shown)

    def _progress(self, partial, written, pool):
        """Among edits that repair a statement only, find the one after which the first wrong record is latest."""
        before = _first_wrong(written, self.bench, pool)
        for found in partial:
            if found.here:
                return found
        best, far = None, before
        for found in partial[:6]:
            if time.process_time() > self.deadline:
                break
            try:
                again, _, _ = record(self.edited(found), self.passes[0])
            except Exception:  # it fits once and fails later
                continue
            judge(again, pool)
            reached = _first_wrong(again, self.bench, pool)
            if reached > far:
                best, far = found, reached
        return best

    def edited(self, found: Found) -> Stage:
        """Put an edit into the source."""
        source = replaced(self.stage.student.source, list(found.texts))
        return Stage(dataclasses.replace(self.stage.student, source=source), self.given)

    def _accept(self, found: Found, written: list[Written]):
        """Put an edit into the source; say whether that runs."""
        try:
            stage = self.edited(found)
            again, _, _ = record(stage, self.passes[0])
        except Exception:  # it writes what it should there, and fails elsewhere
            return False
        statement = found.suspect.statement
        edit = Edit(found.before, found.after, found.words)
        text = statement.text if found.before or not found.after else MISSING
        here = fault(statement.line, text, edit, written, again)
        here = dataclasses.replace(here, line=edited_line(statement, dict(found.texts)[statement.node]))
        if self.faults and self.faults[-1].line == here.line and self.faults[-1].edit is not None:
            first = self.faults.pop()  # two steps of one repair
            words = f"{first.edit.words}; {found.words}"
            here = dataclasses.replace(first, edit=Edit(first.edit.before, found.after, words))
        self.faults.append(here)
        self.sure = self.sure and found.sure
        self.stage, self.bench = stage, Bench(stage, self.passes, self.truths)
        return True

    def _unrepaired(self, blame):
        alarm = blame.likely()
        statement = blame.statement_of(alarm) if alarm is not None else None
        if alarm is None or statement is None or (blame.lost and alarm.status != WRONG):
            for statement in blame.returns()[:1]:
                nothing = float("nan")
                self.faults.append(
                    Fault(statement.line, statement.text, None, (), nothing, nothing, "return", None, False)
                )
            return
        expected, got, index = np.nan, float(np.ravel(alarm.value)[0]), ()
        if alarm.accepts:
            expected, got, index = farthest(alarm.accepts[0], alarm.value)
        self.faults.append(
            Fault(statement.line, statement.text, alarm.t, index, expected, got, alarm.name, None, False)
        )


def _first_wrong(written, bench, pool):
    blame = Blame(written, bench.statements, pool)
    alarm = blame.first_alarm()
    return alarm.record.number if alarm is not None else len(written) * 10**6


def _by_complex_steps(stage, passes):
    """The true gradients of the student's own forward."""
    built = stage.tapped(Taps())
    names = [name for name, array in passes.inputs.items() if np.asarray(array).dtype.kind == "f"]
    found = {}
    for name in names:
        grad = np.zeros(passes.inputs[name].shape)
        for index in np.ndindex(grad.shape):
            moved = {key: np.asarray(array) for key, array in passes.inputs.items()}
            moved = {key: array.astype(complex) if key in names else array for key, array in moved.items()}
            moved[name][index] += 1j * STEP
            outputs, _ = passes.forward(built.backend, moved)
            grad[index] = sum(np.sum(np.imag(outputs[key]) * up) for key, up in passes.upstream.items()) / STEP
        found[name] = grad
    return found
