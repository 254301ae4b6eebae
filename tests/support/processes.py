"""Brokers in processes of their own: started, killed, and gone when the test is over."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.house.tree import ROOT

__all__ = ["BrokerProcess", "free_ports"]

HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listened at a moment ago."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


class BrokerProcess:
    """One `minikafka broker`.

    Args:
        arguments: behind those of id, voters, addresses and directory.
        broker_port: for brokers; None leaves it to the command.
    """

    def __init__(
        self,
        node_id: int,
        voters: str,
        *arguments: str,
        port: int = 0,
        broker_port: int | None = None,
        data: Path | None = None,
    ) -> None:
        self.node_id = node_id
        self._command = [sys.executable, "-m", "minikafka", "broker"]
        self._command += ["--node-id", str(node_id), "--voters", voters]
        self._command += ["--listen", f"{HOST}:{port}", *arguments]
        if broker_port is not None:
            self._command += ["--broker-listen", f"{HOST}:{broker_port}"]
        if data is not None:
            self._command += ["--data", str(data)]
        self.start()

    def start(self) -> None:
        """Start it, again if it has ended: the same command, another process."""
        self.process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def bootstrap(self) -> str:
        """Return its address for clients, once it says so."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().rstrip("\n")
        name, _, address = line.partition("=")
        assert name == "bootstrap.servers", line or self.end(signal.SIGKILL)
        return address

    def end(self, number: signal.Signals, timeout: float = 10) -> tuple[int, str]:
        """Send a signal, and return exit code and complaints."""
        self.process.send_signal(number)
        _, complaints = self.process.communicate(timeout=timeout)
        return self.process.returncode, complaints

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.process.kill()
        self.process.communicate()
