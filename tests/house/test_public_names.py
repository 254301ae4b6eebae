"""`__all__` says what a module offers, and the others take nothing else.

Functions and classes without an underscore are offered; a constant may stay with its module.
The order of `__all__` is ruff's rule RUF022.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.house.tree import ROOT, modules, plant

TYPE_VARIABLES = frozenset({"ParamSpec", "TypeVar", "TypeVarTuple"})


def is_type_variable(node: ast.expr | None) -> bool:
    """Tell whether a value is a call such as `TypeVar("T")`."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in TYPE_VARIABLES
    )


def top_level(tree: ast.Module) -> list[ast.stmt]:
    """Return the statements of a module, those under `if` and `try` included."""
    found: list[ast.stmt] = []
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        found.append(node)
        if isinstance(node, ast.If | ast.Try):
            waiting += [*node.body, *node.orelse, *getattr(node, "finalbody", [])]
    return found


def is_command(node: ast.stmt) -> bool:
    """Tell whether a function is handed to the command line by its decorator, and to nobody else."""
    return any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in ("command", "callback")
        for decorator in getattr(node, "decorator_list", [])
    )


def functions_and_classes(tree: ast.Module) -> set[str]:
    """Return the names of the functions and classes at the top of the module."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    nodes = [node for node in top_level(tree) if isinstance(node, kinds)]
    return {node.name for node in nodes if not is_command(node)}


def defined_names(tree: ast.Module) -> set[str]:
    """Return the names that the module itself makes."""
    names = functions_and_classes(tree)
    for node in top_level(tree):
        if isinstance(node, ast.Assign) and not is_type_variable(node.value):
            names |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def imported_names(tree: ast.Module) -> set[str]:
    """Return the names that the module has from elsewhere."""
    return {
        alias.asname or alias.name
        for node in top_level(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def offered_names(tree: ast.Module) -> list[str] | None:
    """Return `__all__`, None where there is none."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
            assert isinstance(node, ast.Assign)
            return list(ast.literal_eval(node.value))
    return None


def lazily_offered(tree: ast.Module) -> bool:
    """Tell whether the module resolves names on first use (PEP 562)."""
    return "__getattr__" in defined_names(tree)


def wrong_names(root: Path) -> list[str]:
    """Return what is offered but not there, and what is there but not offered."""
    complaints = []
    for path in modules(root, "minikafka"):
        tree = ast.parse(path.read_text("utf-8"))
        where = path.relative_to(root)
        public = {name for name in functions_and_classes(tree) if not name.startswith("_")}
        offered = offered_names(tree)
        if offered is None:
            if public:
                complaints.append(f"{where}: no __all__")
            continue
        known = defined_names(tree) | imported_names(tree)
        absent = set() if lazily_offered(tree) else set(offered) - known
        complaints += [f"{where}: {name} is offered but not there" for name in sorted(absent)]
        complaints += [
            f"{where}: {name} is public but not offered"
            for name in sorted(public - set(offered))
        ]
        if len(offered) != len(set(offered)):
            complaints.append(f"{where}: __all__ holds a name twice")
    return complaints


def module_path(root: Path, dotted: str) -> Path | None:
    """Return the file of a module of ours, None for any other."""
    if dotted.partition(".")[0] != "minikafka":
        return None
    base = root.joinpath(*dotted.split("."))
    return next(
        (p for p in (base.with_suffix(".py"), base / "__init__.py") if p.exists()), None
    )


def unoffered_imports(root: Path) -> list[str]:
    """Return the names that one module of the package takes and the other does not offer."""
    complaints = []

    @cache
    def offered_by(home: Path) -> list[str]:
        return offered_names(ast.parse(home.read_text("utf-8"))) or []

    for path in modules(root, "minikafka"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.ImportFrom):
                continue
            home = module_path(root, node.module or "")
            if home is None:
                continue
            offered = offered_by(home)
            complaints += [
                f"{path.relative_to(root)}: {alias.name} is not offered by {node.module}"
                for alias in node.names
                if alias.name not in offered
                and module_path(root, f"{node.module}.{alias.name}") is None
            ]
    return complaints


def undescribed_modules(root: Path) -> list[str]:
    """Return the modules of the package without a docstring."""
    return [
        f"{path.relative_to(root)}: no docstring"
        for path in modules(root, "minikafka")
        if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]


def test_all_equals_the_public_names() -> None:
    """What a module offers is exactly what it makes without an underscore, or passes on by name."""
    assert wrong_names(ROOT) == []


def test_modules_take_only_what_is_offered() -> None:
    """What a module does not offer is its own business, and nobody else's."""
    assert unoffered_imports(ROOT) == []


def test_every_module_says_what_it_holds() -> None:
    """The first thing in a module is what it is for."""
    assert undescribed_modules(ROOT) == []


@pytest.mark.parametrize(
    "text",
    [
        "def append(): ...",
        "__all__ = ['gone']",
        "__all__ = []\nclass Log: ...",
        "__all__ = ['C', 'C']\nclass C: ...",
        "if x:\n    def append(): ...",
    ],
)
def test_planted_wrong_name_is_found(text: str, tmp_path: Path) -> None:
    """A missing `__all__`, a stale, a forgotten and a doubled name are each a complaint."""
    assert len(wrong_names(plant(tmp_path, "minikafka/a.py", text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "from a import b\n__all__ = ['b']",
        "_hidden = 3",
        "LIMIT = 3",
        "T = TypeVar('T')\n__all__ = ['f']\ndef f(): ...",
        "__all__ = ['later']\ndef __getattr__(name): ...",
    ],
)
def test_passing_on_and_hiding_are_allowed(text: str, tmp_path: Path) -> None:
    """A module may pass on a name, hide one, and resolve one on first use."""
    assert wrong_names(plant(tmp_path, "minikafka/a.py", text)) == []


def test_planted_import_past_the_offer_is_found(tmp_path: Path) -> None:
    """Taking a name that is not offered is a complaint; taking a module is none."""
    plant(tmp_path, "minikafka/log/a.py", "__all__ = ['f']\nLIMIT = 3\ndef f(): ...")
    plant(tmp_path, "minikafka/log/__init__.py", "")
    text = "from minikafka.log import a\nfrom minikafka.log.a import LIMIT, f\n"
    assert len(unoffered_imports(plant(tmp_path, "minikafka/b.py", text))) == 1


def test_planted_silent_module_is_found(tmp_path: Path) -> None:
    """A module without a docstring is a complaint."""
    assert len(undescribed_modules(plant(tmp_path, "minikafka/a.py", "x = 1"))) == 1
