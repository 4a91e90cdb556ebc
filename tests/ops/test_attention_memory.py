"""Attention's memory on the CPU: no (B, Q, S, A) array under the additive score, no (B, Q, S) with need_alpha=False.

Measured from outside: the process's own high-water mark, which sees NumPy's arrays and those inside kernels alike, in
a child whose every larger array is a mapping of its own (so that none can hide in memory freed before).
"""

import json
import os
import subprocess
import sys

import pytest

CHILD = """
import json, numpy as np
from scratchnn.ops import attention
from scratchnn.ops.attention import cpu, reference

def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

def growth(run):
    open("/proc/self/clear_refs", "w").write("5")
    before = peak()
    run()
    return peak() - before

def passes(backend, need_alpha, q, k, v, params, **options):
    cache = backend.forward(q, k, v, params, need_alpha=need_alpha, **options)
    backend.backward(cache.context, cache, params)

rng, found = np.random.default_rng(0), {}
for score, sizes, need_alpha in SIZES:
    small = attention.sample(rng, score=score, dtype=np.float32)
    large = attention.sample(rng, score=score, dtype=np.float32, **sizes)
    for name, backend in ("cpu", cpu), ("reference", reference):
        passes(backend, need_alpha, *small, score=score)
        found[f"{score} {name}"] = growth(lambda: passes(backend, need_alpha, *large, score=score))
print(json.dumps(found))
"""
ADDITIVE = {"B": 2, "Q": 192, "S": 200, "A": 128, "E_q": 8, "E_k": 8, "F": 8}
DOT = {"B": 1, "Q": 3000, "S": 3000, "E_q": 8, "F": 8}
NAIVE = {"additive": 4 * 2 * 192 * 200 * 128, "scaled_dot": 4 * 3000 * 3000}  # bytes of the array not to be made


@pytest.fixture(scope="module")
def grown():
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("no high-water mark to reset (/proc/self/clear_refs)")
    sizes = [("additive", ADDITIVE, True), ("scaled_dot", DOT, False)]
    env = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "SCRATCHNN_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    code = CHILD.replace("SIZES", repr(sizes))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="a day in plain Python")
@pytest.mark.parametrize("score", NAIVE)
def test_forward_and_backward_need_less_than_an_eighth_of_the_naive_array(grown, score):
    assert grown[f"{score} reference"] > NAIVE[score], "the meter does not see the reference's arrays"
    assert grown[f"{score} cpu"] < NAIVE[score] / 8
