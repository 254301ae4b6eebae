"""Each rule of the quorum, shown an event that breaks it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from minikafka.log.storage import MemoryStorage
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.messages import LogEnd, VoteRequest
from minikafka.quorum.snapshots import SnapshotId, SnapshotStore, snapshot_bytes
from minikafka.quorum.state_store import ElectionState
from minikafka.quorum.voters import static_voters
from minikafka.trials import rules_quorum
from minikafka.trials.chains import Chain
from minikafka.trials.ghost import Ghost, GhostPartition
from minikafka.trials.invariants import REGISTERED, Hook, Opened
from minikafka.wire.versions import ApiKey
from tests.support.builders import append, open_log, quorum_machine

assert rules_quorum.REGISTERED_HERE, "importing it registers the rules"

VOTERS = (1, 2, 3)


def wrong(hook: Hook, event: object) -> list[str]:
    """Return the names of the rules of the quorum that an event breaks."""
    rules = [each for each in REGISTERED[hook] if each[0] in rules_quorum.REGISTERED_HERE]
    return [name for name, rule in rules if rule(event) is not None]


def machine(storage: MemoryStorage | None = None, node: int = 1) -> QuorumMachine:
    """Return a node of a quorum of three."""
    return quorum_machine(node, VOTERS, storage)


def leading() -> QuorumMachine:
    """Return one that has been elected."""
    leader = machine()
    leader.start(0)
    for _ in range(2):
        request = leader._ballot.request if leader._ballot is not None else None
        assert request is not None
        answer = machine(node=2).on_vote_request(request, 0)
        leader.on_vote_answer(2, request, answer, 0)
    assert leader.is_leader
    return leader


def living(node: QuorumMachine, ticked_ms: int = 0) -> Any:
    """Return a broker around a node, whose timer went off at `ticked_ms`."""
    quorum = SimpleNamespace(machine=node, ticked_ms=ticked_ms)
    return SimpleNamespace(node_id=node.node_id, quorum=quorum)


def answered(node: QuorumMachine, ghost: Ghost, *, ticked_ms: int = 0, **asked: Any) -> Any:
    """Return the event of a granted vote, or of some other answer without `asked`."""
    told = {"partition_index": 0, "leader_epoch": node.epoch, "vote_granted": True}
    partition = SimpleNamespace(**{"pre_vote": False, "last_offset_epoch": 0, **asked})
    return SimpleNamespace(
        broker=living(node, ticked_ms),
        ghost=ghost,
        api_key=ApiKey.VOTE if asked else ApiKey.METADATA,
        request=SimpleNamespace(topics=[SimpleNamespace(partitions=[partition])]),
        response={"topics": [{"partitions": [told]}]},
    )


def voted(epoch: int = 3) -> QuorumMachine:
    """Return a node that has voted for node 2."""
    node = machine()
    assert node.on_vote_request(VoteRequest(epoch, 2, LogEnd(-1, 0)), 0).granted
    return node


def test_durable_vote_for_a_complete_log_breaks_nothing() -> None:
    """As it should be."""
    event = answered(voted(), Ghost(), replica_epoch=3, replica_id=2, last_offset=0)
    assert wrong("answered", event) == []


def test_second_vote_in_an_epoch_breaks_k7() -> None:
    """For another candidate."""
    ghost = Ghost()
    ghost.votes[1, 3] = 3
    event = answered(voted(), ghost, replica_epoch=3, replica_id=2, last_offset=0)
    assert wrong("answered", event) == ["K7"]


def test_vote_that_is_not_on_the_disk_breaks_k7() -> None:
    """What is forgotten can be given again."""
    node = voted()
    node._store.write(ElectionState(3))
    event = answered(node, Ghost(), replica_epoch=3, replica_id=2, last_offset=0)
    assert wrong("answered", event) == ["K7"]


def test_vote_for_a_log_that_is_behind_breaks_k8() -> None:
    """The voter has something that the candidate lacks."""
    node = voted()
    append(node.log, 2)
    event = answered(node, Ghost(), replica_epoch=3, replica_id=2, last_offset=0)
    assert wrong("answered", event) == ["K8"]


def test_pre_vote_of_a_leader_breaks_k12() -> None:
    """It hears itself."""
    node = leading()
    event = answered(node, Ghost(), replica_epoch=1, replica_id=2, last_offset=9, pre_vote=True)
    event.request.topics[0].partitions[0].last_offset_epoch = 9
    assert wrong("answered", event) == ["K12"]


def test_deaf_leader_breaks_k15_once_its_timer_has_gone_off() -> None:
    """One and a half fetch timeouts after the last fetch of a majority it resigns."""
    node = leading()
    assert wrong("answered", answered(node, Ghost(), ticked_ms=3_000)) == []
    assert wrong("answered", answered(node, Ghost(), ticked_ms=3_001)) == ["K15"]


def test_forgotten_epoch_breaks_k9() -> None:
    """The node has told of a later one before."""
    ghost = Ghost()
    ghost.quorum_epochs[1] = 4
    event = SimpleNamespace(broker=living(voted(3)), world=ghost)
    assert wrong("started", event) == ["K9"]
    ghost.quorum_epochs[1] = 3
    assert wrong("started", event) == []


def test_uncommitted_metadata_that_is_applied_breaks_c8() -> None:
    """The image is ahead of the watermark."""
    node, ghost = machine(), Ghost()
    ghost.brokers[1] = living(node)
    image = SimpleNamespace(offset=1)
    assert wrong("applied", SimpleNamespace(broker=1, image=image, world=ghost)) == ["C8"]
    image.offset = 0
    assert wrong("applied", SimpleNamespace(broker=1, image=image, world=ghost)) == []


def led(node: QuorumMachine, ghost: Ghost, broker: int = 1, epoch: int = 1) -> Any:
    """Return the event of a node that leads, or commits."""
    partition = GhostPartition("__cluster_metadata-0", internal=True)
    chain = partition.chains[broker] = Chain(node.log)
    for batch in node.log.batches():
        chain.append(batch)
    ghost.brokers[broker] = living(node)
    return SimpleNamespace(
        broker=broker, epoch=epoch, log=node.log, ghost=partition, world=ghost, chain=chain
    )


def test_second_leader_of_an_epoch_breaks_k1_and_a_second_process_k10() -> None:
    """An epoch has one leader, in one life of its process."""
    ghost, node = Ghost(), leading()
    assert wrong("led", led(node, ghost)) == []
    assert wrong("led", led(node, ghost, broker=2)) == ["K1"]
    assert wrong("led", led(leading(), ghost)) == ["K10"]


@pytest.mark.parametrize(("durable", "broken"), [(1, []), (0, ["K6"])])
def test_commit_without_a_durable_majority_breaks_k6(durable: int, broken: list[str]) -> None:
    """The leader's own disk, and one more of three."""
    node, ghost = leading(), Ghost()
    node.log.advance_high_watermark(1)
    event = led(node, ghost)
    other = leading().log
    other.durable_end_offset = durable
    event.ghost.chains[2] = Chain(other)
    assert wrong("watermark", event) == broken


