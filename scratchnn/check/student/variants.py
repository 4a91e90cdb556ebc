"""Which variants of an op a student's code knows of: the others are not judged, and that is said."""

from ..subjects import Subject
from .load import Student

LOOPS = {"forward", "backward"}
WORDS = {  # end of a variant's name -> a word that code which knows of it cannot do without
    ".masked": "mask",
    ".causal": "causal",
    ".scale": "scale",
    ".relu": "nonlinearity",
    ".identity": "nonlinearity",
    ".ignore": "ignore",
    ".weighted": "weight",
    ".none": "reduction",
    ".padding": "padding",
    ".no_bias": "None",
    ".without_alpha": "None",
}
RELAYED = (".masked", ".causal")  # where only a step is the student's, our own loop sees to these
SCORES = ("dot", "general", "additive", "article")


def unheard(student: Student, variant: str) -> str:
    """Say why a variant cannot be asked of this code.

    Parameters
    ----------
    student : Student
    variant : str
        The name of a subject, e.g. "lstm.masked".

    Returns
    -------
    str
        Empty if it can be asked.
    """
    functions = set(student.functions)
    if variant.startswith("log_softmax") and not functions & {"log_forward", "log_backward"}:
        return "there is no log_forward and no log_backward"
    if variant.startswith("softmax") and not functions & LOOPS:
        return "there is no forward and no backward"
    word = next((word for end, word in WORDS.items() if variant.endswith(end)), "")
    if variant.endswith(RELAYED) and not functions & LOOPS:
        return ""
    one_score = student.op == "attention" and functions & LOOPS and "score" not in functions_text(student)
    if one_score and any(f".{score}" in variant for score in SCORES):
        return "the code knows of no other scores"
    if word and word not in student.source:
        return f"the code knows of no {word}"
    return ""


def functions_text(student: Student) -> str:
    """Give what stands between the brackets of the student's functions.

    Parameters
    ----------
    student : Student

    Returns
    -------
    str
    """
    return " ".join(name for names in student.functions.values() for name in names)


def narrowed(student: Student, subject: Subject) -> Subject:
    """Leave attention's weights out of the loss where the student's backward takes no gradient of them.

    Parameters
    ----------
    student : Student
    subject : Subject

    Returns
    -------
    Subject
    """
    taken = student.functions.get("backward")
    if student.op != "attention" or taken is None or "dalpha" in taken:
        return subject

    def make(rng, backend="reference"):
        problem = subject.make(rng, backend)

        def forward(inputs):
            outputs, cache = problem.forward(inputs)
            return {name: output for name, output in outputs.items() if name != "alpha"}, cache

        return problem._replace(forward=forward)

    return subject._replace(make=make)
