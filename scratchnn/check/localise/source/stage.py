"""A student's file on a stage: plain, tapped or taped, its functions among ours, on the inputs of one subject."""

import ast
import copy
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from scratchnn import ops
from scratchnn.probe.tape import Tape, instrument
from scratchnn.probe.tape.moves import Unmoved
from scratchnn.probe.tape.nudge import ComplexNumpy
from scratchnn.probe.tape.taps import TAPS, Taps, tapped

from ... import conduct
from ...catalogue import planting
from ...diagnose.planted import rebound
from ...student.load import Student
from ...subjects import Subject

TAPE = "_tape"


class Stage:
    """Builds a student's backend in the forms that localising needs.

    Parameters
    ----------
    student : Student
    backend : module
        As ``complete`` gives it; its adapter knows how the student's arrays are laid out.

    Raises
    ------
    Unmoved
        It is compiled or works on tensors, or the loop around it is not its own.
    """

    def __init__(self, student: Student, backend: Any) -> None:
        self.student, self.given, self.adapter = student, backend, backend.adapter
        self.reference = ops.backend(getattr(ops, student.op), "reference")
        own = self.adapter.own
        if own.tensors or own.compiled or set(own.functions) != set(student.theirs):
            raise Unmoved("it is compiled, works on tensors or is called through an adapter")
        self.tree = ast.parse(student.source, filename=student.file)

    def plain(self) -> "Built":
        """Build it as it is.

        Returns
        -------
        Built
        """
        code = compile(self.tree, self.student.file, "exec", dont_inherit=True)
        return Built(self, code, rebound(self.reference))

    def tapped(self, taps: Taps, *, calm: bool = True) -> "Built":
        """Build it with taps.

        Parameters
        ----------
        taps : Taps
        calm : bool
            Give it a NumPy whose buffers are complex.

        Returns
        -------
        Built
        """
        names = rebound(self.reference)
        if self._leans:
            ours = tapped(planting.source_of(self.student.op), "ours")
            names = self._run_ours(ours.code, {TAPS: taps.voice(ours)})
        code = tapped(self.student.source, self.student.file)
        return Built(self, code.code, names, {TAPS: taps.voice(code)}, calm=calm)

    def taped(self, tape: Tape, tree: ast.Module | None = None) -> "Built":
        """Build it so that it tells a tape every assignment.

        Parameters
        ----------
        tape : Tape
        tree : ast.Module, optional
            An edited source.

        Returns
        -------
        Built
        """
        names = rebound(self.reference)
        if self._leans:
            ours = instrument(planting.source_of(self.student.op), "ours")
            names = self._run_ours(ours.code, {TAPE: tape.shifted(ours)})
        source = self.student.source if tree is None else ast.unparse(tree)
        code = instrument(source, self.student.file)
        start = len(tape.sites)
        built = Built(self, code.code, names, {TAPE: tape.shifted(code)})
        built.first_site = start
        return built

    @property
    def _leans(self):
        """Whether a pass is ours, which the student's functions are called from."""
        return not {"forward", "backward"} <= set(self.student.functions)

    def _run_ours(self, code, names):
        space = {"__name__": "ours", "__package__": f"scratchnn.ops.{self.student.op}", **names}
        exec(code, space)
        return space


