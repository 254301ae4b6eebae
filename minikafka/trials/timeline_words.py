"""Requests and responses in a few words each, for the timeline; None for idle chatter."""

from __future__ import annotations

from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import CLUSTER_METADATA_TOPIC, CLUSTER_METADATA_TOPIC_ID
from minikafka.records.batch import split_batches
from minikafka.wire.versions import ApiKey

__all__ = ["answer_words", "request_words"]


def request_words(api_key: int, request: Any) -> str | None:
    """Return what a request asks."""
    if api_key == ApiKey.PRODUCE:
        parts = [
            f"{_topic(topic)}-{asked.index} {_records(asked.records)}"
            for topic in request.topics
            for asked in topic.partitions
        ]
        return f"{' '.join(parts)} acks={request.acks}"
    if api_key == ApiKey.FETCH:
        parts = [
            f"{_topic(topic)}-{asked.index}@{asked.fetch_offset}"
            for topic in request.topics
            for asked in topic.partitions
        ]
        return " ".join(parts) or None
    if api_key == ApiKey.BROKER_HEARTBEAT:
        return "wants to shut down" if request.want_shut_down else None
    if api_key == ApiKey.VOTE:
        (asked,) = request.topics[0].partitions
        kind = "pre-vote" if asked.pre_vote else "vote"
        return (
            f"{kind} for {asked.replica_id} epoch {asked.replica_epoch} end {asked.last_offset}"
        )
    if api_key in (ApiKey.BEGIN_QUORUM_EPOCH, ApiKey.END_QUORUM_EPOCH):
        (asked,) = request.topics[0].partitions
        return f"leader {asked.leader_id} epoch {asked.leader_epoch}"
    if api_key == ApiKey.ALTER_PARTITION:
        return " ".join(
            f"partition {asked.partition_index} epoch {asked.leader_epoch} isr "
            f"{[member.broker_id for member in asked.new_isr_with_epochs]}"
            for topic in request.topics
            for asked in topic.partitions
        )
    return ""


def answer_words(api_key: int, response: Any) -> str | None:
    """Return what a response says."""
    if api_key == ApiKey.PRODUCE:
        return " ".join(
            f"{_topic(topic)}-{told.index} {_error(told.error_code) or f'offset {told.base_offset}'}"
            for topic in response.topics
            for told in topic.partitions
        )
    if api_key == ApiKey.FETCH:
        parts = [
            _fetched(topic, told) for topic in response.topics for told in topic.partitions
        ]
        return " ".join(filter(None, [_error(response.error_code), *parts])) or None
    if api_key == ApiKey.BROKER_HEARTBEAT:
        error = _error(response.error_code)
        return error or ("fenced" if response.is_fenced else None)
    if api_key == ApiKey.METADATA:
        return " ".join(
            f"{topic.name}-{told.partition_index} leader {told.leader_id}"
            for topic in response.topics
            for told in topic.partitions
        )
    if api_key == ApiKey.VOTE and response.topics:
        (told,) = response.topics[0].partitions
        return f"{'granted' if told.vote_granted else 'refused'} epoch {told.leader_epoch}"
    if api_key == ApiKey.ALTER_PARTITION:
        return _error(response.error_code) or " ".join(
            _error(told.error_code) or f"isr {list(told.isr)}"
            for topic in response.topics
            for told in topic.partitions
        )
    return _error(getattr(response, "error_code", 0)) or "ok"


def _fetched(topic: Any, told: Any) -> str:
    """Return what a fetch brought of one partition; nothing where it has no news."""
    where = f"{_topic(topic)}-{told.index}"
    if told.error_code:
        return f"{where} {_error(told.error_code)}"
    if told.diverging_epoch is not None:
        epoch, end = told.diverging_epoch
        return f"{where} diverges: epoch {epoch} ends at {end}"
    if told.records is not None and len(told.records):
        return f"{where} {_records(told.records)} hw={told.high_watermark}"
    return ""


def _topic(topic: Any) -> str:
    if topic.topic_id == CLUSTER_METADATA_TOPIC_ID:
        return CLUSTER_METADATA_TOPIC
    return topic.name or f"topic:{str(topic.topic_id)[:8]}"


def _error(code: Any) -> str:
    number = int(getattr(code, "value", code))
    if not number:
        return ""
    try:
        return ErrorCode(number).name
    except ValueError:
        return f"error {number}"


def _records(data: memoryview | None) -> str:
    """Return offsets and number of the records in a span."""
    if data is None or not len(data):
        return "no records"
    try:
        batches = split_batches(data)
    except KafkaError:
        return f"{len(data)} bytes"
    count = sum(batch.record_count for batch in batches)
    return f"[{batches[0].base_offset}..{batches[-1].last_offset}] {count} records"
