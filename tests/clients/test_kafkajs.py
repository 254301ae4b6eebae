"""kafkajs on Node, and faults over HTTP from the same script: nothing acknowledged is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.support.running_up import SOON, running

SCRIPT = ROOT / "tests" / "clients" / "node" / "recovers.mjs"
MODULES = ROOT / "build" / "node"

pytestmark = [pytest.mark.client, pytest.mark.slow, pytest.mark.time_limit(180)]


@pytest.fixture
def node_folder(tmp_path: Path) -> Path:
    """A folder in which Node finds the script and kafkajs."""
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    if not (MODULES / "node_modules" / "kafkajs").exists():
        pytest.skip("kafkajs is not installed: make clients installs it")
    shutil.copy(SCRIPT, tmp_path)
    (tmp_path / "node_modules").symlink_to(MODULES / "node_modules")
    return tmp_path


def test_kafkajs_survives_what_its_own_script_does_over_http(node_folder: Path) -> None:
    """A crash of the leader, a link cut: writes go on, and each acknowledged record is there."""
    with running("--topic", "orders:1:3", config=(*SOON, "min.insync.replicas=2")) as up:
        done = subprocess.run(
            ["node", SCRIPT.name, up.bootstrap, up.url],
            cwd=node_folder,
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["lost"] == []
    assert told["acknowledged"] >= 1_000
    phases = told["phases"]
    assert phases["crashed"]["leader"] not in (None, told["crashed"])
    assert told["crashed"] not in phases["crashed"]["isr"]
    assert told["cut"] not in phases["cut"]["isr"]
