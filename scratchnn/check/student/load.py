"""Read a student's file without running it: which op it is, and which of its functions it defines."""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from scratchnn import ops
from scratchnn.errors import InputError

from ..catalogue import planting
from .adapt.reading import arguments_of, functions_of

WORDS = {
    "lstm": ("lstm",),
    "gru": ("gru",),
    "rnn": ("rnn", "elman"),
    "attention": ("attention", "attend"),
    "cross_entropy": ("cross_entropy", "crossentropy", "cross entropy", "nll"),
    "softmax": ("softmax",),
    "embedding": ("embedding", "lookup"),
    "linear": ("linear", "dense", "affine"),
    "dropout": ("dropout",),
    "activations": ("activation", "activations", "sigmoid", "relu"),
}
ARGUMENTS = {  # of forward, step or backward, if neither the name of the file nor its docstring says what it is
    "lstm": {"c0", "c_prev", "dc_next", "dc_last", "dc"},
    "attention": {"q", "dcontext"},
    "embedding": {"ids"},
    "cross_entropy": {"logits", "targets", "dloss"},
    "softmax": {"z", "dp"},
}
PASSES = ("step", "step_backward", "forward", "backward")
LOGS = ("log_forward", "log_backward")
BACK = {"backward", "backprop", "bptt", "bwd", "bprop", "backpropagate", "backpropagation", "back", "bw"}
FORTH = {"forward", "fwd", "fprop", "call", "run", "fw", "apply"}
STEP = {"step", "cell"}


@dataclass(frozen=True)
class Student:
    """A student's source.

    Parameters
    ----------
    file : str
    source : str
    op : str
        Which of our ops it is.
    because : str
        How that was found.
    functions : dict of str to tuple of str
        Our names of its functions, each with the names of its arguments.
    theirs : dict of str to str
        What the student calls them; "Class.method" for methods.
    adapter : str
        A file that says how the student's functions are to be called; empty if that is found out.
    """

    file: str
    source: str
    op: str
    because: str
    functions: dict[str, tuple[str, ...]]
    theirs: dict[str, str] = field(default_factory=dict)
    adapter: str = ""

    def line_of(self, function: str) -> int:
        """Say in which line a function begins.

        Parameters
        ----------
        function : str

        Returns
        -------
        int
        """
        return functions_of(self.source)[self.theirs.get(function, function)].lineno


def load(path: str | Path, op: str | None = None) -> Student:
    """Read a file, or a source text.

    Parameters
    ----------
    path : str or Path
        A file's name; a text of several lines is the source itself.
    op : str, optional
        Which op it is; found from the file's name, its docstring or its arguments by default.

    Returns
    -------
    Student

    Raises
    ------
    InputError
        The file cannot be read or parsed, or nothing says which op it is.
    """
    file, source = _read(path)
    try:
        tree = ast.parse(source, filename=file)
    except (SyntaxError, ValueError) as error:
        line = f" in line {error.lineno}" if getattr(error, "lineno", None) else ""
        raise InputError(f"{file} is no Python{line}: {getattr(error, 'msg', error)}") from None
    functions = {name: arguments_of(node) for name, node in functions_of(source).items()}
    op, because = _which(op, file, tree, {name: functions[name] for name in functions if "." not in name})
    theirs = _theirs(op, functions, set(_functions_of(op)))
    return Student(file, source, op, because, {name: functions[one] for name, one in theirs.items()}, theirs)


def _theirs(op, functions, ours):
    """Pair our names of functions with the student's: the same, or another word for it, or a method."""
    known = {name for name in ours if not name.startswith("_") or name == "_nodes"}
    exact = {name: name for name in functions if name in known}
    if set(PASSES + LOGS) & set(exact):
        return exact
    others = [name for name in functions if name not in exact]  # what has our name means what ours means
    for methods in (False, True):
        found = {}
        for name in others:
            if ("." in name) == methods and (meant := _pass(name, op)) in known:
                found.setdefault(meant, name)
        if methods:  # all of one class
            cls = next((one.partition(".")[0] for ours, one in found.items() if ours == "backward"), "")
            cls = cls or next((one.partition(".")[0] for one in found.values()), "")
            found = {}
            for name in functions:
                if name.startswith(f"{cls}.") and (meant := _pass(name, op)) in known:
                    found.setdefault(meant, name)
        if found:
            return exact | found
    return exact


def _pass(name, op):
    """Say which of our functions a name means, empty if none."""
    words = set(re.findall(r"[a-z]+", name.rpartition(".")[2].lower()))
    log = "log_" if op == "softmax" and ({"log", "logsoftmax"} & words or "log_softmax" in name.lower()) else ""
    back = words & BACK or any(word.startswith(("backward", "grad")) for word in words)
    if words & STEP and not log:
        return "step_backward" if back else "step" if not words & {"init", "update", "sgd"} else ""
    if back:
        return f"{log}backward"
    forth = words & FORTH or (
        "." not in name and any(re.fullmatch(word, name.lower().replace("log_", "")) for word in WORDS[op])
    )
    return f"{log}forward" if forth else ""


def _read(path):
    text = str(path)
    if "\n" in text:
        return "source", text
    try:
        return text, Path(text).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{text} is no text in UTF-8") from None
    except OSError as error:
        raise InputError(f"{text} cannot be read: {error.strerror}") from None


def _functions_of(op):
    body = ast.parse(planting.source_of(op)).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def _which(op, file, tree, functions):
    """Decide which op it is, and say why."""
    known = tuple(room for room in ops.ROOMS if planting.bugs(room) or room == "dropout")
    if op is not None:
        if op not in known:
            raise InputError(f"op is {op!r}, expected one of {', '.join(known)}")
        return op, "it was said so"
    classes = " ".join(node.name for node in tree.body if isinstance(node, ast.ClassDef))
    first = (ast.get_docstring(tree) or "").partition("\n\n")[0]
    for text, because in (
        (Path(file).stem if file != "source" else "", "the file's name says so"),
        (first, "its docstring says so"),
        (classes, "its class says so"),
        (" ".join(functions), "its functions say so"),
    ):
        for room, words in WORDS.items():
            if any(re.search(rf"(?<![a-z]){word}(?![a-z])", text.lower()) for word in words):
                return room, because
    given = {name for function in PASSES for name in functions.get(function, ())}
    for room, names in ARGUMENTS.items():
        if names & given:
            return room, f"its arguments say so: {', '.join(sorted(names & given))}"
    raise InputError(f"{file} does not say which op it is, expected --op with one of {', '.join(known)}")