def test_commit_before_a_record_of_the_own_epoch_breaks_k6() -> None:
    """A majority holds the older one, and it may yet be overwritten (Raft, 5.4.2)."""
    node, ghost = leading(), Ghost()
    node.log.advance_high_watermark(1)
    event = led(node, ghost, epoch=2)
    event.ghost.chains[2] = Chain(leading().log)
    assert wrong("watermark", event) == ["K6"]


def test_log_that_begins_where_no_snapshot_ends_breaks_k14() -> None:
    """Nobody could tell what the records before it came to."""
    node, ghost = leading(), Ghost()
    node.log.advance_high_watermark(1)
    event = led(node, ghost)
    assert "K14" not in wrong("watermark", event)
    node.log.log_start_offset = 1
    assert "K14" in wrong("watermark", event)


def test_leader_without_a_vote_breaks_k16_once_that_is_committed() -> None:
    """It has taken its own vote, and leads until all of the new voters' majority knows."""
    node = leading()
    node.history.add(node.log.log_end_offset, static_voters((2, 3)))
    append(node.log, epoch=1)
    assert wrong("answered", answered(node, Ghost())) == []
    node.log.advance_high_watermark(node.log.log_end_offset)
    assert wrong("answered", answered(node, Ghost())) == ["K16"]


@pytest.mark.parametrize(
    ("epoch", "voters", "broken"),
    [(1, VOTERS, []), (1, (2, 3), ["K17"]), (2, (2, 3), [])],
)
def test_voters_of_another_record_than_the_last_in_the_log_break_k17(
    epoch: int, voters: tuple[int, ...], broken: list[str]
) -> None:
    """A record of another epoch at that offset never came here."""
    node, ghost = leading(), Ghost()
    event = led(node, ghost)
    ghost.voter_records[0, epoch] = static_voters(voters)
    assert [each for each in wrong("watermark", event) if each == "K17"] == broken


@pytest.mark.parametrize("kept", [0, 80])
def test_snapshot_that_a_crash_has_torn_breaks_k14(kept: int) -> None:
    """It had its name before all of it was durable."""
    storage, snapshot = MemoryStorage(), SnapshotId(1, 1)
    log = open_log(storage)
    ghost = GhostPartition("__cluster_metadata-0", internal=True)
    event = Opened(1, log, ghost, Chain(log), None)
    store = SnapshotStore(storage, str(log.partition))
    store.write(snapshot, snapshot_bytes([b"x"], snapshot, 0))
    assert wrong("opened", event) == []
    storage.truncate(storage.list(str(log.partition))[-1], kept)
    assert wrong("opened", event) == ["K14"]


def test_log_that_begins_with_a_snapshot_that_is_gone_breaks_k14() -> None:
    """As after a power loss before it was durable."""
    log = open_log(MemoryStorage())
    log.truncate_fully(3)
    ghost = GhostPartition("__cluster_metadata-0", internal=True)
    assert wrong("opened", Opened(1, log, ghost, Chain(log), None)) == ["K14"]


def test_epoch_that_falls_breaks_k9() -> None:
    """The node has answered in a later one."""
    ghost = Ghost()
    ghost.quorum_epochs[1] = 4
    event = answered(
        voted(3), ghost, pre_vote=True, replica_epoch=3, replica_id=3, last_offset=0
    )
    assert wrong("answered", event) == ["K9"]


@pytest.mark.parametrize(("given", "broken"), [(2, []), (None, ["K12"])])
def test_pre_vote_that_is_stored_breaks_k12(given: int | None, broken: list[str]) -> None:
    """The disk says that the node has voted for who never asked for its vote."""
    ghost = Ghost()
    if given is not None:
        ghost.votes[1, 3] = given
    event = answered(
        voted(3), ghost, pre_vote=True, replica_epoch=3, replica_id=2, last_offset=0
    )
    assert wrong("answered", event) == broken
