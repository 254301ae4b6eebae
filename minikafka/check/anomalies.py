"""What a history must not show, by name. Linear in its size, but for one sort.

The passes are those of Jepsen's kafka workload that need no transactions, made stricter by what
a simulation knows: the final content of each partition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from minikafka.check.history import History, Place, Send

__all__ = ["Anomaly", "Rules", "find_anomalies"]


class Anomaly(NamedTuple):
    """One thing that must not be; `text` is a witness."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as an error with the settings in force.

    Args:
        duplicates_allowed: producers retry without idempotence.
        reorder_allowed: they do so with several requests in flight.
        loss_allowed: a record acknowledged by all in-sync replicas may be gone: an unclean
            election, or a power loss that KIP-966 is needed against.
    """

    duplicates_allowed: bool = False
    reorder_allowed: bool = False
    loss_allowed: bool = False


def find_anomalies(history: History, rules: Rules) -> list[Anomaly]:
    """Return everything in `history` that `rules` do not allow, most telling first."""
    found = [*_inconsistent_offsets(history, rules), *_unknown_values(history)]
    if not rules.loss_allowed:
        found += _lost_writes(history)
        found += _skips(history)
    if not rules.duplicates_allowed:
        found += _duplicates(history)
    if not rules.reorder_allowed:
        found += _reordered_sends(history)
    found += _nonmonotonic_polls(history)
    return found


def _around(history: History, place: Place, offset: int) -> str:
    """Return what lies near an offset in the end."""
    near = [
        f"{at}:{value.decode(errors='replace')}"
        for at, value in history.final.get(place, [])
        if abs(at - offset) <= 3
    ]
    return f"{place[0]}-{place[1]} ends with [{' '.join(near)}] there"


def _inconsistent_offsets(history: History, rules: Rules) -> Iterator[Anomaly]:
    """Two values at one offset, whoever saw them."""
    if rules.loss_allowed:
        return  # offsets above the loss are given out again
    known: dict[tuple[Place, int], tuple[bytes, str]] = {}
    for place, offset, value, who in _sightings(history):
        first, first_who = known.setdefault((place, offset), (value, who))
        if first != value:
            yield Anomaly(
                "inconsistent-offsets",
                f"offset {offset} of {place[0]}-{place[1]} is {first!r} to {first_who} and "
                f"{value!r} to {who}",
            )


def _sightings(history: History) -> Iterator[tuple[Place, int, bytes, str]]:
    """Yield who was told that which value is at which offset."""
    for place, offset, value, process in _polled(history):
        yield place, offset, value, process
    for send in history.sends:
        # acks=1 may be told an offset that another leader gives away.
        if send.outcome == "ok" and send.offset is not None and send.acks == -1:
            yield send.place, send.offset, send.value, send.process
    for place, records in history.final.items():
        for offset, value in records:
            yield place, offset, value, "the final reader"


def _polled(history: History) -> Iterator[tuple[Place, int, bytes, str]]:
    """Yield every record that a poll brought."""
    for poll in history.polls:
        if not poll.positioned:
            for offset, value in poll.records:
                yield poll.place, offset, value, poll.process


def _unknown_values(history: History) -> Iterator[Anomaly]:
    """A value that nobody sent, or one that surely was not written."""
    by_value = {send.value: send for send in history.sends}
    reads = [(place, offset, value) for place, offset, value, _ in _polled(history)]
    reads += [
        (p, offset, value) for p, found in history.final.items() for offset, value in found
    ]
    for place, offset, value in reads:
        send = by_value.get(value)
        where = f"{value!r} is read at {offset} of {place[0]}-{place[1]}"
        if send is None or send.place != place:
            yield Anomaly("unknown-value", f"{where} and was never sent there")
        elif send.outcome == "fail":
            yield Anomaly("failed-read", f"{where} though its send failed for good")


def _lost_writes(history: History) -> Iterator[Anomaly]:
    """An acks=all record that was acknowledged and is not there in the end."""
    there = {place: {value for _, value in found} for place, found in history.final.items()}
    for send in history.sends:
        promised = send.outcome == "ok" and send.acks == -1
        if promised and send.value not in there.get(send.place, (send.value,)):
            at = "an unknown offset" if send.offset is None else f"offset {send.offset}"
            around = _around(history, send.place, send.offset or 0)
            text = f"{send.value!r} of {send.process} was acknowledged at {at}; {around}"
            yield Anomaly("lost-write", text)


def _duplicates(history: History) -> Iterator[Anomaly]:
    """A value at two offsets."""
    for place, found in history.final.items():
        first: dict[bytes, int] = {}
        for offset, value in found:
            if value in first:
                text = f"{value!r} is at {first[value]} and {offset} of {place[0]}-{place[1]}"
                yield Anomaly("duplicate", text)
            first.setdefault(value, offset)


def _reordered_sends(history: History) -> Iterator[Anomaly]:
    """Two acknowledged sends of one process whose order in the log is not that of sending."""
    position = {
        (place, value): offset
        for place, found in history.final.items()
        for offset, value in reversed(found)
    }
    last: dict[tuple[str, Place], tuple[int, Send]] = {}
    for send in history.sends:
        offset = position.get((send.place, send.value))
        if send.outcome != "ok" or offset is None:
            continue
        before = last.get((send.process, send.place))
        if before is not None and before[0] > offset:
            text = (
                f"{send.value!r} at {offset} was sent after {before[1].value!r} at {before[0]}"
            )
            yield Anomaly("nonmonotonic-send", text)
        last[send.process, send.place] = (offset, send)


def _nonmonotonic_polls(history: History) -> Iterator[Anomaly]:
    """A process that is given an offset at or below one it had."""
    position: dict[tuple[str, Place], int] = {}
    for poll in history.polls:
        key = (poll.process, poll.place)
        if poll.positioned:
            position[key] = poll.records[0][0] - 1
            continue
        for offset, value in poll.records:
            last = position.get(key, -1)
            if offset <= last:
                where = f"{poll.place[0]}-{poll.place[1]}"
                text = f"{poll.process} is given {value!r} at {offset} of {where} after {last}"
                yield Anomaly("nonmonotonic-poll", text)
            position[key] = offset


def _skips(history: History) -> Iterator[Anomaly]:
    """A process that is led past an offset that holds a record in the end."""
    index = {
        place: {offset: number for number, (offset, _) in enumerate(found)}
        for place, found in history.final.items()
    }
    position: dict[tuple[str, Place], int] = {}
    for poll in history.polls:
        key, known = (poll.process, poll.place), index.get(poll.place, {})
        if poll.positioned:
            position[key] = known.get(poll.records[0][0], -1) - 1
            continue
        for offset, value in poll.records:
            number = known.get(offset)
            last = position.get(key)
            if number is not None and last is not None and number > last + 1:
                around = _around(history, poll.place, offset)
                text = f"{poll.process} is given {value!r} at {offset} with a gap; {around}"
                yield Anomaly("poll-skip", text)
            if number is not None:
                position[key] = number
