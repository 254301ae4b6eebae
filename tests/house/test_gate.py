"""The gate itself: what CI runs, and the hooks that every test leans on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.house.tree import CORE, ROOT, packages

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_ci_runs_the_checks_then_the_tests() -> None:
    """CI calls `make check` and `make test`, nothing else of ours, and the tests come last."""
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("make ")] == ["make check", "make test"]
    assert lines[-1] == "make test"
    assert "set -euo pipefail" in lines
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_every_ruff_exception_has_its_reason() -> None:
    """Each rule that is switched off says why, on its line."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    start = text.index("[tool.ruff.lint]\n")
    exceptions = re.findall(r'^  "[A-Z]+\d+",(.*)$', text[start:], re.MULTILINE)
    assert len(exceptions) > 10
    assert [reason for reason in exceptions if not re.match(r"\s*# \S", reason)] == []


def test_every_folder_has_a_layer() -> None:
    """Each folder of the package has a place in the layers; the core has its contracts."""
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    placed = {
        name.strip("() ") for layer in contracts[0]["layers"] for name in layer.split("|")
    }
    assert set(packages(ROOT)) <= placed
    core = {f"minikafka.{name}" for name in CORE}
    pure, without_aiohttp, without_kio = (
        set(c["source_modules"]) for c in contracts if c["type"] == "forbidden"
    )
    assert pure == core
    above = {"minikafka.http", "minikafka.cli"}
    assert without_aiohttp == {f"minikafka.{name}" for name in packages(ROOT)} - above | {
        "minikafka.pytest_plugin"
    }
    assert without_kio == core - {"minikafka.wire"}


@pytest.mark.parametrize(
    ("old", "message"),
    [("3.10", "is older than Python 3.11"), ("", "No Python >= 3.11 found")],
)
@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_refuses_an_old_python(old: str, message: str, tmp_path: Path) -> None:
    """Without a Python that is new enough, `make up` says so and installs nothing."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    python.chmod(0o755)
    command = ["make", "-f", str(ROOT / "Makefile"), "up", f"PYTHON={python if old else ''}"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert message in result.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """An empty project with our conftest.py and markers."""
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text("utf-8"))
    pytester.makeini("[pytest]\nmarkers =\n    time_limit\n    conformance\n")
    return pytester


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_test_that_hangs_fails(project: pytest.Pytester, kind: str) -> None:
    """A test past its limit fails with the reason, on a loop or not."""
    wait = (
        "__import__('time').sleep(9)"
        if kind == "def"
        else "await __import__('asyncio').sleep(9)"
    )
    project.makepyfile(
        f"import pytest\n@pytest.mark.time_limit(0.1)\n{kind} test_x():\n    {wait}\n"
    )
    result = project.runpytest_inprocess("-p", "no:minikafka")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*took longer than 0.1 s*"])


def test_async_tests_really_run(project: pytest.Pytester) -> None:
    """An `async def` test is awaited with its fixtures: one passes, one fails."""
    project.makepyfile(
        "async def test_good(tmp_path):\n    assert tmp_path.is_dir()\n"
        "async def test_bad():\n    assert 1 == 2\n"
    )
    project.runpytest_inprocess("-p", "no:minikafka").assert_outcomes(passed=1, failed=1)


def test_a_task_left_behind_fails_its_test(project: pytest.Pytester) -> None:
    """A task that nobody awaits is reported by the test that made it."""
    project.makepyfile(
        "import asyncio\nasync def test_x():\n    task = asyncio.create_task(asyncio.sleep(9))\n"
    )
    result = project.runpytest_inprocess("-p", "no:minikafka")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*tasks left behind*"])


def test_order_is_shuffled_by_its_seed(project: pytest.Pytester) -> None:
    """The same seed gives the same order, another seed another."""
    project.makepyfile("".join(f"def test_{i}(): pass\n" for i in range(9)))

    def order(seed: str) -> list[str]:
        arguments = ["-p", "no:minikafka", "-v", f"--order-seed={seed}"]
        lines = project.runpytest_inprocess(*arguments).outlines
        return [line.split()[0] for line in lines if "PASSED" in line]

    assert order("1") == order("1") != order("2")
    assert order("off") == sorted(order("1"))


INSIDE = "PYTEST_XDIST_WORKER"


@pytest.mark.parametrize(
    ("arguments", "inside", "processes"),
    [
        ((), False, 3),
        ((), True, None),
        (("--pdb",), False, None),
        (("test_x.py",), False, None),
        (("-n", "5"), False, 5),
        (("-n", "0"), False, 0),
    ],
)
def test_run_of_everything_is_shared_and_no_other(
    project: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    inside: bool,
    processes: int | None,
) -> None:
    """Not where a file, a number or a debugger is asked for, and never inside a shared one."""
    pytest.importorskip("xdist")
    monkeypatch.delenv(INSIDE, raising=False)
    if inside:
        monkeypatch.setenv(INSIDE, "gw0")
    project.makeini("[pytest]\ntestpaths = .\nmarkers =\n    time_limit\n    conformance\n")
    project.makepyfile(test_x="def test_1(): pass\n")
    config = project.parseconfig("-p", "no:minikafka", *arguments)
    conftest = config.pluginmanager.get_plugin(str(project.path / "conftest.py"))
    assert conftest is not None
    conftest.pytest_cmdline_main(config)
    assert config.option.numprocesses == processes
