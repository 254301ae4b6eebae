"""What a run knows of logs: chains, what is committed, and what may be lost."""

from __future__ import annotations

from typing import Any, cast

from minikafka.records.batch import Batch, stamp
from minikafka.records.builder import build_batch
from minikafka.records.records import Record
from minikafka.trials.chains import Chain
from minikafka.trials.ghost import GhostPartition


def batch(base_offset: int, count: int = 1, epoch: int = 0, value: bytes = b"v") -> Batch:
    """Return a stamped batch."""
    records = [Record(n, 0, None, value, ()) for n in range(count)]
    made = build_batch(records)
    stamp(made, base_offset, epoch)
    return made


def chain(*batches: Batch) -> Chain:
    """Return the chain of a log with these batches."""
    made = Chain(cast("Any", None))
    for each in batches:
        made.append(each)
    return made


def test_same_batches_have_the_same_hashes() -> None:
    """Two logs agree up to an offset exactly if their entries there do."""
    one, other = chain(batch(0), batch(1, 3)), chain(batch(0), batch(1, 3))
    assert one.entries == other.entries
    assert one.holds(other.entries[-1])


def test_another_history_makes_another_entry() -> None:
    """The same batch behind another one is another entry."""
    one, other = chain(batch(0, value=b"a"), batch(1)), chain(batch(0, value=b"b"), batch(1))
    assert not one.holds(other.entries[-1])


def test_cut_removes_what_reaches_the_new_end() -> None:
    """A batch that holds the offset in its middle goes as a whole."""
    log = chain(batch(0), batch(1, 3), batch(4))
    assert [entry.base_offset for entry in log.cut(2)] == [1, 4]
    assert log.end == 1


def test_cut_takes_nothing_that_compaction_has_taken_before() -> None:
    """A log that is cut back into a gap ends before the gap, and has lost nothing by it."""
    log = chain(batch(0), batch(1), batch(2))
    log.thin(0, 2, [1])
    assert [entry.base_offset for entry in log.cut(0)] == [1, 2]
    log.take(chain(batch(0), batch(1)).entries)
    assert [entry.base_offset for entry in log.cut(0)] == [1]


def test_opened_log_stands_for_what_it_held_before_the_crash() -> None:
    """Also where compaction has thinned it, and the history it belongs to was given up since."""
    ghost = GhostPartition("t-0", internal=False, compacted_below=2)
    old, found = chain(batch(0), batch(1), batch(2)), chain()
    assert [entry.base_offset for entry in ghost.followed(found, batch(1), old)] == [0, 1]
    assert [entry.base_offset for entry in ghost.followed(found, batch(2), old)] == [2]
    assert found.entries == old.entries
    assert [entry.base_offset for entry in ghost.followed(chain(), batch(1))] == [1]


def test_entry_is_found_by_any_offset_in_it() -> None:
    """Inside a batch is in the batch; behind the log is nowhere."""
    log = chain(batch(0), batch(1, 3))
    found = log.at(2)
    assert found is not None
    assert found.base_offset == 1
    assert log.at(4) is None


def test_log_that_begins_behind_an_entry_is_not_held_against_it() -> None:
    """Retention takes away the beginning."""
    whole = chain(batch(0), batch(1))
    rest = Chain(cast("Any", None), root=1, root_hash=whole.entries[0].prefix_hash)
    rest.append(batch(1))
    assert rest.holds(whole.entries[0])
    assert rest.holds(whole.entries[1])


def test_licensed_loss_forgets_what_was_committed_and_seen() -> None:
    """What is gone with a licence may be written anew, and is counted."""
    ghost = GhostPartition("t-0", internal=False)
    log = chain(batch(0), batch(1), batch(2))
    ghost.committed = list(log.entries)
    ghost.exposed = {entry.base_offset: entry.prefix_hash for entry in log.entries}
    assert ghost.forget_lacking(chain(batch(0)), epoch=7) == 2
    assert ghost.true_watermark == 1
    assert list(ghost.exposed) == [0]
    assert ghost.licensed == 2
    assert ghost.generation == 7


def test_what_a_former_leader_commits_is_lost_unless_the_present_history_has_it() -> None:
    """It has not heard of the election of last resort that ended its own."""
    one, other = chain(batch(0), batch(1)), chain(batch(0), batch(1, epoch=2, value=b"w"))
    ghost = GhostPartition("t-0", internal=False)
    ghost.committed = list(other.entries)
    ghost.lost_late(one.entries)
    assert (ghost.licensed, ghost.may_have_lost) == (1, True)
    ghost.lost_late(other.entries)
    assert ghost.licensed == 1
