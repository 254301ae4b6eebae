"""What can be typed: commands, options, help. Each command hands over to its own module."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from minikafka import __version__
from minikafka.cli.bench_commands import bench_app
from minikafka.cli.failures import UsageFailed
from minikafka.cli.running_commands import running_app
from minikafka.cli.up_options import UpOptions

__all__ = ["app", "run"]

app = typer.Typer(
    name="minikafka",
    help="A replicated Kafka cluster in one Python process.",
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
topics_app = typer.Typer(help="List, create, delete and describe topics of any Kafka cluster.")
app.add_typer(topics_app, name="topics")
app.add_typer(bench_app, name="bench")
app.add_typer(running_app)

# BadParameter is public, its bases are not; they are the errors of a command line.
_UsageError: Any = typer.BadParameter.__base__
_CommandLineError: Any = _UsageError.__base__

BootstrapServers = Annotated[
    str,
    typer.Option(
        "--bootstrap-servers",
        "-b",
        metavar="HOST:PORT,...",
        envvar="MINIKAFKA_BOOTSTRAP_SERVERS",
        help="Brokers to ask first.",
    ),
]
TimeoutSeconds = Annotated[
    float, typer.Option("--timeout", min=0.001, help="Seconds a broker may take to answer.")
]
Seconds = Annotated[float, typer.Option(min=0.1, help="Virtual seconds of clients and faults.")]
Profile = Annotated[str, typer.Option(help="What the trial is drawn from.")]
Mutate = Annotated[
    str | None, typer.Option(metavar="ID", help="Plant a bug that the checks must find.")
]
TopicName = Annotated[str, typer.Argument(metavar="TOPIC")]
UP = UpOptions()
DEFAULT_SERVERS = "127.0.0.1:9092"


def run(arguments: list[str]) -> int:
    """Return the exit code of a command line.

    Raises:
        UsageFailed: what was typed is no command line of ours.
        CommandFailed: from the command.
    """
    try:
        # Without a command there is nothing to do but to say what could be done.
        code = app(args=arguments or ["--help"], prog_name="minikafka", standalone_mode=False)
    except _CommandLineError as error:
        context = getattr(error, "ctx", None)
        command = "minikafka" if context is None else context.command_path
        raise UsageFailed(command, error.format_message()) from error
    except typer.Abort:
        return 0
    if not arguments:
        return 2
    return code if isinstance(code, int) else 0


def _version(value: bool) -> None:
    if value:
        typer.echo(f"minikafka {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """A replicated Kafka cluster in one Python process."""


@app.command()
def up(
    brokers: Annotated[int, typer.Option(min=1, help="How many brokers.")] = UP.brokers,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = UP.host,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65_535, help="Broker i listens on PORT+i-1; 0 picks free ports."
        ),
    ] = UP.port,
    http_port: Annotated[
        str | None,
        typer.Option(
            metavar="PORT|off", help="Of the HTTP API; by default 8080 if it is free."
        ),
    ] = UP.http_port,
    http_host: Annotated[
        str,
        typer.Option(help="Others than this machine need a token: MINIKAFKA_HTTP_TOKEN."),
    ] = UP.http_host,
    topic: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[:PARTITIONS[:RF]]", help="Topic to create; repeatable."),
    ] = None,
    config: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Broker config by Kafka's name; repeatable."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Fixes every id and every choice.")] = None,
    advertised_host: Annotated[
        str | None,
        typer.Option(help="What clients are told: HOST, or localhost where that is 0.0.0.0."),
    ] = None,
) -> int:
    """Run a cluster until SIGINT or SIGTERM.

    When every broker is ready, the first line on stdout is bootstrap.servers=HOST:PORT,...
    and the second http=URL, or http=off.
    """
    from minikafka.cli import up as command

    return command.up(
        UpOptions(
            brokers,
            host,
            port,
            http_port,
            tuple(topic or ()),
            tuple(config or ()),
            seed,
            advertised_host,
            http_host,
        )
    )


@app.command()
def broker(
    node_id: Annotated[int, typer.Option(min=0, help="Its id; a voter's if it is among them.")],
    voters: Annotated[
        str,
        typer.Option(
            metavar="ID@HOST:PORT,...",
            help="The metadata quorum: where each voter listens to brokers. The same everywhere.",
        ),
    ],
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="For clients; port 0 is a free one.")
    ] = DEFAULT_SERVERS,
    broker_listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="For brokers: a voter's own address by default, else a free port.",
        ),
    ] = None,
    advertised_host: Annotated[
        str | None, typer.Option(help="What clients are told; LISTEN's by default.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Where its logs lie. Without it they are in memory and end with the process: a "
            "voter started again like that has forgotten its votes and what the cluster is.",
        ),
    ] = None,
    cluster_id: Annotated[
        str | None,
        typer.Option(help="By default DIR's, or one that follows from the voters."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Broker config by Kafka's name; repeatable."
        ),
    ] = None,
) -> int:
    """Run one broker of a cluster whose others are processes elsewhere, until Ctrl-C.

    Once it is in the cluster, the first line on stdout is bootstrap.servers=HOST:PORT. Ctrl-C
    and SIGTERM let it leave in good order; a second one ends it at once.
    """
    from minikafka.cli import broker as command

    return command.broker(
        command.BrokerArguments(
            node_id,
            voters,
            listen,
            broker_listen,
            advertised_host,
            data,
            cluster_id,
            tuple(set_ or ()),
        )
    )


@topics_app.command("list")
def topics_list(
    bootstrap_servers: BootstrapServers = DEFAULT_SERVERS,
    internal: Annotated[bool, typer.Option(help="Also Kafka's own topics.")] = False,
    timeout: TimeoutSeconds = 30.0,
) -> int:
    """Show the topics, one a line."""
    from minikafka.cli import topics

    return topics.list_topics(bootstrap_servers, timeout, internal=internal)


@topics_app.command("create")
def topics_create(
    topic: TopicName,
    bootstrap_servers: BootstrapServers = DEFAULT_SERVERS,
    partitions: Annotated[int, typer.Option("--partitions", "-p", min=-1)] = -1,
    replication_factor: Annotated[int, typer.Option("--replication-factor", "-r", min=-1)] = -1,
    config: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Topic config; repeatable.")
    ] = None,
    timeout: TimeoutSeconds = 30.0,
) -> int:
    """Create a topic; -1 is the broker's default."""
    from minikafka.cli import topics

    return topics.create(
        bootstrap_servers, timeout, topic, partitions, replication_factor, config or []
    )


