"""What has happened between two looks at a cluster, as events for people and programs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from minikafka.cluster.overview import Overview, TopicState
from minikafka.cluster.partition_state import PartitionState

__all__ = ["Event", "changes", "moved"]


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Args:
        kind: e.g. `leader`.
        data: JSON's own types.
    """

    kind: str
    data: dict[str, Any]


def changes(before: Overview, after: Overview) -> list[Event]:
    """Return what has changed: brokers, controller, topics, partitions and their watermarks.

    What came and went between the two is not told; epochs show that there was something.
    """
    found = list(_brokers(before, after))
    if before.controller != after.controller:
        found.append(
            Event("controller", {"broker": after.controller, "previous": before.controller})
        )
    # While no broker is up nothing is known of topics, and none was deleted.
    if before.metadata_offset >= 0 and after.metadata_offset >= 0:
        for name in sorted({**before.topics, **after.topics}):
            found += _topic(before.topics.get(name), after.topics.get(name))
    return found


def moved(before: Overview | None, after: Overview) -> Event | None:
    """Return where replicas stand that have moved, all in one event; None where none has."""
    topics = {}
    for topic in after.topics.values():
        was = None if before is None else before.topics.get(topic.name)
        same = was is not None and was.topic_id == topic.topic_id
        known = was.partitions if was is not None and same else ()
        lines = [
            _offsets(now)
            for number, now in enumerate(topic.partitions)
            if number >= len(known)
            or known[number].replica_states != now.replica_states
            or known[number].leader != now.leader
        ]
        if lines:
            topics[topic.name] = lines
    return Event("offsets", {"topics": topics}) if topics else None


def _offsets(state: PartitionState) -> dict[str, Any]:
    return {
        "partition": state.partition,
        "high_watermark": _watermark(state),
        "log_end_offsets": {
            str(broker): replica.log_end_offset
            for broker, replica in state.replica_states.items()
        },
    }


def _brokers(before: Overview, after: Overview) -> Iterator[Event]:
    then = {each.id: each for each in before.brokers}
    for each in after.brokers:
        was = then.get(each.id)
        if was is None or (was.condition, was.fenced) != (each.condition, each.fenced):
            yield Event(
                "broker", {"id": each.id, "state": each.condition, "fenced": each.fenced}
            )


def _topic(before: TopicState | None, after: TopicState | None) -> Iterator[Event]:
    if before is not None and (after is None or after.topic_id != before.topic_id):
        yield Event("topic_deleted", {"topic": before.name, "topic_id": before.topic_id})
        before = None
    if after is None:
        return
    known = () if before is None else before.partitions
    if before is None:
        yield Event(
            "topic_created",
            {
                "topic": after.name,
                "topic_id": after.topic_id,
                "partitions": len(after.partitions),
            },
        )
    for was, now in zip(known, after.partitions, strict=False):
        yield from _partition(was, now)
    for now in after.partitions[len(known) :]:
        yield from _partition(None, now)


def _partition(before: PartitionState | None, after: PartitionState) -> Iterator[Event]:
    place = {"topic": after.topic, "partition": after.partition}
    if before is None or (before.leader, before.leader_epoch) != (
        after.leader,
        after.leader_epoch,
    ):
        yield Event(
            "leader",
            {
                **place,
                "leader": after.leader,
                "leader_epoch": after.leader_epoch,
                "previous": None if before is None else before.leader,
            },
        )
    if before is None or before.replicas != after.replicas:
        yield Event(
            "replicas",
            {
                **place,
                "replicas": list(after.replicas),
                "previous": [] if before is None else list(before.replicas),
            },
        )
    if before is None or before.isr != after.isr:
        yield Event(
            "isr",
            {
                **place,
                "isr": sorted(after.isr),
                "previous": [] if before is None else sorted(before.isr),
                "partition_epoch": after.partition_epoch,
            },
        )
    watermark = _watermark(after)
    if watermark is not None and (before is None or _watermark(before) != watermark):
        yield Event("watermark", {**place, "high_watermark": watermark})


def _watermark(state: PartitionState) -> int | None:
    """Return what the leader knows of it; None while no leader is up."""
    replica = None if state.leader is None else state.replica_states.get(state.leader)
    return None if replica is None else replica.high_watermark
