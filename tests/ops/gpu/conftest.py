"""Tests of kernels: in the simulator (NUMBA_ENABLE_CUDASIM=1 pytest -m gpu), or compiled where there is a device."""

import sys
from pathlib import Path

import numpy as np
import pytest

from scratchnn import device

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("gpu")


@pytest.fixture(autouse=True)
def sky():
    """Skip where no kernel can run; small blocks, and short turns for the simulator's threads."""
    if reason := device.why_missing():
        pytest.skip(reason)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)  # barriers are 5 to 25 times quicker so
    with device.tiny():
        yield
    sys.setswitchinterval(before)


def _close(got, expected, name="", tolerance=None):
    if isinstance(expected, tuple):
        assert type(got)._fields == type(expected)._fields
        for field, part, wanted in zip(expected._fields, got, expected, strict=True):
            _close(part, wanted, f"{name}.{field}" if name else field, tolerance)
    elif isinstance(expected, np.ndarray):
        got = device.to_host(got)
        assert got.shape == expected.shape, name
        assert got.dtype == expected.dtype, name
        if expected.dtype.kind == "f":
            unit = np.finfo(expected.dtype).eps
            largest = np.max(np.abs(expected[np.isfinite(expected)]), initial=1.0)
            bound = (64 * unit if tolerance is None else tolerance) * largest
            np.testing.assert_allclose(got, expected, rtol=0, atol=bound, err_msg=name)
        else:
            np.testing.assert_array_equal(got, expected, err_msg=name)
    else:
        assert got == expected, name


@pytest.fixture(scope="session")
def close():
    """Give ``close(got, expected)``: tuples field by field, each array to 64 roundings of its largest entry (or 1).

    Shapes, dtypes and the names of fields must agree too; ``got`` may lie on the device.
    """
    return _close


def _moved(tree):
    if isinstance(tree, np.ndarray):
        return device.to_device(tree)
    if isinstance(tree, tuple):
        parts = [_moved(part) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    return tree


@pytest.fixture(scope="session")
def moved():
    """Give ``moved(tree)``: every array in a tuple of arrays and named tuples on the device."""
    return _moved


def _leaves(tree):
    if isinstance(tree, tuple):
        for part in tree:
            yield from _leaves(part)
    elif hasattr(tree, "shape"):
        yield tree


@pytest.fixture(scope="session")
def leaves():
    """Give ``leaves(tree)``: all arrays in it."""
    return _leaves
