"""Every failure of the command line is one line, with the right exit code."""

from __future__ import annotations

import pytest

from minikafka import __version__
from minikafka.cli import main

BROKER = ("broker", "--node-id", "1", "--voters")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "minikafka: No such command 'nonsense'."),
        (["up", "--brokers", "0"], "minikafka up: "),
        (["up", "--brokers", "x"], "minikafka up: "),
        (["up", "--port", "65536"], "minikafka up: "),
        (["up", "--port", "65534"], "minikafka up: 3 brokers from port 65534"),
        (["up", "--topic", "a:0"], "minikafka up: --topic is NAME"),
        (["up", "--config", "x"], "minikafka up: --config is KEY=VALUE"),
        (["up", "--config", "no.such=1"], "minikafka up: Unknown broker config name: no.such"),
        (["up", "--http-port", "x"], "minikafka up: --http-port is a port or off"),
        (
            ["up", "--http-host", "0.0.0.0"],
            "minikafka up: the HTTP API listens on 0.0.0.0 only",
        ),
        (["up", "--unknown"], "minikafka up: "),
        (["crash"], "minikafka crash: "),
        (["crash", "x"], "minikafka crash: "),
        (
            ["status", "--http", "127.0.0.1:8080"],
            "minikafka status: --http is http://HOST:PORT",
        ),
        (["heal", "--http", "http://h:x"], "minikafka heal: --http is http://HOST:PORT"),
        (["broker"], "minikafka broker: "),
        (["broker", "--node-id", "-1", "--voters", "1@h:1"], "minikafka broker: "),
        ([*BROKER, "1@h"], "minikafka broker: the address of a voter is HOST:PORT, not 'h'"),
        ([*BROKER, "x"], "minikafka broker: --voters is ID@HOST:PORT,..., not 'x'"),
        ([*BROKER, "1@h:1,1@i:1"], "minikafka broker: --voters names '1@i:1' twice"),
        ([*BROKER, "1@h:1", "--set", "x"], "minikafka broker: --set is KEY=VALUE, not 'x'"),
        ([*BROKER, "1@h:1", "--set", "no.such=1"], "minikafka broker: Unknown broker config"),
        ([*BROKER, "1@h:1", "--broker-listen", "9"], "minikafka broker: --broker-listen is"),
        ([*BROKER, "1@h:1", "--listen", "h:99999"], "minikafka broker: --listen is HOST:PORT"),
        ([*BROKER, "1@h:1", "--data", ""], "minikafka broker: --data is a directory"),
        ([*BROKER, "1@h:1", "--cluster-id", " "], "minikafka broker: --cluster-id is a name"),
        (["bench"], "minikafka bench: "),
        (["bench", "speed"], "minikafka bench: No such command 'speed'."),
        (["bench", "failover", "--acks", "2"], "minikafka bench failover: --acks is 0, 1, all"),
        (
            ["bench", "failover", "--fault", "kill,x"],
            "minikafka bench failover: --fault is kill",
        ),
        (["bench", "failover", "--unclean", "x"], "minikafka bench failover: --unclean is on"),
        (["bench", "failover", "--client", "x"], "minikafka bench failover: --client is aio"),
        (
            ["bench", "failover", "--target", "x"],
            "minikafka bench failover: --target is leader",
        ),
        (
            ["bench", "failover", "--fault", "alone", "--target", "both"],
            "minikafka bench failover: --fault alone goes with --target leader",
        ),
        (
            ["bench", "failover", "--processes", "--fault", "cut"],
            "minikafka bench failover: --fault is kill, pause",
        ),
        (["bench", "failover", "--faults", "0"], "minikafka bench failover: "),
        (["topics"], "minikafka topics: "),
        (["topics", "list", "-b", "host:x"], "minikafka topics list: 'host:x' is no host:port"),
        (["topics", "create"], "minikafka topics create: "),
        (["produce"], "minikafka produce: "),
        (["produce", "t", "--acks", "2"], "minikafka produce: --acks is 0, 1, all"),
        (["produce", "t", "--compression", "br"], "minikafka produce: --compression is none"),
        (["consume", "t", "--isolation", "x"], "minikafka consume: --isolation is read_un"),
        (["consume", "t", "--format", "x"], "minikafka consume: --format is value, key"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line begins with the command; nothing goes to stdout."""
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(said)
    assert printed.err.count("\n") == 1


def test_cluster_that_is_not_there_is_one_line_and_exit_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Port 1 of this host has no broker."""
    assert main(["topics", "list", "-b", "127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == (
        "minikafka topics list: cannot connect to 127.0.0.1:1: Connection refused\n"
    )


def test_running_cluster_that_is_not_there_is_one_line_and_exit_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Port 1 of this host has no HTTP API."""
    assert main(["status", "--http", "http://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == (
        "minikafka status: cannot connect to http://127.0.0.1:1: Connection refused\n"
    )


def test_version_is_the_one_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints one line and succeeds."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"minikafka {__version__}\n"


def test_no_command_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command the help is shown, and the exit code says bad usage."""
    assert main([]) == 2
    printed = capsys.readouterr().out
    assert all(command in printed for command in ("up", "topics", "produce", "consume"))
