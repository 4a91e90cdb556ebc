"""Correct code of every op, written by hand in several styles, and mistakes planted in it by hand.

One folder is one style; its files are what a student would hand in. ``plantings.py`` of each folder lists mistakes:
what stands there, what a student would write instead, and which bug of the catalogue has the same gradients.
"""

import functools
from importlib import resources

STYLES = ("torch", "gates", "objects", "whole")
OPS = {
    "rnn": "rnn",
    "lstm": "lstm",
    "gru": "gru",
    "softmax": "softmax",
    "cross_entropy": "cross_entropy",
    "attention_dot": "attention",
    "attention_additive": "attention",
    "embedding": "embedding",
    "linear": "linear",
}


@functools.cache
def source(style: str, name: str) -> str:
    """Give the correct source of one op in one style.

    Parameters
    ----------
    style : str
        One of ``STYLES``.
    name : str
        One of ``OPS``.

    Returns
    -------
    str
    """
    return resources.files(f"{__name__}.{style}").joinpath(f"{name}.py").read_text(encoding="utf-8")
