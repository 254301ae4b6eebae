"""Each rule of logs, shown an event that breaks it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from minikafka.log.epoch_cache import EpochCache
from minikafka.records.batch import Batch, stamp
from minikafka.records.builder import build_batch
from minikafka.records.records import Record
from minikafka.trials import rules_log
from minikafka.trials.chains import Chain
from minikafka.trials.ghost import LAST_KNOWN_LEADER, Ghost, GhostPartition, Loss
from minikafka.trials.invariants import REGISTERED, Hook, Opened, Replica

assert rules_log.REGISTERED_HERE, "importing it registers the rules"


def batch(base_offset: int, epoch: int = 0, value: bytes = b"v") -> Batch:
    """Return a stamped batch of one record."""
    made = build_batch([Record(0, 0, None, value, ())])
    stamp(made, base_offset, epoch)
    return made


def wrong(hook: Hook, replica: Replica) -> list[str]:
    """Return the names of the rules that an event breaks."""
    rules = [each for each in REGISTERED[hook] if each[1].__module__ == rules_log.__name__]
    return [name for name, rule in rules if rule(replica) is not None]


def broken(name: str, hook: Hook, event: object) -> bool:
    """Say whether an event breaks the rule of that name."""
    rules = [rule for registered, rule in REGISTERED[hook] if registered == name]
    return any(rule(event) is not None for rule in rules)


class World:
    """One partition, and the logs of its replicas."""

    def __init__(self) -> None:
        self.ghost = GhostPartition("t-0", internal=False)

    def log(self, broker: int, *batches: Batch) -> Chain:
        """Give a broker a log with these batches, known to all."""
        log = SimpleNamespace(
            log_start_offset=0,
            high_watermark=0,
            log_end_offset=len(batches),
            gaps_below=0,
            last_epoch=0,
            partition="t-0",
            topic_id="id",
            segments=[SimpleNamespace(batches=batches)],
            epochs=EpochCache([(0, 0)] if batches else ()),
        )
        chain = self.ghost.chains[broker] = Chain(cast("Any", log))
        for each in batches:
            entry = chain.append(each)
            self.ghost.entries.setdefault((entry.base_offset, entry.epoch), entry.prefix_hash)
        return chain

    def event(
        self, broker: int, *, leads: bool = False, new: int = 0, before: int = 0, **offsets: int
    ) -> Replica:
        """Return an event of a broker; the last `new` batches are what it is about."""
        chain = self.ghost.chains[broker]
        for name, value in offsets.items():
            setattr(chain.log, name, value)
        entries = chain.entries[len(chain.entries) - new :]
        epoch = 0 if leads else -1
        return Replica(broker, chain.log, self.ghost, chain, epoch, entries, before)


def test_same_offset_and_epoch_with_another_batch_breaks_r1() -> None:
    """Two replicas may not differ where they name the same entry."""
    world = World()
    world.log(1, batch(0, value=b"one"))
    world.log(2, batch(0, value=b"other"))
    assert wrong("appended", world.event(1, new=1)) == []
    assert wrong("appended", world.event(2, new=1)) == ["R1"]


def test_gap_and_falling_epoch_break_r14() -> None:
    """Offsets are dense, epochs do not fall."""
    world = World()
    world.log(1, batch(0), batch(2))
    assert wrong("appended", world.event(1, new=1, before=1, log_end_offset=3)) == ["R14"]
    world.log(2, batch(0, epoch=3), batch(1, epoch=2))
    assert wrong("appended", world.event(2, new=1, before=1)) == ["R14"]


def test_watermark_over_something_else_than_was_committed_breaks_r2() -> None:
    """A leader may not hold another record to be committed."""
    world = World()
    right = world.log(1, batch(0, value=b"committed"))
    world.ghost.committed = list(right.entries)
    world.log(2, batch(0, epoch=1, value=b"another"))
    moved = world.event(2, leads=True, high_watermark=1)
    assert wrong("watermark", moved) == ["R2"]
    assert wrong("watermark", world.event(1, leads=True, high_watermark=1)) == []


def test_leader_without_a_committed_record_breaks_r3() -> None:
    """Who lacks what was committed may not lead."""
    world = World()
    full = world.log(1, batch(0), batch(1))
    world.ghost.committed = list(full.entries)
    world.log(2, batch(0))
    assert wrong("led", world.event(1, leads=True)) == []
    assert wrong("led", world.event(2, leads=True)) == ["R3"]


def test_leader_that_hears_late_of_its_election_lacks_what_came_after_it() -> None:
    """The next leader has begun, and what it has committed since is none of the first one's."""
    world = World()
    full = world.log(1, batch(0), batch(1, epoch=2))
    world.ghost.committed = list(full.entries)
    world.ghost.begun[2] = 1
    world.log(2, batch(0))
    assert wrong("led", world.event(2)._replace(epoch=1)) == []
    assert wrong("led", world.event(2)._replace(epoch=3)) == ["R3"]
    world.ghost.begun[2] = 2
    assert wrong("led", world.event(2)._replace(epoch=1)) == ["R3"]


