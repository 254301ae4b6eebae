"""How this broker reaches the coordinators of share-partitions, as leader or as group coordinator.

Counterpart: PersisterStateManager, DefaultStatePersister. KIP-932.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import BrokerId, LeaderEpoch, Offset
from minikafka.broker.purgatory import settled
from minikafka.net.channel import ChannelClosed
from minikafka.shares.records import ShareKey, StoredShare
from minikafka.shares.state_batches import StateBatch
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["Persister"]

_ATTEMPTS = 5
_BACKOFF_MS, _BACKOFF_MAX_MS = 1_000, 30_000
# A first member would wait for the next attempt, and then for its next heartbeat.
_TOPIC_WAIT_MS = 5_000
_SHARE_KEY_TYPE = 2
_FIND_VERSION = 6
_AGAIN = (
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
)


class Persister:
    """Requests about share-partitions, each to its coordinator, five times at most."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def initialize(
        self, key: ShareKey, state_epoch: int, start_offset: Offset = -1
    ) -> None:
        """Let a share-partition begin, or begin anew.

        Raises:
            KafkaError: as the coordinator refuses it, or COORDINATOR_NOT_AVAILABLE where none
                has answered. The others raise the same.
        """
        fields = {"state_epoch": state_epoch, "start_offset": start_offset}
        await self._ask(ApiKey.INITIALIZE_SHARE_GROUP_STATE, key, fields)

    async def read(self, key: ShareKey, leader_epoch: LeaderEpoch) -> StoredShare:
        """Return what is known of a share-partition; former leaders are fenced by that."""
        fields = {"leader_epoch": leader_epoch}
        found = await self._ask(ApiKey.READ_SHARE_GROUP_STATE, key, fields)
        batches = tuple(
            StateBatch(
                each.first_offset, each.last_offset, each.delivery_state, each.delivery_count
            )
            for each in found.state_batches
        )
        return StoredShare(
            0, found.state_epoch, leader_epoch, found.start_offset, -1, -1, batches
        )

    async def write(
        self,
        key: ShareKey,
        state_epoch: int,
        leader_epoch: LeaderEpoch,
        start_offset: Offset,
        batches: Sequence[StateBatch],
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Have it kept what has become of records.

        Args:
            is_wanted: asked before another attempt; False for a leader that is none any more.
        """
        fields = {
            "state_epoch": state_epoch,
            "leader_epoch": leader_epoch,
            "start_offset": start_offset,
            "state_batches": [
                {
                    "first_offset": first,
                    "last_offset": last,
                    "delivery_state": state,
                    "delivery_count": count,
                }
                for first, last, state, count in batches
            ],
        }
        await self._ask(ApiKey.WRITE_SHARE_GROUP_STATE, key, fields, is_wanted)

    async def summary(self, key: ShareKey) -> tuple[Offset, LeaderEpoch]:
        """Return how far a share-partition has come, -1 where it has not begun."""
        fields: Mapping[str, Any] = {}
        found = await self._ask(ApiKey.READ_SHARE_GROUP_STATE_SUMMARY, key, fields)
        return found.start_offset, found.leader_epoch

    async def delete(self, key: ShareKey) -> None:
        """Have a share-partition forgotten."""
        await self._ask(ApiKey.DELETE_SHARE_GROUP_STATE, key, {})

    async def _ask(
        self,
        api_key: ApiKey,
        key: ShareKey,
        fields: Mapping[str, Any],
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Any:
        partition = {"partition": key.partition, **fields}
        shape = {
            "group_id": key.group_id,
            "topics": [{"topic_id": key.topic_id, "partitions": [partition]}],
        }
        request = build_request(api_key, 0, shape)
        refusal = KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        for attempt in range(_ATTEMPTS):
            if attempt:
                await self._pause(min(_BACKOFF_MS << (attempt - 1), _BACKOFF_MAX_MS))
                if not is_wanted():
                    break
            try:
                return await self._ask_once(api_key, key, request)
            except ChannelClosed as error:
                refusal = KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, str(error))
            except KafkaError as error:
                if error.code not in _AGAIN:
                    raise
                refusal = error
        raise refusal

    async def _ask_once(self, api_key: ApiKey, key: ShareKey, request: object) -> Any:
        broker = self._broker
        if broker.share_state.topic not in broker.image.topics:
            await self._make_topic(key)
            deadline_ms = broker.clock.monotonic_ms() + _TOPIC_WAIT_MS
            await broker.wait_image(
                lambda image: broker.share_state.coordinator_of(str(key)) is not None,
                deadline_ms,
            )
        coordinator_id = broker.share_state.coordinator_of(str(key))
        if coordinator_id is None:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        answer = await self._send(coordinator_id, api_key, 0, request)
        if not answer.results:
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
        found = answer.results[0].partitions[0]
        code = ErrorCode(int(found.error_code))
        if code is not ErrorCode.NONE:
            raise KafkaError(code, found.error_message)
        return found

    async def _make_topic(self, key: ShareKey) -> None:
        """Ask this broker for the coordinator, which makes the topic, as any broker would."""
        shape = {"key_type": _SHARE_KEY_TYPE, "coordinator_keys": [str(key)]}
        request = build_request(ApiKey.FIND_COORDINATOR, _FIND_VERSION, shape)
        await self._send(self._broker.node_id, ApiKey.FIND_COORDINATOR, _FIND_VERSION, request)

    async def _send(
        self, broker_id: BrokerId, api_key: ApiKey, version: int, request: object
    ) -> Any:
        timeout_ms = self._broker.config.request_timeout_ms
        channel = self._broker.channel_to(broker_id, "share-state", timeout_ms)
        return await settled(channel.request(api_key, version, request))

    async def _pause(self, pause_ms: int) -> None:
        broker = self._broker
        deadline_ms = broker.clock.monotonic_ms() + pause_ms
        await settled(broker.purgatory.wait(lambda: False, [], deadline_ms))
