"""The replicas of one broker: roles as the metadata says, and who may use them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.record_deletion import delete_records
from minikafka.metadata.records import BrokerFenced, BrokerUnfenced, ConfigChanged
from minikafka.wire.fetch import FetchPartition, FetchRequest, FetchTopic
from minikafka.wire.produce import ProduceResponse
from minikafka.wire.versions import ApiKey
from tests.support.replica_cell import BROKER_EPOCH, Cell, Member

TOPIC, BROKER = 2, 4  # config resource types


@pytest.fixture
def cell() -> Iterator[Cell]:
    """Three brokers and the topic `t`, led by broker 1."""
    made = Cell()
    made.create()
    yield made
    made.close()


def refused(member: Member, *arguments: object, **more: bool) -> ErrorCode:
    """Return the code with which `leading` refuses."""
    with pytest.raises(KafkaError) as error:
        member.replicas.leading(*arguments, **more)  # type: ignore[arg-type]
    return error.value.code


def produced(response: ProduceResponse) -> ErrorCode:
    """Return how the one partition fared."""
    return ErrorCode(response.topics[0].partitions[0].error_code)


def test_roles_follow_the_metadata(cell: Cell) -> None:
    """One leads, the others follow it; never both, and a new leader changes all."""
    for leader, epoch in ((1, 0), (3, 1)):
        if epoch:
            cell.change(leader=leader, leader_epoch=epoch, isr=(1, 2, 3), partition_epoch=1)
        for node_id, member in cell.members.items():
            partition = member.partition()
            assert (partition.leader is not None) is (node_id == leader)
            assert (partition.follower is not None) is (node_id != leader)
            if partition.follower is not None:
                assert partition.follower.leader_id == leader
                assert partition.follower.leader_epoch == epoch


def test_partition_without_a_leader_has_no_role(cell: Cell) -> None:
    """Nobody leads it and nobody follows it; the log is kept."""
    cell[1].produce(b"a")
    cell.loop.run()
    cell.change(leader=-1, leader_epoch=1, isr=(1,), partition_epoch=1)
    for member in cell.members.values():
        partition = member.partition()
        assert (partition.leader, partition.follower) == (None, None)
        assert partition.log.log_end_offset == 1
        assert refused(member, "t", 0) == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_new_isr_does_not_make_a_new_leadership(cell: Cell) -> None:
    """What the leader knows of its followers is kept within a leader epoch."""
    before = cell[1].partition().leader
    cell.change(leader=1, leader_epoch=0, isr=(1, 2), partition_epoch=1)
    after = cell[1].partition().leader
    assert after is before
    assert after is not None
    assert (after.isr, after.partition_epoch) == ((1, 2), 1)


def test_who_caught_up_while_a_wish_was_pending_is_thought_of_at_once(cell: Cell) -> None:
    """Its session says what changes, and its position does not: the leader hears no more of it."""
    leader = cell[1]
    leader.wishes.clear()
    cell.change(leader=1, leader_epoch=0, isr=(1, 2), partition_epoch=1)
    assert leader.wishes == [leader.partition()]
    cell.change(leader=1, leader_epoch=0, isr=(1, 2, 3), partition_epoch=2)
    assert leader.wishes == [leader.partition()]


def test_leadership_begins_at_the_log_end(cell: Cell) -> None:
    """The new epoch is noted in the log before anything is written in it."""
    cell[1].produce(b"a")
    cell.loop.run()
    cell.change(leader=2, leader_epoch=1, isr=(1, 2, 3), partition_epoch=1)
    log = cell[2].partition().log
    assert (log.last_epoch, log.epochs.start_offset_of(1)) == (1, 1)


def test_broker_that_is_no_replica_hosts_nothing() -> None:
    """It knows the partition and says where not to look."""
    cell = Cell()
    cell.create(replicas=(1, 2))
    assert cell[3].replicas.partition(("t", 0)) is None
    assert refused(cell[3], "t", 0) == ErrorCode.NOT_LEADER_OR_FOLLOWER


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nowhere", 0), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (("t", 1), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (("t", -1), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ],
)
def test_unknown_partition_is_refused(
    cell: Cell, arguments: tuple[str, int], code: ErrorCode
) -> None:
    """Topic or number: the metadata has neither."""
    assert refused(cell[1], *arguments) == code


def test_leader_epoch_is_checked_where_it_is_given(cell: Cell) -> None:
    """An older one is fenced, a newer one unknown, -1 is no question (KIP-320)."""
    cell.change(leader=2, leader_epoch=1, isr=(1, 2, 3), partition_epoch=1)
    replicas = cell[2].replicas
    assert replicas.leading("t", 0, -1) is replicas.leading("t", 0, 1)
    assert refused(cell[2], "t", 0, 0) == ErrorCode.FENCED_LEADER_EPOCH
    assert refused(cell[2], "t", 0, 2) == ErrorCode.UNKNOWN_LEADER_EPOCH
    # The same on a follower, before the question who leads.
    assert refused(cell[1], "t", 0, 0) == ErrorCode.FENCED_LEADER_EPOCH
    assert refused(cell[1], "t", 0, 1) == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_deleted_topic_answers_who_waits_for_it(cell: Cell) -> None:
    """A waiting acks=all produce and a waiting fetch end with an error, not by their deadline."""
    cell.links.partition([1], [2, 3])
    produce = cell[1].produce(b"a")
    old_client = cell[2].call(ApiKey.FETCH, 10, long_poll())
    parked = [cell[node_id].call(ApiKey.FETCH, 12, long_poll()) for node_id in (1, 2)]
    assert not produce.done
    assert not any(each.done for each in parked)
    assert old_client.done, "a follower refuses at once who knows only leaders"
    cell.delete()
    assert produced(produce.result()) != ErrorCode.NONE
    for each in parked:
        (told,) = each.result().topics[0].partitions
        assert told.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def long_poll() -> FetchRequest:
    """Return a consumer's long poll at the log end of `t-0`, by name."""
    asked = FetchPartition(0, fetch_offset=0, max_bytes=1_000)
    return FetchRequest(
        max_wait_ms=60_000, min_bytes=1, topics=[FetchTopic("t", None, [asked])]
    )


