"""minikafka: a replicated Kafka cluster in one Python process, for any Kafka client.

Public names only, each imported on first use: whoever imports the package for its pytest
plugin or its version does not pay for a broker.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikafka.base.config import ConfigError
    from minikafka.base.errors import ErrorCode, KafkaError
    from minikafka.cluster.client import Client, FetchResult, ProduceResult
    from minikafka.cluster.cluster import AsyncCluster
    from minikafka.cluster.partition_state import PartitionState, Record, ReplicaState
    from minikafka.cluster.sync import Cluster, SyncClient

__all__ = [
    "AsyncCluster",
    "Client",
    "Cluster",
    "ConfigError",
    "ErrorCode",
    "FetchResult",
    "KafkaError",
    "PartitionState",
    "ProduceResult",
    "Record",
    "ReplicaState",
    "SyncClient",
    "__version__",
]

__version__ = "0.1.0"

_HOMES = {
    "AsyncCluster": "minikafka.cluster.cluster",
    "Client": "minikafka.cluster.client",
    "Cluster": "minikafka.cluster.sync",
    "ConfigError": "minikafka.base.config",
    "ErrorCode": "minikafka.base.errors",
    "FetchResult": "minikafka.cluster.client",
    "KafkaError": "minikafka.base.errors",
    "PartitionState": "minikafka.cluster.partition_state",
    "ProduceResult": "minikafka.cluster.client",
    "Record": "minikafka.cluster.partition_state",
    "ReplicaState": "minikafka.cluster.partition_state",
    "SyncClient": "minikafka.cluster.sync",
}
"""Where each public name lives."""


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
