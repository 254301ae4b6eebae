"""All replicas of one broker: their roles as the metadata says, and who may use them how.

Acts only on applied metadata. Counterpart: kafka.server.ReplicaManager.

Rules of this file
    Who is not the leader by the metadata leads no longer. A new leader knows nothing of others.
    Files are served under the topic id alone that they were written under.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from minikafka.base.clock import Clock
from minikafka.base.config import BrokerConfig
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER, BrokerId, Offset, TopicId, TopicPartition
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import Condition, Purgatory
from minikafka.broker.stray_logs import delete_strays
from minikafka.broker.throttles import Throttles
from minikafka.log.directory import claim_directory
from minikafka.log.observer import LogObserver
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import Storage
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import (
    BROKER_RESOURCE,
    TOPIC_RESOURCE,
    MetadataDelta,
    PartitionImage,
)
from minikafka.replication.follower import PartitionFollower
from minikafka.replication.leader import PartitionLeader
from minikafka.replication.selector import preferred_replica, selector_of

__all__ = ["ReplicaManager"]


class ReplicaManager:
    """The partitions hosted here, each with its role.

    Args:
        on_role: called after a partition's role or leader changed, so that fetchers follow.
        on_isr_wanted: called when a leader may want another ISR.
        on_led: called after this broker became the leader of a partition in a new epoch.
        on_produced: called after a producer's batch was written, with its acks.
        log_observer: given to every log.

    Attributes:
        selector: chooses the replicas that consumers read from; None leaves them to the leader.
        roles_changed: wakes who waits for metadata this broker has not applied yet.
    """

    def __init__(
        self,
        node_id: BrokerId,
        config: BrokerConfig,
        storage: Storage,
        clock: Clock,
        purgatory: Purgatory,
        *,
        on_role: Callable[[Partition], None],
        on_isr_wanted: Callable[[Partition], None],
        on_led: Callable[[Partition], None] = lambda partition: None,
        on_produced: Callable[[Partition, int], None] | None = None,
        log_observer: LogObserver | None = None,
    ) -> None:
        self._on_led = on_led
        self._on_produced = on_produced
        self._log_observer = log_observer
        self.node_id = node_id
        self.clock = clock
        self.purgatory = purgatory
        self.roles_changed = Condition(self)
        selector_class = config.value("replica.selector.class")
        self.selector = selector_of(None if selector_class is None else str(selector_class))
        self.throttles = Throttles(config)
        self._config = config
        self._storage = storage
        self._on_role = on_role
        self._on_isr_wanted = on_isr_wanted
        self._partitions: dict[tuple[str, int], Partition] = {}
        self._image: MetadataImage | None = None
        self._lost_and_deleted = 0

    # who is here

    def partition(self, topic_partition: tuple[str, int]) -> Partition | None:
        """Return the replica hosted here, or None."""
        return self._partitions.get(topic_partition)

    def topic_name(self, topic_id: TopicId) -> str | None:
        """Return the name of a topic this broker knows by its id, or None."""
        return None if self._image is None else self._image.topic_names.get(topic_id)

    def host(self, partition: Partition) -> None:
        """Take in a partition whose role comes from elsewhere: the metadata log."""
        self._partitions[partition.topic_partition] = partition

    def __iter__(self) -> Iterator[Partition]:
        return iter(tuple(p for p in self._partitions.values() if not p.internal))

    @property
    def records_lost(self) -> int:
        """How many offsets below a high watermark were cut away since this broker started."""
        lost = sum(partition.records_lost for partition in self._partitions.values())
        return lost + self._lost_and_deleted

    def leading(
        self,
        topic: str,
        index: int,
        current_leader_epoch: int = -1,
        *,
        internal: bool = False,
        or_following: bool = False,
    ) -> Partition:
        """Return the partition this broker leads, its `leader` set.

        Args:
            current_leader_epoch: the epoch the requester believes in; -1 for no check.
            internal: find the metadata log, too; only for brokers.
            or_following: find also what this broker does not lead but has (KIP-392).

        Raises:
            KafkaError: UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, and of KIP-320
                FENCED_LEADER_EPOCH (behind ours) or UNKNOWN_LEADER_EPOCH (ahead of ours).
        """
        partition = self._partitions.get((topic, index))
        if partition is None or (partition.internal and not internal):
            raise KafkaError(self._absent(topic, index))
        leader = partition.leader
        if current_leader_epoch >= 0:
            epoch = self.leader_epoch(partition)
            if current_leader_epoch < epoch:
                raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH)
            if current_leader_epoch > epoch:
                raise KafkaError(ErrorCode.UNKNOWN_LEADER_EPOCH)
        if leader is None and not or_following:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        return partition

    def read_replica(
        self, partition: Partition, rack: str, fetch_offset: Offset
    ) -> BrokerId | None:
        """Return the follower that a consumer of `rack` should read from; None for this broker."""
        leader, selector, image = partition.leader, self.selector, self._image
        if leader is None or selector is None or image is None:
            return None
        racks = {broker.broker_id: broker.rack for broker in image.alive_brokers()}
        now_ms = self.clock.monotonic_ms()
        return preferred_replica(leader, selector, rack, fetch_offset, racks, now_ms)

    def leader(
        self, topic_partition: TopicPartition, current_leader_epoch: int = -1
    ) -> PartitionLeader:
        """Return the leader's machine; refuses as `leading` does."""
        leader = self.leading(*topic_partition, current_leader_epoch).leader
        assert leader is not None
        return leader

    def leader_epoch(self, partition: Partition) -> int:
        """Return the leader epoch this broker knows for a hosted partition; -1 for none."""
        role = partition.leader or partition.follower
        if role is not None:
            return role.leader_epoch
        state = self._state(*partition.topic_partition)
        return -1 if state is None else state.leader_epoch

    def _absent(self, topic: str, index: int) -> ErrorCode:
        known = self._state(topic, index) is not None
        return (
            ErrorCode.NOT_LEADER_OR_FOLLOWER if known else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        )

    def _state(self, topic: str, index: int) -> PartitionImage | None:
        if self._image is None:
            return None
        return self._image.partition(TopicPartition(topic, index))

    # what moved

    def appended(self, partition: Partition, acks: int) -> None:
        """Wake who waits for the log end; with a sole in-sync replica the watermark moves too."""
        leader = partition.leader
        assert leader is not None
        if self._on_produced is not None:
            self._on_produced(partition, acks)
        partition.log_end_moved.wake()
        if len(leader.isr) == 1 and leader.maybe_advance_high_watermark(
            self.clock.monotonic_ms()
        ):
            partition.high_watermark_moved.wake()

    def on_follower_fetch(
        self,
        partition: Partition,
        follower: BrokerId,
        fetch_offset: Offset,
        log_start_offset: Offset,
        broker_epoch: int,
        now_ms: int,
    ) -> bool:
        """Note a follower's progress; say whether waiters on the watermark must be woken."""
        leader = partition.leader
        assert leader is not None
        progress = leader.progress.get(follower)
        old_start = progress.log_start_offset if progress is not None else -1
        moved = leader.on_follower_fetch(
            follower, fetch_offset, log_start_offset, broker_epoch, now_ms
        )
        if follower not in leader.isr and leader.pending_isr is None:
            self._on_isr_wanted(partition)
        return moved or old_start != log_start_offset

    def check_isr(self) -> None:
        """Look for followers that have fallen behind; called each half lag time."""
        for partition in self:
            if partition.leader is not None:
                self._reconsider(partition, partition.leader)

    def _reconsider(self, partition: Partition, leader: PartitionLeader) -> None:
        """Ask for the ISR anew, and let the watermark go on without whom it need not wait for."""
        self._on_isr_wanted(partition)
        if leader.maybe_advance_high_watermark(self.clock.monotonic_ms()):
            partition.high_watermark_moved.wake()

    def flush(self) -> None:
        """Make every log durable; raises KafkaError KAFKA_STORAGE_ERROR where that fails."""
        for partition in tuple(self._partitions.values()):
            partition.log.flush()

    @property
    def image(self) -> MetadataImage | None:
        """The metadata by which the roles here go; None before the first."""
        return self._image

    # what the metadata says

    def apply(self, image: MetadataImage, delta: MetadataDelta) -> None:
        """Take over roles, ISRs and configs of an applied change, then wake who waits."""
        first = self._image is None
        self._image = image
        for _, topic_id in delta.topics_removed:
            for partition in self:
                if partition.topic_id == topic_id:
                    self._delete(partition)
        for topic_partition in delta.partitions_changed:
            state = image.partition(topic_partition)
            topic = image.topics.get(topic_partition.topic)
            if state is not None and topic is not None:
                self._apply_partition(topic_partition, topic.topic_id, state, image)
        if first:
            self._delete_strays()
        self.throttles.apply(image, delta)
        if delta.configs_changed:
            self._apply_configs(delta, image)
        if delta.brokers_changed:
            self._apply_brokers()
        if delta.partitions_changed or delta.topics_removed:
            self.roles_changed.wake()

    def _delete_strays(self) -> None:
        strays = delete_strays(self._storage, [partition.log.name for partition in self])
        if self._log_observer is not None:
            self._log_observer.strays_deleted(strays)

    def _apply_brokers(self) -> None:
        """Who is back may join an ISR at once, and who is gone holds no watermark back."""
        for partition in self:
            leader = partition.leader
            if leader is not None and len(leader.isr) < len(leader.replicas):
                self._reconsider(partition, leader)

    def _eligible(self, broker_id: BrokerId, broker_epoch: int) -> bool:
        """Say whether the controller would take a broker into an ISR."""
        broker = None if self._image is None else self._image.brokers.get(broker_id)
        return (
            broker is not None and broker.active and broker_epoch in (broker.broker_epoch, -1)
        )

    def _apply_configs(self, delta: MetadataDelta, image: MetadataImage) -> None:
        """Give logs their configs anew: those of named topics, all where brokers are named."""
        topics = {name for kind, name in delta.configs_changed if kind == TOPIC_RESOURCE}
        everywhere = any(kind == BROKER_RESOURCE for kind, _ in delta.configs_changed)
        for partition in self:
            topic = partition.topic_partition.topic
            if everywhere or topic in topics:
                partition.log.configure(image.topic_config(topic))
                partition.wake_all()

    def _apply_partition(
        self,
        topic_partition: TopicPartition,
        topic_id: TopicId,
        state: PartitionImage,
        image: MetadataImage,
    ) -> None:
        partition = self._partitions.get(topic_partition)
        if self.node_id not in state.replicas:
            if partition is not None:
                partition.moved = True
                self._delete(partition)
            return
        if partition is None:
            claim_directory(self._storage, str(topic_partition), topic_id)
            log = PartitionLog(
                topic_partition,
                topic_id,
                image.topic_config(topic_partition.topic),
                self._storage,
                name=str(topic_partition),
                observer=self._log_observer,
            )
            partition = Partition(topic_partition, topic_id, log)
            self._partitions[topic_partition] = partition
        if state.leader == self.node_id:
            self._lead(partition, state)
        else:
            self._follow(partition, state)
        self._on_role(partition)
        partition.wake_all()

    def _lead(self, partition: Partition, state: PartitionImage) -> None:
        now_ms = self.clock.monotonic_ms()
        leader = partition.leader
        if leader is not None and leader.leader_epoch == state.leader_epoch:
            leader.on_partition_changed(
                state.isr, state.partition_epoch, now_ms, state.replicas
            )
            if len(leader.isr) < len(leader.replicas):
                # Who has caught up while the former wish was pending is not heard again soon:
                # a session says what changes.
                self._on_isr_wanted(partition)
            return
        partition.follower = None
        partition.log.epochs.assign(state.leader_epoch, partition.log.log_end_offset)
        partition.leader = PartitionLeader(
            partition.log,
            self.node_id,
            replicas=state.replicas,
            isr=state.isr,
            leader_epoch=state.leader_epoch,
            partition_epoch=state.partition_epoch,
            lag_max_ms=self._config.replica_lag_time_max_ms,
            now_ms=now_ms,
            eligible=self._eligible,
            tenure=None if leader is None else leader.tenure,
        )
        self._on_led(partition)
        partition.leader.maybe_advance_high_watermark(now_ms)

    def _follow(self, partition: Partition, state: PartitionImage) -> None:
        partition.leader = None
        if state.leader == NO_LEADER:
            partition.follower = None
            return
        follower = partition.follower
        if follower is None or follower.leader_epoch != state.leader_epoch:
            partition.follower = PartitionFollower(
                partition.log, leader_id=state.leader, leader_epoch=state.leader_epoch
            )

    def _delete(self, partition: Partition) -> None:
        del self._partitions[partition.topic_partition]
        self._lost_and_deleted += partition.records_lost
        partition.leader = partition.follower = None
        partition.deleted = True
        self._on_role(partition)
        partition.wake_all()
        partition.log.delete()
        if self._log_observer is not None:
            self._log_observer.deleted(partition.log)
