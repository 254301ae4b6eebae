"""IncrementalAlterConfigs (api key 44).

Behaviour
    The broker that is asked refuses what is wrong in form: a resource or a key named twice, a
    null value, another broker's configs. The rest goes to the active controller, which takes
    or refuses each resource as a whole. The answer is in the order of the request.

Versions
    0   set, delete, append, subtract (KIP-339)
    1   flexible

Not done
    DIVERGENCE(config-resources): broker loggers and client metrics have no configs here;
    changing them is INVALID_REQUEST.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.metadata.commands import (
    AlterConfigs,
    ConfigOp,
    ConfigResource,
    ResourceResult,
)
from minikafka.metadata.configs import Refusal, preprocess
from minikafka.wire.shapes import Shape, build_request
from minikafka.wire.versions import ApiKey

__all__ = ["incremental_alter_configs"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "responses": [
            _result(each, Refusal(error.code, error.message))
            for each in _resources(request.resources)
        ]
    }


@api(ApiKey.INCREMENTAL_ALTER_CONFIGS, on_error=_error_shape)
async def incremental_alter_configs(request: Any, context: RequestContext) -> Shape:
    """Change configs of topics and brokers, or say why not."""
    resources = _resources(request.resources)
    # A broker that sends a request on has seen to it that it names itself.
    receiver = None if context.from_broker else context.broker.node_id
    refusals = preprocess(context.broker.image, resources, receiver)
    checked = list(zip(resources, refusals, strict=True))
    left = tuple(resource for resource, refusal in checked if refusal is None)
    decided = await _decided(AlterConfigs(left, request.validate_only), context)
    outcomes = {(each.resource_type, each.name): _outcome(each) for each in decided}
    return {
        "responses": [
            _result(each, refusal or outcomes[each.resource_type, each.name])
            for each, refusal in checked
        ]
    }


async def _decided(command: AlterConfigs, context: RequestContext) -> Sequence[ResourceResult]:
    broker = context.broker
    if not command.resources:
        return ()
    if broker.is_controller:
        return await broker.decide(lambda controller, _: controller.alter_configs(command))
    version = context.api_version
    request = build_request(ApiKey.INCREMENTAL_ALTER_CONFIGS, version, _request(command))
    answer = await broker.forward(ApiKey.INCREMENTAL_ALTER_CONFIGS, version, request)
    return [
        ResourceResult(
            each.resource_type,
            each.resource_name,
            ErrorCode(each.error_code),
            each.error_message,
        )
        for each in answer.responses
    ]


def _resources(resources: Any) -> tuple[ConfigResource, ...]:
    return tuple(
        ConfigResource(
            each.resource_type,
            each.resource_name,
            tuple(ConfigOp(c.name, c.config_operation, c.value) for c in each.configs),
        )
        for each in resources
    )


def _request(command: AlterConfigs) -> Shape:
    return {
        "resources": [
            {
                "resource_type": each.resource_type,
                "resource_name": each.name,
                "configs": [
                    {"name": op.name, "config_operation": op.op, "value": op.value}
                    for op in each.ops
                ],
            }
            for each in command.resources
        ],
        "validate_only": command.validate_only,
    }


def _outcome(result: ResourceResult) -> Refusal:
    return Refusal(result.error, result.message)


def _result(resource: ConfigResource, outcome: Refusal) -> Shape:
    return {
        "error_code": outcome.error,
        "error_message": outcome.message,
        "resource_type": resource.resource_type,
        "resource_name": resource.name,
    }
