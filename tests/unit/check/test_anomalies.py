"""Each anomaly is found in a history it was planted in, and none in a clean one."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import pytest

from minikafka.check.anomalies import Rules, find_anomalies
from minikafka.check.history import History

STRICT = Rules()


def clean(seed: int = 1, count: int = 200) -> History:
    """Return what two producers and two consumers see of one sound log."""
    draws = Random(seed)
    history = History()
    log: list[tuple[int, bytes]] = []
    read = {"c0": 0, "c1": 0}
    for now, number in enumerate(range(count)):
        process = draws.choice(("p0", "p1"))
        value = f"{process}-{number}".encode()
        send = history.invoke_send(process, "t", 0, value, -1, now)
        fate = draws.random()
        if fate < 0.9:
            log.append((len(log), value))
            if fate < 0.85:
                history.ok(send, len(log) - 1, now)
            else:
                history.info(send, now)
        elif fate < 0.95:
            history.fail(send, now)
        else:
            history.info(send, now)
        reader = draws.choice(("c0", "c1"))
        fresh = log[read[reader] :]
        if fresh:
            read[reader] = len(log)
            history.polled(reader, "t", 0, fresh, now)
    history.final["t", 0] = list(log)
    return history


@pytest.mark.parametrize("seed", range(200))
def test_clean_history_has_no_anomaly(seed: int) -> None:
    """A sound log with failed, unknown and acknowledged sends raises nothing."""
    assert find_anomalies(clean(seed, 60), STRICT) == []


def _lose(history: History) -> None:
    lost = next(send for send in history.sends if send.outcome == "ok")
    final = history.final["t", 0]
    history.final["t", 0] = [(at, value) for at, value in final if value != lost.value]
    history.polls.clear()


def _replace(history: History) -> None:
    at, _ = history.final["t", 0][5]
    other = history.final["t", 0][6][1]
    history.final["t", 0][5] = (at, other)


def _repeat(history: History) -> None:
    final = history.final["t", 0]
    final.append((len(final), final[0][1]))


def _invent(history: History) -> None:
    final = history.final["t", 0]
    final.append((len(final), b"never sent"))


def _resurrect(history: History) -> None:
    failed = next(send for send in history.sends if send.outcome == "fail")
    final = history.final["t", 0]
    final.append((len(final), failed.value))


def _go_back(history: History) -> None:
    history.polled("c0", "t", 0, [history.final["t", 0][0]], 999)


def _skip(history: History) -> None:
    history.positioned("c9", "t", 0, 3, 999)
    history.polled("c9", "t", 0, [history.final["t", 0][3], history.final["t", 0][7]], 999)


def _swap(history: History) -> None:
    mine = [send for send in history.sends if send.process == "p0" and send.outcome == "ok"]
    one, second = mine[:2]
    assert one.offset is not None
    assert second.offset is not None
    final = dict(history.final["t", 0])
    final[one.offset], final[second.offset] = second.value, one.value
    history.final["t", 0] = sorted(final.items())
    one.offset = second.offset = None
    history.polls.clear()


PLANTS: dict[str, Callable[[History], None]] = {
    "lost-write": _lose,
    "inconsistent-offsets": _replace,
    "duplicate": _repeat,
    "unknown-value": _invent,
    "failed-read": _resurrect,
    "nonmonotonic-poll": _go_back,
    "poll-skip": _skip,
    "nonmonotonic-send": _swap,
}


@pytest.mark.parametrize("name", PLANTS)
@pytest.mark.parametrize("seed", range(20))
def test_planted_anomaly_is_found_under_its_name(name: str, seed: int) -> None:
    """What was planted is among what is found."""
    history = clean(seed)
    PLANTS[name](history)
    assert name in {anomaly.name for anomaly in find_anomalies(history, STRICT)}


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("duplicate", Rules(duplicates_allowed=True)),
        ("nonmonotonic-send", Rules(reorder_allowed=True)),
        ("lost-write", Rules(loss_allowed=True)),
    ],
)
def test_rules_allow_what_the_settings_do(name: str, rules: Rules) -> None:
    """Retries without idempotence repeat and reorder; a licensed loss is none."""
    history = clean()
    PLANTS[name](history)
    assert name not in {anomaly.name for anomaly in find_anomalies(history, rules)}


def test_loss_with_acks_1_is_no_anomaly() -> None:
    """Who asked only the leader was promised no more."""
    history = clean()
    for send in history.sends:
        send.acks = 1
    _lose(history)
    assert "lost-write" not in {anomaly.name for anomaly in find_anomalies(history, STRICT)}


def test_hundred_thousand_sends_are_judged_in_seconds() -> None:
    """Every pass is linear."""
    history = clean(count=100_000)
    began = time.perf_counter()
    assert find_anomalies(history, STRICT) == []
    assert time.perf_counter() - began < 10
