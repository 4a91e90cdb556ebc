"""A child process that times one contender. It reads one JSON line per request and answers with one.

Requests: ``prepare`` a case (first run, results to a file, warm-up, memory), ``time`` it for a turn, ``drop`` it.
Between turns it sleeps in a read. Only what one contender needs is imported: two OpenMP runtimes in one process
would wreck the timings of both.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from scratchnn.bench.cases import Case

LONG = 2.0  # seconds after which a turn ends even if too few runs were made


def serve(name: str, threads: int, told: Any) -> None:
    """Answer requests until there are no more.

    Parameters
    ----------
    name : str
        Dotted name of the contender's module.
    threads : int
    told : text stream
        Where the answers go.
    """

    def answer(**fields):
        print(json.dumps(fields), file=told, flush=True)

    try:
        with few_cores(threads):
            contender = importlib.import_module(name)
            contender.setup(threads)
        answer(versions=contender.versions(), pid=os.getpid())
    except ImportError as error:
        answer(missing=str(error), module=error.name)
        return
    run: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "prepare":
                run, found = _prepare(contender, request)
                answer(**found)
            elif request["do"] == "time":
                spent = time.process_time()
                times = _times(run, request["seconds"], request["least"], request["most"])
                answer(times=times, cpu=time.process_time() - spent)
            else:
                run = None
                gc.collect()
                answer(dropped=True)
        except NotImplementedError as error:
            answer(without=str(error))
        except Exception as error:
            traceback.print_exc()
            answer(failed=" ".join([f"{type(error).__name__}:", *str(error).strip().splitlines()[:1]]))


@contextlib.contextmanager
def few_cores(threads: int) -> Any:
    """Let libraries that look at the cores, as JAX does, make so many threads; all cores are allowed again after.

    Parameters
    ----------
    threads : int
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(allowed)[:threads]))
    try:
        yield
    finally:
        for thread in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):  # it may have ended
                os.sched_setaffinity(int(thread.name), allowed)


def _prepare(contender, request):
    case = Case(request["topic"], tuple(request["sizes"]), request["causal"])
    with np.load(request["inputs"]) as kept:
        inputs = dict(kept)
    started = time.perf_counter()
    run, results = contender.prepare(case, inputs, rung=request["rung"])
    made = run()
    first = time.perf_counter() - started
    np.savez(request["results"], **results(made))
    for _ in range(request["warm"]):
        made = run()
    del made
    return run, {"first_seconds": first, "memory": _memory(run) if request["memory"] else None}


def _memory(run):
    """Measure by how many bytes one run raises the memory of this process; None where the system does not tell."""
    gc.collect()
    if "scratchnn.jit" in sys.modules:
        sys.modules["scratchnn.jit"].forget()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what was freed and kept would hide what is needed
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        before = _status("VmRSS")
        made = run()
        peak = _status("VmHWM")
        del made
        return max(0, peak - before)
    except (OSError, LookupError):
        return None


def _status(name):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return 1024 * int(line.split()[1])
    raise LookupError(name)


def _times(run, seconds, least, most):
    """Run for a while, each run timed; the first is not counted, since caches and threads have cooled down."""
    run()
    times: list[float] = []
    gc.collect()
    gc.disable()
    try:
        begun = time.perf_counter()
        while not times or len(times) < most:
            spent = time.perf_counter() - begun
            if spent > LONG or (spent > seconds and len(times) >= least):
                break
            started = time.perf_counter()
            run()
            times.append(time.perf_counter() - started)
    finally:
        gc.enable()
    return times


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    serve(sys.argv[1], int(sys.argv[2]), answers)
