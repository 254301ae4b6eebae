"""A record of an aborted transaction and one of a committed one: who is handed what."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from benchmarks.transaction_reads import ABORTED, CLIENTS, COMMITTED, ISOLATIONS

if TYPE_CHECKING:
    from minikafka import Cluster
    from tests.support.external import ExternalCluster

pytestmark = [
    pytest.mark.client,
    pytest.mark.time_limit(60),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SILENCE_S = 0.2


@pytest.mark.parametrize("client", CLIENTS)
def test_reader_of_committed_records_is_handed_exactly_those(
    client: str, cluster: Cluster | ExternalCluster, topic: str
) -> None:
    """The other reader is handed the aborted one as well, and both of them no marker."""
    chosen = CLIENTS[client]
    pytest.importorskip(chosen.module)
    servers = cluster.bootstrap_servers
    chosen.write(servers, topic)
    handed = {
        isolation: chosen.read(servers, topic, isolation, SILENCE_S) for isolation in ISOLATIONS
    }
    gc.collect()
    assert handed == {
        "read_committed": [COMMITTED],
        "read_uncommitted": [ABORTED, COMMITTED],
    }
