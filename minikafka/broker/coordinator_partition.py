"""One partition of an internal topic that this broker leads, and the coordinator it feeds.

Carries out what a pure machine decides: appends, waits until what is appended is committed,
calls when something is due. Knows no API, no group and no record: those of `__consumer_offsets`
and of `__share_group_state` are run alike.
Counterpart: CoordinatorRuntime, CoordinatorLoaderImpl, CoordinatorPartitionWriter. KIP-848.

Rules of this file
    A record is in the log before it changes anything in memory.
    Nothing is answered before all that was written when it was decided is committed.
    Decisions that write nothing wait, too: what they saw may not be committed yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from minikafka.base.clock import Clock
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import Offset, ProducerId
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import Alarm, Condition, Delayed, Purgatory, Watcher
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.groups.commands import Decision, Moment
from minikafka.log.producer_state import AppendOrigin
from minikafka.records.batch import Batch
from minikafka.records.builder import build_batch
from minikafka.records.records import Record, decode_records

__all__ = ["Codec", "Coordinator", "CoordinatorPartition", "coordinator_error"]

T = TypeVar("T")

_NOT_AVAILABLE = (
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.NOT_ENOUGH_REPLICAS,
    ErrorCode.REQUEST_TIMED_OUT,
)
_NOT_HERE = (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.KAFKA_STORAGE_ERROR)
_TOO_LARGE = (ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.RECORD_LIST_TOO_LARGE)


class Coordinator(Protocol):
    """A machine whose state is a fold of one partition's records."""

    def replay(self, records: Sequence[Any], /) -> None:
        """Take written records over."""

    def commit(self, records: Sequence[Any], /) -> None:
        """Let committed records be seen."""

    def loaded(self, now: Moment, /) -> None:
        """Begin, with the log replayed."""

    def unload(self, error: ErrorCode, /) -> None:
        """Be coordinator no longer."""

    def next_deadline_ms(self) -> int | None:
        """Return when `tick` is needed at the latest."""

    def tick(self, now: Moment, /) -> Decision[None] | None:
        """Do the first thing that is due; None where nothing is."""


C = TypeVar("C", bound=Coordinator)


class Codec(NamedTuple):
    """How a topic's records are written and read; what is read as None is passed over."""

    encode: Callable[[Any], tuple[bytes, bytes | None]]
    decode: Callable[[bytes | None, bytes | None], Any]


def coordinator_error(code: ErrorCode) -> ErrorCode:
    """Return what a group's client hears of a log that did not take a record."""
    if code in _NOT_AVAILABLE:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    if code in _NOT_HERE:
        return ErrorCode.NOT_COORDINATOR
    return ErrorCode.UNKNOWN_SERVER_ERROR if code in _TOO_LARGE else code


class _Write(Delayed):
    """One decision whose records are in the log, waiting to be committed.

    At the deadline it is answered as failed, but its records may be committed all the same.
    """

    __slots__ = ("_answer", "_decision", "_failed", "_now", "end_offset", "records")

    def __init__(
        self,
        decision: Decision[Any],
        end_offset: Offset,
        answer: Deferred[Any],
        now: Callable[[], Moment],
        failed: Callable[[], None],
    ) -> None:
        super().__init__()
        self.records = decision.records
        self.end_offset = end_offset
        self._decision = decision
        self._answer = answer
        self._now = now
        self._failed = failed

    def settle(self, error: ErrorCode) -> None:
        """Answer, once."""
        if self.done:
            return
        self.finish()
        if self._decision.settled is not None:
            self._decision.settled(error, self._now())
        if error is ErrorCode.NONE:
            self._answer.set(self._decision.result)
        else:
            self._answer.fail(KafkaError(error))

    def try_complete(self) -> bool:
        return False

    def expire(self) -> None:
        self.done = False
        self.settle(coordinator_error(ErrorCode.REQUEST_TIMED_OUT))
        self._failed()


