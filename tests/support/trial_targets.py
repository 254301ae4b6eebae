"""What tests of the runner run: quick targets that behave, and some that do not."""

from __future__ import annotations

import os
import signal
import sys
import time

from minikafka.sim.trace import Trace
from minikafka.trials.job import Report, write_trace

__all__ = [
    "Shop",
    "by_address",
    "check_quick_trial",
    "check_taste",
    "counting",
    "crashing",
    "deaf",
    "leaking",
    "leaking_hash",
    "prints",
    "quick_trial",
    "shy_of_traces",
    "steady",
    "stuck",
    "unsure",
    "waits",
]


class Thing:
    """A plain object: a set of them is ordered by address."""


def _report(seed: int, trace: Trace, trace_file: str | None, *violations: str) -> Report:
    if trace_file is not None:
        write_trace(trace_file, trace.events or [])
    text = f"timeline of {trace.count} events" if trace_file is not None else "no timeline"
    versions = {"python": "3"}
    return Report(seed, trace.hexdigest(), list(violations), text=text, versions=versions)


def steady(seed: int, trace_file: str | None = None, *, bad: tuple[int, ...] = ()) -> Report:
    """Do the same for the same seed; seeds in `bad` violate a rule."""
    trace = Trace(keep=trace_file is not None)
    for step in range(3):
        trace.record(step, "tx", f"{seed} {sorted(words())}")
    return _report(seed, trace, trace_file, *(["R1"] if seed in bad else []))


def words() -> set[str]:
    """Return a set whose order depends on the hash seed."""
    return {f"word-{number}" for number in range(20)}


def counting(seed: int, trace_file: str | None = None) -> Report:
    """Show how many runs this process has seen, and the order of a set of strings."""
    counts[0] += 1
    return Report(seed, f"{counts[0]} {list(words())}")


counts = [0]


def by_address(seed: int, trace_file: str | None = None) -> Report:
    """Show the order of a set of objects, which is that of their addresses."""
    numbers: dict[Thing, int] = {}
    between = []
    for number in range(100):
        numbers[Thing()] = number
        between.append(bytes(number))
    return Report(seed, str([numbers[thing] for thing in set(numbers)]))


def leaking(seed: int, trace_file: str | None = None) -> Report:
    """Do something in the middle that the seed does not decide, and violate a rule."""
    trace = Trace(keep=trace_file is not None)
    trace.record(1_000_000, "tx", "always the same")
    trace.record(2_000_000, "tx", f"drawn {os.urandom(8).hex()}")
    return _report(seed, trace, trace_file, "R1")


def leaking_hash(seed: int, trace_file: str | None = None) -> Report:
    """As `leaking`, and leave no trace."""
    return Report(seed, os.urandom(8).hex(), ["R1"])


def shy_of_traces(seed: int, trace_file: str | None = None) -> Report:
    """Be another run where a trace is kept."""
    trace = Trace(keep=trace_file is not None)
    trace.record(0, "tx", str(trace_file is not None))
    return _report(seed, trace, trace_file, "R1")


def unsure(seed: int, trace_file: str | None = None) -> Report:
    """Come to another verdict where a trace is kept, by the same hash."""
    return Report(seed, "0" * 16, ["R2" if trace_file is not None else "R1"])


def crashing(seed: int, trace_file: str | None = None, *, bad: int = 2) -> Report:
    """Die of a signal on one seed, leave on the next, raise on the one after."""
    if seed == bad:
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == bad + 1:
        os._exit(7)
    if seed == bad + 2:
        raise LookupError("lost")
    return steady(seed)


def stuck(seed: int, trace_file: str | None = None) -> Report:
    """Never come to an end."""
    while True:
        signal.pause()


def busy(seed: int, trace_file: str | None = None) -> Report:
    """Compute for ever."""
    while True:
        sum(range(1_000))


def slow(seed: int, trace_file: str | None = None) -> Report:
    """Do nothing for half a second of real time, as on a machine that stands still."""
    began = time.monotonic()
    while (left := began + 0.5 - time.monotonic()) > 0:
        time.sleep(left)
    return steady(seed)


def deaf(seed: int, trace_file: str | None = None) -> Report:
    """Never come to an end, nor hear that it is time."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    return stuck(seed)


def waits(seed: int, trace_file: str | None = None, *, fifo: str) -> Report:
    """Write our process id into a pipe and hold it open for ever; seed 0 ends at once."""
    if seed == 0:
        return Report(seed)
    held = os.open(fifo, os.O_WRONLY)
    os.write(held, f"{os.getpid()}\n".encode())
    return stuck(seed)


def prints(seed: int, trace_file: str | None = None) -> Report:
    """Write to standard output, by Python and past it, and read standard input."""
    print(f"seed {seed} says hello", end="")
    os.write(1, b'{"seed": 99}\n')
    return Report(seed, hash=repr(sys.stdin.read()))


def check_taste(taste: str) -> None:
    """Refuse what is not sweet."""
    if taste != "sweet":
        raise ValueError(f"no taste {taste!r}")


def check_quick_trial(profile: str, mutate: str | None) -> None:
    """Know what `quick_trial` knows."""
    if profile not in ("default", "calm") or mutate not in (None, "fails-on-sevens"):
        raise ValueError("no such thing")


def quick_trial(
    seed: int,
    trace_file: str | None = None,
    *,
    seconds: float,
    profile: str,
    mutate: str | None,
) -> Report:
    """Take the options of a trial, and do next to nothing."""
    return steady(seed, trace_file, bad=(7,) if mutate else ())


class Shop:
    """Something with a method `run_seed`, reached through a class."""

    class Till:
        """See `Shop`."""

        @staticmethod
        def run_seed(seed: int, trace_file: str | None = None, *, taste: str = "") -> Report:
            """Show what we were given."""
            return Report(seed, hash=taste)
