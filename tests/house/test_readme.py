"""What the README shows works as it stands there."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minikafka.cli import main
from tests.house.markdown import code_blocks, commands, documents
from tests.house.tree import ROOT, packages, plant, tracked

TARGET = re.compile(r"^([a-z][\w-]*):", re.MULTILINE)
TOP_LEVEL = {"minikafka", "tests", "benchmarks", "docs", "docker", "tools"}


def layout(text: str) -> list[str]:
    """Return the folders named at the start of the lines of the layout block."""
    blocks = [block for block in code_blocks(text, "text") if "minikafka/" in block]
    return [line.split()[0] for block in blocks for line in block.splitlines() if line.strip()]


def wrong_layout(root: Path) -> list[str]:
    """Return the folders that the README's layout lacks, or names though they are gone."""
    want = {f"minikafka/{name}/" for name in packages(root)}
    want |= {
        f"{first}/"
        for path in tracked(root)
        if (first := path.relative_to(root).parts[0]) in TOP_LEVEL
    }
    named = set(layout((root / "README.md").read_text("utf-8")))
    named_folders = {name for name in named if name.endswith("/")}
    complaints = [f"{name} is not in the layout" for name in sorted(want - named_folders)]
    return complaints + [
        f"{name} is not there" for name in sorted(named) if not (root / name).exists()
    ]


def unknown_targets(root: Path) -> list[str]:
    """Return the `make` commands in the documents that the Makefile does not have."""
    targets = set(TARGET.findall((root / "Makefile").read_text("utf-8")))
    return [
        f"{path.relative_to(root)}: make {command[1]}"
        for path in documents(root)
        for command in commands(path.read_text("utf-8"))
        if command[0] == "make" and command[1] not in targets
    ]


def verbs_in_documents() -> list[str]:
    """Return the verbs of the `minikafka` commands in the documents, each once, sorted."""
    found = {
        command[1]
        for path in documents(ROOT)
        for command in commands(path.read_text("utf-8"))
        if command[0] == "minikafka" and command[1][0].isalpha()
    }
    return sorted(found)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, from the root of the project."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=18,
        check=False,
    )


def test_layout_equals_the_tree() -> None:
    """The README's layout names every folder, and nothing that is gone."""
    assert wrong_layout(ROOT) == []


def test_make_commands_exist() -> None:
    """Every `make` command in the documents is a target."""
    assert unknown_targets(ROOT) == []


@pytest.mark.parametrize("verb", verbs_in_documents())
def test_cli_verb_in_documents_exists(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every `minikafka` command in the documents has a help page."""
    assert main([verb, "--help"]) == 0
    assert capsys.readouterr().err == ""


def test_unknown_cli_verb_is_refused() -> None:
    """The check above can fail: a verb that is not there has no help page."""
    assert main(["no-such-verb", "--help"]) != 0


def examples() -> list[str]:
    """Return the Python code blocks of the README."""
    return code_blocks((ROOT / "README.md").read_text("utf-8"), "python")


def test_readme_has_an_example() -> None:
    """The example is there, and short."""
    assert examples()
    assert len(examples()[0].splitlines()) <= 30


@pytest.mark.slow
@pytest.mark.skipif(
    not importlib.util.find_spec("confluent_kafka"), reason="confluent-kafka is not installed"
)
@pytest.mark.parametrize("number", range(len(examples())))
def test_readme_example_runs(number: int, tmp_path: Path) -> None:
    """The example runs as it stands there; one that uses the fixture runs as a test."""
    code = examples()[number]
    if "def test_" in code:
        (tmp_path / "test_example.py").write_text(code, encoding="utf-8")
        plugin = ["-p", "minikafka.pytest_plugin"]
        found = importlib.metadata.entry_points(group="pytest11")
        plugin = [] if "minikafka" in found.names else plugin
        result = run("-m", "pytest", "-q", *plugin, "--rootdir", str(tmp_path), str(tmp_path))
    else:
        result = run("-X", "dev", "-W", "error", "-c", code)
    assert result.returncode == 0, (result.stdout + result.stderr)[-2_000:]


def test_planted_wrong_layout_is_found(tmp_path: Path) -> None:
    """A forgotten folder and a stale line are a complaint each."""
    plant(tmp_path, "minikafka/log/a.py", "")
    plant(tmp_path, "README.md", "```text\nminikafka/   x\nminikafka/gone/   y\n```\n")
    assert wrong_layout(tmp_path) == [
        "minikafka/log/ is not in the layout",
        "minikafka/gone/ is not there",
    ]


def test_planted_unknown_target_is_found(tmp_path: Path) -> None:
    """A command without a target is found in a block and in a sentence."""
    plant(tmp_path, "Makefile", "test:\n\tpytest\n")
    plant(tmp_path, "README.md", "Run `make tests`, or\n\n```sh\nmake up\nmake test\n```\n")
    assert unknown_targets(tmp_path) == ["README.md: make up", "README.md: make tests"]
