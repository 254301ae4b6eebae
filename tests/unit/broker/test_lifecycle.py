"""A broker's registration and heartbeats, sent to the real controller over a scripted way."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest

from minikafka.base.clock import LoopClock
from minikafka.base.deferred import Deferred
from minikafka.broker import lifecycle
from minikafka.broker.lifecycle import BrokerLifecycle
from minikafka.broker.purgatory import Condition, Purgatory
from minikafka.metadata.commands import RegisterBroker
from minikafka.net.channel import ChannelClosed
from minikafka.wire.versions import ApiKey
from tests.support.broker_stub import BrokerStub

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker
    from minikafka.net.channel import Channel

INCARNATION = uuid.UUID(int=77)
INTERVAL_MS = 10
NEWCOMER = 4


class Host(BrokerStub):
    """Broker 4, which nobody knows yet, and the way to the controller beside it.

    Attributes:
        sent: API key and request of each request, in order.
        refused: how many of the next requests are lost.
    """

    def __init__(self, **config: str | int) -> None:
        named = {key.replace("_", "."): value for key, value in config.items()}
        super().__init__(
            NEWCOMER, (1, 2, 3), {"broker.heartbeat.interval.ms": INTERVAL_MS, **named}
        )
        loop = asyncio.get_running_loop()
        self.clock = LoopClock(loop.time, lambda: 0)  # type: ignore[assignment]
        self.purgatory = Purgatory(self.clock, loop)
        self.image_changed = Condition(self)
        self.advertised = ("newcomer", 9_094)
        self.advertised_to_brokers: tuple[str, int] | None = None
        self.sent: list[tuple[int, Any]] = []
        self.refused = 0
        self.lifecycle = BrokerLifecycle(
            cast("Broker", self), INCARNATION, lambda: cast("Channel", self)
        )

    def on_registered(self) -> None:
        """Have nothing to publish to."""

    def request(self, api_key: int, version: int, request: Any) -> Deferred[Any]:
        """Answer as the controller does, or fail as a lost connection does."""
        self.sent.append((api_key, request))
        answer: Deferred[Any] = Deferred()

        async def run() -> None:
            if self.refused:
                self.refused -= 1
                answer.fail(ChannelClosed("cut"))
                return
            value = await self.answer(api_key, version, request, from_broker=True)
            self.image_changed.wake()
            answer.set(value)

        self.tasks.append(asyncio.get_running_loop().create_task(run()))
        return answer

    tasks: list[asyncio.Task[None]]

    def count(self, api_key: ApiKey) -> int:
        """Return how many requests of an API were sent."""
        return sum(key == api_key for key, _ in self.sent)


async def until(condition: Callable[[], bool]) -> None:
    """Return once the condition is true."""
    for _ in range(5_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    assert condition()


async def running(host: Host, *conditions: Callable[[], bool]) -> None:
    """Run the lifecycle until each condition has come true, one after the other."""
    host.tasks = []
    life = asyncio.create_task(host.lifecycle.run())
    try:
        for condition in conditions:
            await until(condition)
    finally:
        life.cancel()
        await asyncio.gather(life, *host.tasks, return_exceptions=True)
        host.close()


async def test_broker_registers_and_is_unfenced() -> None:
    """The controller learns address, rack and incarnation, and lets it in."""
    host = Host(broker_rack="r1")
    await running(host, lambda: host.lifecycle.is_unfenced)
    registered = host.image.brokers[NEWCOMER]
    assert (registered.host, registered.port, registered.rack) == ("newcomer", 9_094, "r1")
    assert registered.incarnation_id == INCARNATION
    assert host.lifecycle.broker_epoch == registered.broker_epoch


async def test_listener_for_brokers_is_registered_beside_that_for_clients() -> None:
    """Where there is one; images carry it, and clients' addresses are as they were."""
    host = Host()
    host.advertised_to_brokers = ("inside", 9_194)
    await running(host, lambda: host.lifecycle.is_unfenced)
    registered = host.image.brokers[NEWCOMER]
    assert (registered.host, registered.port) == ("newcomer", 9_094)
    assert (registered.broker_host, registered.broker_port) == ("inside", 9_194)


