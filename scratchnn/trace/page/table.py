"""The whole trace as plain tables: for paper, for readers without scripts, for notebooks that strip them."""

import html

import numpy as np

from ..model import Check, Event, Trace
from .formulas import formula, name_of

SHOWN = 64  # entries of one value; a longer one shows its first eight and its norm
ROWS = 1500  # events; a longer trace shows its first and last


def tables(trace: Trace) -> str:
    """Give all equations and all values of a trace as HTML.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    str
    """
    return equations(trace) + values(trace)


def equations(trace: Trace) -> str:
    """Give the equations, each under its number.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    str
    """
    rows = "".join(
        f"<tr><td>({one['number']})</td><td>{html.escape(one['op'])}, {one['phase']}</td>"
        f'<td id="{html.escape(name_of(one))}" class="formula">{formula(one)}</td>'
        f"<td><code>{html.escape(one['text'])}</code></td><td>{html.escape(one['source'])}</td></tr>"
        for one in trace.equations
    )
    return _table("The equations", ("number", "where", "formula", "in the code's names", "source"), rows)


def values(trace: Trace) -> str:
    """Give every event with the value it computed, rounded to four digits, and its check.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    str
    """
    events = trace.events
    left_out = len(events) - ROWS
    if left_out > 0:
        events = events[: ROWS // 2] + events[-ROWS // 2 :]
    note = "<p>–: not checked; the forward pass is what the check of every gradient runs again.</p>"
    note += f"<p>{left_out} events between the first and the last are left out here.</p>" if left_out > 0 else ""
    rows = "".join(_row(trace, one) for one in events)
    return note + _table("Every value, in the order of the run", ("t", "line", "value", "check, error"), rows)


def _table(caption, heads, rows):
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{caption}"><table><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(trace: Trace, event: Event) -> str:
    when = "" if event.t is None else event.t
    number = "" if event.equation is None else f" ({event.equation})"
    running = "a running sum; its last line has the total"
    value = running if event.value is None else _numbers(trace.array(event.value))
    return (
        f'<tr class="{event.phase}"><td>{when}</td><td><code>{html.escape(event.text)}</code>{number}</td>'
        f'<td>{value}</td><td class="short">{verdict(event.check)}</td></tr>'
    )


def verdict(check: Check | None) -> str:
    """Say in words what a check found.

    Parameters
    ----------
    check : Check or None

    Returns
    -------
    str
    """
    if check is None:
        return "–"
    return f"{'✓ pass' if check.passed else '✗ FAIL'}, {check.error:.1e}"


def _numbers(array):
    flat = np.ravel(array)
    shown = flat if flat.size <= SHOWN else flat[:8]
    text = " ".join(f"{one:.4g}" for one in shown).replace("-", "−")
    return text if flat.size <= SHOWN else f"{text} ... {flat.size} entries, norm {np.linalg.norm(flat):.4g}"
