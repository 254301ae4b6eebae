"""The project uses Kafka's words, and names no path of somebody's machine."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT, Rule, modules, plant, tracked

# Joined here so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile(
    "|".join(f"(?<![\\w.])/{name}/" for name in ("work", "home", "root", "Users"))
)
OUTSIDE = re.compile(r"\.\./" + "shared")
NOT_OUR_WORDS = frozenset(
    {"tp", "pd", "hw", "leo", "lso", "pid", "txn_id", "opcode", "low_watermark_offset"}
)
"""Abbreviations and other projects' words that docs/glossary.md replaces."""


def foreign_paths(root: Path) -> list[str]:
    """Return the lines that name a path outside the project."""
    complaints = []
    for path in tracked(root):
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        complaints += [
            f"{path.relative_to(root)}:{number}: {line.strip()}"
            for number, line in enumerate(lines, start=1)
            if MACHINE_PATHS.search(line) or OUTSIDE.search(line)
        ]
    return complaints


def identifiers(tree: ast.AST) -> set[str]:
    """Return every name that the module makes: variables, parameters, functions, attributes."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
    return found


def other_words(root: Path) -> list[str]:
    """Return the identifiers in the package for which the glossary has another word."""
    return [
        f"{path.relative_to(root)}: {name}"
        for path in modules(root, "minikafka")
        for name in sorted(identifiers(ast.parse(path.read_text("utf-8"))) & NOT_OUR_WORDS)
    ]


@pytest.mark.parametrize("rule", [foreign_paths, other_words])
def test_words_are_our_own(rule: Rule) -> None:
    """No file names a machine's path; no identifier uses a word the glossary replaces."""
    assert rule(ROOT) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (foreign_paths, "# see /" + "home/me/x"),
        (foreign_paths, "# see .." + "/shared/x.md"),
        (other_words, "for tp in partitions: pass"),
        (other_words, "def f(hw: int): ..."),
        (other_words, "class C:\n    def f(self): self.leo = 1"),
    ],
)
def test_planted_word_is_found(rule: Rule, text: str, tmp_path: Path) -> None:
    """Each foreign path and each foreign word is a complaint."""
    assert len(rule(plant(tmp_path, "minikafka/a.py", text))) == 1
