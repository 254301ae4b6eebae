"""ApiVersions: what is listed, and whom it is told."""

from __future__ import annotations

import pytest

from minikafka.apis.k18_api_versions import unsupported_version
from minikafka.base.errors import ErrorCode
from minikafka.wire.shapes import build_response
from minikafka.wire.versions import advertised
from tests.support.broker_stub import BrokerStub, code


@pytest.mark.parametrize("version", [0, 2, 3, 4])
async def test_list_is_the_table_of_versions(version: int) -> None:
    """Every client sees the same ranges, sorted by key, without those between brokers."""
    stub = BrokerStub()
    answer = await stub.ask(18, version, client_software_name="a", client_software_version="1")
    stub.close()
    listed = [(each.api_key, each.min_version, each.max_version) for each in answer.api_keys]
    assert code(answer) == ErrorCode.NONE
    assert listed == advertised()
    assert (0, 0, 13) in listed, "Produce is listed from 0 on for librdkafka before 2.11"
    assert 63 not in [key for key, _, _ in listed]


@pytest.mark.parametrize("version", [3, 4])
async def test_features_are_claimed_with_the_work_that_makes_them_true(
    version: int,
) -> None:
    """Supported ones from 0 on only to newer clients (KAFKA-17492); not those not done."""
    stub = BrokerStub()
    answer = await stub.ask(18, version, client_software_name="a", client_software_version="1")
    stub.close()
    supported = [(f.name, f.min_version, f.max_version) for f in answer.supported_features]
    finalized = [
        (f.name, f.min_version_level, f.max_version_level) for f in answer.finalized_features
    ]
    release, eligible = "metadata.version", "eligible.leader.replicas.version"
    group, share, transaction = "group.version", "share.version", "transaction.version"
    newer = [(group, 0, 1), (eligible, 0, 1), (share, 0, 1), (transaction, 0, 2)]
    assert supported == [(release, 27, 27), *newer[: 4 * (version - 3)]]
    levels = [(release, 27, 27), (group, 1, 1), (eligible, 1, 1), (transaction, 2, 2)]
    assert finalized == levels
    assert answer.finalized_features_epoch == stub.image.offset - 1


@pytest.mark.parametrize(
    ("name", "software_version", "want"),
    [
        ("apache-kafka-java", "4.1.1", ErrorCode.NONE),
        ("a", "1", ErrorCode.NONE),
        ("", "1", ErrorCode.INVALID_REQUEST),
        ("a", "", ErrorCode.INVALID_REQUEST),
        ("-a", "1", ErrorCode.INVALID_REQUEST),
        ("a", "1.", ErrorCode.INVALID_REQUEST),
        ("a b", "1", ErrorCode.INVALID_REQUEST),
        ("a\n", "1", ErrorCode.INVALID_REQUEST),
        ("ä", "1", ErrorCode.INVALID_REQUEST),
    ],
)
async def test_client_that_names_itself_badly_is_told_nothing(
    name: str, software_version: str, want: ErrorCode
) -> None:
    """Name and version consist of letters, digits, dots and dashes, with neither at an end."""
    stub = BrokerStub()
    answer = await stub.ask(
        18, 3, client_software_name=name, client_software_version=software_version
    )
    stub.close()
    assert code(answer) == want
    assert bool(answer.api_keys) == (want is ErrorCode.NONE)


def test_answer_to_an_unknown_version_names_the_known_ones() -> None:
    """The client of the future learns in version 0 which version to use."""
    answer = build_response(18, 0, unsupported_version())
    assert code(answer) == ErrorCode.UNSUPPORTED_VERSION
    assert [(e.api_key, e.min_version, e.max_version) for e in answer.api_keys] == [(18, 0, 4)]
