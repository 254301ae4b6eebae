"""The replicas of one partition, as golden scripts speak of them.

Commands: partition, append, fetch, tick, isr, elect, status. `fetch` is a whole round: what the
leader reads for the follower, and what that does to the follower's log.
"""

from __future__ import annotations

from minikafka.base.errors import KafkaError
from minikafka.log.partition_log import PartitionLog
from minikafka.replication.follower import PartitionFollower
from minikafka.replication.leader import PartitionLeader
from tests.support.builders import NOW_TIMESTAMP_MS, batch_of, open_log
from tests.support.golden import Command

__all__ = ["ReplicationMachine"]

ACKS = {"all": -1, "0": 0, "1": 1}


class ReplicationMachine:
    """Runs the commands of one script."""

    def __init__(self) -> None:
        self.logs: dict[int, PartitionLog] = {}
        self.leaders: dict[int, PartitionLeader] = {}
        self.replicas: tuple[int, ...] = ()
        self.now_ms = 0
        self.lag_max_ms = 0

    def run(self, command: Command) -> list[str]:
        """Return what a command leads to, one line for each event."""
        lines: list[str] = getattr(self, f"_{command.name}")(command)
        for log in self.logs.values():
            log.check_invariants()
        return lines

    def _partition(self, command: Command) -> list[str]:
        self.replicas = command.numbers(command.options["replicas"])
        self.lag_max_ms = command.number("lag_max_ms", 30_000)
        self.logs = {
            replica: open_log(min_insync_replicas=command.number("min_isr", 1))
            for replica in self.replicas
        }
        leader, epoch = command.number("leader"), command.number("epoch", 0)
        return self._lead(leader, epoch, self.replicas, command.number("partition_epoch", 0))

    def _elect(self, command: Command) -> list[str]:
        """A broker leads from now on; an old leader that is not told goes on."""
        isr = command.numbers(command.options["isr"])
        for told in command.numbers(command.options.get("told", "0")):
            self.leaders.pop(told, None)
        return self._lead(
            command.broker(), command.number("epoch"), isr, command.number("partition_epoch")
        )

    def _lead(
        self, broker: int, epoch: int, isr: tuple[int, ...], partition_epoch: int
    ) -> list[str]:
        log = self.logs[broker]
        log.epochs.assign(epoch, log.log_end_offset)
        self.leaders[broker] = PartitionLeader(
            log,
            broker,
            replicas=self.replicas,
            isr=isr,
            leader_epoch=epoch,
            partition_epoch=partition_epoch,
            lag_max_ms=self.lag_max_ms,
            now_ms=self.now_ms,
        )
        named = ",".join(map(str, isr))
        ends = f"leo={log.log_end_offset} hw={log.high_watermark}"
        return [f"b{broker} leader e{epoch} {ends} isr={named}"]

    def _append(self, command: Command) -> list[str]:
        broker = command.broker()
        leader = self.leaders[broker]
        before = leader.log.high_watermark
        batch = batch_of(*[1_000] * command.number("records", 1))
        try:
            info = leader.append(batch, ACKS[command.options["acks"]], NOW_TIMESTAMP_MS)
        except KafkaError as error:
            return [f"b{broker} refuses: {error.code.name}"]
        leader.maybe_advance_high_watermark(self.now_ms)
        written = f"b{broker} append {info.base_offset}..{info.last_offset}"
        return [f"{written} e{leader.leader_epoch}", *self._moved(broker, before)]

    def _fetch(self, command: Command) -> list[str]:
        follower = command.broker()
        source = int(command.options["from"].removeprefix("b"))
        leader, log = self.leaders[source], self.logs[follower]
        machine = PartitionFollower(log, leader_id=source, leader_epoch=leader.leader_epoch)
        end, before = log.log_end_offset, leader.log.high_watermark
        last = log.last_epoch
        if last >= 0:
            epoch, epoch_end = leader.log.epochs.end_offset_for(last, leader.log.log_end_offset)
            if epoch < last or epoch_end < end:
                cut = machine.on_divergence(epoch, epoch_end)
                told = f"b{follower} diverges: e{epoch} ends at {epoch_end}"
                return [told, f"b{follower} leo {end}->{cut}"]
        leader.on_follower_fetch(follower, end, log.log_start_offset, 100, self.now_ms)
        lines = self._moved(source, before)
        found = leader.log.read(end, 1 << 20, leader.log.log_end_offset, at_least_one=True)
        own = log.high_watermark
        machine.on_records(
            found.batches, leader.log.high_watermark, leader.log.log_start_offset
        )
        if log.log_end_offset != end:
            lines.append(f"b{follower} leo {end}->{log.log_end_offset}")
        return [*lines, *self._moved(follower, own)] or [f"b{follower} nothing new"]

    def _tick(self, command: Command) -> list[str]:
        self.now_ms += int(command.words[0])
        lines = []
        for broker, leader in self.leaders.items():
            wish = leader.isr_wish(self.now_ms)
            if wish is not None:
                leader.pending_isr = wish.isr
                now, then = (",".join(map(str, isr)) for isr in (leader.isr, wish.isr))
                lines.append(f"b{broker} wants isr {now} -> {then}")
        return lines or [f"at {self.now_ms} ms nothing is wanted"]

    def _isr(self, command: Command) -> list[str]:
        broker = command.broker()
        leader = self.leaders[broker]
        before = leader.log.high_watermark
        isr = command.numbers(command.words[1])
        leader.on_partition_changed(isr, command.number("partition_epoch"), self.now_ms)
        named = ",".join(map(str, leader.isr))
        return [f"b{broker} isr {named}", *self._moved(broker, before)]

    def _status(self, command: Command) -> list[str]:
        return [
            f"b{broker} leo={log.log_end_offset} hw={log.high_watermark} epochs="
            + " ".join(f"e{batch.leader_epoch}@{batch.base_offset}" for batch in log.batches())
            for broker, log in self.logs.items()
        ]

    def _moved(self, broker: int, before: int) -> list[str]:
        now = self.logs[broker].high_watermark
        return [f"b{broker} hw {before}->{now}"] if now != before else []
