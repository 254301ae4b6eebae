"""One run: a coroutine in virtual time, from a seed to an outcome."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
import time
import warnings
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from minikafka.sim.adapters import ADAPTERS
from minikafka.sim.hosts import Incarnation
from minikafka.sim.loop import SimLoop
from minikafka.sim.plug_chance import plug_chance
from minikafka.sim.plug_process import plug_process
from minikafka.sim.plug_time import plug_time
from minikafka.sim.plugs import Plug, plugged
from minikafka.sim.trace import TraceEvent

__all__ = ["PLUGS", "Outcome", "simulate"]

PLUGS: tuple[Plug, ...] = (plug_time, plug_chance, plug_process, *ADAPTERS)
_perf_counter = time.perf_counter  # noqa: TID251 - says how long a run took, outside of it


@dataclass
class Outcome:
    """What came of one run.

    Args:
        value: what the main coroutine returned; None where `error` is set.
        error: what it raised, or what ended the run.
        hash: 16 hex digits; equal for equal runs.
        virtual_s: virtual seconds the run lasted.
        wall_s: real seconds it took.
        steps: callbacks run.
        unhandled: exceptions that nobody retrieved: (host, message, exception).
        events: what happened, where it was kept.
    """

    seed: int | str
    value: Any = None
    error: BaseException | None = None
    hash: str = ""
    virtual_s: float = 0.0
    wall_s: float = 0.0
    steps: int = 0
    unhandled: list[tuple[str, str, BaseException | None]] = field(default_factory=list)
    events: list[TraceEvent] | None = None


def simulate(
    main: Callable[[], Coroutine[Any, Any, Any]],
    *,
    seed: int | str,
    keep_trace: bool = False,
    time_limit_s: float | None = None,
    forbidden: Sequence[str] = (),
    plugs: Sequence[Plug] = PLUGS,
) -> Outcome:
    """Run `main()` on a simulated loop; what it raises is in the outcome, not raised.

    Args:
        main: runs on the host `driver`; the loop is `asyncio.get_running_loop()`.
        forbidden: packages in which any use of clocks or chance is an error.
        plugs: leaks to stop; all of them unless a test opens one.
    """
    loop = SimLoop(seed, keep_trace=keep_trace, time_limit_s=time_limit_s)
    outcome = Outcome(seed)
    # Who has switched the collector off ends soon, and need not clean up.
    collects = gc.isenabled()
    began = _perf_counter()
    with plugged(loop, plugs, forbidden):
        try:
            outcome.value = loop.run_until_complete(main())
        except Exception as error:  # noqa: BLE001 - the outcome carries it
            outcome.error = error
        loop.trace.record(loop.now_ns, "end", str(loop.steps))
        outcome.hash = loop.trace.hexdigest()
        outcome.virtual_s = loop.time()
        outcome.wall_s = _perf_counter() - began
        outcome.steps = loop.steps
        outcome.unhandled = loop.unhandled
        outcome.events = loop.trace.events
        _tear_down(loop, collects=collects)
    return outcome


def _tear_down(loop: SimLoop, *, collects: bool) -> None:
    """End the simulated world: nothing of it may run afterwards, nor be heard of."""
    with _silence():
        loop.set_exception_handler(lambda *_: None)
        _end_all(loop.network.incarnations())
        loop.network.forget()
        loop.close()
        asyncio.set_event_loop(None)
        if collects:
            gc.collect()


def _end_all(incarnations: Sequence[Incarnation]) -> None:
    """Close what still runs, and keep nothing of it: the collection that follows is to find it."""
    for incarnation in incarnations:
        # A dead host's transports ignore what its closing coroutines write.
        incarnation.alive = False
        for task in list(incarnation.tasks.values()):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            if not task.done():
                with contextlib.suppress(BaseException):
                    task.get_coro().close()
        incarnation.tasks = {}
    # Only now: closing may have made something due elsewhere.
    for incarnation in incarnations:
        incarnation.runq.clear()


@contextlib.contextmanager
def _silence() -> Any:
    """Hush what coroutines say when they are closed in the middle."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        sys.unraisablehook = hook
