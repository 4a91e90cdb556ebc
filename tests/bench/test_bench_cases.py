"""The grid of the benchmark: its cells, their inputs, their costs, and the judge of results."""

import numpy as np
import pytest

from scratchnn.bench import cases
from scratchnn.bench.compare import compare
from scratchnn.bench.contenders import ours, ours_reference, truth
from scratchnn.bench.report import geometric_mean
from scratchnn.errors import InputError

TINY = {
    "lstm": "3,4,5,2",
    "gru": "3,4,5,2",
    "rnn": "3,4,5,2",
    "attention": "2,3,4,5",
    "additive": "2,3,4,5",
    "step": "3,4,5,2",
}


def made(contender, case, inputs):
    run, results = contender.prepare(case, inputs)
    return results(run())


def test_the_grid_is_the_issues():
    sizes = [case.sizes for case in cases.grid("lstm")]
    assert (10, 100, 10, 20) in sizes
    assert (35, 20, 650, 650) in sizes
    assert len(sizes) == 8
    assert [case.sizes for case in cases.grid("gru")] == sizes
    assert len(cases.grid("attention")) == 8
    assert sum(case.causal for case in cases.grid("attention")) == 4
    assert [case.label for case in cases.grid("additive")] == ["32,20,20,128", "32,50,50,128"]


def test_operations_by_hand():
    assert cases.flops(cases.Case("lstm", (1, 1, 2, 3))) == 3 * 2 * (2 * 12 + 3 * 12)  # three passes of two products
    assert cases.flops(cases.Case("attention", (1, 2, 3, 5))) == 6 * 2 * (2 * 3 * 5)
    assert cases.flops(cases.Case("attention", (1, 2, 3, 5), causal=True)) == 6 * 2 * (3 * 5)  # 1 + 2 pairs
    assert cases.flops(cases.Case("additive", (1, 2, 3, 5))) is None


def test_a_cell_is_read_as_it_is_written():
    case = cases.parse("attention", "8, 16,16,4,causal")
    assert case.causal
    assert cases.parse("attention", case.label) == case


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,0", "a,b,c,d", "", "1,2,3,4,5", "1,2,3,4,causal"])
def test_a_cell_that_cannot_be_is_refused(text):
    with pytest.raises(InputError, match="expected four sizes T,B,D,H"):
        cases.parse("lstm", text)


@pytest.mark.parametrize("topic", TINY)
def test_the_reference_in_float32_agrees_with_itself_in_float64(topic):
    case = cases.parse(topic, TINY[topic])
    inputs = cases.draw(case, seed=3)
    agreement = compare(case, made(ours_reference, case, inputs), made(truth, case, inputs))
    assert agreement.agrees, agreement.sentence
    assert agreement.error < agreement.bound


@pytest.mark.parametrize("topic", TINY)
def test_a_thousandth_in_any_one_result_is_caught(topic):
    case = cases.parse(topic, TINY[topic])
    inputs = cases.draw(case)
    right, results = (made(contender, case, inputs) for contender in (truth, ours_reference))
    for name in right:
        spoiled = results | {name: results[name] * np.float32(1.001)}
        agreement = compare(case, spoiled, right)
        assert not agreement.agrees, name
        assert agreement.sentence.startswith(name)


def test_what_is_missing_misshapen_or_nan_is_caught():
    case = cases.parse("rnn", TINY["rnn"])
    inputs = cases.draw(case)
    right, results = made(truth, case, inputs), made(ours_reference, case, inputs)
    without = {name: value for name, value in results.items() if name != "h"}
    assert compare(case, without, right).sentence == "h is missing"
    assert "has shape" in compare(case, results | {"h": results["h"][:1]}, right).sentence
    assert "nan" in compare(case, results | {"h": results["h"] * np.nan}, right).sentence


def test_adams_step_may_turn_only_where_the_gradient_is_lost_in_rounding():
    case = cases.parse("step", TINY["step"])
    inputs = cases.draw(case)
    right, results = made(truth, case, inputs), made(ours_reference, case, inputs)
    turned = 2 * inputs["W"] - results["after W"]  # every parameter moved the other way
    assert not compare(case, results | {"after W": turned}, right).agrees


def test_peer_is_another_name_for_the_same_functions():
    assert ours_reference.versions is ours.versions


def test_the_geometric_mean_leaves_out_what_is_not_there():
    assert geometric_mean([2.0, None, 8.0]) == pytest.approx(4.0)
    assert geometric_mean([None]) is None
