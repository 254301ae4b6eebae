"""An asyncio event loop in virtual time, over simulated hosts.

The clock is an integer number of nanoseconds and moves only when nothing is left to run. Within
a host callbacks run first in, first out, as asyncio promises; whose turn it is between hosts is
drawn from the seed. Nothing reaches the operating system: no selector, no socket, no thread.

Rules of this file
    Only `_run_once` moves the clock.
    Everything that orders anything is a number of this loop, never an address or a hash.
"""

from __future__ import annotations

import contextvars
import gc
import math
import threading
from asyncio import base_events
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Any

from minikafka.sim.chance import Draws
from minikafka.sim.connecting import Connecting
from minikafka.sim.errors import Deadlock, Livelock, SimError, TimeLimit, Unsupported
from minikafka.sim.futures import SimFuture, SimTask
from minikafka.sim.handles import SimHandle
from minikafka.sim.hosts import HOST, NS, Incarnation
from minikafka.sim.network import SimNetwork
from minikafka.sim.no_system import NoSystem
from minikafka.sim.trace import Trace

__all__ = ["EPOCH_NS", "SimLoop"]

EPOCH_NS = 1_735_689_600 * NS
"""Virtual wall clock at the start of a run: 2025-01-01T00:00:00Z."""

TIMER_SLACK_NS = 1_000
"""How late each timer fires. A real loop is always a little late, and code like "if clock() - t0
< linger: call_later(linger - (clock() - t0))" (aiokafka's) spins for ever on one that is not."""

STEPS_PER_INSTANT_MAX = 200_000
COLLECT_EVERY_STEPS = 100_000
"""Long enough that most runs end before: what they leave goes with their process."""
DRIVER = "driver"


