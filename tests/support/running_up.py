"""A running `minikafka up` in a process of its own, as whoever types it has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["SOON", "Up", "running"]

SOON = (
    "broker.heartbeat.interval.ms=200",
    "broker.session.timeout.ms=1500",
    "replica.lag.time.max.ms=1500",
)
"""So that a broker that is gone is missed soon."""

END_SECONDS = 60


class Up:
    """A running `minikafka up`.

    Attributes:
        bootstrap: what clients are given.
        url: of the HTTP API.
    """

    def __init__(self, bootstrap: str, url: str) -> None:
        self.bootstrap, self.url = bootstrap, url

    def ask(self, path: str, body: object = None) -> Any:
        """Return what the API answers: to a POST, where there is a body."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)


@contextmanager
def running(
    *arguments: str, token: str | None = None, config: tuple[str, ...] = SOON
) -> Iterator[Up]:
    """Run a cluster of three on free ports."""
    configs = [part for each in config for part in ("--config", each)]
    command = [sys.executable, "-m", "minikafka", "up", "--port", "0", "--http-port", "0"]
    more = {} if token is None else {"MINIKAFKA_HTTP_TOKEN": token}
    process = subprocess.Popen(
        [*command, *configs, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **more},
    )
    try:
        assert process.stdout is not None
        bootstrap = process.stdout.readline().strip().removeprefix("bootstrap.servers=")
        yield Up(bootstrap, process.stdout.readline().strip().removeprefix("http="))
    finally:
        process.terminate()
        process.communicate(timeout=END_SECONDS)
