"""The race on a device, its rules: results first, who is wrong is not timed, medians of what the clock says."""

from types import SimpleNamespace

import pytest

from scratchnn import draw
from scratchnn.bench import cases, on_device
from scratchnn.bench.contenders import ours
from scratchnn.cli.bench_device import _print
from scratchnn.cli.common import console

CASE = cases.Case("rnn", (3, 2, 4, 5))


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


def test_the_grid_has_the_large_cells_and_the_picture_all_rows(tmp_path):
    labels = {case.label for case in on_device.cells("lstm")} if not on_device.device.simulated() else set()
    if labels:
        assert {"128,64,512,512", "64,128,1024,1024"} <= labels
    rows = [race(ours=contender([0.1] * 6), torch=contender([0.2] * 6)) for _ in range(2)]
    record = on_device.record(rows, {}, timed=True)
    assert record["tf32"] == {"ours": False, "torch": False}
    figure = draw.device_race(record)
    texts = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert {"100 ms", "200 ms"} <= texts
