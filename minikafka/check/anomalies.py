"""What a history must not show, by name. Linear in its size, but for one sort.

The passes are those of Jepsen's kafka workload that need no transactions, made stricter by what
a simulation knows: the final content of each partition.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import NamedTuple, TypeAlias

from minikafka.check.history import NO_PARTITION, History, Place, Send

__all__ = ["FOUND_MAX", "Anomaly", "Rules", "find_anomalies"]

FOUND_MAX = 100
"""Anomalies reported of one pass: a broken log would fill the screen, and tell no more."""
_NEAR = 3
_FINAL_READER = "the final reader"

_Sighting: TypeAlias = tuple[str, Place, Sequence[tuple[int, bytes]]]
"""Who says it, where, and which values lie at which offsets."""


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
        idempotent: names of processes of which neither is allowed all the same, unless a loss is.
        loss_allowed: a record acknowledged by all in-sync replicas may be gone: an unclean
            election, or a power loss that KIP-966 is needed against.
        acks1_loss_allowed: one that the leader alone has acknowledged may be gone, and another
            may have its offset: leadership can move.
    """

    duplicates_allowed: bool = False
    reorder_allowed: bool = False
    idempotent: frozenset[str] = frozenset()
    loss_allowed: bool = False
    acks1_loss_allowed: bool = True

    def may_repeat(self, process: str) -> bool:
        """Say whether what a process has sent once may be there twice."""
        return self.duplicates_allowed and (self.loss_allowed or process not in self.idempotent)

    def may_reorder(self, process: str) -> bool:
        """Say whether what a process has sent may be there in another order."""
        return self.reorder_allowed and (self.loss_allowed or process not in self.idempotent)

    def is_promised(self, send: Send) -> bool:
        """Say whether what was acknowledged has to stay, at its offset."""
        if send.outcome != "ok":
            return False
        return send.acks == -1 or (send.acks == 1 and not self.acks1_loss_allowed)


def find_anomalies(history: History, rules: Rules) -> list[Anomaly]:
    """Return what in `history` the `rules` do not allow, most telling first.

    At most `FOUND_MAX` of each name.

    Raises:
        ValueError: two sends to one topic have the same value.
    """
    known = _Known(history)
    passes = [_unknown_values(known)]
    if not rules.loss_allowed:
        # Offsets above a loss are given out again, and who has read them is led past a gap.
        passes.insert(0, _inconsistent_offsets(known, rules))
        passes += [_lost_writes(known, rules), _skips(known)]
    if rules.idempotent or not rules.duplicates_allowed:
        passes.append(_duplicates(known, rules))
    if rules.idempotent or not rules.reorder_allowed:
        passes.append(_reordered_sends(known, rules))
    passes.append(_nonmonotonic_polls(known))
    return [anomaly for one in passes for anomaly in islice(one, FOUND_MAX)]


