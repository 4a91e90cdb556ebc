"""Rewrite a Python source so that it tells a tape what it does; line numbers stay those of the source.

    dc_t = dc_next + ds * slope       becomes       _tape.begin(7)
                                                    dc_t = _tape.read(0, dc_next) + _tape.read(1, ds) * ...
                                                    dc_t = _tape.bound(7, 0, dc_t)

Loops tell their variables, functions their arguments on entry, ``return`` what it gives.
"""

import ast
import builtins

from .reads import wrapped
from .sites import NAME, Instrumented, Site


def instrument(source: str, file: str = "<source>") -> Instrumented:
    """Rewrite a source.

    Parameters
    ----------
    source : str
    file : str
        Name for tracebacks.

    Returns
    -------
    Instrumented

    Raises
    ------
    SyntaxError
        It is no Python.
    """
    tree = ast.parse(source, filename=file)
    writer = _Writer(source, _constants(tree))
    tree = ast.fix_missing_locations(writer.visit(tree))
    return Instrumented(file, compile(tree, file, "exec", dont_inherit=True), tree, tuple(writer.sites))


def _constants(tree):
    """Names that never hold an array that matters: imports, functions, classes, builtins."""
    found = set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
    return found


class _Writer(ast.NodeTransformer):
    """Statement by statement; only code inside functions is rewritten."""

    def __init__(self, source, constants):
        self.lines, self.constants = source.splitlines(), constants
        self.sites, self.path, self.depth = [], [], 0
        self.reads = []

    def visit_ClassDef(self, node):
        return self._inside(node, node.name)

    def visit_AsyncFunctionDef(self, node):
        return node

    def visit_Lambda(self, node):
        return node  # runs later, in a statement that is not its own

    def visit_FunctionDef(self, node):
        if any(isinstance(one, ast.Yield | ast.YieldFrom) for one in ast.walk(node)):
            return node  # a generator's lines run between those of others
        names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        self.depth += 1
        node = self._inside(node, node.name)
        self.path.append(node.name)
        head, body = ([node.body[0]], node.body[1:]) if ast.get_docstring(node) is not None else ([], node.body)
        site = self._site(node, "arguments", tuple(names))
        enter = self._call("enter", ast.Constant(site))
        bind = [
            ast.Assign([ast.Name(name, ast.Store())],
                       self._call("bound", ast.Constant(site), ast.Constant(k), ast.Name(name, ast.Load())))
            for k, name in enumerate(names)
        ]  # fmt: skip
        leave = ast.Expr(self._call("leave"))
        self.path.pop()
        self.depth -= 1
        node.body = [*head, self._at(ast.Expr(enter), node),
                     self._at(ast.Try([*(self._at(one, node) for one in bind), *body] or [ast.Pass()],
                                      [], [], [leave]), node)]  # fmt: skip
        return node

    def _inside(self, node, name):
        self.path.append(name)
        node.body = [line for one in node.body for line in self._lines_of(self.visit(one))]
        self.path.pop()
        return node

    def visit_For(self, node):
        if self.depth == 0:
            return node
        names = [one.id for one in ast.walk(node.target) if isinstance(one, ast.Name)]
        node = self.generic_visit(node)
        told = [ast.Expr(self._call("loop", ast.Constant(name), ast.Name(name, ast.Load()))) for name in names]
        node.body = [*(self._at(one, node) for one in told), *node.body]
        after = [self._at(ast.Expr(self._call("end", ast.Constant(name))), node) for name in names]
        return [node, *after]

    def visit_Assign(self, node):
        return self._binding(node, node.targets)

    def visit_AnnAssign(self, node):
        return self._binding(node, [node.target]) if node.value is not None else node

    def visit_AugAssign(self, node):
        if self.depth == 0:
            return node
        operands = ()
        if isinstance(node.op, ast.Add | ast.Sub) and isinstance(node.value, ast.BinOp) \
                and isinstance(node.value.op, ast.MatMult):  # fmt: skip
            operands = (ast.unparse(node.value.left), ast.unparse(node.value.right))
        sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}.get(type(node.op), "?")
        target = ast.unparse(node.target)
        loaded = self._loaded(node.target)
        value = self._wrap(node.value)
        if operands:
            value.left = self._call("operand", value.left)
            value.right = self._call("operand", value.right)
        site = self._site(node, "add", (target,), tuple(self.reads), operands, sign)
        node.value = self._call("increment", value)
        return self._around(node, site, [(target, loaded)])

    def visit_Return(self, node):
        if self.depth == 0 or node.value is None:
            return node
        parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        names = tuple(ast.unparse(one) for one in parts)
        value = self._wrap(node.value)
        site = self._site(node, "return", names, tuple(self.reads))
        node.value = self._call("returned", ast.Constant(site), value)
        return [self._begin(node, site), node]

    def _binding(self, node, targets):
        if self.depth == 0:
            return node
        flat = [leaf for target in targets for leaf in _leaves(target)]
        names = [(ast.unparse(leaf), self._loaded(leaf)) for leaf in flat]
        terms = tuple(ast.unparse(one) for one in _terms(node.value))
        node.value = self._wrap(node.value)
        if len(terms) > 1:
            node.value = self._told(node.value)
        site = self._site(node, "set", tuple(name for name, _ in names), tuple(self.reads), terms=terms)
        return self._around(node, site, names)

    def _told(self, node):
        """Let a sum tell its terms, from left to right."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            node.left, node.right = self._told(node.left), self._call("term", node.right)
            return node
        return self._call("term", node)

    def _around(self, node, site, names):
        """Put ``begin`` before a statement and ``bound`` after it; a name is bound anew, a place is looked at."""
        after = []
        for k, (_, loaded) in enumerate(names):
            named = isinstance(loaded, ast.Name)
            told = self._call("bound" if named else "stored", ast.Constant(site), ast.Constant(k), loaded)
            line = ast.Assign([ast.Name(loaded.id, ast.Store())], told) if named else ast.Expr(told)
            after.append(self._at(line, node))
        return [self._begin(node, site), node, *after]

    def _begin(self, node, site):
        return self._at(ast.Expr(self._call("begin", ast.Constant(site))), node)

    def _site(self, node, kind, targets=(), reads=(), operands=(), operator="", terms=()):
        text = "def" if kind == "arguments" else " ".join(
            line.strip() for line in self._without_comment(node).splitlines())  # fmt: skip
        comment = self.lines[node.end_lineno - 1][node.end_col_offset :] if kind != "arguments" else ""
        comment = comment.partition("#")[2].strip()
        self.sites.append(
            Site(".".join(self.path), node.lineno, text, comment, kind, targets, reads, operands, operator, terms)
        )
        return len(self.sites) - 1

    def _without_comment(self, node):
        raw = "\n".join(self.lines).encode().splitlines()
        part = raw[node.lineno - 1 : node.end_lineno]
        part[-1] = part[-1][: node.end_col_offset]
        part[0] = part[0][node.col_offset :]
        return b"\n".join(part).decode()

    def _wrap(self, node):
        """Wrap every read of an expression: the longest chains of names, attributes and indices."""
        node, self.reads = wrapped(node, self.constants, lambda k, read: self._call("read", ast.Constant(k), read))
        return node

    def _loaded(self, target):
        """The same place, to be looked at."""
        return ast.parse(ast.unparse(target), mode="eval").body

    def _call(self, method, *arguments):
        return ast.Call(ast.Attribute(ast.Name(NAME, ast.Load()), method, ast.Load()), list(arguments), [])

    def _at(self, new, old):
        return ast.copy_location(new, old)

    def _lines_of(self, result):
        return result if isinstance(result, list) else [result]


def _terms(node):
    """The terms of a + b + c; one if it is no sum."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_terms(node.left), node.right]
    return [node]


def _leaves(target):
    """Single targets of a, (b, *c) = ..."""
    if isinstance(target, ast.Tuple | ast.List):
        return [leaf for part in target.elts for leaf in _leaves(part)]
    return _leaves(target.value) if isinstance(target, ast.Starred) else [target]
