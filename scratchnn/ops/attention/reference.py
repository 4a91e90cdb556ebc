"""Attention in NumPy: the readable truth. Each numbered line is one equation of equations.py."""

# mypy: disable-error-code="union-attr, operator"
# (which fields of Params are None depends on the score; _check_params has looked)

import math
import numbers
from typing import Any, NamedTuple

import numpy as np

from scratchnn import shapes
from scratchnn.ops.activations.reference import tanh_slope
from scratchnn.ops.softmax.reference import forward as softmax

SCORES = ("dot", "scaled_dot", "general", "additive")
NEEDS = {"dot": (), "scaled_dot": (), "general": ("W_a",), "additive": ("W_q", "W_k", "v_a")}
SHAPES = {"W_a": "E_q E_k", "W_q": "E_q A", "W_k": "E_k A", "v_a": "A"}


class Params(NamedTuple):
    """What the score needs: dot and scaled_dot nothing, general W_a, additive the other three."""

    W_a: np.ndarray | None = None  # (E_q, E_k)
    W_q: np.ndarray | None = None  # (E_q, A)
    W_k: np.ndarray | None = None  # (E_k, A)
    v_a: np.ndarray | None = None  # (A,)


class Scored(NamedTuple):
    """Scores, and the nodes on the way to them."""

    scores: np.ndarray  # (B, Q, S), before the mask
    q_a: np.ndarray | None = None  # (B, Q, E_k), general only
    hidden: np.ndarray | None = None  # (B, Q, S, A), additive only: tanh of the hidden layer


class Cache(NamedTuple):
    """Every node; with need_alpha=False the four that backward recomputes are None."""

    q: np.ndarray  # (B, Q, E_q), zero for a query that may see nothing
    k: np.ndarray  # (B, S, E_k), zero for a source that no query may see
    v: np.ndarray  # (B, S, F), zero for a source that no query may see
    mask: np.ndarray | None  # as given, broadcasts to (B, Q, S)
    causal: bool
    score: str
    scale: float
    q_a: np.ndarray | None  # (B, Q, E_k), general only
    hidden: np.ndarray | None  # (B, Q, S, A), additive only
    scores: np.ndarray | None  # (B, Q, S), before the mask
    alpha: np.ndarray | None  # (B, Q, S), 0 where the mask is False
    context: np.ndarray  # (B, Q, F), 0 for a query that may see nothing


class Grads(NamedTuple):
    """Gradients, each the shape of the input whose name it bears; None for parameters the score has not."""

    q: np.ndarray  # (B, Q, E_q)
    k: np.ndarray  # (B, S, E_k)
    v: np.ndarray  # (B, S, F)
    W_a: np.ndarray | None = None  # (E_q, E_k)
    W_q: np.ndarray | None = None  # (E_q, A)
    W_k: np.ndarray | None = None  # (E_k, A)
    v_a: np.ndarray | None = None  # (A,)


def dot_scores(q: np.ndarray, k: np.ndarray, scale: float) -> Scored:
    """Compare by dot product, equation (1): ``Scored`` from q (B, Q, E) and k (B, S, E)."""
    scores = scale * (q @ k.swapaxes(1, 2))  # (1)
    return Scored(scores)


def dot_scores_backward(dscores: np.ndarray, q: np.ndarray, k: np.ndarray, scale: float) -> dict[str, np.ndarray]:
    """Undo ``dot_scores``: the gradients of q and k, equations (12), (13)."""
    dq = scale * (dscores @ k)  # (12)
    dk = scale * (dscores.swapaxes(1, 2) @ q)  # (13)
    return {"q": dq, "k": dk}


def general_scores(q: np.ndarray, k: np.ndarray, params: Params, scale: float) -> Scored:
    """Compare through W_a, equations (2), (3); E_q and E_k may differ."""
    W_a = params.W_a
    q_a = q @ W_a  # (2)
    scores = scale * (q_a @ k.swapaxes(1, 2))  # (3)
    return Scored(scores, q_a=q_a)


def general_scores_backward(
    dscores: np.ndarray, q: np.ndarray, k: np.ndarray, params: Params, q_a: np.ndarray, scale: float
) -> dict[str, np.ndarray]:
    """Undo ``general_scores``: the gradients of q, k and W_a, equations (14)-(17)."""
    W_a = params.W_a
    dq_a = scale * (dscores @ k)  # (14)
    dk = scale * (dscores.swapaxes(1, 2) @ q_a)  # (15)
    dq = dq_a @ W_a.T  # (16)
    dW_a = np.tensordot(q, dq_a, axes=((0, 1), (0, 1)))  # (17)
    return {"q": dq, "k": dk, "W_a": dW_a}


def additive_scores(q: np.ndarray, k: np.ndarray, params: Params, scale: float) -> Scored:
    """Compare through a hidden layer of tanh, equations (4)-(6); E_q and E_k may differ."""
    _, W_q, W_k, v_a = params
    a = (q @ W_q)[:, :, None, :] + (k @ W_k)[:, None, :, :]  # (4)
    hidden = np.tanh(a)  # (5)
    scores = scale * (hidden @ v_a)  # (6)
    return Scored(scores, hidden=hidden)


