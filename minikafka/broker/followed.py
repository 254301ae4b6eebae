"""What a replica fetcher asks for: its partitions, in the words of a Fetch request.

Topics are in the order in which their first partition comes, with names as well as ids: which
of them goes over the wire is up to the version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minikafka.base.ids import TopicId, TopicPartition
from minikafka.broker.partition import Partition
from minikafka.wire.fetch import FetchPartition, FetchTopic, ForgottenTopic

__all__ = ["Followed", "asked_topics", "forgotten_topics", "is_other"]


class Followed:
    """One partition of a fetcher.

    Attributes:
        valid_from: number of the first request whose answer counts: answers to earlier ones
            belong to another leader epoch or another position (R17).
    """

    __slots__ = ("partition", "valid_from")

    def __init__(self, partition: Partition, valid_from: int) -> None:
        self.partition = partition
        self.valid_from = valid_from


def asked_topics(
    followed: Mapping[tuple[str, int], Followed],
    names: Iterable[TopicPartition],
    max_bytes: int,
) -> list[FetchTopic]:
    """Return where each of `names` goes on, as far as it is followed still.

    Args:
        max_bytes: of each partition.
    """
    by_topic: dict[str, FetchTopic] = {}
    for name in names:
        known = followed.get(name)
        follower = None if known is None else known.partition.follower
        if known is None or follower is None:
            continue
        topic = by_topic.get(name.topic)
        if topic is None:
            topic_id = known.partition.topic_id
            topic = by_topic[name.topic] = FetchTopic(name.topic, topic_id, [])
        log = follower.log
        topic.partitions.append(
            FetchPartition(
                name.partition,
                follower.leader_epoch,
                log.log_end_offset,
                log.epochs.latest_epoch,
                log.log_start_offset,
                max_bytes,
            )
        )
    return list(by_topic.values())


def forgotten_topics(forgotten: Mapping[tuple[TopicId, int], str]) -> list[ForgottenTopic]:
    """Return what a session is to drop, by topic id: names may have come to mean another."""
    by_topic: dict[TopicId, ForgottenTopic] = {}
    for (topic_id, index), name in forgotten.items():
        topic = by_topic.get(topic_id)
        if topic is None:
            topic = by_topic[topic_id] = ForgottenTopic(name, topic_id, [])
        topic.partitions.append(index)
    return list(by_topic.values())


def is_other(partition: Partition, topic_id: TopicId | None) -> bool:
    """Say whether an id is that of an older topic of the same name."""
    return topic_id is not None and topic_id != partition.topic_id
