"""Rules of the controller's answers to brokers: C5, C7, C10.

The names are those of docs/invariants.md. Each is judged by the committed records: an answer
leaves after what it says is committed.
"""

from __future__ import annotations

from typing import Any

from minikafka.base.ids import BrokerId
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import PartitionImage
from minikafka.trials.invariants import Answer, check
from minikafka.trials.rules_controller import memberships
from minikafka.wire.versions import ApiKey

__all__ = ["REGISTERED_HERE"]

REGISTERED_HERE = ("C5", "C7", "C10")


@check("C5", "answered", ApiKey.ALTER_PARTITION)
def _accepted_isr_was_due(answer: Answer) -> str | None:
    """An accepted AlterPartition came from the leader, in its epochs, and names whom it may."""
    if answer.api_key != ApiKey.ALTER_PARTITION or answer.response["error_code"]:
        return None
    asked = {
        (topic.topic_id, partition.partition_index): partition
        for topic in answer.request.topics
        for partition in topic.partitions
    }
    for topic in answer.response["topics"]:
        for told in topic["partitions"]:
            if told["error_code"]:
                continue
            name = (topic["topic_id"], told["partition_index"])
            wanted, epoch = asked[name], told["partition_epoch"]
            accepted = answer.history.accepted.get((*name, epoch))
            if accepted is None or epoch == wanted.partition_epoch:
                continue  # nothing was changed
            wrong = _wrong(answer.request, wanted, *accepted)
            if wrong is not None:
                return (
                    f"partition {name[1]} of topic {name[0]}: broker "
                    f"{answer.request.broker_id} got the ISR {told['isr']}, and {wrong}"
                )
    return None


def _wrong(
    request: Any, wanted: Any, partition: PartitionImage, image: MetadataImage
) -> str | None:
    """Return why the change should have been refused in this state of partition and cluster."""
    members = _members(wanted)
    isr = [broker_id for broker_id, _ in members]
    checks = (
        (request.broker_id != partition.leader, f"the leader was {partition.leader}"),
        (
            wanted.leader_epoch != partition.leader_epoch,
            f"it knew leader epoch {wanted.leader_epoch}, not {partition.leader_epoch}",
        ),
        (
            wanted.partition_epoch != partition.partition_epoch,
            f"it knew partition epoch {wanted.partition_epoch}, not {partition.partition_epoch}",
        ),
        (
            any(member not in partition.replicas for member in isr),
            f"the replicas were {partition.replicas}",
        ),
        (partition.leader not in isr, "the leader is not in it"),
        (wanted.leader_recovery_state and len(isr) > 1, "the leader was recovering"),
    )
    for broken, text in checks:
        if broken:
            return text
    for broker_id, broker_epoch in members:
        broker = image.brokers.get(broker_id)
        if broker is None or broker.fenced or broker.in_controlled_shutdown:
            return f"broker {broker_id} was not alive"
        if broker_epoch not in (-1, broker.broker_epoch):
            return f"broker {broker_id} was in another life, {broker.broker_epoch}"
    return None


def _members(wanted: Any) -> list[tuple[BrokerId, int]]:
    if hasattr(wanted, "new_isr_with_epochs"):
        return [(each.broker_id, each.broker_epoch) for each in wanted.new_isr_with_epochs]
    return [(broker_id, -1) for broker_id in wanted.new_isr]


@check("C7", "answered", ApiKey.BROKER_REGISTRATION)
def _unclean_registration_has_left_every_isr(answer: Answer) -> str | None:
    """Who does not say that it shut down cleanly is in no ISR and no ELR when it is answered."""
    if answer.api_key != ApiKey.BROKER_REGISTRATION or answer.response["error_code"]:
        return None
    known = answer.history.registrations.get(answer.response["broker_epoch"])
    if known is None:
        return f"{answer.response['broker_epoch']} is a broker epoch that was not committed"
    former, state = known
    if former is not None and former == getattr(answer.request, "previous_broker_epoch", -1):
        return None
    kept = [name for name, _, _ in memberships(state, answer.request.broker_id)]
    if kept:
        return f"broker {answer.request.broker_id} is registered and in ISR or ELR of {kept}"
    return None


@check("C10", "answered", ApiKey.ALLOCATE_PRODUCER_IDS)
def _producer_ids_are_given_once(answer: Answer) -> str | None:
    """No two blocks of producer ids have an id in common (KIP-730)."""
    if answer.api_key != ApiKey.ALLOCATE_PRODUCER_IDS or answer.response["error_code"]:
        return None
    first, count = answer.response["producer_id_start"], answer.response["producer_id_len"]
    for other, length in answer.ghost.producer_blocks:
        if first < other + length and other < first + count:
            return f"producer ids {first} to {first + count - 1} overlap those from {other} on"
    answer.ghost.producer_blocks.append((first, count))
    return None
