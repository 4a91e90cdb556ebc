"""Lives of a training process and their ends, for test_checkpoints_killed.py: imports once, then forks each life.

Run it with one thread for the matrix products: a fork copies only the thread that forks.
"""

import builtins
import json
import mmap
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np

from scratchnn import files
from scratchnn.data import Batches
from scratchnn.models import SequenceClassifier
from scratchnn.training import Adam, Checkpoints, CrossEntropyLoss, fit

EPOCHS, SEQUENCES = 12, 48  # of 8 in a batch: 72 steps
saving = mmap.mmap(-1, 1)  # shared with the lives


def train(folder=None, epochs=EPOCHS):
    """A tiny classifier with everything random; gives its weights and history as text."""
    rng = np.random.default_rng(5)
    inputs = [rng.integers(1, 9, rng.integers(3, 7)) for _ in range(SEQUENCES)]
    batches = Batches(inputs, [int(ids.sum() % 2) for ids in inputs], 8)
    model = SequenceClassifier(2, vocabulary_size=9, embedding_size=3, hidden_size=4, output_dropout=0.3, rng=rng)
    checkpoint = None if folder is None else Checkpoints(folder, steps=1, say=lambda sentence: None)
    history = fit(
        model, CrossEntropyLoss(), Adam(model.params, lr=0.02), batches, epochs=epochs, validation=batches,
        max_norm=1.0, average=0.9, rng=rng, progress=False, checkpoint=checkpoint,
    )  # fmt: skip
    clocks = ("seconds", "sequences_per_second")
    rows = [[repr(value) for name, value in row.items() if name not in clocks] for row in history.rows]
    return [{name: p.tobytes().hex() for name, p in model.params.items()}, rows, history.best_epoch]


def begin_life(folder, prepare=lambda: None, epochs=EPOCHS):
    """Fork a process that trains to its end and leaves its outcome in ``folder.json``; give its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        prepare()
        files.write_bytes(folder.with_suffix(".json"), json.dumps(train(folder, epochs)).encode())
        status = 0
    finally:
        os._exit(status)


def note_saving():
    """Let the parent see whether a save is under way."""
    real = files.write_bytes

    def noted(path, content):
        saving[0] = 1
        real(path, content)
        saving[0] = 0

    files.write_bytes = noted


def random_kills(place, wanted):
    """Kill lives at random moments until so many have died; a training that ends before that begins anew."""
    chance, undisturbed, outcomes = random.Random(0), train(), []
    started = time.perf_counter()
    os.waitpid(begin_life(place / "measured"), 0)
    whole = time.perf_counter() - started  # one training with its saves: lives last up to a tenth of it
    kills = kills_while_saving = 0
    folder = place / "run"
    while kills < wanted or not outcomes:
        saving[0] = 0
        child = begin_life(folder, note_saving)
        if kills < wanted:
            if kills % 2:  # every second life is met while it saves
                while not saving[0] and not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                    time.sleep(chance.uniform(0, 0.003))
            else:
                time.sleep(chance.uniform(0, whole / 10))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            kills += 1
            kills_while_saving += saving[0]
        else:
            assert os.WEXITSTATUS(status) == 0, "a life failed by itself"
            outcomes.append(json.loads(folder.with_suffix(".json").read_bytes()))
            folder.with_suffix(".json").unlink()
            shutil.rmtree(folder, ignore_errors=True)
    return {
        "kills": kills,
        "kills_while_saving": kills_while_saving,
        "outcomes": outcomes,
        "undisturbed": undisturbed,
    }


def without_waiting():
    """Spare the disk: only a failing power supply could tell the difference."""
    os.fsync = lambda handle: None


class Fate:
    """Kills this very process at call number ``at`` to the system within the third save, before it or after it."""

    def __init__(self, at, place):
        self.at, self.place, self.calls, self.saves = at, place, 0, 0

    def install(self):
        without_waiting()
        for name in ("open", "fsync", "replace", "close", "unlink"):
            setattr(os, name, self.doomed(getattr(os, name)))
        real_open, fate = builtins.open, self

        class Stream:
            """Writes in two halves."""

            def __init__(self, stream):
                self.stream = stream
                self.write_half = fate.doomed(lambda half: (stream.write(half), stream.flush()))

            def __enter__(self):
                return self

            def __exit__(self, *_):
                fate.doomed(self.stream.close)()

            def write(self, content):
                middle = len(content) // 2
                self.write_half(content[:middle])
                self.write_half(content[middle:])

        files.open = lambda path, mode: Stream(self.doomed(real_open)(path, mode))
        real = files.write_bytes

        def counted(path, content):
            self.saves += 1
            real(path, content)

        files.write_bytes = counted

    def doomed(self, real):
        def call(*arguments, **named):
            mine = self.saves == 3
            self.calls += mine
            if mine and self.calls == self.at and self.place == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            found = real(*arguments, **named)
            if mine and self.calls == self.at and self.place == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return call


def every_point(place):
    """Die at the first point of the third save, at the second... until a life gets past them all."""
    undisturbed, outcomes, places = train(epochs=1), [], []
    for where in ("before", "after"):
        at = 1
        while True:
            folder = place / f"{where}-{at}"
            _, status = os.waitpid(begin_life(folder, Fate(at, where).install, epochs=1), 0)
            if not os.WIFSIGNALED(status):
                break
            assert len(list(folder.glob("checkpoint-*.safetensors"))) >= 2, f"died {where} call {at}"
            _, status = os.waitpid(begin_life(folder, without_waiting, epochs=1), 0)
            outcomes.append(json.loads(folder.with_suffix(".json").read_bytes()))
            places.append(where)
            at += 1
    return {"points": len(outcomes), "places": places, "outcomes": outcomes, "undisturbed": undisturbed}


if __name__ == "__main__":
    what, where = sys.argv[1], Path(sys.argv[2])
    print(json.dumps(random_kills(where, int(sys.argv[3])) if what == "random" else every_point(where)))
