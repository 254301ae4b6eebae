"""`minikafka broker` as a process: its line, its end, its refusals."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from minikafka.cli import main
from tests.support.processes import HOST, BrokerProcess, free_ports

BASE = ("--node-id", "1", "--listen", f"{HOST}:0")


class Refused:
    """Runs the command in this process, to see it give up: exit code and its one line."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """Return exit code and line."""
        code = main(["broker", *arguments])
        printed = self._capsys.readouterr()
        (line,) = printed.err.splitlines()
        assert printed.out == ""
        return code, line


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """The command, for what it will not do."""
    return Refused(capsys)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_in_order(number: signal.Signals, tmp_path: Path) -> None:
    """One line when it is in its cluster; after a signal exit code 0, silence, free directory."""
    (port,) = free_ports(1)
    for _ in range(2):
        with BrokerProcess(1, f"1@{HOST}:{port}", data=tmp_path / "d") as broker:
            host, _, listens = broker.bootstrap().partition(":")
            socket.create_connection((host, int(listens)), timeout=5).close()
            assert broker.end(number) == (0, "")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(listens)), timeout=5)


def test_broker_without_its_quorum_says_so_and_ends_with_one_line(refused: Refused) -> None:
    """It gives up when initial.broker.registration.timeout.ms is over."""
    (port,) = free_ports(1)
    arguments = ("--voters", f"1@{HOST}:{port}", "--node-id", "7", "--listen", f"{HOST}:0")
    timeout = ("--set", "initial.broker.registration.timeout.ms=300")
    code, line = refused(*arguments, *timeout)
    assert code == 1
    assert line.startswith("minikafka broker: not registered within 0.3 s")


def test_what_cannot_be_had_is_one_line_and_exit_code_1(
    tmp_path: Path, refused: Refused
) -> None:
    """A port in use, a directory in use, a directory that is a file, another broker's."""
    (port,) = free_ports(1)
    voters = ("--voters", f"1@{HOST}:{port}")
    (tmp_path / "file").write_text("", "utf-8")
    with BrokerProcess(1, voters[1], data=tmp_path / "d") as broker:
        broker.bootstrap()
        for more, said in (
            ((), "cannot listen: "),
            (("--data", str(tmp_path / "d")), "d is in use by another broker"),
            (("--data", str(tmp_path / "file")), "cannot use "),
        ):
            code, line = refused(*BASE, *voters, *more)
            assert (code, said in line) == (1, True), line
        assert broker.end(signal.SIGTERM) == (0, "")
    code, line = refused("--node-id", "2", *voters, "--data", str(tmp_path / "d"))
    assert (code, line) == (1, f"minikafka broker: {tmp_path / 'd'} is node 1's, not 2's")
