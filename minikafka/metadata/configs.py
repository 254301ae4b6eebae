"""Changes of dynamic configs: which are allowed, and the records that make them.

Pure functions on an image. Topic configs must be valid together; broker configs must be
dynamic, and those that belong to one broker cannot be set for all (KIP-226).
Counterpart: kafka.server.ConfigAdminManager, ControllerConfigurationValidator,
org.apache.kafka.controller.ConfigurationControlManager; KIP-339.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from minikafka.base.config import (
    BROKER_KEYS,
    TOPIC_KEYS,
    BrokerConfig,
    ConfigError,
    ConfigKey,
    ConfigType,
    LogConfig,
    UpdateMode,
)
from minikafka.base.config_groups import GROUP_KEYS, resolve_group_config
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import BrokerId
from minikafka.metadata.commands import (
    AlterConfigs,
    ConfigOp,
    ConfigResource,
    Decision,
    OpType,
    ResourceResult,
)
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.names import check_topic_name
from minikafka.metadata.records import ConfigChanged, MetadataRecord
from minikafka.metadata.states import BROKER_RESOURCE, GROUP_RESOURCE, TOPIC_RESOURCE

__all__ = [
    "Refusal",
    "alter_configs",
    "bootstrap_configs",
    "check_topic_configs",
    "preprocess",
]

_MIN_ISR = "min.insync.replicas"


class Refusal(NamedTuple):
    """Why one resource was refused."""

    error: ErrorCode
    message: str | None


def check_topic_configs(broker: BrokerConfig, overrides: Mapping[str, str]) -> LogConfig:
    """Return the config of a topic with these overrides.

    Raises:
        KafkaError: INVALID_CONFIG for an unknown name, a bad value, or two that contradict.
    """
    try:
        config = LogConfig.resolve(broker, overrides)
    except ConfigError as error:
        raise KafkaError(ErrorCode.INVALID_CONFIG, str(error)) from error
    if config.min_compaction_lag_ms > config.max_compaction_lag_ms:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"conflict topic config setting min.compaction.lag.ms "
            f"({config.min_compaction_lag_ms}) > max.compaction.lag.ms "
            f"({config.max_compaction_lag_ms})",
        )
    if config.remote_storage_enable:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            "Tiered Storage functionality is disabled in the broker. "
            "Topic cannot be configured with remote log storage.",
        )
    return config


def bootstrap_configs(image: MetadataImage) -> tuple[ConfigChanged, ...]:
    """Return the dynamic configs that every cluster has, as far as `image` lacks them.

    All brokers must agree on min.insync.replicas, whatever each one's own file says: the first
    controller's becomes the default of all, and stays (KIP-966).
    """
    if _MIN_ISR in image.configs.get((BROKER_RESOURCE, ""), {}):
        return ()
    value = image.static_config.text(_MIN_ISR)
    return (ConfigChanged(BROKER_RESOURCE, "", _MIN_ISR, value),)


def preprocess(
    image: MetadataImage, resources: Iterable[ConfigResource], receiver: BrokerId | None = None
) -> list[Refusal | None]:
    """Return what is wrong with the form of each resource's changes, None where nothing.

    The broker that receives the request checks this first, then the controller again.

    Args:
        image: of the one who checks.
        resources: in the order of the request.
        receiver: the broker that got the request from the client: a BROKER resource must name
            it (or be ""). None on the controller, which cannot know.
    """
    resources = list(resources)
    counts: dict[tuple[int, str], int] = {}
    for resource in resources:
        key = (resource.resource_type, resource.name)
        counts[key] = counts.get(key, 0) + 1
    refusals: list[Refusal | None] = []
    for resource in resources:
        if counts[resource.resource_type, resource.name] > 1:
            refusals.append(_bad_request("Each resource must appear at most once."))
            continue
        try:
            _check_form(image, resource, receiver)
        except KafkaError as error:
            refusals.append(Refusal(error.code, error.message))
        else:
            refusals.append(None)
    return refusals


def alter_configs(
    image: MetadataImage, command: AlterConfigs
) -> Decision[tuple[ResourceResult, ...]]:
    """Decide on incremental config changes; results are in the order of the request.

    Refusals stand in the results: INVALID_REQUEST, INVALID_CONFIG, UNKNOWN_TOPIC_OR_PARTITION,
    INVALID_TOPIC_EXCEPTION; UNKNOWN_SERVER_ERROR for an operation that does not exist, as Kafka.
    """
    records: list[MetadataRecord] = []
    results = []
    refusals = preprocess(image, command.resources)
    for resource, refusal in zip(command.resources, refusals, strict=True):
        if refusal is None:
            try:
                records += _alter_resource(image, resource)
            except KafkaError as error:
                refusal = Refusal(error.code, error.message)
        error_code, message = refusal or (ErrorCode.NONE, None)
        results.append(
            ResourceResult(resource.resource_type, resource.name, error_code, message)
        )
    return Decision(() if command.validate_only else tuple(records), tuple(results))


def _alter_resource(image: MetadataImage, resource: ConfigResource) -> list[ConfigChanged]:
    """Return the records of one resource; raises KafkaError when any change is refused."""
    current = image.configs.get((resource.resource_type, resource.name), {})
    wanted = dict(current)
    records = []
    for op in resource.ops:
        value = _new_value(image, resource, op, current.get(op.name))
        if resource.resource_type == BROKER_RESOURCE and op.name == _MIN_ISR:
            _check_min_isr(resource.name, value)
        # Kafka repeats unchanged broker configs, so that brokers reload files behind them.
        if value != current.get(op.name) or resource.resource_type == BROKER_RESOURCE:
            records.append(ConfigChanged(resource.resource_type, resource.name, op.name, value))
        if value is None:
            wanted.pop(op.name, None)
        else:
            wanted[op.name] = value
    if resource.resource_type == TOPIC_RESOURCE:
        if not resource.name:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST, "Default topic resources are not allowed."
            )
        check_topic_name(resource.name)
        check_topic_configs(image.broker_config(), wanted)
        if resource.name not in image.topics:
            raise KafkaError(
                ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                f"The topic '{resource.name}' does not exist.",
            )
    if resource.resource_type == GROUP_RESOURCE:
        _check_group_configs(image, resource.name, wanted)
    return records


def _check_group_configs(image: MetadataImage, name: str, wanted: Mapping[str, str]) -> None:
    """Raise KafkaError unless a group may have these configs; it need not be there."""
    if not name:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Default group resources are not allowed.")
    try:
        resolve_group_config(image.broker_config(), wanted)
    except ConfigError as error:
        raise KafkaError(ErrorCode.INVALID_CONFIG, str(error)) from error


def _check_min_isr(broker: str, value: str | None) -> None:
    """Keep what `bootstrap_configs` began: one value for all brokers, and never none."""
    if broker:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"{_MIN_ISR} cannot be altered for one broker: the value of the cluster counts.",
        )
    if value is None:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG, f"{_MIN_ISR} of the cluster cannot be removed."
        )


def _new_value(
    image: MetadataImage, resource: ConfigResource, op: ConfigOp, current: str | None
) -> str | None:
    """Return the text after `op`; None means unset."""
    if op.op == OpType.DELETE:
        return None
    if op.op == OpType.SET:
        return op.value
    topic = resource.resource_type == TOPIC_RESOURCE
    group = resource.resource_type == GROUP_RESOURCE
    key = (TOPIC_KEYS if topic else GROUP_KEYS if group else BROKER_KEYS).get(op.name)
    if key is None or key.type is not ConfigType.LIST:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"Can't {OpType(op.op).name} to key {op.name} because its type is not LIST.",
        )
    if current is None:
        config = image.static_config
        current = config.topic_default(op.name) if topic else config.text(op.name)
    parts = [part for part in (current or "").split(",") if part]
    for item in (op.value or "").split(","):
        if op.op == OpType.APPEND and item not in parts:
            parts.append(item)
        elif op.op == OpType.SUBTRACT and item in parts:
            parts.remove(item)
    return ",".join(parts)


def _check_form(
    image: MetadataImage, resource: ConfigResource, receiver: BrokerId | None
) -> None:
    """Raise KafkaError when the request is refused before looking at the topic."""
    names = [op.name for op in resource.ops]
    if len(dict.fromkeys(names)) != len(names):
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Error due to duplicate config keys")
    for op in resource.ops:
        if op.op not in OpType.__members__.values():
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
    nulls = [op.name for op in resource.ops if op.op != OpType.DELETE and op.value is None]
    if nulls:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"Null value not supported for : {','.join(nulls)}"
        )
    if resource.resource_type == BROKER_RESOURCE:
        if resource.name:
            _check_broker_name(resource.name, receiver)
        _check_broker_configs(image, resource)
    elif resource.resource_type not in (TOPIC_RESOURCE, GROUP_RESOURCE):
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"Unknown resource type {resource.resource_type}"
        )


def _check_broker_name(name: str, receiver: BrokerId | None) -> None:
    try:
        broker_id = int(name)
    except ValueError:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"Node id must be an integer, but it is: {name}"
        ) from None
    if receiver is not None and broker_id != receiver:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"Unexpected broker id, expected {receiver}, but received {name}",
        )


def _check_broker_configs(image: MetadataImage, resource: ConfigResource) -> None:
    """Raise KafkaError unless every change of the broker resource may happen at run time."""
    keys = {op.name: BROKER_KEYS[op.name] for op in resource.ops if op.name in BROKER_KEYS}
    for op in resource.ops:
        key = keys.get(op.name)
        appends = op.op in (OpType.APPEND, OpType.SUBTRACT)
        if appends and (key is None or key.type is not ConfigType.LIST):
            raise KafkaError(
                ErrorCode.INVALID_CONFIG,
                f"Config value append is not allowed for config key: {op.name}",
            )
    fixed = [name for name, key in keys.items() if key.mode is UpdateMode.READ_ONLY]
    if fixed:
        raise _refused_names("Cannot update these configs dynamically", fixed)
    secure = [name for name, key in keys.items() if _needs_listener_prefix(key)]
    if secure:
        raise _refused_names(
            "These security configs can be dynamically updated only per-listener using the "
            "listener prefix",
            secure,
        )
    own = [name for name, key in keys.items() if key.mode is UpdateMode.PER_BROKER]
    if own and not resource.name:
        raise _refused_names(
            "Cannot update these configs at default cluster level, broker id must be specified",
            own,
        )
    changes = {
        op.name: op.value
        for op in resource.ops
        if op.op == OpType.SET and op.name in keys and op.value is not None
    }
    try:
        image.static_config.with_overrides(changes)
    except ConfigError as error:
        raise KafkaError(ErrorCode.INVALID_REQUEST, str(error)) from error


def _needs_listener_prefix(key: ConfigKey) -> bool:
    return key.mode is UpdateMode.PER_BROKER and key.name.startswith(("ssl.", "sasl."))


def _refused_names(reason: str, names: list[str]) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, f"{reason}: Set({', '.join(names)})")


def _bad_request(message: str) -> Refusal:
    return Refusal(ErrorCode.INVALID_REQUEST, message)
