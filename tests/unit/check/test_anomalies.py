"""Each anomaly is found in a history it was planted in, and none in a clean one."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from minikafka.check.anomalies import FOUND_MAX, Rules, find_anomalies
from minikafka.check.history import History, Send

STRICT = Rules()
PARTITIONS = 2


class World:
    """One sound log per partition, and clients whose steps are interleaved by chance."""

    def __init__(self, seed: int) -> None:
        self.draws = Random(seed)
        self.history = History()
        self.logs: list[list[tuple[int, bytes]]] = [[] for _ in range(PARTITIONS)]
        self.pending: list[tuple[Send, int, int | None]] = []
        self.read: dict[tuple[str, int], int] = {}
        self.now = 0

    def step(self) -> None:
        """Let one client do one thing."""
        self.now += self.draws.randrange(3)
        draw = self.draws.random()
        if draw < 0.45:
            self._send()
        elif draw < 0.85 and self.pending:
            self._complete()
        elif draw < 0.97:
            self._poll(self.draws.choice(("c0", "c1")), self.draws.randrange(PARTITIONS))
        else:
            self._seek(self.draws.choice(("c0", "c1")), self.draws.randrange(PARTITIONS))

    def _send(self) -> None:
        """Send; the record is in the log at once, and what comes of it known later."""
        draws = self.draws
        process, partition = draws.choice(("p0", "p1")), draws.randrange(PARTITIONS)
        value = f"{process}-{self.history.count}".encode()
        told = None if draws.random() < 0.2 else partition
        acks = draws.choice((-1, -1, 1))
        send = self.history.invoke_send(process, "t", told, value, acks, self.now)
        offset = None
        if draws.random() < 0.85:
            log = self.logs[partition]
            # Control records take offsets that no reader is given.
            offset = (log[-1][0] + 1 if log else 0) + (draws.random() < 0.05)
            log.append((offset, value))
        self.pending.append((send, partition, offset))

    def _complete(self) -> None:
        # One of the oldest, as no request is open for ever.
        send, partition, offset = self.pending.pop(
            self.draws.randrange(min(9, len(self.pending)))
        )
        if self.draws.random() < 0.1:
            self.history.info(send, self.now)
        elif offset is None:
            self.history.fail(send, self.now)
        else:
            said = None if self.draws.random() < 0.1 else offset
            self.history.ok(send, said, self.now, partition=partition)

    def _poll(self, reader: str, partition: int) -> None:
        start = self.read.get((reader, partition), 0)
        fresh = self.logs[partition][start : start + self.draws.randrange(1, 9)]
        if fresh:
            self.read[reader, partition] = start + len(fresh)
            self.history.polled(reader, "t", partition, fresh, self.now)

    def _seek(self, reader: str, partition: int) -> None:
        log = self.logs[partition]
        # At most the log end offset: a broker refuses to read from above it.
        offset = self.draws.randrange(log[-1][0] + 2 if log else 1)
        self.read[reader, partition] = bisect_left(log, (offset,))
        self.history.positioned(reader, "t", partition, offset, self.now)

    def finish(self) -> History:
        """Let everything end, and be read."""
        while self.pending:
            self._complete()
        for partition, log in enumerate(self.logs):
            self.history.final["t", partition] = list(log)
        return self.history


def clean(seed: int = 1, steps: int = 400) -> History:
    """Return what clients see of sound logs."""
    world = World(seed)
    for _ in range(steps):
        world.step()
    return world.finish()


@pytest.mark.parametrize("block", range(10))
def test_clean_history_has_no_anomaly(block: int) -> None:
    """A thousand interleavings of failed, unknown and acknowledged sends raise nothing."""
    for seed in range(block * 100, block * 100 + 100):
        assert find_anomalies(clean(seed, 80), Rules(acks1_loss_allowed=False)) == [], seed


def _names(history: History, rules: Rules = STRICT) -> set[str]:
    return {anomaly.name for anomaly in find_anomalies(history, rules)}


def _final(history: History) -> list[tuple[int, bytes]]:
    return history.final["t", 0]


def _acked(history: History, acks: int = -1) -> Send:
    """Return a send that must not be lost, so early that records follow it."""
    return next(
        send
        for send in history.sends
        if (send.outcome, send.acks, send.place) == ("ok", acks, ("t", 0)) and send.offset
    )


def _drop(history: History, value: bytes) -> None:
    """Take a value away from the final content, and from everybody's eyes."""
    history.final["t", 0] = [(at, found) for at, found in _final(history) if found != value]
    history.polls.clear()


