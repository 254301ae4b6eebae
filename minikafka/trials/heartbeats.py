"""The heartbeats of a trial's own member, of whichever protocol: when they are sent, what follows.

Counterpart: AbstractHeartbeatRequestManager of the Java client. KIP-848, KIP-932.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.cluster.connection import ConnectionLost
from minikafka.trials.coordinator_link import LOOK_ELSEWHERE, Backoff, CoordinatorLink
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["Heartbeats", "over"]

_GONE = (
    ErrorCode.FENCED_MEMBER_EPOCH,
    ErrorCode.UNKNOWN_MEMBER_ID,
    ErrorCode.GROUP_ID_NOT_FOUND,
)


class Heartbeats:
    """Sends heartbeats until that cannot go on.

    Args:
        shape: returns what is to be said; True for all of it, as after an error.
        hear: called with each answer that is no refusal.
        gone: called when the group does not know the member any more.
    """

    def __init__(
        self,
        link: CoordinatorLink,
        key: ApiKey,
        draws: Random,
        *,
        shape: Callable[[bool], Shape],
        hear: Callable[[Any], None],
        gone: Callable[[], None],
    ) -> None:
        self._link = link
        self._key = key
        self._draws = draws
        self._shape = shape
        self._hear = hear
        self._gone = gone
        self._due = asyncio.Event()

    def hurry(self) -> None:
        """Send the next one at once."""
        self._due.set()

    async def run(self) -> None:
        """Return when another one has the member's instance id."""
        backoff = Backoff(self._draws)
        tells_all = True
        while True:
            self._due.clear()
            try:
                answer = await self._link.ask(self._key, self._shape(tells_all))
                code = ErrorCode(answer.error_code)
            except (ConnectionLost, KafkaError):
                code = ErrorCode.COORDINATOR_NOT_AVAILABLE
            if code is ErrorCode.NONE:
                tells_all = False
                backoff.over()
                self._hear(answer)
                await self._until_due(answer.heartbeat_interval.total_seconds())
                continue
            if code is ErrorCode.FENCED_INSTANCE_ID:
                return
            tells_all = True
            if code in _GONE:
                self._gone()
            elif code in LOOK_ELSEWHERE:
                await self._link.forget()
            await backoff.wait()

    async def _until_due(self, interval_s: float) -> None:
        try:
            async with asyncio.timeout(interval_s):
                await self._due.wait()
        except TimeoutError:
            return


async def over(beating: asyncio.Task[None]) -> bool:
    """Wait until cancelled heartbeats are over; say whether they were before.

    Raises:
        Exception: what they have failed with.
    """
    try:
        await beating
    except asyncio.CancelledError:
        return False
    return True
