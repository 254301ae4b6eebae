"""The stage of a failover benchmark whose brokers are processes: SIGKILL and SIGSTOP are what they are.

Looks in as any client does, so its times are as exact as an answer is quick.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from minikafka.base.errors import KafkaError
from minikafka.base.ids import CLUSTER_METADATA_TOPIC, NO_LEADER
from minikafka.bench.settings import Setting, cluster_config
from minikafka.bench.stage import TOPIC, Look, elect_shape
from minikafka.cluster.connection import Connection, ConnectionLost
from minikafka.cluster.remote import RemoteCluster
from minikafka.cluster.remote_consumer import RemoteConsumer
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["PROCESS_FAULTS", "ProcessStage"]

PROCESS_FAULTS = {"kill": signal.SIGKILL, "pause": signal.SIGSTOP}
"""What can be done to a process without rights over the network."""

HOST = "127.0.0.1"
IDS = (1, 2, 3)
START_S = 20.0
PATIENCE_S = 0.5
POLL_S = 0.01


class ProcessStage:
    """Three processes of `minikafka broker`, all of them voters, with files."""

    def __init__(self, setting: Setting) -> None:
        self.partition = 0
        self._config = cluster_config(setting)
        self._runner = asyncio.Runner()
        self._folder = tempfile.TemporaryDirectory(prefix="minikafka-bench-")
        ports = _free_ports(2 * len(IDS))
        self._ports = dict(zip(IDS, ports, strict=False))
        self._voters = ",".join(
            f"{broker}@{HOST}:{port}"
            for broker, port in zip(IDS, ports[len(IDS) :], strict=True)
        )
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._connections: dict[int, Connection] = {}
        self._struck: list[int] = []

    def __enter__(self) -> Self:
        try:
            for broker in IDS:
                self._start(broker)
            self.wait_until(lambda: self._runner.run(self._created()), START_S)
            self.wait_until(lambda: self.look().whole, START_S)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of all brokers."""
        return ",".join(f"{HOST}:{port}" for port in self._ports.values())

    def look(self) -> Look:
        """Say how the cluster stands, by what those say who were not struck."""
        return self._runner.run(self._look())

    def prefer(self, replicas: Sequence[int]) -> None:
        """Let the partition be led by the first of its replicas: as an operator would."""
        target = {"partition_index": self.partition, "replicas": tuple(replicas)}
        moved = {"timeout": 10_000, "topics": [{"name": TOPIC, "partitions": [target]}]}
        for key, shape in (
            (ApiKey.ALTER_PARTITION_REASSIGNMENTS, moved),
            (ApiKey.ELECT_LEADERS, elect_shape(self.partition)),
        ):
            self._runner.run(self._ask(replicas[0], key, shape))

    def slow(self, broker: int, others: Sequence[int], latency_s: float) -> None:
        """Leave the links as they are: they are the kernel's."""

    def cut_off(self, broker: int, others: Sequence[int]) -> None:
        """Refuse: the links are the kernel's."""
        raise NotImplementedError("links between processes are not cut here")

    def strike(self, fault: str, broker: int) -> None:
        """Let a fault begin: a signal that cannot be caught."""
        self._struck.append(broker)
        self._processes[broker].send_signal(PROCESS_FAULTS[fault])

    def undo(self, fault: str, broker: int) -> None:
        """Let it be over: the process goes on, or is another one over the same files."""
        if fault == "pause":
            self._processes[broker].send_signal(signal.SIGCONT)
        else:
            self._processes[broker].wait()
            self._start(broker)
        self._struck.remove(broker)

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> None:
        """Return once the condition holds; raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() >= deadline:
                raise TimeoutError(f"not true within {timeout:g} s\n{self._complaints()}")
            self._runner.run(asyncio.sleep(POLL_S))

    def values(self) -> list[tuple[int, bytes]]:
        """Return offset and value of all that is committed."""
        return self._runner.run(self._values())

    # --- inside ---

    def _start(self, broker: int) -> None:
        command = [sys.executable, "-m", "minikafka", "broker", "--node-id", str(broker)]
        command += ["--voters", self._voters, "--listen", f"{HOST}:{self._ports[broker]}"]
        command += ["--data", str(Path(self._folder.name, str(broker)))]
        for name, value in self._config.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            command += ["--set", f"{name}={text}"]
        with self._said(broker).open("ab") as said:
            self._processes[broker] = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=said
            )

    def _said(self, broker: int) -> Path:
        return Path(self._folder.name, f"{broker}.err")

    def _complaints(self) -> str:
        return "".join(self._said(broker).read_text("utf-8") for broker in IDS)

    def _close(self) -> None:
        with ExitStack() as stack:
            stack.callback(self._folder.cleanup)
            stack.callback(self._runner.close)
            for process in self._processes.values():
                process.kill()
                process.wait()
            self._runner.run(self._hang_up())

    async def _hang_up(self) -> None:
        while self._connections:
            _, connection = self._connections.popitem()
            await connection.close()

    async def _created(self) -> bool:
        try:
            cluster = await RemoteCluster.connect(self.bootstrap_servers, PATIENCE_S)
        except ConnectionLost:
            return False
        try:
            if len(cluster.brokers) < len(IDS):
                return False
            await cluster.create_topic(TOPIC, 1, len(IDS), {})
        finally:
            await cluster.close()
        return True

    async def _ask(self, broker: int, key: ApiKey, shape: Shape) -> Any:
        """Return what a broker answers; raises ConnectionLost where it does not, and soon."""
        connection = self._connections.get(broker)
        if connection is None:
            connection = await Connection.open(HOST, self._ports[broker], "bench", PATIENCE_S)
            self._connections[broker] = connection
        try:
            return await connection.ask(key, shape)
        except ConnectionLost:
            await self._connections.pop(broker).close()
            raise

    async def _look(self) -> Look:
        """Return the newest of what the brokers say that were not struck."""
        looks: list[tuple[int, Look]] = []
        for broker in IDS:
            if broker not in self._struck:
                with contextlib.suppress(ConnectionLost, KafkaError, IndexError):
                    looks.append(await self._seen_by(broker))
        if not looks:
            return Look(None, None, (), frozenset(), whole=False)
        _, newest = max(looks, key=lambda each: each[0])
        controllers = [each.controller for _, each in looks if each.controller is not None]
        whole = newest.whole and len(looks) == len(IDS)
        controller = controllers[0] if controllers else None
        return Look(newest.leader, controller, newest.replicas, newest.isr, whole)

    async def _seen_by(self, broker: int) -> tuple[int, Look]:
        shape: Shape = {"topics": [{"name": TOPIC, "topic_id": None}]}
        answer = await self._ask(broker, ApiKey.METADATA, shape)
        told = answer.topics[0].partitions[0]
        leader = None if told.leader_id == NO_LEADER else int(told.leader_id)
        whole = leader is not None and len(told.isr_nodes) == len(IDS)
        # Metadata names some live broker where it knows no controller: it is asked itself.
        controller = broker if answer.controller_id == broker else None
        if controller is not None and not await self._leads_quorum(broker):
            controller = None
        replicas, isr = tuple(told.replica_nodes), frozenset(told.isr_nodes)
        return told.leader_epoch, Look(leader, controller, replicas, isr, whole)

    async def _leads_quorum(self, broker: int) -> bool:
        asked = {"topic_name": CLUSTER_METADATA_TOPIC, "partitions": [{"partition_index": 0}]}
        answer = await self._ask(broker, ApiKey.DESCRIBE_QUORUM, {"topics": [asked]})
        return bool(answer.topics[0].partitions[0].leader_id == broker)

    async def _values(self) -> list[tuple[int, bytes]]:
        cluster = await RemoteCluster.connect(self.bootstrap_servers)
        found: list[tuple[int, bytes]] = []
        try:
            consumer = RemoteConsumer(cluster, TOPIC)
            await consumer.start(from_beginning=True)
            fetches = consumer.fetches()
            while not consumer.at_end:
                records = await anext(fetches)
                found += [(record.offset, record.value or b"") for record in records]
            await fetches.aclose()
        finally:
            await cluster.close()
        return found


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listened at a moment ago."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in sockets]
