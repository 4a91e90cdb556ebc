"""A tiny task on which a run takes well under a second."""

import numpy as np
import pytest

from scratchnn.runs import Settings

TINY = {"task": "own", "hidden_size": 8, "embedding_size": 6, "epochs": 3, "batch_size": 16, "learning_rate": 0.01}


@pytest.fixture
def tsv(tmp_path):
    """Two classes of invented words: many a's, or many b's."""
    rng = np.random.default_rng(0)
    lines = []
    for label, weights in (("alpha", (0.8, 0.2)), ("beta", (0.2, 0.8))):
        words = {"".join(rng.choice(["a", "b"], rng.integers(3, 9), p=weights)) + str(k) for k in range(60)}
        lines += [f"{label}\t{word}" for word in sorted(words)]
    path = tmp_path / "words.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def tiny(tsv):
    """Settings of a run on those words."""
    return Settings(data=str(tsv), **TINY)
