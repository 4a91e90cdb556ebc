"""Where the reader is: plain data, changed only by keys.py."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Position:
    """Where the reader is and what is open.

    Parameters
    ----------
    n : int
        The event.
    unit, batch, row : int
        The chosen entry; each array takes them modulo its own sizes.
    numbers : bool
        Numbers are put into the equation.
    proof : bool
        The check of this event is open.
    predict : bool
        Values are hidden until one has been typed.
    typed : str
        The number that is being typed.
    answered : frozenset of int
        Events whose number was given.
    right : int
        How many of them were right.
    mode : {"walk", "help", "node", "search", "plant"}
    field : str
        What is being typed in those modes.
    choice : int
        The line chosen in a list.
    sought : str
        The last search.
    message : str
        One line for the reader.
    wants : tuple
        What only the outside can do: ("quit",), ("verify", n), ("plant", id or None).
    """

    n: int = 0
    unit: int = 0
    batch: int = 0
    row: int = 0
    numbers: bool = False
    proof: bool = False
    predict: bool = False
    typed: str = ""
    answered: frozenset = frozenset()
    right: int = 0
    mode: str = "walk"
    field: str = ""
    choice: int = 0
    sought: str = ""
    message: str = ""
    wants: tuple = ()

    @property
    def hidden(self):
        """Whether the value of this event may not be seen yet."""
        return self.predict and self.n not in self.answered