def lost(reason: str | None, min_isr: int = 1, *failed: int) -> tuple[World, Replica]:
    """Return broker 2, elected in epoch 7 without the last of two committed records.

    Args:
        reason: why it was elected from outside ISR and ELR; None for a clean election.
        min_isr: with how many in-sync replicas the record was committed.
        failed: who has shut down uncleanly since; 3 never had it.
    """
    world = World()
    full = world.log(1, batch(0), batch(1))
    world.log(2, batch(0))
    ghost = world.ghost
    ghost.note_promise(0, min_isr)
    ghost.committed = list(full.entries)
    ghost.losses[2] = Loss(2, 1)
    ghost.unclean = {member: 1 if member == 3 else 2 for member in failed}
    if reason is not None:
        ghost.unclean_elections[7] = reason
    return world, world.event(2, leads=True)._replace(epoch=7, isr=(2,))


@pytest.mark.parametrize(
    ("reason", "min_isr", "failed", "licensed"),
    [
        (None, 1, (2,), False),  # who is elected cleanly has everything (KIP-966)
        (None, 2, (1, 2), False),
        (LAST_KNOWN_LEADER, 1, (2,), True),
        (LAST_KNOWN_LEADER, 2, (2,), False),  # one failure is what 2 outlive
        (LAST_KNOWN_LEADER, 2, (1, 2), True),
        (LAST_KNOWN_LEADER, 2, (2, 3), False),  # 3 never had it
        (LAST_KNOWN_LEADER, 3, (1, 2), False),
        ("its topic", 2, (), True),
    ],
)
def test_loss_is_licensed_by_an_unclean_election_after_enough_failures(
    reason: str | None, min_isr: int, failed: tuple[int, ...], licensed: bool
) -> None:
    """Then the committed log goes back to what the leader has, and the loss is counted."""
    world, event = lost(reason, min_isr, *failed)
    assert wrong("led", event) == ([] if licensed else ["R3"])
    assert (world.ghost.true_watermark, world.ghost.licensed) == (
        (1, 1) if licensed else (2, 0)
    )


def test_no_more_replicas_have_to_fail_than_there_are_left() -> None:
    """A partition that was moved to fewer brokers outlives fewer failures from then on."""
    world, event = lost(LAST_KNOWN_LEADER, 3, 1, 2)
    assert wrong("led", event) == ["R3"]
    world.ghost.cap_promises(2)
    assert wrong("led", event) == []


def test_leader_that_is_not_alone_has_no_licence() -> None:
    """After an unclean election nobody else is in sync."""
    _, event = lost("its topic")
    assert wrong("led", event._replace(isr=(2, 3))) == ["R3"]


def test_nothing_of_the_metadata_log_may_be_lost() -> None:
    """It is flushed before it counts: there is no licence."""
    world = World()
    world.ghost.internal = True
    full = world.log(1, batch(0), batch(1))
    world.ghost.committed = list(full.entries)
    world.log(2, batch(0))
    world.ghost.losses[2] = Loss(2, 1)
    world.ghost.unclean_elections[-1] = "its topic"
    assert wrong("led", world.event(2, leads=True)._replace(isr=(2,))) == ["R3"]


def test_offsets_out_of_order_break_r7() -> None:
    """Start, watermark and end stand in this order."""
    world = World()
    world.log(1, batch(0))
    assert broken("R7", "truncated", world.event(1, high_watermark=2))
    assert broken("R7", "truncated", world.event(1, high_watermark=0, log_start_offset=1))


def test_falling_watermark_of_a_leader_breaks_r7() -> None:
    """In one epoch it only grows."""
    world = World()
    world.log(1, batch(0), batch(1))
    assert wrong("watermark", world.event(1, leads=True, high_watermark=2)) == []
    assert wrong("watermark", world.event(1, leads=True, high_watermark=1)) == ["R7"]


