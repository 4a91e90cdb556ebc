"""``--backend gpu`` as a user types it: in Numba's simulator, in a process of its own, and where there is nothing."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from scratchnn import device, layers

TINY = """
import sys
import numpy as np
from scratchnn import data
from scratchnn.cli import main

article = data.article


def tiny(rng):
    whole = article(rng)
    keep = np.arange(4)
    return whole._replace(
        inputs=[x[:3, :2] for x in whole.inputs[:4]], targets=whole.targets[keep],
        split={"train": keep[:3], "test": keep[3:]},
    )


data.article = tiny
main(sys.argv[1:])
"""


def call(*arguments, code=None, simulator=True):
    env = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1" if simulator else "0", "COLUMNS": "160"}
    command = ["-m", "scratchnn"] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, *command, *map(str, arguments)], capture_output=True, text=True, env=env, timeout=300
    )


def test_the_articles_program_trains_on_the_device_as_with_the_reference(tmp_path):
    """The whole program, both models, four short sequences: the numbers are the reference's to float32's rounding."""
    told = {}
    for backend in ("gpu", "reference"):
        common = ("train", "article", "--epochs", 1, "--hidden", 3, "--backend", backend, "--quiet")
        done = call(*common, "--out", tmp_path / backend, code=TINY, simulator=backend == "gpu")
        assert done.returncode == 0, done.stderr
        told[backend] = json.loads((tmp_path / backend / "results.json").read_text(encoding="utf-8"))["models"]
    for model, record in told["gpu"].items():
        for when in ("before", "after"):
            for part in ("train", "test"):
                loss = told["reference"][model][when][part]["loss"]
                assert record[when][part]["loss"] == pytest.approx(loss, rel=1e-5), (model, when, part)
        assert record["after"]["train"]["loss"] != record["before"]["train"]["loss"], "nothing was learnt"


def test_gradients_of_the_device_are_proved_by_the_same_judge():
    done = call("check", "softmax", "--backend", "gpu", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "all gradients are right" in done.stdout


def test_in_the_simulator_nothing_is_timed_but_results_are_compared(tmp_path):
    refused = call("bench", "attention", "--backend", "gpu", "--peers", "none")
    assert refused.returncode == 2
    assert "this is Numba's simulator, whose times mean nothing" in refused.stderr
    assert refused.stderr.count("\n") == 1
    numbers, picture = tmp_path / "b.json", tmp_path / "b.png"
    done = call(
        "bench", "ladder", "--backend", "gpu", "--quick", "--peers", "none", "--json", numbers, "--picture", picture
    )
    assert done.returncode == 0, done.stderr
    assert "nothing was timed" in done.stdout
    assert "TF32 off on both sides" in done.stdout
    rows = json.loads(numbers.read_text(encoding="utf-8"))["rows"]
    found = {name: one for row in rows for name, one in row["contenders"].items()}
    assert {"operations", "persistent", "three passes", "online softmax in tiles", "register tiles"} <= set(found)
    assert "lacks what this rung needs" in found["tensor cores, tf32"]["without"]
    for one in found.values():
        assert one["median"] is None
        assert one["without"] or one["error"] <= one["bound"]
    assert picture.stat().st_size > 5000


def test_products_are_raced_on_a_device_alone():
    refused = call("bench", "matmul", "--peers", "none", simulator=False)
    assert refused.returncode == 2
    assert "bench: matmul is raced on a device alone, expected --backend gpu" in refused.stderr


def test_info_names_the_simulator():
    facts = json.loads(call("info", "--json").stdout)["gpu"]
    assert facts["state"] == "simulator"
    assert {"attention", "lstm", "optimizers"} <= set(facts["ops"])


COMMANDS = {
    "train": ("train", "article", "--backend", "gpu", "--out", "run"),
    "check": ("check", "lstm", "--backend", "gpu"),
    "bench": ("bench", "lstm", "--backend", "gpu", "--quick"),
}


@pytest.mark.skipif(device.state() == "present", reason="there is a device")
@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_device_one_sentence_says_what_is_missing(command, tmp_path):
    env = {**os.environ, "NUMBA_ENABLE_CUDASIM": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "scratchnn", *COMMANDS[command]], capture_output=True, text=True, env=env, cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'scratchnn[cuda13]'" in done.stderr
    assert "NUMBA_ENABLE_CUDASIM=1" in done.stderr
    assert not list(tmp_path.iterdir()), "something half-written stays"


@pytest.mark.skipif(device.state() != "missing", reason="kernels can run here")
def test_a_layer_without_a_device_says_what_is_missing():
    with pytest.raises(device.Missing, match="pip install 'scratchnn"):
        layers.Linear(2, 3, backend="gpu", rng=np.random.default_rng(0))
