"""Each rule of the controller's answers, shown one that breaks it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import PartitionImage
from minikafka.trials import rules_requests
from minikafka.trials.ghost import Ghost
from minikafka.trials.invariants import REGISTERED, Answer
from minikafka.trials.metadata_history import MetadataHistory
from minikafka.wire.versions import ApiKey
from tests.unit.trials.test_rules_controller import ID, image, state

assert rules_requests.REGISTERED_HERE, "importing it registers the rules"


def wrong(
    key: ApiKey,
    request: Any,
    response: dict[str, Any],
    *,
    ghost: Ghost | None = None,
    history: MetadataHistory | None = None,
) -> list[str]:
    """Return the names of the rules that an answer breaks."""
    broker = cast("Any", None)
    asked = SimpleNamespace(**request)
    answer = Answer(
        broker,
        ghost or Ghost(),
        int(key),
        3,
        asked,
        {"error_code": 0, **response},
        True,
        history or MetadataHistory(),
    )
    rules = [
        each for each in REGISTERED["answered"] if each[1].__module__ == rules_requests.__name__
    ]
    return [name for name, rule in rules if rule(answer) is not None]


def accepted(
    before: MetadataImage,
    isr: tuple[tuple[int, int], ...],
    *,
    sender: int = 1,
    leader_epoch: int = 5,
    partition_epoch: int = 8,
    recovering: int = 0,
) -> list[str]:
    """Return the rules that an accepted AlterPartition breaks."""
    history = MetadataHistory()
    history.accepted[ID, 0, 9] = (before.topics["t"].partitions[0], before)
    wanted = SimpleNamespace(
        partition_index=0,
        leader_epoch=leader_epoch,
        partition_epoch=partition_epoch,
        leader_recovery_state=recovering,
        new_isr_with_epochs=[SimpleNamespace(broker_id=b, broker_epoch=e) for b, e in isr],
    )
    topics = [SimpleNamespace(topic_id=ID, partitions=[wanted])]
    told = {"partition_index": 0, "error_code": 0, "partition_epoch": 9, "isr": isr}
    response = {"topics": [{"topic_id": ID, "partitions": [told]}]}
    request = {"topics": topics, "broker_id": sender}
    return wrong(ApiKey.ALTER_PARTITION, request, response, history=history)


BOTH = ((1, 1), (2, 2))


def test_isr_that_was_due_breaks_nothing() -> None:
    """From the leader, in its epochs, with live replicas in their present lives."""
    assert accepted(image(state(1, (1,))), BOTH) == []
    assert accepted(image(state(1, (1,))), ((1, 1), (2, -1))) == []


@pytest.mark.parametrize(
    ("more", "fenced", "isr"),
    [
        ({"sender": 2}, (), BOTH),
        ({"leader_epoch": 4}, (), BOTH),
        ({"partition_epoch": 7}, (), BOTH),
        ({"recovering": 1}, (), BOTH),
        ({}, (2,), BOTH),
        ({}, (), ((1, 1), (2, 9))),
        ({}, (), ((1, 1), (4, 4))),
        ({}, (), ((2, 2),)),
    ],
)
def test_isr_that_should_have_been_refused_breaks_c5(
    more: dict[str, Any], fenced: tuple[int, ...], isr: tuple[tuple[int, int], ...]
) -> None:
    """Sender, epochs, recovery, a fenced member, another life, no replica, no leader."""
    assert accepted(image(state(1, (1,)), fenced=fenced), isr, **more) == ["C5"]


@pytest.mark.parametrize(
    ("partition", "previous", "former", "broken"),
    [
        (state(1, (1, 3)), -1, 2, False),
        (state(1, (1, 3), (2,)), 2, 2, False),  # it shut down cleanly
        (state(1, (1, 3), (2,)), -1, 2, True),
        (state(1, (1, 3), (2,)), 1, 2, True),
        (state(1, (1, 2)), -1, None, True),
    ],
)
def test_unclean_registration_that_keeps_its_place_breaks_c7(
    partition: PartitionImage, previous: int, former: int | None, broken: bool
) -> None:
    """Without the epoch of the last registration the shutdown was not clean (KIP-966)."""
    history = MetadataHistory()
    history.registrations[50] = (former, image(partition))
    request = {"broker_id": 2, "previous_broker_epoch": previous, "incarnation_id": UUID(int=9)}
    response = {"broker_epoch": 50}
    found = wrong(ApiKey.BROKER_REGISTRATION, request, response, history=history)
    assert found == (["C7"] if broken else [])


def test_registration_that_is_not_committed_breaks_c7() -> None:
    """It would be answered before it counts."""
    request = {"broker_id": 2, "previous_broker_epoch": -1}
    found = wrong(ApiKey.BROKER_REGISTRATION, request, {"broker_epoch": 50})
    assert found == ["C7"]


def test_producer_ids_given_twice_break_c10() -> None:
    """Two producers would have one id."""
    ghost = Ghost()

    def given(first: int) -> list[str]:
        block = {"producer_id_start": first, "producer_id_len": 1000}
        return wrong(ApiKey.ALLOCATE_PRODUCER_IDS, {}, block, ghost=ghost)

    assert given(0) == given(1000) == []
    assert given(1999) == ["C10"]


def test_refused_requests_are_not_judged() -> None:
    """They changed nothing."""
    for key in (
        ApiKey.ALTER_PARTITION,
        ApiKey.BROKER_REGISTRATION,
        ApiKey.ALLOCATE_PRODUCER_IDS,
    ):
        assert wrong(key, {}, {"error_code": 77}) == []
