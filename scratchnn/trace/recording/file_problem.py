"""What is recorded of a user's own file: its functions among those of our reference, as `scratchnn check` has it."""

import sys
import traceback
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from scratchnn import ops
from scratchnn.check.catalogue import planting
from scratchnn.check.student.adapt import Adapter, NotCovered, Own, looped
from scratchnn.check.student.complete import complete
from scratchnn.check.student.load import load
from scratchnn.errors import InputError
from scratchnn.probe.tape import instrument
from scratchnn.probe.tape.nudge import ComplexNumpy

from ..checking.copies import agrees
from .problem import OPS, Problem, rewritten


class FileProblem(Problem):
    """A user's file on the inputs that our op would get.

    Parameters
    ----------
    path : str or Path
    sizes : dict of str to int
        T, B, D, H.
    seed : int
    score : str
        Of attention.
    op : str, optional
        What the file is.

    Raises
    ------
    InputError
        The file cannot be read, says not which op it is, or fails when it runs.
    """

    def __init__(
        self, path: str | Path, sizes: dict[str, int], seed: int, score: str = "scaled_dot", op: str | None = None
    ) -> None:
        student = load(path, op)
        if student.op not in OPS:
            raise InputError(f"record: {path} is {student.op}, expected one of {', '.join(OPS)}")
        super().__init__(student.op, sizes, seed, None, score)
        self.student, self.steps = student, False
        self.title = f"{Path(student.file).name}: {self.title}"
        try:
            instrument(student.source, student.file)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise InputError(f"{student.file} cannot be recorded: {error}") from None
        self.known = self._told(complete, student).adapter
        self.form = self.known.form
        if self.form.score and self.form.score != score:
            super().__init__(student.op, sizes, seed, None, self.form.score)
            self.steps, self.title = False, f"{Path(student.file).name}: {self.title}"
        for name in self.known.zero & set(self.inputs):  # it does not take them
            self.inputs[name] = np.zeros_like(self.inputs[name])

    def build(self, runner: Any) -> dict[str, Any]:
        """Plant the file's functions among the reference's.

        Parameters
        ----------
        runner : Tape or Nudge

        Returns
        -------
        dict of str to dict
        """
        names = self.module(runner, self.op, planting.source_of(self.op))
        code = rewritten(self.student.source, self.student.file)
        own = self._run(code.code, names, runner.shifted(code))
        self.claim(runner, self.op, code, True)
        if not hasattr(runner, "records"):  # nudged: with complex numbers
            own |= {name: ComplexNumpy() for name, thing in own.items() if thing is np}
        return {self.op: self._adapted(names, own)}

    def forward(
        self, built: dict[str, Any], inputs: dict[str, np.ndarray], params: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], Any]:
        """Run the forward pass.

        Parameters
        ----------
        built : dict
        inputs, params : dict of str to array

        Returns
        -------
        outputs : dict of str to array
        kept : object
        """
        return self._told(super().forward, built, inputs, params)

    def backward(
        self, built: dict[str, Any], kept: Any, upstream: dict[str, np.ndarray], params: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Run the backward pass.

        Parameters
        ----------
        built : dict
        kept : object
        upstream, params : dict of str to array

        Returns
        -------
        dict of str to array
        """
        try:
            return self._told(super().backward, built, kept, upstream, params)
        except InputError:
            if any("backward" in name for name in self.student.functions):
                raise
            return {}  # a forward pass alone, with a cache of its own making: only the user's backward could read it

    def complex_safe(self) -> bool:
        """Whether complex steps through the file's forward agree with differences.

        Returns
        -------
        bool
        """
        return agrees(self)

    @property
    def bent(self) -> bool:
        """Whether the weights are laid out in another way than ours."""
        return bool(self.form.said(self.op))

    def draw_upstream(self, outputs: dict[str, np.ndarray]) -> None:
        """Draw a gradient from outside for every output that the file's backward takes one of.

        Parameters
        ----------
        outputs : dict of str to array
        """
        super().draw_upstream(outputs)
        for name in self.known.silent & set(self.upstream):
            self.upstream[name] = np.zeros_like(self.upstream[name])

    def _run(self, code, names, voice=None):
        module = ModuleType("student")
        module.__file__ = self.student.file
        visible = {name: thing for name, thing in names.items() if not name.startswith("_") or name == "_nodes"}
        space = vars(module)
        space |= {name: thing for name, thing in visible.items() if not isinstance(thing, ModuleType)}
        if voice is not None:
            space["_tape"] = voice
        sys.modules[module.__name__] = module
        folder = str(Path(self.student.file).resolve().parent)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        self._told(exec, code, space)
        return space

    def _adapted(self, names, own):
        reference = ops.backend(self.room, "reference")
        functions, cls = {}, None
        for name, theirs in self.student.theirs.items():
            holder, _, method = theirs.rpartition(".")
            cls = own[holder] if holder else None
            functions[name] = getattr(cls, method) if holder else own[theirs]
        mine = Own(self.student, functions, cls)
        names |= functions if cls is None else {}
        if "forward" in self.known.own.functions and "forward" not in functions:  # made of steps
            mine = looped(mine, reference.Params._fields) or mine
        return vars(Adapter(mine, reference, names, self.form).backend())

    def _told(self, function, *arguments):
        """Call; what the file raises becomes one sentence."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                return function(*arguments)
        except InputError:
            raise
        except NotCovered as error:
            raise InputError(f"{self.student.file} cannot be recorded: {error}") from None
        except Exception as error:
            own = [one for one in traceback.extract_tb(error.__traceback__) if one.filename == self.student.file]
            where = f" in line {own[-1].lineno}" if own else ""
            raise InputError(f"{self.student.file}{where}: {type(error).__name__}: {error}") from error
