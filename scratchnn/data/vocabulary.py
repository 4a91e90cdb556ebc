"""Text to ids and back: characters or words.

Characters are the code points of the text in Unicode NFC, case kept.

Words are found by ``WORDS``, the first alternative that matches at a place, and lower-cased:

1. a web address, ``http://...`` or ``https://...``, up to the next blank;
2. an emoticon: ``:)  ;-)  :'(  =D  :P  (:  <3  </3  ^_^  -_-``. Those that end in a letter must end the word there,
   so "Note:Don't" holds none;
3. a word of letters and digits, apostrophes inside it kept: ``don't``;
4. a run of one punctuation mark, cut to three: ``!!!!!`` and ``!!!`` are one entry, ``!`` another.

Scripts that write vowels as combining marks (Devanagari, Thai) come out in fragments: read those by characters.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from .errors import DataError

UNITS = ("characters", "words")
PADDING, UNKNOWN, BEGIN, END = range(4)
MARKS = ("‹", "›")  # how the begin and end marks are shown
WORDS = re.compile(
    r"""
    https?://\S+                                                                    # 1
  | [<>]?[:;=]'?[-~^]?(?:[()\[\]{}|\\*@]+|/(?!/)|[DdPpOoSs](?!\w))                  # 2  :) ;-) :'( =D :/ :P
  | \('?-?[:;=](?![-\w()])                                                         # 2  (: (-:
  | </?3(?!\d) | \^[-_.]?\^ | (?<!\w)-_+-(?!\w)                                     # 2  <3 </3 ^_^ -_-
  | \w+(?:['’]\w+)*                                                                 # 3
  | ([^\w\s])(?:\1|[\ufe0e\ufe0f])*                                                # 4
    """,
    re.VERBOSE,
)


def _is_mark(piece):
    return len(piece) > 3 and len(set(piece)) == 1 and not piece[0].isalnum() and piece[0] != "_"


class Vocabulary:
    """A fixed list of entries: id 0 is padding, id 1 any token that is not listed.

    Parameters
    ----------
    entries : sequence of str
        The tokens of ids 2, 3, ...
    unit : str
        "characters" or "words".
    marks : bool
        Put a begin and an end mark around every text, ids 2 and 3; the entries then start at 4.

    Raises
    ------
    DataError
        Unknown unit, or entries that are empty or repeat.
    """

    def __init__(self, entries: Sequence[str], unit: str = "characters", marks: bool = False) -> None:
        if unit not in UNITS:
            raise DataError(f"Vocabulary: unit is {unit!r}, expected one of {', '.join(map(repr, UNITS))}")
        self.unit = unit
        self.marks = bool(marks)
        special = ("<padding>", "<unknown>", *(MARKS if marks else ()))
        self.entries = (*special, *entries)
        self._ids: dict[str, int] = {}
        for k, entry in enumerate(entries, len(special)):
            if not isinstance(entry, str) or not entry or entry in self._ids:
                raise DataError(f"Vocabulary: entry {k} is {entry!r}, expected texts, none empty and none twice")
            self._ids[entry] = k

    @classmethod
    def from_texts(
        cls,
        texts: Sequence[str],
        unit: str = "characters",
        minimum_count: int = 1,
        max_size: int | None = None,
        marks: bool = False,
    ) -> Self:
        """Collect the tokens of the training texts, most frequent first, equal counts in code point order.

        Parameters
        ----------
        texts : sequence of str
            The training part only, so that unknown tokens occur in the other parts as they will in use.
        unit : str
            "characters" or "words".
        minimum_count : int
            Rarer tokens are left out; with 2 and more, training itself meets unknown tokens.
        max_size : int, optional
            Most entries in all, padding and unknown included.
        marks : bool
            Put a begin and an end mark around every text.

        Returns
        -------
        Vocabulary

        Raises
        ------
        DataError
            Unknown unit, ``minimum_count`` below 1 or ``max_size`` below 3.
        """
        if minimum_count < 1:
            raise DataError(f"Vocabulary.from_texts: minimum_count is {minimum_count}, expected at least 1")
        if max_size is not None and max_size < 3:
            raise DataError(f"Vocabulary.from_texts: max_size is {max_size}, expected at least 3")
        empty = cls((), unit)
        counts = Counter(token for text in texts for token in empty.tokens(text))
        kept = [token for token, count in counts.items() if count >= minimum_count]
        kept.sort(key=lambda token: (-counts[token], token))
        return cls(kept if max_size is None else kept[: max_size - 2], unit, marks)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def pieces(self, text: str) -> list[str]:
        """Cut a text into pieces as they are written: one for each id of ``encode``, for showing.

        Parameters
        ----------
        text : str

        Returns
        -------
        list of str
        """
        text = unicodedata.normalize("NFC", text)
        found = list(text) if self.unit == "characters" else [match[0] for match in WORDS.finditer(text)]
        return [MARKS[0], *found, MARKS[1]] if self.marks and found else found

    def tokens(self, text: str) -> list[str]:
        """Cut a text into tokens: its pieces, words lower-cased and runs of a mark cut to three.

        Parameters
        ----------
        text : str

        Returns
        -------
        list of str
        """
        if self.unit == "characters":
            return self.pieces(text)
        return [piece[:3] if _is_mark(piece) else piece.lower() for piece in self.pieces(text)]

    def encode(self, text: str) -> np.ndarray:
        """Turn a text into ids.

        Parameters
        ----------
        text : str

        Returns
        -------
        ids : (T,) int64
            1 for every token that is not listed; 2 first and 3 last with ``marks``.

        Raises
        ------
        DataError
            A text without any token.
        """
        ids = [self._ids.get(token, UNKNOWN) for token in self.tokens(text)]
        if not ids:
            raise DataError(f"Vocabulary.encode: text is {text!r}, expected at least one of {self.unit}")
        if self.marks:
            ids[0], ids[-1] = BEGIN, END
        return np.array(ids, dtype=np.int64)

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """Turn ids into text: characters joined, words with blanks between; padding and marks are left out.

        Parameters
        ----------
        ids : (T,) int

        Returns
        -------
        str
            Unknown characters as U+FFFD, unknown words as ``<unknown>``.

        Raises
        ------
        DataError
            An id outside the vocabulary.
        """
        texts = []
        for k in ids:
            if not 0 <= k < len(self):
                raise DataError(f"Vocabulary.decode: id {k}, expected 0 to {len(self) - 1}")
            if k == UNKNOWN and self.unit == "characters":
                texts.append("\ufffd")
            elif k != PADDING and not (self.marks and k in (BEGIN, END)):
                texts.append(self.entries[k])
        return ("" if self.unit == "characters" else " ").join(texts)

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold and ``from_dict`` takes back.

        Returns
        -------
        dict
            "unit", "marks" and "entries" (without padding, unknown and marks).
        """
        return {"unit": self.unit, "marks": self.marks, "entries": list(self._ids)}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Undo ``to_dict``.

        Parameters
        ----------
        stored : dict

        Returns
        -------
        Vocabulary

        Raises
        ------
        DataError
            Not what ``to_dict`` gives.
        """
        if not isinstance(stored, dict) or not isinstance(stored.get("entries"), list):
            raise DataError('Vocabulary.from_dict: got no list under "entries", expected what to_dict gives')
        return cls(stored["entries"], stored.get("unit"), stored.get("marks", False))  # type: ignore[arg-type]  # it raises
