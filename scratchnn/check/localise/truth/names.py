"""Which forward name a name of the backward speaks of."""

import re

_KEY = re.compile(r"\['(\w+)'\]")
_GRADIENT = re.compile(r"^(?:d_?|grad_|g_)(?=[A-Za-z])|_grad$")
_ENDS = ("_t", "_prev", "_next", "_last")
_EDGES = ("_prev", "_next", "_last")


def bare(text: str) -> str:
    """Give a name without owner and index: "h" of "self.h[t + 1]", "dx" of "grads['dx'][t]".

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    key = _KEY.search(text)
    return key[1] if key else text.partition("[")[0].rpartition(".")[2]


def base(name: str) -> str:
    """Give a name without what says when: "c" of "c_t", "c_prev", "c_next".

    Parameters
    ----------
    name : str

    Returns
    -------
    str
    """
    for end in _ENDS:
        if name.endswith(end) and len(name) > len(end):
            return name.removesuffix(end)
    return name[0] if re.fullmatch("[a-z]s", name) else name  # hs, cs, xs: a list of all steps


def is_edge(name: str) -> bool:
    """Say whether a name speaks of what goes from one step to another.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool
    """
    return name.endswith(_EDGES)


def of_gradient(name: str) -> str:
    """Give the name whose gradient a name would be: "c_t" of "dc_t" or "grad_c_t"; empty if it is none.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
    """
    found = _GRADIENT.sub("", name, count=1)
    return found if found != name else ""


def undone(function: str) -> str:
    """Give the forward function that a function undoes by its name: "step" of "step_backward", else "".

    Parameters
    ----------
    function : str

    Returns
    -------
    str
    """
    head, dot, last = function.rpartition(".")
    if last == "backward":
        return head + dot + "forward"
    for mark in ("_backward", "backward_", "_bwd", "_back"):
        if mark in last:
            return head + dot + last.replace(mark, "")
    return ""
