"""The documents name only what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.markdown import anchors, code_blocks, documents, headings, links, named_paths
from tests.house.tree import ROOT, Rule, modules, plant

DESIGN_HEADINGS = ["Context", "Options", "Decision", "Cost"]
DESIGN_LINES_MAX = 150
README_LINES_MAX = 200
MARKER = re.compile(r"DIVERGENCE\(([\w-]+)\)")
ENTRY = re.compile(r"^### `([\w-]+)`", re.MULTILINE)


def broken_links(root: Path) -> list[str]:
    """Return the links to files, folders and headings that do not exist."""
    complaints = []
    for path in documents(root):
        for target in links(path.read_text("utf-8")):
            name, _, anchor = target.partition("#")
            goal = (path.parent / name).resolve() if name else path
            if not goal.exists():
                complaints.append(f"{path.relative_to(root)}: {target} does not exist")
            elif anchor and anchor not in anchors(goal.read_text("utf-8")):
                complaints.append(f"{path.relative_to(root)}: {target} has no such heading")
    return complaints


def wrong_paths(root: Path) -> list[str]:
    """Return the files and folders that a document names in backticks and that are not there."""
    return [
        f"{path.relative_to(root)}: `{name}` is not there"
        for path in documents(root)
        for name in named_paths(path.read_text("utf-8"))
        if not any((base / name).exists() for base in (root, root / "minikafka", path.parent))
    ]


def design_notes(root: Path) -> list[Path]:
    """Return the design notes, in order of their number."""
    return sorted((root / "docs" / "design").glob("*.md"))


def misshapen_design_notes(root: Path) -> list[str]:
    """Return the design notes that are too long, badly numbered or lack a heading."""
    complaints = []
    for number, path in enumerate(design_notes(root), start=1):
        text = path.read_text("utf-8")
        if not path.name.startswith(f"{number:04d}-"):
            complaints.append(f"{path.name}: number {number:04d} comes here")
        if headings(text, 2) != DESIGN_HEADINGS:
            complaints.append(f"{path.name}: its headings are not {', '.join(DESIGN_HEADINGS)}")
        if len(text.splitlines()) > DESIGN_LINES_MAX:
            complaints.append(f"{path.name}: more than {DESIGN_LINES_MAX} lines")
    return complaints


def unmatched_divergences(root: Path) -> list[str]:
    """Return the divergences that stand only in the code or only in docs/divergence.md."""
    marked = {
        name
        for path in modules(root, "minikafka")
        for name in MARKER.findall(path.read_text("utf-8"))
    }
    named = marked | {
        name
        for path in modules(root, "tests/conformance")
        for name in re.findall(r'entry="([\w-]+)"', path.read_text("utf-8"))
    }
    described = ENTRY.findall((root / "docs" / "divergence.md").read_text("utf-8"))
    complaints = [
        f"{name}: not in docs/divergence.md" for name in sorted(named - set(described))
    ]
    complaints += [f"{name}: no marker in the code" for name in sorted(set(described) - marked)]
    complaints += [
        f"{name}: twice" for name in sorted({n for n in described if described.count(n) > 1})
    ]
    return complaints


def broken_diagrams(root: Path) -> list[str]:
    """Return the code blocks that are opened and not closed."""
    return [
        f"{path.relative_to(root)}: an odd number of code fences"
        for path in documents(root)
        if len(re.findall(r"^\s*```", path.read_text("utf-8"), re.MULTILINE)) % 2
    ]


def glossary_identifiers(text: str) -> list[str]:
    """Return the identifiers defined in the second column of the glossary's first part."""
    in_use = text.partition("\n## Words of later rooms")[0]
    rows = [line.split("|") for line in in_use.splitlines() if line.startswith("|")]
    cells = [row[2] for row in rows if len(row) > 3]
    return [name for cell in cells for name in re.findall(r"`(\w+)", cell)]


def unused_words(root: Path) -> list[str]:
    """Return the identifiers that the glossary defines and no code uses."""
    code = "\n".join(path.read_text("utf-8") for path in modules(root, "minikafka"))
    words = set(re.findall(r"\w+", code))
    text = (root / "docs" / "glossary.md").read_text("utf-8")
    return [
        f"{name}: defined, not used" for name in glossary_identifiers(text) if name not in words
    ]


