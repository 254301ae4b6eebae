"""ListTransactions (api key 66).

Behaviour
    Lists the transactional ids that this broker coordinates, after filters for states, producer
    ids and how long a transaction has been going on. Names of states that there are not come back
    as such; with no other names nothing is listed.

Versions
    0   KIP-664
    1   a duration (KIP-994)
    2   an expression of RE2 for transactional ids (KIP-1152)

Not done
    Nothing known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.groups.re2 import RegexError
from minikafka.groups.re2_parser import compile_regex
from minikafka.transactions.states import TransactionState
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["list_transactions"]

_STATES = {state.text: state for state in TransactionState}


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code}


@api(ApiKey.LIST_TRANSACTIONS, on_error=_error_shape)
def list_transactions(request: Any, context: RequestContext) -> Shape:
    """List transactional ids."""
    names = request.state_filters
    states = [_STATES[name] for name in names if name in _STATES] if names else None
    duration_ms = optional(request, "duration_filter", -1)
    pattern = optional(request, "transactional_id_pattern", None)
    matches = _matcher(pattern) if pattern else None
    timestamp_ms = context.broker.clock.wall_ms()
    listed = [
        each
        for coordinator in context.broker.transactions.all()
        for each in coordinator.read(
            lambda machine: machine.list_transactions(
                request.producer_id_filters, states, duration_ms, timestamp_ms
            )
        )
    ]
    return {
        "error_code": ErrorCode.NONE,
        "unknown_state_filters": [name for name in names if name not in _STATES],
        "transaction_states": [
            {
                "transactional_id": each.transactional_id,
                "producer_id": each.producer_id,
                "transaction_state": each.state,
            }
            for each in listed
            if matches is None or matches(each.transactional_id)
        ],
    }


def _matcher(pattern: str) -> Callable[[str], bool]:
    try:
        return compile_regex(pattern).matches
    except RegexError as error:
        raise KafkaError(ErrorCode.INVALID_REGULAR_EXPRESSION, str(error)) from error
