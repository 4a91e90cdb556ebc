"""An examination as one HTML file that needs no network: verdict, numbers, the student's lines, hints to open."""

import html
from importlib import resources
from typing import Any

from ..examination import QUESTION, STEPS, WHERE, Examination
from ..wording import formulas, short
from .listing import listing

TITLE = "What the gradients say"


def page(found: Examination) -> str:
    """Write the report.

    Parameters
    ----------
    found : Examination
        Its hint says how much is there to be opened.

    Returns
    -------
    str
        A whole HTML document; everything of the student's is escaped.
    """
    told = found.as_dict()
    css = resources.files(__name__).joinpath("page.css").read_text(encoding="utf-8")
    name = html.escape(told["file"].replace("\\", "/").rpartition("/")[2] or told["file"])
    parts = [_head(told, name), _troubles(told), _forward(told), *map(_gradients, told["gradients"])]
    parts += [_hints(found, told), _source(found, told), _output(told), _assumed(told)]
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}: {TITLE.lower()}</title>\n"
        f"<style>\n{css}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _head(told, name):
    state = "right" if told["passed"] else "wrong" if told["status"] == 1 else "unknown"
    wrong = [report for report in told["gradients"] if not report["passed"]]
    words = {
        "right": "Forward and gradients are right" if told["gradients"] else "The forward is right",
        "wrong": "The gradients are wrong" if wrong else "The forward differs from ours",
        "unknown": "This file could not be judged",
    }[state]
    yours = ", ".join(f"<code>{html.escape(one)}</code>" for one in told["functions"]) or "nothing of the op"
    return (
        f'<header class="{state}"><p class="file">{name}</p><h1>{words}</h1>'
        f"<p>{html.escape(told['op'])} &middot; yours: {yours} &middot; the rest is our reference</p></header>"
    )


def _troubles(told):
    sentences = [*told["failed"], *filter(None, [told["stopped"]])]
    return "".join(f'<p class="trouble">{html.escape(str(one))}</p>' for one in sentences)


def _forward(told):
    forward = told["forward"]
    if not forward:
        return ""
    lines = [f"As ours on {html.escape(', '.join(forward['right']))}."] if forward.get("right") else []
    lines += [f"{html.escape(name)}: {html.escape(sentence)}" for name, sentence in forward.get("wrong", [])]
    if first := forward.get("first_wrong"):
        step = "" if first["t"] is None else f" at t={first['t']}"
        index = ", ".join(map(str, first["index"]))
        lines.append(
            f"First wrong: <code>{html.escape(first['name'])}[{index}]</code>{step}: expected "
            f"{short(first['expected'])}, got {short(first['got'])}"
        )
    left = [f"{html.escape(name)} ({html.escape(why)})" for name, why in forward.get("left_out", [])]
    more = f"<details><summary>Not judged: {len(left)}</summary><p>{'; '.join(left)}</p></details>"
    return (
        "<section><h2>Forward</h2>"
        + "".join(f"<p>{line}</p>" for line in lines)
        + (more if left else "")
        + "</section>"
    )


def _gradients(report: dict[str, Any]) -> str:
    head = "".join(f"<th>{text}</th>" for text in ("gradient", "verdict", "at", "expected", "got", "entries wrong"))
    rows = []
    for row in report["rows"]:
        verdict = "right" if row["passed"] else "wrong"
        at = "" if row["worst"] is None or row["passed"] else f"[{', '.join(map(str, row['worst']))}]"
        numbers = ("", "") if row["passed"] else (short(row["expected"]), short(row["given"]))
        bad = "" if row["passed"] else f"{row['bad']} of {row['size']}"
        cells = (f"d{html.escape(row['name'])}", verdict, at, *numbers, bad)
        marked = f'<th scope="row"><code>{cells[0]}</code></th><td><b class="{verdict}">{verdict}</b></td>'
        rows.append(f"<tr>{marked}{''.join(f'<td>{cell}</td>' for cell in cells[2:])}</tr>")
    failures = "".join(f'<p class="trouble">{html.escape(sentence)}</p>' for sentence in report["failures"])
    notes = "".join(f"<p class='note'>{html.escape(sentence)}</p>" for sentence in report["notes"])
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    return (
        f"<section><h2>Gradients of {html.escape(report['name'])}</h2>{table if rows else ''}{failures}{notes}"
        f"<p class='note'>{html.escape('; '.join(report['judged']))}</p></section>"
    )


