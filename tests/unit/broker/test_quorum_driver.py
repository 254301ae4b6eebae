"""The metadata log on a broker: decided, committed, applied, published, in that order."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, cast

import pytest

from minikafka.base.clock import LoopClock
from minikafka.base.config import BrokerConfig
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import METADATA_PARTITION
from minikafka.base.seeds import Seeds
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import Condition, Purgatory, settled
from minikafka.broker.quorum_driver import QuorumDriver
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.log.storage import MemoryStorage
from minikafka.metadata.commands import Decision, Heartbeat, RegisterBroker
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import ConfigChanged
from tests.support.broker_stub import CLUSTER_ID

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

VOTERS = (1,)


class Host:
    """A broker around one driver; `published` is each image it was given."""

    def __init__(self, node_id: int = 1, storage: MemoryStorage | None = None) -> None:
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
        self.followed: list[tuple[int, Partition]] = []
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
        self.driver = QuorumDriver(cast("Broker", self), VOTERS, self.storage, self._publish)
        self.driver.start()

    def note_led(self, partition: Partition) -> None:
        """Hear that the driver leads."""

    def _publish(self, image: MetadataImage, delta: object) -> None:
        self.published.append(image)
        self.image_changed.wake()

    def make_fetcher(self, leader_id: int, timeout_ms: int) -> Any:
        """Return something that notes whom it is to follow for what."""
        host = self
        self.fetch_timeout_ms = timeout_ms

        class Fetcher:
            def add(self, partition: Partition) -> None:
                host.followed.append((leader_id, partition))

            def close(self) -> None:
                host.followed.clear()

        return Fetcher()

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
    host.driver.apply_committed = lambda: None  # type: ignore[method-assign]
    with pytest.raises(KafkaError) as late:
        await host.driver.decide(writing("1"))
    assert late.value.code == ErrorCode.REQUEST_TIMED_OUT
    host.close()


async def test_observer_follows_the_voter_and_decides_nothing() -> None:
    """By the fetcher that any follower uses."""
    host = Host(node_id=2)
    assert host.followed == [(1, host.partition)]
    assert (host.driver.leader_id, host.driver.controller) == (1, None)
    with pytest.raises(KafkaError) as refused:
        await host.driver.decide(writing("1"))
    assert refused.value.code == ErrorCode.NOT_CONTROLLER
    host.close()
    assert host.followed == []


async def test_silent_controller_is_given_up_after_seconds() -> None:
    """By the raft client's timeout, and what a fetch may wait, but not replica.socket.timeout.ms."""
    host = Host(node_id=2)
    assert host.fetch_timeout_ms == 500 + 2_000
    host.close()


async def test_observer_applies_what_is_committed_and_no_more() -> None:
    """Records beyond the high watermark are in its log, and not in its image."""
    voter, observer = Host(), Host(node_id=2)
    await voter.driver.decide(writing("1"))
    committed = voter.partition.log.log_end_offset
    await voter.driver.decide(writing("2"))
    observer.partition.log.append_as_follower(list(voter.partition.log.batches()))
    observer.partition.log.advance_high_watermark(committed)
    observer.driver.apply_committed()
    assert observer.driver.image.configs[4, ""]["log.retention.ms"] == "1"
    assert observer.driver.image.offset == committed
    observer.driver.apply_committed()
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
