"""Optimisers on the device: five steps of each are the reference's, in place nothing is copied."""

import numpy as np
import pytest

from scratchnn import device
from scratchnn.ops.optimizers import gpu, reference

RULES = {
    "sgd": {"lr": 0.1},
    "sgd nesterov": {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "adam": {"lr": 0.1, "weight_decay": 0.02},
    "adamw": {"lr": 0.1},
    "adagrad": {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.01},
    "rmsprop": {"lr": 0.1},
    "rmsprop centered": {"lr": 0.1, "centered": True, "momentum": 0.5, "weight_decay": 0.01},
}


def problem(dtype, steps=5):
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 7)).astype(dtype), rng.normal(size=(steps, 3, 7)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rule", RULES)
def test_five_steps_are_the_references(rule, dtype, close, untouched):
    name, settings = rule.split()[0], RULES[rule]
    p, gradients = problem(dtype)
    q, state, wanted = p, None, None
    for grad in gradients:
        with untouched(p, grad, *([] if state is None else [state])):
            p, state = getattr(gpu, name)(p, grad, state, **settings)
        q, wanted = getattr(reference, name)(q, grad, wanted, **settings)
        close(p, q, "p")
        close(state, wanted, "state")
        assert p.dtype == dtype


@pytest.mark.parametrize("rule", RULES)
def test_a_step_in_place_on_the_device_is_one_launch_and_no_copy(rule, close, moved):
    name, settings = rule.split()[0], RULES[rule]
    p, (first, second) = problem(np.float32, steps=2)
    start = getattr(gpu, f"{name.replace('adamw', 'adam')}_start")
    there, grads = moved(p), moved((first, second))
    state = start(there)
    assert gpu.fits(there, grads[0], state)
    with device.counting() as count:
        for grad in grads:
            state = getattr(gpu, f"{name}_into")(there, grad, state, **settings)
    assert (count.to_device, count.to_host, count.launches) == (0, 0, 2)
    q, wanted = getattr(reference, name)(p, first, **settings)
    q, wanted = getattr(reference, name)(q, second, wanted, **settings)
    close(there, q)
    close(state, wanted)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "adagrad", "rmsprop"])
def test_pure_on_the_device_too(name, close, moved):
    p, (grad,) = problem(np.float64, steps=1)
    there, d = moved(p), moved(grad)
    new, state = getattr(gpu, name)(there, d, lr=0.1)
    close(there, p)
    getattr(gpu, name)(new, d, state, lr=0.1)
    close(state, getattr(reference, name)(p, grad, lr=0.1)[1])
    with pytest.raises(
        ValueError, match=rf"optimizers\.{name}: grad has shape \(7,\), expected the shape of p \(3, 7\)"
    ):
        getattr(gpu, name)(p, grad[0], lr=0.1)
