"""What may stand in place of a whole statement: += for =, another index that it is stored at, nothing."""

import ast
from collections.abc import Iterator

from ..source.statements import Statement


def wholes(statement: Statement) -> Iterator[tuple[str, str]]:
    """List what may stand in place of a whole statement.

    Parameters
    ----------
    statement : Statement

    Yields
    ------
    text, words : str
    """
    node = statement.node
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and not isinstance(node.targets[0], ast.Tuple):
        target, value = ast.unparse(node.targets[0]), ast.unparse(node.value)
        yield f"{target} += {value}", "+= in place of ="
        yield f"{target} = {target} + {value}", "added to what it was"
        yield f"{target} -= {value}", "-= in place of ="
    if isinstance(node, ast.AugAssign):
        target, value = ast.unparse(node.target), ast.unparse(node.value)
        yield f"{target} = {value}", "= in place of +="
        yield f"{target} += {value}", "+="
        yield f"{target} -= {value}", "-="
        if isinstance(node.target, ast.Subscript):
            whole, index = ast.unparse(node.target.value), ast.unparse(node.target.slice)
            yield f"np.add.at({whole}, {index}, {value})", "every repeated index counts"
    yield from _places(statement)
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr):
        yield "", "this statement is spare"


def _places(statement):
    """The same, stored at another index: that of a neighbour, or a loop's."""
    node = statement.node
    if not isinstance(node, ast.Assign | ast.AugAssign):
        return
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    stored = [one for target in targets for one in ast.walk(target) if isinstance(one, ast.Subscript)]
    names = [loop.target for loop in statement.loops if isinstance(loop.target, ast.Name)]
    loads = [ast.Name(one.id, ast.Load()) for one in names]
    indices = {ast.unparse(one): one for one in (*(one.slice for one in stored), *loads)}
    for one in stored:
        old = one.slice
        for index, new in indices.items():
            if index != ast.unparse(old):
                one.slice = new
                text = ast.unparse(node)
                one.slice = old
                yield text, f"[{index}] in place of [{ast.unparse(old)}]"
