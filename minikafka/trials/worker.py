"""The process that seeds are run from: imports the target once, then forks once for each seed.

    runner -- worker, the state after the import; forks and nothing else
                |-- supervisor of one seed -- child, runs it
                `-- supervisor of one seed -- child, runs it

Every child starts from the same state, so seed 17 of 200 does what seed 17 alone does, even where
it orders objects by address. That is why the worker's loop allocates nothing that it keeps: it
never sees a seed or a report, and whoever was forked fetches its own work.

Standard input is a pipe from the runner: a line `{"path": [...], "job": {...}}`, then one byte
for each seed. The number of a socket is the one argument. On it the worker answers with a line,
`{}` or `{"refused": why}` or `{"failed": why, "traceback": text}`; later it carries to each
supervisor a socket of its own. On that one come `{"seed": 17, "trace_file": null, "wall_limit_s":
120}` and back the report, each a line. Its end ends the seed, so nothing outlives the runner.

What the target prints goes to standard error.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import traceback
from types import FrameType
from typing import Any, NoReturn

from minikafka.trials.job import Job, JobRefused, Report

__all__ = ["main", "read_line"]

_LIMITS_REAL = 3
"""How many limits of processor time a run may take of real time: the machine may be busy with other
things, or stand still for a while."""

_GRACE_S_MAX = 5.0
"""Real seconds that a child has to say where it hangs, before it is killed."""

_ADDR_NO_RANDOMIZE = 0x0040000
_ASK_ONLY = 0xFFFFFFFF


def main() -> None:
    """Get ready, say so, and fork until the runner has no more seeds."""
    _fix_addresses()
    faulthandler.enable()
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    # Byte by byte: what follows the line is no part of it.
    asked = json.loads(b"".join(iter(lambda: os.read(0, 1), b"\n")))
    sys.path[:] = asked["path"]
    job = Job(**asked["job"])
    answer = _get_ready(job)
    control.sendall(json.dumps(answer).encode() + b"\n")
    if not answer:
        _serve(job, control)


def _fix_addresses() -> None:
    """Begin again at addresses that are always the same, where the system lets us (Linux).

    Sets of plain objects are ordered by address, and `hash(None)` is one before Python 3.12.
    """
    personality = getattr(ctypes.CDLL(None), "personality", None)
    if personality is None:
        return
    personality.argtypes = [ctypes.c_ulong]
    now = personality(_ASK_ONLY)
    # Containers commonly refuse it: then addresses stay as they come.
    if now == -1 or now & _ADDR_NO_RANDOMIZE or personality(now | _ADDR_NO_RANDOMIZE) == -1:
        return
    if personality(_ASK_ONLY) & _ADDR_NO_RANDOMIZE:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _get_ready(job: Job) -> dict[str, str]:
    """Import everything; return why that cannot be done, or nothing."""
    try:
        job.prepare()
        prepare = getattr(job.load(), "prepare", None)
        # Whoever runs clusters is spared building the protocol's schemas in each child.
        run = sys.modules.get("minikafka.trials.run")
        if prepare is None and run is not None:
            prepare = run.prepare
        if prepare is not None:
            prepare()
    except JobRefused as error:
        return {"refused": str(error)}
    except BaseException as error:  # noqa: BLE001 - a test module may raise anything
        why = f"{type(error).__name__}: {error}"
        return {"failed": why, "traceback": traceback.format_exc()}
    return {}


def _serve(job: Job, control: socket.socket) -> None:
    """Fork a supervisor for each byte."""
    sys.stdout.flush()
    sys.stderr.flush()
    # The kernel reaps: to ask for their ends would be something to keep.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    # Children share what is there as long as nobody writes to it; the collector would.
    gc.freeze()
    while os.read(0, 1):
        if not os.fork():
            _supervise(job, control)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(-1, 0)  # until the last one has ended


def read_line(stream: socket.socket) -> bytes:
    """Return what comes up to the end of a line, or of the stream."""
    line = bytearray()
    while not line.endswith(b"\n"):
        data = stream.recv(1 << 16)
        if not data:
            break
        line += data
    return bytes(line)


def _supervise(job: Job, control: socket.socket) -> NoReturn:
    """Fetch a seed, run it in a child, and report in its stead where it cannot."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    control.close()
    stream = socket.socket(fileno=descriptors[0])
    asked: dict[str, Any] = json.loads(read_line(stream) or b"{}")
    if asked:
        ended, running = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ended)
            _run(job, stream, **asked)
        os.close(running)
        with contextlib.suppress(ConnectionError):
            _watch(stream, child, ended, asked["seed"], asked["wall_limit_s"])
    os._exit(0)


def _watch(
    stream: socket.socket, child: int, ended: int, seed: int, wall_limit_s: float
) -> None:
    patience_s = _LIMITS_REAL * wall_limit_s + min(wall_limit_s, _GRACE_S_MAX)
    # Either the child has ended, or the runner wants it to, or neither.
    events, _, _ = select.select([ended, stream.fileno()], [], [], patience_s)
    if ended not in events:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if not events:
        text = "it used up its real time and did not say where: killed"
        _send(stream, Report(seed, violations=["wall-clock"], text=text))
    elif code != 0:
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        text = f"the process ended without a report: {how}"
        _send(stream, Report(seed, violations=["crash"], text=text))


def _send(stream: socket.socket, report: Report) -> None:
    # A line of its own, whatever a child began to write.
    stream.sendall(b"\n" + json.dumps(report.as_dict()).encode() + b"\n")


def _run(
    job: Job, stream: socket.socket, seed: int, trace_file: str | None, wall_limit_s: float
) -> NoReturn:
    """Run one seed and leave, without what a leaving interpreter does."""
    gc.disable()
    _limit(stream, seed, wall_limit_s)
    try:
        report = job.run(seed, trace_file)
    except BaseException as error:  # noqa: BLE001 - the child ends here whatever it is
        name = f"error:{type(error).__name__}"
        report = Report(seed, violations=[name], text=traceback.format_exc())
    _leave(stream, report)


def _leave(stream: socket.socket, report: Report) -> NoReturn:
    signal.setitimer(signal.ITIMER_REAL, 0)
    _send(stream, report)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _limit(stream: socket.socket, seed: int, wall_limit_s: float) -> None:
    """Have the run say where it stands when its time is over."""
    alarms = 0

    def on_alarm(_: int, frame: FrameType | None) -> None:
        nonlocal alarms
        alarms += 1
        spent = resource.getrusage(resource.RUSAGE_SELF)
        if alarms < _LIMITS_REAL and spent.ru_utime + spent.ru_stime < wall_limit_s:
            signal.setitimer(signal.ITIMER_REAL, wall_limit_s)
            return
        stack = "".join(traceback.format_stack(frame))
        limit = (
            f"{wall_limit_s:g} s of processor time, or {_LIMITS_REAL} times that of real time"
        )
        text = f"not done within {limit}; it was here:\n{stack}"
        _leave(stream, Report(seed, violations=["wall-clock"], text=text))

    signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, wall_limit_s)


if __name__ == "__main__":
    main()
