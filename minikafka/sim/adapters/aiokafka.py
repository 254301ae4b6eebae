"""aiokafka, unmodified: four names of it, replaced while a run lasts.

Tried with aiokafka 0.12 to 0.14; a release that moves one of them is found by the tests of this
module.
"""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minikafka.sim.loop import SimLoop
    from minikafka.sim.plugs import Patches

__all__ = ["plug_aiokafka"]


def plug_aiokafka(loop: SimLoop, patches: Patches) -> None:
    """Give record timestamps virtual time, and sets of its tuples an order."""
    _plug_timestamps(loop, patches)
    structs = sys.modules.get("aiokafka.structs")
    if structs is not None:
        if sys.flags.hash_randomization:
            # Sets of partitions iterate in the order of salted string hashes. Without salt, as
            # in a worker, they need no help, and C hashes faster.
            patches.set(structs.TopicPartition, "__hash__", _partition_hash)
        # `ClusterMetadata.brokers()` is a set of these, with a rack that may be None, whose
        # hash is an address before Python 3.12.
        patches.set(structs.BrokerMetadata, "__hash__", _broker_hash)
    producer = sys.modules.get("aiokafka.producer.producer")
    if producer is not None:
        # Counts producers of the whole process, for their client ids.
        patches.set(producer.AIOKafkaProducer, "_PRODUCER_CLIENT_ID_SEQUENCE", 0)


def _plug_timestamps(loop: SimLoop, patches: Patches) -> None:
    """Its compiled record builders ask the C library for the time; give it to them instead."""
    module = sys.modules.get("aiokafka.producer.message_accumulator")
    if module is None:
        return
    real = module.BatchBuilder.append

    def append(self: Any, *, timestamp: int | None, **kw: Any) -> Any:
        if timestamp is None:
            timestamp = loop.wall_ns() // 1_000_000
        return real(self, timestamp=timestamp, **kw)

    patches.set(module.BatchBuilder, "append", append)


_topic_hashes: dict[str, int] = {}


def _partition_hash(partition: Any) -> int:
    topic, number = partition
    known = _topic_hashes.get(topic)
    if known is None:
        known = _topic_hashes[topic] = zlib.crc32(topic.encode()) * 1_000_003
    return known + int(number)


def _broker_hash(broker: Any) -> int:
    return zlib.crc32(repr(tuple(broker)).encode())
