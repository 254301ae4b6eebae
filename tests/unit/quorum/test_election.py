"""Several voters: who leads, who may, and what survives whatever happens to them."""

from __future__ import annotations

import random

import pytest

from minikafka.quorum.election import may_grant
from minikafka.quorum.messages import LogEnd, VoteRequest
from minikafka.quorum.roles import Role
from minikafka.quorum.state_store import ElectionState
from tests.support.quorum_explorer import misfortune, upheaval
from tests.support.quorum_net import TIMING, QuorumNet


def _led(net: QuorumNet) -> int:
    machine = net.leader()
    assert machine is not None, "nobody leads"
    return machine.node_id


def _settled() -> QuorumNet:
    net = QuorumNet()
    net.settle()
    net.run(50)
    return net


# --- votes ---


def _asks(*, pre_vote: bool = False) -> VoteRequest:
    return VoteRequest(3, 1, LogEnd(2, 5), pre_vote)


@pytest.mark.parametrize(
    ("own_end", "granted"),
    [(LogEnd(2, 5), True), (LogEnd(2, 6), False), (LogEnd(3, 1), False), (LogEnd(1, 9), True)],
)
@pytest.mark.parametrize("pre_vote", [False, True])
def test_vote_goes_only_to_a_log_that_is_not_behind(
    own_end: LogEnd, granted: bool, pre_vote: bool
) -> None:
    """Raft 5.4.1: the last epoch decides, then the length."""
    found = may_grant(
        _asks(pre_vote=pre_vote),
        role=Role.UNATTACHED,
        own_end=own_end,
        state=ElectionState(3, -1, -1),
        heard_leader=False,
    )
    assert found is granted


@pytest.mark.parametrize(("voted_id", "granted"), [(-1, True), (1, True), (2, False)])
def test_one_vote_in_an_epoch(voted_id: int, granted: bool) -> None:
    """The same candidate may ask again, nobody else."""
    found = may_grant(
        _asks(),
        role=Role.UNATTACHED,
        own_end=LogEnd(-1, 0),
        state=ElectionState(3, voted_id, -1),
        heard_leader=False,
    )
    assert found is granted


@pytest.mark.parametrize("role", list(Role))
def test_no_vote_in_an_epoch_whose_leader_is_known(role: Role) -> None:
    """It has been elected; who voted otherwise would change nothing but confuse."""
    assert not may_grant(
        _asks(),
        role=role,
        own_end=LogEnd(-1, 0),
        state=ElectionState(3, -1, 2),
        heard_leader=False,
    )


@pytest.mark.parametrize(
    ("role", "heard", "granted"),
    [
        (Role.UNATTACHED, False, True),
        (Role.PROSPECTIVE, False, True),
        (Role.CANDIDATE, False, True),
        (Role.LEADER, False, False),
        (Role.RESIGNED, False, False),
        (Role.FOLLOWER, False, True),
        (Role.FOLLOWER, True, False),
    ],
)
def test_pre_vote_is_refused_while_a_leader_is_heard(
    role: Role, heard: bool, granted: bool
) -> None:
    """KIP-996 and KAFKA-17641: a follower that has fetched from the leader refuses."""
    found = may_grant(
        _asks(pre_vote=True),
        role=role,
        own_end=LogEnd(-1, 0),
        state=ElectionState(3, -1, 2),
        heard_leader=heard,
    )
    assert found is granted


# --- elections ---


def test_first_voter_of_a_new_quorum_leads_without_waiting() -> None:
    """Nobody led before, so nobody has to be missed first."""
    net = QuorumNet()
    net.settle()
    assert (_led(net), net.now_ms) == (1, 0)
    assert {machine.role for machine in net.machines.values()} == {Role.LEADER, Role.FOLLOWER}


def test_record_is_committed_when_a_majority_has_fetched_behind_it() -> None:
    """The leader and one more of three."""
    net = _settled()
    before = net.machines[1].high_watermark
    net.append(1)
    assert net.machines[1].high_watermark == before
    net.fetch(2)
    net.settle()
    assert net.machines[1].high_watermark == before, "2 has it, and has not said so"
    net.fetch(2)
    net.settle()
    assert net.machines[1].high_watermark == before + 1


def test_lost_leader_is_replaced_in_a_later_epoch() -> None:
    """Within the fetch timeout and an election timeout; what was committed is there."""
    net = _settled()
    net.append(1)
    net.run(50)
    net.crash(1, power=True)
    net.run(TIMING.fetch_timeout_ms + 3 * TIMING.election_timeout_ms)
    assert _led(net) in (2, 3)
    assert net.leaders[max(net.leaders)] == _led(net)
    net.boot(1)
    net.run(3 * TIMING.fetch_timeout_ms)
    assert {machine.high_watermark for machine in net.machines.values()} == {
        net.machines[1].log.log_end_offset
    }


