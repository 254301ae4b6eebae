"""Which planted bug switches off which rule that a module states of itself.

A module's rules stand under "Rules of this file" in its docstring, a sentence each. A house test
compares: a rule without an ablation is untested, or not needed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.house.tree import modules

__all__ = [
    "ABLATIONS",
    "CONVENTIONS",
    "EXPLORED",
    "FOLDERS",
    "OWED",
    "Schedule",
    "stated_rules",
]

FOLDERS = ("quorum", "replication", "metadata", "log", "broker", "transactions")
"""Of the package: where the rules of the protocol are."""


class Schedule(NamedTuple):
    """A schedule that shows a planted bug: its seed, and the invariant that it breaks.

    Args:
        changing: as in `quorum_explorer.explore`.
    """

    seed: int
    rule: str
    changing: bool = False


Rules = Mapping[str, Mapping[str, tuple[str, ...]]]

ABLATIONS: Rules = {
    "quorum/machine.py": {
        "A vote is durable before it is given or counted, and an epoch before it is acted in.": (
            "M81",
            "epoch-not-stored",
        ),
        "Durable epochs never fall, and each leadership has an epoch of its own.": (
            "older-epoch",
            "restarted-leader",
        ),
        "A pre-vote changes nothing that lasts.": ("stored-pre-vote",),
        "No committed batch is ever truncated.": ("committed-cut", "M86"),
    },
    "quorum/duties.py": {
        "What is appended is durable before it counts towards the high watermark.": (
            "leader-unflushed",
            "M85",
        ),
        # Its first half is no question of safety: a change that nobody can make would be safe.
        "A leader that has removed itself leads until that is committed, and no longer.": (
            "removed-leader",
        ),
    },
    "quorum/log_keeper.py": {
        "The log and the voters change together.": (
            "voters-passed-over",
            "voters-outlive-truncation",
        ),
        "Where records are gone from its beginning, a snapshot says what they came to.": (
            "snapshot-start",
        ),
    },
    "quorum/snapshots.py": {
        "A snapshot is of committed records only, and ends between two batches.": (
            "snapshot-offset",
        ),
        "It has its name once all of it is durable: there are whole ones and none.": (
            "snapshot-unflushed",
        ),
    },
    "quorum/voter_changes.py": {
        "One vote more or less at a time: so each majority of the old voters and each of the new"
        " ones have a voter in common.": ("two-votes",),
        "No change before a record of the leader's own epoch is committed.": ("M88",),
        "No change while another one is not committed.": ("M88",),
    },
    "quorum/voters.py": {
        "A voter is a node with one disk: with another one it has forgotten its votes, and has"
        " none.": ("M93",),
        "The latest voters in the log count, committed or not; where they are cut away, those"
        " before.": ("committed-voters", "voters-outlive-truncation"),
    },
    "quorum/election.py": {
        # Without its second half there are pointless elections, and never two leaders.
        "One vote in an epoch, and none once its leader is known.": ("second-vote",),
        "No vote for a log that lacks something of ours (Raft, 5.4.1).": ("M82",),
        "No pre-vote against a leader that we hear ourselves (KAFKA-17641).": ("M90",),
    },
    "quorum/commit.py": {
        "Only voters count, the leader among them only if it is one.": ("observers-count",),
        "Only what is durable counts: a voter that loses power must still have it.": (
            "M85",
            "leader-unflushed",
        ),
        "Nothing is committed before a record of the leader's own epoch is: an older one may yet"
        " be overwritten though a majority holds it (Raft, 5.4.2; KAFKA-12619).": ("M83",),
    },
    "replication/leader.py": {
        "acks=all writes nothing while the ISR is under min.insync.replicas.": ("M18",),
        "The high watermark waits for everybody whom the controller may elect: the ISR, and the"
        " one that was asked for.": ("M10", "M11"),
        "It stands still while the ISR is under min.insync.replicas.": ("M12",),
        "The ISR changes by the controller's record alone.": ("M19",),
    },
    "replication/isr.py": {
        "Who joins has reached the high watermark, and the start of the leader's epoch.": (
            "M06",
            "M07",
        ),
        "Who is at the end is in sync however long nothing comes; who is behind is so for a time"
        " only.": ("M34", "M35"),
    },
    "replication/follower.py": {
        "A log is cut where it leaves the leader's, not at a watermark.": ("M01",),
        "What the leader sent is appended without a gap, but where compaction may have left one.": (
            "follower-skips-batch",
        ),
    },
    "metadata/leadership.py": {
        "partition_epoch grows by one with every change.": ("partition-epoch-stays",),
        "leader_epoch grows by one when the leader changes, to or from NO_LEADER included, and"
        " when a replica is removed.": ("M21",),
        "leader is NO_LEADER or in the ISR.": ("leader-outside-isr",),
        "ISR and ELR have no member in common, and both are part of the replicas.": (
            "elr-in-isr",
        ),
        "The ELR is empty while the ISR has min.insync.replicas members.": ("elr-stays",),
        "A leader comes from the ISR, or from the ELR where the ISR is empty, while one of them"
        " lives.": ("M22",),
    },
    "metadata/partitions.py": {
        "An ISR is accepted from the present leader, in the present state of the partition.": (
            "M27",
        ),
        "Only live replicas in their present registration join.": ("M26",),
    },
    "metadata/controller.py": {
        "A broker is registered anew only once its former life is fenced.": ("M94",),
        "Who has not shut down cleanly leaves every ISR and ELR first.": ("M24",),
    },
    "metadata/assignments.py": {
        "A move ends once all its targets are in the ISR.": ("M28",),
    },
    "log/compaction.py": {
        "Of each key the newest committed record stays, but for a tombstone past its delete"
        " horizon.": ("compaction-takes-the-newest",),
        "Only what is committed is compacted, or counts as newer.": (
            "compaction-past-watermark",
        ),
    },
    "log/producer_state.py": {
        "The state is what the batches of the log come to, one after the other.": (
            "M43",
            "producers-outlive-truncation",
            "M45",
        ),
        "One of the last five batches that comes again is told from a new one.": (
            "M46",
            "duplicates-written",
        ),
        "Sequences of a producer epoch are without gaps, and begin with 0 where an older one is"
        " known.": ("M47",),
        "A producer epoch that is over writes nothing more.": ("former-epoch-writes",),
        "A follower takes over what the leader took, without judging it.": ("M53",),
    },
    "log/epoch_cache.py": {
        "The entries are strictly increasing in epoch and in start offset.": (
            "epochs-outlive-truncation",
        ),
        "An epoch ends where the next one starts; the last one ends at the log end offset.": (
            "epoch-without-end",
            "M02",
        ),
        "Only the last entry may be without a record: a leader that has not written yet.": (
            "M31",
        ),
    },
    "log/partition_log.py": {
        "Every change keeps what `check_invariants` says.": ("epochs-outlive-truncation",),
        "A start makes nothing committed.": ("M30",),
    },
    "log/recovery.py": {
        "What is torn or rotten is cut off, with all that lies behind it.": ("M39", "M40"),
    },
    "log/fail_stop.py": {
        "After a write that failed nothing is written any more.": ("M41",),
    },
    "log/retention.py": {
        "Nothing is deleted that is not committed.": ("M38",),
    },
    "broker/isr_changes.py": {
        "A wish that may have been granted stays pending until the record says what became of"
        " it: whom the controller may have made electable, the watermark waits for.": (
            "wish-forgotten",
        ),
        "It is given up only where the controller says that it was not granted and never will"
        " be.": ("wish-forgotten",),
        "Where no answer says anything, the same is asked again.": ("M33",),
    },
    "broker/replica_fetcher.py": {
        "Only the answer to the last fetch counts.": ("M15",),
        "A log is cut before a watermark is taken over.": ("M14",),
    },
    "broker/fetch_targets.py": {
        "Who asks in another leader epoch is served nothing; in a session every fetch is looked"
        " at.": ("M04", "M05"),
        "Consumers are sent what is committed, and sent on to members of the ISR only.": (
            "read-past-watermark",
            "M37",
        ),
    },
    "broker/coordinator_partition.py": {
        "A record is in the log before it changes anything in memory.": ("offset-before-log",),
        "Nothing is answered before all that was written when it was decided is committed.": (
            "commit-unawaited",
        ),
        "Decisions that write nothing wait, too: what they saw may not be committed yet.": (
            "heartbeat-unawaited",
        ),
    },
    "broker/replica_manager.py": {
        "Who is not the leader by the metadata leads no longer.": ("M20",),
        "A new leader knows nothing of others.": ("M08",),
        "Files are served under the topic id alone that they were written under.": ("M29",),
    },
    "transactions/coordinator.py": {
        "Committed or aborted is decided once.": ("M60",),
        "A decision in the log is carried out, by whoever reads it.": (
            "transaction-owed-forgotten",
        ),
        "Markers are owed for what is committed, and for nothing else.": ("M59",),
        "Another transaction begins when all markers of the one before are written.": (
            "transaction-begins-early",
        ),
    },
}
"""By module and rule: ids of planted bugs (docs/mutations.md)."""

OWED: Mapping[str, tuple[str, ...]] = {}
"""Rules that nothing switches off yet. This may only become shorter."""

CONVENTIONS: Mapping[str, tuple[str, ...]] = {
    "log/partition_log.py": (
        "End offsets are exclusive.",
        "Bytes of a batch are never copied: storage, segments and readers share them.",
    ),
    # The state is a fold of the log as it is written, so a second step would be safe; Kafka has one.
    "transactions/coordinator.py": (
        (
            "A transactional id takes one step at a time: while one is not committed, the next one"
            " waits."
        ),
    ),
}
"""What is stated beside the rules and is no question of safety: words, and costs."""

EXPLORED: Mapping[str, Schedule] = {
    "M82": Schedule(8, "K4"),
    "M85": Schedule(0, "K6"),
    "second-vote": Schedule(7, "K7"),
    "epoch-not-stored": Schedule(0, "K9"),
    "older-epoch": Schedule(21, "K9"),
    "stored-pre-vote": Schedule(0, "K7"),
    "leader-unflushed": Schedule(0, "K6"),
    "removed-leader": Schedule(2, "K16", changing=True),
    "voters-passed-over": Schedule(0, "K17", changing=True),
    "snapshot-unflushed": Schedule(0, "K14", changing=True),
    "two-votes": Schedule(7, "K13", changing=True),
    "committed-voters": Schedule(0, "K17", changing=True),
    "voters-outlive-truncation": Schedule(10, "K17", changing=True),
}
"""Rules of the quorum that schedules of messages find."""

_HEADING = "Rules of this file"


def stated_rules(root: Path) -> dict[str, list[str]]:
    """Return the rules of each module that has some."""
    found = {}
    for folder in FOLDERS:
        for path in modules(root, f"minikafka/{folder}"):
            rules = list(_rules(path.read_text("utf-8")))
            if rules:
                found[path.relative_to(root / "minikafka").as_posix()] = rules
    return found


def _rules(source: str) -> Iterator[str]:
    _, heading, text = (ast.get_docstring(ast.parse(source)) or "").partition(_HEADING)
    for line in _lines(text) if heading else ():
        yield from re.split(r"(?<=\.)\s+", line)


def _lines(text: str) -> Iterator[str]:
    """Yield the indented block behind the heading as one line; rules end with a full stop."""
    block = text.lstrip(":\n").partition("\n\n")[0]
    yield " ".join(line.strip() for line in block.splitlines())
