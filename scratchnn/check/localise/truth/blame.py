"""Which statements to look at, and in which order: the first wrong one, and what it was made from."""

import ast
from typing import NamedTuple

import numpy as np

from ..source.statements import Statement
from .names import bare, base
from .pool import Pool
from .records import BLANK, OTHER, UNKNOWN, WRONG, Written, is_same

DEPTH = 6


class Suspect(NamedTuple):
    """A statement to look at.

    Parameters
    ----------
    statement : Statement
    run : int
        How often it ran before the suspicious time.
    written : Written or None
        What it wrote then.
    """

    statement: Statement
    run: int
    written: Written | None


class Blame:
    """Orders the statements of a source by suspicion.

    Parameters
    ----------
    written : list of Written
        Judged.
    statements : list of Statement
    pool : Pool
    lost : bool
        Something was made right and returned as something else.
    """

    def __init__(self, written: list[Written], statements: list[Statement], pool: Pool, lost: bool = False) -> None:
        self.written, self.statements, self.pool, self.lost = written, statements, pool, lost
        self.first = 0  # so many suspects are the first alarm's
        self.by_line = {}
        self.functions = {tuple(one.function.split(".")) for one in written}
        for one in statements:
            self.by_line.setdefault(one.line, one)

    def alarms(self) -> list[Written]:
        """List the records that are wrong for certain by their names, in the order of time."""
        return [one for one in self.written if one.status == WRONG]

    def first_alarm(self) -> Written | None:
        """The first wrong record; without one the first in a loop that is nothing known."""
        hard = self.alarms()
        if hard:
            return hard[0]
        soft = [
            one for one in self.written if one.status == UNKNOWN and one.record.kind not in ("argument", "return")
        ]
        inside = [one for one in soft if one.t is not None]
        return (inside or soft or [None])[0]

    def suspects(self) -> list[Suspect]:
        """List statements, the most suspicious first.

        Returns
        -------
        list of Suspect
        """
        found: dict[int, Suspect] = {}

        def add(statement, run=0, written=None):
            if statement is not None and id(statement) not in found:
                found[id(statement)] = Suspect(statement, run, written)

        if self.lost:
            for statement in self.returns():
                add(statement)
        first = next((one.t for one in self.written if one.t is not None), None)
        if self.pool.steps and first is not None and first != self.pool.steps - 1:
            for statement in self.loops():  # the way back does not begin at the last step
                add(statement)
        alarms = self.alarms()
        for one in self.written:  # nothing goes on from here: zeros that are made anew in a step
            before = not alarms or one.record.number < alarms[0].record.number
            if one.status == BLANK and one.t is not None and one.last and one.record.kind == "set" and before:
                add(self.statement_of(one), one.record.key[1], one)
        soft = [one for one in self.written if one.status == UNKNOWN and one.t is not None]
        self.first = len(found)
        for k, alarm in enumerate([*alarms[:1], *soft[:1], *alarms[1:3]]):
            for statement in self._producers(alarm):
                add(statement)
            for one in self._causes(alarm):
                add(self.statement_of(one), one.record.key[1], one)
            if alarm.record.kind == "argument":
                for statement in self._calls(alarm):
                    add(statement)
            if k == 0:
                for one in self._sources(alarm):
                    if one.status == OTHER:
                        add(self.statement_of(one), one.record.key[1], one)
                for statement in self._helpers(alarm):
                    add(statement)
                for statement in self.loops():
                    add(statement)
                self.first = len(found)
        for one in self.written:
            if one.status in (WRONG, UNKNOWN) or (one.status == BLANK and one.record.kind != "argument"):
                add(self.statement_of(one), one.record.key[1], one)
        for statement in self.statements:
            if isinstance(statement.node, ast.For | ast.Return | ast.If):
                add(statement)
        for one in self.written:
            add(self.statement_of(one), one.record.key[1], one)
        for statement in self.statements:
            add(statement)
        return list(found.values())

    def loops(self) -> list[Statement]:
        """List the heads of the backward's loops."""
        return [one for one in self.statements if isinstance(one.node, ast.For) and one.path in self.functions]

    def returns(self) -> list[Statement]:
        """List what the functions of the backward return."""
        own = [one for one in self.statements if isinstance(one.node, ast.Return) and one.path in self.functions]
        return own[::-1]

    def likely(self) -> Written | None:
        """The record that is wrong where nothing repairs it: the first alarm, or what its function was given."""
        alarm = self.first_alarm()
        if alarm is not None and alarm.status == WRONG:
            first = self._causes(alarm)[0]
            if first.record.kind == "argument" and first.function == alarm.function:
                return first
        return alarm

    def statement_of(self, one: Written) -> Statement | None:
        """Find the statement that wrote a record.

        Parameters
        ----------
        one : Written

        Returns
        -------
        Statement or None
        """
        if one.record.kind == "argument":
            return next(iter(self._calls(one)), None)
        return self.by_line.get(one.line)

    def _calls(self, one):
        """Statements that call the function of a record."""
        name = one.function.rpartition(".")[2]
        return [
            statement
            for statement in self.statements
            if statement.value is not None
            and any(isinstance(node, ast.Call) and _called(node) == name for node in ast.walk(statement.value))
        ]

    def _causes(self, alarm):
        """The records behind an alarm that are not verified, the earliest first, the alarm itself where all are."""
        chain, todo, seen = [alarm], [alarm], {id(alarm)}
        while todo and len(chain) < DEPTH * 4:
            for source in self._sources(todo.pop(0)):
                if id(source) not in seen and source.status in (WRONG, UNKNOWN, BLANK):
                    seen.add(id(source))
                    chain.append(source)
                    todo.append(source)
        earlier = [one for one in chain[1:] if one.status != BLANK or self._matters(one)]
        earlier.sort(key=lambda one: one.record.number)
        unverified = [one for one in earlier if one.status == UNKNOWN or one.status == WRONG]
        blank = [one for one in earlier if one.status == BLANK]
        return [*unverified, alarm, *blank]

    def _matters(self, one):
        return True

    def _sources(self, one):
        """The records that wrote what a record read."""
        record = one.record
        found = []
        for read in record.reads:
            source = next(
                (
                    other
                    for other in reversed(self.written)
                    if other.record.number < record.number
                    and other.record.call == record.call
                    and _root(other.record.target) == _root(read.text)
                ),
                None,
            )
            if source is None and read.record is not None:
                source = next((other for other in self.written if other.record.number == read.record), None)
            if source is not None:
                found.append(source)
        return found

    def _producers(self, alarm):
        """Statements that made what an alarm read with other numbers than the forward had under that name."""
        for read in alarm.record.reads:
            known = self.pool.named(base(bare(read.text)), alarm.t, values=True)
            same = [one for one in known if np.shape(one.array) == np.shape(read.value)]
            if same and not any(is_same(read.value, one.array) for one in same):
                root = read.text.partition(".")[0].partition("[")[0]
                yield from self._makers(root)
                yield from self._keepers(base(bare(read.text)))

    def _helpers(self, alarm):
        """Statements that made what an alarm's statement reads, without a record: masks, counts, indices."""
        statement = self.statement_of(alarm)
        if statement is None or statement.value is None:
            return
        todo, seen = [statement], set()
        while todo:
            one = todo.pop(0)
            names = {name.id for name in ast.walk(one.value) if isinstance(name, ast.Name)} - seen
            seen |= names
            for other in self.statements:
                if other.function is one.function and isinstance(other.node, ast.Assign) and other.line <= one.line:
                    targets = {ast.unparse(target) for target in other.node.targets}
                    if targets & names:
                        yield other
                        todo.append(other)

    def _keepers(self, name):
        """Statements of the forward that keep a value under a name in an array, or make the array."""
        for statement in self.statements:
            node = statement.node
            if isinstance(node, ast.Assign) and statement.path not in self.functions:
                leaves = [one for target in node.targets for one in ast.walk(target)]
                texts = [ast.unparse(one) for one in leaves if isinstance(one, ast.Subscript | ast.Name)]
                if any(bare(text) == name or base(bare(text)) == name for text in texts):
                    yield statement

    def _makers(self, root):
        for statement in self.statements:
            node = statement.node
            if (
                statement.path in self.functions
                and isinstance(node, ast.Assign)
                and any(
                    isinstance(name, ast.Name) and name.id == root
                    for target in node.targets
                    for name in ast.walk(target)
                )
            ):
                names = {_called(call) for call in ast.walk(node.value) if isinstance(call, ast.Call)}
                for other in self.statements:
                    if other.path[-1] in names and isinstance(other.node, ast.Return | ast.Assign):
                        yield other
                yield statement


def _called(node):
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _root(text):
    return text.partition("[")[0]


__all__ = ["OTHER", "Blame", "Suspect"]
