"""What is in scope at a statement while it runs: its names, their attributes, rows of arrays, functions."""

import ast
import copy
import inspect
from types import CodeType, ModuleType
from typing import Any

import numpy as np

MOST = 100  # atoms
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
        code = self.compiled(text)
        return None if code is None else self.run(code)

    def compiled(self, text: str) -> CodeType | None:
        """Compile an expression.

        Parameters
        ----------
        text : str

        Returns
        -------
        code or None
        """
        try:
            return compile(text, "<edit>", "eval")
        except (SyntaxError, ValueError):
            return None

    def run(self, code: CodeType) -> Any:
        """Evaluate what was compiled.

        Parameters
        ----------
        code : code

        Returns
        -------
        object
            None if it cannot be evaluated.
        """
        try:
            return eval(code, self.space, self.names)
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
        parts: dict[str, Any] = {}
        rows: list[dict[str, Any]] = [{}, {}]
        for name, value in self.names.items():
            if not name.startswith("_"):
                self._add(found, parts, rows, name, value)
        for node in ast.walk(self.function):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
                text = ast.unparse(node)
                value = self.value(text)
                if _kept(value):
                    found.setdefault(text, value)
        kept: dict[Any, str] = {}
        everything = {name: value for some in (*rows[::-1], parts, found) for name, value in some.items()}
        for some in (found, parts, *rows):  # the likeliest first
            for name, value in some.items():  # of equal arrays one is enough, the one with the shortest name
                key = (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else name
                if key not in kept or len(name) < len(kept[key]):
                    kept[key] = name
        return {name: everything[name] for name in list(kept.values())[:MOST]}

    def _add(self, found, parts, rows, name, value):
        if _kept(value):
            found[name] = value
        elif hasattr(value, "_fields"):
            self._add_parts(parts, rows, {f"{name}.{field}": getattr(value, field) for field in value._fields})
        elif isinstance(value, dict):
            self._add_parts(parts, rows, {f"{name}[{key!r}]": one for key, one in list(value.items())[:20]})
        elif hasattr(value, "__dict__") and not isinstance(value, ModuleType | type) and not callable(value):
            self._add_parts(parts, rows, {f"{name}.{field}": one for field, one in list(vars(value).items())[:20]})
        self._add_rows(rows, name, value)

    def _add_parts(self, parts, rows, inside):
        for name, value in inside.items():
            if _kept(value):
                parts[name] = value
            self._add_rows(rows, name, value)

    def _add_rows(self, rows, name, value):
        """Rows by the running index: X[t], X[t - 1], X[t + 1]; of matrices they are less likely meant."""
        if isinstance(value, np.ndarray) and value.ndim > 1:
            likely = value.ndim > 2
        elif isinstance(value, list | tuple) and value and all(_kept(one) for one in value[:2]):
            likely = True
        else:
            return
        for index, k in self.names.items():
            if index in self._loops and isinstance(k, int) and not isinstance(k, bool):
                for shift, text in ((0, index), (1, f"{index} + 1"), (-1, f"{index} - 1")):
                    if min(0, shift) <= k + shift < len(value):
                        rows[not likely].setdefault(f"{name}[{text}]", value[k + shift])
                if isinstance(value, np.ndarray) and value.ndim == 3 and 0 <= k < value.shape[1]:
                    rows[1].setdefault(f"{name}[:, {index}]", value[:, k])
        if isinstance(value, np.ndarray) and value.ndim == 3 and len(value) > 1:
            rows[1].setdefault(f"{name}[1:]", value[1:])
            rows[1].setdefault(f"{name}[:-1]", value[:-1])

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


def _copied(value, depth=2):
    """A copy that later statements do not change: also of what is kept in lists, dicts and objects."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if not depth:
        return value
    if type(value) in (list, dict):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        inside = [(key, _copied(one, depth - 1)) for key, one in pairs]
        return dict(inside) if isinstance(value, dict) else [one for _, one in inside]
    plain = hasattr(value, "__dict__") and not isinstance(value, ModuleType | type) and not callable(value)
    if plain and not hasattr(value, "_fields"):
        made = copy.copy(value)
        vars(made).update({key: _copied(one, depth - 1) for key, one in vars(value).items()})
        return made
    return value
