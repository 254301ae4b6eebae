"""Which fetcher follows which partition: one for each leader."""

from __future__ import annotations

from minikafka.broker.fetcher_manager import FetcherManager
from minikafka.broker.partition import Partition
from minikafka.replication.follower import PartitionFollower
from tests.support.builders import open_log
from tests.support.replica_cell import topic_id


class Fetcher:
    """Writes down what it was told."""

    def __init__(self, leader_id: int, told: list[str]) -> None:
        self.leader_id = leader_id
        self.told = told
        told.append(f"{leader_id} made")

    def add(self, partition: Partition) -> None:
        self.told.append(f"{self.leader_id} add {partition.topic_partition}")

    def remove(self, topic_partition: object) -> None:
        self.told.append(f"{self.leader_id} remove {topic_partition}")

    def close(self) -> None:
        self.told.append(f"{self.leader_id} close")


class Manager:
    """A manager, and a partition whose role the test changes."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.manager = FetcherManager(lambda leader_id: Fetcher(leader_id, self.told))  # type: ignore[arg-type,return-value]
        log = open_log()
        self.partition = Partition(log.partition, topic_id(0), log)

    def follow(self, leader_id: int | None, epoch: int = 0) -> list[str]:
        """Give the partition a leader to follow, or none; return what that leads to."""
        self.partition.follower = (
            None
            if leader_id is None
            else PartitionFollower(self.partition.log, leader_id=leader_id, leader_epoch=epoch)
        )
        return self.news()

    def news(self) -> list[str]:
        """Tell the manager of the role as it is; return what that leads to."""
        self.told.clear()
        self.manager.on_role(self.partition)
        return list(self.told)


def test_fetcher_is_made_when_it_is_needed_and_kept() -> None:
    """One for each leader, though partitions come and go."""
    manager = Manager()
    assert manager.follow(1) == ["1 made", "1 add orders-0"]
    assert manager.follow(None) == ["1 remove orders-0"]
    assert manager.follow(1, 1) == ["1 add orders-0"]


def test_new_leader_takes_over_from_the_old_ones_fetcher() -> None:
    """Never two that follow the same partition."""
    manager = Manager()
    manager.follow(1)
    assert manager.follow(2, 1) == ["1 remove orders-0", "2 made", "2 add orders-0"]


def test_new_epoch_of_the_same_leader_is_told_to_its_fetcher() -> None:
    """It asks anew, with the new epoch."""
    manager = Manager()
    manager.follow(1)
    assert manager.follow(1, 1) == ["1 add orders-0"]


def test_unchanged_role_is_no_news() -> None:
    """A new ISR alone must not make the follower start over."""
    manager = Manager()
    manager.follow(1)
    assert manager.news() == []
    manager.follow(None)
    assert manager.news() == []


def test_close_ends_all_fetchers() -> None:
    """Of every leader."""
    manager = Manager()
    manager.follow(1)
    manager.follow(2, 1)
    manager.told.clear()
    manager.manager.close()
    assert manager.told == ["1 close", "2 close"]
