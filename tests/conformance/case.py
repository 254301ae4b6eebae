"""What a conformance case is: a script of requests, at every served version of one API.

A case is a function that takes a `Script` and asks through it; each answer is recorded in
normalised form under a label. The same script runs against both servers. Knows neither.

Kafka counterpart: none.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import pkgutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from tests.conformance import cases as cases_package
from tests.conformance.plain import Names, normalise
from tests.conformance.raw_client import (
    ConnectionClosedError,
    NoAnswerError,
    RawClient,
    UndecodableAnswerError,
    build,
    encode_request,
    frame,
)

__all__ = ["API_NAMES", "Case", "Script", "all_cases", "case", "run"]

POLLS: Final = 250
POLL_S: Final = 0.02
API_NAMES: Final = {
    0: "produce", 1: "fetch", 2: "list_offsets", 3: "metadata", 10: "find_coordinator",
    18: "api_versions", 19: "create_topics", 20: "delete_topics", 21: "delete_records",
    22: "init_producer_id", 23: "offset_for_leader_epoch", 32: "describe_configs",
    37: "create_partitions", 43: "elect_leaders", 44: "incremental_alter_configs", 60: "describe_cluster",
    61: "describe_producers",
    24: "add_partitions_to_txn", 25: "add_offsets_to_txn", 26: "end_txn", 27: "write_txn_markers",
    28: "txn_offset_commit", 65: "describe_transactions", 66: "list_transactions",
    75: "describe_topic_partitions", 34: "alter_replica_log_dirs", 35: "describe_log_dirs",
    45: "alter_partition_reassignments", 46: "list_partition_reassignments",
    64: "unregister_broker", 8: "offset_commit", 9: "offset_fetch", 11: "join_group",
    12: "heartbeat", 13: "leave_group", 14: "sync_group", 15: "describe_groups",
    16: "list_groups", 42: "delete_groups", 47: "offset_delete",
    52: "vote", 53: "begin_quorum_epoch", 54: "end_quorum_epoch",
    55: "describe_quorum",
    59: "fetch_snapshot",
    68: "consumer_group_heartbeat",
    69: "consumer_group_describe",
    80: "add_raft_voter",
    81: "remove_raft_voter",
    82: "update_raft_voter",
    76: "share_group_heartbeat", 77: "share_group_describe", 78: "share_fetch", 79: "share_acknowledge",
    83: "initialize_share_group_state", 84: "read_share_group_state", 85: "write_share_group_state",
    86: "delete_share_group_state", 87: "read_share_group_state_summary",
    90: "describe_share_group_offsets", 91: "alter_share_group_offsets", 92: "delete_share_group_offsets",
}  # fmt: skip


class SetupFailedError(Exception):
    """A server refused what a case needs before it can ask its question."""


class Script:
    """One run of a case at one version against one server.

    Attributes:
        version: of the API under test.
        answers: normalised answers by label, in the order they were asked.
        patience_s: longest wait for an answer; to be set before the first question.
        asked_servers: whom the questions go to; `other` and all setting up go to the brokers.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        api_key: int,
        version: int,
        prefix: str,
        asked_servers: str | None = None,
    ) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.asked_servers = asked_servers or bootstrap_servers
        self.api_key = api_key
        self.version = version
        self.names = Names(prefix)
        self.answers: dict[str, Any] = {}
        self.patience_s = 15.0
        self._setup = RawClient.to(bootstrap_servers)
        self._asked: RawClient | None = None

    def close(self) -> None:
        """Close both connections."""
        self._setup.close()
        if self._asked is not None:
            self._asked.close()

    # What a case needs before it asks; nothing of this is recorded.

    def name(self, suffix: str = "") -> str:
        """Return a topic name that is this case's own; dashes only, so none collides."""
        return self.names.prefix + suffix

    def id(self, topic: str) -> UUID | None:
        """Return the id of a topic made by `create`, None for any other."""
        return next((key for key, name in self.names.ids.items() if name == topic), None)

    def create(self, suffix: str = "", partitions: int = 1, **configs: str) -> str:
        """Make a topic, wait until each partition has its leader, return the name.

        Config names have underscores for dots.
        """
        name = self.name(suffix)
        settings = [{"name": k.replace("_", "."), "value": v} for k, v in configs.items()]
        topic = {"name": name, "num_partitions": partitions, "replication_factor": 1}
        answer = self._setup.send(
            19, 7, topics=[topic | {"assignments": [], "configs": settings}], timeout=10_000
        )
        if answer.topics[0].error_code != 0:
            raise SetupFailedError(f"create: {answer.topics[0].error_code!r}")
        self.names.ids[answer.topics[0].topic_id] = name
        self.wait_for_leaders(name, partitions)
        return name

    def wait_for_leaders(self, name: str, partitions: int = 1) -> None:
        """Wait until every partition of a topic answers ListOffsets."""
        asked = [{"partition_index": at, "timestamp": -1} for at in range(partitions)]

        def led() -> bool:
            answer = self._setup.send(
                2, 7, replica_id=-1, topics=[{"name": name, "partitions": asked}]
            )
            return all(each.error_code == 0 for each in answer.topics[0].partitions)

        self.wait(led, f"no leader for {name}")

    def wait(self, done: Callable[[], bool], what: str) -> None:
        """Ask again and again until the server has come round.

        Raises:
            SetupFailedError: it has not in five seconds.
        """
        for _ in range(POLLS):
            if done():
                return
            time.sleep(POLL_S)
        raise SetupFailedError(what)

    def other(self, api_key: int, version: int, **fields: Any) -> Any:
        """Return another API's answer, unrecorded."""
        return self._setup.send(api_key, version, **fields)

    def produce(self, topic: str, *batches: bytes, partition: int = 0) -> None:
        """Append batches, one request each, and wait for each."""
        for each in batches:
            data = {"name": topic, "partition_data": [{"index": partition, "records": each}]}
            answer = self._setup.send(0, 9, acks=-1, timeout=10_000, topic_data=[data])
            code = answer.responses[0].partition_responses[0].error_code
            if code != 0:
                raise SetupFailedError(f"produce: {code!r}")

    # Questions; every answer is recorded.

    def ask(self, label: str, **fields: Any) -> Any:
        """Send the API under test at the version under test; record and return the answer.

        Returns None, and goes on with a new connection, when there is no proper answer.
        """
        return self._record(label, self.api_key, self.version, fields)

    def check(self, label: str, api_key: int, version: int, **fields: Any) -> Any:
        """Record what another API says, to see what the one under test has done."""
        return self._record(label, api_key, version, fields)

    def ask_until(
        self, label: str, done: Callable[[Any], bool], *, polls: int = POLLS, **fields: Any
    ) -> Any:
        """Ask until the answer is as wanted or the time is up; record the last answer."""
        answer = None
        for _ in range(polls):
            answer = self.ask(label, **fields)
            if answer is None or done(answer):
                break
            time.sleep(POLL_S)
        return answer

    def only_mine(self, label: str, field: str = "topics") -> None:
        """Drop from a recorded answer the topics that are not this case's."""
        recorded = self.answers[label]
        if isinstance(recorded.get(field), dict):
            mine = {k: v for k, v in recorded[field].items() if k.startswith("~")}
            recorded[field] = mine

    def ask_bytes(self, label: str, data: bytes, *, half_close: bool = False) -> None:
        """Send bytes as they are on a connection of their own; record the answer's bytes."""
        with RawClient.to(self.bootstrap_servers, timeout_s=2.0) as client:
            try:
                client.write(data)
                if half_close:
                    client.half_close()
                self.answers[label] = {"answer": client.read().hex()}
            except ConnectionClosedError:
                self.answers[label] = {"connection": "closed"}
            except NoAnswerError:
                self.answers[label] = {"connection": "silent"}

    def one_way(self, **fields: Any) -> RawClient:
        """Send the API under test on a new connection without waiting; return it."""
        client = RawClient.to(self.bootstrap_servers, timeout_s=5.0)
        client.write(frame(encode_request(build(self.api_key, self.version, **fields))))
        return client

    def shown(self, answer: Any) -> dict[str, Any]:
        """Return an answer of the API under test as it is recorded, by the names known now."""
        return normalise(self.api_key, answer, self.names)

    def note(self, label: str, value: Any) -> None:
        """Record a plain value."""
        self.answers[label] = value

    def _record(self, label: str, api_key: int, version: int, fields: dict[str, Any]) -> Any:
        if self._asked is None:
            self._asked = RawClient.to(self.asked_servers, self.patience_s)
        try:
            answer = self._asked.send(api_key, version, **fields)
        except (ConnectionClosedError, NoAnswerError, UndecodableAnswerError) as error:
            ends = {ConnectionClosedError: "closed", NoAnswerError: "silent"}
            self.answers[label] = {"connection": ends.get(type(error), f"undecodable {error}")}
            self._asked.close()
            self._asked = None
            return None
        self.answers[label] = normalise(api_key, answer, self.names)
        return answer


