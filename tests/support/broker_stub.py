"""One broker without sockets and quorum: the real controller, replicas and handlers.

A decision of the controller is committed and applied at once. Requests and answers go through
the wire codec, so that what a version cannot say is lost as it would be.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from minikafka.apis.handlers import REGISTERED
from minikafka.base.clock import ManualClock
from minikafka.base.config import BrokerConfig
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.base.seeds import Seeds
from minikafka.broker.context import RequestContext
from minikafka.broker.group_coordinator import GroupCoordinators
from minikafka.broker.partition import Partition
from minikafka.broker.persister import Persister
from minikafka.broker.purgatory import Condition, Purgatory, settled
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.broker.share_coordinator import ShareCoordinators
from minikafka.broker.share_membership import ShareMembership
from minikafka.broker.share_partitions import SharePartitions
from minikafka.broker.transaction_coordinator import TransactionCoordinators
from minikafka.broker.transaction_verification import Verifying
from minikafka.log.storage import MemoryStorage
from minikafka.metadata.commands import AllocateProducerIds, Decision, Heartbeat, RegisterBroker
from minikafka.metadata.controller import Controller
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import MetadataRecord
from minikafka.quorum.messages import VoteAnswer, VoteRequest
from minikafka.quorum.voters import Voter, VoterSet
from minikafka.records.builder import build_batch
from minikafka.records.records import Record
from minikafka.wire.codec import (
    decode_header,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)
from minikafka.wire.shapes import build_request, build_response
from minikafka.wire.versions import SERVED
from tests.support.builders import quorum_machine

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["BrokerStub", "code", "registered"]

T = TypeVar("T")
CLUSTER_ID = "AAAAAAAAAAAAAAAAAAAAAQ"


class StubQuorum:
    """A quorum of one voter, which leads."""

    def __init__(self, node_id: int, clock: ManualClock) -> None:
        self._clock = clock
        disk = uuid.UUID(int=node_id)
        voters = VoterSet([Voter(node_id, disk)])
        self.machine = quorum_machine(node_id, voters, directory_id=disk)
        self.leader_changed = Condition(self)
        self.heard = Condition(self)
        self.machine.start(clock.monotonic_ms())

    async def change_voters(
        self, change: Callable[[VoterSet], VoterSet], deadline_ms: int
    ) -> None:
        """Go on with other voters, as the driver does."""
        voters = change(self.machine.voter_set)
        self.machine.change_voters(voters, self._clock.monotonic_ms(), self._clock.wall_ms())

    def vote(self, request: VoteRequest) -> VoteAnswer:
        """Vote as the driver does."""
        return self.machine.on_vote_request(request, self._clock.monotonic_ms())

    def hear_leader(self, leader_id: int, epoch: int) -> None:
        """Hear who leads."""
        self.machine.on_leader(leader_id, epoch, self._clock.monotonic_ms())

    def hear_end(self, leader_id: int, epoch: int, preferred: Sequence[int]) -> None:
        """Hear that a leader has resigned."""
        self.machine.on_end_epoch(leader_id, epoch, preferred, self._clock.monotonic_ms())


class BrokerStub:
    """Broker `node_id` of a cluster of `brokers`, all unfenced; it is the active controller.

    The other brokers exist in the metadata only; `followed` speaks for them. To be made inside
    a running event loop.

    Args:
        config: broker configs by Kafka's names.
        controller_id: another broker's id makes this one forward, to itself: `forwarded`
            keeps the API keys.
    """

    def __init__(
        self,
        node_id: int = 1,
        brokers: tuple[int, ...] = (1, 2, 3),
        config: dict[str, str | int | float | bool] | None = None,
        controller_id: int | None = None,
    ) -> None:
        self.node_id = node_id
        self.observer = None
        self.config = BrokerConfig.parse(node_id, config or {})
        self.cluster_id = CLUSTER_ID
        self.clock = ManualClock()
        self.seeds = Seeds("stub")
        self.controller = Controller(self.config, Seeds("stub"))
        self.controller_id: int | None = node_id if controller_id is None else controller_id
        self.forwarded: list[int] = []
        self.spawned: list[Coroutine[Any, Any, Any]] = []
        self.asked: list[asyncio.Task[None]] = []
        self._unstarted: list[Coroutine[Any, Any, Any]] = []
        self.purgatory = Purgatory(self.clock, asyncio.get_running_loop())
        self.replicas = ReplicaManager(
            node_id,
            self.config,
            MemoryStorage(),
            self.clock,
            self.purgatory,
            on_role=self._on_role,
            on_isr_wanted=lambda partition: None,
        )
        self.groups = GroupCoordinators(cast("Broker", self))
        self.share_state = ShareCoordinators(cast("Broker", self))
        self.persister = Persister(cast("Broker", self))
        self.share_groups = ShareMembership(cast("Broker", self))
        self.shares = SharePartitions(cast("Broker", self))
        self.transactions = TransactionCoordinators(cast("Broker", self))
        self.verifying = Verifying()
        self.controller_changed = Condition(self)
        self.quorum = StubQuorum(node_id, self.clock)
        self.commit(self.controller.activate(self.clock.monotonic_ms()))
        for broker_id in brokers:
            self.join(broker_id)

    def _on_role(self, partition: Partition) -> None:
        self.groups.on_role(partition)
        self.share_state.on_role(partition)
        self.shares.on_role(partition)
        self.transactions.on_role(partition)

    # what handlers use

    @property
    def image(self) -> MetadataImage:
        """Applied metadata: all there is."""
        return self.controller.image

    @property
    def is_controller(self) -> bool:
        """True unless another broker is named controller."""
        return self.controller_id == self.node_id

    async def decide(self, decide: Callable[[Controller, int], Decision[T]]) -> T:
        """Commit and apply a decision, return its answer."""
        return self.commit(decide(self.controller, self.clock.monotonic_ms()))

    async def wait_image(
        self, predicate: Callable[[MetadataImage], bool], deadline_ms: int
    ) -> bool:
        """Say whether applied metadata satisfies `predicate`: nothing more will come."""
        return predicate(self.image)

    async def forward(self, api_key: int, version: int, request: object) -> Any:
        """Answer as the controller would, from the same metadata."""
        self.forwarded.append(api_key)
        remote, self.controller_id = self.controller_id, self.node_id
        try:
            return await self.answer(api_key, version, request, from_broker=True)
        finally:
            self.controller_id = remote

    async def next_producer_id(self) -> int:
        """Return the first id of a new block."""
        epoch = self.image.brokers[self.node_id].broker_epoch
        command = AllocateProducerIds(self.node_id, epoch)
        return self.commit(self.controller.allocate_producer_ids(command)).first

    @property
    def work(self) -> BrokerStub:
        """What runs coroutines: this stub."""
        return self

    def channel_to(self, target: int, purpose: str, timeout_ms: int) -> BrokerStub:
        """Return a channel to this stub, whatever the target."""
        return self

    def request(self, api_key: int, version: int, request: object) -> Deferred[Any]:
        """Answer as the broker at the other end of a channel would."""
        answer: Deferred[Any] = Deferred()

        async def ask() -> None:
            answer.set(await self.answer(api_key, version, request, from_broker=True))

        self.asked.append(asyncio.get_running_loop().create_task(ask()))
        return answer

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> Deferred[T]:
        """Keep the coroutine for `run_spawned`; its value is there after that."""
        answer: Deferred[T] = Deferred()

        async def run() -> None:
            try:
                value = await coroutine
            except KafkaError as error:
                answer.fail(error)
            else:
                answer.set(value)

        self.spawned.append(run())
        self._unstarted.append(coroutine)
        return answer

    def keep_going(self, what: str, coroutine: Coroutine[Any, Any, None]) -> None:
        """Keep the coroutine for `run_spawned`, as what nobody waits for."""
        self.spawn(coroutine)

    # what tests use

    async def run_spawned(self) -> None:
        """Run what handlers have left to the broker."""
        tasks: list[asyncio.Task[None]] = []
        while self.spawned or not all(task.done() for task in tasks):
            waiting, self.spawned, self._unstarted = self.spawned, [], []
            tasks += [asyncio.get_running_loop().create_task(each) for each in waiting]
            # What they spawn in their turn is begun, too.
            await asyncio.wait(tasks, timeout=0.001)
        for task in tasks:
            await task

    def close(self) -> None:
        """Let nothing wait any more."""
        self.purgatory.close()
        for coroutine in (*self.spawned, *self._unstarted):
            coroutine.close()

    def commit(self, decision: Decision[T]) -> T:
        """Append, commit and apply the records of a decision, return its answer."""
        self.replay(decision.records)
        return decision.result

    def replay(self, records: tuple[MetadataRecord, ...]) -> None:
        """Apply records that nobody needs an answer to."""
        if records:
            delta = self.controller.replay(records, self.image.offset + len(records))
            self.replicas.apply(self.image, delta)
            self.groups.on_metadata(self.image, delta)
            self.share_state.on_metadata(self.image, delta)

    def join(self, broker_id: int) -> None:
        """Register and unfence a broker."""
        command = RegisterBroker(
            broker_id, uuid.UUID(int=1000 + broker_id), f"host{broker_id}", 9000 + broker_id
        )
        registration = self.commit(self.controller.register_broker(command, 0))
        self.heartbeat(broker_id, registration.broker_epoch)

    def fence(self, broker_id: int) -> None:
        """Take a broker out of the living."""
        self.heartbeat(broker_id, self.image.brokers[broker_id].broker_epoch, want_fence=True)

    def heartbeat(self, broker_id: int, broker_epoch: int, *, want_fence: bool = False) -> None:
        """Let a broker say that it has applied all metadata."""
        beat = Heartbeat(broker_id, broker_epoch, self.image.offset - 1, want_fence=want_fence)
        self.commit(self.controller.heartbeat(beat, 0))

    async def create(self, name: str, assignments: list[list[int]], **configs: str) -> None:
        """Create a topic by a request; dots in config names are underscores."""
        answer = await self.ask(
            19,
            7,
            topics=[
                {
                    "name": name,
                    "num_partitions": -1,
                    "replication_factor": -1,
                    "assignments": [
                        {"partition_index": index, "broker_ids": ids}
                        for index, ids in enumerate(assignments)
                    ],
                    "configs": [
                        {"name": key.replace("_", "."), "value": value}
                        for key, value in configs.items()
                    ],
                }
            ],
            timeout=1000,
        )
        assert code(answer.topics[0]) == 0, answer

    def hosted(self, name: str, index: int = 0) -> Partition:
        """Return a replica of this broker."""
        partition = self.replicas.partition(TopicPartition(name, index))
        assert partition is not None
        return partition

    def append(self, name: str, *timestamps_ms: int, index: int = 0) -> None:
        """Append one batch with a record for each timestamp."""
        partition = self.hosted(name, index)
        assert partition.leader is not None
        records = [Record(0, each, None, b"v", ()) for each in timestamps_ms]
        partition.leader.append(build_batch(records), 1, self.clock.wall_ms())
        self.replicas.appended(partition, 1)

    def followed(self, name: str, index: int = 0) -> None:
        """Let every follower say that it has all that this leader has."""
        partition = self.hosted(name, index)
        assert partition.leader is not None
        log = partition.log
        for follower in partition.leader.progress:
            epoch = self.image.brokers[follower].broker_epoch
            self.replicas.on_follower_fetch(
                partition,
                follower,
                log.log_end_offset,
                log.log_start_offset,
                epoch,
                self.clock.monotonic_ms(),
            )
        partition.wake_all()

    async def ask(self, api_key: int, version: int, **fields: Any) -> Any:
        """Return the decoded answer to a request."""
        request = build_request(api_key, version, fields)
        frame = b"".join(encode_request(api_key, version, 7, "stub", request))[4:]
        header = decode_header(memoryview(frame))
        decoded = decode_request(api_key, version, memoryview(frame), header.body_position)
        answer = await self.answer(api_key, version, decoded)
        out = b"".join(encode_response(api_key, version, 7, answer))[4:]
        correlation_id, response = decode_response(api_key, version, memoryview(out))
        assert correlation_id == 7
        return response

    async def answer(
        self, api_key: int, version: int, request: object, *, from_broker: bool = False
    ) -> Any:
        """Return the response entity, as the dispatcher would come by it."""
        registration = REGISTERED[api_key]
        if registration.controller and not self.is_controller:
            return await self.forward(api_key, version, request)
        context = RequestContext(
            cast("Broker", self), version, "stub", 0, self.clock.monotonic_ms(), from_broker
        )
        try:
            value = registration.handler(request, context)
            if asyncio.iscoroutine(value):
                value = await value
            elif isinstance(value, Deferred):
                value = await settled(value)
        except KafkaError as error:
            assert registration.on_error is not None
            value = registration.on_error(request, error, version)
        return build_response(api_key, version, value) if isinstance(value, Mapping) else value


def code(entity: Any) -> ErrorCode:
    """Return an entity's error code as one of ours."""
    return ErrorCode(int(entity.error_code.value))


def registered(api_key: int) -> range:
    """Return the versions of an API that are served."""
    return range(SERVED[api_key].min, SERVED[api_key].max + 1)
