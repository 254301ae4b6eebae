"""Real clients that send without rest, whatever becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka import Cluster
from minikafka.bench.ledger import Ledger
from minikafka.bench.loads import Load


@pytest.mark.client
def test_producer_whose_sender_has_died_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """As aiokafka's does of a connection that is reset; what it held is unknown, what follows is sent."""
    client = pytest.importorskip("aiokafka.client").AIOKafkaClient
    send, requests = client.send, iter(range(1_000_000))

    async def sometimes_reset(self: Any, node: int, request: Any, **more: Any) -> Any:
        if type(request).__name__.startswith("Produce") and next(requests) == 5:
            raise ConnectionResetError
        return await send(self, node, request, **more)

    monkeypatch.setattr(client, "send", sometimes_reset)
    with Cluster(brokers=1) as cluster:
        cluster.create_topic("t")
        ledger = Ledger("t", 0, 0)
        load = Load("aiokafka", cluster.bootstrap_servers, ledger, 500)
        load.start()
        try:
            cluster.wait_until(
                lambda: any(each.send.outcome == "info" for each in ledger.sends)
            )
            heard = len(ledger.acknowledged)
            cluster.wait_until(lambda: len(ledger.acknowledged) > heard + 50)
        finally:
            load.stop()
    assert 0 < len(ledger.acknowledged) < len(ledger.sends)
