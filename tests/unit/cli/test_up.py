"""What `minikafka up` does once it is up: the schemas of first requests, loaded aside."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from minikafka.cli import up
from minikafka.wire.versions import SERVED, ApiKey


async def test_schemas_are_loaded_one_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs some milliseconds, and requests may come in between."""
    steps: list[object] = []
    monkeypatch.setattr(up, "preload", steps.extend)
    loading = asyncio.ensure_future(up._preload())
    while not loading.done():
        await asyncio.sleep(0)
        steps.append("turn")
    loaded = [step for step in steps if step != "turn"]
    assert loaded == [(key, each) for key, of in up._FIRST_ASKED.items() for each in of]
    assert all("turn" in pair for pair in pairwise(steps))


def test_only_served_versions_are_loaded_ahead() -> None:
    """A version that is not served has no schema here; Produce and Fetch have codecs."""
    for key, versions in up._FIRST_ASKED.items():
        assert key not in (ApiKey.PRODUCE, ApiKey.FETCH)
        served = SERVED[key]
        assert all(served.min <= version <= served.max for version in versions)


@pytest.mark.parametrize(
    "key",
    [
        ApiKey.FIND_COORDINATOR,
        ApiKey.JOIN_GROUP,
        ApiKey.SYNC_GROUP,
        ApiKey.HEARTBEAT,
        ApiKey.OFFSET_FETCH,
        ApiKey.OFFSET_COMMIT,
    ],
)
def test_first_group_finds_its_schemas_loaded(key: ApiKey) -> None:
    """What a member asks one after the other until its first record, and to commit it."""
    assert up._FIRST_ASKED.get(key)
