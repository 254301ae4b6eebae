"""A transactional producer of a trial that follows either set of rules (KIP-98, KIP-890).

Over the simulated network. No client of others' in Python follows the newer rules yet; and none does
on purpose what a network may do to it: this one can send again what was answered long ago.
Counterpart: TransactionManager of the Java client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.cluster.connection import ConnectionLost
from minikafka.cluster.remote import RemoteCluster, check, parse_bootstrap_servers
from minikafka.records.builder import build_batch
from minikafka.records.records import Record
from minikafka.transactions.metadata import V2
from minikafka.trials.coordinator_link import (
    LOOK_ELSEWHERE,
    TIMEOUT_S,
    Backoff,
    CoordinatorLink,
)
from minikafka.trials.topic_leaders import TopicLeaders
from minikafka.wire.produce import ProducePartition, ProduceRequest, ProduceTopic
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["OwnProducer", "Sent", "committed_offsets"]

PATIENCE_S = 15.0
"""How long one step is tried."""
_PRODUCE_TIMEOUT_MS = 2_000
_NAMED = 9  # the last version of OffsetFetch with the names of topics
# The last version of each API that follows the older rules.
_OLDER = {
    ApiKey.PRODUCE: 11,
    ApiKey.ADD_PARTITIONS_TO_TXN: 3,
    ApiKey.TXN_OFFSET_COMMIT: 4,
    ApiKey.END_TXN: 4,
}
_AGAIN = (
    *LOOK_ELSEWHERE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.CONCURRENT_TRANSACTIONS,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.LEADER_NOT_AVAILABLE,
    ErrorCode.NOT_ENOUGH_REPLICAS,
    ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode.REQUEST_TIMED_OUT,
    ErrorCode.KAFKA_STORAGE_ERROR,
)


class Sent(NamedTuple):
    """A batch as it was sent: it can be sent again at any time."""

    place: TopicPartition
    epoch: int
    sequence: int
    values: tuple[bytes, ...]


class OwnProducer:
    """One life of a transactional id.

    Args:
        version: the transaction.version whose rules it follows: 0, or 2 from which on each
            transaction has an epoch of its own.

    Attributes:
        producer_id, epoch: of the transaction that goes on, or comes next.
    """

    def __init__(
        self, bootstrap: str, name: str, topics: Sequence[str], draws: Random, version: int
    ) -> None:
        self._name = name
        self._cluster = RemoteCluster(parse_bootstrap_servers(bootstrap), TIMEOUT_S)
        self._leaders = TopicLeaders(self._cluster, topics)
        self._link = CoordinatorLink(bootstrap, name, name, draws, transactional=True)
        self._groups = CoordinatorLink(bootstrap, self.group, name, draws)
        self._draws = draws
        self.version = version
        self.producer_id = -1
        self.epoch = -1
        self._sequences: dict[TopicPartition, int] = {}
        self._added: dict[TopicPartition | str, None] = {}

    @property
    def group(self) -> str:
        """The group whose offsets it commits."""
        return f"{self._name}-offsets"

    async def begin(self, timeout_ms: int) -> None:
        """Have the transactional id; raises KafkaError, ConnectionLost."""
        await self._leaders.learn(self._draws)
        shape = {
            "transactional_id": self._name,
            "transaction_timeout": timeout_ms,
            "producer_id": -1,
            "producer_epoch": -1,
        }
        answer = await self._decided(ApiKey.INIT_PRODUCER_ID, shape, _code)
        self.producer_id, self.epoch = answer.producer_id, answer.producer_epoch

    async def close(self) -> None:
        """No connection is left."""
        await self._link.forget()
        await self._groups.forget()
        await self._cluster.close()

    # --- in a transaction --------------------------------------------------------------------

    def make(self, place: TopicPartition, values: Sequence[bytes]) -> Sent:
        """Return the next batch of a partition, not sent yet."""
        sequence = self._sequences.get(place, 0)
        self._sequences[place] = sequence + len(values)
        return Sent(place, self.epoch, sequence, tuple(values))

    def take_back(self, sent: Sent) -> None:
        """Give the sequence of a batch that is not sent to the next one."""
        self._sequences[sent.place] = sent.sequence

    def was_taken(self, sent: Sent) -> None:
        """Go on behind it, where its epoch goes on, too."""
        if sent.epoch == self.epoch:
            self._sequences[sent.place] = sent.sequence + len(sent.values)

    async def send(self, sent: Sent) -> None:
        """Send a batch until it is acknowledged; raises KafkaError, ConnectionLost."""
        if self.version < V2 and sent.place not in self._added:
            await self._decided(
                ApiKey.ADD_PARTITIONS_TO_TXN,
                {
                    "v3_and_below_transactional_id": self._name,
                    "v3_and_below_producer_id": self.producer_id,
                    "v3_and_below_producer_epoch": self.epoch,
                    "v3_and_below_topics": [
                        {"name": sent.place.topic, "partitions": [sent.place.partition]}
                    ],
                },
                lambda answer: (
                    answer.results_by_topic_v3_and_below[0]
                    .results_by_partition[0]
                    .partition_error_code
                ),
            )
        self._added[sent.place] = None
        await self._tried(lambda: self.send_once(sent))

    async def send_once(self, sent: Sent) -> None:
        """Send a batch, perhaps once more; raises KafkaError, ConnectionLost."""
        await self._leaders.refresh()
        batch = build_batch(
            [Record(at, 0, None, value) for at, value in enumerate(sent.values)],
            producer_id=self.producer_id,
            producer_epoch=sent.epoch,
            base_sequence=sent.sequence,
            transactional=True,
        )
        part = ProducePartition(sent.place.partition, batch.view)
        request = ProduceRequest(
            self._name,
            -1,
            _PRODUCE_TIMEOUT_MS,
            [ProduceTopic(sent.place.topic, None, [part])],
        )
        leader = self._leaders.leader(sent.place)
        connection = await self._cluster.connection(leader)
        version = connection.version(ApiKey.PRODUCE, self._highest(ApiKey.PRODUCE) or 12)
        try:
            answer = await connection.request(ApiKey.PRODUCE, version, request)
        except ConnectionLost:
            await self._cluster.forget(leader)
            raise
        check(answer.topics[0].partitions[0].error_code)

    async def commit_offset(
        self, place: TopicPartition, offset: int, generation: int = -1, member: str = ""
    ) -> None:
        """Commit an offset in the transaction; raises KafkaError, ConnectionLost."""
        if self.version < V2 and self.group not in self._added:
            await self._decided(
                ApiKey.ADD_OFFSETS_TO_TXN,
                {**self._who(), "group_id": self.group},
                _code,
            )
        self._added[self.group] = None
        shape = {
            **self._who(),
            "group_id": self.group,
            "generation_id": generation,
            "member_id": member,
            "group_instance_id": None,
            "topics": [_offset(place, offset)],
        }
        await self._decided(ApiKey.TXN_OFFSET_COMMIT, shape, _partition_code, self._groups)

    async def commit_outside(self, place: TopicPartition, offset: int) -> None:
        """Commit an offset in no transaction; raises KafkaError, ConnectionLost."""
        shape = {
            "group_id": self.group,
            "generation_id_or_member_epoch": -1,
            "member_id": "",
            "group_instance_id": None,
            "topics": [_offset(place, offset)],
        }
        await self._decided(ApiKey.OFFSET_COMMIT, shape, _partition_code, self._groups, 8)

    async def end(self, *, committed: bool) -> Shape:
        """End the transaction; return what was asked, for `ask_again`.

        Raises:
            KafkaError, ConnectionLost: what has become of it nobody knows.
        """
        asked = {**self._who(), "committed": committed}
        answer = await self._decided(ApiKey.END_TXN, asked, _code)
        self._added.clear()
        if self.version >= V2:
            self.producer_id, self.epoch = answer.producer_id, answer.producer_epoch
            self._sequences.clear()
        return asked

    async def ask_again(self, asked: Shape) -> ErrorCode:
        """Ask for an end that was asked for long ago, as a network that is slow; return the code."""
        answer = await self._link.ask(ApiKey.END_TXN, asked, self._highest(ApiKey.END_TXN))
        return ErrorCode(int(answer.error_code))

    # --- asking ------------------------------------------------------------------------------

    def _who(self) -> dict[str, Any]:
        return {
            "transactional_id": self._name,
            "producer_id": self.producer_id,
            "producer_epoch": self.epoch,
        }

    def _highest(self, key: ApiKey) -> int | None:
        return None if self.version >= V2 else _OLDER.get(key)

    async def _decided(
        self,
        key: ApiKey,
        shape: Shape,
        code_of: Callable[[Any], int],
        link: CoordinatorLink | None = None,
        highest: int | None = None,
    ) -> Any:
        """Ask a coordinator until it decides."""
        asked = link or self._link

        async def ask() -> Any:
            answer = await asked.ask(key, shape, highest or self._highest(key))
            code = ErrorCode(int(code_of(answer)))
            if code in LOOK_ELSEWHERE:
                await asked.forget()
            check(code)
            return answer

        return await self._tried(ask)

    async def _tried(self, step: Callable[[], Any]) -> Any:
        """Take a step until it is done, or nobody knows; raises what it raised last."""
        backoff, loop = Backoff(self._draws), asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while True:
            try:
                return await step()
            except ConnectionLost:
                if loop.time() >= deadline:
                    raise
            except KafkaError as error:
                if error.code not in _AGAIN or loop.time() >= deadline:
                    raise
            await backoff.wait()


async def committed_offsets(
    link: CoordinatorLink, group: str, places: Sequence[TopicPartition], draws: Random
) -> dict[TopicPartition, int]:
    """Return what a group has committed, once no transaction has more of it (KIP-447).

    However long that takes. Cancellation: safe.
    """
    topics: dict[str, list[int]] = {}
    for topic, index in places:
        topics.setdefault(topic, []).append(index)
    wanted = [{"name": name, "partition_indexes": found} for name, found in topics.items()]
    shape = {
        "groups": [{"group_id": group, "topics": wanted}],
        "require_stable": True,
    }
    backoff = Backoff(draws)
    while True:
        try:
            answer = await link.ask(ApiKey.OFFSET_FETCH, shape, _NAMED)
            [told] = answer.groups
            found = [(topic.name, each) for topic in told.topics for each in topic.partitions]
            for code in (told.error_code, *(each.error_code for _, each in found)):
                check(int(code))
        except ConnectionLost:
            await backoff.wait()
        except KafkaError:
            await link.forget()
            await backoff.wait()
        else:
            await link.forget()
            return {
                TopicPartition(name, each.partition_index): each.committed_offset
                for name, each in found
                if each.committed_offset >= 0
            }


def _code(answer: Any) -> int:
    return int(answer.error_code)


def _partition_code(answer: Any) -> int:
    return int(answer.topics[0].partitions[0].error_code)


def _offset(place: TopicPartition, offset: int) -> Shape:
    return {
        "name": place.topic,
        "partitions": [
            {
                "partition_index": place.partition,
                "committed_offset": offset,
                "committed_leader_epoch": -1,
                "committed_metadata": "",
            }
        ],
    }
