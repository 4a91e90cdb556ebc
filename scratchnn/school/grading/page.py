"""The grades as one HTML page: the class at a glance, what it misunderstands, and every student's feedback."""

from html import escape
from pathlib import Path

import scratchnn

from .course import Course
from .one import GRADED, MISSING, UNTOUCHED

CSS = Path(__file__).parent / "page.css"
SHOWN = 12  # mistakes that are listed


def page(course: Course) -> str:
    """Write the page.

    Parameters
    ----------
    course : Course

    Returns
    -------
    str
    """
    everybody = list(course.results)
    mean = sum(map(course.points, everybody)) / len(everybody)
    parts = [
        f"<h1>Grades of {len(everybody)} student{'s' * (len(everybody) != 1)}</h1>",
        f'<p class="lead">{len(course.exercises)} exercises, {course.of} points; on average {mean:.1f}. Drawn with '
        f"salt <code>{escape(course.salt)}</code>: the same salt asks the same hidden problems again.</p>",
        _overview(course),
        _histogram(course),
        _exercises(course),
        "<h2>Student by student</h2>",
        *(_student(course, name) for name in everybody),
        f"<footer>scratchnn {escape(scratchnn.__version__)}; importing the library's own answers or an autograd "
        "package is refused: a rule against accidents, no lock. Assisted: so says the student's own folder.</footer>",
    ]
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Grades</title>\n'
        f"<style>\n{CSS.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n"
        "</html>\n"
    )


def _overview(course):
    heads = "".join(
        f'<th scope="col"><abbr title="{escape(one.title)}">{escape(one.number)}</abbr></th>'
        for one in course.exercises
    )
    rows = []
    for number, (name, results) in enumerate(course.results.items()):
        cells = "".join(_cell(result) for result in results)
        rows.append(
            f'<tr><th scope="row"><a href="#s{number}">{escape(name)}</a></th>'
            f"<td><b>{course.points(name)}</b></td>{cells}</tr>"
        )
    return (
        '<h2>At a glance</h2><div class="wide"><table class="glance"><thead><tr><th scope="col">student</th>'
        f'<th scope="col">of {course.of}</th>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        '<p class="quiet">A cell: points of the exercise. <span class="key full">all</span> '
        '<span class="key some">some</span> <span class="key none">none</span> '
        '<span class="key away">nothing handed in, or untouched</span> * with the lines shown</p>'
    )


def _cell(result):
    kind = "full" if result.points == result.of else "some" if result.points else "none"
    away = result.status in (MISSING, UNTOUCHED)
    star = "*" if result.standing.assisted else ""
    shown = "–" if away else f"{result.points}/{result.of}{star}"
    return f'<td class="{"away" if away else kind}" title="{escape(result.status)}">{shown}</td>'


def _histogram(course):
    found = course.misconceptions()
    if not found:
        return "<h2>What is misunderstood</h2><p>No known mistake was recognised.</p>"
    most = max(len(who) for _, _, who in found)
    bars = "".join(
        f'<li><div class="what"><b>{name}</b> {escape(meaning)}</div>'
        f'<div class="bar" style="width:{100 * len(who) / most:.1f}%"></div>'
        f'<div class="who">{_students(len(who))}: {escape(", ".join(who))}</div></li>'
        for name, meaning, who in found
    )
    rows = "".join(
        f"<tr><td>{escape(title)}</td><td>{len(who)}</td><td>{escape(', '.join(who))}</td></tr>"
        for _, title, who in course.mistakes()[:SHOWN]
    )
    return (
        f'<h2>What is misunderstood</h2><ol class="bars">{bars}</ol><h3>The mistakes behind it</h3>'
        f'<div class="wide"><table><thead><tr><th>mistake</th><th>students</th><th>who</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _exercises(course):
    rows = []
    for k, one in enumerate(course.exercises):
        results = [results[k] for results in course.results.values()]
        solved = sum(result.points == result.of for result in results)
        hardest = _hardest(results)
        rows.append(
            f"<tr><td>{escape(one.id)}</td><td>{escape(one.title)}</td><td>{solved} of {len(results)}</td>"
            f"<td>{escape(hardest)}</td></tr>"
        )
    return (
        '<h2>Exercise by exercise</h2><div class="wide"><table class="listed"><thead><tr><th>exercise</th>'
        "<th>title</th><th>solved by</th><th>check that most miss</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _hardest(results):
    graded = [result for result in results if result.status == GRADED]
    missed = {
        check: sum(bool(result.checks[check]) for result in graded) for result in graded for check in result.checks
    }
    if not missed or not max(missed.values()):
        return ""
    worst = max(missed, key=lambda check: missed[check])
    return f"{worst} ({missed[worst]})"


def _student(course, name):
    results = course.results[name]
    number = list(course.results).index(name)
    parts = []
    for one, result in zip(course.exercises, results, strict=True):
        if result.status in (MISSING, UNTOUCHED):
            continue
        checks = "".join(
            f'<li class="{"miss" if sentence else "pass"}">{escape(check)}'
            f"{f': {escape(sentence)}' if sentence else ''}</li>"
            for check, sentence in result.checks.items()
        )
        told = "".join(f"<li>{escape(line)}</li>" for line in result.feedback)
        mistakes = "; ".join(f"{one.title} ({one.misconception})" for one in result.mistakes)
        parts.append(
            f"<h4>{escape(one.id)}: {result.points} of {result.of}</h4>"
            + (f'<p class="mistake">{escape(mistakes)}</p>' if mistakes else "")
            + f'<ul class="told">{told}</ul>'
            + f'<details><summary>checks</summary><ul class="checks">{checks}</ul></details>'
        )
    away = [result.exercise for result in results if result.status in (MISSING, UNTOUCHED)]
    if away:
        parts.append(f'<p class="quiet">nothing handed in for: {escape(", ".join(away))}</p>')
    return (
        f'<details class="student"><summary>{escape(name)} '
        f"<span>{course.points(name)} of {course.of}</span></summary>"
        f'<div id="s{number}">{"".join(parts)}</div></details>'  # a link to what is inside opens it
    )


def _students(count):
    return "1 student" if count == 1 else f"{count} students"
