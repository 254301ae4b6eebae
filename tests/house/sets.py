"""Finds iteration over sets, whose order changes from process to process.

A set may be asked, counted, sorted and compared; only its order must not be seen. The types
are read from literals, calls and annotations of the same module; nothing is inferred across
modules.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["set_iterations"]

SET_TYPES = frozenset({"set", "frozenset", "Set", "AbstractSet", "MutableSet"})
SET_METHODS = frozenset({"union", "difference", "intersection", "symmetric_difference"})
ORDER_SEEN = frozenset({"list", "tuple", "iter", "enumerate", "map", "filter", "zip", "deque"})
ORDER_SEEN_METHODS = frozenset({"join", "extend", "fromkeys", "writelines"})
ORDER_UNSEEN = frozenset(
    {"all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum", "update", "bool"}
)
Scope = frozenset[str]


def is_set_annotation(node: ast.AST | None) -> bool:
    """Tell whether an annotation such as `set[int]` or `frozenset[int] | None` names a set."""
    if isinstance(node, ast.Subscript):
        return is_set_annotation(node.value)
    if isinstance(node, ast.BinOp):
        return is_set_annotation(node.left) or is_set_annotation(node.right)
    if isinstance(node, ast.Attribute):
        return node.attr in SET_TYPES
    return isinstance(node, ast.Name) and node.id in SET_TYPES


def name_of(node: ast.AST) -> str | None:
    """Return `x` for a name and `self.x` for an attribute of the object itself."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"self.{node.attr}" if node.value.id == "self" else None
    return None


def is_set(node: ast.AST, scope: Scope) -> bool:
    """Tell whether an expression is surely a set."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.BinOp):
        if not isinstance(node.op, ast.Sub | ast.BitAnd | ast.BitOr | ast.BitXor):
            return False
        sides = (node.left, node.right)
        return any(is_set(side, scope) or is_keys(side) for side in sides)
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):
            return node.func.attr in SET_METHODS and is_set(node.func.value, scope)
        return isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
    return name_of(node) in scope


def is_keys(node: ast.AST) -> bool:
    """Tell whether this is `something.keys()`, whose differences are sets."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "keys"
    )


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in this scope, without the bodies of functions and classes in it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from own_nodes(child)


def sets_named_in(node: ast.AST, scope: Scope) -> Scope:
    """Return the names that are annotated as sets or assigned one in this scope."""
    found = set(scope)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        found -= {argument.arg for argument in arguments}
        found |= {a.arg for a in arguments if is_set_annotation(a.annotation)}
    for child in own_nodes(node):
        if isinstance(child, ast.AnnAssign) and is_set_annotation(child.annotation):
            found.add(name_of(child.target) or "")
        elif isinstance(child, ast.Assign) and is_set(child.value, frozenset(found)):
            found |= {name_of(target) or "" for target in child.targets}
    return frozenset(found - {""})


def attributes_of(node: ast.ClassDef) -> Scope:
    """Return `self.x` for each attribute of a class that is a set."""
    found: set[str] = set()
    for child in ast.walk(node):
        if isinstance(child, ast.AnnAssign) and is_set_annotation(child.annotation):
            name = name_of(child.target) or ""
            found.add(name if name.startswith("self.") else f"self.{name}")
        elif isinstance(child, ast.Assign) and is_set(child.value, frozenset()):
            found |= {n for t in child.targets if (n := name_of(t) or "").startswith("self.")}
    return frozenset(found)


def seen_orders(node: ast.AST, harmless: frozenset[ast.AST]) -> Iterator[ast.AST]:
    """Yield the expressions whose order this one node makes visible."""
    if isinstance(node, ast.For | ast.AsyncFor):
        yield node.iter
    elif isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp):
        if node not in harmless:
            yield from (generator.iter for generator in node.generators)
    elif isinstance(node, ast.Starred):
        yield node.value
    elif isinstance(node, ast.Call):
        name = getattr(node.func, "id", "")
        method = getattr(node.func, "attr", "")
        if name in ORDER_SEEN or method in ORDER_SEEN_METHODS:
            yield from node.args
        elif method == "pop" and not node.args:
            yield node.func.value  # type: ignore[attr-defined]


def harmless_arguments(tree: ast.AST) -> frozenset[ast.AST]:
    """Return the generators and lists that go straight into something blind to order."""
    return frozenset(
        argument
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) in ORDER_UNSEEN
        for argument in node.args
    )


def set_iterations(tree: ast.AST) -> Iterator[int]:
    """Yield the line of every place where the order of a set is seen."""
    yield from _walk(tree, frozenset(), harmless_arguments(tree))


def _walk(node: ast.AST, outer: Scope, harmless: frozenset[ast.AST]) -> Iterator[int]:
    scope = sets_named_in(node, outer)
    if isinstance(node, ast.ClassDef):
        scope = outer | attributes_of(node)
    for child in own_nodes(node):
        for expression in seen_orders(child, harmless):
            if is_set(expression, scope) and expression not in harmless:
                yield expression.lineno  # type: ignore[attr-defined]
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _walk(child, scope, harmless)
