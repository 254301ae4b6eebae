"""The metadata log on this broker: written by the controller, followed by everybody, applied.

Drives the quorum machine, whether this broker is a voter or an observer: carries its effects
out, keeps its timer, and publishes what is committed. There is no other way to change metadata.
Counterpart: KafkaRaftClient, MetadataLoader and QuorumController's event queue. KIP-500, KIP-595.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from minikafka.base.config import BrokerConfig, LogConfig
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import (
    CLUSTER_METADATA_TOPIC_ID,
    METADATA_PARTITION,
    NO_LEADER,
    BrokerId,
    Offset,
)
from minikafka.broker.applied_metadata import AppliedMetadata
from minikafka.broker.metadata_leader import MetadataLeader
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import Condition, settled
from minikafka.broker.quorum_following import QuorumFollowing
from minikafka.broker.quorum_sender import QuorumSender
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import Storage
from minikafka.metadata.commands import Decision
from minikafka.metadata.controller import Controller
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import MetadataRecord, decode_record, encode_record
from minikafka.metadata.states import MetadataDelta
from minikafka.quorum.batches import committed_payloads
from minikafka.quorum.effects import (
    Effect,
    HighWatermarkAdvanced,
    LeaderElected,
    LeaderFound,
    LeaderLost,
    SnapshotInstalled,
)
from minikafka.quorum.epochs import Timing
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.messages import VoteAnswer, VoteRequest
from minikafka.quorum.snapshots import SnapshotStore
from minikafka.quorum.state_store import QuorumStateStore
from minikafka.quorum.voters import VoterSet
from minikafka.replication.follower import PartitionFollower

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["QuorumDriver"]

logger = logging.getLogger(__name__)
T = TypeVar("T")


class QuorumDriver:
    """This broker's end of the metadata quorum.

    Args:
        voters: with which the quorum began.
        publish: called with each newly applied image and what it changed.

    Attributes:
        controller: set where this broker leads the quorum.
        machine: the node of the quorum; what may be told to it is told through this driver.
        ticked_ms: when its timer last went off, for checks.
        leader_changed: wakes when the quorum's leader is another one, or none.
        heard: wakes, where this broker leads, when another node has fetched.
    """

    def __init__(
        self,
        broker: Broker,
        voters: VoterSet,
        storage: Storage,
        publish: Callable[[MetadataImage, MetadataDelta], None],
    ) -> None:
        self._broker = broker
        self.controller: Controller | None = None
        self.leader_changed = Condition(self)
        self.heard = Condition(self)
        self._log = PartitionLog(
            METADATA_PARTITION,
            CLUSTER_METADATA_TOPIC_ID,
            _log_config(broker.config),
            storage,
            name=str(METADATA_PARTITION),
            observer=broker.observer,
        )
        self._partition = Partition(
            METADATA_PARTITION, CLUSTER_METADATA_TOPIC_ID, self._log, internal=True
        )
        self.machine = QuorumMachine(
            broker.node_id,
            broker.directory_id,
            voters,
            self._log,
            SnapshotStore(storage, str(METADATA_PARTITION)),
            QuorumStateStore(storage, str(METADATA_PARTITION)),
            timing=_timing(broker.config),
            draw=broker.seeds.generator("election").randrange,
        )
        self._applied = AppliedMetadata(broker, self.machine, publish)
        self._sender = QuorumSender(broker, self.machine, self.carry)
        self._following = QuorumFollowing(broker, self.machine, self.carry)
        self._carry_soon = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms = 0
        self.ticked_ms = 0
        self._closed = False

    @property
    def image(self) -> MetadataImage:
        """Applied, that is committed, metadata."""
        return self._applied.image

    @property
    def leader_id(self) -> BrokerId | None:
        """The quorum's leader as far as known."""
        leader_id = self.machine.leader_id
        return None if leader_id == NO_LEADER else leader_id

    def start(self) -> None:
        """Take up work as a node of the quorum; a sole voter leads on return."""
        broker = self._broker
        broker.replicas.host(self._partition)
        self._applied.start()
        self.carry(self.machine.start(broker.clock.monotonic_ms(), broker.clock.wall_ms()))
        self._following.seek()

    async def resign(self) -> None:
        """Let another voter lead, if this one does, because it goes; wait until they know."""
        self.carry(self.machine.resign(self._broker.clock.monotonic_ms()))
        broker = self._broker
        deadline_ms = (
            broker.clock.monotonic_ms() + broker.config.controller_quorum_request_timeout_ms
        )
        await settled(
            broker.purgatory.wait(
                lambda: self._sender.idle, [self._sender.answered], deadline_ms
            )
        )

    def close(self) -> None:
        """Stop following and deciding."""
        self._closed = True
        self.controller = None
        self._following.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- what others say ---

    def vote(self, request: VoteRequest) -> VoteAnswer:
        """Vote, or say why not."""
        answer = self.machine.on_vote_request(request, self._broker.clock.monotonic_ms())
        self.carry(self.machine.take_effects())
        return answer

    def hear_leader(self, leader_id: BrokerId, epoch: int) -> None:
        """Hear who leads an epoch."""
        now_ms = self._broker.clock.monotonic_ms()
        self.carry(self.machine.on_leader(leader_id, epoch, now_ms))

    def hear_end(self, leader_id: BrokerId, epoch: int, preferred: Sequence[BrokerId]) -> None:
        """Hear that a leader has resigned."""
        now_ms = self._broker.clock.monotonic_ms()
        self.carry(self.machine.on_end_epoch(leader_id, epoch, preferred, now_ms))

    # --- deciding ---

    async def decide(self, decide: Callable[[Controller, int], Decision[T]]) -> T:
        """Carry out one decision; return its result once its records are applied here.

        Raises:
            KafkaError: NOT_CONTROLLER, also where it was one and its decision may yet be
                committed by the next; or what the decision refuses.
        """
        machine, broker = self.machine, self._broker
        end, result = self._carry_out(decide)
        epoch = machine.epoch
        if self.image.offset >= end:
            return result

        def deposed() -> bool:
            return machine.epoch != epoch or not machine.is_leader

        applied = await settled(
            broker.purgatory.wait(
                lambda: self.image.offset >= end or deposed(),
                [broker.image_changed, self.leader_changed],
                broker.clock.monotonic_ms() + broker.config.request_timeout_ms,
            )
        )
        if deposed():
            raise KafkaError(
                ErrorCode.NOT_CONTROLLER, "deposed before the decision was applied"
            )
        if not applied:
            raise KafkaError(ErrorCode.REQUEST_TIMED_OUT)
        return result

    async def change_voters(
        self, change: Callable[[VoterSet], VoterSet], deadline_ms: int
    ) -> None:
        """Let the quorum go on with other voters; return once that is committed.

        Args:
            change: makes the new voters of those that count; see `quorum.voter_changes`.

        Raises:
            KafkaError: NOT_LEADER_OR_FOLLOWER; what `change` or the machine refuses;
                REQUEST_TIMED_OUT where it is not committed in time, and yet may be.
        """
        machine, broker = self.machine, self._broker
        clock, controller = broker.clock, self.controller
        if controller is None:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        machine.check_voters_may_change()
        voters = change(machine.voter_set)
        if voters == machine.voter_set:
            return
        epoch = machine.epoch
        offset = machine.change_voters(voters, clock.monotonic_ms(), clock.wall_ms())
        controller.replay((), self._log.log_end_offset, epoch)
        self._partition.log_end_moved.wake()
        self.carry(machine.take_effects())
        await settled(
            broker.purgatory.wait(
                lambda: self.image.offset > offset or machine.epoch != epoch,
                [broker.image_changed, self.leader_changed],
                deadline_ms,
            )
        )
        if self.image.offset <= offset:
            raise KafkaError(
                ErrorCode.REQUEST_TIMED_OUT, "The new voters have not committed it in time."
            )

    def _carry_out(self, decide: Callable[[Controller, int], Decision[T]]) -> tuple[Offset, T]:
        controller = self.controller
        if controller is None:
            raise KafkaError(ErrorCode.NOT_CONTROLLER)
        decision = decide(controller, self._broker.clock.monotonic_ms())
        if decision.records:
            self._append(controller, decision.records)
        self._arm()
        return controller.image.offset, decision.result

    def _append(self, controller: Controller, records: tuple[MetadataRecord, ...]) -> None:
        """Write, take over into the controller's view, and let followers and us have it."""
        payloads = [encode_record(record) for record in records]
        clock = self._broker.clock
        self.machine.append(payloads, clock.monotonic_ms(), clock.wall_ms())
        controller.replay(records, self._log.log_end_offset, self.machine.epoch)
        self._partition.log_end_moved.wake()
        self.carry(self.machine.take_effects())

    # --- what the machine wants ---

    def carry(self, effects: list[Effect]) -> None:
        """Carry effects out in order, and set the timer anew."""
        if self._closed:
            return
        for effect in effects:
            if isinstance(effect, LeaderElected):
                self._lead()
            elif isinstance(effect, LeaderFound):
                self._follow(effect)
            elif isinstance(effect, LeaderLost):
                self._lose()
            elif isinstance(effect, HighWatermarkAdvanced):
                self._on_committed()
            elif isinstance(effect, SnapshotInstalled):
                self._applied.load(effect.snapshot)
            else:
                self._sender.send(effect)
        self._arm()

    def on_progress(self) -> None:
        """Hear that a fetch moved the watermark; it is applied when the fetch is dealt with."""
        if not self._carry_soon:
            self._carry_soon = True
            self._broker.turns.soon(self._carry_rest)

    def _carry_rest(self) -> None:
        self._carry_soon = False
        self.carry(self.machine.take_effects())

    def _on_committed(self) -> None:
        self._applied.apply_committed()
        self._partition.high_watermark_moved.wake()

    def _lead(self) -> None:
        """Become the controller: replay what there is, then decide."""
        broker, machine = self._broker, self.machine
        self._following.stop()
        controller = Controller(broker.config, broker.seeds.child("controller"), self.image)
        end = self._log.log_end_offset
        payloads = committed_payloads(self._log, self.image.offset, end)
        controller.replay(
            [decode_record(payload) for _, payload in payloads], end, machine.epoch
        )
        bootstrap = controller.activate(broker.clock.monotonic_ms())
        self.controller = controller
        self._partition.follower = None
        self._partition.leader = MetadataLeader(
            self._log, broker.node_id, machine, broker.clock, self.on_progress, self.heard
        )
        broker.note_led(self._partition)
        if bootstrap.records:
            self._append(controller, bootstrap.records)
        self._tell_role()

    def _follow(self, found: LeaderFound) -> None:
        self.controller = None
        self._partition.leader = None
        self._partition.follower = PartitionFollower(
            self._log, leader_id=found.leader_id, leader_epoch=found.epoch
        )
        self._following.seek()
        self._tell_role()

    def _lose(self) -> None:
        self.controller = None
        self._partition.leader = self._partition.follower = None
        self._following.stop()
        self._tell_role()
        self._following.seek()

    def _tell_role(self) -> None:
        self._partition.wake_all()
        self.leader_changed.wake()

    # --- time ---

    def _arm(self) -> None:
        """Set the timer for what is due next; one that goes off early is set again."""
        deadlines = [self.machine.next_deadline_ms]
        if self.controller is not None:
            deadlines.append(self.controller.next_deadline_ms())
        due_ms = min((each for each in deadlines if each is not None), default=None)
        if due_ms is None or self._closed:
            return
        if self._timer is not None:
            if self._timer_ms <= due_ms:
                return
            self._timer.cancel()
        self._timer_ms = due_ms
        delay_ms = max(0, due_ms - self._broker.clock.monotonic_ms() + 1)
        self._timer = asyncio.get_running_loop().call_later(delay_ms / 1000, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        clock = self._broker.clock
        self.ticked_ms = clock.monotonic_ms()
        self.carry(self.machine.tick(clock.monotonic_ms(), clock.wall_ms()))
        controller = self.controller
        if controller is not None:
            due_ms = controller.next_deadline_ms()
            if due_ms is not None and due_ms <= clock.monotonic_ms():
                self._carry_out(lambda each, now_ms: each.tick(now_ms))


def _log_config(config: BrokerConfig) -> LogConfig:
    """Return how the metadata log is kept: by snapshots, not by the retention of topics."""
    own = {
        "segment.bytes": config.metadata_log_segment_bytes,
        "segment.ms": config.metadata_log_segment_ms,
    }
    return LogConfig.resolve(config, {name: str(value) for name, value in own.items()})


def _timing(config: BrokerConfig) -> Timing:
    return Timing(
        config.controller_quorum_election_timeout_ms,
        config.controller_quorum_fetch_timeout_ms,
        config.controller_quorum_election_backoff_max_ms,
        config.controller_quorum_retry_backoff_ms,
    )
