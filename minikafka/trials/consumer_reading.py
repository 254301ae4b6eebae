"""What a trial's own consumer reads: its partitions, where it stands in each, and who leads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import TopicPartition
from minikafka.cluster.connection import ConnectionLost
from minikafka.cluster.consumer_records import consumer_records, whole_batches
from minikafka.cluster.partition_state import Record
from minikafka.cluster.remote import RemoteCluster, check, parse_bootstrap_servers
from minikafka.trials.coordinator_link import TIMEOUT_S
from minikafka.trials.topic_leaders import TopicLeaders
from minikafka.wire.fetch import (
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopic,
)
from minikafka.wire.versions import ApiKey

__all__ = ["ConsumerReading"]

WAIT_MS = 700
BYTES_MAX = 1 << 20
_VERSION_MAX = 12
_EARLIEST = -2
_IDLE_FETCHES = 4
"""After so many fetches without a record a member commits once more where it is."""


class ConsumerReading:
    """Positions of one consumer, and its connections to leaders; one leader is asked at a time.

    Attributes:
        leaders: of all topics it may read.
        has_to_commit: there is something new to commit, or nothing has come for a while.
    """

    def __init__(self, bootstrap: str, topics: Iterable[str], draws: Random) -> None:
        self._cluster = RemoteCluster(parse_bootstrap_servers(bootstrap), TIMEOUT_S)
        self.leaders = TopicLeaders(self._cluster, topics)
        self._draws = draws
        self._positions: dict[TopicPartition, int] = {}
        self._paused: dict[TopicPartition, None] = {}
        self._next = 0
        self._idle = 0
        self.has_to_commit = False

    async def close(self) -> None:
        """No connection is left."""
        await self._cluster.close()

    # --- positions -------------------------------------------------------------------------

    def keep(self, places: Iterable[TopicPartition]) -> None:
        """Read these partitions and no others; positions of the others are forgotten."""
        kept = tuple(places)
        self._positions = {each: at for each, at in self._positions.items() if each in kept}
        self._paused = {}

    def pause(self, places: Iterable[TopicPartition]) -> None:
        """Read these no more, until `keep`."""
        self._paused.update(dict.fromkeys(places))

    def without_position(self, places: Iterable[TopicPartition]) -> tuple[TopicPartition, ...]:
        """Return the partitions of which it is not known where to begin."""
        return tuple(place for place in places if place not in self._positions)

    def begin(self, place: TopicPartition, offset: int) -> None:
        """Read a partition from an offset on."""
        self._positions[place] = offset

    def processed(self, place: TopicPartition, records: list[Record]) -> None:
        """Stand behind records."""
        if records:
            self._positions[place] = records[-1].offset + 1
            self.has_to_commit = True

    def positions(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Return where it stands in those of these partitions that it has begun."""
        return {place: self._positions[place] for place in places if place in self._positions}

    def committed(self, taken: bool) -> None:
        """Note what came of a commit."""
        self.has_to_commit = not taken

    # --- records ---------------------------------------------------------------------------

    async def fetch(
        self, reset: Callable[[TopicPartition], None]
    ) -> dict[TopicPartition, list[Record]]:
        """Return what the next leader in turn has; its partitions' positions stay as they are.

        Args:
            reset: called with a partition that begins anew, as its position is not there.

        Raises:
            ConnectionLost: the leader does not answer.
            KafkaError: it leads no longer, or there is none.
        """
        leaders: dict[int, list[TopicPartition]] = {}
        for place in self._positions:
            if place not in self._paused:
                leaders.setdefault(self.leaders.leader(place), []).append(place)
        if not leaders:
            return {}
        self._next += 1
        leader = sorted(leaders)[self._next % len(leaders)]
        found: dict[TopicPartition, list[Record]] = {}
        for topic, told in await self._ask(leader, leaders[leader], shared=len(leaders) > 1):
            place = TopicPartition(topic, told.index)
            if told.error_code == ErrorCode.OFFSET_OUT_OF_RANGE:
                await self._begin_anew(leader, place, reset)
                continue
            check(told.error_code)
            position = self._positions.get(place, 0)
            found[place] = [
                record
                for batch in whole_batches(told.records)
                for record in consumer_records(place, batch, position)
            ]
        self._idle = 0 if any(found.values()) else self._idle + 1
        if self._idle and self._idle % _IDLE_FETCHES == 0:
            self.has_to_commit = True
        return found

    async def _ask(
        self, leader: int, places: list[TopicPartition], *, shared: bool
    ) -> list[tuple[str, FetchPartitionResponse]]:
        wanted: dict[str, list[FetchPartition]] = {}
        for topic, number in places:
            position = self._positions[TopicPartition(topic, number)]
            each = FetchPartition(number, fetch_offset=position, max_bytes=BYTES_MAX)
            wanted.setdefault(topic, []).append(each)
        request = FetchRequest(
            max_wait_ms=WAIT_MS if shared else 2 * WAIT_MS,
            min_bytes=1,
            max_bytes=BYTES_MAX,
            topics=[FetchTopic(topic, None, parts) for topic, parts in wanted.items()],
        )
        try:
            connection = await self._cluster.connection(leader)
            version = connection.version(ApiKey.FETCH, _VERSION_MAX)
            answer: FetchResponse = await connection.request(ApiKey.FETCH, version, request)
        except ConnectionLost:
            await self._cluster.forget(leader)
            raise
        check(answer.error_code)
        return [
            (topic.name or "", each) for topic in answer.topics for each in topic.partitions
        ]

    async def _begin_anew(
        self, leader: int, place: TopicPartition, reset: Callable[[TopicPartition], None]
    ) -> None:
        earliest = await self._cluster.list_offsets(
            place.topic, leader, [place.partition], _EARLIEST, 0
        )
        if place in self._positions:
            self._positions[place] = earliest[place.partition]
            reset(place)