@topics_app.command("delete")
def topics_delete(
    topic: TopicName,
    bootstrap_servers: BootstrapServers = DEFAULT_SERVERS,
    timeout: TimeoutSeconds = 30.0,
) -> int:
    """Delete a topic and all its records."""
    from minikafka.cli import topics

    return topics.delete(bootstrap_servers, timeout, topic)


@topics_app.command("describe")
def topics_describe(
    topic: Annotated[str | None, typer.Argument(metavar="[TOPIC]")] = None,
    bootstrap_servers: BootstrapServers = DEFAULT_SERVERS,
    timeout: TimeoutSeconds = 30.0,
) -> int:
    """Show leaders, replicas, ISR and configs of one topic, or of all."""
    from minikafka.cli import topics

    return topics.describe(bootstrap_servers, timeout, topic)


@app.command()
def produce(
    topic: TopicName,
    bootstrap_servers: BootstrapServers = DEFAULT_SERVERS,
    key_separator: Annotated[
        str | None, typer.Option(help="What stands before it on a line is the key.")
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Header of every record; repeatable."),
    ] = None,
    partition: Annotated[
        int | None, typer.Option(min=0, help="Send all to this one, not by key.")
    ] = None,
    acks: Annotated[str, typer.Option(metavar="0|1|all")] = "all",
    compression: Annotated[str, typer.Option(metavar="none|gzip|snappy|lz4|zstd")] = "none",
    timeout: TimeoutSeconds = 30.0,
) -> int:
    """Send each line of stdin as a record."""
    from minikafka.cli import produce as command

    return command.produce(
        bootstrap_servers,
        timeout,
        topic,
        key_separator=key_separator,
        headers=header or [],
        partition=partition,
        acks=acks,
        compression=compression,
    )


@app.command()
def consume(
    topic: TopicName,
    bootstrap_servers: BootstrapServers = DEFAULT_SERVERS,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Not only what comes from now on.")
    ] = False,
    max_messages: Annotated[
        int | None, typer.Option("--max-messages", "-n", min=0, help="Stop after so many.")
    ] = None,
    exit_at_end: Annotated[
        bool, typer.Option("--exit-at-end", "-e", help="Stop at what is the end now.")
    ] = False,
    partition: Annotated[
        list[int] | None, typer.Option(min=0, help="Only this one; repeatable.")
    ] = None,
    isolation: Annotated[
        str, typer.Option(metavar="read_uncommitted|read_committed")
    ] = "read_uncommitted",
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            metavar="value|key|full|json",
            help="value; key<TAB>value; with partition, offset and timestamp; JSON lines.",
        ),
    ] = "value",
    timeout: TimeoutSeconds = 30.0,
) -> int:
    """Print the records of a topic, one a line, until Ctrl-C."""
    from minikafka.cli import consume as command

    return command.consume(
        bootstrap_servers,
        timeout,
        topic,
        from_beginning=from_beginning,
        max_messages=max_messages,
        exit_at_end=exit_at_end,
        partitions=partition or None,
        isolation=isolation,
        form=format_,
    )


@app.command()
def trial(
    seed: Annotated[int, typer.Option(help="Decides everything that happens.")],
    seconds: Seconds = 60.0,
    profile: Profile = "default",
    mutate: Mutate = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="No worker, no replay: for a debugger.")
    ] = False,
) -> int:
    """Run one seed of a simulated cluster with clients and faults; exit 1 on a violation."""
    from minikafka.cli.trial import trial as run_one

    return run_one(
        seed,
        seconds=seconds,
        profile=profile,
        mutate=mutate,
        as_json=as_json,
        in_process=in_process,
    )


@app.command()
def trials(
    seeds: Annotated[str, typer.Option(metavar="FIRST:END", help="END is exclusive.")],
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Seeds at a time; one per core by default.")
    ] = None,
    seconds: Seconds = 60.0,
    profile: Profile = "default",
    mutate: Mutate = None,
    stop_at_first: Annotated[
        bool, typer.Option("--stop-at-first", help="Stop at the first violation.")
    ] = False,
) -> int:
    """Run many seeds; the failing ones are listed with how to have them again."""
    first, colon, end = seeds.partition(":")
    if not colon or not first.isdecimal() or not end.isdecimal() or int(first) >= int(end):
        raise UsageFailed("minikafka trials", f"--seeds is FIRST:END, not {seeds!r}")
    from minikafka.cli.trial import trials as run_many

    return run_many(
        int(first),
        int(end),
        seconds=seconds,
        profile=profile,
        mutate=mutate,
        jobs=jobs,
        stop_at_first=stop_at_first,
    )
