"""The benchmark of commits, with figures so small that it only shows that it measures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.commit_app import CLIENTS, Strategy

ROOT = Path(__file__).parents[2]
MODULES = {"aiokafka": "aiokafka", "confluent-kafka": "confluent_kafka"}


def figures(file: Path, client: str, strategies: str) -> dict[str, Any]:
    """What a small run wrote, by strategy."""
    small = ("--rounds=1", "--crashes=1", "--records=1500", "--budget=0.5", f"--json={file}")
    subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.bench_commits", *small),
            *(f"--client={client}", f"--strategies={strategies}"),
        ],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return {each["strategy"]: each for each in json.loads(file.read_text())["figures"]}


@pytest.mark.client
@pytest.mark.time_limit(60)
@pytest.mark.parametrize("client", CLIENTS)
def test_no_more_comes_again_than_lies_between_two_commits(client: str, tmp_path: Path) -> None:
    """The record in hand, or all since the last commit; and never is one left out."""
    pytest.importorskip(MODULES[client])
    pytest.importorskip("confluent_kafka")
    found = figures(tmp_path / "result.json", client, "each,every-400")
    assert found["each"]["again"][0] in (0, 1)
    assert 0 <= found["every-400"]["again"][0] <= 400
    assert all(each["per_s"][0] > 0 for each in found.values())


@pytest.mark.parametrize(
    ("name", "strategy", "span"),
    [
        ("each", Strategy(every=1), 1),
        ("every-50", Strategy(every=50), 50),
        ("async", Strategy(asynchronous=True), 1),
        ("auto-200", Strategy(interval_ms=200), 400),
    ],
)
def test_name_says_when_to_commit(name: str, strategy: Strategy, span: int) -> None:
    """And with the pace, how many records lie between two commits: here 2,000 a second."""
    assert Strategy.of(name) == strategy
    assert strategy.span(2000) == span


@pytest.mark.parametrize(
    "name", ["", "every", "every-0", "every-x", "auto-", "never", "each-5"]
)
def test_other_names_are_refused(name: str) -> None:
    """None is taken for a strategy that was not meant."""
    with pytest.raises(ValueError, match="auto-MS"):
        Strategy.of(name)
