"""What a language model should beat: the next character by counting what followed the last few.

An n-gram model sees n - 1 characters and nothing before them. Long contexts have small counts, so each order is mixed
with the next shorter one, down to every character being equally likely:

    p_n(c | context) = (count(context, c) + kinds(context) * p_(n-1)(c | shorter context))
                       / (count(context) + kinds(context))

where kinds(context) is the number of different characters that have followed it: the more often something new came,
the less the context is trusted. The shorter context lacks the first character; p_0 is 1 / V.
Source: Witten & Bell 1991, method C; in this interpolated form Chen & Goodman 1999, section 2.
"""

import numpy as np

from .cards import COUNTED, TextBaseline
from .errors import DataError
from .stream import RunningText

ORDERS = (3, 6, 5)


def witten_bell(ids: np.ndarray, start: int, order: int, vocabulary_size: int) -> np.ndarray:
    """Count n-grams in the first part of a text and give the probability of every character of the rest.

    Parameters
    ----------
    ids : (N,) int
        The characters of the text, 0 to V-1.
    start : int
        Counts come from ``ids[:start]`` alone; each character of ``ids[start:]`` is predicted from those before it.
    order : int
        n: 1 looks at no context, 6 at the five characters before.
    vocabulary_size : int
        V.

    Returns
    -------
    p : (N - start,)

    Raises
    ------
    DataError
        An order below 1, or less text to count in than one n-gram.
    """
    if order < 1:
        raise DataError(f"witten_bell: order is {order}, expected at least 1")
    if not order <= start <= len(ids):
        raise DataError(f"witten_bell: start is {start}, expected order = {order} to the length {len(ids)}")
    ids = np.asarray(ids, np.int64)
    context = np.zeros(len(ids), np.int64)  # a number for what stands before each place: nothing yet
    p = np.full(len(ids) - start, 1 / vocabulary_size)
    for n in range(1, order + 1):
        gram = _number(context * vocabulary_size + ids)
        count, kinds, times = _counts(context[n - 1 : start], gram[n - 1 : start], len(ids))
        here = context[start:]
        mixed = (times[gram[start:]] + kinds[here] * p) / np.maximum(count[here] + kinds[here], 1)
        p = np.where(count[here] > 0, mixed, p)  # a context never counted has nothing to say
        context[1:] = gram[:-1]  # the next order sees one character more
    return p


def measure(text: RunningText, orders: tuple[int, ...] = ORDERS) -> tuple[TextBaseline, ...]:
    """Measure n-gram models on the held-out end of a text.

    Parameters
    ----------
    text : RunningText
    orders : tuple of int

    Returns
    -------
    tuple of TextBaseline
        In the order of ``orders``.
    """
    symbols = sorted(set(text.text))
    place = {symbol: k for k, symbol in enumerate(symbols)}
    ids = np.array([place[symbol] for symbol in text.text])
    found = []
    for order in orders:
        p = witten_bell(ids, text.start, order, len(symbols))
        found.append(TextBaseline(f"{order}-grams", float(-np.log(p).mean()), COUNTED))
    return tuple(found)


def _number(keys):
    """Number the different keys from 0, so that numbers stay small however long the context grows."""
    return np.unique(keys, return_inverse=True)[1]


def _counts(context, gram, size):
    """Count each context, the different characters after it, and each n-gram."""
    _, first = np.unique(gram, return_index=True)
    kinds = np.bincount(context[first], minlength=size)
    return np.bincount(context, minlength=size), kinds, np.bincount(gram, minlength=size)
