"""`minikafka bench failover`: what is lost where, and that writes go on; with each real client."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from minikafka.bench.failover import run_setting
from minikafka.bench.loads import CLIENTS
from minikafka.bench.process_stage import PROCESS_FAULTS
from minikafka.bench.settings import FAULTS, TARGETS, PlannedFault, Setting
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


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Leave no such socket to be found when the warning is an error again."""
    yield
    gc.collect()


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(name, marks=[] if name == "aiokafka" else [pytest.mark.nightly])
        for name in CLIENTS
    ],
)
def test_killed_leader_takes_what_it_alone_acknowledged(client: str) -> None:
    """With acks=1 records are gone that the client was promised; with acks=all not one."""
    if find_spec(CLIENTS[client][0]) is None:
        pytest.skip(f"{client} is not installed")
    for acks in (1, -1):
        setting = Setting(acks, 2, False, "kill", client=client)
        run = run_setting(setting, QUICK, rate=300, lag_ms=100, seed=1)
        figures = run.figures
        assert (figures.lost > 0) == (acks == 1), figures
        assert figures.violations == ()
        assert figures.acknowledged > 100
        (failover_s,) = figures.failover_s
        assert failover_s is not None
        assert 0.3 < failover_s < 5
        assert figures.unavailable_s[0] > 0.3


def check(setting: Setting, *, processes: bool = False) -> None:
    """Strike once: nothing acknowledged is lost, and writes go on as soon as they can."""
    if find_spec(CLIENTS[setting.client][0]) is None:
        pytest.skip(f"{setting.client} is not installed")
    figures = run_setting(
        setting, QUICK, rate=200, lag_ms=50, seed=1, processes=processes
    ).figures
    assert (figures.lost, figures.violations) == (0, ()), figures
    (led_s,), (controlled_s,) = figures.failover_s, figures.controller_s
    assert led_s is not None
    assert controlled_s is not None
    assert (led_s > 0) == (setting.target in ("leader", "both"))
    assert (controlled_s > 0) == (setting.target in ("controller", "both"))
    assert controlled_s <= led_s or setting.target == "controller"


@pytest.mark.parametrize(
    ("fault", "target", "client"),
    [("kill", "both", "confluent"), ("cut", "controller", "aiokafka")],
)
def test_writes_go_on_without_leader_and_controller(
    fault: str, target: str, client: str
) -> None:
    """Another controller first, then another leader, then the client's next write."""
    check(Setting(-1, 2, False, fault, target, client))


@pytest.mark.nightly
@pytest.mark.time_limit(90)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "alone"])
def test_whole_matrix_loses_nothing_and_goes_on(fault: str, target: str, client: str) -> None:
    """Each fault of each broker under each client."""
    check(Setting(-1, 2, False, fault, target, client))


@pytest.mark.nightly
@pytest.mark.time_limit(120)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("fault", PROCESS_FAULTS)
def test_killed_and_stopped_processes_lose_nothing(
    fault: str, target: str, client: str
) -> None:
    """SIGKILL and SIGSTOP, which no broker sees coming."""
    check(Setting(-1, 2, False, fault, target, client), processes=True)


def test_command_writes_table_json_and_chart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plain lines into a pipe; the files hold every row, and what the plan did."""
    pytest.importorskip("aiokafka")
    files = ["--json", str(tmp_path / "o.json"), "--chart", str(tmp_path / "o.svg")]
    options = ["--acks", "all", "--fault", "pause", "--faults", "1", "--rate", "200"]
    options += ["--target", "controller"]
    assert main(["bench", "failover", *options, *files]) == 0
    printed = capsys.readouterr()
    head, line, *notes = printed.out.splitlines()
    assert head.split("\t")[:6] == ["acks", "min", "uncl", "fault", "target", "client"]
    assert line.split("\t")[:6] == ["all", "2", "off", "pause", "controller", "aiokafka"]
    assert any("slowed by 150 ms" in note for note in notes)
    assert any("controller.quorum.fetch.timeout.ms 1 s" in note for note in notes)
    assert printed.err == ""
    report: dict[str, Any] = json.loads((tmp_path / "o.json").read_text("utf-8"))
    (row,) = report["rows"]
    assert (row["lost"], row["setting"]["acks"]) == (0, -1)
    assert len(row["spans"]) == 1
    ElementTree.fromstring((tmp_path / "o.svg").read_text("utf-8"))
