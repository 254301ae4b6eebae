"""What the kernel knows of a process tree: memory, processor time, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import defaultdict
from pathlib import Path

__all__ = ["cpu_seconds", "machine", "process_tree", "resident_mib", "settle"]

END_TIMEOUT_S = 20.0
# Fields of /proc/<pid>/stat behind the command's closing bracket, which may hold blanks.
PARENT, USER_TICKS, SYSTEM_TICKS = 1, 11, 12


def stat_fields(pid: int) -> list[str] | None:
    """/proc/<pid>/stat from the state on; None when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def process_tree(pid: int) -> list[int]:
    """The process and all that descend from it, parents first."""
    children = defaultdict(list)
    for entry in os.listdir("/proc"):
        fields = stat_fields(int(entry)) if entry.isdigit() else None
        if fields is not None:
            children[int(fields[PARENT])].append(int(entry))
    tree = [pid]
    for each in tree:
        tree += children[each]
    return tree


def resident_mib(pid: int) -> float:
    """Resident memory of the tree in MiB; pages that two of them share count twice."""
    kib = 0
    for each in process_tree(pid):
        try:
            status = Path(f"/proc/{each}/status").read_text()
        except OSError:
            continue
        kib += sum(
            int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")
        )
    return kib / 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of the tree so far, in seconds."""
    ticks = 0
    for each in process_tree(pid):
        fields = stat_fields(each)
        if fields is not None:
            ticks += int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])
    return ticks / os.sysconf("SC_CLK_TCK")


def settle(process: subprocess.Popen[str]) -> None:
    """End the process as a user would, by force when it does not listen."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [
        line.partition(":")[2].strip() for line in info.splitlines() if "model name" in line
    ]
    return {
        "cpu": models[0] if models else "unknown",
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "system": " ".join(os.uname()[i] for i in (0, 2, 4)),
    }
