"""One broker: the rooms of this package put together, and what handlers may ask of it.

Counterpart: kafka.server.BrokerServer, with the controller in the same process where this
broker is a voter.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from minikafka.base.clock import Clock
from minikafka.base.config import BrokerConfig
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID, BrokerId, ProducerId
from minikafka.base.seeds import Seeds, random_id
from minikafka.broker.fetch_sessions import FetchSessionCache
from minikafka.broker.fetcher_manager import FetcherManager
from minikafka.broker.forwarding import forward
from minikafka.broker.group_coordinator import GroupCoordinators
from minikafka.broker.isr_changes import IsrChanges
from minikafka.broker.lifecycle import BrokerLifecycle
from minikafka.broker.log_cleaner import LogCleaner
from minikafka.broker.metadata_publisher import MetadataPublisher
from minikafka.broker.observer import BrokerObserver
from minikafka.broker.partition import Partition
from minikafka.broker.persister import Persister
from minikafka.broker.producer_ids import ProducerIds
from minikafka.broker.purgatory import Condition, Purgatory, settled
from minikafka.broker.quorum_driver import QuorumDriver
from minikafka.broker.replica_fetcher import ReplicaFetcher
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.broker.share_coordinator import ShareCoordinators
from minikafka.broker.share_membership import ShareMembership
from minikafka.broker.share_partitions import SharePartitions
from minikafka.broker.transaction_coordinator import TransactionCoordinators
from minikafka.broker.transaction_verification import Verifying
from minikafka.broker.work import Work
from minikafka.log.clean_shutdown import take_clean_shutdown, write_clean_shutdown
from minikafka.log.storage import Storage
from minikafka.metadata.commands import Decision
from minikafka.metadata.controller import Controller
from minikafka.metadata.elections import unclean_between
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import MetadataDelta
from minikafka.net.channel import Channel
from minikafka.net.network import Network
from minikafka.net.turns import Turns
from minikafka.quorum.voters import VoterSet

__all__ = ["Broker"]

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Broker:
    """One broker of a cluster.

    Args:
        directory_id: of its disk; a voter of the metadata quorum is a node with one disk.
        voters: with which the metadata quorum began.
        advertised: host and port that clients are told.
        advertised_to_brokers: host and port that the other brokers are told; None where they
            know without.
        observer: looks on, for checks; None in production.

    Attributes:
        image: applied metadata; this broker acts on nothing else.
        image_changed: wakes after each applied change.
        listeners: called on anything a test may wait for: metadata, log ends, watermarks.
    """

    def __init__(
        self,
        node_id: BrokerId,
        config: BrokerConfig,
        *,
        cluster_id: str,
        directory_id: uuid.UUID = ZERO_ID,
        voters: VoterSet,
        network: Network,
        seeds: Seeds,
        clock: Clock,
        storage: Storage,
        advertised: tuple[str, int],
        observer: BrokerObserver | None = None,
        advertised_to_brokers: tuple[str, int] | None = None,
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self.node_id = node_id
        self.config = config
        self.cluster_id, self.directory_id = cluster_id, directory_id
        self.seeds = seeds
        self.clock = clock
        self.advertised, self.advertised_to_brokers = advertised, advertised_to_brokers
        self.observer = observer
        self.image_changed = Condition(self)
        self.listeners: list[Callable[[], None]] = []
        self._network, self._storage = network, storage
        self.work = Work(loop, f"broker {node_id}")
        self._channels: dict[tuple[BrokerId, str], Channel] = {}
        self.purgatory = Purgatory(clock, loop, network.turns)
        self.lifecycle = BrokerLifecycle(
            self,
            random_id(seeds.generator("incarnation")),
            lambda: self.controller_channel("lifecycle"),
            take_clean_shutdown(storage),
        )
        self._isr_changes = self._make_isr_changes()
        self._fetchers = FetcherManager(self.make_fetcher)
        self.replicas = self._make_replicas(storage)
        self.cleaner = LogCleaner(self.replicas, self._config_now, clock, self.work.keep_going)
        self.groups, self.share_state = GroupCoordinators(self), ShareCoordinators(self)
        self.persister, self.share_groups = Persister(self), ShareMembership(self)
        self.shares = SharePartitions(self)
        self.transactions = TransactionCoordinators(self)
        self.verifying = Verifying()
        self._publisher = MetadataPublisher(
            self.replicas.apply, lambda: self.lifecycle.broker_epoch
        )
        self.fetch_sessions = FetchSessionCache(
            config.max_incremental_fetch_session_cache_slots,
            self.replicas,
            seeds.generator("fetch-sessions"),
            network.turns.soon,
        )
        self._published = MetadataImage.empty(config)
        self.quorum = QuorumDriver(self, voters, storage, self._publish)
        self._producer_ids = ProducerIds(self)
        if observer is not None:
            observer.started(self)

    def _make_isr_changes(self) -> IsrChanges:
        return IsrChanges(
            self.node_id,
            self.clock,
            send=lambda key, version, request: self.controller_channel("isr").request(
                key, version, request
            ),
            broker_epoch=lambda: self.lifecycle.broker_epoch,
            call_later=self._loop.call_later,
            observer=self.observer,
        )

    def _make_replicas(self, storage: Storage) -> ReplicaManager:
        return ReplicaManager(
            self.node_id,
            self.config,
            storage,
            self.clock,
            self.purgatory,
            on_role=self._on_role,
            on_isr_wanted=self._isr_changes.consider,
            on_led=self.note_led,
            on_produced=None if self.observer is None else self.observer.produced,
            log_observer=self.observer,
        )

    def _on_role(self, partition: Partition) -> None:
        self._fetchers.on_role(partition)
        self.groups.on_role(partition)
        self.share_state.on_role(partition)
        self.shares.on_role(partition)
        self.transactions.on_role(partition)

    # metadata

    @property
    def image(self) -> MetadataImage:
        """Applied metadata."""
        return self.quorum.image

    @property
    def controller_id(self) -> BrokerId | None:
        """The active controller as far as known."""
        return self.quorum.leader_id

    @property
    def controller_changed(self) -> Condition:
        """Wakes when the active controller is another one, or none."""
        return self.quorum.leader_changed

    @property
    def turns(self) -> Turns:
        """What is due within this turn of the loop."""
        return self._network.turns

    @property
    def is_controller(self) -> bool:
        """True where this broker writes the metadata log."""
        return self.quorum.controller is not None

    def _config_now(self) -> BrokerConfig:
        return self.image.broker_config()

    def _publish(self, image: MetadataImage, delta: MetadataDelta) -> None:
        former, self._published = self._published, image
        for broker_id in delta.brokers_changed:
            known = image.brokers.get(broker_id)
            if known is not None and known.broker_port:
                # Before anybody follows it to where it is now.
                self._network.learn(
                    broker_id, known.broker_epoch, known.broker_host, known.broker_port
                )
        if self.observer is not None and self.is_controller:
            for partition in unclean_between(former, image, delta):
                self.observer.unclean_election(self, partition)
        self._publisher.publish(image, delta)
        self.groups.on_metadata(image, delta)
        self.share_state.on_metadata(image, delta)
        self.cleaner.watch(delta)
        self.image_changed.wake()
        self._note_change()

    def on_registered(self) -> None:
        """Hear that the registration's answer is here, perhaps later than its record."""
        self._publisher.maybe_begin(self.image)
        self._note_change()

    def note_led(self, partition: Partition) -> None:
        """Hear that this broker leads a partition in a new epoch."""
        if self.observer is not None:
            self.observer.led(self, partition)

    async def wait_image(
        self, predicate: Callable[[MetadataImage], bool], deadline_ms: int
    ) -> bool:
        """Wait until applied metadata satisfies `predicate`; False if the deadline came first.

        Cancellation: safe.
        """
        return await settled(
            self.purgatory.wait(
                lambda: predicate(self.image), [self.image_changed], deadline_ms
            )
        )

    async def decide(self, decide: Callable[[Controller, int], Decision[T]]) -> T:
        """Let the controller decide, and return its answer once the records are committed.

        Raises:
            KafkaError: NOT_CONTROLLER where this broker is not the active controller, and
                what the decision itself refuses.
        """
        return await self.quorum.decide(decide)

    async def forward(self, api_key: int, version: int, request: object) -> Any:
        """Let the active controller answer a client's request; see `forwarding.forward`."""
        return await forward(self, api_key, version, request)

    async def next_producer_id(self) -> ProducerId:
        """Return a producer id that was never given out before, in the whole cluster."""
        return await self._producer_ids.next()

    # living

    async def start(self) -> None:
        """Start the quorum, registration and periodic work; returns at once."""
        self.quorum.start()
        self.work.keep_going("heartbeats", self.lifecycle.run())
        config = self.config
        self.work.every(
            "isr", max(1, config.replica_lag_time_max_ms // 2), self.replicas.check_isr
        )
        interval_ms = config.log_retention_check_interval_ms
        self.work.every("retention", interval_ms, self.cleaner.run_retention)
        interval_ms = config.producer_id_expiration_check_interval_ms
        self.work.every("producer expiry", interval_ms, self.cleaner.expire_producers)

    async def leave(self) -> None:
        """Let the controller let this broker go, then the quorum, if it is the controller."""
        await self.lifecycle.leave()
        await self.quorum.resign()

    async def stop(self, *, clean: bool = True) -> None:
        """Stop everything and wait until no task is left; then flush the logs and say so.

        Args:
            clean: False where the process is taken to have died: nothing is written any more.
        """
        await self.work.stop()
        self.quorum.close()
        self._isr_changes.close()
        self._fetchers.close()
        self.fetch_sessions.close()
        for channel in self._channels.values():
            channel.close()
        self.purgatory.close()
        if clean:
            self._close_logs()

    def _close_logs(self) -> None:
        """Make the logs durable, then note that this was a clean shutdown (KIP-966).

        One that was never registered has no epoch to name; like Kafka's it counts as unclean.
        """
        if self.lifecycle.broker_epoch < 0:
            return
        try:
            self.replicas.flush()
            write_clean_shutdown(self._storage, self.lifecycle.broker_epoch)
        except KafkaError as error:
            # The disk is gone: the next start will find no note, and rightly so.
            logger.debug("broker %d stops uncleanly: %s", self.node_id, error)
            return
        if self.observer is not None:
            self.observer.stopped(self)

    # reaching others

    def controller_channel(self, purpose: str) -> Channel:
        """Return the channel to the active controller for `purpose`."""
        target = self.controller_id
        if target is None:
            raise KafkaError(ErrorCode.NOT_CONTROLLER)
        # A heartbeat without an answer must be repeated within the session (KAFKA-14392).
        timeout_ms = (
            self.config.broker_session_timeout_ms // 2
            if purpose == "lifecycle"
            else self.config.request_timeout_ms
        )
        return self.channel_to(target, purpose, timeout_ms)

    def channel_to(self, target: BrokerId, purpose: str, timeout_ms: int) -> Channel:
        """Return the channel to a broker for `purpose`; one each, for answers keep their order."""
        channel = self._channels.get((target, purpose))
        if channel is None:
            channel = self._network.channel(self.node_id, target, timeout_ms)
            self._channels[target, purpose] = channel
        return channel

    def make_fetcher(
        self, leader_id: BrokerId, timeout_ms: int | None = None
    ) -> ReplicaFetcher:
        """Return a new fetcher with a channel of its own.

        Args:
            timeout_ms: how long an answer may take; None is replica.socket.timeout.ms.
        """
        config = self.config
        if timeout_ms is None:
            timeout_ms = config.replica_socket_timeout_ms
        return ReplicaFetcher(
            self.node_id,
            leader_id,
            self._network.channel(self.node_id, leader_id, timeout_ms),
            config,
            self._loop,
            self._network.turns,
            broker_epoch=lambda: self.lifecycle.broker_epoch,
            on_change=self._note_change,
            quota=self.replicas.throttles.follower,
            now_ms=self.clock.monotonic_ms,
        )

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever something changed that a test may wait for."""
        self.listeners.append(listener)

    def _note_change(self) -> None:
        for listener in self.listeners:
            listener()
