"""A cluster that somebody else runs, with the little of `Cluster` that client tests need.

`MINIKAFKA_TEST_BOOTSTRAP=host:port,…` runs the client tests on it, Apache Kafka included.
What needs a look inside a broker is skipped there by name.
"""

from __future__ import annotations

import os

import pytest

__all__ = ["BOOTSTRAP_VARIABLE", "ExternalCluster", "external_bootstrap"]

BOOTSTRAP_VARIABLE = "MINIKAFKA_TEST_BOOTSTRAP"


def external_bootstrap() -> str | None:
    """Return the addresses of a cluster to test instead of a fresh one, or None."""
    return os.environ.get(BOOTSTRAP_VARIABLE) or None


class ExternalCluster:
    """The addresses, and topics made over the protocol; topics are fresh in each run."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers

    def create_topic(
        self, name: str, *, partitions: int = 1, replication_factor: int | None = None
    ) -> None:
        """Create the topic, in place of one that an earlier run left behind."""
        admin = pytest.importorskip(
            "confluent_kafka.admin", reason=f"{BOOTSTRAP_VARIABLE} needs confluent-kafka"
        )
        client = admin.AdminClient({"bootstrap.servers": self.bootstrap_servers})
        if name in client.list_topics(timeout=10).topics:
            client.delete_topics([name])[name].result(10)
        new = admin.NewTopic(name, partitions, replication_factor or 3)
        client.create_topics([new])[name].result(10)
