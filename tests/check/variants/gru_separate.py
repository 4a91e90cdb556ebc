"""GRU with nine separate arrays and the other convention of the update gate: h_t = (1 - u) * h_prev + u * n."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("d_u = d_h * (n - h)", "d_u = d_h * (h - n)")
GATES = "run"


def draw(rng, size):
    shapes = {f"W_{gate}": (D, H) for gate in GATES} | {f"U_{gate}": (H, H) for gate in GATES}
    shapes |= {f"b_{gate}": (H,) for gate in GATES} | {"c_n": (H,)}
    return drawing.normal(rng, 1.0, x=(T, B, D), h0=(B, H)) | drawing.normal(rng, size, **shapes)


def reference(inputs):
    """Our z is 1 - u, so its block has the opposite sign."""

    def joined(kind):
        return np.concatenate([inputs[f"{kind}_r"], -inputs[f"{kind}_u"], inputs[f"{kind}_n"]], axis=-1)

    return drawing.gru(inputs["x"], inputs["h0"], joined("W"), joined("U"), joined("b"), inputs["c_n"])


def forward(inputs):
    p, h = inputs, inputs["h0"]
    steps = []
    for x in inputs["x"]:
        r = 1 / (1 + np.exp(-(x @ p["W_r"] + h @ p["U_r"] + p["b_r"])))
        u = 1 / (1 + np.exp(-(x @ p["W_u"] + h @ p["U_u"] + p["b_u"])))
        proposal = h @ p["U_n"] + p["c_n"]
        n = np.tanh(x @ p["W_n"] + p["b_n"] + r * proposal)
        steps.append((x, h, r, u, n, proposal))
        h = h + u * (n - h)
    return {"h": np.stack([step[1] for step in steps[1:]] + [h])}, (inputs, steps)


def backward(upstream, cache):
    p, steps = cache
    grads = {name: np.zeros_like(array) for name, array in p.items()}
    d_h = np.zeros((B, H))
    for t in reversed(range(T)):
        x, h, r, u, n, proposal = steps[t]
        d_h = d_h + upstream["h"][t]
        d_u = d_h * (n - h)
        a_u = d_u * u * (1 - u)
        a_n = d_h * u * (1 - n * n)
        a_r = a_n * proposal * r * (1 - r)
        for gate, given, past in (("r", a_r, a_r), ("u", a_u, a_u), ("n", a_n, a_n * r)):
            grads[f"W_{gate}"] += x.T @ given
            grads[f"b_{gate}"] += given.sum(axis=0)
            grads[f"U_{gate}"] += h.T @ past
        grads["c_n"] += (a_n * r).sum(axis=0)
        grads["x"][t] = a_r @ p["W_r"].T + a_u @ p["W_u"].T + a_n @ p["W_n"].T
        d_h = d_h * (1 - u) + a_r @ p["U_r"].T + a_u @ p["U_u"].T + (a_n * r) @ p["U_n"].T
    grads["h0"] = d_h
    return grads
