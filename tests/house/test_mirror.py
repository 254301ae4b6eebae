"""Unit tests lie where the code lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.tree import ROOT, modules, plant


def stray_unit_tests(root: Path) -> list[str]:
    """Return the unit tests that belong to no module or folder of the package.

    `tests/unit/log/test_segment_rolling.py` belongs to `minikafka/log/segment.py`.
    """
    complaints = []
    for path in modules(root, "tests/unit"):
        if not path.name.startswith("test_"):
            continue
        folder = root / "minikafka" / path.parent.relative_to(root / "tests" / "unit")
        subject = path.stem.removeprefix("test_")
        names = {module.stem for module in folder.glob("*.py")} | {folder.name}
        if not any(subject == name or subject.startswith(f"{name}_") for name in names):
            complaints.append(f"{path.relative_to(root)}: no such module in {folder.name}/")
    return complaints


def untested_modules(root: Path) -> list[str]:
    """Return the folders of the package that no unit test, cluster test or client test is for."""
    tested = {path.parent.name for path in modules(root, "tests")}
    folders = {path.parent for path in modules(root, "minikafka")} - {root / "minikafka"}
    return sorted(
        f"{folder.name}/: no tests" for folder in folders if folder.name not in tested
    )


def test_unit_tests_mirror_the_package() -> None:
    """Each unit test file is named after the module it tests, in a folder of the same name."""
    assert stray_unit_tests(ROOT) == []


def test_every_folder_has_tests() -> None:
    """No folder of the package is without a folder of tests."""
    assert untested_modules(ROOT) == []


@pytest.mark.parametrize(
    "name", ["tests/unit/log/test_gone.py", "tests/unit/gone/test_segment.py"]
)
def test_planted_stray_test_is_found(name: str, tmp_path: Path) -> None:
    """A test of a module that is gone, or in a folder that never was, is a complaint."""
    plant(tmp_path, "minikafka/log/segment.py", "")
    assert len(stray_unit_tests(plant(tmp_path, name, ""))) == 1


def test_planted_untested_folder_is_found(tmp_path: Path) -> None:
    """A folder without tests is a complaint; one with a test named after a module is none."""
    plant(tmp_path, "minikafka/log/segment.py", "")
    plant(tmp_path, "minikafka/quorum/roles.py", "")
    plant(tmp_path, "tests/unit/log/test_segment_rolling.py", "")
    assert untested_modules(tmp_path) == ["quorum/: no tests"]
    assert stray_unit_tests(tmp_path) == []
