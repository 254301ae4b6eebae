"""Partitions by topic id: what a member has, is to have, is to give up. Counterpart: Assignment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from minikafka.base.ids import TopicId

__all__ = ["NO_PARTITIONS", "Partitions", "partitions_of"]

Partitions: TypeAlias = Mapping[TopicId, tuple[int, ...]]
"""Partitions by topic; ascending, and no topic without any. Compares regardless of order."""

NO_PARTITIONS: Partitions = {}


def partitions_of(pairs: Iterable[tuple[TopicId, Iterable[int]]]) -> Partitions:
    """Return partitions in their one form, topics in ascending order."""
    found: dict[TopicId, set[int]] = {}
    for topic_id, numbers in pairs:
        found.setdefault(topic_id, set()).update(numbers)
    return {
        topic_id: tuple(sorted(numbers))
        for topic_id, numbers in sorted(found.items())
        if numbers
    }
