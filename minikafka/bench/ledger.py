"""What the load's client did and when: a history to judge, and times to measure by.

Clients call back from threads of their own; the ledger may be written to from any.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from minikafka.check.history import History, Send

__all__ = ["Ledger", "Timed"]

PRODUCER = "producer"


@dataclass(slots=True)
class Timed:
    """One send: when it began and, once acknowledged, when it was; seconds since the start."""

    send: Send
    began_s: float
    acked_s: float | None = None


@dataclass(slots=True)
class Ledger:
    """All sends of one run to one partition.

    Attributes:
        acknowledged: in the order in which they were.
    """

    topic: str
    partition: int
    acks: int
    history: History = field(default_factory=History)
    sends: list[Timed] = field(default_factory=list)
    acknowledged: list[Timed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _zero_s: float = field(default_factory=time.monotonic)

    def now_s(self) -> float:
        """Return seconds since the ledger was opened."""
        return time.monotonic() - self._zero_s

    def resumed_s(self, since_s: float) -> float | None:
        """Return when a record that was sent after `since_s` was first acknowledged."""
        later = (each.acked_s for each in self.acknowledged if each.began_s > since_s)
        return next(later, None)

    def begin(self) -> Timed:
        """Note that the next record is sent; its value is unique."""
        with self._lock:
            began_s = self.now_s()
            value = b"%d" % len(self.sends)
            send = self.history.invoke_send(
                PRODUCER, self.topic, self.partition, value, self.acks, int(began_s * 1000)
            )
            timed = Timed(send, began_s)
            self.sends.append(timed)
            return timed

    def acked(self, timed: Timed, offset: int | None) -> None:
        """Note that the client calls it delivered; with acks=0 it says no offset."""
        with self._lock:
            timed.acked_s = self.now_s()
            known = offset if offset is not None and offset >= 0 else None
            self.history.ok(timed.send, known, int(timed.acked_s * 1000))
            self.acknowledged.append(timed)

    def unknown(self, timed: Timed) -> None:
        """Note that nobody can say whether it was written."""
        with self._lock:
            self.history.info(timed.send, int(self.now_s() * 1000))