def _hints(found, told):
    if told["passed"] or not told["gradients"]:
        return ""
    steps = []
    if found.hint >= WHERE and (where := _where(found, told)):
        steps.append(_step(WHERE, where))
    if found.hint >= QUESTION:
        matches = told["diagnosis"].get("matches", [])
        for number in range(QUESTION, found.hint + 1):
            said = [_of_match(found, match, number) for match in matches]
            said = [one for one in said if one]
            if said:
                steps.append(_step(number, _certainty(told, number) + "<hr>".join(said)))
        if not matches and told["diagnosis"] and not told["diagnosis"].get("right"):
            compared = told["diagnosis"].get("compared", 0)
            steps.append(_step(QUESTION, f"<p>None of {compared} known mistakes and pairs has these gradients.</p>"))
    return f"<section><h2>Hints, one after the other</h2>{''.join(steps)}</section>" if steps else ""


def _step(number, content):
    name = STEPS[number]
    return f"<details><summary>{name[0].upper()}{name[1:]}</summary><div class='hint'>{content}</div></details>"


def _where(found, told):
    faults = told.get("localisation", {}).get("faults", [])
    if faults:
        lines = []
        for fault in faults:
            step = "" if fault.get("t") is None else f", t={fault['t']}"
            lines.append(
                f"<p>line {fault['line']}: <code>{html.escape(str(fault['text']))}</code>{step}: expected "
                f"{short(fault.get('expected'))}, got {short(fault.get('got'))}</p>"
            )
        return "".join(lines)
    functions = sorted({one["function"] for match in found.matches for one in match["mistakes"]})
    return (
        f"<p>In what our reference does in <code>{' or '.join(map(html.escape, functions))}</code>.</p>"
        if functions
        else ""
    )


def _certainty(told, number):
    if number != QUESTION:
        return ""
    count = len(told["diagnosis"]["matches"])
    if count > 1:
        return f"<p>Not certain: {count} explanations have exactly these gradients.</p>"
    return "" if told["diagnosis"].get("certain") else "<p>Not certain.</p>"


def _of_match(found, match, number):
    lines = []
    for one in match["mistakes"]:
        if number == QUESTION:
            lines.append(f"<p class='question'>{html.escape(one['question'])}</p>")
        elif number == QUESTION + 1:
            right = next(m["right"] for known in found.matches for m in known["mistakes"] if m["id"] == one["id"])
            texts = "<br>".join(html.escape(text) for text in formulas(found.student.op, right))
            title = (
                f"Your gradients equal, to {match['digits']} digits, those of: <b>{html.escape(one['title'])}</b>."
            )
            lines.append(f"<p>{title} {html.escape(one['misconception'])}: {html.escape(one['meaning'])}.</p>")
            lines.append(f"<p class='formula'>{texts}</p>" if texts else "")
        elif one.get("right"):
            code = html.escape(one["right"])
            lines.append(f"<p>In <code>{html.escape(one['function'])}</code> of our reference:</p><pre>{code}</pre>")
    return "".join(lines)


def _source(found, told):
    faults = told.get("localisation", {}).get("faults", []) if found.hint >= WHERE else []
    marked = {fault["line"] for fault in faults}
    return (
        f"<section><h2>Your code</h2><div class='wide code'>{listing(found.student.source, marked)}</div></section>"
    )


def _output(told):
    text = told["output"].strip()
    return f"<section><h2>It printed</h2><pre>{html.escape(text)}</pre></section>" if text else ""


def _assumed(told):
    said = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in told["assumed"])
    return f"<section><h2>What was assumed</h2><ul>{said}</ul></section>" if said else ""
