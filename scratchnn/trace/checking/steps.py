"""What each time step adds to a parameter's gradient, without a backward pass.

Step t is run again with one entry of the parameter moved by 1e-30 i. What comes out moved, h_t and c_t, is weighed
with the true derivatives by h_t and by c_t as it goes on to step t+1, which are complex steps themselves.
"""

from typing import Any

import numpy as np

from .copies import STEP


def shares(
    step: Any, rows: tuple[np.ndarray, ...], weights: tuple[np.ndarray, ...], params: dict[str, np.ndarray],
    name: str, entries: np.ndarray, bundle: Any,
) -> np.ndarray:  # fmt: skip
    """Differentiate by entries of a parameter, step by step.

    Parameters
    ----------
    step : function
        The op's, from x_t, the states and the parameters to its nodes.
    rows : tuple of (T, B, ...) arrays
        x_t and the states before each step, of all steps.
    weights : tuple of (T, B, H) arrays
        True derivatives of the loss by h_t and, of an LSTM, by c_t on its way to the next step.
    params : dict of str to array
    name : str
    entries : (N,) int
        Places in the flattened parameter.
    bundle : function
        Makes the op's Params of a dict.

    Returns
    -------
    (T, N) array
    """
    T, B = rows[0].shape[:2]
    flat = [one.reshape(T * B, -1).astype(np.complex128) for one in rows]  # all steps side by side, as one batch
    params = {key: array.astype(np.complex128) for key, array in params.items()}
    found = np.zeros((T, len(entries)))
    for k, entry in enumerate(entries):
        moved = params[name].copy()
        moved.reshape(-1)[entry] += 1j * STEP
        nodes = step(*flat, bundle({**params, name: moved}))
        for state, weight in zip((nodes.h_t, getattr(nodes, "c_t", None)), weights, strict=False):
            found[:, k] += (np.imag(state).reshape(weight.shape) * weight).reshape(T, -1).sum(axis=1)
    return found / STEP
