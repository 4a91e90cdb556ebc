"""The judge and the LSTM: the reference and its rewritings pass, every mistake planted in its source is caught."""

import ast
import inspect
import types

import numpy as np
import pytest

from scratchnn import check
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


def patched(*replacements):
    """Give the reference LSTM with some lines of its source replaced; each must stand there exactly once."""
    tree = ast.parse(inspect.getsource(lstm.reference))
    for node in ast.walk(tree):  # docstrings quote the same lines
        if isinstance(node, ast.FunctionDef):
            node.body = node.body[1:] if ast.get_docstring(node) else node.body
    source = ast.unparse(tree)
    for old, new in replacements:
        assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in the reference"
        source = source.replace(old, new)
    module = types.ModuleType("patched_lstm")
    exec(compile(source, "patched_lstm", "exec"), module.__dict__)
    return module


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
    module = patched(
        ("dW_h += nodes.h_prev.T @ da_t", "steps.append((nodes.h_prev, da_t))"),
        ("dc_next = dc_last\n", "dc_next = dc_last\n    steps = []\n"),
        ("return Grads(x=dx", 'dW_h = np.einsum("tbh,tbg->hg", *map(np.array, zip(*steps)))\n    return Grads(x=dx'),
    )
    assert check.check_gradients(*lstm_problem(module)).passed


def test_a_float_buffer_is_reported_and_the_differences_decide():
    module = patched(("dtype = np.result_type(x, h0, c0, *params)", "dtype = np.float64"))
    report = check.check_gradients(*lstm_problem(module))
    assert report.passed, str(report)
    assert report.oracles == ("differences",)
    assert "not complex-safe: it stored a complex number in a float array" in report.notes[0]
    assert all(row.error_complex is None and row.bound_difference < 1e-8 for row in report.rows)


CARRY_H, CARRY_C = "dh_next = np.where(real, dh_prev, dh_t)", "dc_next = np.where(real, dc_prev, dc_next)"
MISTAKES = {
    "neither carry goes on": [(CARRY_H, "dh_next = 0 * dh_t"), (CARRY_C, "dc_next = 0 * dc_next")],
    "dh_next not carried": [(CARRY_H, "dh_next = 0 * dh_t")],
    "dc_next not carried": [(CARRY_C, "dc_next = 0 * dc_next")],
    "dh = dh_next": [("dh_t = dh[t] + dh_next", "dh_t = dh_next")],
    "dh = dH_t": [("dh_t = dh[t] + dh_next", "dh_t = dh[t]")],
    "dc without dc_next": [("dc_t = dc_next + ds", "dc_t = ds")],
    "dc_prev = dc": [("dc_prev = dc_t * f", "dc_prev = dc_t")],
    "dc_prev with the f of a neighbour": [(CARRY_C, "dc_next = dc_prev / nodes.f * cache.f[t - 1]")],
    "a gate takes the h path only": [("di = dc_t * g", "di = ds * tanh_slope(s) * g")],
    "dh_prev from one gate": [("dh_prev = da_t @ W_h.T", "dh_prev = da_i @ W_h[:, : da_i.shape[1]].T")],
    "loop runs forward": [("for t in reversed(range(T)):", "for t in range(T):")],
    "c_t where c_prev belongs": [("df = dc_t * nodes.c_prev", "df = dc_t * nodes.c_t")],
    "index -1 wraps": [("cache.x[t], cache.h[t], cache.c[t],", "cache.x[t], cache.h[t], cache.c[t - 1],")],
    "dW_h with h_t": [("dW_h += nodes.h_prev.T", "dW_h += nodes.h_t.T")],
    "final c ignored": [("dc_next = dc_last", "dc_next = 0 * dc_last")],
    "final h ignored": [("dh_t = dh[t] + dh_next", "dh_t = (dh[t] if t < T - 1 else 0 * dh[t]) + dh_next")],
    "dh0 not returned": [("h0=dh_next", "h0=0 * dh_next")],
    "dc0 not returned": [("c0=dc_next", "c0=0 * dc_next")],
    "sigma for sigma'": [("da_i = di * sigmoid_slope(i)", "da_i = di * i")],
    "no derivative": [("da_o = do * sigmoid_slope(o)", "da_o = do")],
    "sigma' of the activated value": [("sigmoid_slope(f)", "sigmoid_slope(sigmoid(f))")],
    "1 - c**2": [("ds * tanh_slope(s)", "ds * tanh_slope(nodes.c_t)")],
    "o missing": [("ds = dh_t * o", "ds = dh_t")],
    "di and dg swapped": [("di = dc_t * g", "di = dc_t * i"), ("dg = dc_t * i", "dg = dc_t * g")],
    "blocks in another order": [("[da_i, da_f, da_g, da_o]", "[da_f, da_i, da_g, da_o]")],
    "dW_x = for +=": [("dW_x += nodes", "dW_x = nodes")],
    "dW_h of the last step only": [("dW_h += nodes.h_prev.T @ da_t", "dW_h += (t == T - 1) * nodes.h_prev.T @ da_t")],
    "db from one row": [("db += da_t.sum(axis=0)", "db += da_t[0]")],
    "db a mean over the batch": [("db += da_t.sum(axis=0)", "db += da_t.mean(axis=0)")],
    "divided by T": [("dW_x += nodes.x_t.T @ da_t", "dW_x += nodes.x_t.T @ da_t / T")],
    "W_h for its transpose": [
        ("dh_prev = da_t @ W_h.T", "dh_prev = sum(map(np.matmul, np.split(da_t, 4, 1), np.split(W_h, 4, 1)))")
    ],
    "clipped inside": [("dW_h += nodes.h_prev.T @ da_t", "dW_h += np.clip(nodes.h_prev.T @ da_t, -0.1, 0.1)")],
    "upstream changed": [("dh_t = dh[t] + dh_next", "dh[t] += dh_next; dh_t = dh[t]")],
    "cache changed": [("do = dh_t * s", "do = np.multiply(dh_t, s, out=s)")],
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_planted_in_the_lstm_is_caught(mistake):
    report = check.check_gradients(*lstm_problem(patched(*MISTAKES[mistake])))
    assert not report.passed
    assert report.oracles  # it was judged, not merely crashed
    assert not any("raised" in sentence for sentence in report.failures)


@pytest.mark.parametrize("mistake", [(CARRY_H, "dh_next = dh_prev"), (CARRY_C, "dc_next = dc_prev")])
def test_a_mistake_in_the_padding_is_caught_by_a_ragged_batch(mistake):
    lengths = np.array([3, 1, 2, 3])
    mask = np.arange(T)[:, None] < lengths
    assert check.check_gradients(*lstm_problem(mask=mask)).passed
    assert not check.check_gradients(*lstm_problem(patched(mistake), mask=mask)).passed


@pytest.mark.parametrize("mistake", ["dc without dc_next", "1 - c**2", "db from one row"])
def test_differences_alone_catch_it_too(mistake):
    module = patched(*MISTAKES[mistake], ("dtype = np.result_type(x, h0, c0, *params)", "dtype = np.float64"))
    report = check.check_gradients(*lstm_problem(module))
    assert report.oracles == ("differences",)
    assert not report.passed
