"""Options of `minikafka up`, and a quick way to read the usual ones.

Reading options with typer costs more than starting three brokers. So what is plainly right is
read here; help, abbreviations of any kind and mistakes are left to typer, which knows how to
talk about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["TOKEN_VARIABLE", "UpOptions", "read_plain_options"]

TOKEN_VARIABLE = "MINIKAFKA_HTTP_TOKEN"
"""Where the token of the HTTP API comes from: what is typed, others on the machine can see."""

_NUMBERS = {"--brokers": "brokers", "--port": "port", "--seed": "seed"}
_TEXTS = {
    "--host": "host",
    "--advertised-host": "advertised_host",
    "--http-port": "http_port",
    "--http-host": "http_host",
}
_LISTS = {"--topic": "topics", "--config": "config"}


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `minikafka up` was asked for; the defaults are those of the command line.

    Args:
        http_port: a number or `off`; None is 8080, or a free port where that is in use.
    """

    brokers: int = 3
    host: str = "127.0.0.1"
    port: int = 9092
    http_port: str | None = None
    topics: tuple[str, ...] = ()
    config: tuple[str, ...] = ()
    seed: int | None = None
    advertised_host: str | None = None
    http_host: str = "127.0.0.1"


def read_plain_options(arguments: Sequence[str]) -> UpOptions | None:
    """Return the options, or None where typer should look at them.

    Args:
        arguments: what follows `minikafka up`.
    """
    numbers: dict[str, int] = {}
    texts: dict[str, str] = {}
    lists: dict[str, list[str]] = {name: [] for name in _LISTS.values()}
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        if not equals:
            value = next(rest, "")
        if not value or value.startswith("-"):
            return None
        if option in _NUMBERS and value.isascii() and value.isdecimal():
            numbers[_NUMBERS[option]] = int(value)
        elif option in _TEXTS:
            texts[_TEXTS[option]] = value
        elif option in _LISTS:
            lists[_LISTS[option]].append(value)
        else:
            return None
    options = UpOptions(
        **numbers,  # type: ignore[arg-type]  # the tables name fields of their type
        **texts,  # type: ignore[arg-type]
        topics=tuple(lists["topics"]),
        config=tuple(lists["config"]),
    )
    return options if options.brokers > 0 and options.port <= 65_535 else None
