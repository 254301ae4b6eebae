"""A consumer of a trial that knows its rack, and goes where leaders send it (KIP-392).

aiokafka does not know of racks. What it is sent is judged by the rules of answers; it only has to
ask, from one place to the next.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.wire.fetch import (
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopic,
)
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.trials.simulation import Simulation

__all__ = ["read_by_rack"]

FETCH_VERSION = 12
WAIT_MS = 300
BYTES_MAX = 1 << 20
GAP_S = 0.1


async def read_by_rack(
    simulation: Simulation, places: list[tuple[str, int]], rack: str
) -> None:
    """Read all partitions for ever, each where its leader says.

    Cancellation: ends it.
    """
    draws = Random(f"{simulation.seed}:rack-{rack}")  # noqa: S311 - reproducible
    offsets = dict.fromkeys(places, 0)
    nearby: dict[tuple[str, int], int] = {}
    while True:
        await asyncio.sleep(draws.expovariate(1 / GAP_S))
        place = places[draws.randrange(len(places))]
        try:
            leader = simulation.cluster.leader(*place)
            broker = nearby.get(place, leader)
            if broker is None:
                continue
            told = await _fetch(simulation, broker, place, offsets[place], rack)
        except KafkaError:
            nearby.pop(place, None)
            continue
        simulation.operations += 1
        if told.error_code or draws.random() < 0.05:
            # As clients do: back to the leader, also from time to time.
            nearby.pop(place, None)
            if told.error_code == ErrorCode.OFFSET_OUT_OF_RANGE and broker == leader:
                offsets[place] = 0
        elif told.preferred_read_replica >= 0:
            nearby[place] = told.preferred_read_replica
        for batch in told.batches:
            offsets[place] = max(offsets[place], batch.next_offset)  # type: ignore[attr-defined]  # in process they are our Batch


async def _fetch(
    simulation: Simulation, broker: int, place: tuple[str, int], offset: int, rack: str
) -> FetchPartitionResponse:
    topic, partition = place
    asked = FetchPartition(partition, fetch_offset=offset, max_bytes=BYTES_MAX)
    request = FetchRequest(
        max_wait_ms=WAIT_MS,
        min_bytes=1,
        max_bytes=BYTES_MAX,
        topics=[FetchTopic(topic, None, [asked])],
        rack_id=rack,
    )
    client = simulation.cluster.client()
    answer: FetchResponse = await client.call(broker, ApiKey.FETCH, FETCH_VERSION, request)
    if answer.error_code:
        raise KafkaError(ErrorCode(answer.error_code))
    return answer.topics[0].partitions[0]
