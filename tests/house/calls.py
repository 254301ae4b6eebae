"""Finds uses of the clock, of chance and of addresses in the syntax tree of a module."""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["BANNED", "banned_uses"]

BANNED = frozenset(
    {
        "asyncio.ensure_future",
        "asyncio.get_event_loop",
        "asyncio.wait",
        "datetime.date.today",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "id",
        "os.getpid",
        "os.urandom",
        "uuid.uuid1",
        "uuid.uuid4",
    }
)
ONLY_CALLED = frozenset({"id", "random.Random"})
"""Harmless as a name: a field called `id`, the type of a generator that is passed in."""

BANNED_MODULES = frozenset({"random", "secrets", "time"})
"""Nothing of these may be used, whatever it is called."""


def imported_names(tree: ast.AST) -> dict[str, str]:
    """Return what each imported name stands for: `from time import time as t` is {"t": "time.time"}."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    names[alias.asname] = alias.name
                else:
                    first = alias.name.partition(".")[0]
                    names[first] = first
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def dotted(node: ast.AST, names: dict[str, str]) -> str | None:
    """Return the full name an expression stands for, None where it is not a plain name."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value, names)
        return f"{owner}.{node.attr}" if owner else None
    return None


def banned_uses(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of every banned name that the module uses."""
    names = imported_names(tree)
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        name = dotted(node, names)
        if name is None or (name in ONLY_CALLED and node not in called):
            continue
        imported = name.partition(".")[0] in {
            value.partition(".")[0] for value in names.values()
        }
        from_banned_module = (
            imported and name.partition(".")[0] in BANNED_MODULES and "." in name
        )
        if name in BANNED or from_banned_module:
            yield node.lineno, name
