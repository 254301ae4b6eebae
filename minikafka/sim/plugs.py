"""Everything through which the outside gets into a run, stopped up while it lasts.

Clocks and chance of client code become the run's own: virtual time, draws from the seed. What
cannot be had from a seed (threads, real sockets, processes, a blocking sleep) raises `Leak`, and
so do clocks and chance in packages that have a seam for them (`forbidden`): there a use is a
bug, not a client's habit. The error names the line.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from minikafka.sim.errors import Leak

if TYPE_CHECKING:
    from minikafka.sim.loop import SimLoop

__all__ = ["Patches", "Plug", "plugged"]

Plug = Callable[["SimLoop", "Patches"], None]
"""Stops one leak: patches what must be patched for one run."""

# Modules through which a leak is reached: the line to name is above them.
_PASSED_THROUGH = (
    "asyncio", "concurrent", "contextlib", "datetime", "logging", "minikafka.sim", "multiprocessing",
    "random", "secrets", "selectors", "socket", "subprocess", "tempfile", "threading", "time", "uuid",
)  # fmt: skip


class Patches:
    """Attributes replaced for one run, and put back after it.

    Args:
        forbidden: packages that may not use clocks or chance but through their seams.

    Attributes:
        allowed: names of modules outside of them, as far as they have been looked at.
    """

    def __init__(self, loop: SimLoop, forbidden: Sequence[str]) -> None:
        self._loop = loop
        self._forbidden = tuple(f"{name}." for name in forbidden)
        self.allowed: set[str] = set()
        self._undo: list[Callable[[], None]] = []
        self._everywhere: dict[int, tuple[Any, Any, Sequence[str]]] = {}

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Replace an attribute; one that is not there stays away."""
        if hasattr(owner, name):
            old = getattr(owner, name)
            self._undo.append(lambda: setattr(owner, name, old))
            setattr(owner, name, value)

    def on_undo(self, action: Callable[[], None]) -> None:
        """Run `action` after the run."""
        self._undo.append(action)

    def everywhere(self, replacements: dict[Any, Any], *, but: Sequence[str] = ()) -> None:
        """Replace objects in every module that has them by any name, keyed by the object."""
        for old, new in replacements.items():
            self._everywhere[id(old)] = (old, new, but)

    def apply_everywhere(self) -> None:
        """Do what `everywhere` asked for, in one look at all modules."""
        asked = self._everywhere
        for module, name, key in _sites(asked):
            _, new, but = asked[key]
            if getattr(module, "__name__", "") not in but:
                self.set(module, name, new)

    def guard(self, what: str, frame: FrameType) -> None:
        """Raise `Leak` where the line that asked for `what` belongs to a forbidden package."""
        module = frame.f_globals.get("__name__", "")
        if module not in self.allowed:
            if f"{module}.".startswith(self._forbidden):
                self.refuse(what, frame)
            self.allowed.add(module)

    def guard_caller(self, what: str) -> None:
        """As `guard`, for the line above the standard library."""
        self.guard(what, _outside(sys._getframe(1)))

    def refuse(self, what: str, frame: FrameType | None = None) -> None:
        """Raise `Leak`, and end the run even where that is caught."""
        line = _outside(sys._getframe(1) if frame is None else frame)
        where = f"{line.f_code.co_filename}:{line.f_lineno}"
        leak = Leak(f"{what} inside a simulated run, at {where} in {line.f_code.co_qualname}")
        self._loop.fail(leak)
        raise leak

    def undo(self) -> None:
        """Put everything back, last first."""
        while self._undo:
            self._undo.pop()()


_found: dict[tuple[int, ...], list[tuple[Any, str, int]]] = {}


def _sites(asked: dict[int, tuple[Any, Any, Sequence[str]]]) -> list[tuple[Any, str, int]]:
    """Return where modules have the objects with these ids: (module, name, id).

    Remembered as long as no module comes or goes: a look at every name touches all of memory,
    which a forked process would have to copy.
    """
    state = (len(sys.modules), *asked)
    if state not in _found:
        _found.clear()
        _found[state] = [
            (module, name, id(value))
            for module in list(sys.modules.values())
            for name, value in list(getattr(module, "__dict__", {}).items())
            if id(value) in asked
        ]
    return _found[state]


def _outside(frame: FrameType) -> FrameType:
    """Return the nearest frame that is not the standard library's or ours."""
    found: FrameType | None = frame
    while found is not None:
        name = found.f_globals.get("__name__", "")
        if not name.startswith(_PASSED_THROUGH):
            return found
        found = found.f_back
    return frame


@contextlib.contextmanager
def plugged(
    loop: SimLoop, plugs: Sequence[Plug], forbidden: Sequence[str] = ()
) -> Iterator[None]:
    """Stop up all leaks for the length of the block."""
    patches = Patches(loop, forbidden)
    collects = gc.isenabled()
    gc.disable()
    try:
        for plug in plugs:
            plug(loop, patches)
        patches.apply_everywhere()
        # What there was before is none of the run's: neither freed in it nor looked through.
        gc.freeze()
        yield
    finally:
        patches.undo()
        gc.unfreeze()
        if collects:
            gc.enable()
