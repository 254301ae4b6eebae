"""What ends a simulated run other than its own result."""

from __future__ import annotations

__all__ = ["Deadlock", "Leak", "Livelock", "SimError", "TimeLimit", "Unsupported"]


class SimError(RuntimeError):
    """Base of all errors that the simulator itself raises."""


class Deadlock(SimError):
    """Nothing is scheduled any more, and the main coroutine still waits."""


class Livelock(SimError):
    """Callbacks keep running while the virtual clock stands still."""


class TimeLimit(SimError):
    """The run has used up its virtual time."""


class Leak(SimError):
    """Code inside the run reached for something that no seed controls; names the line."""


class Unsupported(SimError):
    """Asked of the event loop, but not simulated."""
