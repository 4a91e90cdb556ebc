"""A program in a pseudo-terminal, for tests: what it shows, and keys for it. Not on Windows, which has none."""

import os
import select
import signal
import struct
import subprocess
import sys
import time

import pytest

fcntl = pytest.importorskip("fcntl", reason="Windows has no pseudo-terminals")
pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
termios = pytest.importorskip("termios", reason="Windows has no pseudo-terminals")
pyte = pytest.importorskip("pyte", reason="pyte, which reads the screen, is not installed")

OWN = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, sys.argv[1:])"
ESCAPES = {
    "right": "\x1b[C", "left": "\x1b[D", "up": "\x1b[A", "down": "\x1b[B", "pageup": "\x1b[5~", "pagedown": "\x1b[6~",
    "home": "\x1b[H", "end": "\x1b[F", "enter": "\r", "backspace": "\x7f", "tab": "\t", "escape": "\x1b",
}  # fmt: skip
WAIT = 60  # seconds; a test that passes waits for much less


class Terminal:
    """A program in a terminal of its own: what it shows, and keys for it."""

    def __init__(self, command, *arguments, columns=80, rows=24, **environment):
        self.screen = pyte.Screen(columns, rows)
        self.stream, self.raw = pyte.ByteStream(self.screen), b""
        self.master, slave = pty.openpty()
        self._size(columns, rows)
        kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        known = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8"}
        self.program = subprocess.Popen(
            [sys.executable, "-c", OWN, sys.executable, "-m", "scratchnn", command, *arguments],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=kept | known | environment,
        )  # fmt: skip
        os.close(slave)

    def _size(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        self._size(columns, rows)
        os.kill(self.program.pid, signal.SIGWINCH)

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                got = os.read(self.master, 65536)
            except OSError:
                return False
            self.raw += got
            self.stream.feed(got)
            return bool(got)
        return True

    def until(self, *wanted, quiet=0.1):
        """Read until every wanted text is on the screen and, as a screen may come in pieces, nothing more comes."""
        until = time.monotonic() + WAIT
        while not all(one in self.text() for one in wanted):
            assert time.monotonic() < until, f"{wanted} did not come:\n{self.text()}"
            assert self.read(0.5) or all(one in self.text() for one in wanted), f"it ended:\n{self.text()}"
        while select.select([self.master], [], [], quiet)[0] and self.read(0):
            assert time.monotonic() < until, f"it never comes to rest:\n{self.text()}"
        return self.text()

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def press(self, *keys):
        for key in keys:
            os.write(self.master, ESCAPES.get(key, key).encode())

    def ended(self):
        until = time.monotonic() + WAIT
        while self.program.poll() is None and time.monotonic() < until:
            self.read(0.1)
        return self.program.poll()

    def close(self):
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait()
        os.close(self.master)
