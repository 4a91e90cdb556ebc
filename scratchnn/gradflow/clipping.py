"""What clipping the gradient's norm does, and what it does not do, on an RNN that explodes."""

from typing import Any, NamedTuple

import numpy as np

from scratchnn import ops
from scratchnn.ops import cross_entropy, linear, rnn
from scratchnn.training import clip_grad_norm, gradient_norm

from .cells import make_cell
from .norms import sequence_norms


class Pupil(NamedTuple):
    """A tanh RNN with a linear output, all its weights in one dict that SGD may write into."""

    weights: dict[str, np.ndarray]  # W_x (D, H), W_h (H, H), b (H,), W (H, 2), b_y (2,)
    backend: Any


class Stepped(NamedTuple):
    """One SGD step from the same weights on the same batch."""

    norm: float  # of the gradient of all parameters, as backward gave it
    used: float  # of the gradient that was used
    cosine: float  # between the two: 1 means the direction was kept
    step: float  # norm of the change of the weights
    before: float  # loss on the batch before the step
    after: float  # loss on the same batch after it
    state_norms: np.ndarray  # (T,): log of the norm of dLoss/dh_t, batch mean; no clipping reaches it


class Trained(NamedTuple):
    """A short training run."""

    losses: np.ndarray  # (steps,) on the batch of each step, before the update; NaN once it is not finite
    norms: np.ndarray  # (steps,) of the gradient as backward gave it
    clip: float | None


def make_pupil(
    rng: np.random.Generator, *, D: int = 4, H: int = 32, radius: float = 2.0, backend: str | Any = "reference"
) -> Pupil:
    """Draw an RNN with an output for two classes.

    Parameters
    ----------
    rng : numpy.random.Generator
    D, H : int
    radius : float
        Spectral radius of W_h.
    backend : str or module

    Returns
    -------
    Pupil
    """
    cell = make_cell("rnn", rng, D=D, H=H, radius=radius, drive=1.0)
    output = {"W": rng.normal(size=(H, 2)) / np.sqrt(H), "b_y": np.zeros(2)}
    return Pupil({**cell.params._asdict(), **output}, backend)


def sequences(rng: np.random.Generator, *, T: int = 50, B: int = 16, D: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Draw a task that needs no long memory: noise (T, B, D), and the sign of the last input's first feature (B,).

    Parameters
    ----------
    rng : numpy.random.Generator
    T, B, D : int
    """
    x = rng.normal(size=(T, B, D))
    return x, (x[-1, :, 0] > 0).astype(np.int64)


def loss_and_grads(
    pupil: Pupil, x: np.ndarray, targets: np.ndarray
) -> tuple[float, dict[str, np.ndarray], np.ndarray, Any]:
    """Run forward and backward on one batch.

    Parameters
    ----------
    pupil : Pupil
    x : (T, B, D)
    targets : (B,) int

    Returns
    -------
    loss : float
        Mean cross-entropy of the last state's two logits.
    grads : dict of str to array
        One for each of the pupil's weights.
    dh : (T, B, H)
        What the loss gave the states directly.
    cache : rnn.reference.Cache
    """
    w = pupil.weights
    op = ops.backend(rnn, pupil.backend)
    params = rnn.Params(w["W_x"], w["W_h"], w["b"])
    cache = op.forward(x, np.zeros((x.shape[1], len(w["b"]))), params)
    output = linear.Params(w["W"], w["b_y"])
    logits = linear.reference.forward(cache.h[-1], output)
    compared = cross_entropy.reference.forward(logits.y, targets)
    dlogits = cross_entropy.reference.backward(compared).logits
    read = linear.reference.backward(dlogits, logits, output)
    dh = np.zeros_like(cache.h[1:])
    dh[-1] = read.x
    grads = op.backward(dh, cache, params)
    named = {"W_x": grads.W_x, "W_h": grads.W_h, "b": grads.b, "W": read.W, "b_y": read.b}
    return float(compared.loss), named, dh, cache


def clipping_step(
    pupil: Pupil, x: np.ndarray, targets: np.ndarray, *, clip: float | None, lr: float = 0.1
) -> Stepped:
    """Take one SGD step from the pupil's weights, which stay as they are, and look at what came of it.

    Parameters
    ----------
    pupil : Pupil
    x : (T, B, D)
    targets : (B,) int
    clip : float or None
        Largest norm of the gradient of all parameters together; None: not clipped.
    lr : float

    Returns
    -------
    Stepped
    """
    before, raw, dh, cache = loss_and_grads(pupil, x, targets)
    used = {name: grad.copy() for name, grad in raw.items()}
    if clip is not None:
        clip_grad_norm(used, clip)
    moved = Pupil({name: weight - lr * used[name] for name, weight in pupil.weights.items()}, pupil.backend)
    after = loss_and_grads(moved, x, targets)[0]
    norm, norm_used = gradient_norm(raw), gradient_norm(used)
    cosine = sum(float(np.sum(raw[name] / norm * (used[name] / norm_used))) for name in raw) if norm else 1.0
    params = rnn.Params(*(pupil.weights[name] for name in rnn.Params._fields))
    state_norms = sequence_norms("rnn", cache, params, dh).mean
    return Stepped(norm, norm_used, cosine, lr * norm_used, before, after, state_norms)


def clipping_run(
    *,
    clip: float | None,
    seed: int = 0,
    steps: int = 300,
    lr: float = 0.6,
    T: int = 30,
    B: int = 16,
    D: int = 4,
    H: int = 32,
    radius: float = 2.0,
    backend: str | Any = "reference",
) -> Trained:
    """Train a pupil by plain SGD on a task that needs no long memory, clipped or not.

    Parameters
    ----------
    clip : float or None
    seed : int
        The same seed gives the same first weights and the same batches, clipped or not.
    steps : int
    lr : float
    T, B, D, H : int
    radius : float
        Spectral radius of the first W_h; above 1 the long paths explode.
    backend : str or module

    Returns
    -------
    Trained
    """
    rng = np.random.default_rng(seed)
    pupil = make_pupil(rng, D=D, H=H, radius=radius, backend=backend)
    losses, norms = np.full(steps, np.nan), np.full(steps, np.nan)
    for k in range(steps):
        losses[k], grads, *_ = loss_and_grads(pupil, *sequences(rng, T=T, B=B, D=D))
        norms[k] = gradient_norm(grads)
        if not np.isfinite(losses[k] + norms[k]):
            break
        if clip is not None:
            clip_grad_norm(grads, clip)
        for name, weight in pupil.weights.items():
            weight -= lr * grads[name]
    return Trained(losses, norms, clip)
