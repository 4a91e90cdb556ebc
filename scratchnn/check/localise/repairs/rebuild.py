"""Build a right side anew from what is in scope: a product of two arrays, a sum over rows, an array times a slope."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..truth.records import is_same
from .parts import Change

FORMS = ("{}", "1 - {}", "1 - {} ** 2", "{0} * (1 - {0})")


def rebuilt(
    wanted: np.ndarray, atoms: dict[str, Any], scalars: dict[str, float], deadline: float
) -> Iterator[Change]:
    """List expressions that give a wanted array.

    Parameters
    ----------
    wanted : array
    atoms : dict of str to array
    scalars : dict of str to float
        Factors that may stand before it.
    deadline : float
        Of ``time.process_time``.

    Yields
    ------
    Change
    """
    factors = {name: value for name, value in scalars.items() if value not in (0, 1)}
    for text, value in products(wanted, atoms):
        if time.process_time() > deadline:
            return
        yield from _scaled(wanted, text, value, factors)
    yield from _differences(wanted, atoms)
    yield from _triples(wanted, atoms)
    yield from _masked(wanted, atoms)


def _scaled(wanted, text, value, factors):
    if np.shape(value) != np.shape(wanted):
        return
    if is_same(value, wanted):
        yield Change(text, "built anew", 4)
        return
    size = np.sum(value * value)
    if size == 0:
        return
    ratio = np.sum(value * wanted) / size
    if ratio and is_same(value * ratio, wanted):
        if np.isclose(ratio, -1):
            yield Change(f"-({text})", "built anew", 5)
        for name, factor in factors.items():
            if np.isclose(ratio, factor, rtol=1e-9):
                yield Change(f"{name} * ({text})", "built anew", 5)
            elif np.isclose(ratio, 1 / factor, rtol=1e-9):
                yield Change(f"({text}) / {name}", "built anew", 5)


def products(wanted: np.ndarray, atoms: dict[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    """List sums over rows, products and matrix products of arrays, those of a wanted shape first of all.

    Parameters
    ----------
    wanted : array
        For its shape.
    atoms : dict of str to array

    Yields
    ------
    text : str
    value : array
    """
    shape = wanted.shape
    arrays = _arrays(atoms)
    fitting = {name: one for name, one in arrays.items() if one.shape == shape}
    for name, one in fitting.items():
        yield name, one
    for name, one in arrays.items():
        for axis in range(one.ndim):
            yield f"{name}.sum(axis={axis})", one.sum(axis=axis)
        if one.ndim > 2:
            axes = tuple(range(one.ndim - 1))
            yield f"{name}.sum(axis={axes})", one.sum(axis=axes)
    for (name, one), (other, two) in itertools.product(fitting.items(), repeat=2):
        for form in FORMS:
            if form == "{}" and name > other:
                continue
            factor = form.format(other)
            yield f"{name} * ({factor})" if form != "{}" else f"{name} * {other}", one * _formed(form, two)
    yield from _matrices(shape, arrays)
    yield from _softmaxes(fitting)


def _differences(wanted, atoms):
    """A * (B - C) and A * (B + C)."""
    fitting = {n: np.ravel(one) for n, one in _arrays(atoms).items() if one.shape == wanted.shape and one.size}
    if not fitting or not wanted.ndim:
        return
    names, rows = list(fitting), np.array(list(fitting.values()))
    goal = np.ravel(wanted)
    for name, row in fitting.items():
        if not (row != 0).all():
            continue
        rest = goal / row
        for k, other in enumerate(names):
            for sign, need in (("-", rows[k] - rest), ("+", rest - rows[k])):
                near = np.abs(rows - need).max(axis=1) <= 1e-9 * np.abs(need).max()
                for j in np.flatnonzero(near):
                    if other != names[j]:
                        yield Change(f"{name} * ({other} {sign} {names[j]})", "built anew", 4)


def _triples(wanted, atoms):
    """A * B * C, each but the first as it is or as a slope."""
    fitting = {n: np.ravel(one) for n, one in _arrays(atoms).items() if one.shape == wanted.shape and one.size > 1}
    fitting = {n: one for n, one in fitting.items() if (one != 0).all()}
    if len(fitting) < 2 or not wanted.ndim:
        return
    texts = [(form.format(name), form) for name in fitting for form in FORMS]
    rows = np.array([_formed(form, row) for row in fitting.values() for form in FORMS])
    goal = np.ravel(wanted)
    for name, row in fitting.items():
        with np.errstate(all="ignore"):
            rest = goal / row
            needs = rest / rows
        for k, need in enumerate(needs):
            if not np.isfinite(need).all():
                continue
            near = np.abs(rows[k:] - need).max(axis=1) <= 1e-9 * np.abs(need).max()
            for j in k + np.flatnonzero(near):
                factors = [text if form == "{}" else f"({text})" for text, form in (texts[k], texts[j])]
                yield Change(f"{name} * {factors[0]} * {factors[1]}", "built anew", 5)


def _arrays(atoms):
    return {n: one for n, one in atoms.items() if isinstance(one, np.ndarray) and one.dtype.kind == "f"}


def _masked(wanted, atoms):
    """np.where(mask, A, B): one array where the mask is true, another one elsewhere."""
    fitting = {n: one for n, one in _arrays(atoms).items() if one.shape == wanted.shape}
    for name, mask in atoms.items():
        if not isinstance(mask, np.ndarray) or mask.dtype.kind != "b":
            continue
        try:
            full = np.broadcast_to(mask, wanted.shape)
        except ValueError:
            continue
        near = {n: np.abs(one - wanted) <= 1e-9 * np.abs(wanted).max(initial=0) + 1e-14 for n, one in fitting.items()}
        inside = [n for n, one in near.items() if one[full].all()]
        outside = [n for n, one in near.items() if one[~full].all()]
        if (np.abs(wanted[~full]) == 0).all():
            outside.append("0")
        for one, other in itertools.product(inside[:4], outside[:4]):
            if one != other:
                yield Change(f"np.where({name}, {one}, {other})", f"where {name}", 3.5)


def _formed(form, value):
    return {"{}": value, "1 - {}": 1 - value, "1 - {} ** 2": 1 - value**2}.get(form, value * (1 - value))


def _matrices(shape, arrays):
    for (name, one), (other, two) in itertools.product(arrays.items(), repeat=2):
        if one.ndim == two.ndim == 2:
            for text, a, b in (
                (f"{name} @ {other}", one, two),
                (f"{name}.T @ {other}", one.T, two),
                (f"{name} @ {other}.T", one, two.T),
            ):
                if a.shape[1] == b.shape[0] and (a.shape[0], b.shape[1]) == shape:
                    yield text, a @ b
        elif one.ndim == two.ndim == 3 and one.shape[0] == two.shape[0]:
            for text, a, b in (
                (f"{name} @ {other}", one, two),
                (f"{name}.swapaxes(1, 2) @ {other}", one.swapaxes(1, 2), two),
                (f"{name} @ {other}.swapaxes(1, 2)", one, two.swapaxes(1, 2)),
            ):
                if a.shape[2] == b.shape[1] and (a.shape[0], a.shape[1], b.shape[2]) == shape:
                    yield text, a @ b
        if one.ndim >= 3 and one.shape[:-1] == two.shape[:-1] and shape == (one.shape[-1], two.shape[-1]):
            axes = tuple(range(one.ndim - 1))
            text = f"np.tensordot({name}, {other}, axes=({axes}, {axes}))"
            yield text, np.tensordot(one, two, axes=(axes, axes))
        if one.ndim == two.ndim - 1 and one.shape == two.shape[:-1] and shape == two.shape[-1:]:
            yield f"np.tensordot({name}, {other}, axes={one.ndim})", np.tensordot(one, two, axes=one.ndim)
        if one.ndim == 1 and two.ndim == 1 and shape == (one.size, two.size):
            yield f"np.outer({name}, {other})", np.outer(one, two)


def _softmaxes(fitting):
    for (name, p), (other, d) in itertools.permutations(fitting.items(), 2):
        if p.ndim:
            inner = (d * p).sum(axis=-1, keepdims=True)
            yield f"{name} * ({other} - ({other} * {name}).sum(axis=-1, keepdims=True))", p * (d - inner)
            with np.errstate(all="ignore"):
                yield (
                    f"{other} - np.exp({name}) * {other}.sum(axis=-1, keepdims=True)",
                    d - np.exp(p) * d.sum(axis=-1, keepdims=True),
                )