def test_truncating_what_is_committed_breaks_r13() -> None:
    """A follower cuts back only what nobody was promised."""
    world = World()
    chain = world.log(1, batch(0), batch(1))
    world.ghost.committed = list(chain.entries)
    event = world.event(1, new=1, log_end_offset=1)
    assert broken("R13", "truncated", event)
    world.ghost.losses[1] = Loss(1, 1)
    assert not broken("R13", "truncated", event)


def test_node_that_missed_a_later_leader_may_cut_what_that_has_committed() -> None:
    """It did not count; what was committed before that leader began it must keep."""
    world = World()
    world.ghost.internal = True
    chain = world.log(4, batch(0), batch(1), batch(2))
    world.ghost.committed = list(chain.entries)
    world.ghost.begun[4] = 1
    node = SimpleNamespace(quorum=SimpleNamespace(machine=SimpleNamespace(epoch=3)))
    known = Ghost()
    known.brokers[4] = cast("Any", node)
    for end, expected in ((1, False), (0, True)):
        event = world.event(4, new=3 - end, log_end_offset=end)._replace(world=known)
        assert broken("R13", "truncated", event) is expected


def test_leader_elected_from_outside_the_isr_takes_its_log_for_the_truth() -> None:
    """An unclean election licenses the loss of what the chosen one lacks, and no more."""
    world = World()
    full = world.log(1, batch(0), batch(1))
    world.ghost.committed = list(full.entries)
    world.log(2, batch(0))
    world.ghost.unclean_epoch = 4
    assert wrong("led", world.event(2)._replace(epoch=3)) == ["R3"]
    assert wrong("led", world.event(2)._replace(epoch=4)) == []
    assert world.ghost.true_watermark == 1
    assert world.ghost.generation == 4
    assert wrong("led", world.event(1)._replace(epoch=5)) == []


def test_follower_that_holds_something_else_to_be_committed_breaks_r2() -> None:
    """A watermark taken over before the log was cut is one of another history (KAFKA-14704)."""
    world = World()
    right = world.log(1, batch(0, value=b"committed"))
    world.ghost.committed = list(right.entries)
    world.log(2, batch(0, epoch=1, value=b"another"))
    partition: Any = SimpleNamespace(leader=None, follower=SimpleNamespace(leader_epoch=1))
    moved = world.event(2, high_watermark=1)._replace(partition=partition)
    assert broken("R2", "watermark", moved)
    assert not broken("R2", "watermark", moved._replace(partition=None))


def test_epochs_that_the_batches_do_not_have_break_r15() -> None:
    """The cache is what the log says; a follower has none that is still to be written."""
    world = World()
    log: Any = world.log(1, batch(0), batch(1, epoch=2)).log
    assert broken("R15", "truncated", world.event(1))
    log.epochs = EpochCache([(0, 0), (2, 1)])
    assert not broken("R15", "truncated", world.event(1))
    log.epochs = EpochCache([(0, 0), (2, 1), (5, 2)])
    assert broken("R15", "truncated", world.event(1))
    assert not broken("R15", "led", world.event(1, leads=True))


def opened(world: World, broker: int, old: Chain | None = None) -> Opened:
    """Return the event that a broker finds its log."""
    chain = world.ghost.chains[broker]
    return Opened(broker, chain.log, world.ghost, chain, old)


def test_watermark_that_nobody_had_told_breaks_r7() -> None:
    """A start makes nothing committed."""
    world = World()
    old = world.log(1, batch(0), batch(1))
    new: Any = world.log(1, batch(0), batch(1)).log
    new.high_watermark = 2
    assert wrong("opened", opened(world, 1, old)) == ["R7"]
    old.log.high_watermark = 2
    assert wrong("opened", opened(world, 1, old)) == []


def test_files_of_another_topic_break_c11() -> None:
    """A log under an id that this broker never wrote to is an older topic's of the same name."""
    world = World()
    world.log(1, batch(0))
    assert wrong("opened", opened(world, 1)) == ["C11"]


def test_rotten_batch_taken_over_breaks_s2() -> None:
    """Recovery looks at the checksums."""
    world = World()
    sound, rotten = batch(0), batch(1)
    old = world.log(1, sound, rotten)
    rotten.view[-1] ^= 1
    assert wrong("opened", opened(world, 1, old)) == ["S2"]


def test_written_and_gone_without_a_fault_of_the_disk_breaks_s3() -> None:
    """The end of a process loses nothing; of the power, it may."""
    world = World()
    old = world.log(1, batch(0), batch(1))
    new = world.log(1, batch(0))
    assert wrong("opened", opened(world, 1, old)) == ["S3"]
    new.disk_losses = 1
    assert wrong("opened", opened(world, 1, old)) == []
