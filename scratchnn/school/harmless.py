"""Other ways to write the same thing: right variants of a reference, which a test of gradients has to accept.

They are made by rewriting the reference's syntax, so none of them is written down anywhere. Each changes the order of
roundings at most.
"""

import ast
from types import ModuleType

from scratchnn.check.catalogue import planting


class _Assigned(ast.NodeTransformer):
    """``a += b`` as ``a = a + b``."""

    def visit_AugAssign(self, node):
        left = ast.parse(ast.unparse(node.target), mode="eval").body
        return ast.Assign([node.target], ast.BinOp(left, node.op, node.value))


class _Turned(ast.NodeTransformer):
    """``A @ B`` as ``(B.T @ A.T).T``."""

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if not isinstance(node.op, ast.MatMult):
            return node
        turned = ast.BinOp(ast.Attribute(node.right, "T"), ast.MatMult(), ast.Attribute(node.left, "T"))
        return ast.Attribute(turned, "T")


class _Swapped(ast.NodeTransformer):
    """``a * b`` as ``b * a``, ``a + b`` as ``b + a``."""

    def visit_BinOp(self, node):
        self.generic_visit(node)
        return ast.BinOp(node.right, node.op, node.left) if isinstance(node.op, ast.Mult | ast.Add) else node


class _Summed(ast.NodeTransformer):
    """``a.sum(axis=0)`` row by row, from the last."""

    def visit_Call(self, node):
        self.generic_visit(node)
        if ast.unparse(node).endswith(".sum(axis=0)"):
            return ast.parse(f"sum(({ast.unparse(node.func.value)})[::-1])", mode="eval").body
        return node


WAYS = {"assigned": _Assigned, "turned": _Turned, "swapped": _Swapped, "summed": _Summed}


def variant(op: str, *ways: str) -> ModuleType:
    """Write a reference in another way.

    Parameters
    ----------
    op : str
    ways : str
        Names of ``WAYS``; none: the reference, loaded anew.

    Returns
    -------
    module
    """
    tree = ast.parse(planting.source_of(op))
    for way in ways:
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and "backward" in node.name:
                WAYS[way]().visit(node)
    module = ModuleType(f"scratchnn.ops.{op}.reference")
    module.__package__ = f"scratchnn.ops.{op}"
    exec(compile(ast.unparse(ast.fix_missing_locations(tree)), f"<{op}>", "exec", dont_inherit=True), vars(module))
    return module


def variants(op: str) -> tuple[ModuleType, ...]:
    """List right variants of an op.

    Parameters
    ----------
    op : str

    Returns
    -------
    tuple of module
        The reference, every way alone, and all ways together.
    """
    return (variant(op), *(variant(op, way) for way in WAYS), variant(op, *WAYS))