class Built:
    """A student's functions among ours; functions can be exchanged.

    Parameters
    ----------
    stage : Stage
    code : code
        The student's module.
    names : dict
        Of our reference.
    extra : dict, optional
        Names that the code needs.
    calm : bool
        Give it a NumPy whose buffers are complex.
    """

    def __init__(
        self, stage: Stage, code: Any, names: dict, extra: dict | None = None, *, calm: bool = False
    ) -> None:
        self.stage, self.names, self.first_site = stage, names, 0
        module = ModuleType("student")
        module.__file__ = stage.student.file
        self.space = vars(module)
        for name, thing in names.items():
            if not name.startswith("__") and not isinstance(thing, ModuleType):
                self.space[name] = thing
        self.space |= extra or {}
        sys.modules[module.__name__] = module
        exec(code, self.space)
        if calm:
            self.space |= {name: ComplexNumpy() for name, thing in self.space.items() if thing is np}
        self.adapt()

    def adapt(self) -> None:
        """Put the functions as they stand now into the backend."""
        student, adapter = self.stage.student, copy.copy(self.stage.adapter)
        functions, cls = {}, None
        for name, theirs in student.theirs.items():
            holder, _, method = theirs.rpartition(".")
            thing = self.space[holder or theirs]
            functions[name] = getattr(thing, method) if holder else thing
            cls = thing if holder else cls
        adapter.own = copy.copy(adapter.own)
        adapter.own.functions, adapter.own.cls, adapter.names = functions, cls, self.names
        if cls is None:
            self.names |= functions
        self.backend = vars(adapter.backend())

    def find(self, path: list[str]) -> tuple[Any, str]:
        """Find where a function is kept: the module's names, or a class."""
        if len(path) == 1:
            return self.space, path[0]
        return self.space[path[0]], path[1]

    def exchange(self, path: list[str], node: ast.FunctionDef) -> Callable[[], None]:
        """Compile a function anew and put it in its place.

        Parameters
        ----------
        path : list of str
            Its name, behind its class's name if it is a method.
        node : ast.FunctionDef

        Returns
        -------
        function
            Takes it back.
        """
        module = ast.Module([node], [])
        code = compile(module, self.stage.student.file, "exec", dont_inherit=True)
        scratch: dict[str, Any] = {}
        exec(code, self.space, scratch)
        owner, name = self.find(path)
        old = owner[name] if isinstance(owner, dict) else owner.__dict__[name]

        def put(function):
            if isinstance(owner, dict):
                owner[name] = function
            else:
                setattr(owner, name, function)
            self.adapt()

        try:
            put(scratch[name])
        except Exception:
            put(old)
            raise
        return lambda: put(old)


class Passes:
    """One subject on one seed; who computes may change from run to run.

    Parameters
    ----------
    subject : Subject
    seed : int
    """

    def __init__(self, subject: Subject, seed: int) -> None:
        self.subject, self.seed, self.live = subject, seed, SimpleNamespace()
        self.problem = subject.make(np.random.default_rng(seed), self.live)
        self.inputs = self.problem.inputs
        self._upstream: dict[str, np.ndarray] | None = None

    def forward(self, backend: dict[str, Any], inputs: dict[str, Any] | None = None) -> tuple[dict, Any]:
        """Run the forward pass of a backend.

        Parameters
        ----------
        backend : dict
        inputs : dict, optional
            Moved ones.

        Returns
        -------
        outputs : dict of str to array
        kept : object
        """
        vars(self.live).update(backend)
        given = self.inputs if inputs is None else inputs
        outputs, kept = self.problem.forward({name: np.array(array) for name, array in given.items()})
        if self._upstream is None:
            self._upstream = conduct.draw_upstream(outputs, self.seed)
        return outputs, kept

    @property
    def upstream(self) -> dict[str, np.ndarray]:
        """The gradients given for the outputs; known after a first run."""
        return {name: array.copy() for name, array in (self._upstream or {}).items()}

    def gradients(self, backend: dict[str, Any]) -> dict[str, np.ndarray]:
        """Run both passes of a backend.

        Parameters
        ----------
        backend : dict

        Returns
        -------
        dict of str to array
        """
        _, kept = self.forward(backend)
        return self.backward(kept)

    def backward(self, kept: Any, times: float = 1.0) -> dict[str, np.ndarray]:
        """Run the backward pass of the backend that ran forward.

        Parameters
        ----------
        kept : object
        times : float
            What is given from outside is so many times larger.

        Returns
        -------
        dict of str to array
        """
        given = {name: times * array for name, array in self.upstream.items()}
        found = self.problem.backward(given, kept)
        return {name: np.array(grad) for name, grad in found.items() if grad is not None}
