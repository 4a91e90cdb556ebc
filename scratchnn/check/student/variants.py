"""Which variants of an op a student's code knows of: the others are not judged, and that is said."""

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


def unheard(student: Student, variant: str, score: str = "") -> str:
    """Say why a variant cannot be asked of this code.

    Parameters
    ----------
    student : Student
    variant : str
        The name of a subject, e.g. "lstm.masked".
    score : str
        The one score of attention that the code knows of, as far as that was found out.

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
    if one_score and f".{score or 'scaled_dot'}." not in variant:
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
