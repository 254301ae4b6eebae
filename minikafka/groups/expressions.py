"""Subscriptions by regular expression: which topics they stand for, and when to look again.

Expressions are resolved after the heartbeat that brings them, so that it does not wait for a scan
of all topics; who has subscribed hears of the result with the next one.
Counterpart: GroupMetadataManager.maybeUpdateRegularExpressions, refreshRegularExpressions. KIP-848.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.groups.commands import NOTHING, Decision, Moment
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.consumer_members import ConsumerMember
from minikafka.groups.consumer_records import (
    GroupEpoch,
    PartitionMetadata,
    RegularExpression,
    StoredEpoch,
    StoredExpression,
)
from minikafka.groups.re2 import RegexError
from minikafka.groups.re2_parser import compile_regex
from minikafka.groups.records import GroupRecord
from minikafka.groups.table import GroupTable
from minikafka.groups.topics import Topics, group_hash

__all__ = ["check_expression", "resolve", "update_expressions"]

REFRESH_INTERVAL_MIN_MS = 10_000
"""The expressions of a group are resolved at most so often, whoever brings them."""


def check_expression(regex: str) -> None:
    """Refuse what is no regular expression; raises INVALID_REGULAR_EXPRESSION."""
    try:
        compile_regex(regex)
    except RegexError as error:
        raise KafkaError(
            ErrorCode.INVALID_REGULAR_EXPRESSION,
            f"SubscribedTopicRegex `{regex}` is not a valid regular expression: {error}.",
        ) from error


def resolve(
    regexes: Iterable[str], topics: Topics, timestamp_ms: int
) -> dict[str, StoredExpression]:
    """Return what each expression stands for: it has to match the whole name of a topic."""
    found: dict[str, StoredExpression] = {}
    for regex in regexes:
        program = compile_regex(regex)
        names = tuple(sorted(name for name in topics.by_name if program.matches(name)))
        found[regex] = StoredExpression(names, topics.offset - 1, timestamp_ms)
    return found


def update_expressions(
    table: GroupTable,
    group: ConsumerGroup,
    member: ConsumerMember,
    updated: ConsumerMember,
    records: list[GroupRecord],
    now: Moment,
) -> bool:
    """Follow a member that may have changed its expression; say whether the group changes now.

    Has the expressions of the group resolved where one is new, or topics are.

    Raises:
        KafkaError: INVALID_REGULAR_EXPRESSION.
    """
    before = group.regexes()
    bump = wanted = False
    if member.regex != updated.regex:
        if member.regex and before.get(member.regex) == 1:
            records.append(RegularExpression(group.group_id, member.regex, None))
        if updated.regex:
            if updated.regex in before:
                bump = updated.regex in group.expressions
            else:
                check_expression(updated.regex)
                wanted = True
    if not (wanted or before):
        return bump
    key = ("regex", group.group_id)
    if table.timers.is_set(key) or not _may_refresh(group, now):
        return bump
    after = group.regexes(updated)
    last = min((each.version for each in group.expressions.values()), default=-1)
    age_ms = now.timestamp_ms - _resolved_at_ms(group)
    wanted = (
        wanted
        or len(after) != len(group.expressions)
        or last < table.topics.new_at - 1
        or age_ms > table.limits.consumer.regex_refresh_interval_ms
    )
    if wanted and after:
        _schedule(table, group.group_id, tuple(after), now)
    return bump


def _resolved_at_ms(group: ConsumerGroup) -> int:
    return max((each.timestamp_ms for each in group.expressions.values()), default=-1)


def _may_refresh(group: ConsumerGroup, now: Moment) -> bool:
    last_ms = _resolved_at_ms(group)
    return last_ms < 0 or now.timestamp_ms > last_ms + REFRESH_INTERVAL_MIN_MS


def _schedule(table: GroupTable, group_id: str, regexes: tuple[str, ...], now: Moment) -> None:
    def refresh(then: Moment) -> Decision[None]:
        group = table.consumers.get(group_id)
        if group is None:
            return NOTHING
        return _refreshed(table, group, resolve(regexes, table.topics, then.timestamp_ms))

    table.timers.schedule(("regex", group_id), now.ms, refresh)


def _refreshed(
    table: GroupTable, group: ConsumerGroup, found: Mapping[str, StoredExpression]
) -> Decision[None]:
    """Write down what expressions stand for; the group changes where topics do."""
    group_id = group.group_id
    used = group.regexes()
    current = {regex: value for regex, value in found.items() if regex in used}
    records: list[GroupRecord] = [
        RegularExpression(group_id, regex, value) for regex, value in current.items()
    ]
    changed = any(
        value.topics != (group.expressions[regex].topics if regex in group.expressions else ())
        for regex, value in current.items()
    )
    names = group.subscribed(expressions={**group.expressions, **current})
    hashed = group_hash(table.topics, names)
    if changed or hashed != group.metadata_hash:
        records.append(GroupEpoch(group_id, StoredEpoch(group.epoch + 1, hashed)))
        if group.has_partition_metadata:
            records.append(PartitionMetadata(group_id, None))
        group.fresh_epoch = group.epoch + 1
    return Decision(tuple(records), None)
