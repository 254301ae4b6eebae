"""One row of the failover benchmark: a cluster, a client under load, brokers struck by a plan.

Three voters, one partition with three replicas, a leader and a controller: one of them is
struck, or both in one broker. Before each fault the leader's links to its followers are slowed,
as a busy network or a far one is: replication lags, and what only the leader has is at stake.
Over loopback it would lag by less than a millisecond, and acks=1 would look safe.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minikafka.bench.figures import Figures, Span, figures_of
from minikafka.bench.ledger import Ledger
from minikafka.bench.loads import Load
from minikafka.bench.process_stage import ProcessStage
from minikafka.bench.settings import CLIENT_REQUEST_TIMEOUT_MS, PlannedFault, Setting
from minikafka.bench.stage import TOPIC, LocalStage, Look, Stage

__all__ = ["Run", "run_setting"]

RECOVERY_S = 20.0
ELECTED_S = 5.0
"""How long a fault lasts at most where nobody is elected."""
RESUMED_S = 10 * CLIENT_REQUEST_TIMEOUT_MS / 1000
"""How long after that, where no write comes through: a client may ask the wrong broker often."""
WARM_UP = 50


@dataclass(frozen=True, slots=True)
class Run:
    """What one setting gave, and what a chart draws of it.

    Attributes:
        acked_s: when each write was acknowledged; seconds since the start.
    """

    figures: Figures
    spans: tuple[Span, ...]
    acked_s: tuple[float, ...]


def run_setting(
    setting: Setting,
    plan: Sequence[PlannedFault],
    *,
    rate: int,
    lag_ms: int,
    seed: int,
    processes: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> Run:
    """Return what the setting gave under the plan; `advance` is called after each fault.

    Args:
        processes: brokers are processes of their own, with files; links are as they are.

    Raises:
        TimeoutError: the cluster did not become whole again.
    """
    with ProcessStage(setting) if processes else LocalStage(setting, seed) as stage:
        ledger = Ledger(TOPIC, stage.partition, setting.acks)
        load = Load(setting.client, stage.bootstrap_servers, ledger, rate)
        load.start()
        spans = []
        try:
            _wait(stage, lambda: len(ledger.acknowledged) >= WARM_UP or not load.alive)
            for planned in plan if load.alive else ():
                spans.append(_Strike(stage, ledger, setting, lag_ms).run(planned))
                advance()
            _rest(stage, plan[0].steady_s)
        finally:
            load.stop()
        _wait(stage, lambda: stage.look().whole)
        ledger.history.final[TOPIC, stage.partition] = stage.values()
    acked_s = tuple(each.acked_s for each in ledger.acknowledged if each.acked_s is not None)
    figures = figures_of(setting, ledger.history, ledger.sends, spans)
    return Run(figures, tuple(spans), acked_s)


class _Strike:
    """One fault, from the slow links before it to the whole cluster behind it."""

    def __init__(self, stage: Stage, ledger: Ledger, setting: Setting, lag_ms: int) -> None:
        self._stage = stage
        self._ledger = ledger
        self._fault = setting.fault
        self._target = setting.target
        self._lag_ms = lag_ms
        self._led_s: float | None = None
        self._controlled_s: float | None = None
        self._resumed_s: float | None = None

    def run(self, planned: PlannedFault) -> Span:
        """Strike the target; return once all replicas are in sync again."""
        stage, ledger = self._stage, self._ledger
        _rest(stage, planned.steady_s)
        victim = self._arrange()
        before = stage.look()
        leader = before.leader
        assert leader is not None, "the cluster was whole"
        followers = [each for each in before.replicas if each != leader]
        if self._fault == "alone":
            stage.cut_off(leader, followers)
            _wait(stage, lambda: stage.look().isr == {leader})
        elif self._lag_ms:
            stage.slow(leader, followers, self._lag_ms / 1000)
        _rest(stage, planned.lag_s)
        at_s = ledger.now_s()
        stage.strike(self._fault, victim)
        self._watch(victim, before, at_s)
        _rest(stage, planned.hold_s)
        healed_s = ledger.now_s()
        stage.undo(self._fault, victim)
        _wait(stage, lambda: stage.look().whole)
        return Span(
            victim,
            at_s,
            self._led_s,
            ledger.now_s(),
            controlled_s=self._controlled_s,
            resumed_s=self._resumed_s,
            healed_s=healed_s,
        )

    def _arrange(self) -> int:
        """Return who is to be struck; leader and controller are one broker, or two."""
        stage, one = self._stage, self._target == "both"
        look = self._settled()
        if (look.leader == look.controller) != one:
            wanted = [each for each in look.replicas if (each == look.controller) == one]
            others = [each for each in look.replicas if each != wanted[0]]
            stage.prefer([wanted[0], *others])
            _wait(stage, lambda: stage.look().leader == wanted[0])
            look = self._settled()
        assert (look.leader == look.controller) == one, "nothing was struck meanwhile"
        victim = look.controller if self._target == "controller" else look.leader
        assert victim is not None
        return victim

    def _settled(self) -> Look:
        found: list[Look] = []

        def settled() -> bool:
            found[:] = [self._stage.look()]
            return found[0].whole and found[0].controller is not None

        _wait(self._stage, settled)
        return found[0]

    def _watch(self, victim: int, before: Look, at_s: float) -> None:
        """Note who takes the victim's places, and when writes come through by them."""
        if victim != before.leader:
            self._led_s = at_s
        if victim != before.controller:
            self._controlled_s = at_s

        def replaced() -> bool:
            look, now_s = self._stage.look(), self._ledger.now_s()
            if self._controlled_s is None and look.controller not in (None, victim):
                self._controlled_s = now_s
            if self._led_s is None and look.leader not in (None, victim):
                self._led_s = now_s
            return self._controlled_s is not None and self._led_s is not None

        def resumed() -> bool:
            self._resumed_s = self._ledger.resumed_s(since_s)
            return self._resumed_s is not None

        if _seen(self._stage, replaced, ELECTED_S):
            since_s = max(self._controlled_s or at_s, self._led_s or at_s)
            _seen(self._stage, resumed, RESUMED_S)
        else:
            # What was on its way when it struck is no sign of life.
            since_s = self._ledger.now_s() - 1
            resumed()


def _wait(stage: Stage, condition: Callable[[], bool]) -> None:
    stage.wait_until(condition, RECOVERY_S)


def _seen(stage: Stage, condition: Callable[[], bool], timeout: float) -> bool:
    """Say whether the condition came true in time."""
    try:
        stage.wait_until(condition, timeout)
    except TimeoutError:
        return False
    return True


def _rest(stage: Stage, seconds: float) -> None:
    """Let the load go on for a while."""
    until = time.monotonic() + seconds
    stage.wait_until(lambda: time.monotonic() >= until, seconds + RECOVERY_S)
