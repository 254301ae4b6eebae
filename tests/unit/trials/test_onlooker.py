"""What a run notes of its brokers, where that takes more than one of them."""

from __future__ import annotations

from minikafka.trials.simulation import Simulation
from tests.support.rule_runs import broken, led


def test_copy_of_a_compacted_log_is_known_by_its_leaders() -> None:
    """Also where what was committed has been given up since, in an unclean election."""

    async def scenario(s: Simulation) -> None:
        client = s.cluster.client()
        for _ in range(3):
            await client.produce("t", 0, [b"v"])
        log = led(s).log
        log.roll()
        await client.produce("t", 0, [b"behind"])
        follower = next(each for each in s.brokers if each.id != s.cluster.leader("t", 0))
        follower.crash("power")
        follower.replace_disk()
        sources = log.segments[:1]
        assert log.replace(sources, sources[0].batches[-1:])
        s.invariants.ghost.partition(log).committed.clear()
        follower.restart()
        await s.converged()

    assert broken(scenario) is None
