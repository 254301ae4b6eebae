"""How own clients of a trial find the coordinator of a group or a transactional id, and when they try again.

Over the simulated network, on the member's host. Counterpart: CoordinatorRequestManager,
ExponentialBackoff of the Java client.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.cluster.connection import Connection, ConnectionLost
from minikafka.cluster.remote import check, parse_bootstrap_servers
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["LOOK_ELSEWHERE", "TIMEOUT_S", "Backoff", "CoordinatorLink"]

TIMEOUT_S = 3.0
"""How long an answer may take."""
LOOK_ELSEWHERE = (ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_NOT_AVAILABLE)
"""What says that another broker is to be asked who coordinates."""
_GROUP_KEY, _TRANSACTION_KEY = 0, 1
_LEAST_S, _MOST_S = 0.1, 1.0


class Backoff:
    """Waits longer each time it is needed, and never as long as others do."""

    def __init__(self, draws: Random) -> None:
        self._draws = draws
        self._failures = 0

    def over(self) -> None:
        """Begin with short waits again."""
        self._failures = 0

    async def wait(self) -> None:
        """Wait once more. Cancellation: safe."""
        wait_s = min(_MOST_S, _LEAST_S * 2**self._failures)
        self._failures += 1
        await asyncio.sleep(wait_s * self._draws.uniform(0.8, 1.2))


class CoordinatorLink:
    """A connection to whoever coordinates a key; looked for anew once it is forgotten.

    Args:
        key: a group, or a transactional id where `transactional`.
    """

    def __init__(
        self,
        bootstrap: str,
        key: str,
        client_id: str,
        draws: Random,
        *,
        transactional: bool = False,
    ) -> None:
        self._addresses = parse_bootstrap_servers(bootstrap)
        self._key = key
        self._key_type = _TRANSACTION_KEY if transactional else _GROUP_KEY
        self._client_id = client_id
        self._draws = draws
        self._connection: Connection | None = None
        self._looking = asyncio.Lock()

    async def ask(self, key: ApiKey, shape: Shape, highest: int | None = None) -> Any:
        """Return the coordinator's answer to one request; as `Connection.ask`.

        Raises:
            ConnectionLost: there was none; it is forgotten.
            KafkaError: there is no coordinator now, or it speaks no such API.
        """
        async with self._looking:
            if self._connection is None:
                self._connection = await self._find()
            connection = self._connection
        try:
            return await connection.ask(key, shape, highest)
        except ConnectionLost:
            await self.forget(connection)
            raise

    async def forget(self, lost: Connection | None = None) -> None:
        """Hang up, so that the next request looks for the coordinator.

        Args:
            lost: only this connection, where it is still the one; None for whichever it is.
        """
        known = self._connection
        if known is not None and lost in (None, known):
            self._connection = None
            await known.close()

    async def _find(self) -> Connection:
        host, port = self._addresses[self._draws.randrange(len(self._addresses))]
        anyone = await Connection.open(host, port, self._client_id, TIMEOUT_S)
        shape = {"key_type": self._key_type, "coordinator_keys": [self._key]}
        try:
            found = await anyone.ask(ApiKey.FIND_COORDINATOR, shape)
        finally:
            await anyone.close()
        [told] = found.coordinators
        check(told.error_code)
        if not told.host:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        return await Connection.open(told.host, told.port, self._client_id, TIMEOUT_S)
