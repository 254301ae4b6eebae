"""The command line: `main` and what makes every failure one line.

Declarations are in `commands.py`, the work in one module per command, each imported only when
it runs, so that `minikafka up` is quick.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

from minikafka.cli.failures import CommandFailed, UsageFailed

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 success, also when ended by SIGINT or SIGTERM; 1 the command failed; 2 bad usage. A
    failure is one line on stderr.
    """
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except CommandFailed as error:
        message = " ".join(str(error).split())
        sys.stderr.write(f"{error.command}: {message}\n")
        return 2 if isinstance(error, UsageFailed) else 1
    except KeyboardInterrupt:
        # Before or after the time in which `running` listens for signals.
        return 0


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["up"]:
        from minikafka.cli.up_options import read_plain_options

        options = read_plain_options(arguments[1:])
        if options is not None:
            # Looking for garbage while hundreds of modules load finds none; `up` enables it.
            gc.disable()
            from minikafka.cli.up import up

            return up(options)
    from minikafka.cli.commands import run

    return run(arguments)
