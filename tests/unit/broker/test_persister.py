"""How often share coordinators are asked."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.persister import Persister
from minikafka.shares.records import ShareKey

KEY = ShareKey("g", UUID(int=7), 0)


class Refused(Persister):
    """One whose coordinator is always another."""

    def __init__(self) -> None:
        super().__init__(cast("Any", None))
        self.attempts = 0

    async def _ask_once(self, *arguments: Any) -> Any:
        self.attempts += 1
        raise KafkaError(ErrorCode.NOT_COORDINATOR)

    async def _pause(self, pause_ms: int) -> None:
        """Go on at once."""


@pytest.mark.parametrize(("wanted_for", "attempts"), [(0, 1), (2, 3), (99, 5)])
async def test_what_nobody_wants_is_not_tried_again(wanted_for: int, attempts: int) -> None:
    """A leader that is none any more would write what is old by the time it comes."""
    persister = Refused()
    with pytest.raises(KafkaError):
        await persister.write(KEY, 1, 0, 0, (), lambda: persister.attempts <= wanted_for)
    assert persister.attempts == attempts
