"""The race on a device, its rules: results first, who is wrong is not timed, medians of what the clock says."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from scratchnn import draw
from scratchnn.bench import cases, on_device
from scratchnn.bench.compare import compare
from scratchnn.bench.contenders import ours
from scratchnn.bench.limits import Limits, floor
from scratchnn.cli.bench_device import _print, _print_end
from scratchnn.cli.common import console

CASE = cases.Case("rnn", (3, 2, 4, 5))
LIMITS = Limits(product=1e6, product_by="torch", tf32=1e7, copy=1e5, barrier=1e-6, launch=2e-5)  # no device's


def contender(times, *, spoil=None, lacks=None):
    """A contender that computes with the reference and whose clock says what the test wants."""
    told = iter(times)
    runs = []

    def prepare(case, inputs, rung=None):
        if lacks:
            raise NotImplementedError(lacks)
        run, results = ours.prepare(case, inputs, backend="reference")

        def spoilt(made):
            found = dict(results(made))
            if spoil:
                found[spoil] = found[spoil] * 1.01
            return found

        return lambda: runs.append(1) or run(), spoilt

    def clock():
        return SimpleNamespace(seconds=lambda run: (run(), next(told))[1])

    return SimpleNamespace(
        setup=lambda threads: None, versions=lambda: "a test's", prepare=prepare, Clock=clock
    ), runs


def race(**contenders):
    who = [on_device.Entry(name, module) for name, (module, _) in contenders.items()]
    return on_device.race(CASE, who, on_device.Pace(rounds=2, runs=3, seconds=1.0, warm=2))


def test_medians_of_all_turns():
    right = contender([0.1, 0.5, 0.3, 0.2, 0.4, 0.9])
    row = race(ours=right)
    one = row["contenders"]["ours"]
    assert (one["median"], one["least"], one["runs"]) == (pytest.approx(0.35), 0.1, 6)
    assert one["error"] <= one["bound"]
    assert one["rate"] == pytest.approx(cases.flops(CASE) / 0.35)
    assert len(right[1]) == 1 + 2 + 1 + 6, "one run is compared, two and one warm up, six are timed"


def test_a_turn_ends_when_its_time_is_up():
    slow = contender([0.6, 0.6, 0.6, 0.6, 0.6, 0.6])
    assert race(ours=slow)["contenders"]["ours"]["runs"] == 4


@pytest.mark.parametrize("spoil", ["h", "grad W_h", "grad x"])
def test_who_is_wrong_is_named_and_not_timed(spoil, capsys):
    right, wrong = contender([0.1] * 6), contender([], spoil=spoil)
    row = race(ours=right, torch=wrong)
    told = row["contenders"]["torch"]
    assert told["failed"].startswith(f"{spoil} differs by")
    assert told["median"] is None
    assert len(wrong[1]) == 1
    assert row["contenders"]["ours"]["median"] == pytest.approx(0.1)
    _print(console(), "rnn", [row])
    printed = capsys.readouterr().out
    assert "wrong" in printed
    assert f"torch at 3,2,4,5: {spoil} differs" in printed


def test_who_lacks_a_case_says_so_and_the_others_race():
    row = race(ours=contender([0.1] * 6), peer=contender([], lacks="no such cell"))
    assert row["contenders"]["peer"]["without"] == "no such cell"
    assert row["contenders"]["ours"]["runs"] == 6


def test_without_a_pace_nothing_is_timed_but_all_is_compared():
    module, runs = contender([])
    row = on_device.race(CASE, [on_device.Entry("ours", module)], None)
    assert row["contenders"]["ours"]["median"] is None
    assert row["contenders"]["ours"]["error"] is not None
    assert len(runs) == 1


@pytest.mark.skipif(on_device.device.simulated(), reason="the simulator has a grid of its own")
def test_the_grid_is_the_issues():
    """Beside the CPU's cells the two large ones; products from small to large; every ladder."""
    for topic in cases.RECURRENT:
        labels = [case.label for case in on_device.cells(topic)]
        assert labels == [*(case.label for case in cases.grid(topic)), "128,64,512,512", "64,128,1024,1024"]
    looks = {case.label for case in on_device.cells("attention")}
    assert {"64,128,128,64", "8,1024,1024,64"} <= looks
    assert [case.label for case in on_device.cells("step")] == ["10,100,10,20"]
    assert {case.op for case in on_device.cells("ladder")} == {"matmul", "lstm", "gru", "rnn", "attention"}
    assert len(on_device.cells("matmul", quick=True)) == 2


def test_a_floor_by_hand():
    """The longest of flops, bytes and barriers, each by its own rate."""
    product = cases.Case("matmul", (10, 20, 30))
    assert cases.flops(product) == 3 * 2 * 6000  # C, dA, dB
    assert cases.least_bytes(product) == 4 * (3 * (200 + 600) + 2 * 300)
    assert floor(product, LIMITS) == (0.12, "memory")
    assert floor(product, LIMITS._replace(copy=1e9)) == (0.036, "arithmetic")
    assert floor(product, LIMITS._replace(copy=1e9), tf32=True) == (pytest.approx(0.0036), "arithmetic")
    assert floor(product, LIMITS._replace(tf32=None), tf32=True) is None
    cell = cases.Case("rnn", (3, 2, 4, 5))
    numbers = {"x": 24, "h0": 10, "W_x": 20, "W_h": 25, "b": 5}
    assert cases.least_bytes(cell) == 4 * (3 * sum(numbers.values()) + 2 * 30)
    assert floor(cell, LIMITS._replace(barrier=1.0)) == (6.0, "barriers")
    look = cases.Case("attention", (2, 3, 5, 7))
    assert cases.least_bytes(look) == 4 * (3 * (42 + 70 + 70) + 2 * 42)
    assert floor(look, LIMITS._replace(barrier=1.0))[1] == "memory", "nothing waits in attention"


