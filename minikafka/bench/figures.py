"""From what a client saw to the figures of a row: gaps, losses, percentiles. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from minikafka.bench.ledger import Timed
from minikafka.bench.settings import Setting
from minikafka.check.anomalies import find_anomalies
from minikafka.check.history import History

__all__ = ["Figures", "Span", "figures_of", "percentile"]

PERCENTILES = (50, 99)
PHASES = ("before", "during", "after")
NOT_RESUMED = "not-resumed"


@dataclass(frozen=True, slots=True)
class Span:
    """One fault as it went; seconds since the start of the run.

    Args:
        victim: broker id of the leader, the controller or both that it struck.
        at_s: when it began.
        led_s: when metadata named a leader other than the victim, `at_s` where the leader was
            not struck; None if nobody did before the fault was over.
        over_s: when all replicas were in sync again.
        controlled_s: when another than the victim was the controller, likewise.
        resumed_s: when a write was acknowledged that was sent after both.
        healed_s: when the fault ended.
    """

    victim: int
    at_s: float
    led_s: float | None
    over_s: float
    controlled_s: float | None = None
    resumed_s: float | None = None
    healed_s: float | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """One row.

    Attributes:
        unavailable_s: longest time between two acknowledged writes around a fault, of each.
        failover_s: from the fault until metadata names another leader, of each; None for none,
            0 where the leader was not struck.
        controller_s: from the fault until there is another controller, likewise.
        resumed_s: from the fault until writes come through that were sent after it and after
            leader and controller were replaced; None where they did not while it lasted.
        lost: acknowledged records that are not there in the end.
        duplicated: values that are there more than once.
        reordered: acknowledged records that lie before one that was sent earlier.
        latency_ms: by phase: percentile to milliseconds; empty where nothing was acknowledged.
        violations: what must not be under the setting, by name; empty is as Kafka promises.
    """

    setting: Setting
    sent: int
    acknowledged: int
    unavailable_s: tuple[float, ...]
    failover_s: tuple[float | None, ...]
    controller_s: tuple[float | None, ...]
    resumed_s: tuple[float | None, ...]
    lost: int
    duplicated: int
    reordered: int
    latency_ms: dict[str, dict[str, float]]
    violations: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


def figures_of(
    setting: Setting,
    history: History,
    sends: Sequence[Timed],
    spans: Sequence[Span],
) -> Figures:
    """Return the figures of one run; `history.final` holds what was left."""
    (final,) = history.final.values()
    where: dict[bytes, int] = {}
    for offset, value in final:
        where.setdefault(value, offset)
    acknowledged = [each for each in sends if each.send.outcome == "ok"]
    anomalies = find_anomalies(history, setting.rules())
    return Figures(
        setting,
        sent=len(sends),
        acknowledged=len(acknowledged),
        unavailable_s=tuple(_longest_gap(acknowledged, span) for span in spans),
        failover_s=tuple(_since(span, span.led_s) for span in spans),
        controller_s=tuple(_since(span, span.controlled_s) for span in spans),
        resumed_s=tuple(_since(span, span.resumed_s) for span in spans),
        lost=sum(each.send.value not in where for each in acknowledged),
        duplicated=sum(count > 1 for count in Counter(value for _, value in final).values()),
        reordered=_reordered(acknowledged, where),
        latency_ms=_latencies(acknowledged, spans),
        violations=(
            *dict.fromkeys(anomaly.name for anomaly in anomalies),
            *_not_resumed(setting, spans),
        ),
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the least value that so many percent of them do not exceed; by nearest rank.

    >>> percentile([4.0, 1.0, 3.0, 2.0], 50)
    2.0
    """
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def _since(span: Span, when_s: float | None) -> float | None:
    return None if when_s is None else when_s - span.at_s


def _not_resumed(setting: Setting, spans: Sequence[Span]) -> list[str]:
    """Name it where writes must go on without whoever was struck, and did not."""
    stuck = setting.must_resume and any(span.resumed_s is None for span in spans)
    return [NOT_RESUMED] if stuck else []


def _longest_gap(acknowledged: Sequence[Timed], span: Span) -> float:
    """Return the longest time without an acknowledgement that overlaps with the span."""
    times = sorted(each.acked_s for each in acknowledged if each.acked_s is not None)
    gaps = [
        later - earlier
        for earlier, later in pairwise(times)
        if later >= span.at_s and earlier <= span.over_s
    ]
    if not times or times[-1] < span.over_s:
        gaps.append(span.over_s - max([span.at_s, *times]))
    return max(gaps, default=span.over_s - span.at_s)


def _reordered(acknowledged: Sequence[Timed], where: dict[bytes, int]) -> int:
    count, furthest = 0, -1
    for each in acknowledged:
        offset = where.get(each.send.value)
        if offset is not None:
            count += offset < furthest
            furthest = max(furthest, offset)
    return count


def _latencies(
    acknowledged: Sequence[Timed], spans: Sequence[Span]
) -> dict[str, dict[str, float]]:
    found: dict[str, list[float]] = {phase: [] for phase in PHASES}
    for each in acknowledged:
        if each.acked_s is not None:
            found[_phase(each, spans)].append((each.acked_s - each.began_s) * 1000)
    return {
        phase: {f"p{percent}": percentile(values, percent) for percent in PERCENTILES}
        for phase, values in found.items()
        if values
    }


def _phase(timed: Timed, spans: Sequence[Span]) -> str:
    """Say when a send was under way: through a fault, behind one, or with all well."""
    acked_s = timed.began_s if timed.acked_s is None else timed.acked_s
    for span in spans:
        led_s = span.over_s if span.led_s is None else span.led_s
        if timed.began_s <= led_s and acked_s >= span.at_s:
            return "during"
        if led_s < timed.began_s <= span.over_s:
            return "after"
    return "before"
