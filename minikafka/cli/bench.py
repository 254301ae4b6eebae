"""`minikafka bench failover`: what a real client sees while leaders and controllers are struck."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from minikafka.bench.chart import chart_of
from minikafka.bench.failover import Run, run_setting
from minikafka.bench.figures import Figures
from minikafka.bench.loads import CLIENTS, is_installed
from minikafka.bench.process_stage import PROCESS_FAULTS
from minikafka.bench.settings import (
    CLIENT_METADATA_MAX_AGE_MS,
    CLIENT_REQUEST_TIMEOUT_MS,
    CLUSTER_CONFIG,
    FAULTS,
    TARGETS,
    Setting,
    plan_faults,
    settings_of,
)
from minikafka.cli.failures import CommandFailed, UsageFailed
from minikafka.cli.output import on_terminal, progress_bar, show_lines, show_table
from minikafka.cli.parsing import one_of

__all__ = ["FailoverArguments", "failover"]

COMMAND = "minikafka bench failover"
PACKAGES = {
    "aiokafka": "aiokafka",
    "confluent": "confluent-kafka",
    "kafka-python": "kafka-python",
}
ALIASES = {"confluent-kafka": "confluent"}
ACKS = {"0": 0, "1": 1, "all": -1, "-1": -1}
MINS = ("1", "2", "3")
SWITCH = {"on": True, "off": False}
COLUMNS = (
    "acks", "min", "uncl", "fault", "target", "client", "acked", "no leader s", "no controller s",
    "resumed s", "gap s", "lost", "dup", "order", "before", "during", "after", "verdict",
)  # fmt: skip

_LEGEND = (
    "no leader, no controller: from the fault until there is another one, 0 where it was not "
    "struck; resumed: until a write comes through that was sent after that; gap: longest time "
    "between two acknowledged writes; the worst of a row's faults. lost, dup, order: acknowledged "
    "records that are gone, values that are there twice, records before one sent earlier. before, "
    "during, after: ms from send to acknowledgement, p50/p99."
)


@dataclass(frozen=True, slots=True)
class FailoverArguments:
    """What was typed, as it was typed."""

    acks: str
    min_insync_replicas: str
    unclean: str
    fault: str
    target: str
    client: str
    processes: bool
    faults: int
    rate: int
    lag_ms: int
    seed: int
    json_file: str | None
    chart_file: str | None


def failover(typed: FailoverArguments) -> int:
    """Run every combination; 1 where a client saw what Kafka rules out, else 0.

    Raises:
        UsageFailed: an option makes no sense.
        CommandFailed: the client is not installed, a file cannot be written, or the cluster
            did not recover.
    """
    try:
        settings = _settings(typed)
    except ValueError as error:
        raise UsageFailed(COMMAND, str(error)) from error
    for client in _clients(settings):
        if not is_installed(client):
            message = f"{client} is not installed: pip install {PACKAGES[client]}"
            raise CommandFailed(COMMAND, message)
    try:
        runs = _run_all(settings, typed)
        _write(typed, runs)
    except TimeoutError as error:
        raise CommandFailed(COMMAND, str(error)) from error
    except OSError as error:
        raise CommandFailed(COMMAND, str(error)) from error
    _show(typed, [run.figures for run in runs])
    return 1 if any(run.figures.violations for run in runs) else 0


def _settings(typed: FailoverArguments) -> list[Setting]:
    known = PROCESS_FAULTS if typed.processes else FAULTS
    return settings_of(
        [ACKS[each] for each in _list("--acks", typed.acks, tuple(ACKS))],
        [int(each) for each in _list("--min-insync-replicas", typed.min_insync_replicas, MINS)],
        [SWITCH[each] for each in _list("--unclean", typed.unclean, tuple(SWITCH))],
        _list("--fault", typed.fault, tuple(known)),
        _list("--target", typed.target, tuple(TARGETS)),
        [
            ALIASES.get(each, each)
            for each in _list("--client", typed.client, (*CLIENTS, *ALIASES))
        ],
    )


def _clients(settings: Sequence[Setting]) -> list[str]:
    return list(dict.fromkeys(setting.client for setting in settings))


def _list(option: str, text: str, choices: Sequence[str]) -> list[str]:
    """Return the distinct choices of `A,B`."""
    return list(
        dict.fromkeys(one_of(option, each.strip(), choices) for each in text.split(","))
    )


def _run_all(settings: Sequence[Setting], typed: FailoverArguments) -> list[Run]:
    plan = plan_faults(typed.seed, typed.faults)
    with _progress(len(settings) * typed.faults) as advance:
        return [
            run_setting(
                setting,
                plan,
                rate=typed.rate,
                lag_ms=typed.lag_ms,
                seed=typed.seed,
                processes=typed.processes,
                advance=partial(advance, setting.name),
            )
            for setting in settings
        ]


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """Show on a terminal how many faults have struck, and under which setting."""
    if not sys.stderr.isatty():
        yield lambda name: None
        return
    with progress_bar() as progress:
        task = progress.add_task("faults", total=total)
        yield lambda name: progress.update(task, advance=1, description=name)


# --- what comes of it ---------------------------------------------------------------------


def _write(typed: FailoverArguments, runs: Sequence[Run]) -> None:
    if typed.json_file is not None:
        text = json.dumps(_report(typed, runs), indent=2)
        Path(typed.json_file).write_text(f"{text}\n", "utf-8")
    if typed.chart_file is not None:
        title = f"Failover under load: seed {typed.seed}"
        Path(typed.chart_file).write_text(chart_of(runs, title), "utf-8")


def _report(typed: FailoverArguments, runs: Sequence[Run]) -> dict[str, Any]:
    return {
        "benchmark": "failover",
        "clients": {
            client: metadata.version(PACKAGES[client])
            for client in _clients([run.figures.setting for run in runs])
        },
        "processes": typed.processes,
        "python": platform.python_version(),
        "seed": typed.seed,
        "records_per_second": typed.rate,
        "lag_ms": typed.lag_ms,
        "cluster_config": CLUSTER_CONFIG,
        "client_request_timeout_ms": CLIENT_REQUEST_TIMEOUT_MS,
        "client_metadata_max_age_ms": CLIENT_METADATA_MAX_AGE_MS,
        "plan": _plan_text(typed),
        "faults": {
            name: text for name, text in FAULTS.items() if name in typed.fault.split(",")
        },
        "rows": [
            {
                **run.figures.as_dict(),
                "spans": [asdict(span) for span in run.spans],
            }
            for run in runs
        ],
    }


def _plan_text(typed: FailoverArguments) -> str:
    lag = (
        f"before each, the leader's links to its followers are slowed by {typed.lag_ms} ms each "
        "way for about half a second, so that replication lags"
        if typed.lag_ms and not typed.processes
        else "links are as quick as loopback"
    )
    brokers = (
        "brokers in processes of their own" if typed.processes else "brokers in one process"
    )
    return f"{brokers}; {typed.faults} faults a row, each at who is it at the time; {lag}"


def _show(typed: FailoverArguments, rows: Sequence[Figures]) -> None:
    cells = [_cells(each) for each in rows]
    if on_terminal():
        show_table(f"Failover: seed {typed.seed}", COLUMNS, cells)
    else:
        show_lines("\t".join(line) for line in [COLUMNS, *cells])
    show_lines([f"{_plan_text(typed)}.", *_timeout_lines(), _LEGEND])


def _timeout_lines() -> list[str]:
    """Say what bounds the times above, from the configs in force."""
    session, fetch, election = (
        f"{name} {CLUSTER_CONFIG[name] / 1000:g} s"
        for name in (
            "broker.session.timeout.ms",
            "controller.quorum.fetch.timeout.ms",
            "controller.quorum.election.timeout.ms",
        )
    )
    request_s, age_s = CLIENT_REQUEST_TIMEOUT_MS / 1000, CLIENT_METADATA_MAX_AGE_MS / 1000
    leader = f"no leader: about {session}, which begins anew with another controller."
    controller = f"no controller: {fetch}, and up to twice {election} for each split vote."
    client = f"resumed: a client's requests time out after {request_s:g} s, its metadata after {age_s:g} s."
    return [leader, controller, client]


def _worst(found: Sequence[float | None]) -> str:
    """Return the longest of a row's times, and how often there was none."""
    times = [each for each in found if each is not None]
    never = len(found) - len(times)
    if not times:
        return "never"
    return f"{max(times):.2f}" + (f" ({never} never)" if never else "")


def _cells(row: Figures) -> tuple[str, ...]:
    return (
        row.setting.acks_text,
        f"{row.setting.min_insync_replicas}",
        "on" if row.setting.unclean else "off",
        row.setting.fault,
        row.setting.target,
        row.setting.client,
        f"{row.acknowledged}",
        _worst(row.failover_s),
        _worst(row.controller_s),
        _worst(row.resumed_s),
        f"{max(row.unavailable_s):.2f}",
        f"{row.lost}",
        f"{row.duplicated}",
        f"{row.reordered}",
        *(_latency(row, phase) for phase in ("before", "during", "after")),
        ",".join(row.violations) or "as promised",
    )


def _latency(row: Figures, phase: str) -> str:
    found = row.latency_ms.get(phase)
    return "-" if found is None else f"{found['p50']:.0f}/{found['p99']:.0f}"
