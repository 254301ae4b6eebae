"""Ten thousand requests that schemathesis draws from the description of the HTTP API.

Beside test_http_described.py, which draws fewer by itself: somebody else reads the description
here, and holds every answer to it. Brokers die and come back meanwhile.
"""

from __future__ import annotations

import json
import random
import urllib.error
import urllib.request
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.support.running_up import SOON, Up, running

pytestmark = [pytest.mark.schemathesis, pytest.mark.time_limit(3_600)]

CALLS = 10_000
KNOWN = {"topic": "orders", "partition": 0, "broker": 2}
# What may be asked for and would only take long.
MOST = {"max_wait_ms": 20, "partitions": 3}
TIMEOUT_MS = 5_000
BREAKING = ("_broker", "partition_network", "delete_topic", "create_topic")
# Requests of each kind: what has to be mended after it takes longest.
PLAIN, CHANGING, KILLING = 1_000, 250, 50


class Asker:
    """Asks a cluster, and mends it after what breaks it.

    Attributes:
        calls: how many answers were held to the description.
        whole: nothing has been broken yet, so that nothing is unavailable.
    """

    def __init__(self, up: Up, checks: list[Any]) -> None:
        self.up = up
        self.calls = 0
        self.whole = True
        self._checks = checks
        self._generator = random.Random(7)

    def ask(self, name: str, case: Any) -> None:
        """Send a request; the answer is one that is described, and is no bug."""
        self._narrow(case)
        self.whole = self.whole and not name.endswith(BREAKING)
        response = case.call(timeout=90)
        assert response.status_code < 500 or not (self.whole or response.status_code == 500), (
            name, response.status_code, response.content,
        )  # fmt: skip
        case.validate_response(response, checks=self._checks)
        self.calls += 1
        if name.endswith(BREAKING):
            self._mend()

    def _narrow(self, case: Any) -> None:
        """Let most requests come through to a broker, and none take long."""
        for name, value in KNOWN.items():
            if name in (case.path_parameters or {}) and self._generator.random() < 0.7:
                case.path_parameters[name] = value
        for place in (case.query, case.body):
            if isinstance(place, dict):
                for name, most in MOST.items():
                    if isinstance(place.get(name), int) and place[name] > most:
                        place[name] = most
        if isinstance(case.body, dict) and isinstance(case.body.get("timeout_ms"), int):
            case.body["timeout_ms"] = TIMEOUT_MS

    def _mend(self) -> None:
        self._try("POST", "/v1/network/heal")
        for broker in self.up.ask("/v1/brokers")["brokers"]:
            if broker["state"] != "up":
                act = "start" if broker["state"] == "down" else "resume"
                self._try("POST", f"/v1/brokers/{broker['id']}/{act}")
        self._try("POST", "/v1/topics", {"name": "orders", "replication_factor": 3})
        for topic in self.up.ask("/v1/topics")["topics"][20:]:
            if topic["name"] != "orders":
                self._try("DELETE", f"/v1/topics/{topic['name']}")

    def _try(self, method: str, path: str, body: object = None) -> None:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.up.url}{path}", data, headers, method=method)
        try:
            urllib.request.urlopen(request, timeout=60).close()
        except urllib.error.HTTPError as error:
            error.close()


def prepared(library: Any) -> list[Any]:
    """Teach the library MessagePack; return what every answer is held to."""

    @library.serializer("application/msgpack")
    def pack(context: Any, value: Any) -> bytes:
        try:
            packed: bytes = msgpack.packb(value)
        except (OverflowError, UnicodeEncodeError):
            packed = b"\xc1"
        return packed

    @library.deserializer("application/msgpack")
    def unpack(context: Any, response: Any) -> Any:
        return msgpack.unpackb(response.content)

    from schemathesis.specs.openapi import checks as more

    return [
        more.status_code_conformance,
        more.content_type_conformance,
        more.response_headers_conformance,
        more.response_schema_conformance,
    ]


@pytest.mark.filterwarnings("default")
def test_ten_thousand_requests_have_the_answers_that_are_described() -> None:
    """No bug, no 5xx while nothing is broken, and no status, type or shape that is not described."""
    library = pytest.importorskip("schemathesis")
    checks = prepared(library)
    with running("--topic", "orders:2:3", config=SOON) as up:
        schema = library.openapi.from_url(f"{up.url}/v1/openapi.json").exclude(
            operation_id="events"
        )
        operations = [each.ok() for each in schema.get_all_operations()]
        # Whatever breaks brokers comes last: the others are to find them whole.
        operations.sort(key=lambda each: each.definition.raw["operationId"].endswith(BREAKING))
        asker = Asker(up, checks)
        modes = library.GenerationMode
        # Where nothing can be said there is one request, and nothing wrong to be said either.
        wordy = [each for each in operations if takes_something(each)]
        for operation in operations:
            name = operation.definition.raw["operationId"]
            for mode in (modes.POSITIVE, modes.NEGATIVE):
                if operation in wordy or mode is modes.POSITIVE:
                    ask_all(asker, name, operation.as_strategy(generation_mode=mode))
        assert asker.calls >= CALLS


def takes_something(operation: Any) -> bool:
    """Say whether requests of an operation can differ."""
    raw = operation.definition.raw
    return bool(raw["parameters"]) or "requestBody" in raw


def ask_all(asker: Asker, name: str, cases: Any) -> None:
    """Draw requests of one operation, and ask them."""
    examples = PLAIN
    if name.endswith(BREAKING):
        examples = KILLING if name.endswith("_broker") else CHANGING

    @settings(
        max_examples=examples,
        phases=(Phase.generate,),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def run(case: Any) -> None:
        asker.ask(name, case)

    run()
