"""Each rule of the controller's decisions, shown a record that breaks it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from minikafka.base.config import BrokerConfig
from minikafka.base.ids import NO_LEADER
from minikafka.log.directory import claim_directory
from minikafka.log.storage import MemoryStorage
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import (
    BrokerRegistered,
    MetadataRecord,
    PartitionChanged,
    TopicCreated,
)
from minikafka.metadata.states import BrokerImage, PartitionImage, TopicImage
from minikafka.trials import rules_controller
from minikafka.trials.chains import Chain
from minikafka.trials.ghost import LAST_KNOWN_LEADER, Ghost, GhostPartition
from minikafka.trials.invariants import REGISTERED, Replica
from minikafka.trials.metadata_history import Recorded, note_election

assert rules_controller.REGISTERED_HERE, "importing it registers the rules"

ID = UUID(int=5)


def image(
    partition: PartitionImage | None,
    *,
    fenced: tuple[int, ...] = (),
    unclean: bool = False,
    epoch: int = 0,
) -> MetadataImage:
    """Return brokers 1 to 3 and one partition; 2 in sync are enough."""
    config = BrokerConfig.parse(
        1, {"min.insync.replicas": 2, "unclean.leader.election.enable": unclean}
    )
    brokers = {
        broker: BrokerImage(
            broker, broker + epoch, UUID(int=broker), "h", 1, None, broker in fenced
        )
        for broker in (1, 2, 3)
    }
    topics = {} if partition is None else {"t": TopicImage("t", ID, (partition,))}
    names = {} if partition is None else {ID: "t"}
    return MetadataImage(config, 50, brokers=brokers, topics=topics, topic_names=names)


def state(
    leader: int,
    isr: tuple[int, ...],
    elr: tuple[int, ...] = (),
    last: tuple[int, ...] = (),
    **more: Any,
) -> PartitionImage:
    """Return a partition with replicas 1, 2 and 3."""
    return PartitionImage(leader, 5, 8, (1, 2, 3), isr, elr, last_known_elr=last, **more)


def change(
    old: PartitionImage,
    leader: int,
    isr: tuple[int, ...],
    *,
    fenced: tuple[int, ...] = (),
    unclean: bool = False,
    ghost: Ghost | None = None,
    **more: Any,
) -> Recorded:
    """Return the record of a change; epochs step as they should unless `more` says else."""
    steps = {
        "leader_epoch": old.leader_epoch + (leader != old.leader),
        "partition_epoch": old.partition_epoch + 1,
        "replicas": old.replicas,
        **more,
    }
    record = PartitionChanged(ID, 0, isr, leader, **steps)
    new = PartitionImage(
        leader,
        record.leader_epoch,
        record.partition_epoch,
        record.replicas,
        isr,
        record.elr,
        record.recovering,
        record.last_known_elr,
        record.adding,
        record.removing,
    )
    before = image(old, fenced=fenced, unclean=unclean)
    after = image(new, fenced=fenced, unclean=unclean)
    return Recorded(ghost or Ghost(), 1, 50, record, before, after, after)


def other(
    record: MetadataRecord, before: MetadataImage, ghost: Ghost | None = None
) -> Recorded:
    """Return a record that changes no partition."""
    return Recorded(ghost or Ghost(), 1, 50, record, before, before, before)


def wrong(recorded: Recorded) -> list[str]:
    """Return the names of the rules that a record breaks."""
    return [name for name, rule in REGISTERED["recorded"] if rule(recorded) is not None]


@pytest.mark.parametrize(
    "recorded",
    [
        change(state(1, (1, 2, 3)), 1, (1, 2)),
        change(state(1, (1, 2)), 2, (2,), elr=(1,), fenced=(1,)),
        change(state(1, (1,)), NO_LEADER, (), elr=(1,), last_known_elr=(1,), fenced=(1,)),
        change(state(NO_LEADER, (), (1, 2)), 2, (2,), elr=(1,), fenced=(1,)),
        change(state(NO_LEADER, (), (), (3,)), 3, (3,), recovering=True),
        change(state(1, (1,)), 2, (2,), recovering=True, fenced=(1,), unclean=True),
    ],
)
def test_sound_change_breaks_nothing(recorded: Recorded) -> None:
    """ISR changes, clean elections, from the ELR, the last known leader, and allowed ones."""
    assert wrong(recorded) == []


@pytest.mark.parametrize(
    "more",
    [
        {"partition_epoch": 8},
        {"partition_epoch": 10},
        {"leader_epoch": 6},
        {"leader_epoch": 4},
        {"replicas": (1, 2)},
    ],
)
def test_epochs_that_do_not_step_break_c1(more: dict[str, Any]) -> None:
    """One partition epoch for each change; one leader epoch for a new leader or fewer replicas."""
    assert "C1" in wrong(change(state(1, (1, 2, 3)), 1, (1, 2), **more))


def test_new_leader_in_an_old_epoch_breaks_c1() -> None:
    """Followers would not notice."""
    assert wrong(change(state(1, (1, 2)), 2, (2,), leader_epoch=5)) == ["C1"]


def test_second_leader_of_an_epoch_breaks_c4() -> None:
    """Whoever was recorded first is the leader of that epoch for ever."""
    ghost = Ghost()
    ghost.leader_of[ID, 0, 6] = 3
    assert wrong(change(state(1, (1, 2)), 2, (2,), ghost=ghost)) == ["C4"]


def test_two_brokers_that_lead_in_one_epoch_break_c4() -> None:
    """What brokers do is looked at, too."""
    partition = GhostPartition("t-0", internal=False)
    log: Any = SimpleNamespace(topic_id=ID, name="t-0", _storage=MemoryStorage())
    claim_directory(log._storage, "t-0", ID)

    def led(broker: int, epoch: int) -> list[str]:
        event = Replica(broker, log, partition, Chain(log), epoch)
        return [name for name, rule in REGISTERED["led"] if name[0] == "C" and rule(event)]

    assert led(1, 5) == led(2, 6) == led(2, 6) == []
    assert led(3, 6) == ["C4"]


@pytest.mark.parametrize(
    "recorded",
    [
        # Nobody allowed it.
        change(state(1, (1,)), 2, (2,), recovering=True, fenced=(1,)),
        # A member of the ISR was alive.
        change(state(1, (1, 3)), 2, (2,), recovering=True, fenced=(1,), unclean=True),
        # So was an eligible one.
        change(state(NO_LEADER, (), (3,)), 2, (2,), recovering=True, unclean=True),
        # From the ELR while the ISR has somebody.
        change(state(1, (1, 3), (2,)), 2, (2, 3), fenced=(1,)),
        # Not alone, or not recovering.
        change(state(1, (1,)), 2, (2, 3), recovering=True, fenced=(1,), unclean=True),
        change(state(1, (1,)), 2, (2,), fenced=(1,), unclean=True),
        # Somebody else than the last known leader.
        change(state(NO_LEADER, (), (), (3,)), 2, (2,), recovering=True),
    ],
)
def test_leader_that_should_not_be_breaks_c6(recorded: Recorded) -> None:
    """Clean leaders are complete; unclean ones are allowed, and nobody better is alive."""
    assert wrong(recorded) == ["C6"]


def test_unclean_election_is_noted_with_its_reason() -> None:
    """A loss is licensed by it, and by nothing else."""
    ghost = Ghost()
    partition = ghost.partitions[ID, 0] = GhostPartition("t-0", internal=False)
    wrong(change(state(NO_LEADER, (), (), (3,)), 3, (3,), recovering=True, ghost=ghost))
    assert partition.unclean_elections == {6: LAST_KNOWN_LEADER}
    ghost.unclean_asked[ID, 0] = None
    asked = change(state(1, (1,)), 2, (2,), recovering=True, fenced=(1,), ghost=ghost)
    ghost.leader_of.clear()
    assert wrong(asked) == []
    assert partition.unclean_elections == {6: "who asked for it"}


def test_election_whose_leader_is_gone_before_anybody_heard_of_it_counts() -> None:
    """Brokers apply both records at once: what they had in mind does not show it."""
    ghost = Ghost()
    partition = ghost.partitions[ID, 0] = GhostPartition("t-0", internal=False)
    elected = change(
        state(1, (1,)), 2, (2,), recovering=True, fenced=(1,), unclean=True, ghost=ghost
    )
    gone = change(state(2, (2,)), NO_LEADER, (), elr=(2,), unclean=True, ghost=ghost)
    for recorded in (elected, gone):
        note_election(recorded)
    assert (partition.unclean_count, partition.unclean_epoch) == (1, 6)
    clean = change(state(1, (1, 2)), 2, (2,), unclean=True, ghost=ghost)
    note_election(clean)
    assert partition.unclean_count == 1


def registered(broker_epoch: int = 50, incarnation: int = 9) -> BrokerRegistered:
    """Return a new registration of broker 2."""
    return BrokerRegistered(2, broker_epoch, UUID(int=incarnation), "h", 1, None, True)


def test_registration_of_a_fenced_broker_breaks_nothing() -> None:
    """In a new life with a new epoch, or in the same one with the old."""
    gone = image(state(1, (1, 3)), fenced=(2,))
    assert wrong(other(registered(), gone)) == []
    assert wrong(other(registered(2, incarnation=2), image(state(1, (1, 2))))) == []


@pytest.mark.parametrize(
    ("record", "before"),
    [
        (registered(), image(state(1, (1, 3)))),  # the former life is not fenced
        (registered(), image(state(1, (1, 2)), fenced=(2,))),
        (registered(49), image(state(1, (1, 3)), fenced=(2,))),
        (registered(), image(state(1, (1, 3)), fenced=(2,), epoch=50)),
        (registered(60, incarnation=2), image(state(1, (1, 3)))),
    ],
)
def test_second_life_beside_the_first_breaks_c7(
    record: BrokerRegistered, before: MetadataImage
) -> None:
    """Not fenced, still in an ISR, an epoch that is no offset or not the largest, two for one."""
    assert wrong(other(record, before)) == ["C7"]


@pytest.mark.parametrize("kept", [state(1, (1, 3), (2,)), state(2, (2,))])
def test_unclean_start_that_keeps_its_place_breaks_r18(kept: PartitionImage) -> None:
    """In the ELR as in the ISR."""
    ghost = Ghost()
    ghost.unclean_starts[UUID(int=9)] = True
    assert "R18" in wrong(other(registered(), image(kept, fenced=(2,)), ghost))
    ghost.unclean_starts[UUID(int=9)] = False
    assert "R18" not in wrong(other(registered(), image(kept, fenced=(2,)), ghost))


def test_unclean_shutdown_is_forgiven_when_the_broker_joins_an_isr() -> None:
    """It has fetched from the leader since then; who only stays in it has not."""
    ghost = Ghost()
    partition = ghost.partitions[ID, 0] = GhostPartition("t-0", internal=False)
    partition.unclean = {1: 5, 2: 5}
    ghost.living = {1: UUID(int=1), 2: UUID(int=8)}
    wrong(change(state(3, (3, 1)), 3, (1, 2, 3), ghost=ghost))
    assert list(partition.unclean) == [1, 2], "the one that joined has ended meanwhile"
    ghost.living[2] = UUID(int=2)
    wrong(change(state(3, (3, 1)), 3, (1, 2, 3), ghost=ghost))
    assert list(partition.unclean) == [1]


@pytest.mark.parametrize(
    ("isr", "replicas", "broken"),
    [((1, 3), (1, 3), False), ((1,), (1, 3), True), ((1, 2), (1, 2), False)],
)
def test_reassignment_that_ends_too_early_breaks_c9(
    isr: tuple[int, ...], replicas: tuple[int, ...], broken: bool
) -> None:
    """Every target is in sync; a reassignment that is cancelled is none that ends."""
    moving = state(1, (1, 2), adding=(3,), removing=(2,))
    ended = change(moving, 1, isr, replicas=replicas, leader_epoch=6)
    assert ("C9" in wrong(ended)) is broken


def test_way_back_that_is_given_up_is_no_move_that_ends() -> None:
    """Who is sent back while it moves keeps what is being added until that is gone (KIP-455)."""
    back = state(1, (1,), adding=(3,), removing=(3,))
    given_up = change(back, 1, (1,), replicas=(1, 2), leader_epoch=6)
    assert "C9" not in wrong(given_up)


def test_topic_id_that_was_there_before_breaks_c11() -> None:
    """A deleted topic's id is not given to another one."""
    ghost = Ghost()
    assert wrong(other(TopicCreated("t", ID), image(None), ghost)) == []
    assert wrong(other(TopicCreated("u", ID), image(None), ghost)) == ["C11"]
    assert wrong(other(TopicCreated("t", ID), image(state(1, (1,))), Ghost())) == ["C11"]


