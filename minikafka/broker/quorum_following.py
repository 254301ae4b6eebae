"""Following the quorum's leader: what its answers mean, and where to look for it.

What a fetch brings is told to the machine; `quorum_fetcher` has the requests. Counterpart:
KafkaRaftClient's handling of Fetch and FetchSnapshot responses. KIP-595, KIP-630.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from minikafka.base.errors import KafkaError
from minikafka.base.ids import BrokerId
from minikafka.broker.quorum_fetcher import QuorumFetcher
from minikafka.broker.received import received_batches
from minikafka.quorum.effects import Effect, LeaderFound
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.roles import Role
from minikafka.quorum.snapshots import SnapshotId
from minikafka.wire.fetch import FetchPartitionResponse

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["QuorumFollowing"]

logger = logging.getLogger(__name__)


class QuorumFollowing:
    """Keeps this broker's copy of the metadata log up with the leader's.

    Args:
        carry: carries out what the machine says to an answer.
    """

    def __init__(
        self, broker: Broker, machine: QuorumMachine, carry: Callable[[list[Effect]], None]
    ) -> None:
        self._broker = broker
        self._machine = machine
        self._carry = carry
        self._fetcher = QuorumFetcher(
            broker,
            machine,
            on_answer=self._on_fetched,
            on_piece=self._on_piece,
            on_snapshot=self._on_snapshot,
            on_failed=self.seek,
        )
        self._probed = -1

    def stop(self) -> None:
        """Fetch from nobody."""
        self._fetcher.stop()

    def seek(self) -> None:
        """Fetch from the leader; an observer that knows none asks one voter after the other."""
        machine = self._machine
        if machine.role is Role.FOLLOWER:
            self._fetcher.follow(machine.leader_id, machine.epoch)
        elif not machine.is_voter:
            # A voter's id with another disk has no vote, and nothing to learn from itself.
            others = [voter for voter in machine.voters if voter != machine.node_id]
            if others:
                self._probed += 1
                self._fetcher.follow(others[self._probed % len(others)], machine.epoch)

    def _on_fetched(self, asked: BrokerId, epoch: int, told: FetchPartitionResponse) -> None:
        machine, now_ms = self._machine, self._broker.clock.monotonic_ms()
        if told.error_code:
            # Whoever is asked says whom to ask instead (KIP-595).
            effects = []
            if told.current_leader is not None:
                effects = machine.on_leader(*told.current_leader, now_ms)
            if not any(isinstance(effect, LeaderFound) for effect in effects):
                self._fetcher.retry()
            self._carry(effects)
            return
        if machine.role is not Role.FOLLOWER:
            self._carry(machine.on_leader(asked, epoch, now_ms))
        if told.snapshot_id is not None:
            self._on_piece(epoch)
            self._fetcher.fetch_snapshot(SnapshotId(*told.snapshot_id))
            return
        try:
            batches = received_batches(told)
        except KafkaError:
            self._fetcher.retry()
            return
        effects = machine.on_fetch_response(
            epoch=epoch,
            high_watermark=told.high_watermark,
            batches=batches,
            diverging=told.diverging_epoch,
            now_ms=now_ms,
        )
        self._carry(effects)
        if machine.role is Role.FOLLOWER:
            self._fetcher.go_on()

    def _on_piece(self, epoch: int) -> None:
        """Hear the leader, though it sends no records."""
        effects = self._machine.on_fetch_response(
            epoch=epoch,
            high_watermark=-1,
            batches=(),
            diverging=None,
            now_ms=self._broker.clock.monotonic_ms(),
        )
        self._carry(effects)

    def _on_snapshot(self, snapshot: SnapshotId, data: bytes) -> None:
        machine = self._machine
        try:
            machine.on_snapshot(snapshot, data)
        except KafkaError as error:
            logger.info("broker %d: snapshot: %s", self._broker.node_id, error)
            self._fetcher.retry()
            return
        self._carry(machine.take_effects())
        if machine.role is Role.FOLLOWER:
            self._fetcher.go_on()
