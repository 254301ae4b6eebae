"""Clocks of client code show virtual time: `time`, `datetime`, and who imported from them.

`datetime.datetime` is a type of C, whose methods cannot be replaced; a subclass takes its place
that passes `isinstance` for what the run did not make.
"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikafka.sim.hosts import NS

if TYPE_CHECKING:
    from minikafka.sim.loop import SimLoop
    from minikafka.sim.plugs import Patches

__all__ = ["plug_time"]

# They time real waits of the interpreter's own machinery, or how long a run really takes.
_KEPT = ("threading", "queue", "faulthandler", "timeit", "minikafka.sim.world", __name__)


def plug_time(loop: SimLoop, patches: Patches) -> None:
    """Make every clock of Python code virtual, and a blocking sleep an error."""

    def clock(name: str, read: Callable[[], Any]) -> Callable[[], Any]:
        what = f"time.{name}()"
        allowed, frame_of = patches.allowed, sys._getframe

        def now() -> Any:
            frame = frame_of(1)
            if frame.f_globals.get("__name__") not in allowed:
                patches.guard(what, frame)
            return read()

        return now

    readers: dict[str, Callable[[], Any]] = {
        "time": lambda: loop.wall_ns() / NS,
        "time_ns": loop.wall_ns,
        "monotonic": loop.time,
        "monotonic_ns": loop.monotonic_ns,
        "perf_counter": loop.time,
        "perf_counter_ns": loop.monotonic_ns,
        "process_time": loop.time,
        "process_time_ns": loop.monotonic_ns,
    }
    replacements: dict[Any, Any] = {
        getattr(time, name): clock(name, read) for name, read in readers.items()
    }
    replacements[time.sleep] = lambda _: patches.refuse("time.sleep() blocks the whole world")  # noqa: TID251 - here it is refused
    replacements |= _calendar(loop, patches)
    replacements[datetime.datetime], replacements[datetime.date] = _dates(loop, patches)
    patches.everywhere(replacements, but=_KEPT)


def _calendar(loop: SimLoop, patches: Patches) -> dict[Any, Any]:
    """Return functions of `time` that take "now" when they are given no time."""

    def with_now(real: Callable[[Any], Any]) -> Callable[..., Any]:
        def converted(seconds: float | None = None) -> Any:
            if seconds is None:
                patches.guard("the wall clock", sys._getframe(1))
                seconds = loop.wall_ns() / NS
            return real(seconds)

        return converted

    gmtime, localtime, ctime = map(with_now, (time.gmtime, time.localtime, time.ctime))
    real_strftime, real_asctime = time.strftime, time.asctime

    def strftime(format: str, t: Any = None) -> str:
        return real_strftime(format, localtime() if t is None else t)

    def asctime(t: Any = None) -> str:
        return real_asctime(localtime() if t is None else t)

    def clock_gettime(clock: int) -> float:
        return clock_gettime_ns(clock) / NS

    def clock_gettime_ns(clock: int) -> int:
        patches.guard("time.clock_gettime()", sys._getframe(1))
        return loop.wall_ns() if clock == time.CLOCK_REALTIME else loop.monotonic_ns()

    return {
        time.gmtime: gmtime,
        time.localtime: localtime,
        time.ctime: ctime,
        time.strftime: strftime,
        time.asctime: asctime,
        time.clock_gettime: clock_gettime,
        time.clock_gettime_ns: clock_gettime_ns,
    }


class _AlsoReal(type):
    """Lets values of the real type pass as instances of the one that took its place."""

    real: type

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.real)


def _dates(loop: SimLoop, patches: Patches) -> tuple[type, type]:
    """Return stand-ins for `datetime.datetime` and `datetime.date`."""

    class SimDatetime(datetime.datetime, metaclass=_AlsoReal):
        real = datetime.datetime

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            patches.guard("datetime.now()", sys._getframe(1))
            return cls.fromtimestamp(loop.wall_ns() / NS, tz)

        @classmethod
        def utcnow(cls) -> Any:
            patches.guard("datetime.utcnow()", sys._getframe(1))
            utc = cls.fromtimestamp(loop.wall_ns() / NS, datetime.UTC)
            return utc.replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            patches.guard("datetime.today()", sys._getframe(1))
            return cls.fromtimestamp(loop.wall_ns() / NS)

    class SimDate(datetime.date, metaclass=_AlsoReal):
        real = datetime.date

        @classmethod
        def today(cls) -> Any:
            patches.guard("date.today()", sys._getframe(1))
            return cls.fromtimestamp(loop.wall_ns() / NS)

    return SimDatetime, SimDate
