"""The description is made from the routes, and is sound."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.http.openapi import describe_api, statuses
from minikafka.http.table import ROUTES

DOCUMENT = describe_api(ROUTES)


def references(value: Any) -> list[str]:
    """Return every reference anywhere in a document."""
    if isinstance(value, dict):
        found = [value["$ref"]] if "$ref" in value else []
        return found + [each for part in value.values() for each in references(part)]
    if isinstance(value, list | tuple):
        return [each for part in value for each in references(part)]
    return []


def test_every_route_is_described_once() -> None:
    """By its path and its method, and nothing besides."""
    described = [
        (method.upper(), path)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    ]
    assert sorted(described) == sorted((each.method, each.path) for each in ROUTES)
    assert len(set(described)) == len(ROUTES)


def test_operations_have_names_of_their_own() -> None:
    """A generator of clients makes a function of each."""
    names = [each.name for each in ROUTES]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


def test_every_reference_leads_somewhere() -> None:
    """To a schema, each of which is used."""
    used = {each.removeprefix("#/components/schemas/") for each in references(DOCUMENT)}
    assert used == set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_operation_says_all_that_a_caller_needs(route: Any) -> None:
    """Each parameter of the path, every status with its meaning, both media."""
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    in_path = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
    assert all(f"{{{name}}}" in route.path for name in in_path)
    assert len(in_path) == route.path.count("{")
    assert list(operation["responses"]) == [str(status) for status in statuses(route)]
    assert all(each["description"] for each in operation["responses"].values())
    assert operation["summary"].endswith(".")
    if route.kind == "data":
        content = operation["responses"][str(route.status)]["content"]
        assert list(content) == ["application/json", "application/msgpack"]
    assert ("requestBody" in operation) == (route.body is not None)


def test_schemas_are_sound() -> None:
    """What is required is a property, what has a default takes it, and bounds are in order."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if "properties" in schema:
            assert set(schema.get("required", ())) <= set(schema["properties"]), name
            for each in schema["properties"].values():
                if "minimum" in each:
                    assert each["minimum"] <= each.get("default", each["minimum"])
                    assert each.get("default", each["maximum"]) <= each["maximum"]
