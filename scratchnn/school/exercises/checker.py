"""Write the test: reject every wrong RNN, accept every right one."""

from ..kinds.own_test import OwnTest

EXERCISE = OwnTest(
    number="30",
    name="checker",
    title="A test that lets no wrong gradient through",
    op="rnn",
    task="""
        You are given modules with a simple recurrent network, h_t = tanh(x_t @ W_x + h_(t-1) @ W_h + b). Their
        forward pass is right. Their backward pass is right, perhaps written in another way, or it holds one of
        about fifty mistakes that people make; some of these spoil what they were given. Say which: accepts(module)
        is True if you find nothing wrong.

            cache = module.forward(x, h0, params)            cache.h is (T+1, B, H), cache.h[0] = h0
            grads = module.backward(dh, cache, params)       dh is (T, B, H), the gradient of cache.h[1:]
            grads.x, grads.h0, grads.W_x, grads.W_h, grads.b

        complex_step(loss, arrays) gives the right gradient of a loss with respect to every array: loss takes a dict
        of arrays like the one you give it, and returns one number. The values below are a beginning, no
        recommendation: chapter 30 tells what hides behind each of them.
    """,
    form="rnn.tanh",
    text='''import numpy as np

from scratchnn.probe import complex_step


def accepts(module):
    """Say whether the backward pass of a module is right."""
    rng = np.random.default_rng(0)
    T, B, D, H = 1, 1, 1, 1
    arrays = {
        "x": rng.normal(size=(T, B, D)),
        "h0": np.zeros((B, H)),
        "W_x": rng.normal(size=(D, H)),
        "W_h": rng.normal(size=(H, H)),
        "b": np.zeros(H),
    }
    dh = np.ones((T, B, H))

    def loss(at):
        cache = module.forward(at["x"], at["h0"], module.Params(at["W_x"], at["W_h"], at["b"]))
        return (cache.h[1:] * dh).sum()

    right = complex_step(loss, arrays)
    params = module.Params(arrays["W_x"], arrays["W_h"], arrays["b"])
    cache = module.forward(arrays["x"], arrays["h0"], params)
    grads = module.backward(dh, cache, params)
    return ...
''',
)
