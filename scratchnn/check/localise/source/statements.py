"""The statements of a student's source, and how one is exchanged, in the tree and in the text."""

import ast
from dataclasses import dataclass, field
from typing import Any

Simple = ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return | ast.Expr
TRIED = Simple | ast.For | ast.If


@dataclass(frozen=True, eq=False)
class Statement:
    """One statement of a function.

    Parameters
    ----------
    path : tuple of str
        The function's name, behind its class's name if it is a method.
    function : ast.FunctionDef
    body : list of ast.stmt
        In which it stands.
    index : int
    node : ast.stmt
    loops : tuple of ast.For
        Around it, the outermost first.
    """

    path: tuple[str, ...]
    function: ast.FunctionDef
    body: list[ast.stmt] = field(repr=False)
    index: int
    node: ast.stmt
    loops: tuple[ast.For, ...] = ()

    @property
    def line(self) -> int:
        """Its first line."""
        return self.node.lineno

    @property
    def value(self) -> ast.expr | None:
        """The expression that is edited."""
        if isinstance(self.node, ast.For):
            return self.node.iter
        if isinstance(self.node, ast.If):
            return self.node.test
        return getattr(self.node, "value", None)

    @property
    def head(self) -> str:
        """What stands before the expression: "dc_t = "."""
        node = self.node
        if isinstance(node, ast.Assign):
            return "".join(f"{ast.unparse(one)} = " for one in node.targets)
        if isinstance(node, ast.AugAssign):
            return f"{ast.unparse(node.target)} {_sign(node.op)}= "
        if isinstance(node, ast.AnnAssign):
            return f"{ast.unparse(node.target)} = "
        return "return " if isinstance(node, ast.Return) else ""

    @property
    def text(self) -> str:
        """The statement on one line; of a loop or condition its head."""
        if isinstance(self.node, ast.For):
            return f"for {ast.unparse(self.node.target)} in {ast.unparse(self.node.iter)}:"
        if isinstance(self.node, ast.If):
            return f"if {ast.unparse(self.node.test)}:"
        return ast.unparse(self.node)

    def written(self, value: str) -> str:
        """Give the statement with another expression.

        Parameters
        ----------
        value : str

        Returns
        -------
        str
        """
        if isinstance(self.node, ast.For):
            return f"for {ast.unparse(self.node.target)} in {value}:"
        if isinstance(self.node, ast.If):
            return f"if {value}:"
        return self.head + value

    def parsed(self, text: str) -> list[ast.stmt]:
        """Parse a statement that shall stand in its place; a loop or condition keeps its body.

        Parameters
        ----------
        text : str

        Returns
        -------
        list of ast.stmt
        """
        if isinstance(self.node, ast.For | ast.If):
            made = ast.parse(f"{text}\n    pass").body
            made[0].body, made[0].orelse = self.node.body, self.node.orelse  # type: ignore[attr-defined]
            if isinstance(made[0], ast.For):  # all of it at once: a loop that lengthens its own list would not end
                everything = ast.List([ast.Starred(made[0].iter, ast.Load())], ast.Load())
                made[0].iter = ast.fix_missing_locations(ast.copy_location(everything, made[0].iter))
            return made
        return ast.parse(text or "pass").body


def statements(tree: ast.Module) -> list[Statement]:
    """List the statements of all functions and methods.

    Parameters
    ----------
    tree : ast.Module

    Returns
    -------
    list of Statement
    """
    found: list[Statement] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            _collect(found, (node.name,), node, node.body, ())
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    _collect(found, (node.name, method.name), method, method.body, ())
    return found


def _collect(found, path, function, body, loops):
    for index, node in enumerate(body):
        if isinstance(node, TRIED):
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if not docstring and getattr(node, "value", node) is not None:
                found.append(Statement(path, function, body, index, node, loops))
        inner = (*loops, node) if isinstance(node, ast.For) else loops
        for part in ("body", "orelse"):
            if isinstance(node, ast.For | ast.If | ast.With | ast.FunctionDef | ast.While):
                _collect(found, path, function, getattr(node, part, []), inner)


def replaced(source: str, changes: list[tuple[ast.stmt, str]]) -> str:
    """Put other statements into a source; the other lines keep their numbers.

    Parameters
    ----------
    source : str
    changes : list of (ast.stmt, str)
        Statements of this source and the text that shall stand there, on one line.

    Returns
    -------
    str
    """
    lines = source.splitlines()
    for node, text in changes:
        last = node.body[0].lineno - 1 if isinstance(node, ast.For | ast.If) else (node.end_lineno or node.lineno)
        line = lines[node.lineno - 1]
        indent = line[: len(line) - len(line.lstrip())]
        lines[node.lineno - 1 : last] = [indent + (text or "pass"), *[""] * (last - node.lineno)]
    return "\n".join(lines) + "\n"


def edited_line(statement: Statement, text: str) -> int:
    """Say in which line of a statement of several lines an edit begins.

    Parameters
    ----------
    statement : Statement
    text : str
        What stands there afterwards.

    Returns
    -------
    int
    """
    try:
        new = statement.parsed(text)[0]
    except (SyntaxError, IndexError):
        return statement.line
    other = _differing(statement.node, new)
    return getattr(other, "lineno", statement.line)


def _differing(old, new):
    """Find the smallest part in which all differences lie, None where there are none."""
    if type(old) is not type(new):
        return old
    inside = []
    for (_, one), (_, two) in zip(ast.iter_fields(old), ast.iter_fields(new), strict=False):
        if isinstance(one, list) and isinstance(two, list):
            if len(one) != len(two):
                return old
            pairs = list(zip(one, two, strict=True))
        else:
            pairs = [(one, two)]
        for first, second in pairs:
            if isinstance(first, ast.expr) and isinstance(second, ast.AST):
                found = _differing(first, second)
                inside += [] if found is None else [found]
            elif isinstance(first, ast.AST) and isinstance(second, ast.AST):
                if ast.dump(first) != ast.dump(second):
                    return old
            elif first != second:
                return old
    return inside[0] if inside else None


def _sign(operator: Any) -> str:
    return {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@"}.get(type(operator), "+")
