"""JAX as its users write it: ``lax.scan`` over the steps, all gradients in one ``jit``."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from scratchnn.bench.cases import BETAS, EPSILON, LR, Case


def setup(threads: int) -> None:
    """Nothing to set: the worker chose the processor's cores before JAX made its threads.

    Parameters
    ----------
    threads : int
    """
    jax.devices()


def versions() -> str:
    """Name what is timed."""
    return f"JAX {jax.__version__}, {jax.devices()[0].platform}"


def prepare(case: Case, inputs: dict[str, np.ndarray], rung: str | None = None) -> tuple:
    """Make one forward and backward of JAX's, with the gradients of all inputs and parameters.

    Parameters
    ----------
    case : Case
    inputs : dict of str to array
    rung : str, optional
        Not used.

    Returns
    -------
    run, results : functions
    """
    if case.topic == "step":
        return _step(inputs)
    forward, upstream_names, output_names = _forward_of(case)
    given = {name: jnp.asarray(value) for name, value in inputs.items() if name not in upstream_names}
    upstream = tuple(jnp.asarray(inputs[name]) for name in upstream_names)

    @jax.jit
    def both(given, upstream):
        outputs, undo = jax.vjp(forward, given)
        return outputs, undo(upstream)[0]

    def run():
        return jax.block_until_ready(both(given, upstream))

    def results(made):
        outputs, grads = made
        found = {name: np.asarray(value) for name, value in zip(output_names, outputs, strict=True)}
        return found | {"grad " + name: np.asarray(value) for name, value in grads.items()}

    return run, results


def _forward_of(case: Case) -> tuple[Callable, tuple[str, ...], tuple[str, ...]]:
    if case.topic == "additive":
        return _additive, ("dcontext",), ("context",)
    if case.topic == "attention":
        return lambda given: _dot(given, case.causal), ("dcontext",), ("context",)
    if case.op == "lstm":
        return _lstm, ("dh", "dc_last"), ("h", "c_last")
    return (_gru if case.op == "gru" else _rnn), ("dh",), ("h",)


def _lstm(p: dict[str, Any]) -> tuple:
    def step(state, z):
        h, c = state
        i, f, g, o = jnp.split(z + h @ p["W_h"], 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    (_, c), h = lax.scan(step, (p["h0"], p["c0"]), p["x"] @ p["W_x"] + p["b"])
    return h, c


def _gru(p: dict[str, Any]) -> tuple:
    def step(h, z):
        x_r, x_z, x_n = jnp.split(z, 3, axis=1)
        h_r, h_z, h_n = jnp.split(h @ p["W_h"], 3, axis=1)
        r, z = jax.nn.sigmoid(x_r + h_r), jax.nn.sigmoid(x_z + h_z)
        n = jnp.tanh(x_n + r * (h_n + p["b_hn"]))
        h = (1 - z) * n + z * h
        return h, h

    return (lax.scan(step, p["h0"], p["x"] @ p["W_x"] + p["b"])[1],)


def _rnn(p: dict[str, Any]) -> tuple:
    def step(h, z):
        h = jnp.tanh(z + h @ p["W_h"])
        return h, h

    return (lax.scan(step, p["h0"], p["x"] @ p["W_x"] + p["b"])[1],)


def _dot(p: dict[str, Any], causal: bool) -> tuple:
    q, k, v = (p[name][:, :, None] for name in ("q", "k", "v"))  # one head
    return (jax.nn.dot_product_attention(q, k, v, is_causal=causal)[:, :, 0],)


def _additive(p: dict[str, Any]) -> tuple:
    hidden = jnp.tanh((p["q"] @ p["W_q"])[:, :, None] + (p["k"] @ p["W_k"])[:, None])
    return (jax.nn.softmax(hidden @ p["v_a"], axis=2) @ p["v"],)


def _step(inputs: dict[str, np.ndarray]) -> tuple[Callable, Callable]:
    x, targets = jnp.asarray(inputs["x"]), jnp.asarray(inputs["targets"])
    start = {name: jnp.asarray(inputs[name]) for name in ("W_x", "W_h", "b", "W", "b_out")}
    H = inputs["W_h"].shape[0]

    def loss_of(params, x, targets):
        zero = jnp.zeros((x.shape[1], H), x.dtype)
        h = _lstm({**params, "x": x, "h0": zero, "c0": zero})[0].swapaxes(0, 1)
        last = h[:, -1:]  # the one position whose y is read
        y = last + jax.nn.softmax(last @ h.swapaxes(1, 2), axis=2) @ h
        logits = y[:, 0] @ params["W"] + params["b_out"]
        return -jax.nn.log_softmax(logits)[jnp.arange(len(targets)), targets].mean(), logits

    @jax.jit
    def train(params, m, v, count, x, targets):
        (loss, logits), grads = jax.value_and_grad(loss_of, has_aux=True)(params, x, targets)
        count = count + 1
        m = jax.tree.map(lambda m, g: BETAS[0] * m + (1 - BETAS[0]) * g, m, grads)
        v = jax.tree.map(lambda v, g: BETAS[1] * v + (1 - BETAS[1]) * g * g, v, grads)
        rate, root = LR / (1 - BETAS[0] ** count), jnp.sqrt(1 - BETAS[1] ** count)
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) / root + EPSILON), params, m, v)
        return params, m, v, count, loss, logits, grads

    zeros = jax.tree.map(jnp.zeros_like, start)
    state = [start, zeros, zeros, jnp.zeros(())]

    def run():
        *state[:], loss, logits, grads = jax.block_until_ready(train(*state, x, targets))
        return loss, logits, grads

    def results(made):
        loss, logits, grads = made
        found = {"logits": np.asarray(logits), "loss": np.asarray(loss)}
        for name, value in grads.items():
            found |= {"grad " + name: np.asarray(value), "after " + name: np.asarray(state[0][name])}
        return found

    return run, results
