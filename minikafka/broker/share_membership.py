"""Share groups that this broker coordinates, with the share state that belongs to them.

A group and its state lie on different brokers: what the group coordinator decides is carried
out at the share coordinators, and noted in the group afterwards.
Counterpart: the parts of GroupCoordinatorService that use the Persister. KIP-932.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import Offset, TopicId
from minikafka.broker.purgatory import settled
from minikafka.groups.coordinator import GroupCoordinator
from minikafka.groups.partitions import NO_PARTITIONS, Partitions, partitions_of
from minikafka.groups.share_commands import (
    ShareHeartbeat,
    ShareHeartbeatAnswer,
    check_share_heartbeat,
)
from minikafka.groups.share_coordination import (
    begin_altering,
    begin_deletion,
    end_deletion,
    share_state_begun,
    state_to_delete,
)
from minikafka.shares.records import ShareKey

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["ShareMembership"]


class ShareMembership:
    """What has to be done for share groups besides deciding on them."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def heartbeat(self, command: ShareHeartbeat) -> Deferred[ShareHeartbeatAnswer]:
        """Answer a member; share state that has to begin does so behind the answer."""
        check_share_heartbeat(command)
        answer = self._broker.groups.write(
            command.group_id, lambda coordinator, now: coordinator.share_heartbeat(command, now)
        )
        later: Deferred[ShareHeartbeatAnswer] = Deferred()

        def go_on(done: Deferred[ShareHeartbeatAnswer]) -> None:
            try:
                found = done.result()
            except KafkaError as error:
                later.fail(error)
                return
            if found.initialize:
                self._broker.work.spawn(self._begin(command.group_id, found))
            later.set(found)

        answer.on_done(go_on)
        return later

    async def _begin(self, group_id: str, found: ShareHeartbeatAnswer) -> None:
        """Let share state begin, and note for which partitions it has."""
        broker = self._broker
        asked = [
            (
                topic_id,
                number,
                broker.work.spawn(
                    broker.persister.initialize(
                        ShareKey(group_id, topic_id, number), found.group_epoch
                    )
                ),
            )
            for topic_id, numbers in found.initialize.items()
            for number in numbers
        ]
        begun: list[tuple[TopicId, tuple[int]]] = []
        failed: list[tuple[TopicId, tuple[int]]] = []
        for topic_id, number, answer in asked:
            refused = await self._tried(settled(answer))
            (begun if refused is None else failed).append((topic_id, (number,)))
        await self._note(group_id, partitions_of(begun), ok=True)
        await self._note(group_id, partitions_of(failed), ok=False)

    async def _note(self, group_id: str, partitions: Partitions, *, ok: bool) -> None:
        if not partitions:
            return
        try:
            await settled(
                self._broker.groups.write(
                    group_id,
                    lambda coordinator, now: share_state_begun(
                        coordinator.table, group_id, partitions, ok=ok
                    ),
                )
            )
        except KafkaError:
            # The next coordinator, or the next heartbeat after a while, begins once more.
            return

    async def begin_anew(
        self, group_id: str, offsets: Mapping[tuple[TopicId, int], Offset]
    ) -> dict[tuple[TopicId, int], KafkaError | None]:
        """Let share-partitions of a group without members begin at these offsets.

        Raises:
            KafkaError: GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP; and as `GroupPartition.write`.
        """
        places = partitions_of((topic_id, (number,)) for topic_id, number in offsets)
        epoch = await settled(
            self._broker.groups.write(
                group_id,
                lambda coordinator, now: begin_altering(coordinator.table, group_id, places),
            )
        )
        results: dict[tuple[TopicId, int], KafkaError | None] = {}
        for (topic_id, number), offset in offsets.items():
            key = ShareKey(group_id, topic_id, number)
            results[topic_id, number] = await self._tried(
                self._broker.persister.initialize(key, epoch, offset)
            )
        for ok in (True, False):
            done = [place for place, error in results.items() if (error is None) is ok]
            noted = partitions_of((topic_id, (number,)) for topic_id, number in done)
            await self._note(group_id, noted, ok=ok)
        return results

    async def delete_topics(
        self, group_id: str, topic_ids: Sequence[TopicId]
    ) -> dict[TopicId, KafkaError | None]:
        """Delete the share state of topics of a group without members; only what there is.

        Raises:
            KafkaError: as `begin_anew`.
        """
        found = await settled(
            self._broker.groups.write(
                group_id,
                lambda coordinator, now: begin_deletion(coordinator.table, group_id, topic_ids),
            )
        )
        results: dict[TopicId, KafkaError | None] = {}
        for topic_id, numbers in found.items():
            results[topic_id] = None
            for number in numbers:
                key = ShareKey(group_id, topic_id, number)
                refused = await self._tried(self._broker.persister.delete(key))
                results[topic_id] = results[topic_id] or refused
        gone = [topic_id for topic_id, error in results.items() if error is None]
        if gone:
            await settled(
                self._broker.groups.write(
                    group_id,
                    lambda coordinator, now: end_deletion(coordinator.table, group_id, gone),
                )
            )
        return results

    async def _tried(self, asked: Awaitable[None]) -> KafkaError | None:
        try:
            await asked
        except KafkaError as error:
            return error
        return None

    def initialized(self, group_id: str) -> Partitions:
        """Return the partitions that a group has share state for; raises NOT_COORDINATOR."""

        def look(coordinator: GroupCoordinator) -> Partitions:
            group = coordinator.table.shares.get(group_id)
            return NO_PARTITIONS if group is None else group.state.initialized

        return self._broker.groups.of(group_id).read(look)

    async def delete_state(self, group_id: str) -> None:
        """Delete the share state of a group that is about to go, and has no members.

        Raises:
            KafkaError: as `Persister.delete`, and NOT_COORDINATOR.
        """
        found = self._broker.groups.of(group_id).read(
            lambda coordinator: state_to_delete(coordinator.table, group_id)
        )
        for topic_id, numbers in found.items():
            for number in numbers:
                try:
                    await self._broker.persister.delete(ShareKey(group_id, topic_id, number))
                except KafkaError as error:
                    if error.code is not ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
                        raise