def test_leader_in_another_topics_directory_breaks_c11() -> None:
    """What it would serve is not this topic's."""
    storage = MemoryStorage()
    claim_directory(storage, "t-0", UUID(int=7))
    log = cast("Any", SimpleNamespace(topic_id=ID, name="t-0", _storage=storage))
    event = Replica(1, log, GhostPartition("t-0", internal=False), Chain(log), 0)
    broken = [name for name, rule in REGISTERED["led"] if name[0] == "C" and rule(event)]
    assert broken == ["C11"]


def test_change_is_known_by_name() -> None:
    """A record of another kind changes no partition."""
    recorded = change(state(1, (1, 2, 3)), 1, (1, 2))
    found = recorded.change()
    assert found is not None
    assert (found[0], found[1].isr, found[2].isr) == ("t-0", (1, 2, 3), (1, 2))
    assert replace(recorded, record=registered()).change() is None


@pytest.mark.parametrize(("unclean", "broken"), [(True, []), (False, ["C6"])])
def test_last_known_leader_leads_once_the_last_eligible_one_is_back_uncleanly(
    unclean: bool, broken: list[str]
) -> None:
    """KIP-966: its registration empties the ELR; a clean shutdown would have left it there."""
    ghost = Ghost()
    ghost.unclean_starts[UUID(int=9)] = unclean
    old = state(NO_LEADER, (), (2,), (3,))
    recorded = change(old, 3, (3,), recovering=True, fenced=(2,), ghost=ghost)
    back = BrokerImage(2, 51, UUID(int=9), "h", 1, None, True)
    settled = replace(recorded.after, brokers={**recorded.after.brokers, 2: back})
    assert wrong(replace(recorded, settled=settled)) == broken


def test_only_a_start_after_an_unclean_end_is_an_unclean_one() -> None:
    """The first start of all, and one after a clean shutdown, are not."""
    ghost = Ghost()
    partition = ghost.partitions[ID, 0] = GhostPartition("t-0", internal=False)
    partition.chains[1] = Chain(cast("Any", None), 7)
    lives = [UUID(int=number) for number in range(4)]
    ghost.started(1, lives[0])
    ghost.stopped(1)
    ghost.started(1, lives[1])
    assert partition.unclean == {}
    ghost.started(1, lives[2])
    assert partition.unclean == {1: 7}
    assert [ghost.unclean_starts[life] for life in lives[:3]] == [False, False, True]
