"""Every rule has something that shows what would go wrong without it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from minikafka.trials.invariants import REGISTERED
from minikafka.trials.mutations import MUTATIONS
from tests.ablations.rules import ABLATIONS, CONVENTIONS, EXPLORED, FOLDERS, OWED, stated_rules
from tests.house.tree import ROOT, functions, modules, plant
from tests.support.rules_off import BY_BUG, BY_TEST, rules_shown

INVARIANT = re.compile(r"^\| ([A-Z]\d+) \|.*\| (.+?) \|$", re.MULTILINE)


def rules_without_ablation(root: Path) -> list[str]:
    """Return the rules of modules that no planted bug switches off, and the other way round."""
    stated = stated_rules(root)
    known = {
        (name, rule)
        for table in (ABLATIONS, CONVENTIONS, OWED)
        for name, rules in table.items()
        for rule in rules
    }
    there = {(name, rule) for name, rules in stated.items() for rule in rules}
    complaints = [f"{name}: no ablation of {rule!r}" for name, rule in sorted(there - known)]
    return complaints + [
        f"{name}: no longer states {rule!r}" for name, rule in sorted(known - there)
    ]


def claims(root: Path) -> dict[str, list[str]]:
    """Return the files of tests that show each invariant broken, by the names of their tests."""
    found: dict[str, list[str]] = {}
    for path in modules(root, "tests/unit/trials"):
        shown = [
            rule
            for function in functions(ast.parse(path.read_text("utf-8")))
            if function.name.startswith("test_")
            for rule in rules_shown(function.name)
        ]
        for rule in dict.fromkeys(shown):
            found.setdefault(rule, []).append(f"`{path.name}`")
    found.update({rule: [f"`{name}`"] for rule, name in BY_TEST.items()})
    found.update({rule: [f"`{bug}`, a planted bug"] for rule, bug in BY_BUG.items()})
    return found


def invariants_not_shown(root: Path) -> list[str]:
    """Return the invariants that no test shows broken, or another one than the document says."""
    shown = claims(root)
    text = (root / "docs" / "invariants.md").read_text("utf-8")
    listed = dict(INVARIANT.findall(text))
    complaints = [
        f"{rule}: shown by {', '.join(shown.get(rule, ['nothing']))}, not by {cell}"
        for rule, cell in listed.items()
        if cell != ", ".join(shown.get(rule, []))
    ]
    return complaints + [f"{rule}: not listed" for rule in sorted(set(shown) - set(listed))]


def test_every_invariant_is_shown_broken() -> None:
    """A new invariant comes with a test that it fails, and docs/invariants.md names it."""
    assert invariants_not_shown(ROOT) == []


def test_every_check_is_an_invariant_of_the_document() -> None:
    """What ends a run has a name that can be looked up, and the bugs that stand for tests exist."""
    import minikafka.trials.simulation  # noqa: F401 - registers them all

    listed = dict(INVARIANT.findall((ROOT / "docs" / "invariants.md").read_text("utf-8")))
    registered = {name for checks in REGISTERED.values() for name, _ in checks}
    assert sorted(registered - set(listed)) == []
    assert all(rule in MUTATIONS[bug].caught_by for rule, bug in BY_BUG.items())


@pytest.mark.parametrize(
    ("row", "test", "complaint"),
    [
        ("| R1 | holds | always | `test_a.py` |", "test_x_breaks_r1", None),
        (
            "| R1 | holds | always | `test_b.py` |",
            "test_x_breaks_r1",
            "R1: shown by `test_a.py`",
        ),
        ("| R1 | holds | always | `test_a.py` |", "test_x", "R1: shown by nothing"),
        ("", "test_x_breaks_r1_in_time", "R1: not listed"),
    ],
)
def test_planted_invariant_without_its_test_is_found(
    row: str, test: str, complaint: str | None, tmp_path: Path
) -> None:
    """Named wrongly, not shown, or not listed."""
    plant(tmp_path, "docs/invariants.md", f"{row}\n")
    plant(tmp_path, "tests/unit/trials/test_a.py", f"def {test}(): pass\n")
    found = [each for each in invariants_not_shown(tmp_path) if each.startswith("R1")]
    assert [each.partition(",")[0] for each in found] == ([complaint] if complaint else [])


def test_every_stated_rule_has_an_ablation() -> None:
    """A new rule comes with the planted bug that switches it off: tests/ablations/rules.py."""
    assert rules_without_ablation(ROOT) == []


def test_no_more_rules_are_owed_an_ablation() -> None:
    """Whoever writes one takes its rule off the list."""
    assert sum(map(len, OWED.values())) == 0


def test_every_ablation_is_a_planted_bug() -> None:
    """Each has a name that there is, and what the explorer breaks is written down once."""
    used = [each for rules in ABLATIONS.values() for found in rules.values() for each in found]
    assert all(found for rules in ABLATIONS.values() for found in rules.values())
    assert [name for name in (*used, *EXPLORED) if name not in MUTATIONS] == []


def test_every_folder_of_the_protocol_states_rules() -> None:
    """The rules above are looked for where they are."""
    folders = {name.partition("/")[0] for name in stated_rules(ROOT)}
    assert folders == set(FOLDERS)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("One.\n\nRules of this file\n    A is b.\n", ["A is b."]),
        (
            "One.\n\nRules of this file\n    A is\n    b (KIP-1). c: d.\n",
            ["A is b (KIP-1).", "c: d."],
        ),
        ("One.\n\nRules of this file\n    A.\n\nMore\n    B.\n", ["A."]),
        ("One.\n", []),
    ],
)
def test_rules_are_read_a_sentence_each(text: str, rules: list[str], tmp_path: Path) -> None:
    """Up to the next heading, over the ends of lines."""
    plant(tmp_path, "minikafka/log/a.py", f'"""{text}"""\n')
    assert stated_rules(tmp_path) == ({"log/a.py": rules} if rules else {})


def test_planted_rule_without_ablation_is_found(tmp_path: Path) -> None:
    """And so are those of the table that are stated no longer."""
    plant(tmp_path, "minikafka/log/a.py", '"""A.\n\nRules of this file\n    B is c.\n"""\n')
    complaints = rules_without_ablation(tmp_path)
    assert complaints[0] == "log/a.py: no ablation of 'B is c.'"
    assert len(complaints) > len(ABLATIONS)