async def test_reason_of_a_refusal_is_kept() -> None:
    """For whoever waits for a broker that is not let in."""
    host = Host()
    host.refused = 1
    assert host.lifecycle.refusal == ""
    await running(host, lambda: host.lifecycle.is_unfenced)
    assert host.lifecycle.refusal == "cut"


async def test_unregistered_broker_is_not_unfenced_and_leaves_in_silence() -> None:
    """Without a registration there is nothing to take back."""
    host = Host()
    assert not host.lifecycle.is_unfenced
    await host.lifecycle.leave()
    assert (host.lifecycle.broker_epoch, host.sent) == (-1, [])
    host.close()


async def test_heartbeats_go_on_at_their_interval() -> None:
    """One registration, then one heartbeat after the other, no faster than the interval."""
    host = Host()
    loop = asyncio.get_running_loop()
    started = loop.time()
    await running(host, lambda: host.count(ApiKey.BROKER_HEARTBEAT) >= 5)
    assert host.count(ApiKey.BROKER_REGISTRATION) == 1
    assert loop.time() - started >= 3 * INTERVAL_MS / 1000


async def test_fenced_broker_is_let_in_again_by_its_next_heartbeat() -> None:
    """In the same registration."""
    host = Host()

    def fenced() -> bool:
        host.fence(NEWCOMER)
        return not host.lifecycle.is_unfenced

    await running(
        host, lambda: host.lifecycle.is_unfenced, fenced, lambda: host.lifecycle.is_unfenced
    )
    assert host.count(ApiKey.BROKER_REGISTRATION) == 1


async def test_lost_registration_is_made_anew_by_the_same_incarnation() -> None:
    """Where the controller knows another registration, heartbeats of the old one are stale."""
    host = Host()

    def replaced() -> bool:
        host.fence(NEWCOMER)
        other = RegisterBroker(NEWCOMER, uuid.UUID(int=1), "newcomer", 9_094)
        return host.commit(host.controller.register_broker(other, 0)).broker_epoch > 0

    def back() -> bool:
        return (
            host.lifecycle.is_unfenced
            and host.image.brokers[NEWCOMER].incarnation_id == INCARNATION
        )

    await running(host, lambda: host.lifecycle.is_unfenced, replaced, back)
    assert host.count(ApiKey.BROKER_REGISTRATION) >= 2


async def test_unreachable_controller_is_asked_until_it_answers() -> None:
    """A lost request is no end; a pause lies between two tries."""
    host = Host()
    host.refused = 3
    await running(host, lambda: host.lifecycle.is_unfenced)
    assert host.count(ApiKey.BROKER_REGISTRATION) == 4


async def test_leaving_asks_for_a_controlled_shutdown() -> None:
    """In the present registration; the controller fences a broker that leads nothing at once."""
    host = Host()
    await running(host, lambda: host.lifecycle.is_unfenced)
    host.tasks = []
    await host.lifecycle.leave()
    key, last = host.sent[-1]
    assert (key, last.want_shut_down) == (ApiKey.BROKER_HEARTBEAT, True)
    assert last.broker_epoch == host.lifecycle.broker_epoch
    assert host.image.brokers[NEWCOMER].fenced


async def test_leaving_unheard_is_asked_again() -> None:
    """A lost request is no leave to go."""
    host = Host()
    await running(host, lambda: host.lifecycle.is_unfenced)
    host.tasks = []
    host.refused = 2
    await host.lifecycle.leave()
    assert host.image.brokers[NEWCOMER].fenced


