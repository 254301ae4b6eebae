"""Apache Kafka itself, run from its own jars as the oracle.

Fetches the server jars of one Apache Kafka release with Maven, formats the storage and
runs brokers in KRaft combined mode (broker and controller in one process each) on free
ports. Knows nothing about minikafka: what it starts is only ever spoken to over TCP.

Kafka counterpart: `kafka.Kafka` and `kafka.tools.StorageTool` (KIP-595, KIP-853).
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.conformance.raw_client import ConnectionClosedError, RawClient

__all__ = ["KAFKA_VERSION", "ApacheKafka", "KafkaFailedError", "fetch_jars", "missing_tools"]

KAFKA_VERSION = "4.1.1"
START_DEADLINE_S = 60.0
POLL_S = 0.1

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>minikafka</groupId><artifactId>oracle</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{version}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""

# What a cluster of fewer than three brokers cannot do without, and what every test suite
# sets so that a group forms at once. All else is Kafka's default.
REPLICATED_INTERNAL_TOPICS = (
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "share.coordinator.state.topic.replication.factor",
)
IN_SYNC_INTERNAL_TOPICS = (
    "transaction.state.log.min.isr",
    "share.coordinator.state.topic.min.isr",
)


class KafkaFailedError(Exception):
    """Apache Kafka could not be fetched, formatted or started; the text holds its log."""


def missing_tools() -> str | None:
    """Name the first tool the oracle needs and this machine lacks, or None."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            return tool
    return None


def kafka_dir() -> Path:
    """Return the folder that holds the jars and the recorded answers; made if absent."""
    default = Path.home() / ".cache" / "minikafka" / f"kafka-{KAFKA_VERSION}"
    path = Path(os.environ.get("MINIKAFKA_KAFKA_DIR", default))
    path.mkdir(parents=True, exist_ok=True)
    return path


def fetch_jars() -> Path:
    """Return the folder of the server jars, fetched on first use.

    Raises:
        KafkaFailedError: Maven failed; the text holds what it said.
    """
    libs = kafka_dir() / "libs"
    done = kafka_dir() / "libs.complete"
    if done.exists():
        return libs
    (kafka_dir() / "pom.xml").write_text(POM.format(version=KAFKA_VERSION))
    command = ["mvn", "-q", "-B", "-ntp", "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={libs}"]
    outcome = subprocess.run(
        command, cwd=kafka_dir(), capture_output=True, text=True, check=False
    )
    if outcome.returncode != 0:
        raise KafkaFailedError(f"mvn failed:\n{outcome.stdout}{outcome.stderr}")
    done.touch()
    return libs


