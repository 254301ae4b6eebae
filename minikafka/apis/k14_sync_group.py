"""SyncGroup (api key 14).

Behaviour
    Answered when the leader of the group has sent the assignment and the log holds it; in a
    stable group at once.

Versions
    3   group.instance.id (KIP-345)
    4   flexible
    5   protocol type and name, which have to fit (KIP-559)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.group_requests import check_group_id
from minikafka.apis.registry import api
from minikafka.base.deferred import Deferred, mapped
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.groups.commands import SyncAnswer, SyncGroup
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["sync_group"]


def _shape(answer: SyncAnswer) -> Shape:
    return {
        "error_code": answer.error,
        "protocol_type": answer.protocol_type,
        "protocol_name": answer.protocol_name,
        "assignment": answer.assignment,
    }


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return _shape(SyncAnswer(error.code))


@api(ApiKey.SYNC_GROUP, on_error=_error_shape)
def sync_group(request: Any, context: RequestContext) -> Deferred[Shape]:
    """Give a member its assignment."""
    protocol_type = optional(request, "protocol_type", None)
    protocol_name = optional(request, "protocol_name", None)
    if context.api_version >= 5 and (protocol_type is None or protocol_name is None):
        raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    check_group_id(request.group_id)
    command = SyncGroup(
        request.group_id,
        request.generation_id,
        request.member_id,
        optional(request, "group_instance_id", None),
        protocol_type,
        protocol_name,
        tuple((each.member_id, each.assignment) for each in request.assignments),
    )
    answer: Deferred[SyncAnswer] = Deferred()
    written = context.broker.groups.write(
        request.group_id, lambda coordinator, now: coordinator.sync_group(command, answer, now)
    )
    written.on_done(lambda done: _pass_on(done, answer))
    return mapped(answer, _shape)


def _pass_on(written: Deferred[None], answer: Deferred[SyncAnswer]) -> None:
    """Let who brought an assignment hear that the log did not take it."""
    try:
        written.result()
    except KafkaError as error:
        if not answer.done:
            answer.set(SyncAnswer(error.code))
