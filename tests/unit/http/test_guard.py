"""Who may ask: Host, Origin, token."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from minikafka.http.guard import Admission, is_loopback
from minikafka.http.refusal import Refusal

OURS = "127.0.0.1:8080"


def status(
    headers: dict[str, str], *, method: str = "GET", admission: Admission | None = None
) -> int:
    """Return the status with which a request is refused, 200 where it is let through."""
    try:
        (admission or Admission()).check(method, CIMultiDict(headers))
    except Refusal as refusal:
        return refusal.status
    return 200


@pytest.mark.parametrize(
    "host", [OURS, "127.0.0.1", "localhost", "LOCALHOST:1", "[::1]:8080", "192.168.0.7:80"]
)
def test_addresses_and_localhost_are_this_server(host: str) -> None:
    """What is typed as digits cannot be pointed elsewhere by anybody."""
    assert status({"Host": host}) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "a@127.0.0.1",
     "127.0.0.1:x", "127.0.0.1/x", "[::1", "localhost:80:80", "127.1:8080x"],
)  # fmt: skip
def test_another_name_is_refused_against_dns_rebinding(host: str) -> None:
    """A name that somebody else may point here is no name of ours."""
    assert status({"Host": host}) == 403


def test_name_that_was_given_is_this_server() -> None:
    """Names besides are said when the server is made."""
    assert status({"Host": "kafka.test:80"}, admission=Admission(hosts=("Kafka.test",))) == 200


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "http://127.0.0.1:3000", "file://", "http://[",
     f"http://{OURS}.evil.example", "http://localhost:8080"],
)  # fmt: skip
def test_page_of_another_origin_is_refused(origin: str) -> None:
    """Another port is another origin, and so is another name for this machine."""
    assert status({"Host": OURS, "Origin": origin}, method="POST") == 403


def test_own_page_is_answered() -> None:
    """The origin is the host that was asked."""
    headers = {"Host": OURS, "Origin": f"http://{OURS}", "Sec-Fetch-Site": "same-origin"}
    assert status(headers, method="POST") == 200


@pytest.mark.parametrize(
    ("site", "mode", "method", "want"),
    [
        ("cross-site", "no-cors", "GET", 403),
        ("same-site", "cors", "GET", 403),
        ("cross-site", "navigate", "POST", 403),
        ("cross-site", "navigate", "GET", 200),
        ("none", "navigate", "GET", 200),
    ],
)
def test_image_of_another_page_is_refused_and_a_link_is_not(
    site: str, mode: str, method: str, want: int
) -> None:
    """Browsers say where a request comes from, also where they send no Origin."""
    headers = {"Host": OURS, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
    assert status(headers, method=method) == want


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ("Bearer s3cret", 200),
        ("bearer s3cret", 200),
        ("Bearer s3cre", 401),
        ("Bearer ", 401),
        ("Basic s3cret", 401),
        ("", 401),
        ("Bearer s\udcff", 401),
    ],
)
def test_token_is_asked_for_where_there_is_one(given: str, want: int) -> None:
    """All of it, by the scheme Bearer."""
    headers = {"Host": OURS, "Authorization": given}
    assert status(headers, admission=Admission("s3cret")) == want


@pytest.mark.parametrize(
    ("host", "want"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("", False), ("10.0.0.1", False), ("kafka.test", False)],
)  # fmt: skip
def test_loopback_is_what_only_this_machine_reaches(host: str, want: bool) -> None:
    """Every interface is not one of them."""
    assert is_loopback(host) is want
