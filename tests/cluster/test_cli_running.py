"""`minikafka status`, `crash` and the like against a running `minikafka up`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from minikafka.cli import main

TOKEN = "s3cret"


@contextmanager
def running() -> Iterator[str]:
    """Run a cluster of three with a topic and a token; yield the URL of its API."""
    arguments = ("up", "--port", "0", "--http-port", "0", "--topic", "orders:2:3")
    process = subprocess.Popen(
        [sys.executable, "-m", "minikafka", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "MINIKAFKA_HTTP_TOKEN": TOKEN},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("bootstrap.servers=")
        yield process.stdout.readline().strip().removeprefix("http=")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.time_limit(60)
def test_running_cluster_is_shown_broken_and_mended(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines into a pipe; a refusal is one line with Kafka's name, and exit code 1."""

    def said(*arguments: str, code: int = 0) -> str:
        assert main(list(arguments)) == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    with running() as url:
        monkeypatch.setenv("MINIKAFKA_HTTP", url)
        assert said("status", code=1).startswith("minikafka status: SASL_AUTHENTICATION_FAILED")
        monkeypatch.setenv("MINIKAFKA_HTTP_TOKEN", TOKEN)
        cluster, *lines = said("status").splitlines()
        assert cluster.startswith("cluster id=")
        assert [line.split(" fenced")[0] for line in lines[:3]] == [
            f"broker {broker} state=up" for broker in (1, 2, 3)
        ]
        assert [line.split(" leader=")[0] for line in lines[3:]] == [
            "partition orders-0",
            "partition orders-1",
        ]
        assert all("isr=1,2,3 high_watermark=0" in line for line in lines[3:])
        shown = said("top", "--once")
        assert "3 of 3 up" in shown
        rows = [line.split()[0] for line in shown.splitlines() if "orders-" in line]
        assert rows == ["orders-0", "orders-1"]
        for verb, state in (
            ("crash", "down"), ("restart", "up"), ("stop", "down"), ("restart", "up"),
            ("pause", "paused"), ("resume", "up"), ("isolate", "up"),
        ):  # fmt: skip
            assert said(verb, "2").startswith(f"broker 2 state={state} ")
        assert said("heal") == ""
        assert said("crash", "2", "--power").startswith("broker 2 state=down ")
        assert said("crash", "2", code=1) == (
            "minikafka crash: BROKER_NOT_AVAILABLE: broker 2 is not up\n"
        )
        assert said("pause", "9", code=1) == (
            "minikafka pause: BROKER_ID_NOT_REGISTERED: there is no broker 9\n"
        )
