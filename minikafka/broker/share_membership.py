"""Share groups that this broker coordinates, with the share state that belongs to them.

A group and its state lie on different brokers: what the group coordinator decides is carried
out at the share coordinators, and noted in the group afterwards.
Counterpart: the parts of GroupCoordinatorService that use the Persister. KIP-932.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId
from minikafka.broker.purgatory import settled
from minikafka.groups.partitions import Partitions, partitions_of
from minikafka.groups.share_commands import (
    ShareHeartbeat,
    ShareHeartbeatAnswer,
    check_share_heartbeat,
)
from minikafka.groups.share_coordination import share_state_begun, state_to_delete
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
        begun: list[tuple[TopicId, tuple[int]]] = []
        failed: list[tuple[TopicId, tuple[int]]] = []
        for topic_id, numbers in found.initialize.items():
            for number in numbers:
                key = ShareKey(group_id, topic_id, number)
                try:
                    await self._broker.persister.initialize(key, found.group_epoch)
                except KafkaError:
                    failed.append((topic_id, (number,)))
                else:
                    begun.append((topic_id, (number,)))
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
