"""No file and no function grows past what fits in one head."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.tree import ROOT, Rule, functions, modules, plant

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
CODE = ("minikafka", "tests", "benchmarks", "tools")


def long_files(root: Path) -> list[str]:
    """Return the files with more than 400 lines."""
    counted = (
        (path, len(path.read_text("utf-8").splitlines())) for path in modules(root, *CODE)
    )
    return [
        f"{path.relative_to(root)}: {lines} lines; split it by idea"
        for path, lines in counted
        if lines > FILE_LINES_MAX
    ]


def long_functions(root: Path) -> list[str]:
    """Return the functions with more than 60 lines, docstring included."""
    return [
        f"{path.relative_to(root)}:{function.lineno}: {function.name}() has {lines} lines"
        for path in modules(root, *CODE)
        for function in functions(ast.parse(path.read_text("utf-8")))
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
    ]


@pytest.mark.parametrize("rule", [long_files, long_functions])
def test_nothing_is_too_long(rule: Rule) -> None:
    """Every file has at most 400 lines and every function at most 60."""
    assert rule(ROOT) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (long_files, "x = 1\n" * 401),
        (long_functions, "def f():\n" + "    x = 1\n" * 60),
        (long_functions, "class C:\n    async def f(self):\n" + "        x = 1\n" * 60),
    ],
)
def test_planted_length_is_found(rule: Rule, text: str, tmp_path: Path) -> None:
    """One line too many is a complaint, in the package and in the tests alike."""
    plant(tmp_path, "minikafka/a.py", text)
    plant(tmp_path, "tests/unit/b.py", text)
    assert len(rule(tmp_path)) == 2


@pytest.mark.parametrize(
    ("rule", "text"),
    [(long_files, "x = 1\n" * 400), (long_functions, "def f():\n" + "    x = 1\n" * 59)],
)
def test_length_at_the_limit_is_allowed(rule: Rule, text: str, tmp_path: Path) -> None:
    """The limits are inclusive."""
    assert rule(plant(tmp_path, "minikafka/a.py", text)) == []
