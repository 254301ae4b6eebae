"""The voters of a cluster's metadata quorum change, by Kafka's own requests.

Any broker is asked; brokers forward to the controller. Kafka counterpart:
org.apache.kafka.clients.admin.Admin, addRaftVoter and removeRaftVoter. KIP-853.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.cluster.client import call
from minikafka.cluster.hosting import Hosting
from minikafka.cluster.observe import ClusterView
from minikafka.quorum.voters import Voter, VoterSet
from minikafka.wire.shapes import Shape, build_request
from minikafka.wire.versions import ApiKey

__all__ = ["VotingCluster", "first_voters"]

_VERSION = 0
_TIMEOUT_MS = 30_000


def first_voters(hosting: Hosting, brokers: Sequence[int]) -> VoterSet:
    """Return the voters with which a quorum of these brokers begins, each with the disk it has."""
    # DIVERGENCE(quorum-voters): Kafka's nodes find them in the snapshot of a formatted disk.
    return VoterSet(Voter(broker, hosting.directory_id(broker)) for broker in brokers)


class VotingCluster:
    """What a cluster in this process can have changed of its quorum; `AsyncCluster` is one."""

    # The cluster's own.
    _view: ClusterView
    _hosting: Hosting | None
    _voters: VoterSet

    @property
    def voters(self) -> tuple[int, ...]:
        """Ids of the brokers that vote in the metadata quorum, as the newest broker knows."""
        return self.voter_set.ids

    @property
    def first_voters(self) -> tuple[int, ...]:
        """Ids of the voters with which the quorum began."""
        return self._voters.ids

    @property
    def voter_set(self) -> VoterSet:
        """The voters with their disks, as the newest broker knows; committed or not."""
        nodes = self._view.nodes
        machines = [nodes[broker].broker.quorum.machine for broker in sorted(nodes)]
        if not machines:
            return self._voters
        return max(machines, key=lambda each: each.high_watermark).voter_set

    async def add_voter(self, broker: int) -> None:
        """A broker that is up has a vote, with the disk it has now.

        Raises:
            KafkaError: DUPLICATE_VOTER for a broker that has one, or had one with another disk
                that is still counted; REQUEST_TIMED_OUT while another change is under way.
        """
        if self._hosting is None or broker not in self._view.nodes:
            raise RuntimeError(f"broker {broker} is not up")
        node = self._view.nodes[broker]
        host, _, port = node.address.rpartition(":")
        shape = {
            "cluster_id": node.broker.cluster_id,
            "timeout": _TIMEOUT_MS,
            "voter_id": broker,
            "voter_directory_id": node.broker.directory_id,
            "listeners": [{"name": "CONTROLLER", "host": host, "port": int(port)}],
        }
        await self._ask(ApiKey.ADD_RAFT_VOTER, shape)

    async def remove_voter(self, broker: int) -> None:
        """A broker, up or not, has no vote any more; the leader resigns if it is that.

        Raises:
            KafkaError: VOTER_NOT_FOUND; INVALID_REQUEST for the last voter; REQUEST_TIMED_OUT
                while another change is under way.
        """
        voter = self.voter_set.get(broker) or Voter(broker)
        shape = {"voter_id": broker, "voter_directory_id": voter.directory_id}
        await self._ask(ApiKey.REMOVE_RAFT_VOTER, shape)

    async def _ask(self, key: ApiKey, shape: Shape) -> None:
        nodes = self._view.nodes
        if not nodes:
            raise KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, "no broker is running")
        request = build_request(key, _VERSION, shape)
        answer: Any = await call(self._view, min(nodes), key, _VERSION, request)
        if answer.error_code != ErrorCode.NONE:
            raise KafkaError(ErrorCode(int(answer.error_code)), answer.error_message)
