"""The command line: `main` and what makes every failure one line.

Declarations are in `commands.py`, the work in one module per command, each imported only when
it runs, so that `minikafka up` is quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 success, also when ended by SIGINT or SIGTERM; 1 the command failed; 2 bad usage. A
    failure is one line on stderr.
    """
    from minikafka.cli.commands import run

    try:
        return run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        # Whoever reads our output has seen enough. Python would complain at its last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
