"""The server does what its description says: requests drawn from the description alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgpack
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from minikafka.http.openapi import describe_api
from minikafka.http.table import ROUTES
from tests.support.http_api import Answer, Api, serving

DOCUMENT = describe_api(ROUTES)
SCHEMAS: Mapping[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = [
    (path, method, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if operation["operationId"] != "events"
]
# Drawn so often instead of any name that requests come through to the brokers.
KNOWN = {"topic": "orders", "partition": 0, "broker": 1}
# What may be asked for and would only take long.
SMALL = {"max_wait_ms": 20, "timeout_ms": 500, "partitions": 3}
REQUESTS = 40
SOON = {"broker.heartbeat.interval.ms": 50, "broker.session.timeout.ms": 400}

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema that a reference leads to."""
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    return SCHEMAS[name] if name else schema


def values(schema: Mapping[str, Any], name: str = "") -> st.SearchStrategy[Any]:
    """Return what the schema allows."""
    schema = resolved(schema)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([values(each, name) for each in schema["anyOf"]])
    kind = schema["type"]
    if kind == "integer":
        high = min(schema["maximum"], SMALL.get(name, schema["maximum"]))
        low = schema["minimum"]
        return st.integers(low, min(low + 3, high)) | st.integers(low, high)
    if kind == "array":
        most = min(schema.get("maxItems", 3), 3)
        return st.lists(
            values(schema["items"], name), min_size=schema.get("minItems", 0), max_size=most
        )
    if kind == "object" and "properties" in schema:
        return objects(schema)
    if kind == "object":
        return st.dictionaries(
            st.text(max_size=5), values(schema["additionalProperties"]), max_size=2
        )
    if schema.get("contentEncoding") == "base64":
        return st.sampled_from(["", "AA==", "/w==", "aGVsbG8="])
    if kind == "string":
        return st.text(min_size=schema.get("minLength", 0), max_size=8)
    return st.booleans() if kind == "boolean" else st.none()


def objects(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return objects with all that is required, and some of the rest."""
    drawn = {name: values(each, name) for name, each in schema["properties"].items()}
    required = {name: drawn.pop(name) for name in schema.get("required", ())}
    return st.fixed_dictionaries(required, optional=drawn)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Mapping[str, Any], str, str, dict[str, Any]]:
    """Return an operation, and a request of it: most of them sound, some with junk in places."""
    path, method, operation = draw(st.sampled_from(OPERATIONS))
    junk = draw(st.integers(0, 5)) == 0
    query = {}
    for each in operation["parameters"]:
        name, schema = each["name"], each["schema"]
        value = draw(st.text(max_size=5) if junk else values(schema, name))
        if name in KNOWN and draw(st.integers(0, 3)):
            value = KNOWN[name]
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if each["in"] == "path":
            path = path.replace(f"{{{name}}}", quote(text, safe=""))
        elif each.get("required") or draw(st.booleans()):
            query[name] = text
    more: dict[str, Any] = {"params": query}
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        (schema,) = {
            json.dumps(each["schema"]): each["schema"] for each in content.values()
        }.values()
        body = draw(JUNK if junk else values(schema))
        more |= in_media(
            body, draw(st.sampled_from([*content, "text/plain"] if junk else [*content]))
        )
    return operation, method.upper(), path, more


def in_media(body: Any, content_type: str) -> dict[str, Any]:
    """Return a body as aiohttp takes it."""
    headers = {"Content-Type": content_type, "Accept": content_type}
    if content_type == "application/msgpack":
        try:
            return {"data": msgpack.packb(body), "headers": headers}
        except (OverflowError, UnicodeEncodeError):
            return {"data": b"\xc1", "headers": headers}
    return {"data": json.dumps(body).encode(), "headers": headers}


def check(operation: Mapping[str, Any], answer: Answer) -> None:
    """The status is one that is described, and no bug; a refusal has the one shape."""
    name = operation["operationId"]
    assert str(answer.status) in operation["responses"], (name, answer.status, answer.value)
    assert answer.status != 500
    if answer.status >= 400:
        assert answer.error[0] == answer.status


async def mended(api: Api) -> None:
    """Brokers are up again, links healed, and the topic that is known is there."""
    await api.post("/v1/network/heal")
    await api.post("/v1/brokers/1/resume")
    await api.post("/v1/brokers/1/start")
    await api.cluster.wait_until(lambda: api.cluster.controller() is not None)
    await api.post("/v1/topics", {"name": "orders"})


async def asked(drawn: list[tuple[Mapping[str, Any], str, str, dict[str, Any]]]) -> None:
    """Ask a new cluster one thing after the other."""
    async with serving(1, SOON) as api:
        await mended(api)
        for operation, method, path, more in drawn:
            check(operation, await api.ask(method, path, **more))
            if operation["operationId"].endswith("_broker") or method == "DELETE":
                await mended(api)


@pytest.mark.slow
@pytest.mark.filterwarnings("default:Generating overly large repr")
@pytest.mark.time_limit(120)
@settings(
    max_examples=12,
    # A cluster for each step of shrinking takes longer than reading the request that failed.
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(drawn=st.lists(requests(), min_size=REQUESTS // 2, max_size=REQUESTS))
def test_no_request_has_an_answer_that_is_not_described(
    drawn: list[tuple[Mapping[str, Any], str, str, dict[str, Any]]],
) -> None:
    """Hundreds of requests, sound and unsound: no 500, no status that is not in the description."""
    asyncio.run(asked(drawn))