def additive_scores_backward(
    dscores: np.ndarray, q: np.ndarray, k: np.ndarray, params: Params, hidden: np.ndarray, scale: float
) -> dict[str, np.ndarray]:
    """Undo ``additive_scores``: the gradients of q, k, W_q, W_k and v_a, equations (18)-(26)."""
    _, W_q, W_k, v_a = params
    dv_a = scale * np.tensordot(dscores, hidden, axes=3)  # (18)
    dhidden = scale * dscores[:, :, :, None] * v_a  # (19)
    da = dhidden * tanh_slope(hidden)  # (20)
    da_q = da.sum(axis=2)  # (21)
    da_k = da.sum(axis=1)  # (22)
    dq = da_q @ W_q.T  # (23)
    dk = da_k @ W_k.T  # (24)
    dW_q = np.tensordot(q, da_q, axes=((0, 1), (0, 1)))  # (25)
    dW_k = np.tensordot(k, da_k, axes=((0, 1), (0, 1)))  # (26)
    return {"q": dq, "k": dk, "W_q": dW_q, "W_k": dW_k, "v_a": dv_a}


def forward(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    params: Params | None = None,
    *,
    score: str = "scaled_dot",
    scale: float | None = None,
    mask: np.ndarray | None = None,
    causal: bool = False,
    need_alpha: bool = True,
) -> Cache:
    """Let every query look at the sources.

    Parameters
    ----------
    q : (B, Q, E_q)
        Queries.
    k : (B, S, E_k)
        Keys. The dot scores need E_k = E_q; general and additive do not.
    v : (B, S, F)
        Values.
    params : Params, optional
        W_a for "general"; W_q, W_k, v_a for "additive"; nothing for the dot scores.
    score : {"dot", "scaled_dot", "general", "additive"}
    scale : float, optional
        Factor of the scores: 1/sqrt(E) for "scaled_dot" and 1 for the others unless given.
    mask : bool, broadcasts to (B, Q, S), optional
        True may be looked at; a mask of sources only is (B, 1, S).
    causal : bool
        Query i sees source j only if j <= i, besides the mask.
    need_alpha : bool
        False keeps nothing of size Q times S: scores, alpha and the nodes between are None in the cache, and
        backward computes them again.

    Returns
    -------
    Cache
        ``context`` (B, Q, F) and ``alpha`` (B, Q, S).

    Raises
    ------
    ValueError
        A shape disagrees, an unknown score, widths that the score does not allow, parameters that it lacks or
        does not have, a scale that is not finite.
    TypeError
        An array is not floating-point, or ``mask`` not bool.

    Notes
    -----
    Over the sources that a query may see alpha sums to 1; elsewhere it is exactly 0. A query that may see none
    gets alpha and context 0, and its gradients are 0.

    What cannot leak: the key and value of a source that no query of its sequence may see, and a query that may
    see no source, are never read; NaN or infinity there changes no bit of context, alpha or any gradient. What can:
    a source that some query sees is read for its whole sequence. NaN or infinity in it may reach the contexts and
    gradients of queries to which it is masked, since 0 * NaN is NaN; alpha there stays exactly 0, and the other
    sequences' contexts and gradients stay as they are.
    Source: equations (1)-(8).  Checked by: tests/ops/test_attention.py
    """
    shape = _check_inputs(q, k, v, params, score, mask)
    scale = _check_scale(scale, score, q)
    given = None if mask is None else mask.copy()  # the caller may go on using its array
    mask = _full_mask(given, causal, shape)
    q = np.where(mask.any(axis=2)[:, :, None], q, 0)  # type: ignore[index]  # axis given: an array
    k, v = (np.where(mask.any(axis=1)[:, :, None], source, 0) for source in (k, v))  # type: ignore[index]
    nodes = _scores(q, k, params, score, scale)
    alpha = softmax(nodes.scores, mask).p  # (7)
    context = alpha @ v  # (8)
    kept: tuple[Any, Any, Any, Any] = (
        (nodes.q_a, nodes.hidden, nodes.scores, alpha) if need_alpha else (None, None, None, None)
    )
    return Cache(q, k, v, given, causal, score, scale, *kept, context)