class _Known:
    """A history with what all passes look up.

    Attributes:
        sends: by topic and value.
        first: where a value lies in the end, by place and value; the lowest offset.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self.sends: dict[tuple[str, bytes], Send] = {}
        for send in history.sends:
            if self.sends.setdefault((send.place[0], send.value), send) is not send:
                raise ValueError(f"{send.value!r} is sent twice to {send.place[0]}")
        self.first: dict[Place, dict[bytes, int]] = {}
        for place, found in history.final.items():
            self.first[place] = {value: offset for offset, value in reversed(found)}

    def reads(self) -> Iterator[_Sighting]:
        """Yield who read what: all polls, then the final contents."""
        for poll in self.history.polls:
            if not poll.positioned:
                yield poll.process, poll.place, poll.records
        for place, found in self.history.final.items():
            yield _FINAL_READER, place, found

    def sightings(self, rules: Rules) -> Iterator[_Sighting]:
        """Yield `reads`, then what producers were promised about offsets."""
        yield from self.reads()
        for send in self.history.sends:
            if send.offset is None or send.place[1] == NO_PARTITION:
                continue
            if rules.is_promised(send):
                yield send.process, send.place, [(send.offset, send.value)]

    def where(self, send: Send) -> tuple[Place, int] | None:
        """Return where a record lies in the end; None if nowhere."""
        topic, partition = send.place
        places = [send.place]
        if partition == NO_PARTITION:
            places = [place for place in self.first if place[0] == topic]
        for place in places:
            offset = self.first.get(place, {}).get(send.value)
            if offset is not None:
                return place, offset
        return None

    def was_read(self, send: Send) -> bool:
        """Say whether the final reader has read where this record should be."""
        topic, partition = send.place
        if partition == NO_PARTITION:
            return any(place[0] == topic for place in self.first)
        return send.place in self.first

    def around(self, place: Place, offset: int) -> str:
        """Return what lies near an offset in the end."""
        found = self.history.final.get(place, [])
        middle = bisect_left(found, (offset,))
        near = " ".join(
            f"{at}:{value.decode(errors='replace')}"
            for at, value in found[max(0, middle - _NEAR) : middle + _NEAR + 1]
        )
        return f"{_named(place)} ends with [{near}] there"


def _named(place: Place) -> str:
    topic, partition = place
    return f"{topic}-{'?' if partition == NO_PARTITION else partition}"


def _inconsistent_offsets(known: _Known, rules: Rules) -> Iterator[Anomaly]:
    """Two values at one offset, whoever saw them."""
    seen: dict[Place, dict[int, tuple[bytes, str]]] = {}
    for who, place, records in known.sightings(rules):
        at = seen.setdefault(place, {})
        for offset, value in records:
            first = at.get(offset)
            if first is None:
                at[offset] = (value, who)
            elif first[0] != value:
                yield Anomaly(
                    "inconsistent-offsets",
                    f"offset {offset} of {_named(place)} is {first[0]!r} to {first[1]} and "
                    f"{value!r} to {who}; {known.around(place, offset)}",
                )


def _unknown_values(known: _Known) -> Iterator[Anomaly]:
    """A value that nobody sent, or one that surely was not written."""
    looked_at: dict[Place, set[bytes]] = {}
    for who, place, records in known.reads():
        topic, partition = place
        done = looked_at.setdefault(place, set())
        for offset, value in records:
            if value in done:
                continue
            done.add(value)
            send = known.sends.get((topic, value))
            fits = send is not None and send.place[1] in (partition, NO_PARTITION)
            if send is not None and fits and send.outcome != "fail":
                continue
            text = f"{value!r} is read at {offset} of {_named(place)} by {who}"
            if fits:
                yield Anomaly("failed-read", f"{text} though its send failed for good")
            else:
                yield Anomaly("unknown-value", f"{text} and was never sent there")


def _lost_writes(known: _Known, rules: Rules) -> Iterator[Anomaly]:
    """A record that was acknowledged for good, or read, and is not there in the end."""
    told: set[tuple[str, bytes]] = set()
    for send in known.history.sends:
        if rules.is_promised(send) and known.was_read(send) and known.where(send) is None:
            told.add((send.place[0], send.value))
            text = f"{send.value!r} of {send.process} was acknowledged"
            if send.offset is None:
                yield Anomaly(
                    "lost-write", f"{text} at an unknown offset of {_named(send.place)}"
                )
            else:
                around = known.around(send.place, send.offset)
                yield Anomaly("lost-write", f"{text} at offset {send.offset}; {around}")
    # What a consumer is given lies below the high watermark, whatever its producer asked for.
    for poll in known.history.polls:
        there = known.first.get(poll.place)
        if there is None or poll.positioned:
            continue
        for offset, value in poll.records:
            if value in there:
                continue
            key = (poll.place[0], value)
            if key in known.sends and key not in told:
                told.add(key)
                text = f"{value!r} was read by {poll.process} at offset {offset}"
                yield Anomaly("lost-write", f"{text}; {known.around(poll.place, offset)}")


def _duplicates(known: _Known, rules: Rules) -> Iterator[Anomaly]:
    """A value at two offsets of a topic, in the end or between what was seen and the end."""
    told: set[tuple[str, bytes]] = set()
    seen: dict[str, dict[bytes, tuple[Place, int]]] = {}
    for who, place, records in known.sightings(rules):
        if rules.loss_allowed and who != _FINAL_READER:
            continue  # what is lost may be sent again, to another offset
        at = seen.setdefault(place[0], {})
        for offset, value in records:
            first = at.get(value)
            if first is None:
                at[value] = (place, offset)
            elif first != (place, offset) and (place[0], value) not in told:
                send = known.sends.get((place[0], value))
                if rules.may_repeat("" if send is None else send.process):
                    continue
                told.add((place[0], value))
                text = f"{value!r} is at {first[1]} of {_named(first[0])} and at {offset}"
                around = known.around(place, offset)
                yield Anomaly("duplicate", f"{text} of {_named(place)} to {who}; {around}")


def _reordered_sends(known: _Known, rules: Rules) -> Iterator[Anomaly]:
    """Two acknowledged sends of one process whose order in the log is not that of sending."""
    last: dict[tuple[str, Place], tuple[int, Send]] = {}
    for send in known.history.sends:
        at = known.where(send) if send.outcome == "ok" else None
        if at is None or rules.may_reorder(send.process):
            continue
        place, offset = at
        before = last.get((send.process, place))
        if before is not None and before[0] > offset:
            text = (
                f"{send.value!r} at {offset} was sent after {before[1].value!r} at {before[0]}"
            )
            yield Anomaly("nonmonotonic-send", f"{text}; {known.around(place, offset)}")
        last[send.process, place] = (offset, send)


def _nonmonotonic_polls(known: _Known) -> Iterator[Anomaly]:
    """A process that is given an offset at or below one it had, or below where it wanted."""
    position: dict[tuple[str, Place], int] = {}
    for poll in known.history.polls:
        key = (poll.process, poll.place)
        if poll.positioned:
            position[key] = poll.records[0][0] - 1 if poll.records else -1
            continue
        last = position.get(key, -1)
        for offset, value in poll.records:
            if offset <= last:
                where = _named(poll.place)
                text = f"{poll.process} is given {value!r} at {offset} of {where} after {last}"
                yield Anomaly("nonmonotonic-poll", text)
            last = offset
        position[key] = last
    for place, found in known.history.final.items():
        for (last, _), (offset, value) in pairwise(found):
            if offset <= last:
                text = f"{_FINAL_READER} is given {value!r} at {offset} of {_named(place)}"
                yield Anomaly("nonmonotonic-poll", f"{text} after {last}")


def _skips(known: _Known) -> Iterator[Anomaly]:
    """A process that is led past an offset that holds a record in the end."""
    offsets = {
        place: [offset for offset, _ in found] for place, found in known.history.final.items()
    }
    ranks = {
        place: {offset: rank for rank, offset in enumerate(found)}
        for place, found in offsets.items()
    }
    due: dict[tuple[str, Place], int | None] = {}  # rank of the record to come next
    for poll in known.history.polls:
        key, ranked = (poll.process, poll.place), ranks.get(poll.place)
        if ranked is None:
            continue
        if poll.positioned:
            # The offset itself may hold nothing: a gap, or the end of the log.
            wanted = poll.records[0][0] if poll.records else None
            due[key] = None if wanted is None else bisect_left(offsets[poll.place], wanted)
            continue
        for offset, value in poll.records:
            rank = ranked.get(offset)
            next_due = due.get(key)
            if rank is None:
                continue  # lost, and reported as such
            if next_due is not None and rank > next_due:
                missed = offsets[poll.place][next_due]
                text = f"{poll.process} is given {value!r} at {offset} and not {missed}"
                yield Anomaly("poll-skip", f"{text}; {known.around(poll.place, missed)}")
            due[key] = rank + 1
