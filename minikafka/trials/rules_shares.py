"""Rules of share groups: G11, G12, G13, G14.

Only the latest leader of a partition is judged: who does not know yet that it was deposed gives
what it knew, and what is said of that is fenced. An answer may be late, as it waits for what its
request acknowledges: so what it gives counts only where the member holds it still, and where it
answers the latest request of the member's session. The names are those of docs/invariants.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID, Offset
from minikafka.broker.fetch_sessions import next_epoch
from minikafka.broker.share_sessions import FINAL_EPOCH, SessionKey, ShareSession
from minikafka.shares.records import ShareKey
from minikafka.trials.invariants import Answer, check
from minikafka.trials.share_ghost import Hold, TrueShare
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.broker.live_share import LiveShare

__all__ = ["REGISTERED_HERE"]

REGISTERED_HERE = ("G11", "G12", "G13", "G14")

_ENDING = (1, 3)
"""Types of acknowledgement after which a record is not delivered again: accept, reject."""
_ABOUT = (ApiKey.SHARE_FETCH, ApiKey.SHARE_ACKNOWLEDGE)


class _Given(NamedTuple):
    """A record that a member has just been given, and holds.

    Args:
        deliveries: how many there are, this one included.
    """

    key: ShareKey
    share: TrueShare
    live: LiveShare
    offset: Offset
    deliveries: int
    deadline_ms: int


def _given(answer: Answer) -> Iterator[_Given]:
    """Yield what the latest leader gives; nothing where something may have been lost."""
    if answer.api_key != ApiKey.SHARE_FETCH or answer.ghost.may_have_lost_groups:
        return
    request = answer.request
    session = _session(answer, request.member_id)
    if session is None or session.epoch != next_epoch(request.share_session_epoch):
        return  # it answers on a connection that is gone
    for topic in answer.response["responses"]:
        for each in topic["partitions"]:
            if not each["acquired_records"]:
                continue
            key = ShareKey(request.group_id, topic["topic_id"], each["partition_index"])
            live = _latest(answer, key)
            if live is None or live.share is None:
                continue
            share = answer.ghost.shares.of(key)
            for batch in each["acquired_records"]:
                for offset in range(batch["first_offset"], batch["last_offset"] + 1):
                    holder = live.share.holder(offset)
                    if holder is not None and holder[0] == request.member_id:
                        count = batch["delivery_count"]
                        yield _Given(key, share, live, offset, count, holder[1])


def _latest(answer: Answer, key: ShareKey) -> LiveShare | None:
    """Return the share-partition at its leader, where nobody leads in a later epoch."""
    ghost = answer.ghost
    partition = ghost.find(key.topic_id, key.partition)
    state = ghost.state(key.topic_id, key.partition)
    live = answer.broker.shares.find(key)
    if partition is None or partition.may_have_lost or state is None or live is None:
        return None
    return live if live.leader_epoch >= state.leader_epoch else None


def _session(answer: Answer, member_id: str) -> ShareSession | None:
    key = SessionKey(answer.request.group_id, member_id)
    try:
        return answer.broker.shares.sessions.find(key, FINAL_EPOCH)
    except KafkaError:
        return None


# --- delivering ----------------------------------------------------------------------------


@check("G11", "answered", ApiKey.SHARE_FETCH)
def _what_is_done_is_not_delivered(answer: Answer) -> str | None:
    """A record that somebody has accepted, or rejected, never comes again.

    Not once that is written down: who has said so may not have heard that it counts.
    """
    for each in _given(answer):
        why = each.share.told.get(each.offset)
        if why is None and each.share.is_done(each.offset):
            why = "is written down as done"
        if why is not None:
            return f"{each.key}: {answer.request.member_id} is given {each.offset}, which {why}"
    return None


@check("G12", "answered", ApiKey.SHARE_FETCH)
def _records_have_one_holder(answer: Answer) -> str | None:
    """While its lock lasts a record is its member's, until that speaks of it or is gone."""
    if answer.api_key != ApiKey.SHARE_FETCH:
        return None
    if answer.request.group_id not in answer.ghost.shares.outspoken:
        return None
    now_ms = answer.broker.clock.monotonic_ms()
    for each in _given(answer):
        known = each.share.holds.get(each.offset)
        if (
            known is not None
            and known.live is each.live
            and known.session is not None
            and known.session is _session(answer, known.member_id)
            and now_ms < known.deadline_ms
        ):
            return (
                f"{each.key}: {answer.request.member_id} is given {each.offset}, which "
                f"{known.member_id} holds for {known.deadline_ms - now_ms} ms more"
            )
        member_id = answer.request.member_id
        session = _session(answer, member_id)
        hold = Hold(member_id, each.live, session, each.deadline_ms)
        each.share.holds[each.offset] = hold
    return None


