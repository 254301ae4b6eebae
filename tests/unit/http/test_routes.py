"""From a method and a path to a route and its parameters."""

from __future__ import annotations

import pytest

from minikafka.http.fields import Member, Whole
from minikafka.http.refusal import Refusal
from minikafka.http.routes import Route, find_route, read_parameters


async def _nothing(call: object) -> None:
    """Do nothing."""


ROUTES = (
    Route("GET", "/v1/topics", "all", "", _nothing),
    Route("POST", "/v1/topics", "make", "", _nothing),
    Route(
        "GET",
        "/v1/topics/{topic}",
        "one",
        "",
        _nothing,
        parameters={
            "most": Member(Whole(1, 9), default=5),
            "from": Member(Whole(0, 9), required=True),
        },
    ),
)


def refused(method: str, path: str) -> Refusal:
    """Return the refusal of a request."""
    with pytest.raises(Refusal) as caught:
        find_route(ROUTES, method, path)
    return caught.value


def test_path_finds_its_route_and_its_parameters_are_unquoted() -> None:
    """A slash that is quoted is part of the name."""
    assert find_route(ROUTES, "POST", "/v1/topics")[0].name == "make"
    route, texts = find_route(ROUTES, "GET", "/v1/topics/a%2Fb%C3%A9")
    assert (route.name, texts) == ("one", {"topic": "a/bé"})


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/topics/a/b", "//v1/topics", ""])
def test_other_path_is_404(path: str) -> None:
    """A slash too many makes another path."""
    assert refused("GET", path).status == 404


def test_empty_name_in_a_path_is_400() -> None:
    """A slash at the end is followed by a name of no characters."""
    route, texts = find_route(ROUTES, "GET", "/v1/topics/")
    with pytest.raises(Refusal):
        read_parameters(route, texts, [("from", "1")])


def test_other_method_is_405_and_says_which_there_are() -> None:
    """As HTTP wants it."""
    refusal = refused("PUT", "/v1/topics")
    assert (refusal.status, refusal.headers) == (405, {"Allow": "GET, POST"})


def test_path_that_is_no_utf8_is_400() -> None:
    """Half a character is no name."""
    assert refused("GET", "/v1/topics/%C3").status == 400


def test_parameters_of_path_and_query_come_together() -> None:
    """What is left out is the default."""
    route, texts = find_route(ROUTES, "GET", "/v1/topics/a")
    assert read_parameters(route, texts, [("from", "3")]) == {
        "topic": "a",
        "from": 3,
        "most": 5,
    }


@pytest.mark.parametrize(
    "query",
    [
        [],
        [("from", "x")],
        [("from", "1"), ("from", "1")],
        [("from", "1"), ("other", "1")],
        [("from", "1"), ("topic", "b")],
    ],
)
def test_query_that_does_not_fit_is_400(query: list[tuple[str, str]]) -> None:
    """Missing, misspelt, twice, or one of the path's."""
    route, texts = find_route(ROUTES, "GET", "/v1/topics/a")
    with pytest.raises(Refusal) as caught:
        read_parameters(route, texts, query)
    assert caught.value.status == 400
