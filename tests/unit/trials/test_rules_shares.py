"""What members of share groups are given and told, and what breaks the rules of it."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.share_sessions import FINAL_EPOCH
from minikafka.shares.records import (
    ShareKey,
    ShareRecord,
    ShareSnapshot,
    ShareUpdate,
    StoredShare,
    StoredUpdate,
)
from minikafka.shares.share_partition import AcknowledgementBatch, ShareLimits, SharePartition
from minikafka.shares.state_batches import StateBatch
from minikafka.trials.ghost import Ghost, GhostPartition
from minikafka.trials.invariants import REGISTERED, Answer
from minikafka.trials.simulation import Simulation
from minikafka.wire.versions import ApiKey

assert Simulation is not None, "importing it registers the rules"

TOPIC = UUID(int=7)
KEY = ShareKey("g", TOPIC, 0)
LOCK_MS, LIMIT = 3_000, 5
ACCEPT, RELEASE, REJECT = 1, 2, 3


class ShareCell:
    """A leader of one share-partition, and what a run knows of it.

    Attributes:
        wrong: names of the rules that were broken, in order.
    """

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.ghost = Ghost()
        self.ghost.shares.outspoken["g"] = None
        self.partition = self.ghost.partitions[TOPIC, 0] = GhostPartition("t-0", internal=False)
        self.leader_epoch = 3
        state = SimpleNamespace(leader_epoch=3)
        setattr(self.ghost, "state", lambda topic_id, index: state)  # noqa: B010 - a stub
        self.now_ms = 0
        self.sessions: dict[str, SimpleNamespace] = {}
        self.lead()

    def lead(self, *batches: StateBatch) -> None:
        """Let a leader begin with what is written down."""
        self.share = SharePartition(0, batches, ShareLimits(LIMIT, LOCK_MS, 2_000))
        self.live = SimpleNamespace(share=self.share, leader_epoch=self.leader_epoch)

    # --- what happens ----------------------------------------------------------------------

    def give(self, member_id: str, first: int, last: int) -> None:
        """Let a member have records."""
        self.sessions.setdefault(member_id, SimpleNamespace(epoch=2))
        acquired = self.share.acquire(
            member_id,
            first,
            [(first, last)],
            max_records=last - first + 1,
            batch_size=99,
            now_ms=self.now_ms,
        )
        self.told(member_id, acquired)

    def told(self, member_id: str, acquired: Sequence[tuple[int, int, int]]) -> None:
        """Let the rules look at an answer that gives records."""
        self.answer(ApiKey.SHARE_FETCH, member_id, 1, (), 0, acquired)

    def say(self, member_id: str, offset: int, kind: int, *, written: bool = True) -> None:
        """Let a member acknowledge a record, and have it written down."""
        self.ghost.shares.spoke(KEY, [offset])
        said = [AcknowledgementBatch(offset, offset, (kind,))]
        transition = self.share.acknowledge(member_id, said)
        self.share.settle(transition, ok=True)
        if written:
            self.fold(ShareUpdate(KEY, self.change(*transition.batches)))
        self.answer(ApiKey.SHARE_ACKNOWLEDGE, member_id, 2, ((offset, kind),), 0)

    def end(self, member_id: str) -> None:
        """Let a member end its session."""
        self.sessions.pop(member_id)
        self.answer(ApiKey.SHARE_ACKNOWLEDGE, member_id, FINAL_EPOCH, (), 0)

    def change(self, *batches: StateBatch, start: int = 0, leader: int = 3) -> StoredUpdate:
        """Return an update."""
        return StoredUpdate(0, leader, start, batches)

    def fold(self, record: ShareRecord) -> None:
        """Let a record be committed."""
        self.ghost.shares._fold(record)

    def written(self) -> None:
        """Let the rules look at an answer to who has written."""
        self.answer(ApiKey.WRITE_SHARE_GROUP_STATE, "", 0, (), 0)

    def answer(
        self,
        key: ApiKey,
        member_id: str,
        epoch: int,
        said: Sequence[tuple[int, int]],
        code: int,
        acquired: Sequence[tuple[int, int, int]] = (),
    ) -> None:
        """Let the rules look at an answer."""
        batches = [
            SimpleNamespace(first_offset=at, last_offset=at, acknowledge_types=(kind,))
            for at, kind in said
        ]
        asked = SimpleNamespace(partition_index=0, acknowledgement_batches=batches)
        request = SimpleNamespace(
            group_id="g",
            member_id=member_id,
            share_session_epoch=epoch,
            topics=[SimpleNamespace(topic_id=TOPIC, partitions=[asked])],
        )
        told = {
            "partition_index": 0,
            "error_code": code,
            "acknowledge_error_code": code,
            "acquired_records": [
                {"first_offset": first, "last_offset": last, "delivery_count": count}
                for first, last, count in acquired
            ],
        }
        response = {"responses": [{"topic_id": TOPIC, "partitions": [told]}]}
        event = Answer(
            cast("Any", self._broker()), self.ghost, int(key), 1, request, response, False
        )
        for name, rule in REGISTERED["answered"]:
            if rule.__module__.endswith("rules_shares") and rule(event) is not None:
                self.wrong.append(name)

    def _broker(self) -> Any:
        def find(key: Any, epoch: int) -> object:
            if key.member_id not in self.sessions:
                raise KafkaError(ErrorCode.SHARE_SESSION_NOT_FOUND)
            return self.sessions[key.member_id]

        return SimpleNamespace(
            clock=SimpleNamespace(monotonic_ms=lambda: self.now_ms),
            config=SimpleNamespace(whole=lambda name: LIMIT),
            shares=SimpleNamespace(
                find=lambda key: self.live, sessions=SimpleNamespace(find=find)
            ),
        )


def test_sound_share_group_breaks_nothing() -> None:
    """Records are given, accepted, released, rejected, forgotten, and given again."""
    cell = ShareCell()
    cell.give("a", 0, 3)
    cell.say("a", 0, ACCEPT)
    cell.say("a", 1, RELEASE)
    cell.say("a", 2, REJECT)
    cell.give("b", 1, 1)
    cell.now_ms += LOCK_MS
    expired = cell.share.expire(cell.now_ms)
    cell.fold(ShareUpdate(KEY, cell.change(*expired)))
    cell.give("a", 1, 3)
    transition = cell.share.release("a")
    cell.share.settle(transition, ok=True)
    cell.end("a")
    cell.give("b", 1, 3)
    cell.written()
    assert cell.wrong == []


@pytest.mark.parametrize("kind", [ACCEPT, REJECT])
def test_record_that_is_given_after_it_was_done_breaks_g11(kind: int) -> None:
    """The next leader has not heard of it."""
    cell = ShareCell()
    cell.give("a", 0, 1)
    cell.say("a", 0, kind)
    cell.lead(StateBatch(0, 0, 0, 1))
    cell.give("b", 0, 0)
    assert cell.wrong == ["G11"]


def test_record_that_is_given_after_it_was_written_down_as_done_breaks_g11() -> None:
    """Its member may have gone without an answer; the next leader was to read it."""
    cell = ShareCell()
    cell.give("a", 0, 0)
    cell.fold(ShareUpdate(KEY, cell.change(StateBatch(0, 0, 2, 1))))
    cell.lead(StateBatch(0, 0, 0, 1))
    cell.give("b", 0, 0)
    assert cell.wrong == ["G11"]


@pytest.mark.parametrize("why", ["lost", "deposed", "taken over", "state lost"])
def test_who_is_not_the_latest_leader_or_may_have_lost_something_is_not_judged(
    why: str,
) -> None:
    """What such a one says is fenced, or licensed."""
    cell = ShareCell()
    cell.give("a", 0, 0)
    cell.say("a", 0, ACCEPT)
    cell.lead(StateBatch(0, 0, 0, 1))
    match why:
        case "lost":
            cell.partition.licensed = 1
        case "deposed":
            cell.live.leader_epoch = 2
        case "taken over":
            cell.told("b", [(0, 0, 2)])
        case _:
            lost = cell.ghost.partitions[UUID(int=9), 0] = GhostPartition(
                "__share_group_state-0", internal=True
            )
            lost.licensed = 1
    if why != "taken over":
        cell.give("b", 0, 0)
    assert cell.wrong == []


def test_record_of_two_members_breaks_g12() -> None:
    """The lock of the first lasts."""
    cell = ShareCell()
    cell.give("a", 0, 0)
    cell.now_ms += LOCK_MS - 1
    cell.share.expire(cell.now_ms + 1)
    cell.give("b", 0, 0)
    assert cell.wrong == ["G12"]


@pytest.mark.parametrize("way", ["spoke", "session", "leader"])
def test_record_may_be_given_once_its_holder_is_rid_of_it(way: str) -> None:
    """It has said something, its session is another, or there is another leader."""
    cell = ShareCell()
    cell.give("a", 0, 0)
    cell.share.expire(LOCK_MS)
    match way:
        case "spoke":
            cell.ghost.shares.spoke(KEY, [0])
        case "session":
            cell.sessions["a"] = SimpleNamespace(epoch=2)
        case _:
            cell.lead(StateBatch(0, 0, 0, 1))
    cell.give("b", 0, 0)
    assert cell.wrong == []


@pytest.mark.parametrize("epoch", [1, 2, 3, None])
def test_answer_that_is_not_of_the_latest_request_is_not_judged(epoch: int | None) -> None:
    """It waited for what its request acknowledges, and its member has begun a session anew."""
    cell = ShareCell()
    cell.give("a", 0, 0)
    if epoch is None:
        cell.sessions.pop("a")
    else:
        cell.sessions["a"].epoch = epoch
    cell.told("a", [(0, 0, 1)])
    assert cell.wrong == (["G12"] if epoch == 2 else [])


def test_group_whose_members_do_not_tell_is_not_judged() -> None:
    """Nobody knows what they are about to say, and so what they hold."""
    cell = ShareCell()
    cell.ghost.shares.outspoken.clear()
    cell.give("a", 0, 0)
    cell.share.expire(LOCK_MS)
    cell.give("b", 0, 0)
    assert cell.wrong == []


def test_member_that_has_gone_and_holds_something_breaks_g12() -> None:
    """Others would have to wait for its lock."""
    cell = ShareCell()
    cell.give("a", 0, 0)
    cell.end("a")
    assert cell.wrong == ["G12"]


def test_delivery_that_is_not_counted_breaks_g13() -> None:
    """As often as is written down, or more often than is allowed."""
    cell = ShareCell()
    cell.fold(ShareUpdate(KEY, cell.change(StateBatch(0, 0, 0, 1))))
    cell.give("a", 0, 0)
    assert cell.wrong == ["G13"]
    cell.give("a", 1, 1)
    cell.ghost.shares.of(KEY).holds.clear()
    cell.told("a", [(1, 1, LIMIT + 1)])
    assert cell.wrong == ["G13", "G13"]


@pytest.mark.parametrize("kind", [ACCEPT, REJECT])
def test_acknowledgement_that_is_not_written_down_breaks_g14(kind: int) -> None:
    """The next leader would not know of it."""
    cell = ShareCell()
    cell.give("a", 0, 1)
    cell.say("a", 1, RELEASE, written=False)
    assert cell.wrong == []
    cell.say("a", 0, kind, written=False)
    assert cell.wrong == ["G14"]


@pytest.mark.parametrize(
    "record",
    [
        ShareUpdate(KEY, StoredUpdate(0, 2, 5)),
        ShareUpdate(KEY, StoredUpdate(0, 3, 4)),
        ShareSnapshot(KEY, StoredShare(1, 0, 3, 5, 0, 0)),
        ShareUpdate(KEY, StoredUpdate(0, 3, 5, (StateBatch(6, 6, 0, 2),))),
    ],
    ids=["leader epoch", "start offset", "state epoch", "what was done"],
)
def test_state_that_goes_back_breaks_g14(record: ShareRecord) -> None:
    """An epoch, a start offset, or what a member was told to be done."""
    cell = ShareCell()
    done = StateBatch(6, 6, 2, 1)
    cell.fold(ShareSnapshot(KEY, StoredShare(0, 1, 3, 5, 0, 0, (done,))))
    cell.ghost.shares.of(KEY).told[6] = "a has said is done"
    cell.written()
    assert cell.wrong == []
    cell.fold(record)
    cell.written()
    assert cell.wrong == ["G14"]


def test_group_that_is_deleted_or_begins_anew_may_go_back() -> None:
    """Nobody has been told anything of the new one."""
    cell = ShareCell()
    cell.fold(ShareSnapshot(KEY, StoredShare(0, 1, 3, 5, 0, 0)))
    cell.fold(ShareSnapshot(KEY, StoredShare(1, 2, 3, 0, 0, 0)))
    cell.fold(ShareSnapshot(KEY, None))
    cell.fold(ShareSnapshot(KEY, StoredShare(0, 1, 0, -1, 0, 0)))
    cell.written()
    assert cell.wrong == []
