"""JoinGroup (api key 11).

Behaviour
    Answered when the group's next generation begins; everybody hears the generation and the
    protocol, the leader all members. A new group waits `group.initial.rebalance.delay.ms` for
    others, a rebalance for all members or until the longest rebalance timeout.

Versions
    0   one timeout for session and rebalance
    1   rebalance timeout (KIP-62)
    4   a member without id gets one, and joins with it (KIP-394)
    5   group.instance.id (KIP-345)
    6   flexible
    7   protocol type in the answer (KIP-559)
    8   reason (KIP-800), not kept
    9   a static leader may skip the assignment (KIP-814)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.group_requests import check_group_id, shown_host
from minikafka.apis.registry import api
from minikafka.base.deferred import Deferred, mapped
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.groups.commands import UNKNOWN_MEMBER, GroupProtocol, JoinAnswer, JoinGroup
from minikafka.wire.shapes import Shape, optional, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["join_group"]

# Refused before anybody looked for the group, so Kafka gives the member id back.
_BY_FORM = (ErrorCode.INVALID_GROUP_ID, ErrorCode.INVALID_SESSION_TIMEOUT)


def _shape(answer: JoinAnswer, version: int) -> Shape:
    name = answer.protocol_name
    return {
        "error_code": answer.error,
        "generation_id": answer.generation_id,
        "protocol_type": answer.protocol_type,
        "protocol_name": name if version >= 7 else name or "",
        "leader": answer.leader,
        "skip_assignment": answer.skip_assignment,
        "member_id": answer.member_id,
        "members": [
            {
                "member_id": member.member_id,
                "group_instance_id": member.group_instance_id,
                "metadata": member.metadata,
            }
            for member in answer.members
        ],
    }


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    member_id = request.member_id if error.code in _BY_FORM else UNKNOWN_MEMBER
    return _shape(JoinAnswer(error.code, member_id), version)


@api(ApiKey.JOIN_GROUP, on_error=_error_shape)
def join_group(request: Any, context: RequestContext) -> Deferred[Shape]:
    """Let a consumer into a group."""
    check_group_id(request.group_id)
    config, version = context.broker.config, context.api_version
    session_ms = to_ms(request.session_timeout)
    shortest_ms = config.group_min_session_timeout_ms
    if not shortest_ms <= session_ms <= config.group_max_session_timeout_ms:
        raise KafkaError(ErrorCode.INVALID_SESSION_TIMEOUT)
    rebalance = optional(request, "rebalance_timeout", request.session_timeout)
    command = JoinGroup(
        request.group_id,
        request.member_id,
        optional(request, "group_instance_id", None),
        context.client_id or "",
        shown_host(context),
        session_ms,
        to_ms(rebalance),
        request.protocol_type,
        tuple(GroupProtocol(each.name, each.metadata) for each in request.protocols),
        requires_known_member_id=version >= 4,
        supports_skip_assignment=version >= 9,
    )
    answer: Deferred[JoinAnswer] = Deferred()
    written = context.broker.groups.write(
        request.group_id, lambda coordinator, now: coordinator.join_group(command, answer, now)
    )
    written.on_done(lambda done: _pass_on(done, answer))
    return mapped(answer, lambda joined: _shape(joined, version))


def _pass_on(written: Deferred[None], answer: Deferred[JoinAnswer]) -> None:
    """Let who waits for a group hear that the log did not take it."""
    try:
        written.result()
    except KafkaError as error:
        if not answer.done:
            answer.set(JoinAnswer(error.code, UNKNOWN_MEMBER))
