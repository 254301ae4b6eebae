"""What the house rules look at: the files of the project, and small helpers to read them.

A rule is a function from the root of a tree to a list of complaints, one line each, so that
the same function judges the project and a tree with a planted violation.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["CORE", "ROOT", "Rule", "functions", "modules", "packages", "plant", "tracked"]

ROOT = Path(__file__).resolve().parents[2]
CORE = (
    "base",
    "records",
    "wire",
    "log",
    "replication",
    "quorum",
    "metadata",
    "groups",
    "shares",
    "transactions",
)
"""The folders of the package that hold no clock, no I/O and no chance."""

Rule = Callable[[Path], list[str]]


def tracked(root: Path) -> list[Path]:
    """Return every file that is in git or would be added, sorted; outside git every file."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        names = {name for name in listing.stdout.split("\0") if name}
        return [root / name for name in sorted(names) if (root / name).is_file()]
    return sorted(path for path in root.rglob("*") if path.is_file())


def modules(root: Path, *folders: str) -> list[Path]:
    """Return the Python files below the named folders, sorted."""
    return [
        path
        for path in tracked(root)
        if path.suffix == ".py"
        and any(path.is_relative_to(root / folder) for folder in folders)
    ]


def packages(root: Path) -> list[str]:
    """Return the names of the folders of the package, sorted."""
    return sorted(
        path.name
        for path in (root / "minikafka").iterdir()
        if path.is_dir() and any(path.glob("*.py"))
    )


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def plant(root: Path, name: str, text: str) -> Path:
    """Write a file into a tree made for a self-test, and return the tree's root."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return root
