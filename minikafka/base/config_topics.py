"""The topic configs of Apache Kafka 4.1, and the broker configs that stand in for them.

Tables and nothing else; `config` resolves them.
Counterpart: org.apache.kafka.storage.internals.log.LogConfig, ServerTopicConfigSynonyms.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from minikafka.base.config_keys import read_table

__all__ = ["TOPIC_KEYS", "TOPIC_SYNONYMS", "Synonym"]

_TABLE = """
segment.bytes INT 1073741824 T 1048576..
segment.ms LONG 604800000 T 1..
segment.jitter.ms LONG 0 T 0..
segment.index.bytes INT 10485760 T 4..
flush.messages LONG 9223372036854775807 T 1..
flush.ms LONG 9223372036854775807 T 0..
retention.bytes LONG -1 T
retention.ms LONG 604800000 T -1..
max.message.bytes INT 1048588 T 0..
index.interval.bytes INT 4096 T 0..
delete.retention.ms LONG 86400000 T 0..
min.compaction.lag.ms LONG 0 T 0..
max.compaction.lag.ms LONG 9223372036854775807 T 1..
file.delete.delay.ms LONG 60000 T 0..
min.cleanable.dirty.ratio DOUBLE 0.5 T 0..1
cleanup.policy LIST delete T in:compact,delete
unclean.leader.election.enable BOOLEAN false T
min.insync.replicas INT 1 T 1..
compression.type STRING producer T in:uncompressed,zstd,lz4,snappy,gzip,producer
compression.gzip.level INT -1 T 1..9|-1
compression.lz4.level INT 9 T 1..17
compression.zstd.level INT 3 T -131072..22
preallocate BOOLEAN false T
message.timestamp.type STRING CreateTime T in:CreateTime,LogAppendTime
message.timestamp.before.max.ms LONG 9223372036854775807 T 0..
message.timestamp.after.max.ms LONG 3600000 T 0..
leader.replication.throttled.replicas LIST "" T replicas
follower.replication.throttled.replicas LIST "" T replicas
remote.storage.enable BOOLEAN false T
local.retention.ms LONG -2 T -2..
local.retention.bytes LONG -2 T -2..
remote.log.copy.disable BOOLEAN false T
remote.log.delete.on.disable BOOLEAN false T
internal.segment.bytes INT ~ Ti
"""

TOPIC_KEYS = read_table(_TABLE)
"""Every topic config by name, in Kafka's order of definition."""


class Synonym(NamedTuple):
    """A broker config that gives a topic config its value, after multiplying by `factor`."""

    name: str
    factor: int = 1


_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS

_SYNONYMS: dict[str, tuple[Synonym, ...]] = {
    "segment.bytes": (Synonym("log.segment.bytes"),),
    "segment.ms": (Synonym("log.roll.ms"), Synonym("log.roll.hours", _HOUR_MS)),
    "segment.jitter.ms": (
        Synonym("log.roll.jitter.ms"),
        Synonym("log.roll.jitter.hours", _HOUR_MS),
    ),
    "segment.index.bytes": (Synonym("log.index.size.max.bytes"),),
    "flush.messages": (Synonym("log.flush.interval.messages"),),
    "flush.ms": (
        Synonym("log.flush.interval.ms"),
        Synonym("log.flush.scheduler.interval.ms"),
    ),
    "retention.bytes": (Synonym("log.retention.bytes"),),
    "retention.ms": (
        Synonym("log.retention.ms"),
        Synonym("log.retention.minutes", _MINUTE_MS),
        Synonym("log.retention.hours", _HOUR_MS),
    ),
    "max.message.bytes": (Synonym("message.max.bytes"),),
    "index.interval.bytes": (Synonym("log.index.interval.bytes"),),
    "delete.retention.ms": (Synonym("log.cleaner.delete.retention.ms"),),
    "min.compaction.lag.ms": (Synonym("log.cleaner.min.compaction.lag.ms"),),
    "max.compaction.lag.ms": (Synonym("log.cleaner.max.compaction.lag.ms"),),
    "file.delete.delay.ms": (Synonym("log.segment.delete.delay.ms"),),
    "min.cleanable.dirty.ratio": (Synonym("log.cleaner.min.cleanable.ratio"),),
    "cleanup.policy": (Synonym("log.cleanup.policy"),),
    "unclean.leader.election.enable": (Synonym("unclean.leader.election.enable"),),
    "min.insync.replicas": (Synonym("min.insync.replicas"),),
    "compression.type": (Synonym("compression.type"),),
    "compression.gzip.level": (Synonym("compression.gzip.level"),),
    "compression.lz4.level": (Synonym("compression.lz4.level"),),
    "compression.zstd.level": (Synonym("compression.zstd.level"),),
    "preallocate": (Synonym("log.preallocate"),),
    "message.timestamp.type": (Synonym("log.message.timestamp.type"),),
    "message.timestamp.before.max.ms": (Synonym("log.message.timestamp.before.max.ms"),),
    "message.timestamp.after.max.ms": (Synonym("log.message.timestamp.after.max.ms"),),
    "local.retention.ms": (Synonym("log.local.retention.ms"),),
    "local.retention.bytes": (Synonym("log.local.retention.bytes"),),
}

TOPIC_SYNONYMS: Mapping[str, tuple[Synonym, ...]] = MappingProxyType(_SYNONYMS)
"""Topic config to its broker configs, the first one set wins; none: no broker default."""
