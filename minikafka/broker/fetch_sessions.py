"""Incremental fetch sessions: what a fetcher asked for, and which of it has news.

A session watches its partitions for as long as it lives and keeps the changed ones in a dirty
table, so that a fetch costs what has changed, not what is followed: followers of hundreds of
idle partitions and consumers use the same thing. Counterpart: kafka.server.FetchSession.
KIP-227.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId
from minikafka.broker.fetch_targets import FetchTarget
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import Condition, Watcher
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.wire.fetch import FetchPartition

if TYPE_CHECKING:
    import random

    from minikafka.broker.fetch_operation import FetchOperation

__all__ = [
    "FINAL_EPOCH",
    "INITIAL_EPOCH",
    "FetchSession",
    "FetchSessionCache",
    "TargetKey",
    "next_epoch",
]

TargetKey: TypeAlias = tuple[object, int]
"""Topic name, or topic id where the request names none; and the partition index."""

FINAL_EPOCH = -1
INITIAL_EPOCH = 0


def next_epoch(epoch: int) -> int:
    """Return the session epoch after `epoch`; after the largest comes 1, 0 means a new session.

    >>> next_epoch(0), next_epoch(2**31 - 1)
    (1, 1)
    """
    return 1 if epoch >= 2**31 - 1 else epoch + 1


class FetchSession(Watcher):
    """What one fetcher follows on this broker.

    Attributes:
        epoch: the session epoch expected next.
        dirty: targets that may have news, longest unserved first.
        parked: the request that waits now, at most one.
        replica_epoch: the follower's registration, as its last request said (KIP-903).
        used_ms: monotonic time of the last request, for eviction.
    """

    __slots__ = (
        "_keys",
        "_replicas",
        "_schedule",
        "_scheduled",
        "_unresolved",
        "dirty",
        "epoch",
        "from_replica",
        "number",
        "parked",
        "replica_epoch",
        "targets",
        "used_ms",
        "uses_topic_ids",
        "watched",
    )

    def __init__(
        self,
        number: int,
        replicas: ReplicaManager,
        schedule: Callable[[Callable[[], None]], object],
        *,
        from_replica: bool,
        uses_topic_ids: bool,
    ) -> None:
        self.number = number
        self.epoch = 1
        self.from_replica = from_replica
        self.uses_topic_ids = uses_topic_ids
        self.targets: dict[TargetKey, FetchTarget] = {}
        self.dirty: dict[TargetKey, FetchTarget] = {}
        self.watched: dict[TargetKey, Partition] = {}
        self._keys: dict[Partition, TargetKey] = {}
        self.parked: FetchOperation | None = None
        self.replica_epoch = -1
        self.used_ms = 0
        self._replicas = replicas
        self._schedule = schedule
        self._scheduled = False
        self._unresolved: dict[TargetKey, FetchTarget] = {}

    @property
    def abandoned(self) -> bool:
        """True when nothing is left to read, which ends a consumer's session, as in Kafka.

        A follower's goes on: it forgets a partition also to leave it alone for a moment, and
        comes back for it.
        """
        return not self.targets and not self.from_replica

    def go_on(self, forgotten: Iterable[TargetKey], now_ms: int) -> None:
        """Begin the session's next request; the one still parked is answered first."""
        self.used_ms = now_ms
        if self.parked is not None:
            self.parked.release()
        for key in forgotten:
            self.forget(key)

    def ask(
        self, key: TargetKey, topic: str | None, topic_id: TopicId | None, asked: FetchPartition
    ) -> FetchTarget:
        """Follow one more partition, or the same one from elsewhere; return its target."""
        target = self.targets.get(key)
        if target is None:
            target = self.targets[key] = FetchTarget(topic, topic_id, asked)
            self._watch(key, target)
        else:
            target.update(asked)
        self.dirty[key] = target
        return target

    def forget(self, key: TargetKey) -> None:
        """Follow a partition no longer."""
        self.targets.pop(key, None)
        self.dirty.pop(key, None)
        self._unresolved.pop(key, None)
        partition = self.watched.pop(key, None)
        if partition is not None:
            self._leave(partition)

    def close(self) -> None:
        """Leave all tables."""
        for key in tuple(self.targets):
            self.forget(key)
        self._replicas.roles_changed.watchers.pop(self, None)
        self.parked = None

    def on_wake(self, condition: Condition) -> None:
        """Mark what changed as dirty, and look at the parked request once this turn is over.

        A follower is not woken by the watermark alone: it rides on the next answer.
        """
        partition = condition.owner
        if not isinstance(partition, Partition):
            self._resolve()
            return
        key = self._keys.get(partition)
        if key is None:
            return
        self.dirty[key] = self.targets[key]
        if partition.deleted:
            self._unwatch(key, partition)
        elif self.from_replica and condition is partition.high_watermark_moved:
            return
        self.wake_soon()

    def wake_soon(self) -> None:
        """Let the parked request look again, once for all that happens in this turn."""
        if self.parked is not None and not self._scheduled:
            self._scheduled = True
            self._schedule(self._look)

    def _look(self) -> None:
        self._scheduled = False
        parked = self.parked
        if parked is not None and not parked.done and parked.try_complete():
            parked.finish()

    def _watch(self, key: TargetKey, target: FetchTarget) -> None:
        found = None
        if target.topic is not None:
            found = self._replicas.partition((target.topic, target.index))
        if found is None:
            self._unresolved[key] = target
            self._replicas.roles_changed.watchers[self] = None
            return
        self._unresolved.pop(key, None)
        self.watched[key] = found
        self._keys[found] = key
        found.log_end_moved.watchers[self] = None
        found.high_watermark_moved.watchers[self] = None

    def _unwatch(self, key: TargetKey, partition: Partition) -> None:
        """Let go of a deleted partition; one of that name may come again."""
        self.watched.pop(key, None)
        self._leave(partition)
        self._unresolved[key] = self.targets[key]
        self._replicas.roles_changed.watchers[self] = None

    def _leave(self, partition: Partition) -> None:
        self._keys.pop(partition, None)
        partition.log_end_moved.watchers.pop(self, None)
        partition.high_watermark_moved.watchers.pop(self, None)

    def _resolve(self) -> None:
        """Look again for what was unknown, now that newer metadata has been applied."""
        for key, target in tuple(self._unresolved.items()):
            if target.topic is None and target.topic_id is not None:
                target.topic = self._replicas.topic_name(target.topic_id)
            self.dirty[key] = target
            self._watch(key, target)
        if not self._unresolved:
            self._replicas.roles_changed.watchers.pop(self, None)
        self.wake_soon()


