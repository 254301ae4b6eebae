"""`minikafka bench failover`: what acks=1 loses, acks=all does not; with each real client."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from minikafka.bench.failover import run_setting
from minikafka.bench.loads import CLIENTS
from minikafka.bench.settings import PlannedFault, Setting
from minikafka.cli import main

QUICK = [PlannedFault(0.1, 0.3, 0.1)]
pytestmark = [
    pytest.mark.client,
    pytest.mark.slow,
    pytest.mark.time_limit(60),
    # kafka-python, on a broker that is down: a socket that it was about to connect.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings(r"ignore:(read|open)_text is deprecated:DeprecationWarning"),
]


@pytest.mark.parametrize("client", CLIENTS)
def test_killed_leader_takes_what_it_alone_acknowledged(client: str) -> None:
    """With acks=1 records are gone that the client was promised; with acks=all not one."""
    if find_spec(CLIENTS[client][0]) is None:
        pytest.skip(f"{client} is not installed")
    for acks in (1, -1):
        setting = Setting(acks, 2, False, "kill")
        run = run_setting(setting, QUICK, client=client, rate=300, lag_ms=100, seed=1)
        figures = run.figures
        assert (figures.lost > 0) == (acks == 1), figures
        assert figures.violations == ()
        assert figures.acknowledged > 100
        (failover_s,) = figures.failover_s
        assert failover_s is not None
        assert 0.3 < failover_s < 5
        assert figures.unavailable_s[0] > 0.3


def test_command_writes_table_json_and_chart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plain lines into a pipe; the files hold every row, and what the plan did."""
    pytest.importorskip("aiokafka")
    files = ["--json", str(tmp_path / "o.json"), "--chart", str(tmp_path / "o.svg")]
    options = ["--acks", "all", "--fault", "pause", "--faults", "1", "--rate", "200"]
    assert main(["bench", "failover", *options, *files]) == 0
    printed = capsys.readouterr()
    head, line, *notes = printed.out.splitlines()
    assert head.split("\t")[:4] == ["acks", "min", "uncl", "fault"]
    assert line.split("\t")[:4] == ["all", "2", "off", "pause"]
    assert any("slowed by 150 ms" in note for note in notes)
    assert printed.err == ""
    report: dict[str, Any] = json.loads((tmp_path / "o.json").read_text("utf-8"))
    (row,) = report["rows"]
    assert (row["lost"], row["setting"]["acks"]) == (0, -1)
    assert len(row["spans"]) == 1
    ElementTree.fromstring((tmp_path / "o.svg").read_text("utf-8"))