class SimLoop(Connecting, NoSystem, base_events.BaseEventLoop):
    """One run's event loop.

    Args:
        seed: decides the order between hosts and everything the network does.
        keep_trace: keep what happens, not only its hash.
        time_limit_s: virtual seconds after which the run ends with `TimeLimit`; None for none.

    Attributes:
        now_ns: virtual nanoseconds since the start.
        lag_ns: how far the clock of the running host is ahead of that: it has spent time.
        steps: callbacks run so far.
        current: the incarnation whose callback runs now.
        unhandled: what reached the loop's exception handler: (host, message, exception).
    """

    def __init__(
        self,
        seed: int | str,
        *,
        keep_trace: bool = False,
        time_limit_s: float | None = None,
    ) -> None:
        super().__init__()
        self.seed = seed
        self.now_ns = 0
        self.steps = 0
        self.unhandled: list[tuple[str, str, BaseException | None]] = []
        self.trace = Trace(keep=keep_trace)
        self._random = Draws(seed, "schedule").random
        self._numbers = self._sequence = 0
        self.lag_ns = 0
        # (time, number, handle, None), or (time, number, action of the world, its arguments).
        self._timers: list[tuple[int, int, Any, tuple[Any, ...] | None]] = []
        self._timers_cancelled = 0
        self._runnable: list[Incarnation] = []
        self._livelock_at = STEPS_PER_INSTANT_MAX
        self._collect_at = COLLECT_EVERY_STEPS
        self._time_limit_ns = None if time_limit_s is None else int(time_limit_s * NS)
        self._fatal: SimError | None = None
        # Something happened that may keep a host from running on: look at everything again.
        self._disturbed = False
        self._clock_resolution = 1e-9
        self.network = SimNetwork(self)
        self.current = self.driver = self.network.host(DRIVER).incarnation
        self.set_exception_handler(type(self)._note_unhandled)
        # Futures are the most made of all: no frame for that, nor for what each asks.
        self.create_future = partial(SimFuture, loop=self)
        self.get_debug = bool

    @property
    def here(self) -> Incarnation:
        """The incarnation that runs now, also within `Context.run`."""
        return HOST.get(self.current)

    # --- clock ---------------------------------------------------------------------------

    def time(self) -> float:
        """Return virtual seconds since the start, as the running host has them."""
        return (self.now_ns + self.lag_ns) / NS

    def monotonic_ns(self) -> int:
        """Return virtual nanoseconds since the start, as the running host has them."""
        return self.now_ns + self.lag_ns

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970 on the wall clock of the running host."""
        return EPOCH_NS + self.now_ns + self.lag_ns + self.here.host.skew_ns

    def spend(self, ns: int) -> None:
        """Let the running callback take `ns`: its host does nothing else meanwhile.

        What it sends from now on leaves that much later, and its clock has moved.
        """
        self.lag_ns += ns
        self.stall(self.current, self.now_ns + self.lag_ns)

    def stall(self, incarnation: Incarnation, until_ns: int) -> None:
        """Run nothing on an incarnation before `until_ns`; a time that has come ends a stall."""
        incarnation.stalled_until_ns = until_ns
        self._disturbed = True
        if until_ns > self.now_ns:
            self.at_ns(until_ns, self._unstall, incarnation)
        else:
            self._unstall(incarnation)

    def _unstall(self, incarnation: Incarnation) -> None:
        due = incarnation.stalled_until_ns <= self.now_ns
        if due and incarnation.runq and not incarnation.queued and incarnation.alive:
            incarnation.queued = True
            self._runnable.append(incarnation)

    # --- scheduling ------------------------------------------------------------------------

    def next_number(self) -> int:
        """Return a number that this loop never gave before."""
        self._numbers += 1
        return self._numbers

    def create_task(
        self,
        coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any],
        *,
        name: object = None,
        context: contextvars.Context | None = None,
        **_: object,
    ) -> Any:
        """Run a coroutine as a task of the incarnation that `context` names, else of ours."""
        self._check_closed()
        number = self.next_number()
        # asyncio's own names count over the whole process.
        label = f"task-{number}" if name is None else str(name)
        owner = self.here if context is None else context.get(HOST, self.current)
        if context is None:
            context = contextvars.copy_context()
            if context.get(HOST, None) is not owner:
                context.run(HOST.set, owner)
        task = SimTask(coro, loop=self, name=label, context=context)  # type: ignore[arg-type]
        owner.keep(number, task)
        return task

    def call_soon(
        self,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Any:
        """Run `callback` on the running host, or on that of `context`."""
        current = self.current
        owner = HOST.get(current) if context is None else context.get(HOST, current)
        handle = SimHandle(callback, args, self, context, owner)
        owner.runq.append(handle)
        if not owner.queued and owner.stalled_until_ns <= self.now_ns:
            owner.queued = True
            self._runnable.append(owner)
        return handle

    def call_soon_threadsafe(
        self,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Any:
        """As `call_soon`; there is one thread only."""
        if self._thread_id not in (None, threading.get_ident()):  # type: ignore[attr-defined]
            raise Unsupported("call_soon_threadsafe from a second thread")
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Any:
        """Run `callback` after `delay` virtual seconds, a little late."""
        when = (self.now_ns + self.lag_ns) / NS + delay
        return self.call_at(when, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Any:
        """Run `callback` at `when` on this loop's clock, a little late."""
        current = self.current
        owner = HOST.get(current) if context is None else context.get(HOST, current)
        handle = SimHandle(callback, args, self, context, owner, when)
        handle._scheduled = True
        at_ns = math.ceil(when * NS)
        if at_ns < self.now_ns:
            at_ns = self.now_ns
        self._sequence = sequence = self._sequence + 1
        heappush(self._timers, (at_ns + TIMER_SLACK_NS, sequence, handle, None))
        return handle

    def at_ns(self, at_ns: int, action: Callable[..., Any], *args: Any) -> None:
        """Run `action` at a time of the world: the network, a fault; on no host."""
        if at_ns < self.now_ns:
            at_ns = self.now_ns
        self._sequence = sequence = self._sequence + 1
        heappush(self._timers, (at_ns, sequence, action, args))

    def _timer_handle_cancelled(self, handle: Any) -> None:
        self._timers_cancelled += 1
        if self._timers_cancelled > 1000 and self._timers_cancelled * 2 > len(self._timers):
            self._timers_cancelled = 0
            # In place: whoever moves the clock may be looking at them.
            self._timers[:] = [
                entry
                for entry in self._timers
                if entry[3] is not None or not _dropped(entry[2])
            ]
            heapify(self._timers)

    def enqueue(self, handle: SimHandle) -> None:
        """Run a handle on its host; one that is never cancelled may be given again and again."""
        owner = handle.incarnation
        owner.runq.append(handle)
        if not owner.queued and owner.stalled_until_ns <= self.now_ns:
            owner.queued = True
            self._runnable.append(owner)

    # --- running ---------------------------------------------------------------------------

    def _run_once(self) -> None:
        """Run what is due and move the clock to what comes next, until something ends the run."""
        runnable, draw, driver = self._runnable, self._random, self.driver
        while not self._stopping and self._fatal is None:  # type: ignore[attr-defined]
            if not runnable:
                self._advance()
                continue
            count = len(runnable)
            index = int(draw() * count) if count > 1 else 0
            owner = runnable[index]
            runq = owner.runq
            if runq and owner.alive and owner.stalled_until_ns <= self.now_ns:
                self.current, self._disturbed = owner, False
                # As long as it is the only one there is nothing to draw.
                while runq and owner.alive:
                    handle = runq.popleft()
                    if not handle._cancelled:
                        self.steps += 1
                        try:
                            handle._context.run(handle._callback, *handle._args)
                        except BaseException as error:  # noqa: BLE001 - as asyncio's own do
                            self._on_raised(handle, error)
                        if self.steps >= self._collect_at:
                            self._look_around(handle)
                    if self._disturbed or len(runnable) > 1:
                        break
                self.current, self.lag_ns = driver, 0
                if runq:
                    continue
            owner.queued = False
            runnable[index] = runnable[-1]
            runnable.pop()
        self._raise_fatal()

    def _raise_fatal(self) -> None:
        fatal, self._fatal = self._fatal, None
        if fatal is not None:
            raise fatal

    def _on_raised(self, handle: SimHandle, error: BaseException) -> None:
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            raise error
        message = f"Exception in callback {handle!r}"
        self.call_exception_handler({"message": message, "exception": error})

    def _look_around(self, handle: SimHandle) -> None:
        """Do what is done once in many steps; raises Livelock where the clock stands still."""
        steps = self.steps
        if steps > self._livelock_at:
            raise Livelock(
                f"more than {STEPS_PER_INSTANT_MAX} callbacks at {self.time():.6f} s and the "
                f"clock stands still; the last was {handle!r}"
            )
        # The collector is off in a run: what it frees may run code (`__del__`).
        self._collect_at = steps + COLLECT_EVERY_STEPS
        gc.collect()

    def _advance(self) -> None:
        """Move the clock to what comes next, and make it due."""
        timers = self._timers
        at_ns = -1
        while timers and (at_ns < 0 or timers[0][0] <= at_ns):
            due_ns, _, item, args = heappop(timers)
            if args is None and (item._cancelled or not item.incarnation.alive):
                continue
            if at_ns < 0:
                at_ns = due_ns
                if self._time_limit_ns is not None and at_ns > self._time_limit_ns:
                    used_up = f"{self.time():.3f} virtual seconds used up"
                    raise TimeLimit(f"{used_up}:\n{self.pending()}")
                if at_ns > self.now_ns:
                    self.now_ns = at_ns
                    self._livelock_at = self.steps + STEPS_PER_INSTANT_MAX
            if args is not None:
                item(*args)
            else:
                item._scheduled = False
                self.enqueue(item)
        if at_ns < 0:
            raise Deadlock(
                f"nothing is scheduled at {self.time():.6f} s, and these wait:\n{self.pending()}"
            )

    def fail(self, error: SimError) -> None:
        """End the run with `error` before the next callback, whoever catches it meanwhile."""
        if self._fatal is None:
            self._fatal = error
        self._disturbed = True

    def stop(self) -> None:
        """End the run after the callback that runs now."""
        super().stop()
        self._disturbed = True

    def pending(self) -> str:
        """Return the tasks that have not ended, by host, one per line."""
        lines = []
        for host in self.network.hosts.values():
            for task in host.incarnation.pending_tasks():
                frames = task.get_stack(limit=1)
                where = "?"
                if frames:
                    code = frames[0].f_code
                    where = f"{code.co_filename.rsplit('/', 1)[-1]}:{frames[0].f_lineno}"
                lines.append(f"  {host.name} {task.get_name()} at {where}")
        return "\n".join(lines)

    def _note_unhandled(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        host = self.current.host.name
        self.unhandled.append((host, str(context.get("message")), error))
        self.trace.record(self.now_ns, "unhandled", f"{host} {type(error).__name__}")
        if isinstance(error, SimError):
            self.fail(error)

    def close(self) -> None:
        """Forget everything scheduled."""
        self._timers.clear()
        self._runnable.clear()
        super().close()


def _dropped(handle: SimHandle) -> bool:
    return handle._cancelled or not handle.incarnation.alive
