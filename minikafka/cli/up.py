"""`minikafka up`: a cluster in the foreground."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import Mapping, Sequence

from minikafka.base.config import ConfigError
from minikafka.base.errors import KafkaError
from minikafka.cli.failures import CommandFailed, UsageFailed
from minikafka.cli.parsing import TopicSpec, parse_pairs, parse_topic
from minikafka.cli.running import collect_rarely, run_until_signal
from minikafka.cli.up_options import TOKEN_VARIABLE, UpOptions
from minikafka.cluster.cluster import AsyncCluster
from minikafka.http.server import HttpServer
from minikafka.wire.codec import preload
from minikafka.wire.versions import ApiKey

__all__ = ["up"]

COMMAND = "minikafka up"
HTTP_PORT = "8080"

# Versions that current clients send, by API; Produce and Fetch need no schemas.
_FIRST_ASKED: Mapping[ApiKey, Sequence[int]] = {
    ApiKey.API_VERSIONS: (3, 4, 0),
    ApiKey.METADATA: (13, 12, 5, 8, 10),
    ApiKey.LIST_OFFSETS: (7, 10, 3, 2),
    ApiKey.INIT_PRODUCER_ID: (4, 5),
    ApiKey.FIND_COORDINATOR: (2, 6, 1),
    ApiKey.CREATE_TOPICS: (4, 7),
    ApiKey.JOIN_GROUP: (5, 7),
    ApiKey.SYNC_GROUP: (3, 5),
    ApiKey.HEARTBEAT: (3, 4, 1),
    ApiKey.OFFSET_FETCH: (9, 8, 3),
    ApiKey.OFFSET_COMMIT: (9, 8, 3),
}


def up(options: UpOptions) -> int:
    """Run a cluster until a signal; 0 after a controlled shutdown.

    Raises:
        UsageFailed: an option makes no sense, or a config that Kafka refuses.
        CommandFailed: a port is in use, a topic was refused.
    """
    try:
        specs = [parse_topic(text) for text in options.topics]
        config = parse_pairs("--config", options.config)
        cluster = AsyncCluster(
            options.brokers,
            config,
            host=options.host,
            port=options.port,
            seed=options.seed,
            advertised_host=options.advertised_host,
        )
        server = _http_server(cluster, options)
    except (ConfigError, ValueError) as error:
        raise UsageFailed(COMMAND, str(error)) from error
    return run_until_signal(_serve(cluster, server, specs, options))


async def _serve(
    cluster: AsyncCluster,
    server: HttpServer | None,
    specs: Sequence[TopicSpec],
    options: UpOptions,
) -> int:
    try:
        await cluster.start()
    except TimeoutError as error:
        raise CommandFailed(COMMAND, f"a broker did not come up: {error}") from error
    except OSError as error:
        raise CommandFailed(COMMAND, _listen_failure(error, options)) from error
    try:
        for spec in specs:
            await _create(cluster, spec)
        if server is not None:
            await _listen(server, options)
        collect_rarely()
        http = "off" if server is None else server.url
        # One write, so that whoever reads the first line finds the second there, too.
        sys.stdout.write(f"bootstrap.servers={cluster.bootstrap_servers}\nhttp={http}\n")
        sys.stdout.flush()
        if server is not None and sys.stderr.isatty():
            sys.stderr.write(f"The console is at {server.url}/\n")
        await _preload()
        if server is not None:
            await server.preload()
        await asyncio.get_running_loop().create_future()
    finally:
        if server is not None:
            await server.close()
        await cluster.close()
    return 0


def _http_server(cluster: AsyncCluster, options: UpOptions) -> HttpServer | None:
    text = HTTP_PORT if options.http_port is None else options.http_port
    if text == "off":
        return None
    if not (text.isascii() and text.isdecimal() and int(text) < 65_536):
        raise ValueError(f"--http-port is a port or off, not {text!r}")
    token = os.environ.get(TOKEN_VARIABLE)
    return HttpServer(cluster, host=options.http_host, port=int(text), token=token)


async def _listen(server: HttpServer, options: UpOptions) -> None:
    """Open the HTTP API; where nobody has named a port, one that is in use is no failure."""
    try:
        try:
            await server.start()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or options.http_port is not None:
                raise
            message = f"port {HTTP_PORT} is in use; the HTTP API has another"
            sys.stderr.write(f"{COMMAND}: {message}\n")
            await server.start(port=0)
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        reason = f"port {server.port} is in use" if in_use else error.strerror or str(error)
        message = f"cannot listen on {options.http_host} for HTTP: {reason}"
        raise CommandFailed(COMMAND, message) from error


async def _preload() -> None:
    """Load the schemas of what clients ask first, one a turn: each costs some milliseconds."""
    for key, versions in _FIRST_ASKED.items():
        for version in versions:
            preload([(key, version)])
            await asyncio.sleep(0)


async def _create(cluster: AsyncCluster, spec: TopicSpec) -> None:
    try:
        await cluster.create_topic(
            spec.name, partitions=spec.partitions, replication_factor=spec.replication_factor
        )
    except KafkaError as error:
        raise CommandFailed(COMMAND, f"topic {spec.name!r}: {error}") from error


def _listen_failure(error: OSError, options: UpOptions) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"cannot listen on {options.host}: {error.strerror or error}"
    last = options.port + options.brokers - 1
    ports = f"port {last}" if options.brokers == 1 else f"one of {options.port} to {last}"
    return f"cannot listen on {options.host}: {ports} is in use"
