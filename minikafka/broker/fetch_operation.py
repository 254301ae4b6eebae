"""One fetch under way: gather what there is, wait for more, answer once.

The same for consumers and followers, with a session or without. Counterpart:
kafka.server.DelayedFetch and FetchContext.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from minikafka.base.deferred import Deferred
from minikafka.base.ids import CLUSTER_METADATA_TOPIC
from minikafka.broker.context import RequestContext
from minikafka.broker.fetch_sessions import FetchSession, TargetKey
from minikafka.broker.fetch_targets import (
    FetchTarget,
    is_quiet,
    is_unknown,
    knows_watermark,
    may_come_true,
    note_follower,
    read_target,
    tell_watermark,
)
from minikafka.broker.purgatory import Delayed
from minikafka.wire.fetch import (
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopicResponse,
)

__all__ = ["READ_COMMITTED", "FetchOperation", "Gathered"]

READ_COMMITTED = 1
"""The isolation level of who reads no open transactions; the other one is 0."""


class Gathered:
    """What one look at the targets found.

    Attributes:
        quiet: targets with a new watermark and no more, which is told along with the rest.
        size: bytes of batches.
        urgent: something must be told at once, whatever min_bytes says.
        refused: some partition has an error.
    """

    __slots__ = ("found", "quiet", "refused", "size", "urgent")

    def __init__(self) -> None:
        self.found: list[tuple[TargetKey, FetchTarget, FetchPartitionResponse]] = []
        self.quiet: list[tuple[TargetKey, FetchTarget]] = []
        self.size = 0
        self.urgent = False
        self.refused = False


class FetchOperation(Delayed):
    """One fetch request from its first look to its answer.

    Args:
        full: every target is answered, news or not (no session, or its first request).
        on_refusal: called with an answer that holds an error, before it goes out.
    """

    __slots__ = (
        "_context",
        "_from_replica",
        "_full",
        "_on_refusal",
        "_request",
        "_session",
        "_targets",
        "answer",
    )

    def __init__(
        self,
        request: FetchRequest,
        context: RequestContext,
        targets: dict[TargetKey, FetchTarget],
        session: FetchSession | None,
        *,
        full: bool,
        on_refusal: Callable[[FetchResponse, RequestContext], None],
    ) -> None:
        super().__init__()
        self._request = request
        self._context = context
        self._targets = targets
        self._session = session
        self._full = full
        self._from_replica = request.replica_id >= 0
        self._on_refusal = on_refusal
        self.answer: Deferred[FetchResponse] = Deferred()

    def try_complete(self) -> bool:
        """Answer if enough is there."""
        gathered = self._gather(last_look=False)
        if not gathered.urgent and gathered.size < self._request.min_bytes:
            return False
        self._respond(gathered)
        return True

    def expire(self) -> None:
        """Answer with what there is.

        The first answer of a session does not wait, so it is too early for it to refuse a
        follower what may be there with the next applied metadata.
        """
        first_of_session = self._full and self._session is not None
        self._respond(self._gather(last_look=not first_of_session))

    def release(self) -> None:
        """Answer now: the same session has sent its next request.

        What is refused a follower only for now is left to that one.
        """
        if not self.done:
            self.finish()
            self._respond(self._gather(last_look=False))

    def _gather(self, *, last_look: bool) -> Gathered:
        gathered = Gathered()
        request, broker = self._request, self._context.broker
        left = min(request.max_bytes, broker.config.fetch_max_bytes)
        at_least_one = True
        session, from_replica = self._session, self._from_replica
        full = self._full or session is None
        quota = broker.replicas.throttles.leader
        throttles = quota.active and from_replica and quota.is_exceeded(self._now_ms())
        looked_at = self._targets if full or session is None else session.dirty
        for key, target in tuple(looked_at.items()):
            if not full and is_quiet(target, from_replica=from_replica):
                if knows_watermark(target):
                    del looked_at[key]
                else:
                    gathered.quiet.append((key, target))
                continue
            waits = throttles and self._is_throttled(target)
            response = read_target(
                broker.replicas,
                target,
                from_replica=from_replica,
                committed_only=request.isolation_level == READ_COMMITTED,
                max_bytes=0 if waits else left,
                at_least_one=at_least_one and not waits,
            )
            if response.size:
                gathered.size += response.size
                left = left - response.size if left > response.size else 0
                at_least_one = False
            else:
                if response.error_code:
                    left = max(0, left)
                if not self._weigh(gathered, target, response, last_look=last_look):
                    continue
            gathered.found.append((key, target, response))
        return gathered

    def _weigh(
        self,
        gathered: Gathered,
        target: FetchTarget,
        response: FetchPartitionResponse,
        *,
        last_look: bool,
    ) -> bool:
        """Note whether what was found instead of records is urgent; say whether to tell it."""
        if response.error_code:
            gathered.refused = True
            if not last_look and self._may_wait(target, response):
                # The follower has applied metadata that this broker will have in a moment.
                return False
            gathered.urgent = True
        elif (
            response.diverging_epoch is not None
            or response.snapshot_id is not None
            or response.preferred_read_replica >= 0
        ):
            gathered.urgent = True
        elif self._from_replica:
            self._note_progress(target, response)
            # News to a follower at once: DeleteRecords waits until it has followed. So is a
            # watermark to one that tells its own (KIP-1166).
            started = response.log_start_offset != target.cached_log_start_offset
            if (started and not self._full and self._session is not None) or (
                response.high_watermark > target.high_watermark
            ):
                gathered.urgent = True
        return True

    def _may_wait(self, target: FetchTarget, response: FetchPartitionResponse) -> bool:
        """Say whether a follower is refused only what its leader has not applied yet.

        Who leads the quorum is known at once, and has to be told.
        """
        return (
            self._from_replica
            and target.topic != CLUSTER_METADATA_TOPIC
            and may_come_true(response.error_code)
        )

    def _now_ms(self) -> int:
        return self._context.broker.clock.monotonic_ms()

    def _is_throttled(self, target: FetchTarget) -> bool:
        """Say whether a follower out of sync gets nothing while the leader's quota is exceeded.

        Its fetch waits then, and what was left out is looked at again by the next one (KIP-73).
        """
        replicas = self._context.broker.replicas
        if target.topic is None or not replicas.throttles.leader.is_throttled(
            target.topic, target.index
        ):
            return False
        partition = replicas.partition((target.topic, target.index))
        leader = None if partition is None else partition.leader
        return leader is not None and target.replica_id not in leader.isr

    def _record_throttled(self, gathered: Gathered) -> None:
        """Count what goes to replicas of throttled partitions, in sync or not."""
        quota = self._context.broker.replicas.throttles.leader
        size = sum(
            response.size
            for _, target, response in gathered.found
            if target.topic is not None and quota.is_throttled(target.topic, target.index)
        )
        if size:
            quota.record(size, self._now_ms())

    def _note_progress(self, target: FetchTarget, response: FetchPartitionResponse) -> None:
        """Tell a leader how far its follower is, where it was no leader yet at the request.

        If that moves the watermark the follower is told where it is now: its session takes
        what it has been told for what it knows.
        """
        partition = target.partition
        if partition is None or partition.leader is target.noted_by or target.replica_id < 0:
            return
        target.noted_by = partition.leader
        if note_follower(self._context.broker.replicas, partition, target, self._now_ms()):
            partition.high_watermark_moved.wake()
            response.high_watermark = partition.log.high_watermark
            response.last_stable_offset = partition.log.last_stable_offset

    def _respond(self, gathered: Gathered) -> None:
        session = self._session
        committed_only = self._request.isolation_level == READ_COMMITTED
        for key, target in gathered.quiet:
            gathered.found.append((key, target, tell_watermark(target, committed_only)))
        if self._from_replica and self._context.broker.replicas.throttles.leader.active:
            self._record_throttled(gathered)
        if gathered.refused:
            # As in Kafka, what is unknown is told last.
            gathered.found.sort(key=lambda told: is_unknown(told[2].error_code))
        if session is None:
            answer = _response(gathered.found, 0)
        else:
            session.parked = None
            told = []
            for key, target, response in gathered.found:
                if self._settle(session, key, target, response) or self._full:
                    told.append((key, target, response))
            answer = _response(told, session.number)
        if gathered.refused:
            self._on_refusal(answer, self._context)
        self.answer.set(answer)

    def _settle(
        self,
        session: FetchSession,
        key: TargetKey,
        target: FetchTarget,
        response: FetchPartitionResponse,
    ) -> bool:
        """Say whether an incremental answer names this partition; keep the dirty table true."""
        repeats = bool(
            response.size
            or response.error_code
            or response.diverging_epoch
            or response.preferred_read_replica >= 0
        )
        news = (
            repeats
            or response.high_watermark != target.cached_high_watermark
            or response.log_start_offset != target.cached_log_start_offset
        )
        target.cached_high_watermark = response.high_watermark
        if self._from_replica and response.diverging_epoch is not None:
            # A follower that has to truncate passes over the watermark told along with it.
            target.cached_high_watermark = -1
        target.cached_log_start_offset = response.log_start_offset
        if not repeats and self._left_out(target, response):
            # It had no room here, and keeps its place in front of those who had.
            return news
        session.dirty.pop(key, None)
        if repeats:
            # Still true until the fetcher says otherwise; behind the others, who had nothing.
            session.dirty[key] = target
        return news

    def _left_out(self, target: FetchTarget, response: FetchPartitionResponse) -> bool:
        """Say whether there was something to read that no longer fitted into the answer."""
        end = response.high_watermark
        if self._from_replica and target.partition is not None:
            end = target.partition.log.log_end_offset
        return target.fetch_offset < end


def _response(
    found: Iterable[tuple[TargetKey, FetchTarget, FetchPartitionResponse]], session_id: int
) -> FetchResponse:
    """Group the answers by topic, in the order they come, as Kafka does."""
    response = FetchResponse(session_id=session_id, topics=[])
    last: FetchTopicResponse | None = None
    for _, target, partition in found:
        if last is None or last.name != target.topic or last.topic_id is not target.topic_id:
            last = FetchTopicResponse(target.topic, target.topic_id, [])
            response.topics.append(last)
        last.partitions.append(partition)
    return response
