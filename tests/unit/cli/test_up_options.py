"""The quick way to read the options of `minikafka up` agrees with typer's."""

from __future__ import annotations

import pytest

from minikafka.cli import commands
from minikafka.cli import up as up_module
from minikafka.cli.up_options import UpOptions, read_plain_options

LINES = [
    [],
    ["--brokers", "5", "--host", "0.0.0.0", "--port", "0"],
    ["--port=19092", "--http-port=off", "--seed=7"],
    ["--http-port", "8080", "--seed", "0"],
    ["--http-host", "::1", "--http-port=0"],
    ["--host=0.0.0.0", "--advertised-host", "kafka.test"],
    ["--topic", "a:1:1", "--topic=b", "--config", "x=y=z", "--config=a=1"],
    ["--brokers", "1", "--brokers", "2"],
]


@pytest.mark.parametrize("arguments", LINES, ids=" ".join)
def test_both_ways_read_the_same(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the quick way accepts it reads as typer does, defaults included."""
    seen: list[UpOptions] = []
    monkeypatch.setattr(up_module, "up", lambda options: seen.append(options) or 0)
    commands.run(["up", *arguments])
    assert read_plain_options(arguments) == seen[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["-h"],
        ["--brokers"],
        ["--brokers", "0"],
        ["--brokers", "three"],
        ["--port", "65536"],
        ["--port", "-1"],
        ["--brokers", "--port"],
        ["--no-such", "1"],
        ["stray"],
        ["--topic="],
    ],
    ids=" ".join,
)
def test_everything_else_is_left_to_typer(arguments: list[str]) -> None:
    """Help and mistakes are not judged here."""
    assert read_plain_options(arguments) is None
