"""x"""
from __future__ import annotations
from collections.abc import Sequence
from minikafka.sim.trace import TraceEvent
__all__ = ["timeline"]


def timeline(events: Sequence[TraceEvent], *, last: int = 80) -> str:
    """Stub."""
    return "\n".join(map(str, events[-last:]))
