"""Answers as plain values that two servers can be compared by.

Takes out what may differ between two right servers (addresses, ids, the time of day, the
wording of messages) and keeps all else: error codes, offsets, defaults, null against empty.
Lists of structures become mappings by their natural key, so that a difference has a stable
path; where Kafka promises an order, the order is kept beside.

Kafka counterpart: none.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import os
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tests.conformance.batches import describe

__all__ = ["Names", "normalise"]

# Fetch, FindCoordinator, DescribeConfigs, DescribeTopicPartitions answer in a known order.
ORDERED_APIS = frozenset({1, 10, 32, 75})
UNORDERED_FIELDS = frozenset({"configs", "synonyms"})
SETS = frozenset({"subscribed_topic_names"})
NATURAL_KEYS = (
    "name", "topic", "topic_id", "key", "resource_name", "api_key", "partition_index", "index",
    "partition", "broker_id", "node_id", "batch_index", "group_id", "member_id", "topic_name", "replica_id",
)  # fmt: skip
# Milliseconds above this are taken for the time of day, below for a time the case chose.
NOW_MS = 1_750_000_000_000
TEXT_FIELDS = frozenset({"error_message", "batch_index_error_message", "documentation"})
ID_FIELDS = frozenset({"session_id", "producer_id", "cluster_id", "finalized_features_epoch"})
ID_OF = "id of "
NOW = re.compile(r"\b17[5-9]\d{10}\b|\b1[89]\d{11}\b")


class Names:
    """What a case calls things: its topic names and the ids they got.

    Attributes:
        prefix: what every topic name of the case begins with; shown as "~".
        ids: topic ids by id; shown as "id of" and the name.
        aliases: what the server made up, e.g. member ids, and how it is shown.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.ids: dict[UUID, str] = {}
        self.aliases: dict[str, str] = {}

    def short(self, text: str) -> str:
        """Return the text with the prefix shortened."""
        for made_up, shown in self.aliases.items():
            text = text.replace(made_up, shown)
        return text.replace(self.prefix, "~")

    def topic_id(self, value: UUID) -> str:
        """Return how an id is shown."""
        return f"{ID_OF}{self.short(self.ids[value])}" if value in self.ids else "<id>"


def _keep_texts() -> bool:
    return os.environ.get("MINIKAFKA_CONFORMANCE_TEXTS") == "1"


def _masked(field: str, value: Any) -> Any:
    """Return the value, or what stands for it where two right servers may differ."""
    if field in TEXT_FIELDS and value:
        return value if _keep_texts() else "<text>"
    if field in ID_FIELDS and value not in {None, "", 0, -1}:
        return "<id>"
    if field == "host" and value:
        return "<host>"
    if field == "port" and value > 0:
        return "<port>"
    if isinstance(value, int) and not isinstance(value, bool) and NOW_MS < value < 2**43:
        return "<now>"
    return value


def _records(data: bytes) -> list[str]:
    lines = []
    for line in describe(data):
        masked = NOW.sub("<now>", line)
        # The CRC covers the time of day.
        lines.append(masked if masked == line else masked.rpartition(" ")[0])
    return lines


def _natural_key(item: Mapping[str, Any]) -> str:
    for name in NATURAL_KEYS:
        if name in item:
            # A topic has one key, asked by name or by id, so that versions compare.
            return str(item[name]).removeprefix(ID_OF)
    return "?"


class _Normaliser:
    def __init__(self, api_key: int, names: Names) -> None:
        self.ordered = api_key in ORDERED_APIS
        self.names = names

    def value(self, field: str, value: Any) -> Any:
        if dataclasses.is_dataclass(value):
            return self.structure(value)
        if isinstance(value, tuple):
            return self.array(field, value)
        if isinstance(value, enum.IntEnum):
            return f"{int(value)} {value.name.upper()}"
        if isinstance(value, UUID):
            return self.names.topic_id(value)
        if isinstance(value, datetime.timedelta):
            return round(value.total_seconds() * 1000)
        if isinstance(value, datetime.datetime):
            return _masked(field, round(value.timestamp() * 1000))
        if isinstance(value, (bytes, bytearray, memoryview)):
            return _records(bytes(value)) if field == "records" else bytes(value).hex()
        if isinstance(value, str):
            return _masked(field, self.names.short(value))
        return _masked(field, value)

    def structure(self, entity: Any) -> dict[str, Any]:
        return {
            field.name: self.value(field.name, getattr(entity, field.name))
            for field in dataclasses.fields(entity)
            if field.name != "throttle_time"
        }

    def array(self, field: str, items: tuple[Any, ...]) -> Any:
        plain = [self.value(field, each) for each in items]
        if not plain or not isinstance(plain[0], dict):
            return sorted(plain) if field in SETS else plain
        keyed: dict[str, Any] = {}
        for item in plain:
            key = _natural_key(item)
            same = sum(each.split("#")[0] == key for each in keyed)
            keyed[f"{key}#{same + 1}" if same else key] = item
        if self.ordered and field not in UNORDERED_FIELDS:
            keyed["(order)"] = list(keyed)
        return keyed


def normalise(api_key: int, answer: Any, names: Names) -> dict[str, Any]:
    """Return the answer of an API as plain, comparable values."""
    return _Normaliser(api_key, names).structure(answer)
