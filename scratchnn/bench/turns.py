"""The race: one long-lived process per contender, who take turns: a slow minute of the machine meets all alike."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import scratchnn

from . import contenders
from .cases import Case, draw, flops
from .compare import compare
from .report import Row, Timing

PATIENCE = 600.0  # seconds until a contender that does not answer is given up
PAUSE = 0.03  # seconds before a turn: the last contender's threads stop looking for work


class Pace(NamedTuple):
    """How long is measured."""

    rounds: int = 7  # turns of every contender
    seconds: float = 0.2  # one turn
    least: int = 3  # runs in a turn, however long they take
    most: int = 200
    warm: int = 5  # untimed runs before the first turn


COUNTS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS",
    "SCRATCHNN_NUM_THREADS",
)  # fmt: skip
QUICK = Pace(rounds=3, seconds=0.05, least=2, most=50, warm=2)


class Entry(NamedTuple):
    """Who runs: a name in the report, a contender, and how to start it."""

    name: str
    contender: str  # see contenders.module_of
    rung: str | None = None
    python: str | None = None  # another Python, where that peer is installed


class Gone(Exception):
    """A contender's process ended or did not answer."""


class Worker:
    """A contender's process.

    Parameters
    ----------
    entry : Entry
    threads : int
    folder : Path
        For its error output.
    """

    def __init__(self, entry: Entry, threads: int, folder: Path) -> None:
        self.entry = entry
        self.log = folder / f"{entry.name}-{threads}.log".replace("/", "_")
        command = [entry.python or sys.executable, "-m", "scratchnn.bench.worker"]
        with self.log.open("wb") as errors:
            self.process = subprocess.Popen(
                [*command, contenders.module_of(entry.contender), str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(threads),
                encoding="utf-8",
            )
        self.answers: queue.Queue[str] = queue.Queue()
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self):
        for line in self.process.stdout or ():
            self.answers.put(line)
        self.answers.put("")

    def answer(self) -> dict[str, Any]:
        """Wait for an answer.

        Returns
        -------
        dict

        Raises
        ------
        Gone
            The process ended, or took longer than PATIENCE.
        """
        try:
            line = self.answers.get(timeout=PATIENCE)
        except queue.Empty:
            self.close()
            raise Gone(f"no answer within {PATIENCE:.0f} s") from None
        if not line:
            self.close()
            last = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise Gone(f"its process ended with {self.process.returncode}" + "".join(f" ({said})" for said in last))
        return json.loads(line)

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for the answer.

        Parameters
        ----------
        **request
            See worker.py.

        Returns
        -------
        dict
        """
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except OSError:
            raise Gone("its process has ended") from None
        return self.answer()

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()  # type: ignore[union-attr]  # a pipe
        try:
            self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.listener.join()
        self.process.stdout.close()  # type: ignore[union-attr]  # a pipe


def race(
    cases: list[Case],
    threads: int,
    entries: Callable[[Case], list[Entry]],
    pace: Pace = Pace(),  # noqa: B008  a constant
    *,
    seed: int = 0,
    missing: dict[str, str] | None = None,
    limits: tuple[Entry, ...] = (),
    told: Callable[[str], None] = lambda what: None,
) -> Iterator[Row]:
    """Time every case with every contender.

    Parameters
    ----------
    cases : list of Case
    threads : int
        Of every contender.
    entries : function
        Case -> who runs it.
    pace : Pace
    seed : int
        Of the inputs.
    missing : dict of str to str
        Takes the contenders that are not there, with the reason; an earlier call's are not tried again.
    limits : tuple of Entry
        Matrix products that run beside every case of products, and tell how quick the machine is then.
    told : function
        Takes a sentence on what is being done.

    Yields
    ------
    Row
        One per case.
    """
    missing = {} if missing is None else missing
    with tempfile.TemporaryDirectory(prefix="scratchnn-bench-") as place:
        field = _Field(Path(place), threads, missing)
        try:
            for case in cases:
                yield _one_case(field, case, entries(case), limits if flops(case) else (), pace, seed, told)
        finally:
            field.close()


class _Field:
    """The workers of one number of threads, started when they are first needed."""

    def __init__(self, folder, threads, missing):
        self.folder, self.threads, self.missing = folder, threads, missing
        self.workers, self.versions = {}, {}

    def worker(self, entry):
        """Give the worker of an entry, or None when it is missing."""
        if entry.name in self.missing:
            return None
        if entry.name not in self.workers:
            worker = Worker(entry, self.threads, self.folder)
            try:
                hello = worker.answer()
            except Gone as error:
                hello = {"missing": str(error)}
            if "missing" in hello:
                self.missing[entry.name] = _advice(entry, hello)
                worker.close()
                return None
            self.workers[entry.name] = worker
            self.versions[entry.name] = hello["versions"]
        return self.workers[entry.name]

    def lost(self, entry):
        """Forget a worker whose process has gone; the next case starts a new one."""
        worker = self.workers.pop(entry.name, None)
        if worker is not None:
            worker.close()

    def close(self):
        for worker in self.workers.values():
            worker.close()


def _advice(entry, hello):
    package = (hello.get("module") or "").partition(".")[0]
    if package in ("torch", "jax", "jaxlib"):
        return f'not installed; pip install "scratchnn[peers]" brings it ({package})'
    return hello["missing"]


def _one_case(field, case, entries, limits, pace, seed, told):
    told(f"{case.topic} {case.label}, {field.threads} thread{'s' * (field.threads > 1)}: comparing")
    inputs = field.folder / "inputs.npz"
    np.savez(inputs, **draw(case, seed))
    truth = _truth(field, case, inputs)
    row = Row(case, field.threads)
    running = []
    for entry in [*entries, *limits]:
        worker = field.worker(entry)
        if worker is None:
            continue
        results = field.folder / f"{entry.name}.npz".replace("/", "_")
        found = _asked(field, entry, worker, **_request(case, inputs, results, entry.rung, pace.warm))
        row.versions[entry.name] = field.versions[entry.name]
        if entry in limits:
            if "first_seconds" in found:
                running.append((entry, worker, row.limits.setdefault(entry.name, Timing())))
            continue
        known = {key: found.get(key) for key in ("memory", "first_seconds", "without", "failed")}
        timing = row.timings[entry.name] = Timing(**known)
        if "first_seconds" in found:
            with np.load(results) as made:
                agreement = compare(case, dict(made), truth)
            results.unlink()
            timing.error, timing.bound, timing.failed = agreement.error, agreement.bound, agreement.sentence
            if agreement.agrees:
                running.append((entry, worker, timing))
    told(f"{case.topic} {case.label}, {field.threads} thread{'s' * (field.threads > 1)}: timing")
    _take_turns(field, row, running, pace)
    for entry, worker, _ in running:
        _asked(field, entry, worker, do="drop")
    return row


def _truth(field, case, inputs):
    """Compute the case in float64, in a process of its own that ends with it: it may need much memory."""
    entry = Entry("truth", "truth")
    worker = Worker(entry, field.threads, field.folder)
    try:
        worker.answer()
        results = field.folder / "truth.npz"
        found = worker.ask(**_request(case, inputs, results, None, 0, memory=False))
        if "failed" in found:
            raise RuntimeError(f"bench: the reference failed at {case.topic} {case.label}: {found['failed']}")
        with np.load(results) as made:
            return dict(made)
    finally:
        worker.close()


def _request(case, inputs, results, rung, warm, memory=True):
    sizes = {"topic": case.topic, "sizes": case.sizes, "causal": case.causal}
    files = {"inputs": str(inputs), "results": str(results)}
    return {"do": "prepare", **sizes, **files, "rung": rung, "warm": warm, "memory": memory}


def _asked(field, entry, worker, **request):
    if worker.process.poll() is not None:
        return {"failed": "its process has ended"}
    try:
        return worker.ask(**request)
    except Gone as error:
        field.lost(entry)
        return {"failed": str(error)}


def _take_turns(field, row, running, pace):
    for number in range(pace.rounds):
        begin = number % max(1, len(running))
        for entry, worker, timing in [*running[begin:], *running[:begin]]:  # nobody is always the first
            if timing.failed:
                continue
            time.sleep(PAUSE)
            busy, begun = _busy_seconds(), time.perf_counter()
            found = _asked(field, entry, worker, do="time", seconds=pace.seconds, least=pace.least, most=pace.most)
            if busy is not None:
                row.watched += time.perf_counter() - begun
                row.others += max(0.0, _busy_seconds() - busy - found.get("cpu", 0.0))
            timing.failed = found.get("failed")
            timing.turns.append(found.get("times", []))


def _busy_seconds():
    """Give the seconds of work of all cores since the machine started; None where the system does not tell."""
    try:
        spent = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        user, nice, system, _, _, irq, softirq, steal = map(int, spent)
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def environment(threads: int) -> dict[str, str]:
    """Give a worker's environment: the number of threads stands in it before anything is imported.

    Parameters
    ----------
    threads : int

    Returns
    -------
    dict of str to str

    Notes
    -----
    One malloc arena for all: memory freed by another thread would stay in an arena of its own, where ``malloc_trim``
    does not reach it, and JAX would seem to need almost none. Times do not change.
    """
    count = str(threads)
    eigen = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    return {
        **os.environ,
        **dict.fromkeys(COUNTS, count),
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {eigen} intra_op_parallelism_threads={count}".strip(),
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "MALLOC_ARENA_MAX": "1",
        "PYTHONPATH": os.pathsep.join(
            [str(Path(scratchnn.__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
    }