Body = Callable[[Script], None]


@dataclass(frozen=True)
class Case:
    """A question to an API, and the versions it can be asked at (both inclusive).

    Args:
        controllers: it is asked at the listener where controllers speak with each other.
    """

    name: str
    api_key: int
    versions: tuple[int, int]
    body: Body
    controllers: bool = False

    @property
    def api(self) -> str:
        """The API's name, as in the case's path."""
        return API_NAMES[self.api_key]

    @functools.cached_property
    def source(self) -> str:
        """A short hash of the file the case stands in: its recorded answers hold for it."""
        module = inspect.getmodule(self.body)
        assert module is not None
        return hashlib.sha256(inspect.getsource(module).encode()).hexdigest()[:16]

    def at(self, version: int) -> str:
        """Return the id of this case at a version."""
        return f"{self.api}/{self.name}/v{version}"


_CASES: dict[str, Case] = {}


def case(
    api_key: int, versions: tuple[int, int], *, controllers: bool = False
) -> Callable[[Body], Body]:
    """Register the decorated function as a case of this API at these versions."""

    def register(body: Body) -> Body:
        found = Case(body.__name__, api_key, versions, body, controllers)
        key = f"{found.api}/{found.name}"
        assert key not in _CASES, f"two cases are called {key}"
        _CASES[key] = found
        return body

    return register


