"""A storage that has failed once takes nothing more."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.log.fail_stop import FailStopStorage
from minikafka.log.storage import MemoryStorage

CALLS: dict[str, Callable[[Any], Any]] = {
    "append": lambda storage: storage.append("d/f", b"x"),
    "read": lambda storage: storage.read("d/f", 0, 1),
    "size": lambda storage: storage.size("d/f"),
    "fsync": lambda storage: storage.fsync("d/f"),
    "truncate": lambda storage: storage.truncate("d/f", 1),
    "rename": lambda storage: storage.rename("d/f", "d/g"),
    "list": lambda storage: storage.list("d/"),
    "delete": lambda storage: storage.delete("d/f"),
}


class Failing:
    """Fails at everything."""

    def __getattr__(self, name: str) -> Any:
        def fail(*_: Any) -> None:
            raise OSError(errno.EIO, f"{name} failed")

        return fail


def test_sound_storage_is_passed_through() -> None:
    """Until something fails it is as if there were nothing between."""
    memory = MemoryStorage()
    failures: list[OSError] = []
    storage = FailStopStorage(memory, failures.append)
    assert storage.append("d/f", b"xyz") == 0
    storage.fsync("d/f")
    storage.truncate("d/f", 2)
    assert b"".join(storage.read("d/f", 0, 9)) == b"xy"
    storage.rename("d/f", "d/g")
    assert storage.list("d/") == memory.list("d/") == ["d/g"]
    assert storage.size("d/g") == 2
    storage.delete("d/g")
    assert memory.list("d/") == []
    assert failures == []


@pytest.mark.parametrize("name", CALLS)
def test_first_failure_is_reported_and_everything_after_it_refused(name: str) -> None:
    """Nothing may be written behind what was perhaps lost (KAFKA-10778)."""
    failures: list[OSError] = []
    storage = FailStopStorage(Failing(), failures.append)
    for call in (CALLS[name], *CALLS.values()):
        with pytest.raises(KafkaError) as caught:
            call(storage)
        assert caught.value.code == ErrorCode.KAFKA_STORAGE_ERROR
    assert [str(error) for error in failures] == [f"[Errno 5] {name} failed"]
