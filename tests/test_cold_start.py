"""The article's first training step in a fresh process: what is compiled, and that nothing is compiled twice.

Seconds depend on who else uses the machine, so they are shown (``pytest -rP``), not judged; what is judged is what
they come from: how many kernels are compiled, each for one kind of arguments only, and none with a warm cache.
"""

import json
import os
import subprocess
import sys

import pytest

MOST = 60  # kernels, their parts and Numba's own helpers behind one step of the article

STEP = """
import json, sys, time
began = time.perf_counter()
import numba
from numba.core import event

class Compiled(event.Listener):
    names, depth, kernels = [], 0, []
    def on_start(self, e):
        function = e.data["dispatcher"].py_func
        self.names.append(f"{function.__module__}.{function.__qualname__}")
        if self.depth == 0:
            self.kernels.append(self.names[-1])
        self.depth += 1
    def on_end(self, e):
        self.depth -= 1

if not numba.config.DISABLE_JIT:
    event.register("numba:compile", Compiled())
import numpy as np
from scratchnn.models import SequenceClassifier
from scratchnn.training import Adam, CrossEntropyLoss

rng = np.random.default_rng(0)
model = SequenceClassifier(
    2, input_size=10, hidden_size=20, bidirectional=False, pooling="self_attention", score="dot", rng=rng
)
criterion, optimizer = CrossEntropyLoss(), Adam(model.params)
x, targets = rng.normal(size=(100, 10, 10)).astype(np.float32), rng.integers(2, size=100)

def step():
    logits, cache = model.forward(x)
    loss, kept = criterion.forward(logits, targets)
    model.zero_grad()
    model.backward(criterion.backward(kept), cache)
    optimizer.step(model.grads)
    return float(loss)

first = step()
seconds = time.perf_counter() - began
told = {"names": Compiled.names, "kernels": Compiled.kernels, "seconds": seconds, "loss": first}
told["cpu"] = time.process_time()
if "memory" in sys.argv:
    import gc, resource, tracemalloc
    for _ in range(100):
        step()
    gc.collect()
    tracemalloc.start()
    begin, peak = tracemalloc.get_traced_memory()[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(200):
        step()
    gc.collect()
    told["grown"] = tracemalloc.get_traced_memory()[0] - begin
    tracemalloc.stop()
    for _ in range(800):
        step()
    told["peak_grown"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kernels")


def fresh_process(folder, *arguments):
    environment = os.environ | {"SCRATCHNN_CACHE_DIR": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", STEP, *arguments], env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def cold(folder):
    return fresh_process(folder)


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
def test_a_cold_step_compiles_each_kernel_once(cold):
    ours = [name for name in cold["kernels"] if name.startswith("scratchnn.")]
    print(f"cold: {cold['seconds']:.1f} s ({cold['cpu']:.1f} s of a core), {len(cold['names'])} functions compiled")
    assert 0 < len(cold["names"]) <= MOST
    twice = sorted({name for name in ours if ours.count(name) > 1})
    assert not twice, f"compiled for two kinds of arguments: {twice}"


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
def test_a_warm_step_compiles_nothing(cold, folder):
    warm = fresh_process(folder)
    print(f"warm: {warm['seconds']:.2f} s ({warm['cpu']:.2f} s of a core)")
    assert warm["names"] == []
    assert warm["loss"] == cold["loss"]


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module is Unix's")
def test_a_thousand_steps_need_no_more_memory(cold, folder):
    """tracemalloc sees what Python holds, the peak of the process everything else."""
    told = fresh_process(folder, "memory")
    print(f"grown by {told['grown']} bytes, the peak by {told['peak_grown']} KB")
    assert told["grown"] < 64 * 1024
    assert told["peak_grown"] < 4 * 1024  # KB; a leak of one (100, 10, 20) array a step would be 80 MB