def test_restarted_leader_resigns_and_never_leads_that_epoch_again() -> None:
    """It would write other records at offsets it has used (KAFKA-10527)."""
    net = _settled()
    epoch = net.machines[1].epoch
    net.crash(1, power=False)
    net.boot(1)
    assert net.machines[1].role is Role.RESIGNED
    net.run(10 * TIMING.fetch_timeout_ms)
    leader = net.leader()
    assert leader is not None
    assert leader.epoch > epoch


def test_leader_without_a_majority_resigns() -> None:
    """Check-quorum (KAFKA-15489): one and a half fetch timeouts without fetches of a majority."""
    net = _settled()
    net.isolate(1)
    net.run(TIMING.fetch_timeout_ms * 3 // 2 - 40)
    assert net.machines[1].is_leader
    net.run(80)
    assert net.machines[1].role is not Role.LEADER


def test_isolated_follower_ends_nobodys_epoch() -> None:
    """Its pre-votes are refused when it is back: its epoch never rose (KIP-996)."""
    net = _settled()
    epoch = net.machines[1].epoch
    net.isolate(3)
    net.run(10 * TIMING.fetch_timeout_ms)
    assert net.machines[3].epoch == epoch
    net.cut.clear()
    net.run(5 * TIMING.fetch_timeout_ms)
    assert (_led(net), net.machines[1].epoch) == (1, epoch)
    assert net.machines[3].role is Role.FOLLOWER


def test_resigning_leader_is_followed_by_the_voter_with_the_longest_log() -> None:
    """It names its successors; the first of them need not wait for a timeout."""
    net = _settled()
    net.cut |= {(1, 2), (2, 1)}
    net.append(1)
    net.fetch(3)
    net.settle()
    net.fetch(3)
    net.settle()
    net.cut.clear()
    before_ms = net.now_ms
    net.carry(1, net.machines[1].resign(net.now_ms))
    net.settle()
    net.run(30)
    assert _led(net) == 3
    assert net.now_ms - before_ms < TIMING.election_timeout_ms


def test_uncommitted_tail_of_a_deposed_leader_gives_way() -> None:
    """What no majority had is cut, and the logs are the same again."""
    net = _settled()
    net.isolate(1)
    net.append(1, b"only here")
    net.run(6 * TIMING.fetch_timeout_ms)
    assert _led(net) in (2, 3)
    net.cut.clear()
    net.run(3 * TIMING.fetch_timeout_ms)
    logs = {machine.log.all_bytes() for machine in net.machines.values()}
    assert len(logs) == 1
    assert b"only here" not in logs.pop()


def test_vote_outlasts_a_power_loss() -> None:
    """K7: granted, forgotten and granted to another would elect two leaders."""
    net = QuorumNet()
    request = VoteRequest(7, 2, LogEnd(9, 9))
    assert net.machines[3].on_vote_request(request, 0).granted
    net.crash(3, power=True)
    net.boot(3)
    other = VoteRequest(7, 1, LogEnd(9, 9))
    assert not net.machines[3].on_vote_request(other, 0).granted
    assert net.machines[3].on_vote_request(request, 0).granted


# --- anything may happen ---


@pytest.mark.parametrize("voters", [3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_no_committed_record_is_lost(voters: int, seed: int) -> None:
    """Messages late, lost and out of order, crashes with and without power: K1 to K7 hold.

    The net checks them at every step; in the end, with the faults over, somebody leads.
    """
    draws = random.Random(f"{seed}:{voters}")
    net = QuorumNet(range(1, voters + 1), seed)
    for _ in range(800):
        misfortune(net, draws)
    net.cut.clear()
    for node in net.nodes:
        if node not in net.machines:
            net.boot(node)
    net.run(8 * TIMING.fetch_timeout_ms)
    leader = net.leader()
    assert leader is not None
    net.append(leader.node_id)
    net.run(TIMING.fetch_timeout_ms)
    assert leader.high_watermark == leader.log.log_end_offset
    assert len({machine.log.all_bytes() for machine in net.machines.values()}) == 1


# --- disks are replaced, voters change, logs begin at snapshots ---


@pytest.mark.parametrize("seed", range(6))
def test_whatever_changes_no_committed_record_is_lost(seed: int) -> None:
    """The same with snapshots, votes given and taken, and disks replaced: K13 and K14, too."""
    draws = random.Random(f"{seed}:changes")
    net = QuorumNet((1, 2, 3), seed)
    net.join(4)
    net.join(5)
    for _ in range(1_200):
        if draws.random() < 0.04:
            upheaval(net, draws)
        else:
            misfortune(net, draws)
    net.cut.clear()
    for node in net.nodes:
        if node not in net.machines:
            net.boot(node)
    net.run(12 * TIMING.fetch_timeout_ms)
    leader = net.leader()
    assert leader is not None
    net.append(leader.node_id)
    net.run(2 * TIMING.fetch_timeout_ms)
    assert leader.high_watermark == leader.log.log_end_offset
    assert {machine.log_end for machine in net.machines.values()} == {leader.log_end}
    assert {machine.voter_set for machine in net.machines.values()} == {leader.voter_set}
