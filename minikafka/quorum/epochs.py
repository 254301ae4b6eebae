"""What a node of the quorum knows of epochs and their leaders, and what role follows from it.

Pure. Counterpart: org.apache.kafka.raft.QuorumState. KIP-595. `QuorumMachine` is what to use;
here is the part of it that votes, leading and following have in common.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import NamedTuple

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import NO_LEADER, BrokerId, Offset
from minikafka.log.partition_log import PartitionLog
from minikafka.quorum.effects import Effect, LeaderFound, LeaderLost
from minikafka.quorum.election import Ballot
from minikafka.quorum.leading import Leadership
from minikafka.quorum.lineage import last_epoch
from minikafka.quorum.messages import LogEnd
from minikafka.quorum.roles import LEADER_UNKNOWN, Cause, Role, next_role
from minikafka.quorum.snapshots import SnapshotStore
from minikafka.quorum.state_store import ElectionState, QuorumStateStore
from minikafka.quorum.voters import VoterHistory, VoterSet

__all__ = ["EpochKeeper", "Timing"]


class Timing(NamedTuple):
    """The quorum's timeouts, milliseconds; Kafka's `controller.quorum.*` with its defaults."""

    election_timeout_ms: int = 1000
    fetch_timeout_ms: int = 2000
    election_backoff_max_ms: int = 1000
    retry_backoff_ms: int = 20


class EpochKeeper:
    """Epoch, role and leader of one node, and until when it waits for what.

    Args:
        node_id: of this node.
        directory_id: of its disk: with another one it is another voter, or none.
        voters: with which the quorum began, until the log says otherwise; a node that is not
            among them observes.
        log: this node's copy of the metadata log.
        snapshots: of what lies below its beginning, and some of what lies in it.
        state_store: where its vote and epoch outlast a power loss.
        draw: returns a number from 0 up to its argument, exclusive: election timeouts differ
            from node to node by chance.
    """

    __slots__ = (
        "_ballot",
        "_deadline_ms",
        "_draw",
        "_effects",
        "_heard_leader",
        "_store",
        "_timing",
        "directory_id",
        "history",
        "leadership",
        "log",
        "node_id",
        "role",
        "snapshots",
        "state",
    )

    # Invariant: state is what the store holds durably.
    # Invariant: role is LEADER exactly while leadership is not None.
    # Invariant: role is PROSPECTIVE or CANDIDATE exactly while _ballot is not None.

    def __init__(
        self,
        node_id: BrokerId,
        directory_id: uuid.UUID,
        voters: VoterSet,
        log: PartitionLog,
        snapshots: SnapshotStore,
        state_store: QuorumStateStore,
        *,
        timing: Timing,
        draw: Callable[[int], int],
    ) -> None:
        self.node_id = node_id
        self.directory_id = directory_id
        self.history = VoterHistory(voters)
        self.log = log
        self.snapshots = snapshots
        self.role = Role.UNATTACHED
        self.leadership: Leadership | None = None
        self.state = state_store.read()
        self._store = state_store
        self._timing = timing
        self._draw = draw
        self._deadline_ms: int | None = None
        self._ballot: Ballot | None = None
        self._heard_leader = False
        self._effects: list[Effect] = []
        self._recover()

    def _recover(self) -> None:
        """Make what the disk holds fit together."""
        raise NotImplementedError

    @property
    def voter_set(self) -> VoterSet:
        """The voters that count: the latest in the log, committed or not."""
        return self.history.latest

    @property
    def voters(self) -> tuple[BrokerId, ...]:
        """Their ids, ascending."""
        return self.history.latest.ids

    @property
    def is_voter(self) -> bool:
        """True when this node has a vote, with the disk it has."""
        return self.history.latest.holds(self.node_id, self.directory_id)

    @property
    def last_epoch(self) -> int:
        """Epoch of the last record this node knows of, -1 without any."""
        return last_epoch(self.log, self.snapshots)

    @property
    def is_leader(self) -> bool:
        """True while this node leads; it may not be ready yet, see `LeaderElected`."""
        return self.role is Role.LEADER

    @property
    def epoch(self) -> int:
        """The latest quorum epoch this node knows of."""
        return self.state.epoch

    @property
    def leader_id(self) -> BrokerId:
        """The leader of `epoch`, -1 while there is none to turn to."""
        return NO_LEADER if self.role in LEADER_UNKNOWN else self.state.leader_id

    @property
    def hears_leader(self) -> bool:
        """True once the leader that this node follows has answered a fetch."""
        return self._heard_leader

    def stored_state(self) -> ElectionState:
        """Return what the disk says, for checks."""
        return self._store.read()

    @property
    def high_watermark(self) -> Offset:
        """Exclusive end of what is known to be committed."""
        return self.log.high_watermark

    @property
    def log_end(self) -> LogEnd:
        """What a vote is asked for with."""
        return LogEnd(self.last_epoch, self.log.log_end_offset)

    @property
    def next_deadline_ms(self) -> int | None:
        """When to call `tick` at the latest; None for never."""
        deadlines = [self._deadline_ms]
        if self._ballot is not None:
            deadlines += self._ballot.resend_ms.values()
        if self.leadership is not None:
            deadlines.append(self.leadership.quorum_deadline_ms())
            deadlines.append(self.leadership.reminder_deadline_ms())
        return min((each for each in deadlines if each is not None), default=None)

    def take_effects(self) -> list[Effect]:
        """Return what has happened since effects were last returned."""
        effects, self._effects = self._effects, []
        return effects

    def _on_leader(self, leader_id: BrokerId, epoch: int, now_ms: int) -> None:
        if epoch < self.epoch or (
            epoch == self.epoch and leader_id in (NO_LEADER, self.node_id, self.leader_id)
        ):
            return
        if leader_id in (NO_LEADER, self.node_id):
            # An epoch of our own that we know nothing of was led with a disk that is gone.
            self._see_epoch(epoch, now_ms)
            return
        known_id = self.state.leader_id
        if epoch == self.epoch and known_id not in (NO_LEADER, leader_id):
            raise BrokerBug(f"{leader_id} and {known_id} both lead quorum epoch {epoch}")
        if (epoch, leader_id) != (self.epoch, known_id):
            former = self.state if epoch == self.epoch else ElectionState(epoch)
            self._save(former._replace(leader_id=leader_id))
        self._follow(now_ms)

    def _follow(self, now_ms: int) -> None:
        """Follow the leader that the state names."""
        self._turn(Cause.LEADER_FOUND)
        self._effects.append(LeaderFound(self.epoch, self.state.leader_id))
        self._deadline_ms = now_ms + self._timing.fetch_timeout_ms

    def _see_epoch(self, epoch: int, now_ms: int) -> None:
        self._turn(Cause.LATER_EPOCH_SEEN)
        self._save(ElectionState(epoch))
        self._effects.append(LeaderLost(epoch))
        self._await_election(now_ms)

    def _turn(self, cause: Cause) -> None:
        self.role = next_role(self.role, cause)
        self.leadership = self._ballot = None
        self._heard_leader = False

    def _save(self, state: ElectionState) -> None:
        if state.epoch < self.state.epoch:
            raise BrokerBug(f"epoch {state.epoch} after {self.state.epoch}")
        self._store.write(state)
        self.state = state

    def _await_election(self, now_ms: int) -> None:
        timeout_ms = self._timing.election_timeout_ms
        self._deadline_ms = (
            now_ms + timeout_ms + self._drawn(timeout_ms) if self.is_voter else None
        )

    def _drawn(self, limit_ms: int) -> int:
        return self._draw(max(1, limit_ms))
