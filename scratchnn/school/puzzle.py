"""Which of these lines is right? The student's own beside that of the answer book, in an order that tells nothing."""

import hashlib
from collections.abc import Sequence


def puzzle(right: Sequence[str], wrong: Sequence[str]) -> list[str]:
    """Write a small Parsons puzzle.

    Parameters
    ----------
    right : sequence of str
        Lines of the answer book.
    wrong : sequence of str
        The student's own, or those of known mistakes.

    Returns
    -------
    list of str
        Empty if there is nothing to choose from.
    """
    lines = mixed([*dict.fromkeys(line.strip() for line in (*right, *wrong) if line.strip())], "puzzle")
    if len(lines) < 2:
        return []
    fits = "one of these lines is" if len(right) == 1 else f"{len(right)} of these lines are"
    return [
        f"{fits} right:",
        *(f"  {letter}   {line}" for letter, line in zip(letters(len(lines)), lines, strict=True)),
    ]


def mixed(lines: Sequence[str], salt: str) -> list[str]:
    """Shuffle lines, always the same way.

    Parameters
    ----------
    lines : sequence of str
    salt : str

    Returns
    -------
    list of str
    """
    return sorted(lines, key=lambda line: hashlib.sha256(f"{salt} {line}".encode()).digest())


def letters(count: int) -> str:
    """Give the first letters of the alphabet.

    Parameters
    ----------
    count : int
        At most 26.

    Returns
    -------
    str
    """
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:count]