def test_lost_leadership_answers_who_waits_for_it(cell: Cell) -> None:
    """An acks=all produce that was not committed in time must not be called a success."""
    cell.links.partition([1], [2, 3])
    produce = cell[1].produce(b"a")
    cell.change(leader=2, leader_epoch=1, isr=(1, 2, 3), partition_epoch=1)
    assert produced(produce.result()) == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_config_change_reaches_the_logs(cell: Cell) -> None:
    """A topic's own concerns its logs; a broker's default concerns all of them."""
    cell.create("other", number=1)
    cell.write(ConfigChanged(TOPIC, "t", "max.message.bytes", "777"))
    assert cell[1].partition().log.config.max_message_bytes == 777
    assert cell[1].partition("other").log.config.max_message_bytes != 777
    cell.write(ConfigChanged(BROKER, "", "message.max.bytes", "888"))
    assert cell[1].partition("other").log.config.max_message_bytes == 888
    assert cell[1].partition().log.config.max_message_bytes == 777


def test_fenced_follower_holds_no_watermark_back(cell: Cell) -> None:
    """Out of the ISR and fenced, it need not be waited for until it lags (KIP-841)."""
    cell.links.partition([3], [1, 2])
    answer = cell[1].produce(b"a")
    cell.loop.run()
    assert not answer.done
    cell.change(leader=1, leader_epoch=0, isr=(1, 2), partition_epoch=1)
    assert not answer.done, "it was caught up a moment ago, and may come back"
    cell.write(BrokerFenced(3, BROKER_EPOCH + 3))
    assert produced(answer.result()) == ErrorCode.NONE


def test_unfenced_follower_is_considered_at_once(cell: Cell) -> None:
    """An idle one has nothing new to fetch, so its return is the moment to look."""
    cell.write(BrokerFenced(3, BROKER_EPOCH + 3))
    cell.change(leader=1, leader_epoch=0, isr=(1, 2), partition_epoch=1)
    leader = cell[1].partition().leader
    assert leader is not None
    now_ms = cell.loop.clock.monotonic_ms()
    assert leader.isr_wish(now_ms) is None, "the controller would refuse it"
    cell[1].wishes.clear()
    cell.write(BrokerUnfenced(3, BROKER_EPOCH + 3))
    assert cell[1].wishes == [cell[1].partition()]
    wish = leader.isr_wish(now_ms)
    assert wish is not None
    assert wish.isr == (1, 2, 3)


def test_leaders_are_looked_at_for_lag(cell: Cell) -> None:
    """Only what this broker leads can have followers that lag."""
    cell[1].wishes.clear()
    cell[2].wishes.clear()
    cell[1].replicas.check_isr()
    cell[2].replicas.check_isr()
    assert (cell[1].wishes, cell[2].wishes) == ([cell[1].partition()], [])


def test_delete_records_waits_for_the_living_followers(cell: Cell) -> None:
    """The answer is the least log start of all that are alive."""
    cell[1].produce(b"a", b"b", b"c")
    cell.loop.run()
    cell.links.partition([1], [2])
    deadline_ms = cell.loop.clock.monotonic_ms() + 60_000
    topic_partition = cell[1].partition().topic_partition
    answer = delete_records(cell[1].replicas, topic_partition, 2, deadline_ms)
    cell.loop.advance(2_000)
    assert not answer.done
    assert cell[3].partition().log.log_start_offset == 2
    cell.links.heal()
    cell.loop.advance(2_000)
    assert answer.result() == 2
    assert cell[2].partition().log.log_start_offset == 2


def test_delete_records_ends_with_its_deadline(cell: Cell) -> None:
    """REQUEST_TIMED_OUT, though the records are gone on the leader."""
    cell[1].produce(b"a")
    cell.loop.run()
    cell.links.partition([1], [2, 3])
    deadline_ms = cell.loop.clock.monotonic_ms() + 100
    answer = delete_records(
        cell[1].replicas, cell[1].partition().topic_partition, -1, deadline_ms
    )
    cell.loop.advance(100)
    with pytest.raises(KafkaError, match="REQUEST_TIMED_OUT"):
        answer.result()
    assert cell[1].partition().log.log_start_offset == 1


def test_produce_that_waits_hears_that_its_topic_is_deleted(cell: Cell) -> None:
    """UNKNOWN_TOPIC_OR_PARTITION, where a lost leadership would be NOT_LEADER_OR_FOLLOWER."""
    answer = cell[1].produce(b"a")
    assert not answer.done
    cell.delete(run=False)
    cell.apply(1)
    assert produced(answer.result()) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_produce_that_waits_hears_that_another_leads(cell: Cell) -> None:
    """The new leader may not have its batch."""
    answer = cell[1].produce(b"a")
    cell.change(leader=2, leader_epoch=1, isr=(1, 2, 3), partition_epoch=1, run=False)
    cell.apply(1)
    assert produced(answer.result()) == ErrorCode.NOT_LEADER_OR_FOLLOWER
