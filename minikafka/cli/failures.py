"""Failures that are shown as one line, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["CommandFailed", "UsageFailed", "failures_of"]


class CommandFailed(Exception):
    """The command could not do what it was asked; exit code 1.

    Args:
        command: e.g. `minikafka topics list`.
    """

    def __init__(self, command: str, message: str) -> None:
        self.command = command
        super().__init__(message)


class UsageFailed(CommandFailed):
    """What was typed makes no sense; exit code 2."""


@contextmanager
def failures_of(command: str) -> Iterator[None]:
    """Turn what brokers and sockets refuse into `CommandFailed`, bad input into `UsageFailed`."""
    from minikafka.base.errors import KafkaError

    try:
        yield
    except KafkaError as error:
        raise CommandFailed(command, str(error)) from error
    except BrokenPipeError:
        raise
    except ValueError as error:
        raise UsageFailed(command, str(error)) from error
    except OSError as error:
        raise CommandFailed(command, error.strerror or str(error)) from error
