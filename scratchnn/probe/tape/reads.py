"""Which parts of an expression are reads."""

import ast
from collections.abc import Callable
from typing import Any

from .sites import NAME

OF_ARRAYS = {"T", "mT", "real", "imag", "shape", "ndim", "dtype", "size", "flat"}  # W.T reads W


def wrapped(node: ast.expr, constants: set[str], told: Callable[[int, ast.expr], ast.expr]) -> tuple[Any, list[str]]:
    """Wrap the longest chains of names, attributes and indices: ``cache.f[t]`` is one read.

    Parameters
    ----------
    node : ast.expr
        Is changed.
    constants : set of str
        Names that never hold an array: functions, imports, builtins.
    told : function
        Makes the wrapping call of the number of a read and its node.

    Returns
    -------
    node : ast.expr
    reads : list of str
        As written.
    """
    wrapper = _Reads(constants, told)
    return wrapper.visit(node), wrapper.found


class _Reads(ast.NodeTransformer):
    def __init__(self, constants, told):
        self.constants, self.told, self.found = constants, told, []

    def visit_Lambda(self, node):
        return node

    def visit_Call(self, node):
        if isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)
        node.args = [self.visit(one) for one in node.args]
        node.keywords = [self.visit(one) for one in node.keywords]
        return node

    def visit_Attribute(self, node):
        return self._chain(node)

    def visit_Subscript(self, node):
        return self._chain(node)

    def visit_Name(self, node):
        return self._chain(node)

    def _chain(self, node):
        if isinstance(getattr(node, "ctx", None), ast.Store):
            return node
        if isinstance(node, ast.Attribute) and node.attr in OF_ARRAYS:
            node.value = self.visit(node.value)
            return node
        root = node
        while isinstance(root, ast.Attribute | ast.Subscript):
            if isinstance(root, ast.Attribute) and root.attr in OF_ARRAYS:
                break  # cache.h.T[0]: the read is cache.h
            root = root.value
        if not isinstance(root, ast.Name):
            return self._inner(node)
        if root.id in self.constants or root.id == NAME:
            return node
        self.found.append(ast.unparse(node))
        return ast.copy_location(self.told(len(self.found) - 1, node), node)

    def _inner(self, node):
        node.value = self.visit(node.value)
        return node
