"""What the source says about containers: how parameters are taken out of one, and what a function returns."""

import ast
import functools

METHODS = {"items", "keys", "values", "get", "copy", "shape", "_asdict"}


def functions_of(source: str) -> dict[str, ast.FunctionDef]:
    """Find the functions of a source, those of classes as "Class.name".

    Parameters
    ----------
    source : str

    Returns
    -------
    dict of str to ast.FunctionDef
    """
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{part.name}": part for part in node.body if isinstance(part, ast.FunctionDef)}
    return found


def arguments_of(node: ast.FunctionDef) -> tuple[str, ...]:
    """Name a function's arguments.

    Parameters
    ----------
    node : ast.FunctionDef

    Returns
    -------
    tuple of str
    """
    return tuple(one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs))


@functools.lru_cache(16)
def contents(source: str, container: str) -> tuple[str, tuple[str, ...]]:
    """Say how a container of parameters is read.

    Parameters
    ----------
    source : str
    container : str
        The name that it has in the functions that take it.

    Returns
    -------
    kind : str
        "keys", "attributes", "tuple", or empty where nothing is read from it.
    names : tuple of str
        In the order in which they are met.
    """
    keys, attributes, unpacked = [], [], []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Subscript) and _is(node.value, container) and isinstance(node.slice, ast.Constant):
            keys.append((node.lineno, node.col_offset, node.slice.value))
        elif isinstance(node, ast.Attribute) and _is(node.value, container) and node.attr not in METHODS:
            attributes.append((node.lineno, node.col_offset, node.attr))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Tuple, ast.List)):
            targets = [part.id for part in node.targets[0].elts if isinstance(part, ast.Name)]
            if len(targets) == len(node.targets[0].elts) and _is(node.value, container):
                unpacked = unpacked if sum(n != "_" for n in unpacked) >= sum(n != "_" for n in targets) else targets
    texts = tuple(dict.fromkeys(name for _, _, name in sorted(keys, key=lambda k: k[:2]) if isinstance(name, str)))
    if texts:
        return "keys", texts
    if attributes:
        return "attributes", tuple(dict.fromkeys(name for _, _, name in sorted(attributes)))
    return ("tuple", tuple(unpacked)) if unpacked else ("", ())


def returned(node: ast.FunctionDef) -> tuple[str, ...]:
    """Name the parts of what a function returns, as far as the last return writes them down.

    Parameters
    ----------
    node : ast.FunctionDef

    Returns
    -------
    tuple of str
        Source text of each part; empty if it returns an expression.
    """
    found = ()
    for part in ast.walk(node):
        if isinstance(part, ast.Return) and isinstance(part.value, (ast.Tuple, ast.List)):
            found = tuple(ast.unparse(one) for one in part.value.elts)
        elif isinstance(part, ast.Return) and isinstance(part.value, (ast.Name, ast.Attribute)):
            found = (ast.unparse(part.value),)
    return found


def _is(node, name):
    return isinstance(node, ast.Name) and node.id == name
