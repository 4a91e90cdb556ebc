"""What is in scope at a statement while it runs: its names, their attributes, rows of arrays, functions."""

import ast
import inspect
from types import ModuleType
from typing import Any

import numpy as np

MOST = 90  # atoms
PLAIN_FUNCTIONS = ("np.tanh", "np.exp")


class Scope:
    """Names and values at one moment.

    Parameters
    ----------
    space : dict
        Of the module.
    names : dict
        Local ones.
    function : ast.FunctionDef
    """

    def __init__(self, space: dict[str, Any], names: dict[str, Any], function: ast.FunctionDef) -> None:
        self.space = space
        self.names = {name: _copied(value) for name, value in names.items()}
        self.function = function
        self.atoms = self._atoms()

    def value(self, text: str) -> Any:
        """Evaluate an expression.

        Parameters
        ----------
        text : str

        Returns
        -------
        object
            None if it cannot be evaluated.
        """
        try:
            return eval(compile(text, "<edit>", "eval"), self.space, self.names)
        except Exception:  # candidates may be any nonsense
            return None

    @property
    def functions(self) -> list[str]:
        """Functions of one argument."""
        found = []
        for name, thing in self.space.items():
            if inspect.isfunction(thing) and not name.startswith("_"):
                try:
                    needed = [p for p in inspect.signature(thing).parameters.values() if p.default is p.empty]
                except (ValueError, TypeError):
                    continue
                if len(needed) == 1:
                    found.append(name)
        return [*found[:8], *PLAIN_FUNCTIONS]

    def parts(self, node: ast.expr) -> dict[str, Any]:
        """Evaluate all parts of an expression.

        Parameters
        ----------
        node : ast.expr

        Returns
        -------
        dict of str to object
        """
        found = {}
        for part in ast.walk(node):
            if isinstance(part, ast.expr) and not isinstance(part, ast.Starred | ast.Slice):
                text = ast.unparse(part)
                if text not in found:
                    found[text] = self.value(text)
        return found

    def scalars(self) -> dict[str, float]:
        """Give numbers in scope: also lengths, and roots of lengths.

        Returns
        -------
        dict of str to float
        """
        found = {name: float(v) for name, v in self.atoms.items() if isinstance(v, int | float) and _plain(v)}
        for name, value in self.names.items():
            if isinstance(value, np.ndarray):
                for k, size in enumerate(value.shape):
                    found.setdefault(f"{name}.shape[{k}]", float(size))
                    found.setdefault(f"np.sqrt({name}.shape[{k}])", float(np.sqrt(size)))
        return found

    def _atoms(self):
        found: dict[str, Any] = {}
        for name, value in self.names.items():
            if not name.startswith("_"):
                self._add(found, name, value, True)
        for node in ast.walk(self.function):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
                text = ast.unparse(node)
                value = self.value(text)
                if _kept(value):
                    found.setdefault(text, value)
        kept: dict[Any, str] = {}
        for name, value in found.items():  # of equal arrays one is enough, the one with the shortest name
            key = (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else name
            if key not in kept or len(name) < len(kept[key]):
                kept[key] = name
        return {name: found[name] for name in list(kept.values())[:MOST]}

    def _add(self, found, name, value, deeper):
        if _kept(value):
            found[name] = value
            if isinstance(value, np.ndarray) and value.ndim > 1:
                self._rows(found, name, value)
        elif hasattr(value, "_fields"):
            for field in value._fields:
                self._add(found, f"{name}.{field}", getattr(value, field), False)
        elif isinstance(value, dict) and deeper:
            for key, one in list(value.items())[:20]:
                self._add(found, f"{name}[{key!r}]", one, False)
        elif isinstance(value, list | tuple) and value and all(_kept(one) for one in value[:2]):
            self._rows(found, name, value)
        elif (
            deeper and hasattr(value, "__dict__") and not isinstance(value, ModuleType | type) and not callable(value)
        ):
            for field, one in list(vars(value).items())[:20]:
                self._add(found, f"{name}.{field}", one, False)

    def _rows(self, found, name, value):
        """Rows by the running index: X[t], X[t - 1], X[t + 1]."""
        for index, k in self.names.items():
            if index in self._loops and isinstance(k, int) and not isinstance(k, bool):
                for shift, text in ((0, index), (1, f"{index} + 1"), (-1, f"{index} - 1")):
                    if 0 <= k + shift < len(value) or (shift < 0 and len(value)):
                        found.setdefault(f"{name}[{text}]", value[k + shift])

    @property
    def _loops(self):
        if not hasattr(self, "_loop_names"):
            self._loop_names = {
                name.id
                for node in ast.walk(self.function)
                if isinstance(node, ast.For)
                for name in ast.walk(node.target)
                if isinstance(name, ast.Name)
            } | {"t"}
        return self._loop_names


def _kept(value):
    return isinstance(value, np.ndarray | int | float | np.inexact)


def _plain(value):
    return not isinstance(value, bool)


def _copied(value):
    return value.copy() if isinstance(value, np.ndarray) else value