class FetchSessionCache:
    """The sessions of one broker, as many as max.incremental.fetch.session.cache.slots.

    Args:
        generator: draws session ids; they only have to be unique here.
        schedule: as `Turns.soon`.
    """

    # min.incremental.fetch.session.eviction.ms: fixed in Kafka's broker, too.
    EVICTION_MS = 120_000

    def __init__(
        self,
        slots: int,
        replicas: ReplicaManager,
        generator: random.Random,
        schedule: Callable[[Callable[[], None]], object],
    ) -> None:
        self._slots = slots
        self._replicas = replicas
        self._generator = generator
        self._schedule = schedule
        self._sessions: dict[int, FetchSession] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, number: int, epoch: int, *, uses_topic_ids: bool) -> FetchSession:
        """Return the session a request goes on with, and count its epoch up.

        Raises:
            KafkaError: FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH,
                FETCH_SESSION_TOPIC_ID_ERROR (names and ids mixed in one session).
        """
        session = self._sessions.get(number)
        if session is None:
            raise KafkaError(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
        if session.epoch != epoch:
            raise KafkaError(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
        if session.uses_topic_ids != uses_topic_ids:
            raise KafkaError(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
        session.epoch = next_epoch(epoch)
        return session

    def create(
        self, *, from_replica: bool, uses_topic_ids: bool, now_ms: int
    ) -> FetchSession | None:
        """Return a new session, or None where the living use all slots."""
        if len(self._sessions) >= self._slots and not self._evict(from_replica, now_ms):
            return None
        number = 0
        while number == 0 or number in self._sessions:
            number = self._generator.randint(1, 2**31 - 1)
        session = FetchSession(
            number,
            self._replicas,
            self._schedule,
            from_replica=from_replica,
            uses_topic_ids=uses_topic_ids,
        )
        session.used_ms = now_ms
        self._sessions[number] = session
        return session

    def remove(self, number: int) -> None:
        """Close a session, if it is there; 0 is none."""
        session = self._sessions.pop(number, None)
        if session is not None:
            session.close()

    def close(self) -> None:
        """Close all."""
        for number in tuple(self._sessions):
            self.remove(number)

    def _evict(self, for_replica: bool, now_ms: int) -> bool:
        """Make room: the session unused for longest, followers' only for followers."""
        candidates = [s for s in self._sessions.values() if for_replica or not s.from_replica]
        if not candidates:
            return False
        oldest = min(candidates, key=lambda session: (session.used_ms, session.number))
        if now_ms - oldest.used_ms <= self.EVICTION_MS and not (
            for_replica and not oldest.from_replica
        ):
            return False
        self.remove(oldest.number)
        return True
