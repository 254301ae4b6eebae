"""The core asks no clock, draws no chance, and never shows the order of a set."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.calls import banned_uses
from tests.house.sets import set_iterations
from tests.house.tree import CORE, ROOT, modules, plant

DRIVERS = ("net", "broker", "apis")
DOOR = "minikafka/base/seeds.py"
"""The one module that may make generators."""


def clock_and_chance(root: Path) -> list[str]:
    """Return the banned calls in the core and in what drives it."""
    folders = [f"minikafka/{name}" for name in (*CORE, *DRIVERS)]
    return [
        f"{path.relative_to(root)}:{line}: {name} is banned"
        for path in modules(root, *folders)
        if path != root / DOOR
        for line, name in banned_uses(ast.parse(path.read_text("utf-8")))
    ]


def sets_in_order(root: Path) -> list[str]:
    """Return the places in the core and its drivers where the order of a set is seen."""
    folders = [f"minikafka/{name}" for name in (*CORE, *DRIVERS)]
    return [
        f"{path.relative_to(root)}:{line}: iterates a set; sort it, or keep a dict"
        for path in modules(root, *folders)
        for line in set_iterations(ast.parse(path.read_text("utf-8")))
    ]


def test_core_asks_no_clock_and_draws_no_chance() -> None:
    """Time and chance come in as arguments, so that a run can be had again."""
    assert clock_and_chance(ROOT) == []


def test_core_never_shows_the_order_of_a_set() -> None:
    """The order of a set depends on the process; nothing may depend on it."""
    assert sets_in_order(ROOT) == []


@pytest.mark.parametrize(
    "text",
    [
        "import time\nx = time.monotonic()",
        "import time as t\nx = t.time",
        "from time import perf_counter as clock\nx = clock()",
        "import random\nx = random.Random(1)",
        "from random import choice\nx = choice([1])",
        "import uuid\nx = uuid.uuid4()",
        "from uuid import uuid4\nx = uuid4()",
        "import datetime\nx = datetime.datetime.now()",
        "from datetime import datetime\nx = datetime.utcnow()",
        "import os\nx = os.urandom(4)",
        "x = id(object())",
    ],
)
def test_planted_clock_or_chance_is_found(text: str, tmp_path: Path) -> None:
    """A banned call is found under any name it is imported by."""
    assert len(clock_and_chance(plant(tmp_path, "minikafka/log/a.py", text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "import uuid\nx = uuid.UUID(int=1)",
        "def f(time): return time.now()",
        "class C:\n    id: int\ndef f(c): return c.id",
        "import datetime\nx = datetime.timedelta(1)",
        "import random\ndef f(g: random.Random): return g.random()",
    ],
)
def test_harmless_names_are_let_through(text: str, tmp_path: Path) -> None:
    """Only real uses count: a parameter called `time` is no clock."""
    assert clock_and_chance(plant(tmp_path, "minikafka/log/a.py", text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "for x in {1, 2}: pass",
        "x = [y for y in set(z)]",
        "x = list(frozenset(z))",
        "x = [*{1, 2}]",
        "for x in set(a) - set(b): pass",
        "for x in a.keys() & b.keys(): pass",
        "x = ','.join({'a', 'b'})",
        "def f(isr: frozenset[int] | None) -> None:\n    for broker in isr: pass",
        "def f():\n    seen = set()\n    return tuple(seen)",
        "class C:\n    isr: set[int]\n    def f(self):\n        for x in self.isr: pass",
        "class C:\n    def __init__(self): self.s = set()\n    def f(self): return self.s.pop()",
    ],
)
def test_planted_set_iteration_is_found(text: str, tmp_path: Path) -> None:
    """Iterating a set is found by literal, call, operator, annotation and attribute."""
    assert len(sets_in_order(plant(tmp_path, "minikafka/quorum/a.py", text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "for x in sorted({1, 2}): pass",
        "x = min(y for y in {1, 2})",
        "x = {y for y in {1, 2}}",
        "x = 3 in {1, 2}",
        "x = len(set(y))",
        "s = {1}\ndef f(s: list[int]):\n    for x in s: pass",
        "def f(a: int, b: int):\n    for x in range(a - b): pass",
    ],
)
def test_asking_a_set_is_allowed(text: str, tmp_path: Path) -> None:
    """Sorting, counting and asking do not show the order."""
    assert sets_in_order(plant(tmp_path, "minikafka/quorum/a.py", text)) == []
