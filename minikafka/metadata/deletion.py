"""Topics are deleted, by name or by id.

A topic that a request names in two ways is not deleted at all: the client contradicts itself.
Counterpart: kafka.server.ControllerApis.deleteTopics; KIP-516.
"""

from __future__ import annotations

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID, TopicId
from minikafka.metadata.commands import Decision, DeletedTopic, DeleteTopics, TopicRef
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import TopicRemoved

__all__ = ["delete_topics"]


def delete_topics(
    image: MetadataImage, command: DeleteTopics
) -> Decision[tuple[DeletedTopic, ...]]:
    """Decide which topics go; what is given twice, by name or by id, stays and is refused.

    Results come in the order of the request, each reference once.

    Raises:
        KafkaError: TOPIC_DELETION_DISABLED when delete.topic.enable is false.
    """
    if not image.static_config.delete_topic_enable:
        raise KafkaError(ErrorCode.TOPIC_DELETION_DISABLED, "Topic deletion is disabled.")
    counts: dict[TopicRef, int] = {}
    for ref in command.topics:
        counts[ref] = counts.get(ref, 0) + 1
    by_id: dict[TopicId, TopicRef] = {}
    results: dict[TopicRef, DeletedTopic] = {}
    # References by id first: a name that leads to the same topic is then the one refused.
    for ref in sorted(counts, key=lambda ref: ref.name is not None):
        result = _find(image, ref, counts[ref])
        earlier = by_id.pop(result.topic_id, None) if not result.error else None
        if result.error:
            results[ref] = result
        elif earlier is not None:
            del results[earlier]
            results[ref] = DeletedTopic(
                ref.name,
                result.topic_id,
                ErrorCode.INVALID_REQUEST,
                "The provided topic name maps to an ID that was already supplied.",
            )
        else:
            by_id[result.topic_id] = ref
            results[ref] = result
    records = tuple(TopicRemoved(topic_id) for topic_id in by_id)
    return Decision(records, tuple(results[ref] for ref in counts if ref in results))


def _find(image: MetadataImage, ref: TopicRef, count: int) -> DeletedTopic:
    """Return the topic that `ref` means, or why there is none."""
    if ref.name is not None and ref.topic_id != ZERO_ID:
        return _refused(ref, "You may not specify both topic name and topic id.")
    if ref.name is not None:
        if count > 1:
            return _refused(ref, "Duplicate topic name.")
        topic = image.topics.get(ref.name)
        if topic is None:
            return DeletedTopic(
                ref.name,
                ZERO_ID,
                ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                "This server does not host this topic-partition.",
            )
        return DeletedTopic(topic.name, topic.topic_id)
    if ref.topic_id == ZERO_ID:
        return _refused(ref, "Neither topic name nor id were specified.")
    if count > 1:
        return _refused(ref, "Duplicate topic id.")
    topic = image.topic_by_id(ref.topic_id)
    if topic is None:
        return DeletedTopic(
            None,
            ref.topic_id,
            ErrorCode.UNKNOWN_TOPIC_ID,
            "This server does not host this topic ID.",
        )
    return DeletedTopic(topic.name, topic.topic_id)


def _refused(ref: TopicRef, message: str) -> DeletedTopic:
    return DeletedTopic(ref.name, ref.topic_id, ErrorCode.INVALID_REQUEST, message)
