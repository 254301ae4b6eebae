"""Share sessions: what a member of a share group reads from this broker.

Unlike a fetch session it belongs to a member, not to who knows its number. When it ends, what the
member holds goes back. Counterpart: ShareSession, ShareSessionCache. KIP-932.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId
from minikafka.broker.fetch_sessions import FINAL_EPOCH, INITIAL_EPOCH, next_epoch

__all__ = ["FINAL_EPOCH", "INITIAL_EPOCH", "SessionKey", "ShareSession", "ShareSessions"]

Place = tuple[TopicId, int]
"""A partition of a topic."""


class SessionKey(NamedTuple):
    """Whose session it is."""

    group_id: str
    member_id: str


class ShareSession:
    """What one member reads.

    Attributes:
        epoch: the session epoch expected next.
        places: what it reads, those that had records last at the end; True for one that has to
            be told of, news or not.
    """

    def __init__(self, key: SessionKey, places: Iterable[Place]) -> None:
        self.key = key
        self.epoch = next_epoch(INITIAL_EPOCH)
        self.places = dict.fromkeys(places, False)

    def go_on(self, added: Iterable[Place], forgotten: Iterable[Place]) -> None:
        """Take over what the next request says."""
        for place in added:
            self.places.setdefault(place, True)
        for place in forgotten:
            self.places.pop(place, None)

    def must_tell(self, place: Place, *, has_records: bool, has_error: bool) -> bool:
        """Say whether an answer names a partition; remember what is owed."""
        owed = self.places.get(place, False)
        if place in self.places:
            if has_records:
                # Behind the others, who had nothing.
                del self.places[place]
            self.places[place] = has_error
        return owed or has_records or has_error


class ShareSessions:
    """All share sessions of one broker.

    Args:
        most: group.share.max.share.sessions.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._sessions: dict[SessionKey, ShareSession] = {}
        self._connections: dict[int, dict[SessionKey, None]] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(
        self, key: SessionKey, places: Iterable[Place], connection_id: int
    ) -> ShareSession:
        """Return a new session, in place of the one that the member had.

        Args:
            connection_id: of the connection on which it begins; 0 for an in-process call.

        Raises:
            KafkaError: SHARE_SESSION_LIMIT_REACHED.
        """
        self._sessions.pop(key, None)
        if len(self._sessions) >= self._most:
            raise KafkaError(
                ErrorCode.SHARE_SESSION_LIMIT_REACHED,
                "The limit of share sessions has been reached.",
            )
        session = self._sessions[key] = ShareSession(key, places)
        self._connections.setdefault(connection_id, {})[key] = None
        return session

    def find(self, key: SessionKey, epoch: int) -> ShareSession:
        """Return a session whose next request this is.

        Raises:
            KafkaError: SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH.
        """
        session = self._sessions.get(key)
        if session is None:
            raise KafkaError(
                ErrorCode.SHARE_SESSION_NOT_FOUND, "The share session was not found."
            )
        if epoch == FINAL_EPOCH:
            return session
        if session.epoch != epoch:
            raise KafkaError(
                ErrorCode.INVALID_SHARE_SESSION_EPOCH, "The share session epoch is invalid."
            )
        session.epoch = next_epoch(session.epoch)
        return session

    def remove(self, key: SessionKey) -> ShareSession | None:
        """Forget a session; return it, or None where there is none."""
        return self._sessions.pop(key, None)

    def disconnected(self, connection_id: int) -> tuple[SessionKey, ...]:
        """Return whose sessions began on a connection that is gone, also those that ended."""
        return tuple(self._connections.pop(connection_id, ()))

    def has_group(self, group_id: str) -> bool:
        """Say whether a member of a group has a session."""
        return any(key.group_id == group_id for key in self._sessions)