class CoordinatorPartition(Watcher, Generic[C]):
    """The coordinator of one partition, for one tenure of this broker as its leader.

    Until all that the log held at the beginning is committed it is loading. Kafka goes on as
    soon as the log is read; then an offset could be seen that the former coordinator had
    answered to be older: DIVERGENCE(coordinator-loads-committed).

    Args:
        coordinator: empty; belongs to this object.
        codec: of the records of its topic.
        commit_timeout_ms: how long a record may take to be committed.
    """

    __slots__ = (
        "_alarm",
        "_clock",
        "_codec",
        "_commit_timeout_ms",
        "_load_end",
        "_partition",
        "_purgatory",
        "_replicas",
        "_waiting",
        "closed",
        "coordinator",
        "loading",
        "tenure",
    )

    def __init__(
        self,
        partition: Partition,
        coordinator: C,
        codec: Codec,
        replicas: ReplicaManager,
        *,
        commit_timeout_ms: int,
    ) -> None:
        assert partition.leader is not None
        self.tenure = partition.leader.tenure
        self.loading = True
        self.closed = False
        self._partition = partition
        self.coordinator = coordinator
        self._codec = codec
        self._replicas = replicas
        self._clock: Clock = replicas.clock
        self._purgatory: Purgatory = replicas.purgatory
        self._commit_timeout_ms = commit_timeout_ms
        self._load_end = partition.log.log_end_offset
        self._waiting: deque[_Write] = deque()
        self._alarm: Alarm | None = None
        partition.high_watermark_moved.watchers[self] = None
        self.on_wake(partition.high_watermark_moved)

    # --- what handlers ask -------------------------------------------------------------------

    def write(self, decide: Callable[[C, Moment], Decision[T]]) -> Deferred[T]:
        """Let the coordinator decide; the value comes when what it wrote is committed.

        Raises:
            KafkaError: COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, and what the decision
                refuses. The value fails with COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR or
                UNKNOWN_SERVER_ERROR where the log did not take the records.
        """
        self._check_active()
        decision = decide(self.coordinator, self._now())
        answer: Deferred[T] = Deferred()
        self._carry_out(decision, answer)
        self._arm()
        return answer

    def read(self, look: Callable[[C], T]) -> T:
        """Return what is committed now; raises KafkaError as `write`."""
        self._check_active()
        return look(self.coordinator)

    def read_stable(self, look: Callable[[C], T]) -> Deferred[T]:
        """Return what is committed once all is that has been written up to now."""
        self._check_active()
        answer: Deferred[T] = Deferred()
        reached: Deferred[None] = Deferred()

        def answer_with(done: Deferred[None]) -> None:
            try:
                done.result()
            except KafkaError as error:
                answer.fail(error)
                return
            try:
                answer.set(look(self.coordinator))
            except KafkaError as error:
                answer.fail(error)

        reached.on_done(answer_with)
        self._carry_out(Decision((), None), reached)
        return answer

    @property
    def partition(self) -> Partition:
        """The partition it is the coordinator of."""
        return self._partition

    @property
    def waiting_count(self) -> int:
        """How many decisions wait until what they wrote, or saw, is committed."""
        return len(self._waiting)

    def _check_active(self) -> None:
        if self.closed:
            raise KafkaError(ErrorCode.NOT_COORDINATOR)
        if self.loading:
            raise KafkaError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)

    def close(self) -> None:
        """Coordinate no longer; whoever waits is told NOT_COORDINATOR."""
        self.closed = True
        self._partition.high_watermark_moved.watchers.pop(self, None)
        if self._alarm is not None:
            self._alarm.finish()
        waiting, self._waiting = self._waiting, deque()
        for write in waiting:
            write.settle(ErrorCode.NOT_COORDINATOR)
        self.coordinator.unload(ErrorCode.NOT_COORDINATOR)

    # --- the log -----------------------------------------------------------------------------

    def on_wake(self, condition: Condition) -> None:
        """Hear that the high watermark has moved, or the role changed."""
        high_watermark = self._partition.log.high_watermark
        if self.closed:
            return
        if self.loading:
            if high_watermark < self._load_end:
                return
            self._load()
        waiting = self._waiting
        while waiting and waiting[0].end_offset <= high_watermark:
            write = waiting.popleft()
            self.coordinator.commit(write.records)
            write.settle(ErrorCode.NONE)
        self._heard_from_log()

    def _heard_from_log(self) -> None:
        self._coordinated(None, None)
        self._arm()

    def _coordinated(
        self, decision: Decision[Any] | None, answer: Deferred[Any] | None
    ) -> None:
        """Hear of each decision, and None of what came from the log; for who looks on."""

    def _load(self) -> None:
        """Replay the log. It is all committed, and nobody has written since."""
        for batch in self._partition.log.batches():
            records = self._read(batch)
            self.coordinator.replay(records)
            self.coordinator.commit(records)
        self.loading = False
        self.coordinator.loaded(self._now())

    def _read(self, batch: Batch) -> list[Any]:
        """Return the records of a batch of the log, with what the coordinator makes of them."""
        if batch.is_control:
            return []
        found = (
            self._codec.decode(record.key, record.value) for record in decode_records(batch)
        )
        return [record for record in found if record is not None]

    def appended(self, records: Sequence[Any], end_offset: Offset) -> None:
        """Take over what somebody else has just written to the partition's end: a marker.

        Not to be called while loading: what is in the log then counts as committed.
        """
        self.coordinator.replay(records)
        self._wait(Decision(tuple(records), None), end_offset, Deferred())

    def _carry_out(self, decision: Decision[T], answer: Deferred[T]) -> None:
        self._append_or_wait(decision, answer)
        self._coordinated(decision, answer)

    def _append_or_wait(self, decision: Decision[T], answer: Deferred[T]) -> None:
        if not decision.records:
            if not self._waiting:
                if decision.settled is not None:
                    decision.settled(ErrorCode.NONE, self._now())
                answer.set(decision.result)
            else:
                self._wait(decision, self._waiting[-1].end_offset, answer)
            return
        try:
            end_offset = self._append(decision.records, decision.producer)
        except KafkaError as refusal:
            error = coordinator_error(refusal.code)
            if decision.settled is not None:
                decision.settled(error, self._now())
            answer.fail(KafkaError(error))
            return
        if decision.settled is None or decision.replays:
            self.coordinator.replay(decision.records)
        self._wait(decision, end_offset, answer)
        # With a sole in-sync replica it is committed at once, and comes back through `on_wake`.
        self._replicas.appended(self._partition, -1)

    def _wait(self, decision: Decision[T], end_offset: Offset, answer: Deferred[T]) -> None:
        write = _Write(decision, end_offset, answer, self._now, self._heard_from_log)
        self._waiting.append(write)
        deadline_ms = self._clock.monotonic_ms() + self._commit_timeout_ms
        self._purgatory.watch(write, (), deadline_ms)

    def _append(
        self, records: Sequence[Any], producer: tuple[ProducerId, int] | None = None
    ) -> Offset:
        """Write records as one batch with acks=all, return the offset behind it."""
        leader = self._partition.leader
        if leader is None:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        timestamp_ms = self._clock.wall_ms()
        encoded = [self._codec.encode(record) for record in records]
        producer_id, epoch = producer or (-1, -1)
        batch = build_batch(
            [Record(0, timestamp_ms, key, value) for key, value in encoded],
            producer_id=producer_id,
            producer_epoch=epoch,
            transactional=producer is not None,
        )
        if batch.size > self._partition.log.config.max_message_bytes:
            raise KafkaError(ErrorCode.MESSAGE_TOO_LARGE)
        info = leader.append(batch, -1, timestamp_ms, AppendOrigin.COORDINATOR)
        return info.last_offset + 1

    # --- time --------------------------------------------------------------------------------

    def _now(self) -> Moment:
        return Moment(self._clock.monotonic_ms(), self._clock.wall_ms())

    def _arm(self) -> None:
        """Have `_tick` called when the next thing is due."""
        deadline_ms = self.coordinator.next_deadline_ms()
        alarm = self._alarm
        if deadline_ms is None or (
            alarm is not None and not alarm.done and alarm.deadline_ms <= deadline_ms
        ):
            return
        if alarm is not None:
            alarm.finish()
        self._alarm = alarm = Alarm(deadline_ms, self._tick)
        self._purgatory.watch(alarm, (), deadline_ms)

    def _tick(self) -> None:
        if self.closed:
            return
        while (decision := self.coordinator.tick(self._now())) is not None:
            # What fails is tried again by whoever misses it: a timer, a heartbeat, a join.
            self._carry_out(decision, Deferred())
        self._arm()
