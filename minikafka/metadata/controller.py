"""The controller: the only author of metadata records.

Pure: commands and time come in, decisions go out. A decision changes nothing by itself; the
caller appends its records to the metadata log and hands them back through `replay`, before it
asks for the next decision. `image` is thus everything appended so far, committed or not.
Knows neither the log nor the quorum; whether this node may decide at all is the caller's word.
Counterpart: org.apache.kafka.controller.QuorumController, ClusterControlManager,
ProducerIdControlManager; KIP-500, KIP-631, KIP-730.

Rules of this file
    A broker is registered anew only once its former life is fenced.
    Who has not shut down cleanly leaves every ISR and ELR first.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from minikafka.base.config import BrokerConfig
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import CLUSTER_METADATA_TOPIC_ID, ZERO_ID, BrokerId, Offset
from minikafka.base.seeds import Seeds, random_id
from minikafka.metadata import configs, deletion, elections, partitions, reassignment, topics
from minikafka.metadata.commands import (
    AllocateProducerIds,
    AlterConfigs,
    AlterPartition,
    CreatePartitions,
    CreateTopics,
    Decision,
    DeletedTopic,
    DeleteTopics,
    ElectionResult,
    ElectLeaders,
    Heartbeat,
    HeartbeatResult,
    IsrChangeResult,
    NewPartitionsResult,
    NewTopicResult,
    ProducerIdBlock,
    RegisterBroker,
    Registration,
    ResourceResult,
)
from minikafka.metadata.config_effects import config_effects
from minikafka.metadata.elections import ElectionCounts, ElectionTimer
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.leadership import (
    fence_changes,
    unclean_shutdown_changes,
    unfence_changes,
)
from minikafka.metadata.liveness import Liveness, is_clean_shutdown
from minikafka.metadata.partitions import check_broker_epoch
from minikafka.metadata.reassignment import AlterReassignments, MovedPartition
from minikafka.metadata.records import (
    BrokerFenced,
    BrokerRegistered,
    BrokerShuttingDown,
    BrokerUnfenced,
    BrokerUnregistered,
    MetadataRecord,
    PartitionChanged,
    ProducerIdsAllocated,
)
from minikafka.metadata.states import BrokerImage, MetadataDelta

__all__ = ["PRODUCER_ID_BLOCK_COUNT", "Controller"]

PRODUCER_ID_BLOCK_COUNT = 1000


class Controller:
    """Decides on brokers, topics, partitions, configs and producer ids.

    Args:
        config: static config of the controller's node; gives the defaults of new topics and
            the session timeout of brokers.
        seeds: where topic ids and the start of placements are drawn from.
        image: what comes before the first records replayed; None for nothing.

    Attributes:
        election_counts: of this node since it is active.
    """

    def __init__(
        self, config: BrokerConfig, seeds: Seeds, image: MetadataImage | None = None
    ) -> None:
        self._config = config
        self._seeds = seeds
        self._image = MetadataImage.empty(config) if image is None else image
        self._liveness = Liveness(config.broker_session_timeout_ms)
        self._timers = self._election_timers()
        self._active = False
        self.election_counts = ElectionCounts()
        self._draw_anew()

    @property
    def image(self) -> MetadataImage:
        """The state after all records replayed so far."""
        return self._image

    def replay(
        self, records: Sequence[MetadataRecord], end_offset: Offset, epoch: int | None = None
    ) -> MetadataDelta:
        """Take appended records, own or foreign, up to `end_offset` (exclusive)."""
        if self._active:
            self.election_counts.note(self._image, records)
        self._image, delta = self._image.apply(records, end_offset, epoch)
        return delta

    def activate(self, now_ms: int) -> Decision[None]:
        """Begin to decide, with all records of earlier controllers replayed.

        Every unfenced broker gets a fresh session: its heartbeats went to someone else. The
        records are what a new cluster starts with.
        """
        self._draw_anew()
        self._liveness = Liveness(self._config.broker_session_timeout_ms)
        self._timers = self._election_timers()
        for timer in self._timers:
            # From now on: no session need ever run out, and nothing else calls `tick`.
            timer.begin(now_ms)
        self._active = True
        self.election_counts = ElectionCounts()
        self._open_sessions(now_ms)
        return Decision(configs.bootstrap_configs(self._image), None)

    def _election_timers(self) -> tuple[ElectionTimer, ...]:
        config = self._config
        preferred = ElectionTimer(
            config.leader_imbalance_check_interval_seconds * 1000, elections.preferred_elections
        )
        unclean = ElectionTimer(
            config.unclean_leader_election_interval_ms, elections.unclean_elections
        )
        return (preferred, unclean) if config.auto_leader_rebalance_enable else (unclean,)

    def _draw_anew(self) -> None:
        # By offset: a controller that comes back must not draw the topic ids of last time.
        offset = self._image.offset
        self._placement = self._seeds.generator(f"placement:{offset}")
        self._topic_ids = self._seeds.generator(f"topic-ids:{offset}")

    def _open_sessions(self, now_ms: int) -> None:
        for broker_id, broker in sorted(self._image.brokers.items()):
            if not broker.fenced and broker_id not in self._liveness:
                self._liveness.heartbeat(broker_id, now_ms)

    # --- brokers -------------------------------------------------------------------------

    def register_broker(self, command: RegisterBroker, now_ms: int) -> Decision[Registration]:
        """Give a broker its id; it starts fenced, with a broker epoch larger than any before.

        The same incarnation keeps its broker epoch and its state, e.g. to change its port. A
        new one that cannot say in which registration it shut down cleanly leaves every ISR and
        every ELR before it is registered (KIP-966).

        Raises:
            KafkaError: DUPLICATE_BROKER_REGISTRATION while another incarnation is alive.
        """
        old = self._image.brokers.get(command.broker_id)
        same = old is not None and old.incarnation_id == command.incarnation_id
        if not same and old is not None and self._is_live(old, now_ms):
            raise KafkaError(
                ErrorCode.DUPLICATE_BROKER_REGISTRATION,
                "Another broker is registered with that broker id.",
            )
        records: list[MetadataRecord] = []
        if not same:
            clean = is_clean_shutdown(old, command.previous_broker_epoch)
            leave = fence_changes if clean else unclean_shutdown_changes
            records += leave(self._image, command.broker_id)
            if old is not None and not old.fenced:
                # C7: one incarnation is out before the next one is in.
                records.append(BrokerFenced(old.broker_id, old.broker_epoch))
            self._liveness.close(command.broker_id)
        keep = old if same else None
        broker_epoch = self._image.offset + len(records) if keep is None else keep.broker_epoch
        records.append(
            BrokerRegistered(
                command.broker_id,
                broker_epoch,
                command.incarnation_id,
                command.host,
                command.port,
                command.rack,
                keep is None or keep.fenced,
                command.broker_host,
                command.broker_port,
            )
        )
        if keep is not None and keep.in_controlled_shutdown:
            records.append(BrokerShuttingDown(command.broker_id, broker_epoch))
        return Decision(tuple(records), Registration(broker_epoch))

    def unregister_broker(self, broker_id: BrokerId) -> Decision[None]:
        """Free a broker id; raises KafkaError BROKER_ID_NOT_REGISTERED."""
        broker = self._image.brokers.get(broker_id)
        if broker is None:
            raise KafkaError(
                ErrorCode.BROKER_ID_NOT_REGISTERED,
                f"Broker ID {broker_id} is not currently registered",
            )
        self._liveness.close(broker_id)
        gone = BrokerUnregistered(broker_id, broker.broker_epoch)
        return Decision((*fence_changes(self._image, broker_id), gone), None)

    def heartbeat(self, command: Heartbeat, now_ms: int) -> Decision[HeartbeatResult]:
        """Prolong the broker's session, and let it in or out as it wishes and as it may.

        A fenced broker is let in once it has applied its own registration. A broker that wants
        to shut down first hands over its leaderships, and may go when all live brokers know.

        Raises:
            KafkaError: STALE_BROKER_EPOCH when this is not the broker's present registration.
        """
        broker_id = command.broker_id
        check_broker_epoch(self._image, broker_id, command.broker_epoch)
        broker = self._image.brokers[broker_id]
        caught_up = command.current_metadata_offset >= broker.broker_epoch
        if broker.fenced:
            return self._fenced_heartbeat(broker, command, now_ms, caught_up=caught_up)
        self._liveness.heartbeat(broker_id, now_ms, command.current_metadata_offset)
        if command.want_fence or (command.want_shut_down and self._may_go(broker)):
            self._liveness.close(broker_id)
            result = HeartbeatResult(caught_up, True, command.want_shut_down)
            return Decision(self._fencing(broker), result)
        result = HeartbeatResult(caught_up, False, False)
        if not command.want_shut_down or broker.in_controlled_shutdown:
            return Decision((), result)
        records: tuple[MetadataRecord, ...] = (
            BrokerShuttingDown(broker_id, broker.broker_epoch),
            *fence_changes(self._image, broker_id),
        )
        self._liveness.begin_shutdown(broker_id, self._image.offset + len(records) - 1)
        return Decision(records, result)

    def _fenced_heartbeat(
        self, broker: BrokerImage, command: Heartbeat, now_ms: int, *, caught_up: bool
    ) -> Decision[HeartbeatResult]:
        if command.want_shut_down:
            return Decision((), HeartbeatResult(caught_up, True, True))
        if command.want_fence or not caught_up:
            return Decision((), HeartbeatResult(caught_up, True, False))
        self._liveness.heartbeat(broker.broker_id, now_ms, command.current_metadata_offset)
        records: tuple[MetadataRecord, ...] = (
            BrokerUnfenced(broker.broker_id, broker.broker_epoch),
            *unfence_changes(self._image, broker.broker_id),
        )
        return Decision(records, HeartbeatResult(caught_up, False, False))

    def _may_go(self, broker: BrokerImage) -> bool:
        """True when nothing waits for the broker any more."""
        leads = any(
            partition.leader == broker.broker_id
            for topic in self._image.topics.values()
            for partition in topic.partitions
        )
        if leads:
            return False
        return not broker.in_controlled_shutdown or self._liveness.may_shut_down(
            broker.broker_id
        )

    def _is_live(self, broker: BrokerImage, now_ms: int) -> bool:
        return not broker.fenced and self._liveness.is_valid(broker.broker_id, now_ms)

    def _fencing(self, broker: BrokerImage) -> tuple[MetadataRecord, ...]:
        """Return the records that put the broker out; elections come before the fence."""
        if broker.fenced:
            return ()
        return (
            *fence_changes(self._image, broker.broker_id),
            BrokerFenced(broker.broker_id, broker.broker_epoch),
        )

    # --- time ----------------------------------------------------------------------------

    def tick(self, now_ms: int) -> Decision[BrokerId | None]:
        """Fence one broker whose session has run out, or hold the elections that are due.

        One broker at a time, so that each fencing sees what the one before did: call again
        while `next_deadline_ms()` is not later than now. The result is the broker fenced.
        """
        self._open_sessions(now_ms)
        for broker_id in self._liveness.expired(now_ms):
            self._liveness.close(broker_id)
            broker = self._image.brokers.get(broker_id)
            if broker is not None and not broker.fenced:
                return Decision(self._fencing(broker), broker_id)
        records: list[PartitionChanged] = []
        for timer in self._timers:
            if not records:  # the next kind of election sees what this one did
                records = timer.elections(self._image, now_ms)
        return Decision(tuple(records), None)

    def next_deadline_ms(self) -> int | None:
        """Return when `tick` is needed at the latest; None while there is nothing to wait for."""
        deadlines = [
            deadline
            for deadline in (
                self._liveness.next_deadline_ms(),
                *(timer.due_ms for timer in self._timers),
            )
            if deadline is not None
        ]
        return min(deadlines, default=None)

    # --- topics, partitions, configs -------------------------------------------------------

    def create_topics(self, command: CreateTopics) -> Decision[tuple[NewTopicResult, ...]]:
        """Decide on new topics; see `topics.create_topics`."""
        return topics.create_topics(self._image, command, self._placement, self._new_topic_id)

    def delete_topics(self, command: DeleteTopics) -> Decision[tuple[DeletedTopic, ...]]:
        """Decide which topics go; see `deletion.delete_topics`."""
        return deletion.delete_topics(self._image, command)

    def create_partitions(
        self, command: CreatePartitions
    ) -> Decision[tuple[NewPartitionsResult, ...]]:
        """Decide on more partitions; see `topics.create_partitions`."""
        return topics.create_partitions(self._image, command, self._placement)

    def alter_configs(self, command: AlterConfigs) -> Decision[tuple[ResourceResult, ...]]:
        """Decide on config changes; see `configs.alter_configs`."""
        decision = configs.alter_configs(self._image, command)
        effects = config_effects(self._image, decision.records)
        return Decision((*decision.records, *effects), decision.result)

    def alter_partition(self, command: AlterPartition) -> Decision[tuple[IsrChangeResult, ...]]:
        """Decide on ISR changes that a leader proposes; see `partitions.alter_partition`."""
        return partitions.alter_partition(self._image, command)

    def alter_reassignments(
        self, command: AlterReassignments
    ) -> Decision[tuple[MovedPartition, ...]]:
        """Decide on moves of partitions; see `reassignment.alter_reassignments`."""
        return reassignment.alter_reassignments(self._image, command)

    def elect_leaders(self, command: ElectLeaders) -> Decision[tuple[ElectionResult, ...]]:
        """Decide on elections that somebody asks for; see `elections.elect_leaders`."""
        return elections.elect_leaders(self._image, command)

    def _new_topic_id(self) -> uuid.UUID:
        while True:
            topic_id = random_id(self._topic_ids)
            reserved = topic_id in (ZERO_ID, CLUSTER_METADATA_TOPIC_ID)
            if not reserved and topic_id not in self._image.topic_names:
                return topic_id

    # --- producer ids ----------------------------------------------------------------------

    def allocate_producer_ids(self, command: AllocateProducerIds) -> Decision[ProducerIdBlock]:
        """Give a broker the next block of producer ids, for ever its own.

        Raises:
            KafkaError: STALE_BROKER_EPOCH; UNKNOWN_SERVER_ERROR when all 2^63 ids are gone.
        """
        check_broker_epoch(self._image, command.broker_id, command.broker_epoch)
        first = self._image.next_producer_id
        if first > 2**63 - 1 - PRODUCER_ID_BLOCK_COUNT:
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "All producer ids are used up.")
        record = ProducerIdsAllocated(
            command.broker_id, command.broker_epoch, first + PRODUCER_ID_BLOCK_COUNT
        )
        return Decision((record,), ProducerIdBlock(first, PRODUCER_ID_BLOCK_COUNT))
