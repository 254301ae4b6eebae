"""`minikafka up` as a process: its two lines, its end, its refusals."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from minikafka.cluster.remote import parse_bootstrap_servers


@contextmanager
def up(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `minikafka up`; whatever happens, no process is left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "minikafka", "up", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    """Return the first two lines of stdout."""
    assert process.stdout is not None
    return [process.stdout.readline().rstrip("\n") for _ in range(2)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_in_order(number: signal.Signals) -> None:
    """Two lines when all is ready; after a signal exit code 0, silence, and free ports."""
    with up("--port", "0", "--brokers", "2", "--http-port", "off") as process:
        first, second = lines_of(process)
        name, _, servers = first.partition("=")
        addresses = parse_bootstrap_servers(servers)
        assert (name, second, len(addresses)) == ("bootstrap.servers", "http=off", 2)
        for address in addresses:
            socket.create_connection(address, timeout=5).close()
        process.send_signal(number)
        rest, complaints = process.communicate(timeout=10)
        assert (process.returncode, rest, complaints) == (0, "", "")
    for address in addresses:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)


def test_topics_are_there_before_the_first_line() -> None:
    """Whoever reads the first line finds the topics asked for."""
    with up("--port", "0", "--topic", "orders:6:2", "--topic", "plain") as process:
        servers = lines_of(process)[0].partition("=")[2]
        described = subprocess.run(
            [sys.executable, "-m", "minikafka", "topics", "describe", "-b", servers],
            capture_output=True,
            text=True,
            check=True,
            timeout=15,
        ).stdout.splitlines()
    heads = [line.split(" id=")[0] for line in described if " id=" in line]
    assert heads == ["orders", "plain"]
    assert sum(line.startswith("orders partition=") for line in described) == 6
    assert all(
        line.split("replicas=")[1].split()[0].count(",") == 1
        for line in described
        if line.startswith("orders partition=")
    )


def test_port_in_use_is_one_line_and_exit_code_1() -> None:
    """A second cluster on the same ports is refused before it begins."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with up("--port", str(port), "--brokers", "1") as process:
            output, complaints = process.communicate(timeout=10)
    assert (process.returncode, output) == (1, "")
    assert complaints == (f"minikafka up: cannot listen on 127.0.0.1: port {port} is in use\n")


def test_topic_that_is_refused_is_one_line_and_exit_code_1() -> None:
    """What the controller refuses is said by its Kafka name, and nothing keeps running."""
    with up("--port", "0", "--brokers", "1", "--topic", "orders:1:2") as process:
        output, complaints = process.communicate(timeout=10)
    assert (process.returncode, output) == (1, "")
    assert complaints.startswith("minikafka up: topic 'orders': INVALID_REPLICATION_FACTOR")
    assert complaints.count("\n") == 1


def test_second_line_is_the_url_of_the_http_api() -> None:
    """It answers there, at once; after a signal the port is free and nothing was complained of."""
    with up("--port", "0", "--brokers", "1", "--http-port", "0") as process:
        url = lines_of(process)[1].removeprefix("http=")
        address = parse_bootstrap_servers(url.removeprefix("http://"))[0]
        with socket.create_connection(address, timeout=5) as client:
            client.sendall(b"GET /v1/cluster HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200 OK")
            process.send_signal(signal.SIGTERM)
            _, complaints = process.communicate(timeout=10)
        assert (process.returncode, complaints) == (0, "")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)


def test_http_port_in_use_is_refused_where_it_was_asked_for() -> None:
    """One line and exit code 1; the default gives way to a free port, and says so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with up("--port", "0", "--brokers", "1", "--http-port", port) as process:
            output, complaints = process.communicate(timeout=10)
    assert (process.returncode, output) == (1, "")
    said = f"cannot listen on 127.0.0.1 for HTTP: port {port} is in use"
    assert complaints == f"minikafka up: {said}\n"


def test_default_http_port_gives_way() -> None:
    """Of two clusters without options for it, one has 8080 at most, and both have an API."""
    with up("--port", "0", "--brokers", "1") as one, up("--port", "0", "--brokers", "1") as two:
        urls = [lines_of(process)[1] for process in (one, two)]
        two.send_signal(signal.SIGTERM)
        one.send_signal(signal.SIGTERM)
        complaints = [process.communicate(timeout=10)[1] for process in (one, two)]
    assert urls[0] != urls[1]
    assert all(url.startswith("http=http://127.0.0.1:") for url in urls)
    others = [url for url in urls if not url.endswith(":8080")]
    note = "minikafka up: port 8080 is in use; the HTTP API has another\n"
    assert complaints.count(note) == len(others) >= 1


@pytest.mark.parametrize(
    ("arguments", "advertised"),
    [
        (("--host", "0.0.0.0"), "localhost"),
        (("--host", "0.0.0.0", "--advertised-host", "kafka.test"), "kafka.test"),
    ],
)
def test_clients_are_told_an_address_they_can_reach(
    arguments: tuple[str, ...], advertised: str
) -> None:
    """Nobody can connect to the address of every interface, so it is never advertised."""
    with up("--brokers", "1", "--port", "0", *arguments) as process:
        first, _ = lines_of(process)
    (host, port), *others = parse_bootstrap_servers(first.removeprefix("bootstrap.servers="))
    assert (host, others) == (advertised, [])
    assert port > 0
