"""Both servers of the comparison, started when first needed, and Kafka's recorded answers.

Kafka takes ten seconds to start and answers the same each time, so what it said is kept in
a file; with MINIKAFKA_CONFORMANCE_RECORDED=1 it is only started for what is not in there.

Kafka counterpart: none.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.conformance.case import Case, run
from tests.conformance.kafka import ApacheKafka, kafka_dir

__all__ = ["FAST_START", "Oracle", "Subject"]

# The comparison asks many short questions: a JVM that compiles early wins.
FAST_START = ("-Xms256m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")

# What both servers have off by default.
PREVIEWS = {"group.share.enable": "true"}


KAFKAS = {
    "group.consumer.min.heartbeat.interval.ms": 5_000,
    "group.consumer.heartbeat.interval.ms": 5_000,
}
"""Defaults of Kafka that a test double does without: they stand in answers."""


class Oracle:
    """Apache Kafka's answers, from a running broker or from the record.

    A context manager; leaving it stops the broker and writes the record.
    """

    def __init__(self, recorded: bool | None = None) -> None:
        if recorded is None:
            recorded = os.environ.get("MINIKAFKA_CONFORMANCE_RECORDED") == "1"
        self._use_record = recorded
        self._path: Path = kafka_dir() / "answers.json"
        self._record: dict[str, Any] = {}
        if self._path.exists():
            self._record = json.loads(self._path.read_text())
        self._kafka: ApacheKafka | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._kafka is not None:
            self._kafka.stop()
            self._path.write_text(json.dumps(self._record, indent=1))

    def answers(self, case: Case, version: int) -> dict[str, Any]:
        """Return Kafka's normalised answers to a case.

        Raises:
            KafkaFailedError: it is needed and does not start.
        """
        key = f"{case.at(version)} {os.environ.get('MINIKAFKA_CONFORMANCE_TEXTS', '')}".strip()
        found = self._record.get(key)
        if self._use_record and found is not None and found["source"] == case.source:
            return dict(found["answers"])
        if self._kafka is None:
            kafka = ApacheKafka(config=PREVIEWS, java_options=FAST_START)
            kafka.__enter__()
            self._kafka = kafka
        kafka = self._kafka
        answers = run(kafka.bootstrap_servers, case, version, kafka.controller_servers)
        self._record[key] = {"source": case.source, "answers": answers}
        # Through JSON, so that a fresh answer and a recorded one are the same thing.
        return dict(json.loads(json.dumps(answers)))


class Subject:
    """minikafka's answers: one broker started here, or one that runs elsewhere.

    A context manager; leaving it stops what it started.
    """

    def __init__(self, bootstrap_servers: str | None = None) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._controller_servers: str | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def answers(self, case: Case, version: int) -> dict[str, Any]:
        """Return minikafka's normalised answers to a case."""
        if self._bootstrap_servers is None:
            from minikafka import Cluster

            # Over TCP, so that there is a listener for brokers, too.
            config = {**KAFKAS, **PREVIEWS}
            made = Cluster(brokers=1, config=config, transport="tcp")
            cluster = self._stack.enter_context(made)
            self._bootstrap_servers = cluster.bootstrap_servers
            listener = cluster._cluster._nodes[1]._broker_server
            assert listener is not None
            self._controller_servers = f"127.0.0.1:{listener.port}"
        answers = run(self._bootstrap_servers, case, version, self._controller_servers)
        return dict(json.loads(json.dumps(answers)))
