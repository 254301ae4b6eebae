"""`minikafka broker`: one broker of a cluster, in the foreground of a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minikafka.base.config import ConfigError
from minikafka.cli.failures import CommandFailed, UsageFailed
from minikafka.cli.parsing import parse_address, parse_pairs, parse_voters
from minikafka.cli.running import collect_rarely, run_until_signal
from minikafka.cluster.data_directory import DataDirectoryRefused
from minikafka.cluster.standalone import StandaloneBroker, StandaloneOptions

__all__ = ["BrokerArguments", "broker"]

COMMAND = "minikafka broker"
PATIENCE_S = 3.0
"""How long a broker may look for its quorum before it says that it still does."""


@dataclass(frozen=True, slots=True)
class BrokerArguments:
    """What was typed, as it was typed."""

    node_id: int
    voters: str
    listen: str
    broker_listen: str | None
    advertised_host: str | None
    data: str | None
    cluster_id: str | None
    config: Sequence[str]


def broker(typed: BrokerArguments) -> int:
    """Run one broker until a signal; 0 after a controlled shutdown.

    Raises:
        UsageFailed: an option makes no sense, or a config that Kafka refuses.
        CommandFailed: a port or the data directory cannot be had, nobody let the broker into
            the cluster, or its disk failed.
    """
    try:
        options = _options(typed)
    except ValueError as error:
        raise UsageFailed(COMMAND, str(error)) from error
    return run_until_signal(_serve(options), hurry=True)


def _options(typed: BrokerArguments) -> StandaloneOptions:
    if typed.data == "":
        raise ValueError("--data is a directory, not ''")
    if typed.cluster_id is not None and not typed.cluster_id.strip():
        raise ValueError("--cluster-id is a name, not ''")
    broker_listen = typed.broker_listen
    return StandaloneOptions(
        typed.node_id,
        parse_voters(typed.voters),
        parse_address("--listen", typed.listen),
        None if broker_listen is None else parse_address("--broker-listen", broker_listen),
        typed.advertised_host,
        None if typed.data is None else Path(typed.data),
        typed.cluster_id,
        parse_pairs("--set", typed.config),
    )


async def _serve(options: StandaloneOptions) -> int:
    try:
        running = StandaloneBroker(options)
    except ConfigError as error:
        raise UsageFailed(COMMAND, str(error)) from error
    except DataDirectoryRefused as error:
        raise CommandFailed(COMMAND, str(error)) from error
    except OSError as error:
        message = f"cannot use {options.data}: {error.strerror or error}"
        raise CommandFailed(COMMAND, message) from error
    try:
        await _start(running)
        collect_rarely()
        sys.stdout.write(f"bootstrap.servers={running.address}\n")
        sys.stdout.flush()
        try:
            await running.failed
        except OSError as error:
            message = f"{options.data} failed: {error.strerror or error}"
            raise CommandFailed(COMMAND, message) from error
    finally:
        await running.stop()
    return 0


async def _start(running: StandaloneBroker) -> None:
    try:
        await running.start()
    except OSError as error:
        raise CommandFailed(COMMAND, f"cannot listen: {error.strerror or error}") from error
    except ValueError as error:
        # A quorum that cannot be.
        raise UsageFailed(COMMAND, str(error)) from error
    complaint = asyncio.get_running_loop().call_later(PATIENCE_S, _complain, running)
    try:
        await running.ready()
    except TimeoutError as error:
        raise CommandFailed(COMMAND, str(error)) from error
    except OSError as error:
        raise CommandFailed(COMMAND, f"cannot listen: {error.strerror or error}") from error
    finally:
        complaint.cancel()


def _complain(running: StandaloneBroker) -> None:
    voters = ",".join(
        f"{voter}@{host}:{port}" for voter, (host, port) in running.options.voters.items()
    )
    with contextlib.suppress(OSError):
        sys.stderr.write(
            f"{COMMAND}: still looking for the controller among {voters}{running.why}\n"
        )
