"""Seeds run in processes of their own, the same everywhere, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from minikafka.trials.job import Job, JobRefused
from minikafka.trials.runner import WorkerFailed, run_seeds

TARGETS = "tests.support.trial_targets"
ROOT = Path(__file__).resolve().parents[3]

SCRIPT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from minikafka.trials.job import Job
from minikafka.trials.runner import run_seeds
for report in run_seeds(Job("{TARGETS}:waits", {{"fifo": sys.argv[1]}}), range(1, 9), jobs=1):
    pass
"""


@pytest.fixture
def fifo(tmp_path: Path) -> str:
    """A named pipe: its reader sees the end of it when its last writer has died."""
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    return path


def test_reports_come_for_every_seed() -> None:
    """Each seed is run once, however many run at a time."""
    job = Job(f"{TARGETS}:steady", {"bad": [3]})
    found = list(run_seeds(job, [5, 3, 9, 1], jobs=3))
    assert sorted(report.seed for report in found) == [1, 3, 5, 9]
    assert [report.seed for report in found if not report.ok] == [3]


def test_seed_has_one_hash_in_every_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets of strings have one order in all workers, whatever the hash seed here."""
    job = Job(f"{TARGETS}:counting")
    hashes = set()
    for salt in ("1", "2", "random"):
        monkeypatch.setenv("PYTHONHASHSEED", salt)
        hashes |= {report.hash for report in run_seeds(job, [1, 2])}
    assert len(hashes) == 1


def may_fix_addresses() -> bool:
    """Tell whether the system lets a process ask for the same addresses each time."""
    code = (
        "import ctypes; f = ctypes.CDLL(None).personality; now = f(0xFFFFFFFF); "
        "print(now != -1 and f(now | 0x0040000) != -1)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    return ran.stdout == "True\n"


@pytest.mark.skipif(not may_fix_addresses(), reason="addresses cannot be fixed here")
def test_objects_have_one_order_in_every_process() -> None:
    """Addresses are the same in all workers, and with them the order of a set of objects.

    Where Python need not compile first what it imports: that leaves other addresses free.
    """
    job = Job(f"{TARGETS}:by_address")
    list(run_seeds(job, [0]))
    hashes = [report.hash for _ in range(3) for report in run_seeds(job, range(3))]
    assert len(hashes) == 9
    assert len(set(hashes)) == 1


def test_no_seeds_are_no_reports() -> None:
    """There may be nothing to do."""
    assert list(run_seeds(Job(f"{TARGETS}:steady"), [])) == []


def test_seeds_are_any_whole_numbers() -> None:
    """A seed is not bound to what fits into a machine word."""
    seeds = [-1, 0, 1 << 80]
    found = run_seeds(Job(f"{TARGETS}:steady"), seeds)
    assert sorted(report.seed for report in found) == seeds


def processes_of(session: int) -> list[str]:
    """Return the processes of a session, dead ones that nobody waited for included."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,stat=,args=", "-s", str(session)],
        capture_output=True,
        text=True,
        check=False,
    )
    return listed.stdout.splitlines()


def test_stopping_early_leaves_no_process(fifo: str) -> None:
    """When the reports are closed, every process of the call has ended and was waited for."""
    reports = run_seeds(Job(f"{TARGETS}:waits", {"fifo": fifo}), range(9), jobs=2)
    assert next(reports).seed == 0
    with open(fifo, encoding="ascii") as pipe:
        session = os.getsid(int(pipe.readline()))
        assert len(processes_of(session)) >= 3  # a worker, a supervisor, a run
        reports.close()
        assert processes_of(session) == []
        pipe.read()  # to its end: no run lives
    with pytest.raises(ChildProcessError):
        os.waitpid(session, os.WNOHANG)


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGKILL])
def test_death_of_the_caller_ends_every_run(fifo: str, signal_: signal.Signals) -> None:
    """Ctrl-C ends the runs, and so does what leaves the caller no time to say so."""
    with (
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, fifo], stderr=subprocess.DEVNULL
        ) as process,
        open(fifo, encoding="ascii") as pipe,
    ):
        assert int(pipe.readline()) != process.pid
        process.send_signal(signal_)
        pipe.read()  # to its end: no run lives


def test_options_that_make_no_sense_are_refused() -> None:
    """The message of the check comes through, and no seed is run."""
    job = Job(f"{TARGETS}:steady", {"taste": "sour"}, check=f"{TARGETS}:check_taste")
    with pytest.raises(JobRefused, match=r"^no taste 'sour'$"):
        next(run_seeds(job, [1]))


def test_target_that_cannot_be_imported_is_a_failure_with_its_traceback(tmp_path: Path) -> None:
    """The message is one line; a note shows the line of the test module that raised."""
    file = tmp_path / "broken.py"
    file.write_text("x = 1\nx.gone()  # the culprit\n")
    with pytest.raises(WorkerFailed, match=r"^cannot load broken:f: AttributeError") as caught:
        next(run_seeds(Job("broken:f", file=str(file)), [1]))
    assert "the culprit" in caught.value.__notes__[0]


def test_worker_that_dies_is_a_failure(tmp_path: Path) -> None:
    """Whoever waits for its reports is told how it ended."""
    file = tmp_path / "deadly.py"
    file.write_text("import os\nos._exit(3)\n")
    with pytest.raises(WorkerFailed, match="exit code 3"):
        next(run_seeds(Job("deadly:f", file=str(file)), [1]))
