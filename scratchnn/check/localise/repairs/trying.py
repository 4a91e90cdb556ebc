"""Try edits: locally, in the scope of one statement, and by running both passes."""

import ast
from typing import Any

import numpy as np

from ...diagnose import probing
from ..source.limit import limited
from ..source.scope import Scope
from ..source.stage import Passes, Stage
from ..source.statements import Statement, statements


class Bench:
    """A student's source on trial.

    Parameters
    ----------
    stage : Stage
    passes : list of Passes
        All that a repair must satisfy, the first one first.
    truths : list of dict
        The true gradients of each.
    """

    def __init__(self, stage: Stage, passes: list[Passes], truths: list[dict[str, np.ndarray]]) -> None:
        self.stage, self.passes, self.truths = stage, passes, truths
        self.statements = statements(stage.tree)
        self.built = stage.plain()
        self.outputs = [one.forward(self.built.backend)[0] for one in passes]
        self.tried = 0
        self._sound: list[int] | None = None  # passes that were right before any edit

    def right(self, k: int = 0) -> bool:
        """Whether the gradients are right as the source stands now, and the outputs as before.

        Parameters
        ----------
        k : int
            On which of the passes.

        Returns
        -------
        bool
        """
        try:
            with np.errstate(all="ignore"), limited():
                outputs, kept = self.passes[k].forward(self.built.backend)
                grads = self.passes[k].backward(kept)
                return probing.agree(grads, self.truths[k]) and probing.agree(outputs, self.outputs[k])
        except Exception:  # an edit may be any nonsense
            return False

    def all_right(self) -> bool:
        """Whether they are right on all passes.

        Returns
        -------
        bool
        """
        return all(self.right(k) for k in range(len(self.passes)))

    def repairs(self, statement: Statement, text: str, *, everywhere: bool = False) -> bool:
        """Whether a statement's edit makes the gradients right.

        Parameters
        ----------
        statement : Statement
        text : str
        everywhere : bool
            On all passes, not only on the first.

        Returns
        -------
        bool
        """
        self.tried += 1
        try:
            new = statement.parsed(text)
        except (SyntaxError, ValueError):
            return False
        return self._with(statement, [*new], lambda: self.all_right() if everywhere else self.right())

    def keeps(self, statement: Statement, text: str) -> bool:
        """Whether an edit leaves right what was right.

        Parameters
        ----------
        statement : Statement
        text : str

        Returns
        -------
        bool
        """
        if self._sound is None:
            self._sound = [k for k in range(len(self.passes)) if self.right(k)]
        return self._with(statement, statement.parsed(text), lambda: all(self.right(k) for k in self._sound or ()))

    def scope(self, statement: Statement, run: int) -> Scope | None:
        """Look at what is in scope right before a statement.

        Parameters
        ----------
        statement : Statement
        run : int
            How often it ran before.

        Returns
        -------
        Scope or None
        """
        caught: list[dict[str, Any]] = []
        count = [0]

        def look(names):
            if count[0] == run:
                caught.append(Scope(self.built.space, names, statement.function))
            count[0] += 1

        self.built.space["_look"] = look
        watched = ast.parse("_look(locals())").body
        self._with(statement, [*watched, statement.node], self.right)
        del self.built.space["_look"]
        return caught[0] if caught else None

    def _with(self, statement, nodes, then):
        body, index = statement.body, statement.index
        try:
            body[index : index + 1] = nodes
            return self._run(statement, then)
        finally:
            body[index : index + len(nodes)] = [statement.node]

    def _run(self, statement, then):
        try:
            back = self.built.exchange(list(statement.path), statement.function)
        except Exception:  # what no longer compiles repairs nothing
            return False
        try:
            return then()
        finally:
            back()
