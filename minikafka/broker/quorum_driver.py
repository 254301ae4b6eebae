"""The metadata log on this broker: written by the controller, followed by everybody, applied.

Drives the quorum machine where this broker is a voter, follows the log with an ordinary
fetcher where it is not, and publishes what is committed. There is no other way to change
metadata. Counterpart: KafkaRaftClient, MetadataLoader and QuorumController's event queue.
KIP-500, KIP-595.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from minikafka.base.config import LogConfig
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import (
    CLUSTER_METADATA_TOPIC_ID,
    METADATA_PARTITION,
    NO_LEADER,
    BrokerId,
    Offset,
)
from minikafka.broker.metadata_leader import MetadataLeader
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import settled
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import Storage
from minikafka.metadata.commands import Decision
from minikafka.metadata.controller import Controller
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import MetadataRecord, decode_record, encode_record
from minikafka.metadata.states import MetadataDelta
from minikafka.quorum.batches import committed_payloads
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.state_store import QuorumStateStore
from minikafka.replication.follower import PartitionFollower

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker
    from minikafka.broker.replica_fetcher import ReplicaFetcher

__all__ = ["QuorumDriver"]

T = TypeVar("T")


class QuorumDriver:
    """This broker's end of the metadata quorum.

    Args:
        voters: ids of the voters; the machine decides among them who leads.
        publish: called with each newly applied image and what it changed.

    Attributes:
        image: applied, that is committed, metadata.
        controller: set where this broker leads the quorum.
    """

    def __init__(
        self,
        broker: Broker,
        voters: tuple[BrokerId, ...],
        storage: Storage,
        publish: Callable[[MetadataImage, MetadataDelta], None],
    ) -> None:
        self._broker = broker
        self._voters = voters
        self._publish = publish
        self.image = MetadataImage.empty(broker.config)
        self.controller: Controller | None = None
        self._log = PartitionLog(
            METADATA_PARTITION,
            CLUSTER_METADATA_TOPIC_ID,
            LogConfig.resolve(broker.config, {}),
            storage,
            name=str(METADATA_PARTITION),
            observer=broker.observer,
        )
        self._partition = Partition(
            METADATA_PARTITION, CLUSTER_METADATA_TOPIC_ID, self._log, internal=True
        )
        self._machine: QuorumMachine | None = None
        if broker.node_id in voters:
            store = QuorumStateStore(storage, str(METADATA_PARTITION))
            self._machine = QuorumMachine(broker.node_id, voters, self._log, store)
        self._fetcher: ReplicaFetcher | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def leader_id(self) -> BrokerId | None:
        """The quorum's leader as far as known; observers look to the first voter."""
        if self._machine is not None:
            leader_id = self._machine.leader_id
            return None if leader_id == NO_LEADER else leader_id
        return self._voters[0]

    def start(self) -> None:
        """Stand for election as a voter, follow as an observer."""
        broker = self._broker
        broker.replicas.host(self._partition)
        machine = self._machine
        if machine is None:
            self._follow()
            return
        machine.start(broker.clock.monotonic_ms(), now_timestamp_ms=broker.clock.wall_ms())
        if machine.is_leader:
            self._lead(machine)

    def close(self) -> None:
        """Stop following and deciding."""
        self.controller = None
        if self._timer is not None:
            self._timer.cancel()
        if self._fetcher is not None:
            self._fetcher.close()

    async def decide(self, decide: Callable[[Controller, int], Decision[T]]) -> T:
        """Carry out one decision; return its result once its records are applied here.

        Raises:
            KafkaError: NOT_CONTROLLER, or what the decision refuses.
        """
        end, result = self._carry_out(decide)
        if self.image.offset < end:
            broker = self._broker
            applied = await settled(
                broker.purgatory.wait(
                    lambda: self.image.offset >= end,
                    [broker.image_changed],
                    broker.clock.monotonic_ms() + broker.config.request_timeout_ms,
                )
            )
            if not applied:
                raise KafkaError(ErrorCode.REQUEST_TIMED_OUT)
        return result

    def apply_committed(self) -> None:
        """Apply what lies below the high watermark and publish it."""
        start, end = self.image.offset, self._log.high_watermark
        if end <= start:
            return
        records = [
            decode_record(payload) for _, payload in committed_payloads(self._log, start, end)
        ]
        self.image, delta = self.image.apply(records, end, self._log.last_epoch)
        observer = self._broker.observer
        if observer is not None:
            observer.applied(self._broker, self.image, delta)
        self._publish(self.image, delta)

    def _carry_out(self, decide: Callable[[Controller, int], Decision[T]]) -> tuple[Offset, T]:
        controller, machine = self.controller, self._machine
        if controller is None or machine is None:
            raise KafkaError(ErrorCode.NOT_CONTROLLER)
        decision = decide(controller, self._broker.clock.monotonic_ms())
        if decision.records:
            self._append(machine, controller, decision.records)
        self._arm()
        return controller.image.offset, decision.result

    def _append(
        self,
        machine: QuorumMachine,
        controller: Controller,
        records: tuple[MetadataRecord, ...],
    ) -> None:
        """Write, take over into the controller's view, and let followers and us have it."""
        payloads = [encode_record(record) for record in records]
        machine.append(payloads, self._broker.clock.wall_ms())
        controller.replay(records, self._log.log_end_offset, machine.epoch)
        self._partition.log_end_moved.wake()
        self.apply_committed()

    def _lead(self, machine: QuorumMachine) -> None:
        """Become the controller: replay what there is, then decide."""
        broker = self._broker
        controller = Controller(broker.config, broker.seeds.child("controller"))
        end = self._log.log_end_offset
        payloads = committed_payloads(self._log, self._log.log_start_offset, end)
        controller.replay(
            [decode_record(payload) for _, payload in payloads], end, machine.epoch
        )
        bootstrap = controller.activate(broker.clock.monotonic_ms())
        self.controller = controller
        self._partition.leader = MetadataLeader(
            self._log, broker.node_id, machine, broker.clock.monotonic_ms()
        )
        broker.note_led(self._partition)
        if bootstrap.records:
            self._append(machine, controller, bootstrap.records)
        self.apply_committed()
        self._partition.wake_all()
        self._arm()

    def _follow(self) -> None:
        """Observe the quorum with the fetcher that any follower uses."""
        leader_id = self._voters[0]
        self._partition.follower = PartitionFollower(
            self._log, leader_id=leader_id, leader_epoch=-1
        )
        # As KafkaRaftClient: who lost power says nothing when it is back, and metadata must not
        # stand still for as long as a partition's follower may wait.
        config = self._broker.config
        self._fetcher = self._broker.make_fetcher(
            leader_id,
            config.replica_fetch_wait_max_ms + config.controller_quorum_request_timeout_ms,
        )
        self._fetcher.add(self._partition)

    def _arm(self) -> None:
        """Set the timer for the controller's next deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline_ms = None if self.controller is None else self.controller.next_deadline_ms()
        if deadline_ms is not None:
            now_ms = self._broker.clock.monotonic_ms()
            self._timer = asyncio.get_running_loop().call_later(
                max(0, deadline_ms - now_ms + 1) / 1000, self._on_timer
            )

    def _on_timer(self) -> None:
        self._timer = None
        if self.controller is not None:
            self._carry_out(lambda controller, now_ms: controller.tick(now_ms))
