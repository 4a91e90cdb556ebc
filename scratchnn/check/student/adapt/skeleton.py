"""A short file in which students say how their arguments are meant, where the tool cannot find out."""

from pathlib import Path
from typing import Any

from .names import STATES, UPSTREAM
from .outputs import OUTPUTS

SHAPES = {
    "x": "(T, B, D)",
    "h0": "(B, H)",
    "c0": "(B, H)",
    "dh": "(T, B, H), the gradient of h_1 .. h_T",
    "dc_last": "(B, H), the gradient of the last c",
    "q": "(B, Q, E)",
    "k": "(B, S, E)",
    "v": "(B, S, F)",
    "dcontext": "(B, Q, F)",
    "z": "(rows, C)",
    "dp": "(rows, C)",
    "logits": "(..., C)",
    "targets": "(...) class ids",
    "dloss": "a number",
    "ids": "(T, B) integers",
    "dy": "the shape of y",
}
RESULTS = {"h": "h", "c": "c_last", "context": "context", "p": "p", "loss": "loss", "y": "y"}
OF_RESULTS = {"h": "(T, B, H): h_1 .. h_T", "c_last": "(B, H): the last cell state"}
GATES = {"lstm": "gates i f g o side by side", "gru": "gates r z n side by side"}


def skeleton(student, reference: Any) -> str:
    """Write the adapter that is still to be filled in.

    Parameters
    ----------
    student : Student
    reference : module
        Ours.

    Returns
    -------
    str
        A Python source: everything but the lines marked TODO is there.
    """
    op = student.op
    states, fields = STATES[op], reference.Params._fields if hasattr(reference, "Params") else ()
    upstream = [name for name in UPSTREAM[op] if name != "dalpha"]
    results = [RESULTS[name] for name in OUTPUTS[op] if name in RESULTS]
    yours = [f"#   {student.theirs[name]}({', '.join(taken)})" for name, taken in student.functions.items()]
    shapes = [f"    # {name} {SHAPES[name]}" for name in states]
    shapes += [f"    # {', '.join(fields)}: ours, (inputs, outputs), {GATES[op]}"] if op in GATES else []
    kept = [f"    {name} = ...  # TODO {OF_RESULTS.get(name, '')}".rstrip() for name in results]
    grads = [f'        "{name}": ...,  # TODO the shape of {name}' for name in reference.Grads._fields]
    stem = Path(student.file).stem
    return "\n".join(
        [
            f'"""How {Path(student.file).name} is to be called: fill in the lines marked TODO, then run',
            "",
            f"    scratchnn check {Path(student.file).name} --adapter THIS_FILE",
            '"""',
            "",
            "import numpy as np",
            "",
            f"# `mine` is your module {stem}. What was found in it:",
            *(yours or ["#   no function that could be a forward or a backward"]),
            "",
            "",
            f"def forward({', '.join((*states, *fields))}):",
            *shapes,
            f"    kept = mine.{_called(student, 'forward')}(...)  # TODO call yours, with arrays as it wants them",
            *kept,
            f"    return {', '.join((*results, 'kept'))}",
            "",
            "",
            f"def backward({', '.join((*upstream, 'kept', *fields))}):",
            *(f"    # {name} {SHAPES[name]}" for name in upstream),
            f"    found = mine.{_called(student, 'backward')}(...)  # TODO call yours",
            "    return {",
            *grads,
            "    }",
            "",
        ]
    )


def _called(student, name):
    return student.theirs.get(name, name)
