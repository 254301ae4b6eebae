"""What the APIs of share groups have in common. KIP-932."""

from __future__ import annotations

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext

__all__ = ["check_enabled"]


def check_enabled(context: RequestContext) -> None:
    """Raise KafkaError UNSUPPORTED_VERSION unless share groups are switched on.

    They are off by default, as in Kafka 4.1, where they are a preview.
    """
    if not context.broker.config.value("group.share.enable"):
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, "The version of API is not supported.")
