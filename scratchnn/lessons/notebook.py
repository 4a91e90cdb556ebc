"""A chapter as a Jupyter notebook, run, with its outputs."""

import os
from pathlib import Path

from scratchnn.errors import InputError
from scratchnn.files import write_bytes

from .shelf import Chapter

SECONDS = 600  # for one cell


def write_notebook(chapter: Chapter, path: str | Path) -> None:
    """Turn a chapter into a notebook, run it in a kernel of its own, and save it with its outputs.

    Parameters
    ----------
    chapter : Chapter
    path : str or Path
        Ends in ``.ipynb``.

    Raises
    ------
    InputError
        The file's name, the optional packages are missing, or a cell failed.
    """
    path = Path(path)
    if path.suffix != ".ipynb":
        raise InputError(f"tutorial: the notebook is to be called {path.name}, expected a name that ends in .ipynb")
    if not path.absolute().parent.is_dir():
        raise InputError(f"tutorial: there is no folder {path.parent} for the notebook")
    try:
        import jupytext
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
        from traitlets.config import Config
    except ModuleNotFoundError as missing:
        raise InputError(
            f"tutorial: a notebook needs {missing.name}, which is not installed: pip install 'scratchnn[notebook]'"
        ) from None
    notebook = jupytext.reads(chapter.text, fmt="py:percent")
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    ways = Config() if os.name == "nt" else Config({"KernelManager": {"transport": "ipc"}})  # no open port
    client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", config=ways)
    try:
        client.execute()
    except CellExecutionError as failed:
        raise InputError(f"tutorial: a cell of {chapter.name} failed: {failed.ename}: {failed.evalue}") from failed
    write_bytes(path, nbformat.writes(notebook).encode())
