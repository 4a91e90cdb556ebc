"""Write the test: it has to reject every planted mistake and to accept every right variant."""

import ast
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from scratchnn.check.catalogue import bug, bugs, plant
from scratchnn.check.catalogue.forms import FORMS
from scratchnn.check.catalogue.regimes import accepts, make_case, regime
from scratchnn.check.conduct import global_random_state_kept
from scratchnn.check.student import Limits, safely
from scratchnn.misconceptions import MISCONCEPTIONS, Bug

from ..fence import fence
from ..harmless import variants
from ..hiding import weaknesses
from ..verdict import BROKEN, FORMULA, LINES, NUMBERS, QUESTION, RIGHT, WHERE, WRONG, Mistake, Verdict
from .base import LEARN, Exercise

RIGHT_ONES = "right variants"
SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class OwnTest(Exercise):
    """Write a test of gradients.

    Parameters
    ----------
    form : str
        On which the mistakes have to show, a name of ``check.catalogue.forms``.
    text : str
        The function that is handed out.
    """

    form: str
    text: str
    kind: ClassVar[str] = "write the test"
    how: ClassVar[str] = (
        "Complete `accepts` and save. It is called with every right variant and with every known mistake; False or a "
        "failing assert rejects."
    )

    def body(self) -> str:
        """Write the function as it is handed out."""
        return self.text

    def planted(self) -> tuple[Bug, ...]:
        """List the mistakes that have to be rejected: those that our own check rejects on this form."""
        return _planted(self.op, self.form)

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Group what is called: the right variants, and the mistakes by the place that they belong to.

        Returns
        -------
        dict of str to tuple of str
        """
        found = {RIGHT_ONES: tuple(str(number) for number in range(len(variants(self.op))))}
        for known in self.planted():
            found[known.place] = (*found.get(known.place, ()), known.id)
        return found

    def examined(self, text: str, seed: int) -> Verdict:
        """Call the test with everything."""
        groups = self.groups()
        said, stopped, printed = _called(text, self.op, groups, LEARN)
        refused = [name for name in groups[RIGHT_ONES] if said.get(name) != "accepted"]
        missed = {
            group: [bug(name) for name in names if said.get(name) != "rejected"]
            for group, names in groups.items()
            if group != RIGHT_ONES
        }
        escaped = [known for group in missed.values() for known in group]
        if stopped and not said:
            return Verdict(BROKEN, stopped, {NUMBERS: (stopped,)}, printed=printed)
        if not refused and not escaped and not stopped:
            return Verdict(RIGHT, "right: every right variant passes, no mistake does", printed=printed)
        return Verdict(WRONG, self._headline(refused, escaped, stopped), self._hints(groups, said, refused, missed),
                       _mistakes(escaped[:1] if not refused else []), printed)  # fmt: skip

    def hints_for_holes(self, left: list[tuple[int, str]]) -> dict[int, tuple[str, ...]]:
        """Ask what a test needs."""
        return {
            QUESTION: ("which number is the right gradient compared with, and how different may the two be?",),
            FORMULA: ("error = max |given - right| / max |right|, for each of the five arrays",),
            LINES: _checklist(),
        }

    def checks(self) -> tuple[str, ...]:
        """Name a check for the right variants and one for each group of mistakes."""
        return (RIGHT_ONES, *(f"mistakes: {group}" for group in list(self.groups())[1:]))

    def graded(self, text: str, seed: int, limits: Limits) -> dict[str, str]:
        """Call the test, group by group; who rejects a right variant has rejected nothing."""
        found, groups = {}, self.groups()
        for group, names in groups.items():
            said, stopped, _ = _called(text, self.op, {group: names}, limits)
            wanted = "accepted" if group == RIGHT_ONES else "rejected"
            wrong = [name for name in names if said.get(name) != wanted]
            sentence = stopped or (f"{len(wrong)} of {len(names)} were not {wanted}" if wrong else "")
            found[group if group == RIGHT_ONES else f"mistakes: {group}"] = sentence
        if found[RIGHT_ONES]:
            return {check: sentence or "right variants are rejected too" for check, sentence in found.items()}
        return found

    def common_mistake(self) -> Any:
        """Name a mistake that many tests let through."""
        return next(known for known in self.planted() if known.place == "memory")

    def _headline(self, refused, escaped, stopped):
        if refused:
            return "your test rejects code that is right"
        return f"{len(escaped)} of {len(self.planted())} mistakes pass your test" + (
            f"; {stopped}" if stopped else ""
        )

    def _hints(self, groups, said, refused, missed):
        right = len(groups[RIGHT_ONES])
        numbers = [f"right variants accepted: {right - len(refused)} of {right}"]
        for group, left in missed.items():
            total = len(groups[group])
            numbers.append(f"mistakes of the kind {group!r} rejected: {total - len(left)} of {total}")
        if refused:
            told = said.get(refused[0], "rejected")
            where = (f"it {told}" if told != "rejected" else "it returns False or asserts on code that is right",)
            asked = ("is your tolerance stricter than rounding, or is what you compare with not the gradient of u?",)
            return {NUMBERS: tuple(numbers), WHERE: where, QUESTION: asked, LINES: _checklist()}
        escaped = [known for left in missed.values() for known in left]
        return {
            NUMBERS: tuple(numbers),
            WHERE: tuple(f"passes: {known.title}" for known in escaped[:1]),
            QUESTION: tuple(
                f"what passes here also passes a check with {way.what}: {way.why}"
                for way in weaknesses(self.planted(), escaped)
            ),
            FORMULA: tuple(f"passes: {known.title}" for known in escaped[:SHOWN]),
            LINES: _checklist(),
        }


def call(tell: Callable[[str, Any], None], text: str, op: str, names: Sequence[str]) -> bool:
    """Call a student's test with right and wrong modules, in the child process.

    Parameters
    ----------
    tell : function
        Is told, for each module, "accepted", "rejected", or what was raised.
    text : str
    op : str
    names : sequence of str
        Numbers of right variants, ids of mistakes.

    Returns
    -------
    bool
        True: all were called.
    """
    modules = {}
    for name in names:
        found = variants(op)[int(name)] if name.isdigit() else plant(bug(name))
        modules[name] = SimpleNamespace(forward=found.forward, backward=found.backward, Params=found.Params)
    fence()
    own = {"__name__": "student"}
    exec(compile(text, "your file", "exec", dont_inherit=True), own)
    for name, module in modules.items():
        try:
            with np.errstate(all="ignore"), global_random_state_kept():
                told = "accepted" if bool(own["accepts"](module)) else "rejected"
        except AssertionError:
            told = "rejected"
        except Exception as error:
            told = "rejected" if not name.isdigit() else f"raises {type(error).__name__}: {error}"
        tell(name, told)
    return True


def _called(text, op, groups, limits):
    """Give what was said of each module, what ended it before its time, and what was printed."""
    tree = ast.parse(text)
    if not any(isinstance(node, ast.FunctionDef) and node.name == "accepts" for node in tree.body):
        return {}, "the file defines no function accepts any more; x puts it back as it was", ""
    names = [name for members in groups.values() for name in members]
    outcome = safely("scratchnn.school.kinds.own_test:call", [text, op, names], limits)
    said = {name: value for name, value in outcome.stages if isinstance(value, str)}
    return said, outcome.sentence, outcome.output


@functools.cache
def _planted(op, form):
    ours, one = regime("ours"), next(one for one in FORMS if one.name == form)
    case = make_case(one, ours)
    return tuple(known for known in bugs(op) if not accepts(ours, case, plant(known)))


def _checklist():
    ours = regime("ours")
    return (
        f"our own check: {ours.what}",
        "watched: nothing that is given may change, and a second call says the same",
    )


def _mistakes(known):
    return tuple(
        Mistake(one.id, one.title, one.misconception, MISCONCEPTIONS[one.misconception], one.question)
        for one in known
    )
