"""From what a member has to what it is to have, one step at a time.

Pure: takes a member and returns it one step further. Counterpart: CurrentAssignmentBuilder.
KIP-848.

Rules of this file
    What is to go to another is revoked first; until the member has said that it is gone, the
    member stays in its epoch and nobody else gets it.
    What another still owns is waited for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId
from minikafka.groups.consumer_members import ConsumerMember, MemberState
from minikafka.groups.partitions import NO_PARTITIONS, Partitions

__all__ = ["reconcile"]


def reconcile(
    member: ConsumerMember,
    target_epoch: int,
    target: Partitions,
    is_owned: Callable[[TopicId, int], bool],
    owned: Partitions | None,
) -> ConsumerMember:
    """Return the member after the next step to its target; itself where it cannot go on.

    Args:
        target_epoch: the group epoch that `target` is for.
        is_owned: says whether a partition has an owner now.
        owned: what the member says it owns; None where it says nothing.

    Raises:
        KafkaError: FENCED_MEMBER_EPOCH for a member in a state of a newer release, which has
            to begin anew.
    """
    step = _Step(member, target_epoch, target, is_owned, owned)
    if member.state is MemberState.STABLE:
        return member if member.epoch == target_epoch else step.next(member.epoch)
    if member.state is MemberState.UNREVOKED_PARTITIONS:
        if step.still_owns(member.pending_revocation):
            return member
        # What it gave up completes the epoch it was on the way to.
        return step.next(member.epoch + 1)
    if member.state is MemberState.UNRELEASED_PARTITIONS:
        return step.next(member.epoch)
    if owned is None or owned:
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            "The consumer group member is in a unknown state. "
            "The member must abandon all its partitions and rejoin.",
        )
    return step.next(target_epoch)


class _Step:
    def __init__(
        self,
        member: ConsumerMember,
        target_epoch: int,
        target: Partitions,
        is_owned: Callable[[TopicId, int], bool],
        owned: Partitions | None,
    ) -> None:
        self._member = member
        self._target_epoch = target_epoch
        self._target = target
        self._is_owned = is_owned
        self._owned = owned

    def still_owns(self, partitions: Partitions) -> bool:
        """Say whether the member has any of these; who says nothing has all it had."""
        if self._owned is None:
            return True
        return any(
            number in partitions.get(topic_id, ())
            for topic_id, numbers in self._owned.items()
            for number in numbers
        )

    def next(self, epoch: int) -> ConsumerMember:
        """Return the member as it is to go on from `epoch`."""
        member = self._member
        kept: dict[TopicId, tuple[int, ...]] = {}
        revoked: dict[TopicId, tuple[int, ...]] = {}
        free: dict[TopicId, tuple[int, ...]] = {}
        waits = False
        for topic_id in sorted({**self._target, **member.assigned}):
            wanted = self._target.get(topic_id, ())
            had = member.assigned.get(topic_id, ())
            _put(kept, topic_id, [number for number in had if number in wanted])
            _put(revoked, topic_id, [number for number in had if number not in wanted])
            missing = [number for number in wanted if number not in had]
            released = [number for number in missing if not self._is_owned(topic_id, number)]
            waits = waits or len(released) < len(missing)
            _put(free, topic_id, released)
        if revoked and self.still_owns(revoked):
            return replace(
                member,
                state=MemberState.UNREVOKED_PARTITIONS,
                epoch=epoch,
                previous_epoch=member.epoch,
                assigned=kept,
                pending_revocation=revoked,
            )
        return replace(
            member,
            state=MemberState.UNRELEASED_PARTITIONS if waits else MemberState.STABLE,
            epoch=self._target_epoch,
            previous_epoch=member.epoch,
            assigned=_joined(kept, free),
            pending_revocation=NO_PARTITIONS,
        )


def _put(into: dict[TopicId, tuple[int, ...]], topic_id: TopicId, numbers: list[int]) -> None:
    if numbers:
        into[topic_id] = tuple(numbers)


def _joined(
    first: dict[TopicId, tuple[int, ...]], second: dict[TopicId, tuple[int, ...]]
) -> Partitions:
    return {
        topic_id: tuple(sorted((*first.get(topic_id, ()), *second.get(topic_id, ()))))
        for topic_id in sorted({**first, **second})
    }
