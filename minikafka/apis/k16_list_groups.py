"""ListGroups (api key 16).

Behaviour
    The groups that this broker coordinates: clients ask every broker. Filters are compared
    without regard to case.

Versions
    3   flexible
    4   states, and a filter for them (KIP-518)
    5   types, and a filter for them (KIP-848)

Not done
    Share groups and streams groups.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.groups.commands import ListedGroup
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["list_groups"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "groups": []}


@api(ApiKey.LIST_GROUPS, on_error=_error_shape)
def list_groups(request: Any, context: RequestContext) -> Shape:
    """Return the groups that are coordinated here."""
    states = [each.strip().lower() for each in optional(request, "states_filter", ())]
    types = [each.strip().lower() for each in optional(request, "types_filter", ())]
    groups: list[ListedGroup] = []
    for partition in context.broker.groups.all():
        groups += partition.read(lambda coordinator: coordinator.list_groups())
    return {
        "error_code": ErrorCode.NONE,
        "groups": [
            {
                "group_id": group.group_id,
                "protocol_type": group.protocol_type,
                "group_state": group.state,
                "group_type": group.group_type,
            }
            for group in groups
            if (not states or group.state.lower() in states)
            and (not types or group.group_type in types)
        ],
    }
