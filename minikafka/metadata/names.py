"""Which topic names are allowed, and which of them are Kafka's own.

Counterpart: org.apache.kafka.common.internals.Topic.
"""

from __future__ import annotations

import re

from minikafka.base.errors import ErrorCode, KafkaError

__all__ = [
    "INTERNAL_TOPICS",
    "check_topic_name",
    "collision_key",
    "is_internal_topic",
    "topic_name_problem",
]

INTERNAL_TOPICS = ("__consumer_offsets", "__transaction_state", "__share_group_state")

_NAME_LENGTH_MAX = 249
_LEGAL = re.compile(r"[a-zA-Z0-9._-]+")


def topic_name_problem(name: str) -> str | None:
    """Return why `name` cannot name a topic, in the words clients show; None if it can."""
    if not name:
        reason = "the empty string is not allowed"
    elif name in (".", ".."):
        reason = f"'{name}' is not allowed"
    elif len(name) > _NAME_LENGTH_MAX:
        reason = (
            f"the length of '{name}' is longer than the max allowed length {_NAME_LENGTH_MAX}"
        )
    elif not _LEGAL.fullmatch(name):
        reason = (
            f"'{name}' contains one or more characters other than ASCII alphanumerics, "
            "'.', '_' and '-'"
        )
    else:
        return None
    return f"Topic name is invalid: {reason}"


def check_topic_name(name: str) -> None:
    """Raise KafkaError INVALID_TOPIC_EXCEPTION unless `name` can name a topic."""
    problem = topic_name_problem(name)
    if problem is not None:
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, problem)


def collision_key(name: str) -> str | None:
    """Return what two names that clash have in common, None if `name` cannot clash.

    Metric names fold '.' to '_', so Kafka lets only one topic of each such name exist.
    """
    return name.replace(".", "_") if "." in name or "_" in name else None


def is_internal_topic(name: str) -> bool:
    """True for topics that Kafka keeps for itself and marks in Metadata."""
    return name in INTERNAL_TOPICS
