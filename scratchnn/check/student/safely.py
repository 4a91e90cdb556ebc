"""Run judged code in a process of its own, with limits: whatever it does there, we live to tell."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).parents[3]  # the folder in which `import scratchnn` finds us
TOLD, ASKED = "told.jsonl", "asked.json"
KEPT = 20_000  # characters of output


class Limits(NamedTuple):
    """What a child process may take."""

    seconds: float = 60.0
    megabytes: int = 4096  # of address space; half of it is libraries
    output: int = 1_000_000  # bytes that it may print


@dataclass(frozen=True)
class Outcome:
    """What became of a call.

    Parameters
    ----------
    ended : str
        "returned", "raised", "exited", "hung", "memory", "output", or "crashed".
    value : object
        What it returned, None if it did not.
    stages : tuple of (str, object)
        What it told on its way, by name.
    sentence : str
        What happened, for a person; empty if it returned.
    output : str
        What it printed.
    seconds : float
    """

    ended: str
    value: Any
    stages: tuple[tuple[str, Any], ...]
    sentence: str
    output: str
    seconds: float


def safely(function: str, arguments: list, limits: Limits = Limits()) -> Outcome:  # noqa: B008 - a tuple
    """Call a function in a child process.

    Parameters
    ----------
    function : str
        "module:name". It is called with ``tell(name, value)``, which passes on what is known so far, then with the
        arguments.
    arguments : list
        Plain data that JSON can write; so is what the function returns and tells.
    limits : Limits
        What the child process may take.

    Returns
    -------
    Outcome
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        asked = {
            "function": function,
            "arguments": arguments,
            "megabytes": limits.megabytes,
            "seconds": limits.seconds,
        }
        Path(folder, ASKED).write_text(json.dumps(asked), encoding="utf-8")
        child = _start(folder)
        reader = _Reader(child, limits.output)
        late = False
        try:
            child.wait(limits.seconds)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            _end(child)
        reader.join(5)
        told = _told(Path(folder, TOLD))
    return _outcome(child.returncode, late, reader, told, limits, time.monotonic() - started)


class _Reader(threading.Thread):
    """Takes what a child prints, keeps the beginning, and ends a child that never stops."""

    def __init__(self, child, most):
        super().__init__(daemon=True)
        self.child, self.most, self.text, self.count = child, most, b"", 0
        self.start()

    def run(self):
        while chunk := os.read(self.child.stdout.fileno(), 65536):
            self.count += len(chunk)
            self.text += chunk[: KEPT - len(self.text)]
            if self.count > self.most:
                _end(self.child)
                break
        self.child.stdout.close()


def _start(folder):
    paths = [str(PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-m", "scratchnn.check.student.child", folder],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | threads | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8:replace"},
        start_new_session=True,
    )


def _end(child):
    """End a child and what it started."""
    with contextlib.suppress(OSError, ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(5)


def _told(file):
    """Read what was told, but for a last line that was cut off."""
    found = []
    if file.exists():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
    return found


def _outcome(code, late, reader, told, limits, seconds):
    stages = tuple((name, value) for name, value in told if not name.startswith("!"))
    ends = {name: value for name, value in told if name.startswith("!")}
    output = reader.text.decode("utf-8", errors="replace")
    value = None
    if reader.count > limits.output:
        ended, sentence = "output", f"it printed more than {limits.output} bytes and was stopped"
    elif "!returned" in ends:
        ended, sentence, value = "returned", "", ends["!returned"]
    elif late:
        ended, sentence = "hung", f"it was not done after {limits.seconds:g} seconds and was stopped"
    elif "!memory" in ends:
        ended, sentence = "memory", f"it wanted more memory than the {limits.megabytes} MB that it may take"
    elif "!exited" in ends:
        ended, sentence = "exited", f"it called exit ({ends['!exited']})"
    elif "!raised" in ends:
        ended, sentence = "raised", ends["!raised"]
    else:
        ended, sentence = "crashed", f"its process ended without a word ({_status(code)})"
    return Outcome(ended, value, stages, sentence, output, seconds)


def _status(code):
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit status {code}"