@pytest.mark.parametrize("topic", ["matmul", *cases.RECURRENT, *cases.ATTENTION])
def test_the_bytes_counted_are_those_of_the_arrays(topic):
    """Inputs three times (read twice, their gradients written), outputs and what comes back into them once each."""
    case = cases.Case(topic, (3, 2, 4) if topic == "matmul" else (3, 2, 4, 5))
    inputs = cases.draw(case)
    upstream = [name for name in inputs if name.startswith("d")]
    size = {name: 4 * array.size for name, array in inputs.items()}
    outputs = sum(size[name] for name in upstream)
    assert cases.least_bytes(case) == 3 * (sum(size.values()) - outputs) + 2 * outputs


def test_a_product_in_tf32_is_judged_by_its_own_bound():
    rng = np.random.default_rng(0)
    case = cases.Case("matmul", (40, 50, 60))
    inputs = cases.draw(case)
    run, results = ours.prepare(case, inputs, backend="reference")
    right = dict(results(run()))
    rounded = {name: array.astype(np.float32) for name, array in right.items()}
    for name in rounded:
        noise = 2.0**-11 * rng.choice([-1, 1], rounded[name].shape)
        rounded[name] *= (1 + noise).astype(np.float32)
    assert not compare(case, rounded, right).agrees
    assert compare(case, rounded, right, tf32=True).agrees
    wrong = rounded | {"grad A": rounded["grad A"] * np.float32(1.05)}
    assert not compare(case, wrong, right, tf32=True).agrees


def test_who_rounds_says_so_and_stands_beside_who_does_not():
    torch = on_device.Entry("torch", None)
    names = [entry.name for entry in on_device.entries(cases.Case("matmul", (1, 1, 1)), [torch], ladder=True)]
    assert names[:4] == ["one thread", "shared tiles", "register tiles", "tensor cores, tf32"]
    assert names[4:] == ["torch", "torch, tf32"]
    beside = on_device.entries(cases.Case("matmul", (1, 1, 1)), [torch], ladder=False)
    assert [entry.name for entry in beside if entry.tf32] == ["tensor cores, tf32", "torch, tf32"]
    assert not [e for e in on_device.entries(cases.Case("lstm", (1,) * 4), [torch], ladder=True) if e.tf32]
    assert [entry.name for entry in on_device.multipliers([torch])][:2] == ["ours", "tensor cores, tf32"]


def made_up(tmp_path):
    """A JSON as ``--json`` writes it, every number in it made up: there is no device here."""
    rows = []
    for case in (
        cases.Case("matmul", (8, 8, 8)),
        cases.Case("lstm", (3, 2, 4, 5)),
        cases.Case("attention", (2,) * 4),
    ):
        who = on_device.entries(case, [on_device.Entry("torch", None)], ladder=True)
        who = [entry._replace(module=contender([0.1 * (n + 1)] * 6)[0]) for n, entry in enumerate(who)]
        row = on_device.race(case, who, on_device.Pace(rounds=2, runs=3, seconds=9.0, warm=1), limits=LIMITS)
        rows.append(row | {"topic": "ladder", "cell": f"{case.topic} {case.label}"})
    record = on_device.record(rows, {}, timed=True, limits=LIMITS) | {"device": "no device: these times are made up"}
    path = tmp_path / "made_up.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def test_every_ladder_is_drawn_from_its_json(tmp_path):
    record = json.loads(made_up(tmp_path).read_text(encoding="utf-8"))
    assert record["tf32"] == {"ours": False, "torch": False}
    figure = draw.device_race(record)
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    for rung in ("register tiles", "tensor cores, tf32", "torch, tf32", "persistent", "online softmax in tiles"):
        assert rung in labels
    texts = [text.get_text() for text in axes.texts]
    assert {"100 ms", "200 ms", "matmul 8,8,8", "floor: memory"} <= set(texts)
    assert "made up" in figure.get_suptitle()
    assert "TF32 only where named" in figure.get_suptitle()
    draw.save(figure, tmp_path / "made_up.png")
    assert (tmp_path / "made_up.png").stat().st_size > 20_000


def test_the_report_says_floor_and_share(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")  # no cell of the table is cut off
    record = json.loads(made_up(tmp_path).read_text(encoding="utf-8"))
    out = console()
    _print(out, "ladder", record["rows"])
    _print_end(out, record)
    printed = " ".join(capsys.readouterr().out.split())
    least = 1e3 * 4 * (3 * 128 + 2 * 64) / 1e5
    assert f"matmul 8,8,8: 0.003072 MFLOP of products, 0.002048 MB at least; floor {least:.3g} ms (memory)" in printed
    assert "one thread 100 (100) 1x" in printed
    assert f"{100 * least / 100:.3g} %" in printed, "what the first rung reaches"
    assert "6 steps that wait" in printed
    assert "product 1e-06 TFLOP/s (torch)" in printed