def _lose(history: History) -> None:
    _drop(history, _acked(history).value)


def _lose_what_was_read(history: History) -> None:
    at, value = _final(history)[-1]
    history.polled("c9", "t", 0, [(at, value)], 999)
    for send in history.sends:
        if send.value == value:
            send.outcome, send.offset = "info", None
    _final(history).pop()


def _replace(history: History) -> None:
    at, _ = _final(history)[5]
    history.polled("c9", "t", 0, [(at, _final(history)[6][1])], 999)


def _acknowledge_elsewhere(history: History) -> None:
    send = _acked(history)
    assert send.offset is not None
    send.offset -= 1


def _repeat(history: History) -> None:
    final = _final(history)
    final.append((final[-1][0] + 1, final[0][1]))


def _invent(history: History) -> None:
    final = _final(history)
    final.append((final[-1][0] + 1, b"never sent"))


def _misplace(history: History) -> None:
    other = history.final["t", 1]
    other.append((other[-1][0] + 1, _acked(history).value))


def _resurrect(history: History) -> None:
    failed = next(send for send in history.sends if send.outcome == "fail")
    final = _final(history)
    failed.place = ("t", 0)
    final.append((final[-1][0] + 1, failed.value))


def _go_back(history: History) -> None:
    history.polled("c9", "t", 0, [_final(history)[1], _final(history)[2]], 998)
    history.polled("c9", "t", 0, [_final(history)[2], _final(history)[3]], 999)


def _go_back_in_a_poll(history: History) -> None:
    history.polled("c9", "t", 0, [_final(history)[2], _final(history)[1]], 999)


def _come_before_the_position(history: History) -> None:
    history.positioned("c9", "t", 0, _final(history)[4][0], 998)
    history.polled("c9", "t", 0, [_final(history)[3]], 999)


def _skip(history: History) -> None:
    history.polled("c9", "t", 0, [_final(history)[3]], 998)
    history.polled("c9", "t", 0, [_final(history)[5]], 999)


def _skip_from_the_position(history: History) -> None:
    history.positioned("c9", "t", 0, 0, 998)
    history.polled("c9", "t", 0, [_final(history)[1]], 999)


def _swap(history: History) -> None:
    """Exchange two records of one process, of which nobody was told the offsets."""
    mine = [
        send
        for send in history.sends
        if (send.process, send.place, send.outcome) == ("p0", ("t", 0), "ok")
    ]
    one, other = mine[:2]
    exchanged = {one.value: other.value, other.value: one.value}
    history.final["t", 0] = [(at, exchanged.get(v, v)) for at, v in _final(history)]
    one.offset = other.offset = None
    history.polls.clear()


PLANTS: list[tuple[str, Callable[[History], None]]] = [
    ("lost-write", _lose),
    ("lost-write", _lose_what_was_read),
    ("inconsistent-offsets", _replace),
    ("inconsistent-offsets", _acknowledge_elsewhere),
    ("duplicate", _repeat),
    ("unknown-value", _invent),
    ("unknown-value", _misplace),
    ("failed-read", _resurrect),
    ("nonmonotonic-poll", _go_back),
    ("nonmonotonic-poll", _go_back_in_a_poll),
    ("nonmonotonic-poll", _come_before_the_position),
    ("poll-skip", _skip),
    ("poll-skip", _skip_from_the_position),
    ("nonmonotonic-send", _swap),
]
# What else must be seen where this was planted: one bad record breaks two promises.
ALSO: dict[Callable[[History], None], set[str]] = {
    _replace: {"duplicate"},
    _acknowledge_elsewhere: {"duplicate"},
    _misplace: {"duplicate"},
}


@pytest.mark.parametrize(("name", "plant"), PLANTS, ids=lambda it: getattr(it, "__name__", it))
@pytest.mark.parametrize("seed", range(20))
def test_planted_anomaly_is_found_under_its_name(
    name: str, plant: Callable[[History], None], seed: int
) -> None:
    """What was planted is what is found, and nothing that was not."""
    history = clean(seed)
    plant(history)
    found = _names(history)
    assert name in found
    assert found <= {name} | ALSO.get(plant, set())


