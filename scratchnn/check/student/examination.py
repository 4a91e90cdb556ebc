"""What an examination found: plain data, a verdict, and words in steps."""

from dataclasses import dataclass
from typing import Any

from .load import Student
from .safely import Outcome
from .where import corrected, led, localisation_told, places
from .wording import formulas, match_told, short

NUMBERS, WHERE, QUESTION, FORMULA, LINE = 1, 2, 3, 4, 5
STEPS = {
    NUMBERS: "numbers",
    WHERE: "where",
    QUESTION: "a question",
    FORMULA: "the formula",
    LINE: "the corrected line",
}
SHOWN = 5  # arrays, candidates


@dataclass(frozen=True)
class Examination:
    """The verdict on a student's file.

    Parameters
    ----------
    student : Student
    outcome : Outcome
        What the child process told.
    hint : int
        How much is told: 1 numbers, 2 where, 3 a question, 4 the formula, 5 the corrected line.
    seconds : float
    """

    student: Student
    outcome: Outcome
    hint: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether forward and gradients are right."""
        return self.outcome.ended == "returned" and self.outcome.value is True

    @property
    def readable(self) -> bool:
        """Whether there was anything to judge: the file could be run, and it defines functions of the op."""
        return not any(isinstance(value, dict) and value.get("failed") for _, value in self.outcome.stages) and not (
            self.stopped and not self.reports
        )

    @property
    def status(self) -> int:
        """The exit status of the command: 0 right, 1 wrong, 2 the file could not be judged."""
        return 0 if self.passed else 1 if self.readable else 2

    @property
    def stopped(self) -> str:
        """What ended the examination before its time, empty if nothing did."""
        if self.outcome.ended == "returned":
            return ""
        doing = [value for name, value in self.outcome.stages if name == "begin"]
        return f"during {doing[-1] if doing else 'the start'}: {self.outcome.sentence}"

    @property
    def forward(self) -> dict[str, Any]:
        """What became of the forward."""
        return self.told("forward")

    @property
    def reports(self) -> list[dict]:
        """The gradient check of each variant."""
        return [value for name, value in self.outcome.stages if name == "gradients"]

    @property
    def matches(self) -> list[dict]:
        """The known mistakes that have exactly these gradients."""
        return self.told("diagnosis").get("matches", [])

    @property
    def localisation(self) -> dict:
        """The wrong lines, as found without the known mistakes."""
        return self.told("localisation")

    def told(self, stage: str) -> dict:
        """Give what was told at a stage, the last time.

        Parameters
        ----------
        stage : str

        Returns
        -------
        dict
        """
        return next((value for name, value in reversed(self.outcome.stages) if name == stage), {})

    def as_dict(self) -> dict:
        """Give everything as dicts, lists, strings and numbers, ready for JSON; words as far as the hint goes.

        Returns
        -------
        dict
        """
        given = {
            "file": self.student.file,
            "op": self.student.op,
            "because": self.student.because,
            "functions": list(self.student.functions),
            "passed": self.passed,
            "status": self.status,
            "hint": self.hint,
            "seconds": self.seconds,
            "ended": self.outcome.ended,
            "stopped": self.stopped,
            "output": self.outcome.output,
            "failed": [v["failed"] for _, v in self.outcome.stages if isinstance(v, dict) and "failed" in v],
            "forward": self.forward,
            "assumed": self._assumed(),
            "gradients": self.reports,
        }
        if self.hint >= WHERE:
            given["localisation"] = localisation_told(self.localisation, self.hint)
        if self.hint >= QUESTION:
            given["diagnosis"] = self.told("diagnosis") | {
                "matches": [match_told(match, self.hint) for match in self.matches]
            }
        return given

    def __str__(self):
        """Give the report as plain text."""
        lines = [f"{self.student.file}: {self._verdict()}"]
        named = ", ".join(self.student.functions)
        lines += [f"  op: {self.student.op} ({self.student.because}); yours: {named}; the rest is our reference"]
        lines += [f"  assumed: {sentence}" for sentence in self._assumed()]
        lines += self._failures() + self._forward() + self._numbers()
        if self.hint >= WHERE:
            lines += self._places()
        if self.hint >= QUESTION and self.reports:
            lines += self._diagnosis()
            if not self.matches:
                lines += led(self.localisation, self.student.op, self.hint)
        if self.hint >= LINE:
            lines += corrected(self.localisation)
        if self.outcome.output.strip():
            lines += ["  it printed:", *(f"    {line}" for line in self.outcome.output.splitlines()[:SHOWN])]
        if not self.passed and self.reports and self.hint < LINE:
            lines.append(f"  --hint {self.hint + 1} tells more: {STEPS[self.hint + 1]}")
        return "\n".join(lines)

    def _verdict(self):
        if self.passed:
            return (
                "forward and gradients are right" if self.reports else "the forward is right; no backward was judged"
            )
        if not self.readable:
            return "could not be judged"
        if self.stopped:
            return "stopped"
        wrong = "the forward differs from ours" if self.forward.get("wrong") else ""
        gradients = "" if all(report["passed"] for report in self.reports) else "the gradients are WRONG"
        return " and ".join(filter(None, (wrong, gradients)))

    def _assumed(self):
        return self.told("assumed") or self.forward.get("assumed", [])

    def _failures(self):
        failed = [
            value["failed"] for _, value in self.outcome.stages if isinstance(value, dict) and "failed" in value
        ]
        return [f"  {sentence}" for sentence in (*failed, *filter(None, [self.stopped]))]

    def _forward(self):
        told = self.forward
        lines = [f"  forward: as ours on {', '.join(told['right'])}"] if told.get("right") else []
        lines += [f"  forward: {name}: {sentence}" for name, sentence in told.get("wrong", [])[:SHOWN]]
        if found := told.get("first_wrong"):
            step = "" if found["t"] is None else f" at t={found['t']}"
            index = ", ".join(map(str, found["index"]))
            lines.append(
                f"  first wrong: {found['name']}{step}, [{index}]: expected {found['expected']:.6g}, "
                f"got {found['got']:.6g}"
            )
        return lines + [f"  not judged: {name}, {why}" for name, why in told.get("left_out", [])[:SHOWN]]

    def _numbers(self):
        lines = []
        for report in self.reports:
            wrong = [row for row in report["rows"] if not row["passed"]]
            verdict = "WRONG" if wrong or report["failures"] else "right"
            lines.append(f"  gradients of {report['name']}: {verdict}")
            for row in wrong:
                at = "" if row["worst"] is None else f"[{', '.join(map(str, row['worst']))}]"
                both = (
                    "" if row["given"] is None else f" expected {short(row['expected'])}, got {short(row['given'])}"
                )
                lines.append(f"    d{row['name']}{at}:{both} ({row['bad']} of {row['size']} entries wrong)")
            lines += [f"    {sentence}" for sentence in report["failures"]]
        return lines

    def _places(self):
        if found := places(self.localisation):
            return found
        functions = {mistake["function"] for match in self.matches for mistake in match["mistakes"]}
        return [f"  where: {' or '.join(sorted(functions))}"] if functions else []

    def _diagnosis(self):
        told = self.told("diagnosis")
        if not told or told.get("right"):
            return []
        if not self.matches:
            limit = "" if told["complete"] else "; the search for pairs was cut off by its time limit"
            return [f"  diagnosis: none of {told['compared']} known mistakes and pairs has these gradients{limit}"]
        lines = []
        if len(self.matches) > 1:
            lines.append(f"  not certain: {len(self.matches)} explanations have exactly these gradients here")
        elif not told["certain"]:
            lines.append(
                "  not certain: the search for pairs was cut off by its time limit, or only one seed was asked"
            )
        for match in self.matches[:SHOWN]:
            lines.append(f"  your gradients equal, to {match['digits']} digits, those of")
            for mistake in match["mistakes"]:
                lines += self._mistake(mistake)
        return lines

    def _mistake(self, mistake):
        named, meaning = mistake["misconception"], mistake["meaning"]
        lines = [f"    {mistake['title']}  [{mistake['id']}]", f"    {named}: {meaning}"]
        lines.append(f"    question: {mistake['question']}")
        if self.hint >= FORMULA:
            lines += [f"    formula: {text}" for text in formulas(self.student.op, mistake["right"])]
        if self.hint >= LINE and mistake["right"]:
            lines.append(f"    in {mistake['function']} of our reference: {'; '.join(mistake['right'].splitlines())}")
        return lines