def all_cases() -> Sequence[tuple[Case, int]]:
    """Return every case at every version it can be asked at, in a fixed order."""
    for module in pkgutil.iter_modules(cases_package.__path__):
        importlib.import_module(f"{cases_package.__name__}.{module.name}")
    return list(_expanded(_CASES.values()))


def _expanded(cases: Iterable[Case]) -> Iterable[tuple[Case, int]]:
    for each in cases:
        for version in range(each.versions[0], each.versions[1] + 1):
            yield each, version


def run(
    bootstrap_servers: str, what: Case, version: int, controllers: str | None = None
) -> dict[str, Any]:
    """Return the normalised answers of a server to a case at a version.

    A script that cannot go on leaves its reason under the label "script".
    """
    prefix = f"{what.api}-{what.name}-v{version}".replace("_", "-")
    asked = controllers if what.controllers else None
    script = Script(bootstrap_servers, what.api_key, version, prefix, asked)
    try:
        what.body(script)
    except (OSError, SetupFailedError, ConnectionClosedError, NoAnswerError) as error:
        script.answers["script"] = f"{type(error).__name__}: {error}"
    except (AttributeError, IndexError, UndecodableAnswerError) as error:
        script.answers["script"] = f"an answer is not of the shape needed: {error!r}"
    finally:
        script.close()
    return script.answers