@pytest.mark.parametrize(
    ("plant", "rules"),
    [
        (_repeat, Rules(duplicates_allowed=True)),
        (_swap, Rules(reorder_allowed=True)),
        (_lose, Rules(loss_allowed=True)),
        (_lose_what_was_read, Rules(loss_allowed=True)),
        (_skip, Rules(loss_allowed=True)),
        (_replace, Rules(loss_allowed=True)),
    ],
)
def test_rules_allow_what_the_settings_do(
    plant: Callable[[History], None], rules: Rules
) -> None:
    """Retries without idempotence repeat and reorder; a licensed loss is none."""
    history = clean()
    plant(history)
    assert _names(history) != set()
    assert _names(history, rules) == set()


@pytest.mark.parametrize(
    ("name", "plant"), [("duplicate", _repeat), ("nonmonotonic-send", _swap)]
)
def test_idempotent_producers_may_not_repeat_where_others_may(
    name: str, plant: Callable[[History], None]
) -> None:
    """Unless something may be lost: then what was lost may be sent again."""
    history = clean()
    plant(history)
    retried = Rules(duplicates_allowed=True, reorder_allowed=True)
    both = frozenset({"p0", "p1"})
    assert _names(history, replace(retried, idempotent=frozenset({"p2"}))) == set()
    assert _names(history, replace(retried, idempotent=both)) == {name}
    assert _names(history, replace(retried, idempotent=both, loss_allowed=True)) == set()


@pytest.mark.parametrize(("name", "plant"), PLANTS, ids=lambda it: getattr(it, "__name__", it))
def test_rules_allow_no_more_than_they_say(name: str, plant: Callable[[History], None]) -> None:
    """What one rule licenses leaves all the other passes on."""
    history = clean()
    plant(history)
    of_loss = {"lost-write", "poll-skip", "inconsistent-offsets"}
    assert (name in _names(history, Rules(duplicates_allowed=True))) == (name != "duplicate")
    assert (name in _names(history, Rules(reorder_allowed=True))) == (
        name != "nonmonotonic-send"
    )
    assert (name in _names(history, Rules(loss_allowed=True))) == (name not in of_loss)


def test_loss_with_acks_1_is_an_anomaly_only_where_it_is_not_allowed() -> None:
    """Who asked only the leader was promised no more, unless leadership cannot move."""
    history = clean()
    _drop(history, _acked(history, acks=1).value)
    assert _names(history) == set()
    assert _names(history, Rules(acks1_loss_allowed=False)) == {"lost-write"}


def test_partition_that_was_not_read_in_the_end_has_lost_nothing() -> None:
    """Absence of a reader is no absence of records; an empty partition is."""
    history = clean()
    del history.final["t", 1]
    assert _names(history) == set()
    history.final["t", 1] = []
    assert "lost-write" in _names(history)


@pytest.mark.parametrize("offset", [0, 1, None])
def test_position_where_no_record_lies_skips_nothing(offset: int | None) -> None:
    """A log may begin above 0, have gaps, and a consumer not know where it is put."""
    history = History()
    for at in (2, 3):
        history.ok(history.invoke_send("p", "t", 0, b"%d" % at, -1, at), at, at)
    history.final["t", 0] = [(2, b"2"), (3, b"3")]
    history.positioned("c", "t", 0, offset, 5)
    history.polled("c", "t", 0, _final(history), 6)
    assert find_anomalies(history, STRICT) == []


def test_witness_shows_what_lies_around() -> None:
    """Three offsets at each side tell what happened there."""
    history = History()
    for at in range(20):
        history.ok(history.invoke_send("p", "t", 0, b"v%d" % at, -1, at), at, at)
    history.final["t", 0] = [(at, b"v%d" % at) for at in range(20) if at != 9]
    (anomaly,) = find_anomalies(history, STRICT)
    assert anomaly.text == (
        "b'v9' of p was acknowledged at offset 9; "
        "t-0 ends with [6:v6 7:v7 8:v8 10:v10 11:v11 12:v12 13:v13] there"
    )


def test_value_sent_twice_is_refused() -> None:
    """With values that are not unique nothing could be told."""
    history = History()
    for _ in range(2):
        history.invoke_send("p", "t", 0, b"same", -1, 1)
    with pytest.raises(ValueError, match="sent twice"):
        find_anomalies(history, STRICT)


@pytest.mark.slow
def test_fifty_thousand_operations_are_judged_in_a_second() -> None:
    """Every pass is linear, also where everything is wrong."""
    history = clean(steps=50_000)
    began = time.process_time()
    assert find_anomalies(history, STRICT) == []
    assert time.process_time() - began < 1
    history.final["t", 0] = []
    began = time.process_time()
    assert len(find_anomalies(history, STRICT)) == FOUND_MAX
    assert time.process_time() - began < 1
