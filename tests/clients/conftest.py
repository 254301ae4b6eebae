"""One cluster of three brokers per file, or the one that MINIKAFKA_TEST_BOOTSTRAP names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.external import ExternalCluster, external_bootstrap
from tests.support.workload import PARTITIONS, check_replicas

if TYPE_CHECKING:
    from minikafka import Cluster

    AnyCluster = Cluster | ExternalCluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[AnyCluster]:
    """Three brokers, shared by the tests of a file; each test makes its own topics."""
    addresses = external_bootstrap()
    if addresses is not None:
        yield ExternalCluster(addresses)
        return
    from minikafka import Cluster

    with Cluster(brokers=3) as fresh:
        yield fresh


@pytest.fixture
def bootstrap_servers(cluster: AnyCluster) -> str:
    """The address list that clients are given."""
    return cluster.bootstrap_servers


@pytest.fixture
def topic(cluster: AnyCluster, request: pytest.FixtureRequest) -> str:
    """A fresh topic of six partitions with three replicas each, named after the test."""
    name: str = request.node.name.replace("[", ".").replace("]", "")
    cluster.create_topic(name, partitions=PARTITIONS, replication_factor=3)
    return name


@pytest.fixture
def replicas_agree(cluster: AnyCluster, topic: str) -> Callable[[str], None]:
    """A check that all replicas are byte-identical and hold the codec; only for our brokers."""

    def check(codec: str) -> None:
        if not isinstance(cluster, ExternalCluster):
            check_replicas(cluster, topic, codec)

    return check