def _free_ports(count: int) -> list[int]:
    """Return `count` distinct ports that were free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _kafka_uuid() -> str:
    """Return a random id in Kafka's own spelling: 22 characters of URL-safe base64.

    Never one that begins with a dash, which Kafka's command line takes for an option.
    """
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


class ApacheKafka:
    """A running Apache Kafka cluster of `brokers` nodes, ids from 1 up.

    A context manager; leaving it kills the processes and removes their data.

    Args:
        brokers: number of nodes; each is broker and controller.
        config: further broker properties; they win over the defaults here.
        java_options: options of the JVM, heap and compiler.
    """

    def __init__(
        self,
        brokers: int = 1,
        config: dict[str, object] | None = None,
        java_options: tuple[str, ...] = ("-Xms256m", "-Xmx512m"),
    ) -> None:
        self.brokers = brokers
        self.config = dict(config or {})
        self.java_options = java_options
        self.node_ids = range(1, brokers + 1)
        self._dir = Path()
        self._ports: dict[int, tuple[int, int]] = {}
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._logs: list[IO[bytes]] = []

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of all brokers, comma-separated."""
        return ",".join(f"127.0.0.1:{self._ports[node][0]}" for node in self.node_ids)

    @property
    def controller_servers(self) -> str:
        """Addresses at which the controllers speak with each other, comma-separated."""
        return ",".join(f"127.0.0.1:{self._ports[node][1]}" for node in self.node_ids)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Format and start every node; returns when all brokers are in the cluster."""
        libs = fetch_jars()
        self._dir = Path(tempfile.mkdtemp(prefix="apache-kafka-"))
        ports = _free_ports(2 * self.brokers)
        self._ports = {
            node: (ports[2 * at], ports[2 * at + 1]) for at, node in enumerate(self.node_ids)
        }
        cluster_id = _kafka_uuid()
        directories = {node: _kafka_uuid() for node in self.node_ids}
        voters = ",".join(
            f"{node}@127.0.0.1:{self._ports[node][1]}:{directories[node]}"
            for node in self.node_ids
        )
        for node in self.node_ids:
            self._write_properties(node)
            tool = ["kafka.tools.StorageTool", "format", "-t", cluster_id]
            tool += ["-c", str(self._properties(node)), "--initial-controllers", voters]
            self._run_tool(self._java(libs, tool))
        for node in self.node_ids:
            log = (self._dir / f"node-{node}.log").open("wb")
            self._logs.append(log)
            self._processes[node] = subprocess.Popen(
                self._java(libs, ["kafka.Kafka", str(self._properties(node))]),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        for node in self.node_ids:
            self._wait_ready(node)

    def stop(self) -> None:
        """Kill every node and remove its data. Harmless when nothing runs."""
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._processes.clear()
        for log in self._logs:
            log.close()
        self._logs.clear()
        if self._dir != Path():
            shutil.rmtree(self._dir, ignore_errors=True)
            self._dir = Path()

    def log_text(self, node: int = 1) -> str:
        """Return what a node has printed so far."""
        return (self._dir / f"node-{node}.log").read_text(errors="replace")

    def _properties(self, node: int) -> Path:
        return self._dir / f"node-{node}.properties"

    def _write_properties(self, node: int) -> None:
        port, controller_port = self._ports[node]
        factor = min(3, self.brokers)
        config: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": node,
            "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.bootstrap.servers": ",".join(
                f"127.0.0.1:{self._ports[each][1]}" for each in self.node_ids
            ),
            "log.dirs": self._dir / f"data-{node}",
            "group.initial.rebalance.delay.ms": 0,
        }
        config |= dict.fromkeys(REPLICATED_INTERNAL_TOPICS, factor)
        config |= dict.fromkeys(IN_SYNC_INTERNAL_TOPICS, min(2, factor))
        config |= self.config
        text = "".join(f"{name}={value}\n" for name, value in config.items())
        self._properties(node).write_text(text)

    def _java(self, libs: Path, arguments: list[str]) -> list[str]:
        level = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        # A killed test run must not leave a broker behind, where the system can see to it.
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        return [*guard, "java", *self.java_options, level, "-cp", f"{libs}/*", *arguments]

    def _run_tool(self, command: list[str]) -> None:
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
        if outcome.returncode != 0:
            raise KafkaFailedError(f"storage format:\n{outcome.stdout}{outcome.stderr}")

    def _wait_ready(self, node: int) -> None:
        """Poll until the node answers DescribeCluster with every broker in it."""
        for _ in range(int(START_DEADLINE_S / POLL_S)):
            if self._members_seen_by(node) == self.brokers:
                return
            try:
                self._processes[node].wait(timeout=POLL_S)
            except subprocess.TimeoutExpired:
                continue
            raise KafkaFailedError(f"node {node} ended:\n{self.log_text(node)}")
        raise KafkaFailedError(f"node {node} is not ready:\n{self.log_text(node)}")

    def _members_seen_by(self, node: int) -> int:
        try:
            with RawClient("127.0.0.1", self._ports[node][0], timeout_s=5.0) as client:
                client.send(18, 0)
                answer = client.send(60, 0)
        except (OSError, ConnectionClosedError):
            return 0
        return len(answer.brokers)


def main() -> int:
    """Run Apache Kafka in the foreground until interrupted; prints the bootstrap line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--brokers", type=int, default=1)
    parser.add_argument("--config", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    tool = missing_tools()
    if tool is not None:
        print(f"skipped: {tool} is not installed", file=sys.stderr)
        return 1
    config = dict(each.split("=", 1) for each in options.config)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ApacheKafka(brokers=options.brokers, config=config) as kafka:
        print(f"bootstrap.servers={kafka.bootstrap_servers}", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
