"""A value that comes later, without an event loop.

`asyncio.Future` runs its callbacks one turn of the loop later and costs several microseconds;
on the produce and fetch path the answer has to leave in the turn in which its condition came
true. A `Deferred` calls its one listener at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from minikafka.base.errors import BrokerBug, KafkaError

__all__ = ["Deferred", "mapped"]

T = TypeVar("T")
U = TypeVar("U")


class Deferred(Generic[T]):
    """One value or one error, and at most one listener that hears of it.

    Setting it twice or adding a second listener is a bug of ours (`BrokerBug`).
    """

    __slots__ = ("_error", "_listener", "_value", "done")

    def __init__(self) -> None:
        self.done = False
        self._value: T | None = None
        self._error: BaseException | None = None
        self._listener: Callable[[Deferred[T]], None] | None = None

    def set(self, value: T) -> None:
        """Settle with `value` and call the listener before returning."""
        if self.done:
            raise BrokerBug("a deferred value is settled once")
        self.done = True
        self._value = value
        if self._listener is not None:
            self._listener(self)

    def fail(self, error: BaseException) -> None:
        """Settle with `error`, which `result` will raise."""
        if self.done:
            raise BrokerBug("a deferred value is settled once")
        self.done = True
        self._error = error
        if self._listener is not None:
            self._listener(self)

    def on_done(self, listener: Callable[[Deferred[T]], None]) -> None:
        """Call `listener` once this is settled; at once where it already is."""
        if self._listener is not None:
            raise BrokerBug("a deferred value has one listener")
        self._listener = listener
        if self.done:
            listener(self)

    def result(self) -> T:
        """Return the value, or raise the error it was settled with."""
        if not self.done:
            raise BrokerBug("the value is not there yet")
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # set together with `done`


def mapped(
    deferred: Deferred[T],
    convert: Callable[[T], U],
    refused: Callable[[KafkaError], U] | None = None,
) -> Deferred[U]:
    """Return a value that comes when `deferred` does: what `convert` makes of it.

    An error is passed on, but a KafkaError to `refused` where that is given.
    """
    later: Deferred[U] = Deferred()

    def settle(done: Deferred[T]) -> None:
        try:
            value = convert(done.result())
        except BaseException as error:  # noqa: BLE001 - handed on to who waits
            if refused is None or not isinstance(error, KafkaError):
                later.fail(error)
                return
            value = refused(error)
        later.set(value)

    deferred.on_done(settle)
    return later
