"""Committed records, one by one, from a running cluster."""

from __future__ import annotations

from minikafka.metadata.records import BrokerRegistered, TopicCreated
from minikafka.trials.metadata_history import Recorded
from minikafka.trials.run import run
from minikafka.trials.simulation import Simulation


def test_every_record_is_seen_once_in_order_with_the_states_around_it() -> None:
    """What the history holds is what the brokers have applied."""
    seen: list[Recorded] = []

    async def scenario(s: Simulation) -> None:
        s.invariants.add("none", "recorded", seen.append)
        await s.cluster.create_topic("u", partitions=2)
        await s.sleep(1)
        history, image = s.invariants.history, s.invariants.ghost.image
        assert history.image is not None
        assert image is not None
        assert (history.image.offset, history.image.topics) == (image.offset, image.topics)
        assert sorted(former or 0 for former, _ in history.registrations.values()) == [0, 0, 0]

    result = run(scenario, seed=1, topics={"t": 1}, keep_trace=False)
    assert result.error is None, result.text()
    created = [each for each in seen if isinstance(each.record, TopicCreated)]
    assert [each.record.topic for each in created if isinstance(each.record, TopicCreated)] == [
        "u"
    ]
    [one] = created
    assert "u" not in one.before.topics
    assert one.after.topics["u"].partitions == ()
    assert len(one.settled.topics["u"].partitions) == 2
    offsets = [each.offset for each in seen]
    assert offsets == sorted(set(offsets))
    assert not any(isinstance(each.record, BrokerRegistered) for each in seen)
