"""A cluster on its own thread: for synchronous code."""

from __future__ import annotations

import inspect
import threading

import pytest

from minikafka import AsyncCluster, Client, Cluster, SyncClient


def public_names(kind: type) -> dict[str, list[str]]:
    """Return the public methods of a class with their parameters."""
    return {
        name: [str(parameter) for parameter in inspect.signature(member).parameters.values()]
        for name, member in inspect.getmembers(kind)
        if inspect.isfunction(member) and not name.startswith("_")
    }


@pytest.mark.parametrize(("sync", "of"), [(Cluster, AsyncCluster), (SyncClient, Client)])
def test_synchronous_face_has_the_same_methods_and_arguments(sync: type, of: type) -> None:
    """Whoever knows one knows the other."""
    own_plumbing = {"next_change", "boot", "crashed"}
    expected = {
        name: given for name, given in public_names(of).items() if name not in own_plumbing
    }
    assert public_names(sync) == expected
    given = [p for p in inspect.signature(of).parameters.values() if p.name != "hosting"]
    assert list(inspect.signature(sync).parameters.values()) == given or sync is SyncClient


def test_everything_is_there_and_nothing_is_left() -> None:
    """A synchronous program makes topics, produces, reads, cuts, waits; no thread remains."""
    before = threading.active_count()
    with Cluster(brokers=3) as cluster:
        cluster.create_topic("orders", partitions=2)
        client = cluster.client()
        assert client.produce("orders", 1, [b"a"]).base_offset == 0
        assert [record.value for record in client.fetch("orders", 1, 0).records] == [b"a"]
        assert client.list_offsets("orders", 1).offset == 1
        assert client.init_producer_id().producer_epoch == 0
        assert [record.value for record in cluster.records("orders")] == [b"a"]
        assert cluster.isr("orders", 1) == {1, 2, 3}
        cluster.network.set_link(1, 2, latency=0.001)
        cluster.network.partition({1}, {2, 3}, oneway=True)
        cluster.network.heal()
        cluster.delete_topic("orders")
    assert threading.active_count() == before


def test_predicate_may_use_the_cluster_and_run_in_the_callers_thread() -> None:
    """A wait asks in the caller's thread, so it may call whatever the test calls."""
    asked_on = []
    with Cluster(brokers=1) as cluster:
        cluster.create_topic("orders")
        client = cluster.client()

        def has_three() -> bool:
            asked_on.append(threading.current_thread())
            client.produce("orders", 0, [b"x"])
            return len(cluster.records("orders")) >= 3

        cluster.wait_until(has_three)
        with pytest.raises(TimeoutError, match="orders-0: leader=b1"):
            cluster.wait_until(lambda: False, timeout=0.01)
    assert len(asked_on) == 3
    assert set(asked_on) == {threading.current_thread()}


def test_closed_cluster_says_so() -> None:
    """A call after close raises instead of waiting."""
    cluster = Cluster(brokers=1)
    cluster.start()
    cluster.close()
    with pytest.raises(RuntimeError, match="not running"):
        cluster.create_topic("orders")
