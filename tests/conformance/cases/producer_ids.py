"""InitProducerId (22, versions 0 to 5) for idempotent producers, FindCoordinator (10, 0 to 6)."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Script, case

INIT, FIND = 22, 10
INIT_VERSIONS, FIND_VERSIONS = (0, 5), (0, 6)
LOADING = 14


def ask(s: Script, label: str, **more: Any) -> Any:
    """Ask for a producer id; waits until the broker has some to give."""
    fields = {
        "transactional_id": None, "transaction_timeout": 60_000, "producer_id": -1,
        "producer_epoch": -1,
    } | more  # fmt: skip
    return s.ask_until(label, lambda answer: answer.error_code != LOADING, **fields)


@case(INIT, INIT_VERSIONS)
def fresh_ids(s: Script) -> None:
    first = ask(s, "first")
    second = ask(s, "second")
    s.note("each its own", second.producer_id > first.producer_id)


@case(INIT, (3, 5))
def known_id_without_transaction(s: Script) -> None:
    first = ask(s, "first")
    second = ask(s, "again", producer_id=first.producer_id, producer_epoch=0)
    s.note("another id", second.producer_id != first.producer_id)
    ask(s, "unknown id", producer_id=987_654, producer_epoch=3)


@case(INIT, (3, 5))
def half_an_identity(s: Script) -> None:
    ask(s, "id alone", producer_id=5)
    ask(s, "epoch alone", producer_epoch=5)
    ask(s, "negative id", producer_id=-2, producer_epoch=-2)


@case(INIT, INIT_VERSIONS)
def odd_timeouts(s: Script) -> None:
    for timeout in (0, -1, 2**31 - 1):
        ask(s, f"timeout {timeout}", transaction_timeout=timeout)


@case(INIT, INIT_VERSIONS)
def empty_transactional_id(s: Script) -> None:
    ask(s, "empty", transactional_id="")


@case(FIND, (1, 3))
def unknown_key_type(s: Script) -> None:
    for kind in (3, 7, -1):
        s.ask(f"type {kind}", key="k", key_type=kind)


@case(FIND, (4, 6))
def unknown_key_type_of_many(s: Script) -> None:
    for kind in (3, 7, -1):
        s.ask(f"type {kind}", coordinator_keys=["k", "l"], key_type=kind)


@case(FIND, (4, 6))
def no_keys(s: Script) -> None:
    for kind in (0, 1):
        s.ask(f"type {kind}", coordinator_keys=[], key_type=kind)


@case(FIND, (4, 6))
def share_keys(s: Script) -> None:
    for label, key in (
        ("no parts", "g"),
        ("bad id", "g:x:0"),
        ("bad partition", "g:AAAAAAAAAAAAAAAAAAAAAA:x"),
    ):
        s.ask(label, coordinator_keys=[key], key_type=2)
    if s.version < 6:
        s.ask(
            "before it was known", coordinator_keys=["g:AAAAAAAAAAAAAAAAAAAAAA:0"], key_type=2
        )


def _found(answer: Any) -> bool:
    many = getattr(answer, "coordinators", None)
    return all(each.error_code == 0 for each in many) if many else bool(answer.error_code == 0)


@case(FIND, FIND_VERSIONS)
def coordinator_of_a_group(s: Script) -> None:
    s.ask_until("group", _found, polls=100, key="g", key_type=0, coordinator_keys=["g", "h"])


@case(FIND, (1, 6))
def coordinator_of_a_transaction(s: Script) -> None:
    s.ask_until("transaction", _found, polls=100, key="t", key_type=1, coordinator_keys=["t"])
