"""Carries the messages of a quorum machine to other voters, and their answers back to it.

One channel per voter, apart from what the broker says there otherwise: a Fetch that waits must
not hold up a vote. Counterpart: org.apache.kafka.raft.KafkaNetworkChannel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikafka.base.deferred import Deferred
from minikafka.base.errors import KafkaError
from minikafka.base.ids import BrokerId
from minikafka.broker import quorum_messages as messages
from minikafka.broker.purgatory import Condition
from minikafka.net.channel import Channel, ChannelClosed
from minikafka.quorum.effects import Effect, SendBeginEpoch, SendEndEpoch, SendVote
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.voters import Voter
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["QuorumSender"]


class QuorumSender:
    """Sends what the machine wants sent.

    Args:
        carry: called with the effects of what came back.

    Attributes:
        answered: wakes when something that was told has its answer, or will have none.
    """

    def __init__(
        self, broker: Broker, machine: QuorumMachine, carry: Callable[[list[Effect]], None]
    ) -> None:
        self._broker = broker
        self._machine = machine
        self._carry = carry
        self._under_way = 0
        self.answered = Condition(self)

    def send(self, effect: SendVote | SendBeginEpoch | SendEndEpoch) -> None:
        """Send one message; without an answer in controller.quorum.request.timeout.ms it failed."""
        cluster_id, own_id = self._broker.cluster_id, self._broker.node_id
        voter = self._voter(effect.target)
        if isinstance(effect, SendVote):
            request = messages.vote_request(cluster_id, voter, effect.request)
            answer = self._channel(effect.target).request(
                ApiKey.VOTE, messages.VOTE_VERSION, request
            )
            answer.on_done(lambda done: self._on_vote(effect, done))
            return
        if isinstance(effect, SendBeginEpoch):
            request = messages.begin_epoch_request(cluster_id, voter, own_id, effect.epoch)
            key, version = ApiKey.BEGIN_QUORUM_EPOCH, messages.BEGIN_EPOCH_VERSION
        else:
            preferred = [self._voter(each) for each in effect.preferred]
            request = messages.end_epoch_request(cluster_id, own_id, effect.epoch, preferred)
            key, version = ApiKey.END_QUORUM_EPOCH, messages.END_EPOCH_VERSION
        self._under_way += 1
        self._channel(effect.target).request(key, version, request).on_done(self._on_told)

    @property
    def idle(self) -> bool:
        """True when nothing that was told is still without its answer."""
        return not self._under_way

    def _voter(self, voter_id: BrokerId) -> Voter:
        return self._machine.voter_set.get(voter_id) or Voter(voter_id)

    def _channel(self, target: BrokerId) -> Channel:
        timeout_ms = self._broker.config.controller_quorum_request_timeout_ms
        return self._broker.channel_to(target, "quorum", timeout_ms)

    def _on_vote(self, effect: SendVote, done: Deferred[Any]) -> None:
        machine, clock = self._machine, self._broker.clock
        try:
            answer = messages.vote_answer(done.result())
        except (ChannelClosed, KafkaError):
            machine.on_vote_unanswered(effect.target, effect.request, clock.monotonic_ms())
            self._carry([])
            return
        self._carry(
            machine.on_vote_answer(
                effect.target, effect.request, answer, clock.monotonic_ms(), clock.wall_ms()
            )
        )

    def _on_told(self, done: Deferred[Any]) -> None:
        """Hear of a later epoch, if there is one; the machine reminds by itself."""
        self._under_way -= 1
        self.answered.wake()
        try:
            leader_id, epoch = messages.leader_told(done.result())
        except (ChannelClosed, KafkaError):
            leader_id, epoch = -1, -1
        now_ms = self._broker.clock.monotonic_ms()
        self._carry(self._machine.on_leader(leader_id, epoch, now_ms))
