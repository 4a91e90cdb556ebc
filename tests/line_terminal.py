"""A program that prints lines into a pseudo-terminal and asks for keys, for tests. Windows has none: skip there."""

import os
import subprocess
import time

WAIT = 60  # seconds; a test that passes waits for much less


class LineTerminal:
    """A program in a terminal of its own: the lines that it prints, and keys for it."""

    def __init__(self, command, environment):
        import pty

        self.handle, inner = pty.openpty()
        self.process = subprocess.Popen(
            command, stdin=inner, stdout=inner, stderr=inner, env=environment, close_fds=True
        )
        os.close(inner)
        self.text, self.place = "", 0

    def until(self, words):
        """Read until the words have come, behind those of the last call; give what came up to them."""
        import select

        deadline = time.monotonic() + WAIT
        while words not in self.text[self.place :]:
            assert time.monotonic() < deadline, f"waiting for {words!r}, got {self.text[self.place :]!r}"
            if select.select([self.handle], [], [], 1)[0]:
                try:
                    self.text += os.read(self.handle, 65536).decode("utf-8", "replace")
                except OSError:  # closed
                    break
        found = self.text.find(words, self.place)
        assert found >= 0, f"waiting for {words!r}, got {self.text[self.place :]!r}"
        begun, self.place = self.place, found + len(words)
        return self.text[begun : self.place]

    def press(self, key):
        """Press a key as soon as the command listens for one: what is typed before that is thrown away."""
        import termios

        deadline = time.monotonic() + WAIT
        while termios.tcgetattr(self.handle)[3] & termios.ICANON:
            assert time.monotonic() < deadline, f"nobody listens: {self.text[-200:]!r}"
            time.sleep(0.01)
        os.write(self.handle, key.encode())

    def end(self):
        """Wait for the command's end and give its status; a command that goes on is killed."""
        try:
            return self.process.wait(timeout=WAIT)
        finally:
            self.close()

    def close(self):
        if self.handle is not None:
            os.close(self.handle)
            self.process.kill()
            self.process.wait()
            self.handle = None
