"""A chapter as a page and as a notebook."""

import json
import sys
from html.parser import HTMLParser

import pytest

from scratchnn.errors import InputError
from scratchnn.lessons import chapters
from scratchnn.lessons.notebook import write_notebook
from scratchnn.lessons.page import page, write_page
from scratchnn.lessons.running import Ran
from scratchnn.lessons.shelf import Chapter

VOID = {"meta", "img", "br", "hr", "mspace"}
TEXT = """# %% [markdown]
# # 05 · Tags & <signs>
#
# Half is $\\frac{1}{2}$, **bold $a_1$.**
#
# | a | b |
# |---|---|
# | 1 | `x < y` |

# %%
from matplotlib.figure import Figure

from scratchnn.lessons import show

print("1 < 2 & 3")

# %% [markdown]
# ## Predict, then run
#
# Write down.

# %%
figure = Figure()
figure.suptitle("A picture")
show(figure)

# %% [markdown]
# ## The end

# %%
print("last")
"""


class Tags(HTMLParser):
    """Checks that tags close, and collects what refers to something."""

    def __init__(self, text):
        super().__init__()
        self.open, self.names, self.links, self.loads, self.seen = [], set(), set(), [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.seen.append(tag)
        given = dict(attrs)
        self.names.add(given.get("id"))
        if tag == "a":
            self.links.add(given["href"])
        self.loads += [given[name] for name in ("src", "srcset", "data") if name in given]

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "05_small.py"
    path.write_text(TEXT, encoding="utf-8")
    return Chapter("05", "05_small", path)


@pytest.fixture
def written(small, tmp_path):
    write_page(small, tmp_path / "page.html")
    return (tmp_path / "page.html").read_text(encoding="utf-8")


def test_tags_close_and_links_lead_somewhere(written):
    tags = Tags(written)
    assert {link.removeprefix("#") for link in tags.links} <= tags.names
    assert len(tags.links) == 2


def test_nothing_is_loaded_from_outside(written):
    assert all(source.startswith("data:") for source in Tags(written).loads)
    assert not {"script", "link", "iframe"} & set(Tags(written).seen)
    assert "http" not in written.replace("http://www.w3.org/1998/Math/MathML", "")


def test_signs_are_escaped(written):
    assert "<title>05 · Tags &amp; &lt;signs&gt;</title>" in written
    assert "1 &lt; 2 &amp; 3" in written
    assert "<code>x &lt; y</code>" in written


def test_formulas_tables_and_figures_are_there(written):
    tags = Tags(written).seen
    assert tags.count("math") == 2
    assert "mfrac" in tags
    assert "table" in tags
    assert 'alt="A picture"' in written
    assert "data:image/png;base64," in written
    assert "\ue000" not in written


def test_what_follows_a_prediction_is_folded_away(written):
    assert Tags(written).seen.count("details") == 1
    folded = written.split("<details>")[1].split("</details>")[0]
    assert "<figure>" in folded
    assert "last" not in folded


def test_the_title_names_the_chapter(written):
    assert written.startswith("<!DOCTYPE html>")
    assert "tutorials/05_small.py" in written


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.name)
def test_every_chapter_makes_a_well_formed_page(chapter):
    tags = Tags(page(chapter, [Ran(cell) for cell in chapter.cells]))
    assert len(tags.links) >= 8
    assert {link.removeprefix("#") for link in tags.links} <= tags.names


def test_a_missing_folder_is_named(small, tmp_path):
    for write, name in ((write_page, "page.html"), (write_notebook, "one.ipynb")):
        with pytest.raises(InputError, match="there is no folder"):
            write(small, tmp_path / "nowhere" / name)


@pytest.mark.slow
def test_a_notebook_has_outputs(small, tmp_path):
    pytest.importorskip("jupytext")
    pytest.importorskip("ipykernel")
    pytest.importorskip("nbclient")
    write_notebook(small, tmp_path / "one.ipynb")
    notebook = json.loads((tmp_path / "one.ipynb").read_text(encoding="utf-8"))
    kinds = [cell["cell_type"] for cell in notebook["cells"]]
    assert kinds == ["markdown", "code", "markdown", "code", "markdown", "code"]
    assert notebook["cells"][1]["outputs"][0]["text"] == ["1 < 2 & 3\n"]
    assert "image/png" in notebook["cells"][3]["outputs"][0]["data"]
    assert "$\\frac{1}{2}$" in "".join(notebook["cells"][0]["source"])


@pytest.mark.slow
def test_a_notebook_whose_cell_fails_is_not_written(tmp_path):
    pytest.importorskip("jupytext")
    pytest.importorskip("ipykernel")
    pytest.importorskip("nbclient")
    path = tmp_path / "05_small.py"
    path.write_text("# %%\n1 / 0\n", encoding="utf-8")
    with pytest.raises(InputError, match="05_small failed: ZeroDivisionError"):
        write_notebook(Chapter("05", "05_small", path), tmp_path / "one.ipynb")
    assert not (tmp_path / "one.ipynb").exists()


def test_a_notebook_has_its_ending(small, tmp_path):
    with pytest.raises(InputError, match=r"ends in \.ipynb"):
        write_notebook(small, tmp_path / "one.html")


def test_without_the_extra_the_sentence_says_what_to_install(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jupytext", None)
    with pytest.raises(InputError, match=r"needs jupytext.*pip install 'scratchnn\[notebook\]'"):
        write_notebook(small, tmp_path / "one.ipynb")
