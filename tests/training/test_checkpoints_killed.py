"""kill -9 at any moment, saving included: what is left on the disk is enough to end with the same bits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NURSERY = Path(__file__).with_name("lives.py")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the lives are forked, and Windows has no fork")


def nursery(*arguments):
    alone = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    command = [sys.executable, NURSERY, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ | alone)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_fifty_kills_at_random_moments_change_no_bit(tmp_path):
    """A checkpoint after every step; half of the lives are left alone until they save, and note that they do."""
    found = nursery("random", tmp_path, 50)
    assert found["kills"] == 50
    assert found["kills_while_saving"] >= 5
    assert found["outcomes"] == [found["undisturbed"]] * len(found["outcomes"])
    assert found["outcomes"]


def test_death_at_every_point_of_a_save_leaves_a_good_checkpoint(tmp_path):
    """Before and after each call to the system, and in the midst of writing: the old checkpoint or the new one."""
    found = nursery("points", tmp_path)
    assert found["points"] >= 8, "open, two halves of a write, close, fsync, rename, fsync of the folder, unlink"
    assert set(found["places"]) == {"before", "after"}
    assert found["outcomes"] == [found["undisturbed"]] * found["points"]
