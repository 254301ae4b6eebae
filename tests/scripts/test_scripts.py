"""Every golden script says what the machine says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scripts.replication_machine import ReplicationMachine
from tests.scripts.transaction_machine import TransactionMachine
from tests.support.golden import Command, check_script

HERE = Path(__file__).parent
SCRIPTS = sorted((HERE / "replication").glob("*.txt"))
TRANSACTIONS = sorted((HERE / "transactions").glob("*.txt"))


@pytest.mark.parametrize("path", SCRIPTS, ids=[path.stem for path in SCRIPTS])
def test_replication(path: Path) -> None:
    """Leader and follower machines, from a claim at the head of the file to its proof."""
    check_script(path, ReplicationMachine().run)


@pytest.mark.parametrize("path", TRANSACTIONS, ids=[path.stem for path in TRANSACTIONS])
def test_transactions(path: Path) -> None:
    """A transaction coordinator, its log and whoever asks it."""
    check_script(path, TransactionMachine().run)


def test_planted_difference_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that the machine does not say fails, and is right after a rewrite."""
    monkeypatch.delenv("GOLDENS", raising=False)
    script = tmp_path / "planted.txt"
    script.write_text("# A claim.\n\nsay a=1\n----\nwrong\n", "utf-8")

    def say(command: Command) -> list[str]:
        return [f"{command.name} {command.number('a')}"]

    with pytest.raises(AssertionError):
        check_script(script, say)
    monkeypatch.setenv("GOLDENS", "rewrite")
    check_script(script, say)
    assert script.read_text("utf-8") == "# A claim.\n\nsay a=1\n----\nsay 1\n"
    monkeypatch.delenv("GOLDENS")
    check_script(script, say)
