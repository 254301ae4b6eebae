"""Broker sessions."""

from __future__ import annotations

import uuid

from minikafka.metadata.liveness import Liveness, is_clean_shutdown
from minikafka.metadata.states import BrokerImage

_TIMEOUT_MS = 9_000


def test_session_lasts_up_to_and_including_its_timeout() -> None:
    """A broker is late only when it was silent for longer than the timeout."""
    liveness = Liveness(_TIMEOUT_MS)
    liveness.heartbeat(1, 100)
    assert (liveness.is_valid(1, 9_100), liveness.expired(9_100)) == (True, [])
    assert (liveness.is_valid(1, 9_101), liveness.expired(9_101)) == (False, [1])


def test_deadline_is_the_first_moment_at_which_someone_is_late() -> None:
    """Ticking at the deadline finds the broker that was silent longest."""
    liveness = Liveness(_TIMEOUT_MS)
    assert liveness.next_deadline_ms() is None
    liveness.heartbeat(1, 0)
    liveness.heartbeat(2, 50)
    liveness.heartbeat(1, 100)
    deadline_ms = liveness.next_deadline_ms()
    assert deadline_ms == 9_051
    assert (liveness.expired(deadline_ms - 1), liveness.expired(deadline_ms)) == ([], [2])


def test_longest_silent_broker_comes_first() -> None:
    """Brokers are given up in the order in which they fell silent."""
    liveness = Liveness(_TIMEOUT_MS)
    for now_ms, broker_id in ((0, 3), (1, 1), (1, 2)):
        liveness.heartbeat(broker_id, now_ms)
    assert liveness.expired(20_000) == [3, 1, 2]


def test_closed_session_is_forgotten() -> None:
    """A fenced broker does not expire again."""
    liveness = Liveness(_TIMEOUT_MS)
    liveness.heartbeat(1, 0)
    liveness.close(1)
    assert (1 in liveness, liveness.expired(20_000)) == (False, [])


def test_shutdown_waits_until_every_live_broker_knows() -> None:
    """Brokers that shut down themselves are not waited for; the first offset stands."""
    liveness = Liveness(_TIMEOUT_MS)
    for broker_id in (1, 2, 3):
        liveness.heartbeat(broker_id, 0, 10)
    liveness.begin_shutdown(1, 12)
    liveness.begin_shutdown(1, 99)
    liveness.begin_shutdown(3, 12)
    assert not liveness.may_shut_down(1)
    liveness.heartbeat(2, 1, 12)
    assert liveness.may_shut_down(1)


def test_only_the_epoch_of_the_last_registration_tells_of_a_clean_shutdown() -> None:
    """KIP-966: without one, or with an older one, the shutdown counts as unclean."""
    former = BrokerImage(1, 7, uuid.UUID(int=1), "h", 1, None, fenced=True)
    assert is_clean_shutdown(former, 7)
    assert not is_clean_shutdown(former, 6)
    assert not is_clean_shutdown(former, -1)
    assert not is_clean_shutdown(None, -1)
