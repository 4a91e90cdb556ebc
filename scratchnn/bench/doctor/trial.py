"""One examination of the benchmark: what the doctor said, beside what is true."""

import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from scratchnn import check
from scratchnn.check.diagnose import subjects_of
from scratchnn.check.student import complete, load
from scratchnn.check.student.adapt import narrowed
from scratchnn.check.student.beside import beside_ours
from scratchnn.check.student.judge import judge
from scratchnn.check.student.variants import unheard

from .cases import Case


def tried(case: Case, oracles: bool = True) -> dict:
    """Examine a source in this process.

    Parameters
    ----------
    case : Case
    oracles : bool
        False: gradients are held against ours, where the forward is ours; naming and line do not depend on it.

    Returns
    -------
    dict
        ``named``: an explanation that was offered is exactly what is planted; ``alone``: it is the only one;
        ``certain``: the doctor called it certain; ``line``: a line that it found is one that was changed;
        ``line_certain``: it called that certain; ``seconds`` of this process.
    """
    told: dict = {}
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = Path(folder, f"{case.op}.py")
        file.write_text(case.source, encoding="utf-8")
        try:
            passed = judge(told.__setitem__, str(file), case.op, 0, oracles=oracles)
        except Exception as error:  # the doctor itself fell: that counts as nothing found
            passed, told["fell"] = False, f"{type(error).__name__}: {error}"
    diagnosis, place = told.get("diagnosis") or {}, told.get("localisation") or {}
    matches = [sorted(one["id"] for one in match["mistakes"]) for match in diagnosis.get("matches", [])]
    found = [fault["line"] for fault in place.get("faults", [])]
    return {
        "style": case.style,
        "op": case.op,
        "bugs": list(case.bugs),
        "passed": passed,
        "named": sorted(case.bugs) in matches,
        "alone": matches == [sorted(case.bugs)],
        "certain": bool(diagnosis.get("certain")),
        "matches": matches,
        "followed": "localisation" in told,
        "line": bool(set(found) & set(case.lines)),
        "line_certain": bool(place.get("certain")),
        "found": found,
        "lines": list(case.lines),
        "fell": told.get("fell", ""),
        "seconds": time.process_time() - started,
    }


def timed(case: Case) -> float:
    """Examine a source as the command does, in a process of its own, and measure from outside.

    Parameters
    ----------
    case : Case

    Returns
    -------
    float
        Seconds on the wall.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"{case.op}.py")
        file.write_text(case.source, encoding="utf-8")
        started = time.perf_counter()
        check.examine(file, case.op)
        return time.perf_counter() - started


def alarms(case: Case, seeds: int) -> list[str]:
    """Judge right code on many seeds.

    The form is found once. On each seed one backward pass is held against ours, whose forward it has been shown to
    share; the full check, with both oracles, is made on the first seed by ``tried``.

    Parameters
    ----------
    case : Case
    seeds : int

    Returns
    -------
    list of str
        One sentence for each false alarm.
    """
    found = []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        file = Path(folder, f"{case.op}.py")
        file.write_text(case.source, encoding="utf-8")
        student = load(file, case.op)
        backend = complete(student)
        for subject in subjects_of(case.op):
            if unheard(student, subject.name, backend.form.score):
                continue
            judged = narrowed(subject, backend.adapter)
            for seed in range(seeds):
                try:
                    told = beside_ours(judged, backend, seed)
                except Exception:  # it does not know of this variant
                    break
                if not told["passed"] and not told["failures"]:
                    found.append(f"{case.name}: {subject.name}, seed {seed}")
                elif told["failures"] and not seed:
                    break  # a variant that this code does not take
    return found
