"""The judge and the LSTM: the reference and its rewritings pass; float32, float buffers and ragged batches too."""

import numpy as np
import pytest

from scratchnn import check
from scratchnn.check import catalogue
from scratchnn.misconceptions import Bug, Edit
from scratchnn.ops import lstm

T, B, D, H = 3, 4, 5, 2


def lstm_problem(reference=lstm.reference, seed=0, mask=None, dtype=np.float64):
    """Give forward, backward and inputs of an LSTM computed by any module with the reference's functions."""
    x, h0, c0, params = lstm.sample(np.random.default_rng(seed), T=T, B=B, D=D, H=H, dtype=dtype)

    def forward(inputs):
        params = lstm.Params(inputs["W_x"], inputs["W_h"], inputs["b"])
        cache = reference.forward(inputs["x"], inputs["h0"], inputs["c0"], params, mask)
        return {"h": cache.h[1:], "c_last": cache.c[-1]}, (cache, params)

    def backward(upstream, kept):
        return reference.backward(upstream["h"], upstream["c_last"], *kept)._asdict()

    return forward, backward, {"x": x, "h0": h0, "c0": c0, **params._asdict()}


def rewritten(*edits):
    """Give edits that are no mistake, in the form of a bug."""
    return Bug("lstm-rewritten", "", "M11", tuple(Edit(*edit) for edit in edits), "?")


FLOAT_BUFFERS = rewritten(("forward", "dtype = np.result_type(x, h0, c0, *params)", "dtype = np.float64"))


@pytest.mark.parametrize("seed", range(0, 50, 5))
def test_the_lstm_passes(seed):
    report = check.assert_gradients(*lstm_problem(seed=seed), seed=seed)
    assert [row.name for row in report.rows] == ["x", "h0", "c0", "W_x", "W_h", "b"]
    assert report.worst < 1e-13


def test_float32_code_passes_within_its_rounding():
    forward, backward, inputs = lstm_problem(dtype=np.float32)
    report = check.check_gradients(forward, backward, inputs)
    assert report.passed, str(report)
    assert 1e-9 < report.worst < 64 * np.finfo(np.float32).eps


def test_other_ways_to_write_it_pass():
    """Sum first, multiply later: one product for dW_h after the loop instead of one per step."""
    module = catalogue.plant(
        rewritten(
            ("backward", "dW_h += nodes.h_prev.T @ da_t", "steps.append((nodes.h_prev, da_t))"),
            ("backward", "dc_next = dc_last", "dc_next = dc_last\nsteps = []"),
            (
                "backward",
                "return Grads(x=dx",
                'dW_h = np.einsum("tbh,tbg->hg", *map(np.array, zip(*steps)))\nreturn Grads(x=dx',
            ),
        )
    )
    assert check.check_gradients(*lstm_problem(module)).passed


def test_a_ragged_batch_passes():
    lengths = np.array([3, 1, 2, 3])
    assert check.check_gradients(*lstm_problem(mask=np.arange(T)[:, None] < lengths)).passed


def test_a_float_buffer_is_reported_and_the_differences_decide():
    report = check.check_gradients(*lstm_problem(catalogue.plant(FLOAT_BUFFERS)))
    assert report.passed, str(report)
    assert report.oracles == ("differences",)
    assert "not complex-safe: it stored a complex number in a float array" in report.notes[0]
    assert all(row.error_complex is None and row.bound_difference < 1e-8 for row in report.rows)


@pytest.mark.parametrize("name", ["lstm-dc-next-dropped", "lstm-slope-of-c", "lstm-db-one-row"])
def test_differences_alone_catch_a_mistake_too(name):
    module = catalogue.plant(catalogue.bug(name), FLOAT_BUFFERS)
    report = check.check_gradients(*lstm_problem(module))
    assert report.oracles == ("differences",)
    assert not report.passed
