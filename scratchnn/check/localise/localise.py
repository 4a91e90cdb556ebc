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
from .blame import Blame
from .mend import heads, mended
from .pool import Pool
from .reach import Reach
from .records import WRONG, Written, judge, look_at_answers, record
from .result import Edit, Fault, Localisation
from .search import Found, Search
from .stage import Passes, Stage
from .statements import replaced
from .truths import steps_of, truths
from .trying import Bench
from .weigh import RIGHT, UNKNOWN, Weigher

SECONDS = 4.0  # of the processor
MOST_FAULTS = 6
SHOWN = 5


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
        self.complete = True

    def result(self):
        if self.bench.all_right():
            return Localisation()
        suspects, pool = (), None
        for _ in range(MOST_FAULTS):
            if not self._turned():
                pool = None
            pool = self._pool() if pool is None else pool
            written, grads, _ = record(self.stage, self.passes[0])
            found = self._pushed(Weigher(pool, written))
            if found is not None:
                self._accept(found, written)
                if not found.whole:
                    continue
                faults = [dataclasses.replace(one, certain=True) for one in self.faults]
                return Localisation(tuple(faults), suspects, True, self.complete)
            if self.reached:
                self.faults.append(_of_reached(self.reached[0]))
                break
            judge(written, pool)
            lost = look_at_answers(written, grads, self.truths[0])
            blame = Blame(written, self.bench.statements, pool, lost)
            suspects = suspects or self._suspects(blame)
            found = self._found(blame, pool, written)
            if found is None:
                self._unrepaired(blame)
                break
            self._accept(found, written)
            if found.whole:
                faults = [dataclasses.replace(one, certain=True) for one in self.faults]
                return Localisation(tuple(faults), suspects, True, self.complete)
            if self.reached:
                self.faults.append(_of_reached(self.reached[0]))
                break
        return Localisation(tuple(self.faults), suspects, False, self.complete)

    def _pushed(self, weigher):
        """Find the statement that alone can make everything right, and its edit; or two of them."""
        reach = Reach(self.stage, self.bench.statements, self.passes[0], self.truths[0], self.deadline)
        places = reach.all()
        verdicts = {one.key: weigher.verdict(one, one.key in reach.bent) for one in places}
        self.reached = sorted(places, key=lambda one: (verdicts[one.key] > UNKNOWN, verdicts[one.key], one.order))
        found = sorted(
            mended(self.bench, reach, places, self.deadline), key=lambda one: _likely(verdicts[one[1].key], *one)
        )
        if found and verdicts[found[0][1].key] != RIGHT:
            return found[0][2]
        if not places:
            head = heads(self.bench, reach, self.deadline)
            if head is not None:
                return head
            both = mended(self.bench, reach, reach.all(joint=True), self.deadline)
            if both:
                return both[0][2]
        edits = self._pair(reach, weigher)
        if len(edits) == 2 or (edits and not places):
            return min(edits, key=lambda one: one[1].order)[2]
        if found:
            return found[0][2]
        return heads(self.bench, reach, self.deadline) if places else None

    def _pair(self, reach, weigher):
        """Find edits of two statements that together make everything right, or an edit of one of the two."""
        spare = []
        for pair in reach.pairs():
            true = max(weigher.verdict(one, False) for one in pair) > UNKNOWN
            edits = [] if true and spare else mended(self.bench, reach, pair, self.deadline, whole=False)
            if len(edits) == 2 and not true:
                return edits
            spare = spare or edits
        return spare

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
                expected, got, _ = _farthest(one.accepts[0], one.value)
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
                again, _, _ = record(self._edited(found), self.passes[0])
            except Exception:  # it fits once and fails later
                continue
            judge(again, pool)
            reached = _first_wrong(again, self.bench, pool)
            if reached > far:
                best, far = found, reached
        return best

    def _edited(self, found: Found) -> Stage:
        source = replaced(self.stage.student.source, list(found.texts))
        return Stage(dataclasses.replace(self.stage.student, source=source), self.given)

    def _accept(self, found: Found, written: list[Written]):
        stage = self._edited(found)
        again, _, _ = record(stage, self.passes[0])
        statement = found.suspect.statement
        edit = Edit(found.before, found.after, found.words)
        fault = _fault(statement.line, statement.text, edit, written, again)
        if self.faults and self.faults[-1].line == fault.line and self.faults[-1].edit is not None:
            first = self.faults.pop()  # two steps of one repair
            words = f"{first.edit.words}; {found.words}"
            fault = dataclasses.replace(first, edit=Edit(first.edit.before, found.after, words))
        self.faults.append(fault)
        self.stage, self.bench = stage, Bench(stage, self.passes, self.truths)

    def _unrepaired(self, blame):
        if self.reached:
            self.faults.append(_of_reached(self.reached[0]))
            return
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
            expected, got, index = _farthest(alarm.accepts[0], alarm.value)
        self.faults.append(
            Fault(statement.line, statement.text, alarm.t, index, expected, got, alarm.name, None, False)
        )


def _first_wrong(written, bench, pool):
    blame = Blame(written, bench.statements, pool)
    alarm = blame.first_alarm()
    return alarm.record.number if alarm is not None else len(written) * 10**6


def _fault(line, text, edit, written, again):
    """Compare a run with the repaired one: the numbers of the line where it is first wrong."""
    right = _numbered(again)
    pairs = [(one, right[key]) for key, one in _numbered(written).items() if key in right]
    wrong = [(one, other) for one, other in pairs if not _equal(one.value, other.value)]
    here = [pair for pair in wrong if pair[0].line == line]
    if not (here or wrong):
        return Fault(line, text, None, (), float("nan"), float("nan"), "", edit, False)
    one, other = (here or wrong)[0]
    expected, got, index = _farthest(other.value, one.value)
    return Fault(line, text, one.t, index, expected, got, one.record.target, edit, False)


def _likely(verdict, cost, one, _):
    """Order repairs: of what is not true the cheapest, else the last of what is: up to there all was true."""
    return (0, cost, one.order) if verdict <= UNKNOWN else (verdict, -one.order)


def _of_reached(one):
    """What is known of a statement that can make everything right, but no edit was found."""
    statement = one.site.statement
    pairs = list(zip(one.wanted, one.values, strict=True))
    wanted, value = next((pair for pair in pairs if not _equal(*pair[::-1])), pairs[0])
    expected, got, index = _farthest(wanted, value)
    return Fault(
        statement.line, statement.text, None, index, expected, got, statement.head.rstrip(" +-="), None, False
    )


def _numbered(written):
    count: dict[Any, int] = {}
    found = {}
    for one in written:
        key = (one.line, one.record.target)
        count[key] = count.get(key, 0) + 1
        found[(*key, count[key])] = one
    return found


def _equal(one, other):
    return np.shape(one) == np.shape(other) and bool(
        np.max(np.abs(one - other), initial=0) <= 1e-9 * np.max(np.abs(other), initial=0)
    )


def _farthest(right, value):
    """Give the two numbers that differ most, and where."""
    right, value = np.asarray(right), np.asarray(value)
    if right.shape != value.shape:
        return float(np.ravel(right)[0]), float(np.ravel(value)[0]), ()
    index = np.unravel_index(np.argmax(np.abs(right - value)), right.shape) if right.ndim else ()
    return float(right[index]), float(value[index]), tuple(int(k) for k in index)


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
