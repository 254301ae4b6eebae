"""Leaders propose ISRs.

Pure functions on an image. Every accepted ISR was proposed by the present leader, knowing the
present state of the partition, and holds only live replicas in their present registration.
Counterpart: org.apache.kafka.controller.ReplicationControlManager; KIP-497, KIP-841, KIP-903.

Rules of this file
    An ISR is accepted from the present leader, in the present state of the partition.
    Only live replicas in their present registration join.
"""

from __future__ import annotations

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import BrokerId
from minikafka.metadata.commands import (
    AlterPartition,
    Decision,
    IsrChange,
    IsrChangeResult,
)
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.leadership import change_partition, min_isr
from minikafka.metadata.records import MetadataRecord, PartitionChanged
from minikafka.metadata.states import PartitionImage

__all__ = ["alter_partition", "check_broker_epoch"]


def check_broker_epoch(image: MetadataImage, broker_id: BrokerId, broker_epoch: int) -> None:
    """Raise KafkaError STALE_BROKER_EPOCH unless this is the broker's present registration."""
    broker = image.brokers.get(broker_id)
    if broker is None:
        raise KafkaError(
            ErrorCode.STALE_BROKER_EPOCH,
            f"No broker registration found for broker id {broker_id}",
        )
    if broker.broker_epoch != broker_epoch:
        raise KafkaError(
            ErrorCode.STALE_BROKER_EPOCH,
            f"Expected broker epoch {broker.broker_epoch}, but got broker epoch {broker_epoch}",
        )


def alter_partition(
    image: MetadataImage, command: AlterPartition
) -> Decision[tuple[IsrChangeResult, ...]]:
    """Decide on the ISRs that a leader proposes; results are in the order of the changes.

    Refusals in the results: UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION; NOT_CONTROLLER when
    the leader knows more than this controller; FENCED_LEADER_EPOCH, INVALID_UPDATE_VERSION
    when it knows less; INVALID_REQUEST; INELIGIBLE_REPLICA for a replica that is fenced,
    shutting down or in another registration than the leader thinks. NEW_LEADER_ELECTED when
    the change is made but takes the leadership away.

    Raises:
        KafkaError: STALE_BROKER_EPOCH, then nothing changes.
    """
    check_broker_epoch(image, command.broker_id, command.broker_epoch)
    records: list[MetadataRecord] = []
    results = []
    done: dict[tuple[object, int], None] = {}
    for change in command.changes:
        topic = image.topic_by_id(change.topic_id)
        if topic is None:
            results.append(_refused(change, ErrorCode.UNKNOWN_TOPIC_ID))
            continue
        key = (change.topic_id, change.partition)
        if not 0 <= change.partition < len(topic.partitions):
            results.append(_refused(change, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
            continue
        partition = topic.partitions[change.partition]
        error = _problem(image, command.broker_id, partition, change)
        if key in done:
            error = ErrorCode.INVALID_REQUEST
        done[key] = None
        if error is not ErrorCode.NONE:
            results.append(_refused(change, error))
            continue
        record = change_partition(
            change.topic_id,
            change.partition,
            partition,
            tuple(broker_id for broker_id, _ in change.new_isr),
            image.is_active,
            min_isr=min_isr(image, topic.name),
            unclean=image.topic_config(topic.name).unclean_leader_election_enable,
            recovering=change.recovering,
        )
        if record is not None:
            records.append(record)
        results.append(_result(change, command.broker_id, record or partition))
    return Decision(tuple(records), tuple(results))


def _problem(
    image: MetadataImage, sender: BrokerId, partition: PartitionImage, change: IsrChange
) -> ErrorCode:
    """Return why the change is refused, in Kafka's order of checks; NONE if it is not."""
    new_isr = [broker_id for broker_id, _ in change.new_isr]
    well_formed = (
        len(dict.fromkeys(new_isr)) == len(new_isr)
        and all(replica in partition.replicas for replica in new_isr)
        and partition.leader in new_isr
        and not (change.recovering and len(new_isr) > 1)
        and not (change.recovering and not partition.recovering)
    )
    checks = (
        (change.leader_epoch > partition.leader_epoch, ErrorCode.NOT_CONTROLLER),
        (change.partition_epoch > partition.partition_epoch, ErrorCode.NOT_CONTROLLER),
        (change.leader_epoch < partition.leader_epoch, ErrorCode.FENCED_LEADER_EPOCH),
        (sender != partition.leader, ErrorCode.INVALID_REQUEST),
        (change.partition_epoch < partition.partition_epoch, ErrorCode.INVALID_UPDATE_VERSION),
        (not well_formed, ErrorCode.INVALID_REQUEST),
        (not _all_eligible(image, change.new_isr), ErrorCode.INELIGIBLE_REPLICA),
    )
    return next((error for wrong, error in checks if wrong), ErrorCode.NONE)


def _all_eligible(image: MetadataImage, new_isr: tuple[tuple[BrokerId, int], ...]) -> bool:
    for broker_id, broker_epoch in new_isr:
        broker = image.brokers.get(broker_id)
        if broker is None or not broker.active:
            return False
        if broker_epoch not in (-1, broker.broker_epoch):
            return False
    return True


def _result(
    change: IsrChange, sender: BrokerId, state: PartitionImage | PartitionChanged
) -> IsrChangeResult:
    if state.leader != sender:
        return _refused(change, ErrorCode.NEW_LEADER_ELECTED)
    return IsrChangeResult(
        topic_id=change.topic_id,
        partition=change.partition,
        leader=state.leader,
        leader_epoch=state.leader_epoch,
        isr=state.isr,
        recovering=state.recovering,
        partition_epoch=state.partition_epoch,
    )


def _refused(change: IsrChange, error: ErrorCode) -> IsrChangeResult:
    return IsrChangeResult(change.topic_id, change.partition, error)
