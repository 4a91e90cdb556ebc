"""A chapter as one HTML file: formulas as MathML, code coloured, figures inside; nothing is loaded from outside."""

import base64
import html
import re
from collections.abc import Iterable
from pathlib import Path

import scratchnn
from scratchnn.errors import InputError
from scratchnn.files import write_bytes

from .mathematics import mathml, replace_math
from .running import Picture, Ran, run_all
from .shelf import Chapter

CSS = Path(__file__).parent / "page.css"
PREDICTION = re.compile(r"\b[Ww]rite down\b|\bPredict:")  # a text with such words wants an answer before the numbers
SUMMARY = "I have written my prediction down: show what the cell says"


def write_page(chapter: Chapter, path: str | Path) -> None:
    """Run a chapter and write it as a page.

    Parameters
    ----------
    chapter : Chapter
    path : str or Path

    Raises
    ------
    InputError
        The folder does not exist.
    """
    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise InputError(f"tutorial: there is no folder {path.parent} for the page")
    write_bytes(path, page(chapter, run_all(chapter)).encode())


def page(chapter: Chapter, cells: Iterable[Ran]) -> str:
    """Write a chapter that ran as HTML.

    Parameters
    ----------
    chapter : Chapter
    cells : iterable of Ran

    Returns
    -------
    str
    """
    body, contents, asked = [], [], False
    for number, ran in enumerate(cells):
        for level, words in ran.cell.headings:
            if level == 2:
                contents.append((f"s{len(contents) + 1}", words))
        if ran.cell.kind == "markdown":
            asked = bool(PREDICTION.search(ran.cell.text))
            first = len(contents) - sum(level == 2 for level, _ in ran.cell.headings)
            body.append(_anchored(_markdown(ran.cell.text), first))
        else:
            body.append(_code(ran, number, asked))
    links = "".join(f'<li><a href="#{anchor}">{_words(words)}</a></li>' for anchor, words in contents)
    title = html.escape(f"{chapter.number} · {chapter.title}")
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
        f"<style>\n{CSS.read_text(encoding='utf-8')}{_colours()}</style>\n</head>\n<body>\n"
        f'<nav aria-label="Contents"><ol>{links}</ol></nav>\n<main>\n'
        + "\n".join(body)
        + f"\n</main>\n<footer>scratchnn {scratchnn.__version__}, tutorials/{chapter.path.name}</footer>\n"
        "</body>\n</html>\n"
    )


def _markdown(text):
    from markdown_it import MarkdownIt

    formulas = []

    def keep(latex, display):
        formulas.append(mathml(latex, display))
        return f"\ue000{len(formulas) - 1}\ue001"  # private characters: Markdown passes them on

    text = replace_math(text, lambda latex: keep(latex, False), lambda latex: keep(latex, True))
    made = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    made = re.sub(r"(\(?\ue000\d+\ue001[.,;:?!)]+)", r'<span class="keep">\1</span>', made)
    for number, formula in enumerate(formulas):
        made = made.replace(f"\ue000{number}\ue001", formula)
    return made.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")


def _anchored(made, first):
    """Give the headings of the second level the names that the contents link to."""
    parts = made.split("<h2>")
    return parts[0] + "".join(f'<h2 id="s{first + k}">{part}' for k, part in enumerate(parts[1:], 1))


def _words(text):
    return _markdown(text).removeprefix("<p>").removesuffix("</p>\n")


def _code(ran, number, asked):
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    coloured = highlight(ran.cell.text, PythonLexer(), HtmlFormatter(nowrap=True))
    made = f'<section class="cell" id="c{number}"><pre class="code"><code>{coloured}</code></pre>'
    shown = "".join(map(_output, ran.outputs))
    if shown and asked:
        shown = f"<details><summary>{SUMMARY}</summary>{shown}</details>"
    return f"{made}{shown}</section>"


def _output(output):
    if isinstance(output, Picture):
        data = base64.b64encode(output.png).decode()
        return f'<figure><img alt="{html.escape(output.title)}" src="data:image/png;base64,{data}"></figure>'
    return f'<pre class="output">{html.escape(output)}</pre>'


def _colours():
    from pygments.formatters import HtmlFormatter

    light, dark = (HtmlFormatter(style=name).get_style_defs(".code") for name in ("friendly", "github-dark"))
    rules = "\n".join(line for line in light.splitlines() if line.startswith(".code ."))
    rules_dark = "\n".join(line for line in dark.splitlines() if line.startswith(".code ."))
    return f"{rules}\n@media screen and (prefers-color-scheme: dark) {{\n{rules_dark}\n}}\n"