def backward(
    dcontext: np.ndarray, cache: Cache, params: Params | None = None, *, dalpha: np.ndarray | None = None
) -> Grads:
    """Undo ``forward``.

    Parameters
    ----------
    dcontext : (B, Q, F)
        dLoss/dcontext.
    cache : Cache
        What ``forward`` returned.
    params : Params, optional
        As given to ``forward``.
    dalpha : (B, Q, S), optional
        Gradient from outside for alpha itself, when the loss looks at the weights as well.

    Returns
    -------
    Grads
        None for parameters that the score does not have.

    Raises
    ------
    ValueError
        A shape disagrees, or ``dalpha`` was given though forward kept no alpha (need_alpha=False).
    TypeError
        An array is not floating-point.

    Notes
    -----
    forward  was   context = alpha @ v
    so now         dv = alpha.T @ dcontext,  dalpha = dalpha_given + dcontext @ v.T
    forward  was   alpha = softmax(scores) over the sources
    so now         dscores = alpha * (dalpha - sum(dalpha * alpha)), the sum over the sources
    and then the score is undone: see dot_scores_backward, general_scores_backward, additive_scores_backward.
    Upstream gradients are not read where alpha is 0 by the mask, nor dcontext of a query that may see nothing.
    Source: equations (9)-(26).  Checked by: tests/ops/test_attention.py::test_backward
    """
    q, k, v, scale = cache.q, cache.k, cache.v, cache.scale
    dalpha_given = _check_upstream(dcontext, cache, params, dalpha)
    mask = _full_mask(cache.mask, cache.causal, (*q.shape[:2], k.shape[1]))
    dcontext = np.where(mask.any(axis=2)[:, :, None], dcontext, 0)
    nodes, alpha = cache, cache.alpha
    if alpha is None:
        nodes = _scores(q, k, params, cache.score, scale)
        alpha = softmax(nodes.scores, mask).p  # (7)
    dv = alpha.swapaxes(1, 2) @ dcontext  # (9)
    dalpha = np.where(mask, dalpha_given + dcontext @ v.swapaxes(1, 2), 0)  # (10)
    dscores = alpha * (dalpha - (dalpha * alpha).sum(axis=2, keepdims=True))  # (11)
    if cache.score == "general":
        grads = general_scores_backward(dscores, q, k, params, nodes.q_a, scale)  # type: ignore[arg-type]
    elif cache.score == "additive":
        grads = additive_scores_backward(dscores, q, k, params, nodes.hidden, scale)  # type: ignore[arg-type]
    else:
        grads = dot_scores_backward(dscores, q, k, scale)
    return Grads(v=dv, **grads)


def _scores(q, k, params, score, scale):
    if score == "general":
        return general_scores(q, k, params, scale)
    if score == "additive":
        return additive_scores(q, k, params, scale)
    return dot_scores(q, k, scale)


def _full_mask(mask, causal, shape):
    """Give the (B, Q, S) mask: the one given, and j <= i when causal."""
    full = np.ones(shape, dtype=bool) if mask is None else np.broadcast_to(mask, shape)
    return full & np.tri(*shape[1:], dtype=bool) if causal else full


def _check_inputs(q, k, v, params, score, mask):
    where = "attention.forward"
    shapes.expect_choice(where, "score", score, SCORES)
    sizes = shapes.sizes_of(where, "q", q, "B Q E_q")
    sizes |= {name: size for name, size in shapes.sizes_of(where, "k", k, "B S E_k").items() if name != "B"}
    sizes["F"] = shapes.sizes_of(where, "v", v, "B S F")["F"]
    shapes.expect_shape(where, "k", k, "B S E_k", sizes)
    shapes.expect_shape(where, "v", v, "B S F", sizes)
    if score in ("dot", "scaled_dot") and sizes["E_q"] != sizes["E_k"]:
        raise ValueError(
            f"{where}: score {score!r} needs q and k of one width, got E_q = {sizes['E_q']} and "
            f"E_k = {sizes['E_k']}; 'general' and 'additive' allow different ones"
        )
    _check_params(where, params, score, sizes)
    shape = (sizes["B"], sizes["Q"], sizes["S"])
    if mask is not None:
        shapes.expect_mask(where, "mask", mask, shape)
    return shape


def _check_params(where, params, score, sizes):
    for name, array in (params or Params())._asdict().items():
        needed = name in NEEDS[score]
        if needed and array is None:
            raise ValueError(f"{where}: score {score!r} needs params.{name}, got None")
        if not needed and array is not None:
            raise ValueError(f"{where}: score {score!r} has no parameter {name}, expected None")
    if score == "additive":
        sizes = {**sizes, "A": shapes.sizes_of(where, "v_a", params.v_a, "A")["A"]}
    for name in NEEDS[score]:
        shapes.expect_shape(where, name, getattr(params, name), SHAPES[name], sizes)


def _check_scale(scale, score, q):
    if scale is None:
        return 1 / math.sqrt(q.shape[2]) if score == "scaled_dot" else 1.0
    if not isinstance(scale, numbers.Real) or not math.isfinite(scale):
        raise ValueError(f"attention.forward: scale is {scale!r}, expected a finite number")
    return float(scale)


def _check_upstream(dcontext, cache, params, dalpha):
    where = "attention.backward"
    B, Q, E_q = cache.q.shape
    _, S, E_k = cache.k.shape
    sizes = {"B": B, "Q": Q, "S": S, "E_q": E_q, "E_k": E_k, "F": cache.v.shape[2]}
    shapes.expect_shape(where, "dcontext", dcontext, "B Q F", sizes)
    _check_params(where, params, cache.score, sizes)
    if dalpha is None:
        return 0
    if cache.alpha is None:
        raise ValueError(
            f"{where}: dalpha was given, but forward ran with need_alpha=False, so that no loss can depend on alpha"
        )
    shapes.expect_shape(where, "dalpha", dalpha, "B Q S", sizes)
    return dalpha
