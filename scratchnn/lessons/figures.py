"""Showing a figure from a chapter, wherever it runs."""

import io
import sys
from collections.abc import Callable
from typing import Any

_listeners: list[Callable[[bytes, str], object]] = []


def show(figure: Any) -> None:
    """Show a figure: in a notebook below the cell, on a page within it; in a terminal one line says what it is.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    """
    title = title_of(figure)
    if _listeners:
        _listeners[-1](png_of(figure), title)
    elif _in_a_notebook():
        from IPython.display import Image, display

        display(Image(png_of(figure), alt=title))
    else:
        print(f"[figure: {title}; a page or a notebook draws it]")


def listen(listener: Callable[[bytes, str], object]) -> Callable[[], None]:
    """Give every figure that is shown to a listener, as the bytes of a PNG and a title.

    Parameters
    ----------
    listener : function

    Returns
    -------
    function
        Ends it.
    """
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def png_of(figure: Any) -> bytes:
    """Draw a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure

    Returns
    -------
    bytes
        Of a PNG file.
    """
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()


def title_of(figure: Any) -> str:
    """Give the title of a figure, or that of its first titled axes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure

    Returns
    -------
    str
    """
    titles = [figure.get_suptitle(), *(axes.get_title(loc=loc) for axes in figure.axes for loc in ("left", "center"))]
    return " ".join(next((title for title in titles if title), "a picture").split())


def _in_a_notebook():
    """Say whether a kernel runs this: then IPython is there, and has a shell that can display."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")
