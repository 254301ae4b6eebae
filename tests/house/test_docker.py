"""The container files start what they promise; shown by running their commands without Docker."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minikafka.cli.parsing import parse_voters
from tests.house.tree import ROOT
from tests.support.processes import free_ports

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
DOCKER = ROOT / "docker"
BOOTSTRAP = re.compile(r"^bootstrap\.servers=([\w.:,-]+)$")
Instructions = list[tuple[str, str]]


def instructions(text: str) -> Instructions:
    """Return the (word, arguments) of a Dockerfile, with continued lines joined."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(word.upper(), rest) for word, rest in found]


def last(parsed: Instructions, word: str) -> str:
    """Return the arguments of the last instruction of a kind, which is the one that counts."""
    return [rest for name, rest in parsed if name == word][-1]


def exec_form(arguments: str) -> list[str]:
    """Return a command in JSON form, the only form that hands signals to the process itself."""
    command = json.loads(arguments[arguments.index("[") :])
    assert all(isinstance(word, str) for word in command)
    return list(command)


def option(command: list[str], name: str) -> str:
    """Return the value that follows an option."""
    return command[command.index(name) + 1]


def listens_on(command: list[str]) -> list[str]:
    """Return the ports of the brokers that a command starts."""
    first = int(option(command, "--port"))
    return [str(first + i) for i in range(int(option(command, "--brokers")))]


@pytest.fixture
def dockerfile() -> Instructions:
    """The Dockerfile's instructions."""
    return instructions((DOCKER / "Dockerfile").read_text("utf-8"))


Service = dict[str, Any]


@pytest.fixture
def services() -> dict[str, Service]:
    """The services of the compose file: one for each broker."""
    found = yaml.safe_load((DOCKER / "compose.yml").read_text("utf-8"))["services"]
    return {str(name): dict(service) for name, service in found.items()}


def test_image_is_slim_and_not_root(dockerfile: Instructions) -> None:
    """The image is a slim Python we support, and its process is not root."""
    assert re.fullmatch(r"python:3\.1[1-9]-slim", last(dockerfile, "FROM").split()[0])
    assert int(last(dockerfile, "USER")) > 0
    words = [name for name, _ in dockerfile]
    assert words.index("USER") < words.index("ENTRYPOINT")


def test_image_copies_what_is_there_and_not_ignored(dockerfile: Instructions) -> None:
    """Every copied file exists, and the ignore file lets it through."""
    allowed = (DOCKER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    copied = [s for name, rest in dockerfile if name == "COPY" for s in rest.split()[:-1]]
    assert copied
    assert [s for s in copied if not (ROOT / s).exists() or f"!{s}" not in allowed] == []


def test_exposed_ports_are_those_listened_on(dockerfile: Instructions) -> None:
    """Image and command agree about the ports."""
    command = exec_form(last(dockerfile, "CMD"))
    assert last(dockerfile, "EXPOSE").split() == listens_on(command)


def test_brokers_agree_about_the_voters(services: dict[str, Service]) -> None:
    """Each has the same list, is in it under its service's name, and listens where it says."""
    (text,) = {option(service["command"], "--voters") for service in services.values()}
    voters = parse_voters(text)
    for name, service in services.items():
        command = service["command"]
        host, port = voters.pop(int(option(command, "--node-id")))
        assert (host, service["hostname"]) == (name, name)
        assert option(command, "--broker-listen") == f"0.0.0.0:{port}"
    assert voters == {}


def test_published_ports_and_volumes_are_each_brokers_own(services: dict[str, Service]) -> None:
    """A port under its own number, a volume at the data directory, and none of them twice."""
    compose = yaml.safe_load((DOCKER / "compose.yml").read_text("utf-8"))
    for name, service in services.items():
        port = option(service["command"], "--listen").rpartition(":")[2]
        assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
        assert service["healthcheck"]["test"][-1] == f"127.0.0.1:{port}"
        assert service["volumes"] == [f"{name}:{option(service['command'], '--data')}"]
    assert list(compose["volumes"]) == list(services)
    assert len({service["ports"][0] for service in services.values()}) == len(services)


def test_compose_builds_this_dockerfile(services: dict[str, Service]) -> None:
    """The paths in the compose file lead from it to the project and to the Dockerfile."""
    for service in services.values():
        build = service["build"]
        assert (DOCKER / build["context"]).resolve() == ROOT
        assert (ROOT / build["dockerfile"]).resolve() == DOCKER / "Dockerfile"


def as_module(command: list[str]) -> list[str]:
    """Return the command as this interpreter runs it."""
    assert command[0] == "minikafka"
    return [sys.executable, "-m", *command]


def started(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a command on free ports and yield it with its bootstrap servers."""
    process = subprocess.Popen(
        [*as_module(command), "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            match = BOOTSTRAP.match(line)
            assert match, f"first line: {line!r}"
            yield process, match[1]
        finally:
            process.kill()


def healthy(check: list[str]) -> bool:
    """Run a health check."""
    done = subprocess.run(as_module(check), cwd=ROOT, capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.slow
def test_entry_command_starts_is_healthy_and_stops(dockerfile: Instructions) -> None:
    """The command prints three brokers, the health check finds them, SIGTERM ends it with 0."""
    entry = exec_form(last(dockerfile, "ENTRYPOINT"))
    arguments = exec_form(last(dockerfile, "CMD"))
    for process, bootstrap in started([*entry, *arguments]):
        assert len(bootstrap.split(",")) == 3
        port = bootstrap.split(",")[0].rpartition(":")[2]
        check = exec_form(last(dockerfile, "HEALTHCHECK").partition("CMD")[2])
        check = [word.replace("127.0.0.1:9092", f"127.0.0.1:{port}") for word in check]
        assert healthy(check)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=8) == 0
        assert not healthy(check)


@pytest.mark.slow
def test_compose_command_starts_is_healthy_and_stops(
    services: dict[str, Service], tmp_path: Path
) -> None:
    """A broker as compose starts it, here the only voter, with addresses of this machine."""
    service = services["kafka1"]
    listen, quorum = free_ports(2)
    here = {
        "--voters": f"1@127.0.0.1:{quorum}",
        "--listen": f"127.0.0.1:{listen}",
        "--broker-listen": f"127.0.0.1:{quorum}",
        "--data": str(tmp_path),
    }
    command = list(service["command"])
    for name, value in here.items():
        command[command.index(name) + 1] = value
    check = [*service["healthcheck"]["test"][1:-1], here["--listen"]]
    with subprocess.Popen(
        as_module(["minikafka", *command]), cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"bootstrap.servers={here['--listen']}\n"
            assert healthy(check)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=8) == 0
        finally:
            process.kill()


def test_shell_form_is_refused() -> None:
    """A command in shell form would swallow SIGTERM, and is found."""
    with pytest.raises(ValueError, match="substring not found"):
        exec_form("minikafka up")


def test_continued_lines_and_comments_are_read() -> None:
    """The small parser joins continued lines and skips comments."""
    text = "# x\nfrom a AS b\nRUN one \\\n    && two\n\nFROM c\n"
    parsed = instructions(text)
    assert parsed == [("FROM", "a AS b"), ("RUN", "one  && two"), ("FROM", "c")]
    assert last(parsed, "FROM") == "c"