@check("G12", "answered", *_ABOUT)
def _who_has_gone_holds_nothing(answer: Answer) -> str | None:
    """The end of a share session gives back what its member holds."""
    if answer.api_key not in _ABOUT or answer.request.share_session_epoch != FINAL_EPOCH:
        return None
    request = answer.request
    if answer.response.get("error_code", ErrorCode.NONE) != ErrorCode.NONE:
        return None
    for key, share in answer.ghost.shares.shares.items():
        live = answer.broker.shares.find(key)
        if key.group_id != request.group_id or live is None or live.share is None:
            continue
        for offset, hold in share.holds.items():
            holder = live.share.holder(offset)
            held = holder is not None and holder[0] == request.member_id
            if held and hold.live is live and hold.member_id == request.member_id:
                return f"{key}: {request.member_id} has ended its session and holds {offset}"
    return None


@check("G13", "answered", ApiKey.SHARE_FETCH)
def _deliveries_are_counted(answer: Answer) -> str | None:
    """Each delivery counts one more than what is written down, up to the limit."""
    if answer.api_key != ApiKey.SHARE_FETCH:
        return None
    limit = answer.broker.config.whole("group.share.delivery.count.limit")
    for each in _given(answer):
        written = each.share.count(each.offset)
        if not written < each.deliveries <= limit:
            return (
                f"{each.key}: delivery {each.deliveries} of {each.offset}; {written} are written "
                f"down, {limit} are allowed"
            )
    return None


# --- what is written down ------------------------------------------------------------------


@check("G14", "answered", *_ABOUT)
def _acknowledgements_are_written_down(answer: Answer) -> str | None:
    """Who was told that a record is done may rely on it, whoever leads next."""
    if answer.api_key not in _ABOUT or answer.ghost.may_have_lost_groups:
        return None
    for key, offset, kind in _acknowledged(answer):
        partition = answer.ghost.find(key.topic_id, key.partition)
        if partition is None or partition.may_have_lost or kind not in _ENDING:
            continue
        share = answer.ghost.shares.of(key)
        if not share.is_done(offset):
            return (
                f"{key}: {answer.request.member_id} is told that {offset} is done, written is "
                f"{share.states.get(offset)}"
            )
        share.told.setdefault(offset, f"{answer.request.member_id} has said is done")
    return None


def _acknowledged(answer: Answer) -> Iterator[tuple[ShareKey, Offset, int]]:
    """Yield the records of which a member has said something, and was told that it counts."""
    request, response = answer.request, answer.response
    if response.get("error_code", ErrorCode.NONE) != ErrorCode.NONE:
        return
    codes = _codes(answer.api_key, response)
    for topic in request.topics:
        topic_id = topic.topic_id or ZERO_ID
        for each in topic.partitions:
            if codes.get((topic_id, each.partition_index)) != ErrorCode.NONE:
                continue
            key = ShareKey(request.group_id, topic_id, each.partition_index)
            for batch in each.acknowledgement_batches:
                for at in range(batch.first_offset, batch.last_offset + 1):
                    types = batch.acknowledge_types
                    kind = types[at - batch.first_offset if len(types) > 1 else 0]
                    yield key, at, kind


def _codes(api_key: int, response: Mapping[str, Any]) -> dict[tuple[Any, int], int]:
    fetches = api_key == ApiKey.SHARE_FETCH
    name = "acknowledge_error_code" if fetches else "error_code"
    return {
        (topic["topic_id"], each["partition_index"]): each[name]
        for topic in response["responses"]
        for each in topic["partitions"]
    }


@check("G14", "answered", *_ABOUT, ApiKey.WRITE_SHARE_GROUP_STATE)
def _state_only_goes_forward(answer: Answer) -> str | None:
    """Start offsets and epochs only grow, and what members were told to be done stays done."""
    shares = answer.ghost.shares
    if not shares.wrong or answer.ghost.may_have_lost_groups:
        return None
    wrong = shares.wrong.pop(0)
    for key in shares.shares:
        partition = answer.ghost.find(key.topic_id, key.partition)
        if wrong.startswith(f"{key}:") and partition is not None and partition.may_have_lost:
            return None
    return wrong
