"""How the wrong lines are told, in steps: where, a question, the formula, the corrected line."""

from typing import Any

from .wording import LAST, formulas, short

SHOWN = 4
FORMULA = 4


def localisation_told(found: dict[str, Any], hint: int) -> dict[str, Any]:
    """Leave the corrected lines out, unless the last hint is asked for.

    Parameters
    ----------
    found : dict
        As ``Localisation.as_dict`` gives it; empty if nothing was looked for.
    hint : int

    Returns
    -------
    dict
    """
    if hint >= LAST or not found:
        return found
    return found | {"faults": [{k: v for k, v in one.items() if k != "edit"} for one in found["faults"]]}


def places(found: dict[str, Any]) -> list[str]:
    """Name the wrong lines with both numbers, and say how sure that is.

    Parameters
    ----------
    found : dict

    Returns
    -------
    list of str
    """
    faults = found.get("faults", [])
    if not faults:
        return [f"  where: not found: {found['why']}"] if found.get("why") else []
    lines = [f"  where: {faults[0]['said']}", *(f"    and {one['said']}" for one in faults[1:])]
    if found["certain"]:
        return [*lines, "    certain: a change there makes every gradient right, on a second seed too"]
    if found.get("repaired"):
        lines.append(
            "    not certain: a change there makes every gradient right, but the line before may be the wrong one"
        )
        return lines
    lines.append(
        "    not certain: no change was found that makes every gradient right; lines with unexpected numbers:"
    )
    for one in found["suspects"][:SHOWN]:
        both = f"expected {short(one['expected'])}, got {short(one['got'])}"
        lines.append(f"      line {one['line']}: {one['text']}: {both}")
    return lines


def led(found: dict[str, Any], op: str, hint: int) -> list[str]:
    """Ask about the first wrong line, where no known mistake brings a question of its own.

    Parameters
    ----------
    found : dict
    op : str
    hint : int

    Returns
    -------
    list of str
    """
    lines = []
    for one in found.get("faults", [])[:1]:
        lines.append(
            f"    question: which line of the forward does line {one['line']} undo? Who reads what that line makes, "
            "and what does each of them send back?"
        )
        if hint >= FORMULA:
            lines += [f"    formula: {text}" for text in formulas(op, one["text"])]
    return lines


def corrected(found: dict[str, Any]) -> list[str]:
    """Show the lines as they should be.

    Parameters
    ----------
    found : dict

    Returns
    -------
    list of str
    """
    lines = []
    for one in found.get("faults", []):
        edit = one.get("edit")
        if edit:
            sure = "" if one["certain"] else " (not certain)"
            lines.append(f"    line {one['line']} corrected{sure}: {edit['after'] or 'left out'}  [{edit['words']}]")
    return lines
