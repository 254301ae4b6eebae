"""Topics that come into being because someone asked for them.

Holds what such a topic looks like, and how any broker has it created. Knows nothing of who
asks. Counterpart: kafka.server.DefaultAutoTopicCreationManager. KIP-361, KIP-590.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from minikafka.apis.k19_create_topics import create_topics
from minikafka.base.config import BrokerConfig
from minikafka.base.errors import KafkaError
from minikafka.broker.context import RequestContext
from minikafka.wire.shapes import Shape, build_request
from minikafka.wire.versions import SERVED, ApiKey

__all__ = ["creatable_topic", "create_missing"]

_OFFSETS_TOPIC = "__consumer_offsets"
_TRANSACTIONS_TOPIC = "__transaction_state"
_SHARE_TOPIC = "__share_group_state"
# Kafka's configs of its own topics: GroupCoordinatorConfig, TransactionLogConfig,
# ShareCoordinatorConfig.
_INTERNAL_CONFIGS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        _OFFSETS_TOPIC: {
            "cleanup.policy": "compact",
            "compression.type": "producer",
        },
        _TRANSACTIONS_TOPIC: {
            "unclean.leader.election.enable": "false",
            "compression.type": "uncompressed",
            "cleanup.policy": "compact",
        },
        _SHARE_TOPIC: {
            "cleanup.policy": "delete",
            "compression.type": "producer",
            "retention.ms": "-1",
        },
    }
)
# Where the brokers' configs say how such a topic is written.
_COORDINATORS_PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        _TRANSACTIONS_TOPIC: "transaction.state.log",
        _SHARE_TOPIC: "share.coordinator.state.topic",
    }
)


async def create_missing(names: Iterable[str], context: RequestContext) -> None:
    """The controller has been asked to create these topics.

    A refusal is nobody's business: the client asks for the metadata again, and the next answer
    says what came of it. Two askers at once are no harm either, the second is refused.
    """
    broker = context.broker
    version = SERVED[ApiKey.CREATE_TOPICS].max
    shape = {
        "topics": [creatable_topic(name, broker.config, _brokers(context)) for name in names],
        "timeout": broker.config.request_timeout_ms,
        "validate_only": False,
    }
    request = build_request(ApiKey.CREATE_TOPICS, version, shape)
    try:
        if broker.is_controller:
            now_ms = broker.clock.monotonic_ms()
            own = RequestContext(broker, version, context.client_id, 0, now_ms)
            await create_topics(request, own)
        else:
            await broker.forward(ApiKey.CREATE_TOPICS, version, request)
    except KafkaError:
        return


def _brokers(context: RequestContext) -> int:
    """Return how many brokers the cluster has, also those that have not come yet."""
    return max(len(context.broker.image.brokers), len(context.broker.quorum.machine.voters))


def creatable_topic(name: str, config: BrokerConfig, brokers: int) -> Shape:
    """Return the topic of a CreateTopics request: the broker's defaults, Kafka's own if internal.

    DIVERGENCE(internal-topic-replicas): Kafka refuses to make its own topics with more replicas
    than there are brokers, by default 3; here fewer are enough where no config asks for more.
    """
    if name == _OFFSETS_TOPIC:
        partitions = config.offsets_topic_num_partitions
        factor = config.offsets_topic_replication_factor
        if "offsets.topic.replication.factor" not in config.explicit:
            factor = min(factor, brokers)
    elif name == _TRANSACTIONS_TOPIC:
        partitions = config.transaction_state_log_num_partitions
        factor = config.transaction_state_log_replication_factor
        if "transaction.state.log.replication.factor" not in config.explicit:
            factor = min(factor, brokers)
    elif name == _SHARE_TOPIC:
        partitions = config.whole("share.coordinator.state.topic.num.partitions")
        factor = config.whole("share.coordinator.state.topic.replication.factor")
        if "share.coordinator.state.topic.replication.factor" not in config.explicit:
            factor = min(factor, brokers)
    else:
        partitions, factor = config.num_partitions, config.default_replication_factor
    return {
        "name": name,
        "num_partitions": partitions,
        "replication_factor": factor,
        "assignments": [],
        "configs": [
            {"name": key, "value": value}
            for key, value in _configs(name, config, factor).items()
        ],
    }


def _configs(name: str, config: BrokerConfig, factor: int) -> Mapping[str, str]:
    configs = _INTERNAL_CONFIGS.get(name, {})
    if name == _OFFSETS_TOPIC:
        return {**configs, "segment.bytes": str(config.offsets_topic_segment_bytes)}
    prefix = _COORDINATORS_PREFIXES.get(name)
    if prefix is None:
        return configs
    in_sync = config.whole(f"{prefix}.min.isr")
    if f"{prefix}.min.isr" not in config.explicit:
        # DIVERGENCE(internal-topic-replicas): or nothing could be written on one broker.
        in_sync = min(in_sync, factor)
    return {
        **configs,
        "min.insync.replicas": str(in_sync),
        "segment.bytes": str(config.whole(f"{prefix}.segment.bytes")),
    }
