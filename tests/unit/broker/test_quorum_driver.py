"""The metadata log on a broker: decided, committed, applied, published, in that order."""

from __future__ import annotations

import asyncio
import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from minikafka.base.clock import LoopClock
from minikafka.base.config import BrokerConfig
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import CLUSTER_METADATA_TOPIC_ID, METADATA_PARTITION, ZERO_ID
from minikafka.base.seeds import Seeds
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import Condition, Purgatory, settled
from minikafka.broker.quorum_driver import QuorumDriver
from minikafka.broker.quorum_messages import VOTE_VERSION, quorum_response
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.log.storage import MemoryStorage
from minikafka.metadata.commands import Decision, Heartbeat, RegisterBroker
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import ConfigChanged
from minikafka.net.turns import Turns
from minikafka.quorum.effects import HighWatermarkAdvanced
from minikafka.quorum.voters import static_voters
from minikafka.wire.fetch import FetchPartitionResponse, FetchResponse, FetchTopicResponse
from minikafka.wire.shapes import build_response
from minikafka.wire.versions import ApiKey
from tests.support.broker_stub import CLUSTER_ID

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

VOTERS = (1,)


class Host:
    """A broker around one driver; `published` is each image it was given."""

    def __init__(
        self,
        node_id: int = 1,
        storage: MemoryStorage | None = None,
        voters: tuple[int, ...] = VOTERS,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.node_id = node_id
        self.cluster_id = CLUSTER_ID
        self.config = BrokerConfig.parse(
            node_id, {"broker.session.timeout.ms": 40, "request.timeout.ms": 40}
        )
        self.seeds = Seeds("host")
        self.observer = None
        self.clock = LoopClock(loop.time, lambda: 1_000)
        self.purgatory = Purgatory(self.clock, loop)
        self.image_changed = Condition(self)
        self.published: list[MetadataImage] = []
        self.sent: list[tuple[int, int, int, Deferred[Any]]] = []
        self.turns = Turns(loop)
        self.lifecycle = SimpleNamespace(broker_epoch=-1)
        self.storage = storage or MemoryStorage()
        self.replicas = ReplicaManager(
            node_id,
            self.config,
            self.storage,
            self.clock,
            self.purgatory,
            on_role=lambda partition: None,
            on_isr_wanted=lambda partition: None,
        )
        self.directory_id = ZERO_ID
        self.driver = QuorumDriver(
            cast("Broker", self), static_voters(voters), self.storage, self._publish
        )
        self.driver.start()

    def note_led(self, partition: Partition) -> None:
        """Hear that the driver leads."""

    def _publish(self, image: MetadataImage, delta: object) -> None:
        self.published.append(image)
        self.image_changed.wake()

    def channel_to(self, target: int, purpose: str, timeout_ms: int) -> Any:
        """Return something that notes what it is to send, and never answers."""
        host = self

        class Silent:
            def request(self, api_key: int, version: int, request: Any) -> Deferred[Any]:
                answer: Deferred[Any] = Deferred()
                host.sent.append((target, api_key, timeout_ms, answer))
                return answer

        return Silent()

    @property
    def partition(self) -> Partition:
        """The metadata log as it is hosted here."""
        found = self.replicas.partition(METADATA_PARTITION)
        assert found is not None
        return found

    def close(self) -> None:
        """Stop it."""
        self.driver.close()
        self.purgatory.close()


def writing(value: str) -> Any:
    """Return a decision of one config record, whose answer is its value."""
    record = ConfigChanged(4, "", "log.retention.ms", value)
    return lambda controller, now_ms: Decision((record,), value)


async def test_sole_voter_leads_once_it_has_started() -> None:
    """It is the controller, and serves the log to who follows it."""
    host = Host()
    assert host.driver.controller is not None
    assert host.driver.leader_id == 1
    assert host.partition.leader is not None
    assert host.partition.internal
    host.close()
    assert host.driver.controller is None


async def test_decision_is_published_before_it_is_answered() -> None:
    """What the image says and what the controller decides upon are the same."""
    host = Host()
    assert await host.driver.decide(writing("1234")) == "1234"
    assert host.published[-1] is host.driver.image
    assert host.driver.image.configs[4, ""]["log.retention.ms"] == "1234"
    assert host.driver.controller is not None
    assert host.driver.controller.image.offset == host.driver.image.offset
    host.close()


async def test_decision_without_records_publishes_nothing() -> None:
    """A heartbeat that changes nothing costs no image."""
    host = Host()
    before = len(host.published)
    assert await host.driver.decide(lambda controller, now_ms: Decision((), 7)) == 7
    assert len(host.published) == before
    host.close()


async def test_refusal_of_a_decision_writes_nothing() -> None:
    """The error is the asker's, the log stays as it is."""
    host = Host()
    end = host.partition.log.log_end_offset

    def refuse(controller: object, now_ms: int) -> Decision[None]:
        raise KafkaError(ErrorCode.INVALID_REQUEST)

    with pytest.raises(KafkaError, match="INVALID_REQUEST"):
        await host.driver.decide(refuse)
    assert host.partition.log.log_end_offset == end
    host.close()


async def test_decision_that_is_not_committed_times_out() -> None:
    """It may still be carried out; the answer is REQUEST_TIMED_OUT and not success."""
    host = Host()
    host.driver._applied.apply_committed = lambda: None  # type: ignore[method-assign]
    with pytest.raises(KafkaError) as late:
        await host.driver.decide(writing("1"))
    assert late.value.code == ErrorCode.REQUEST_TIMED_OUT
    host.close()


def fetched(**fields: Any) -> FetchResponse:
    """Return the answer to a fetch of the metadata log."""
    told = FetchPartitionResponse(0, **fields)
    return FetchResponse(topics=[FetchTopicResponse(None, CLUSTER_METADATA_TOPIC_ID, [told])])


async def test_observer_asks_a_voter_who_leads_and_decides_nothing() -> None:
    """By an ordinary Fetch, which also says whom to ask instead."""
    host = Host(node_id=2)
    ((target, api_key, _, answer),) = host.sent
    assert (target, api_key) == (1, ApiKey.FETCH)
    assert (host.driver.leader_id, host.driver.controller) == (None, None)
    with pytest.raises(KafkaError) as refused:
        await host.driver.decide(writing("1"))
    assert refused.value.code == ErrorCode.NOT_CONTROLLER
    answer.set(fetched(error_code=ErrorCode.FENCED_LEADER_EPOCH, current_leader=(1, 4)))
    assert host.driver.leader_id == 1
    assert [sent[:2] for sent in host.sent[1:]] == [(1, ApiKey.FETCH)]
    host.close()


async def test_silent_controller_is_given_up_after_seconds() -> None:
    """By the raft client's timeout, and what a fetch may wait, but not replica.socket.timeout.ms."""
    host = Host(node_id=2)
    assert host.sent[0][2] == 500 + 2_000
    host.close()


async def test_answer_that_comes_after_the_leader_changed_does_not_count() -> None:
    """It was asked in another epoch (R17)."""
    voter, host = Host(), Host(node_id=2)
    await voter.driver.decide(writing("1"))
    late = host.sent[0][3]
    host.driver.hear_leader(1, 4)
    late.set(fetched(high_watermark=9, batches=list(voter.partition.log.batches())))
    assert host.partition.log.log_end_offset == 0
    voter.close()
    host.close()


async def test_deposed_controller_refuses_what_it_has_not_committed() -> None:
    """The next one may commit it all the same; who asked has to look."""
    host = Host(voters=(1, 2, 3))
    for epoch in (0, 1):
        asked = [sent for sent in host.sent if sent[:2] == (2, ApiKey.VOTE)]
        asked[-1][3].set(vote_granted(epoch))
    assert host.driver.controller is not None
    waiting = asyncio.ensure_future(host.driver.decide(writing("1")))
    await asyncio.sleep(0)
    host.driver.hear_leader(3, 9)
    with pytest.raises(KafkaError) as refused:
        await waiting
    assert refused.value.code == ErrorCode.NOT_CONTROLLER
    host.close()


def vote_granted(epoch: int) -> Any:
    """Return the response of a voter that grants."""
    shape = quorum_response(epoch, vote_granted=True)
    return build_response(ApiKey.VOTE, VOTE_VERSION, shape)


async def test_observer_applies_what_is_committed_and_no_more() -> None:
    """Records beyond the high watermark are in its log, and not in its image."""
    voter, observer = Host(), Host(node_id=2)
    await voter.driver.decide(writing("1"))
    committed = voter.partition.log.log_end_offset
    await voter.driver.decide(writing("2"))
    observer.partition.log.append_as_follower(list(voter.partition.log.batches()))
    observer.partition.log.advance_high_watermark(committed)
    observer.driver.carry([HighWatermarkAdvanced(committed)])
    assert observer.driver.image.configs[4, ""]["log.retention.ms"] == "1"
    assert observer.driver.image.offset == committed
    observer.driver.carry([HighWatermarkAdvanced(committed)])
    assert len(observer.published) == 1, "nothing new was committed"
    voter.close()
    observer.close()


async def test_controller_that_starts_again_knows_what_was_decided() -> None:
    """The log is replayed, in a new epoch of the quorum."""
    host = Host()
    await host.driver.decide(writing("1234"))
    epoch = host.partition.log.last_epoch
    host.close()
    again = Host(storage=host.storage)
    assert again.driver.image.configs[4, ""]["log.retention.ms"] == "1234"
    assert again.partition.log.last_epoch == epoch + 1
    again.close()


async def test_silent_broker_is_fenced_at_its_deadline() -> None:
    """By the controller's own timer: nobody has to ask."""
    host = Host()
    command = RegisterBroker(5, uuid.UUID(int=5), "host5", 9_005)
    epoch = (
        await host.driver.decide(lambda each, now_ms: each.register_broker(command, now_ms))
    ).broker_epoch
    beat = Heartbeat(5, epoch, epoch)
    await host.driver.decide(lambda each, now_ms: each.heartbeat(beat, now_ms))
    assert not host.driver.image.brokers[5].fenced
    fenced = host.purgatory.wait(
        lambda: host.driver.image.brokers[5].fenced,
        [host.image_changed],
        host.clock.monotonic_ms() + 5_000,
    )
    assert await settled(fenced)
    host.close()
