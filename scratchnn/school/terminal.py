"""The real terminal: keys in, screens out, and an eye on one file.

The file is looked at a few times a second. That is one ``stat`` call: it needs no library, and it sees what file
events often miss: network drives, containers, and editors that save by putting a new file in the old one's place.
"""

import asyncio
import contextlib
import sys
import threading

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from .folder import Folder
from .session import Answer, Session

EVERY = 0.2  # seconds between two looks
GONE = "end of input"


def learn(folder: Folder) -> int:
    """Work on the exercises of a folder until the reader quits.

    Parameters
    ----------
    folder : Folder

    Returns
    -------
    int
        0.
    """
    asyncio.run(_Loop(Session(folder)).run())
    print(f"scratchnn learn {folder.path} goes on here")
    return 0


class _Loop:
    """Waits for keys, for the file, and for verdicts."""

    def __init__(self, session: Session) -> None:
        from prompt_toolkit.input import create_input

        self.session = session
        self.input = create_input()
        self.keys: asyncio.Queue[str] = asyncio.Queue()
        self.out = Console(highlight=False)
        self.answers: asyncio.Queue[Answer] = asyncio.Queue()
        self.running = self.again = False

    async def run(self) -> None:
        """Answer keys and saves until q, Ctrl-C, or the end of the input."""
        self.loop = asyncio.get_running_loop()
        self.session.changed()
        self._judge()
        with self._keys():
            while True:
                key = await self._next_key()
                if key in ("q", GONE):
                    break
                if key and not await self._answer(key):
                    break
                if self.session.changed():
                    self._judge()
                self._collect()

    def _keys(self):
        stack = contextlib.ExitStack()
        stack.enter_context(self.input.raw_mode())
        stack.enter_context(self.input.attach(self._read))
        return stack

    def _read(self):
        for press in self.input.read_keys():
            self.keys.put_nowait(GONE if press.key in ("c-c", "c-d") else press.data)
        if self.input.closed:
            self.keys.put_nowait(GONE)

    async def _next_key(self):
        try:
            return await asyncio.wait_for(self.keys.get(), EVERY)
        except TimeoutError:
            return ""

    async def _answer(self, key):
        wanted = self.session.press(key)
        if wanted == "quit":
            return False
        if wanted == "judge":
            self.session.changed()
            self._judge()
        elif wanted == "step":
            self._show()
            await self._step()
        self._show()
        return True

    async def _step(self):
        with self.input.detach(), self.input.cooked_mode():
            self.session.message = self.session.step()

    def _judge(self):
        """Begin to judge; while that goes on, another save is remembered."""
        self.session.judging = True
        if self.running:
            self.again = True
        else:
            self.running = True
            threading.Thread(target=self._work, daemon=True).start()  # q does not wait for it
        self._show()

    def _work(self):
        answer = self.session.judge()
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self.loop.call_soon_threadsafe(self.answers.put_nowait, answer)

    def _collect(self):
        if self.answers.empty():
            return
        self.session.judged(self.answers.get_nowait())
        self.running = False
        if self.again:
            self.again = False
            self._judge()
        self._show()

    def _show(self):
        self.out.clear()
        for style, line in self.session.screen(*self.out.size):
            indent = len(line) - len(line.lstrip())
            self.out.print(Padding(Text(line.lstrip(), style=style), (0, 0, 0, indent)))
        sys.stdout.flush()
