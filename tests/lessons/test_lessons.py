"""Chapters are found, cut into cells, and run as in a notebook."""

import importlib
import sys

import pytest

from scratchnn.errors import InputError
from scratchnn.lessons import chapter, chapters
from scratchnn.lessons.cells import cells_of
from scratchnn.lessons.figures import show
from scratchnn.lessons.progress import Progress, place, progress, remember
from scratchnn.lessons.running import Picture, Session, run_all
from scratchnn.lessons.shelf import Chapter

TEXT = """# %% [markdown]
# # 05 · A small chapter
#
# Some words, $a_t = \\tfrac{1}{2}$.

# %%

value = 20
print("set", value)

# %%
value += 1
print(value)
# %% [markdown]
# ## The end
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "05_small.py"
    path.write_text(TEXT, encoding="utf-8")
    return Chapter("05", "05_small", path)


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("SCRATCHNN_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state" / "tutorial.json"


class TestCells:
    def test_kinds_texts_and_lines(self):
        cells = cells_of(TEXT)
        assert [cell.kind for cell in cells] == ["markdown", "code", "code", "markdown"]
        assert [cell.line for cell in cells] == [2, 8, 12, 15]
        assert cells[0].text.splitlines()[0] == "# 05 · A small chapter"
        assert cells[1].text.startswith("value = 20")
        assert TEXT.splitlines()[cells[1].line - 1] == "value = 20"

    def test_headings(self):
        assert [cell.headings for cell in cells_of(TEXT)] == [
            ((1, "05 · A small chapter"),),
            (),
            (),
            ((2, "The end"),),
        ]

    def test_a_file_without_marks_is_one_cell(self):
        assert [cell.kind for cell in cells_of("a = 1\nb = 2\n")] == ["code"]

    def test_empty_cells_are_left_out(self):
        assert cells_of("# %%\n\n# %% [markdown]\n\n") == ()

    def test_nothing_of_a_real_chapter_is_lost(self):
        for one in chapters():
            kept = sum(len(cell.text.splitlines()) for cell in one.cells)
            marks = sum(line.startswith("# %%") for line in one.text.splitlines())
            empty = sum(not line.strip() for line in one.text.splitlines())
            within = sum(
                not line.strip() for cell in one.cells if cell.kind == "code" for line in cell.text.splitlines()
            )
            assert kept + marks + empty - within == len(one.text.splitlines())


class TestChapters:
    @pytest.mark.parametrize("which", ["50", "50_lstm", "lstm"])
    def test_one_is_found_by_number_and_name(self, which):
        assert chapter(which).name == "50_lstm"

    def test_zero_is_a_number(self):
        assert chapter("0").name == "00_article"

    def test_an_unknown_one_is_refused_with_the_list(self):
        with pytest.raises(InputError, match=r"no chapter '51', expected one of 00, 10"):
            chapter("51")

    def test_titles(self, small):
        assert small.title == "A small chapter"

    def test_without_chapters_there_is_a_sentence(self, tmp_path, monkeypatch):
        room = importlib.import_module("scratchnn.lessons.shelf")
        monkeypatch.setattr(room, "INSTALLED", tmp_path)
        monkeypatch.setattr(room, "CHECKOUT", tmp_path)
        with pytest.raises(InputError, match="no chapters in"):
            chapters()


class TestRunning:
    def test_cells_share_their_names(self, small):
        assert [ran.outputs for ran in run_all(small)] == [(), ("set 20\n",), ("21\n",), ()]

    def test_a_figure_stands_between_what_is_printed(self, small):
        from matplotlib.figure import Figure

        figure = Figure()
        figure.suptitle("A curve")
        cell = cells_of('print("before")\nshow(figure)\nprint("after")')[0]
        session = Session(small)
        session.names |= {"show": show, "figure": figure}
        before, picture, after = session.record(cell).outputs
        assert (before, after) == ("before\n", "after\n")
        assert isinstance(picture, Picture)
        assert picture.png.startswith(b"\x89PNG")
        assert picture.title == "A curve"

    def test_without_a_listener_a_figure_is_one_line(self, capsys):
        from matplotlib.figure import Figure

        figure = Figure()
        figure.subplots().set_title("Left", loc="left")
        show(figure)
        assert capsys.readouterr().out == "[figure: Left; a page or a notebook draws it]\n"

    def test_a_failure_names_the_line_of_the_file(self, tmp_path):
        path = tmp_path / "05_small.py"
        path.write_text("# %%\na = 1\n\n# %%\nb = 2\n1 / 0\n", encoding="utf-8")
        broken = Chapter("05", "05_small", path)
        session = Session(broken)
        session.run(broken.cells[0])
        with pytest.raises(ZeroDivisionError) as failed:
            session.run(broken.cells[1])
        assert failed.traceback[-1].lineno == 5  # counted from 0

    def test_a_failure_ends_the_listening(self, small):
        session = Session(small)
        with pytest.raises(ZeroDivisionError):
            session.record(cells_of("1 / 0")[0])
        assert [ran.outputs for ran in run_all(small)][1] == ("set 20\n",)


class TestProgress:
    def test_at_first_there_is_none(self, small):
        assert progress(small) == Progress(0, 4, False)
        assert progress(small).words == ""

    def test_it_is_remembered(self, small, state):
        remember(small, 2)
        assert progress(small) == Progress(2, 4, False)
        assert progress(small).words == "read up to cell 2 of 4"
        assert place() == state
        assert state.exists()

    def test_done_stays_done(self, small):
        remember(small, 4)
        remember(small, 1)
        assert progress(small) == Progress(1, 4, True)
        assert progress(small).words == "done"

    def test_chapters_do_not_disturb_each_other(self, small):
        remember(small, 2)
        remember(chapter("50"), 3)
        assert progress(small).seen == 2
        assert progress(chapter("50")).seen == 3

    @pytest.mark.parametrize("content", ["", "no json", "[1, 2]", '{"05_small": 3}', '{"05_small": {"seen": "x"}}'])
    def test_a_damaged_file_means_no_progress(self, small, state, content):
        state.parent.mkdir()
        state.write_text(content, encoding="utf-8")
        assert progress(small) == Progress(0, 4, False)
        remember(small, 1)
        assert progress(small).seen == 1

    def test_a_chapter_that_became_shorter(self, small, state):
        state.parent.mkdir()
        state.write_text('{"05_small": {"seen": 99, "done": false}}', encoding="utf-8")
        assert progress(small).seen == 4

    @pytest.mark.skipif(sys.platform != "linux", reason="the place differs")
    def test_the_place_follows_the_system(self, monkeypatch, tmp_path):
        monkeypatch.delenv("SCRATCHNN_STATE_DIR")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        assert place() == tmp_path / "scratchnn" / "tutorial.json"
