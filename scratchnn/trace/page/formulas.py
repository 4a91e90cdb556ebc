"""Equations for a page: LaTeX to MathML, and the code's own text where there is no LaTeX."""

import html
import re
from typing import Any

_PRIME = re.compile(r"<msup>(<mi>\w</mi>)<mi>(&#x02032;)</mi></msup>")  # that sign stands high by itself


def formula(equation: dict[str, Any]) -> str:
    """Give one equation as MathML.

    Parameters
    ----------
    equation : dict
        ``latex`` and ``text``, as in a trace.

    Returns
    -------
    str
        MathML, or the text in ``<code>`` where there is no LaTeX or it is not understood.
    """
    latex = equation.get("latex")
    if latex:
        from latex2mathml.converter import convert  # opened when needed

        try:
            return _PRIME.sub(r"\1<mo>\2</mo>", convert(latex))
        except Exception:  # a user's own LaTeX: the text says the same
            pass
    return f"<code>{html.escape(equation.get('text') or '')}</code>"


def name_of(equation: dict[str, Any]) -> str:
    """Give the id under which a page holds an equation.

    Parameters
    ----------
    equation : dict

    Returns
    -------
    str
    """
    return f"eq-{equation['op']}-{equation['phase']}-{equation['number']}"