async def test_broker_that_leads_goes_when_the_others_know_their_part() -> None:
    """KIP-841: leaderships move first; the controller lets go when all live brokers know it."""
    host = Host()
    await running(host, lambda: host.lifecycle.is_unfenced)
    host.tasks = []
    await host.create("t", [[NEWCOMER, 1]])
    asked = host.count(ApiKey.BROKER_HEARTBEAT)
    leaving = asyncio.create_task(host.lifecycle.leave())
    await until(lambda: host.count(ApiKey.BROKER_HEARTBEAT) >= asked + 3)
    assert host.image.topics["t"].partitions[0].leader == 1
    assert host.image.brokers[NEWCOMER].in_controlled_shutdown
    assert not host.image.brokers[NEWCOMER].fenced
    assert not leaving.done()
    for broker_id in (1, 2, 3):
        host.heartbeat(broker_id, host.image.brokers[broker_id].broker_epoch)
    await leaving
    assert host.image.brokers[NEWCOMER].fenced
    assert host.image.topics["t"].partitions[0].isr == (1,)


async def test_nobody_waits_who_does_not_hand_over() -> None:
    """Where the config says so, the controller's leave is not waited for."""
    host = Host(controlled_shutdown_enable="false")
    await running(host, lambda: host.lifecycle.is_unfenced)
    host.tasks = []
    await host.create("t", [[NEWCOMER, 1]])
    before = host.count(ApiKey.BROKER_HEARTBEAT)
    await host.lifecycle.leave()
    assert host.count(ApiKey.BROKER_HEARTBEAT) == before


async def test_silent_controller_is_not_waited_for() -> None:
    """After a session without an answer whoever is controller fences this broker anyway."""
    host = Host(broker_session_timeout_ms=100)
    await running(host, lambda: host.lifecycle.is_unfenced)
    host.tasks = []
    host.refused = 1_000
    await host.lifecycle.leave()
    assert host.refused > 900


async def test_leaving_has_an_end_though_nobody_grants_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broker does not wait for ever for a controller that is gone."""
    monkeypatch.setattr(lifecycle, "CONTROLLED_SHUTDOWN_MS_MAX", 1)
    host = Host()
    await running(host, lambda: host.lifecycle.is_unfenced)
    host.tasks = []
    host.refused = 1_000
    await host.lifecycle.leave()
    assert not host.image.brokers[NEWCOMER].fenced


async def test_who_leaves_is_not_unfenced_by_a_heartbeat_of_its_own() -> None:
    """The loop of heartbeats ends with the wish to leave."""
    host = Host()
    host.tasks = []
    life = asyncio.create_task(host.lifecycle.run())
    await until(lambda: host.lifecycle.is_unfenced)
    await host.lifecycle.leave()
    await life
    assert host.image.brokers[NEWCOMER].fenced
    await asyncio.gather(*host.tasks)
    host.close()


@pytest.mark.parametrize("previous", [-1, 5])
async def test_registration_says_how_the_broker_shut_down(previous: int) -> None:
    """KIP-966: with the broker epoch of its last clean shutdown, -1 after any other."""
    host = Host()
    host.lifecycle = BrokerLifecycle(
        cast("Broker", host), INCARNATION, lambda: cast("Channel", host), previous
    )
    await running(host, lambda: host.lifecycle.is_unfenced)
    key, registration = host.sent[0]
    assert (key, registration.previous_broker_epoch) == (ApiKey.BROKER_REGISTRATION, previous)


async def test_another_registration_that_is_alive_is_not_this_ones() -> None:
    """Two brokers with one id: the one whose registration was replaced is out."""
    host = Host()
    await running(host, lambda: host.lifecycle.is_unfenced)
    host.fence(NEWCOMER)
    other = RegisterBroker(NEWCOMER, uuid.UUID(int=1), "newcomer", 9_094)
    registration = host.commit(host.controller.register_broker(other, 0))
    host.heartbeat(NEWCOMER, registration.broker_epoch)
    assert not host.image.brokers[NEWCOMER].fenced
    assert not host.lifecycle.is_unfenced
