"""`minikafka up`: a cluster in the foreground."""

from __future__ import annotations

import asyncio
import errno
import sys
from collections.abc import Sequence

from minikafka.base.config import ConfigError
from minikafka.base.errors import KafkaError
from minikafka.cli.failures import CommandFailed, UsageFailed
from minikafka.cli.parsing import TopicSpec, parse_pairs, parse_topic
from minikafka.cli.running import run_until_signal
from minikafka.cluster.cluster import AsyncCluster

__all__ = ["up"]

COMMAND = "minikafka up"


def up(
    *,
    brokers: int,
    host: str,
    port: int,
    http_port: str,
    topics: Sequence[str],
    config: Sequence[str],
    seed: int | None,
) -> int:
    """Run a cluster until a signal; 0 after a controlled shutdown.

    Raises:
        UsageFailed: an option makes no sense, or a config that Kafka refuses.
        CommandFailed: a port is in use, a topic was refused.
    """
    try:
        _check_http_port(http_port)
        specs = [parse_topic(text) for text in topics]
        given = parse_pairs("--config", config)
        cluster = AsyncCluster(brokers, given, host=host, port=port, seed=seed)
    except (ConfigError, ValueError) as error:
        raise UsageFailed(COMMAND, str(error)) from error
    if http_port != "off":
        sys.stderr.write(
            "minikafka up: the HTTP API is not there yet; --http-port is ignored\n"
        )
    return run_until_signal(_serve(cluster, specs, host, port))


async def _serve(
    cluster: AsyncCluster, specs: Sequence[TopicSpec], host: str, port: int
) -> int:
    try:
        await cluster.start()
    except TimeoutError as error:
        raise CommandFailed(COMMAND, f"a broker did not come up: {error}") from error
    except OSError as error:
        raise CommandFailed(COMMAND, _listen_failure(error, host, port)) from error
    try:
        for spec in specs:
            await _create(cluster, spec)
        # One write, so that whoever reads the first line finds the second there, too.
        sys.stdout.write(f"bootstrap.servers={cluster.bootstrap_servers}\nhttp=off\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().create_future()
    finally:
        await cluster.close()
    return 0


async def _create(cluster: AsyncCluster, spec: TopicSpec) -> None:
    try:
        await cluster.create_topic(
            spec.name, partitions=spec.partitions, replication_factor=spec.replication_factor
        )
    except KafkaError as error:
        raise CommandFailed(COMMAND, f"topic {spec.name!r}: {error}") from error


def _check_http_port(text: str) -> None:
    if text != "off" and not (text.isdecimal() and int(text) < 65_536):
        raise ValueError(f"--http-port is a port or off, not {text!r}")


def _listen_failure(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"cannot listen on {host}, ports from {port} on: one is in use"
    return f"cannot listen on {host}: {error.strerror or error}"
