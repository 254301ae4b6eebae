"""What a broker does to its logs by itself: retention and compaction."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from minikafka.base.config import BrokerConfig
from minikafka.broker.log_cleaner import LogCleaner
from minikafka.metadata.records import ConfigChanged
from minikafka.metadata.states import MetadataDelta
from tests.support.builders import producer_batch
from tests.support.replica_cell import Cell

TOPIC, BROKER = 2, 4  # config resource types


def _cleaner(cell: Cell, started: list[Coroutine[Any, Any, None]] | None = None) -> LogCleaner:
    found = [] if started is None else started

    def config() -> BrokerConfig:
        return cell[1].image.broker_config()

    return LogCleaner(
        cell[1].replicas,
        config,
        cell.loop.clock,
        lambda _, each: found.append(each),
    )


def test_followers_hear_of_what_retention_deletes() -> None:
    """On an idle topic, too, whose followers wait for records that do not come."""
    cell = Cell()
    cell.create()
    cell.write(ConfigChanged(TOPIC, "t", "retention.ms", "1000"))
    cell[1].produce(b"old")
    cell.loop.advance(2_000)
    _cleaner(cell).run_retention()
    cell.loop.run()
    starts = [member.partition().log.log_start_offset for member in cell.members.values()]
    assert starts == [1, 1, 1]
    cell.close()


def test_producers_that_are_silent_are_forgotten() -> None:
    """After producer.id.expiration.ms, by the clock of the broker; others stay."""
    cell = Cell()
    cell.create()
    log = cell[1].partition().log
    now_ms = cell.loop.clock.wall_ms()
    day_ms = BrokerConfig.parse(1).producer_id_expiration_ms
    for producer_id, timestamp_ms in ((1, now_ms - day_ms), (2, now_ms - day_ms + 1)):
        batch = producer_batch(0, producer_id=producer_id, timestamp_ms=timestamp_ms)
        log.append_as_leader(batch, 9, now_timestamp_ms=0)
    _cleaner(cell).expire_producers()
    assert list(log.producers.entries) == [2]
    cell.close()


def test_expiry_of_producers_follows_the_dynamic_config() -> None:
    """producer.id.expiration.ms is one of those that change without a restart (KIP-226)."""
    cell = Cell()
    cell.create()
    log = cell[1].partition().log
    batch = producer_batch(0, timestamp_ms=cell.loop.clock.wall_ms() - 1_000)
    log.append_as_leader(batch, 9, now_timestamp_ms=0)
    cleaner = _cleaner(cell)
    cleaner.expire_producers()
    assert log.producers.entries
    cell.write(ConfigChanged(BROKER, "", "producer.id.expiration.ms", "1000"))
    cleaner.expire_producers()
    assert not log.producers.entries
    cell.close()


def test_cleaner_starts_with_the_first_compacted_topic() -> None:
    """A broker without one has nothing that wakes it up."""
    cell = Cell()
    cell.create()
    started: list[Coroutine[Any, Any, None]] = []
    cleaner = _cleaner(cell, started)
    changed = MetadataDelta(partitions_changed={cell[1].partition().topic_partition: None})
    cleaner.watch(changed)
    assert not started
    cell.write(ConfigChanged(TOPIC, "t", "cleanup.policy", "compact"))
    cleaner.watch(changed)
    cleaner.watch(changed)
    assert len(started) == 1
    started[0].close()
    cell.close()
