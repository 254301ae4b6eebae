"""When a broker was last heard of, and until when it is believed to be alive.

Not in any record: a new controller starts with fresh sessions (`open` for each broker of its
image). Knows nothing of what fencing does.
Counterpart: org.apache.kafka.controller.BrokerHeartbeatManager; KIP-631.
"""

from __future__ import annotations

from dataclasses import dataclass

from minikafka.base.ids import BrokerId
from minikafka.metadata.states import BrokerImage

__all__ = ["Liveness", "is_clean_shutdown"]


def is_clean_shutdown(former: BrokerImage | None, previous_broker_epoch: int) -> bool:
    """Say whether a broker that registers anew has lost nothing of its log.

    KIP-966: it sends the broker epoch in which it shut down in good order; unless that is the
    epoch of its last registration, the shutdown counts as unclean.
    """
    return former is not None and former.broker_epoch == previous_broker_epoch


@dataclass(slots=True)
class _Session:
    last_contact_ms: int
    # Last metadata offset the broker has applied, inclusive; -1 before its first heartbeat.
    metadata_offset: int = -1
    # Offset by which the others must know that it hands over; None unless shutting down.
    shutdown_offset: int | None = None


class Liveness:
    """The sessions of unfenced brokers.

    Args:
        session_timeout_ms: a broker silent for longer than this has lost its session.
    """

    __slots__ = ("_sessions", "_timeout_ms")

    def __init__(self, session_timeout_ms: int) -> None:
        self._timeout_ms = session_timeout_ms
        self._sessions: dict[BrokerId, _Session] = {}

    def __contains__(self, broker_id: BrokerId) -> bool:
        return broker_id in self._sessions

    def heartbeat(self, broker_id: BrokerId, now_ms: int, metadata_offset: int = -1) -> None:
        """Open the broker's session or prolong it to `now_ms` plus the timeout."""
        session = self._sessions.get(broker_id)
        if session is None:
            session = self._sessions[broker_id] = _Session(now_ms)
        session.last_contact_ms = now_ms
        session.metadata_offset = max(session.metadata_offset, metadata_offset)

    def close(self, broker_id: BrokerId) -> None:
        """Forget the broker, as when it is fenced."""
        self._sessions.pop(broker_id, None)

    def is_valid(self, broker_id: BrokerId, now_ms: int) -> bool:
        """True when the broker has a session that has not run out."""
        session = self._sessions.get(broker_id)
        return session is not None and now_ms - session.last_contact_ms <= self._timeout_ms

    def expired(self, now_ms: int) -> list[BrokerId]:
        """Return the brokers whose session has run out, the longest silent first."""
        late = [
            (session.last_contact_ms, broker_id)
            for broker_id, session in self._sessions.items()
            if now_ms - session.last_contact_ms > self._timeout_ms
        ]
        return [broker_id for _, broker_id in sorted(late)]

    def next_deadline_ms(self) -> int | None:
        """Return the first time at which a session has run out, None without sessions."""
        if not self._sessions:
            return None
        oldest = min(session.last_contact_ms for session in self._sessions.values())
        return oldest + self._timeout_ms + 1

    def begin_shutdown(self, broker_id: BrokerId, offset: int) -> None:
        """Note the metadata offset (inclusive) that hands the broker's leaderships over."""
        session = self._sessions[broker_id]
        if session.shutdown_offset is None:
            session.shutdown_offset = offset

    def may_shut_down(self, broker_id: BrokerId) -> bool:
        """True when every other live broker has applied the handing over."""
        session = self._sessions.get(broker_id)
        if session is None or session.shutdown_offset is None:
            return True
        return all(
            other.metadata_offset >= session.shutdown_offset
            for other in self._sessions.values()
            if other.shutdown_offset is None
        )