def unlisted_kips(root: Path) -> list[str]:
    """Return the KIPs that the code follows and docs/references.md lacks, or the other way."""
    kip = re.compile(r"\bKIP-(\d+)")
    code = "\n".join(path.read_text("utf-8") for path in modules(root, "minikafka"))
    used = {int(number) for number in kip.findall(code)}
    listed = set()
    if (root / "docs" / "references.md").exists():
        rows = (root / "docs" / "references.md").read_text("utf-8").splitlines()
        listed = {
            int(n) for row in rows if row.startswith("| KIP-") for n in kip.findall(row[:12])
        }
    complaints = [f"KIP-{n}: not in docs/references.md" for n in sorted(used - listed)]
    return complaints + [f"KIP-{n}: listed, not used" for n in sorted(listed - used)]


@pytest.mark.parametrize(
    "rule",
    [
        unlisted_kips,
        broken_links,
        wrong_paths,
        misshapen_design_notes,
        unmatched_divergences,
        broken_diagrams,
        unused_words,
    ],
)
def test_documents_name_what_is_there(rule: Rule) -> None:
    """Links, paths, divergences and words of the documents exist; design notes keep their shape."""
    assert rule(ROOT) == []


def test_readme_is_short() -> None:
    """The README stays below 200 lines."""
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= README_LINES_MAX


def test_changelog_has_an_unreleased_section() -> None:
    """What users will see next is written down with the change itself."""
    assert "[Unreleased]" in headings((ROOT / "CHANGELOG.md").read_text("utf-8"), 2)


def test_design_notes_are_found() -> None:
    """The rules above look at something: the notes of the first decisions are there."""
    assert len(design_notes(ROOT)) >= 8
    assert len(documents(ROOT)) >= 15


GOOD_NOTE = "# T\n\n## Context\n\n## Options\n\n## Decision\n\n## Cost\n"


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (broken_links, "a.md", "see [b](b.md)"),
        (broken_links, "a.md", "# Top\n\nsee [b](#bottom)"),
        (wrong_paths, "docs/a.md", "see `log/gone.py`"),
        (wrong_paths, "docs/a.md", "see `gone/`"),
        (misshapen_design_notes, "docs/design/0001-a.md", "# T\n\n## Context\n"),
        (misshapen_design_notes, "docs/design/0002-a.md", GOOD_NOTE),
        (misshapen_design_notes, "docs/design/0001-a.md", GOOD_NOTE + "x\n" * 150),
        (unmatched_divergences, "minikafka/a.py", "# DIVERGENCE(no-quotas): none"),
        (unmatched_divergences, "tests/conformance/a.py", 'entry="no-quotas"'),
        (unmatched_divergences, "docs/divergence.md", "### `known`\n\n### `gone`\n"),
        (unmatched_divergences, "docs/divergence.md", "### `known`\n\n### `known`\n"),
        (unlisted_kips, "minikafka/a.py", "# KIP-101: why"),
        (unlisted_kips, "docs/references.md", "| KIP-227 | what |"),
        (broken_diagrams, "a.md", "```text\nno end\n"),
        (unused_words, "docs/glossary.md", "| record | `never_used` | x | y |\n"),
    ],
)
def test_planted_rot_is_found(rule: Rule, name: str, text: str, tmp_path: Path) -> None:
    """Each kind of rot is one complaint."""
    plant(tmp_path, "docs/divergence.md", "### `known`\n")
    plant(tmp_path, "minikafka/known.py", "# DIVERGENCE(known): why\n")
    assert len(rule(plant(tmp_path, name, text))) == 1


def test_sound_documents_pass(tmp_path: Path) -> None:
    """A link to a heading, a path into the package and a link out are no complaints."""
    plant(tmp_path, "minikafka/log/a.py", "record = 1\n")
    text = (
        "# Top\n\n[a](#top) [b](docs/b.md#part-two) [c](https://kafka.apache.org) `log/a.py`\n"
    )
    plant(tmp_path, "a.md", text)
    plant(tmp_path, "docs/b.md", "## Part two\n")
    assert broken_links(tmp_path) + wrong_paths(tmp_path) == []
    assert code_blocks("```python\nx\n```\n```sh\ny\n```\n", "python") == ["x\n"]
