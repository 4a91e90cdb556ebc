"""The README stays true: its Python runs, its commands exist, its pictures are there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import scratchnn
from scratchnn.cli import COMMANDS

README = Path(scratchnn.__file__).parent.parent / "README.md"
pytestmark = pytest.mark.skipif(not README.exists(), reason="not a source checkout")


def text():
    return README.read_text(encoding="utf-8")


def test_its_python_runs_as_it_stands(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", text(), re.S)
    assert blocks
    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", block], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_its_example_is_short():
    first = re.findall(r"```python\n(.*?)```", text(), re.S)[0]
    assert len([line for line in first.splitlines() if line.strip()]) <= 22


def test_every_command_it_names_exists():
    named = set(re.findall(r"(?<!from )\bscratchnn ([a-z]+)", text().split("# scratchnn", 1)[1]))
    assert named <= set(COMMANDS), named - set(COMMANDS)
    assert set(COMMANDS) <= named, "a command that the README does not show"


def test_its_pictures_are_there():
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text()):
        assert (README.parent / path).is_file(), path


def test_no_placeholder_is_left():
    assert "@@" not in text()
