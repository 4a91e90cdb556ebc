"""``scratchnn bench``, ``info`` and ``warmup`` as a user types them."""

import json

import pytest

from scratchnn.cli import main


@pytest.fixture
def run(capsys):
    """Call the command line in this process: (exit code, standard output, standard error)."""

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return stop.value.code, told.out, told.err

    return call


def test_a_race_prints_tables_and_writes_both_files(run, tmp_path):
    numbers, picture = tmp_path / "b.json", tmp_path / "b.png"
    code, out, _ = run(
        "bench", "rnn", "--cells", "2,3,4,5", "--backend", "reference", "--peers", "reference,nobody.here",
        "--threads", "1", "--quick", "--json", numbers, "--picture", picture,
    )  # fmt: skip
    assert code == 0
    assert "2,3,4,5" in out
    assert "nobody.here is missing" in out
    assert "peak memory" in out
    assert picture.stat().st_size > 5000
    record = json.loads(numbers.read_text(encoding="utf-8"))
    assert record["rows"][0]["contenders"]["reference"]["ratio"] > 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["lstm", "--cells", "1,2,3"], "expected four sizes T,B,D,H"),
        (["lstm", "attention", "--cells", "1,2,3,4"], "--cells fits topics of one kind"),
        (["lstm", "--peers", "tensorflow"], "expected some of torch, torch-compile, jax"),
        (["lstm", "--peers", "jax=/no/such/python"], "there is no /no/such/python"),
        (["lstm", "--threads", "0"], "expected numbers from 1 to"),
        (["lstm", "--threads", "two"], "expected numbers from 1 to"),
        (["lstm", "--json", "/no/such/folder/b.json"], "there is no folder"),
        (["lstm", "--picture", "b.txt"], "expected one of .png, .svg, .pdf"),
    ],
)
def test_what_cannot_be_is_one_sentence(run, arguments, sentence):
    code, out, err = run("bench", *arguments)
    assert code == 2
    assert sentence in err
    assert "Traceback" not in err + out


def test_info_tells_what_runs_here(run):
    code, out, _ = run("info")
    assert code == 0
    for word in ("numpy", "vectors", "threads", "blas", "kernels", "gpu", "lstm"):
        assert word in out


def test_info_as_json(run):
    code, out, _ = run("info", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["ops"]["lstm"] == "cpu"
    assert facts["threads"]["kernels"] >= 1


def test_warmup_twice_has_nothing_left_to_do(run):
    assert run("warmup", "--quiet")[0] == 0
    code, out, _ = run("warmup")
    assert code == 0
    assert "nothing to compile" in out
    assert "lstm" in out
