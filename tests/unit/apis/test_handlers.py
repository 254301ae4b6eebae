"""All handlers together: none missing, and each answers in every version it is served in."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from minikafka.apis.handlers import HANDLER_MODULES, REGISTERED
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.wire.codec import encode_response
from minikafka.wire.shapes import build_request, build_response
from minikafka.wire.versions import SERVED, ApiKey
from tests.support.broker_stub import CLUSTER_ID, BrokerStub, registered

TOPIC_NAMES = [{"name": "t"}, {"name": "nope"}]
OF_TIME = [{"partition_index": 0, "timestamp": -1}, {"partition_index": 9, "timestamp": 0}]
ISR = [{"broker_id": 1, "broker_epoch": 0}, {"broker_id": 2, "broker_epoch": 2}]
QUORUM = "__cluster_metadata"
VOTE = {"partition_index": 0, "replica_epoch": 1, "replica_id": 2, "last_offset": 9}
LEADER = {"partition_index": 0, "leader_id": 1, "leader_epoch": 1}
COMMIT = {"partition_index": 0, "committed_offset": 5, "committed_metadata": "m"}
LISTENERS = [{"name": "CONTROLLER", "host": "h", "port": 1}]
ACKED = {"first_offset": 0, "last_offset": 1, "acknowledge_types": [1]}
OF_SHARES = [
    {
        "topic_id": uuid.UUID(int=5),
        "partitions": [{"partition_index": 0, "acknowledgement_batches": [ACKED]}],
    }
]
ADDED = [{"name": "t", "partitions": [0]}]
ALTERED = {"partition_index": 0, "start_offset": 1}


def of_state(**fields: Any) -> dict[str, Any]:
    """Return a request to a share coordinator."""
    topic = {"topic_id": uuid.UUID(int=5), "partitions": [{"partition": 0, **fields}]}
    return {"group_id": "g", "topics": [topic]}


# A request of each API that uses as many fields as it has; what a version lacks is dropped.
REQUESTS: dict[int, dict[str, Any]] = {
    2: {"replica_id": -1, "topics": [{"name": "t", "partitions": OF_TIME}]},
    3: {"topics": TOPIC_NAMES},
    10: {"key": "g", "key_type": 0, "coordinator_keys": ["g", "h"]},
    17: {"mechanism": "PLAIN"},
    18: {"client_software_name": "a", "client_software_version": "1.0"},
    19: {"topics": [{"name": "u", "num_partitions": 2, "replication_factor": 2}], "timeout": 9},
    8: {
        "group_id": "g",
        "generation_id_or_member_epoch": -1,
        "member_id": "",
        "topics": [{"name": "t", "partitions": [COMMIT]}],
    },
    9: {
        "group_id": "g",
        "topics": [{"name": "t", "partition_indexes": [0]}],
        "groups": [
            {"group_id": "g", "topics": [{"name": "t", "partition_indexes": [0]}]},
        ],
    },
    11: {
        "group_id": "g",
        "session_timeout": 10_000,
        "rebalance_timeout": 10_000,
        "protocol_type": "consumer",
        "protocols": [{"name": "range", "metadata": b"m"}],
    },
    12: {"group_id": "g", "generation_id": 1, "member_id": "m"},
    13: {"group_id": "g", "member_id": "m", "members": [{"member_id": "m"}]},
    14: {
        "group_id": "g",
        "generation_id": 1,
        "member_id": "m",
        "protocol_type": "consumer",
        "protocol_name": "range",
    },
    15: {"groups": ["g"], "include_authorized_operations": True},
    16: {"states_filter": ["stable"], "types_filter": ["classic"]},
    42: {"groups_names": ["g"]},
    47: {
        "group_id": "g",
        "topics": [{"name": "t", "partitions": [{"partition_index": 0}]}],
    },
    20: {"topics": TOPIC_NAMES, "topic_names": ["t", "nope"], "timeout": 9},
    21: {"topics": [{"name": "t", "partitions": [{"partition_index": 0, "offset": 0}]}]},
    22: {"transactional_id": None, "transaction_timeout": 1000},
    23: {"topics": [{"topic": "t", "partitions": [{"partition": 0, "leader_epoch": 0}]}]},
    24: {
        "transactions": [{"transactional_id": "x", "producer_id": 1, "topics": ADDED}],
        "v3_and_below_transactional_id": "x",
        "v3_and_below_topics": ADDED,
    },
    26: {"transactional_id": "x", "producer_id": 1, "producer_epoch": 0, "committed": True},
    27: {
        "markers": [{"producer_id": 1, "topics": [{"name": "t", "partition_indexes": [0, 9]}]}]
    },
    65: {"transactional_ids": ["x", ""]},
    66: {"state_filters": ["Ongoing"], "transactional_id_pattern": "x.*"},
    32: {
        "resources": [{"resource_type": 2, "resource_name": "t", "configuration_keys": None}],
        "include_synonyms": True,
    },
    34: {"dirs": [{"path": "/tmp/kafka-logs", "topics": [{"name": "t", "partitions": [0]}]}]},
    35: {"topics": [{"topic": "t", "partitions": [0]}]},
    37: {"topics": [{"name": "t", "count": 2, "assignments": None}], "timeout": 9},
    43: {
        "election_type": 0,
        "topic_partitions": [{"topic": "t", "partitions": [0]}],
        "timeout": 9,
    },
    44: {
        "resources": [
            {
                "resource_type": 2,
                "resource_name": "t",
                "configs": [{"name": "retention.ms", "config_operation": 0, "value": "1"}],
            }
        ]
    },
    45: {
        "timeout": 9,
        "allow_replication_factor_change": True,
        "topics": [{"name": "t", "partitions": [{"partition_index": 0, "replicas": [2]}]}],
    },
    46: {"timeout": 9, "topics": [{"name": "t", "partition_indexes": [0]}]},
    52: {"voter_id": 1, "topics": [{"topic_name": QUORUM, "partitions": [VOTE]}]},
    53: {"voter_id": 1, "topics": [{"topic_name": QUORUM, "partitions": [LEADER]}]},
    54: {"topics": [{"topic_name": QUORUM, "partitions": [LEADER]}]},
    55: {"topics": [{"topic_name": QUORUM, "partitions": [{"partition_index": 0}]}]},
    56: {
        "broker_id": 1,
        "broker_epoch": 0,
        "topics": [
            {"partitions": [{"partition_index": 0, "new_isr": [1], "new_isr_with_epochs": ISR}]}
        ],
    },
    59: {
        "topics": [
            {
                "name": QUORUM,
                "partitions": [
                    {
                        "partition": 0,
                        "snapshot_id": {"end_offset": 3, "epoch": 1},
                        "position": 0,
                    }
                ],
            }
        ]
    },
    61: {"topics": [{"name": "t", "partition_indexes": [0, 1]}]},
    60: {"include_cluster_authorized_operations": True},
    62: {
        "broker_id": 4,
        "cluster_id": CLUSTER_ID,
        "listeners": [{"name": "PLAINTEXT", "host": "h", "port": 1, "security_protocol": 0}],
    },
    63: {"broker_id": 1, "broker_epoch": 0, "current_metadata_offset": 99},
    64: {"broker_id": 3},
    67: {"broker_id": 1, "broker_epoch": 0},
    68: {"group_id": "g", "member_id": "m", "member_epoch": 1, "topic_partitions": None},
    69: {"group_ids": ["g"]},
    75: {"topics": TOPIC_NAMES, "response_partition_limit": 10},
    80: {"voter_id": 2, "voter_directory_id": uuid.UUID(int=2), "listeners": LISTENERS},
    81: {"voter_id": 1, "voter_directory_id": uuid.UUID(int=1)},
    82: {"voter_id": 1, "voter_directory_id": uuid.UUID(int=1), "listeners": LISTENERS},
    76: {"group_id": "g", "member_id": "m", "member_epoch": 0, "subscribed_topic_names": ["t"]},
    77: {"group_ids": ["g"]},
    78: {
        "group_id": "g",
        "member_id": "m",
        "share_session_epoch": 0,
        "max_wait": 0,
        "min_bytes": 1,
        "max_bytes": 1_000,
        "max_records": 10,
        "batch_size": 10,
        "topics": OF_SHARES,
        "forgotten_topics_data": [],
    },
    79: {"group_id": "g", "member_id": "m", "share_session_epoch": 1, "topics": OF_SHARES},
    83: of_state(state_epoch=1, start_offset=0),
    84: of_state(leader_epoch=0),
    85: of_state(state_epoch=1, leader_epoch=0, start_offset=0, state_batches=[]),
    86: of_state(),
    87: of_state(),
    90: {"groups": [{"group_id": "g", "topics": [{"topic_name": "t", "partitions": [0]}]}]},
    91: {"group_id": "g", "topics": [{"topic_name": "t", "partitions": [ALTERED]}]},
    92: {"group_id": "g", "topics": [{"topic_name": "t"}]},
}
HAND_WRITTEN = (ApiKey.PRODUCE, ApiKey.FETCH)
EVERY_VERSION = [(key, version) for key in REQUESTS for version in registered(key)]


def in_version(api_key: int, version: int, fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only the version's neighbours have."""
    drop = {
        9: {"group_id", "topics"} if version >= 8 else {"groups"},
        13: {"member_id"} if version >= 3 else {"members"},
        24: {name for name in fields if name.startswith("v3") == (version > 3)},
        10: {"key"} if version >= 4 else {"coordinator_keys"},
        43: set() if version else {"election_type"},
        20: {"topic_names"} if version >= 6 else {"topics"},
    }.get(api_key, set())
    return {name: value for name, value in fields.items() if name not in drop}


def test_each_served_api_has_one_handler_in_a_file_of_its_number() -> None:
    """The table of versions, the registry and the list of modules hold the same keys."""
    assert sorted(REGISTERED) == sorted(SERVED)
    numbers = [
        module.__name__.rpartition(".k")[2].partition("_")[0] for module in HANDLER_MODULES
    ]
    assert numbers == [f"{key:02d}" for key in sorted(SERVED)]
    assert sorted(REQUESTS) == sorted(set(SERVED) - set(HAND_WRITTEN))


@pytest.mark.parametrize(("api_key", "version"), EVERY_VERSION)
async def test_success_is_said_in_every_version(api_key: int, version: int) -> None:
    """A shape of success has no name that a version cannot drop, and lacks none it needs."""
    stub = BrokerStub()
    await stub.create("t", [[1]])
    answer = await stub.ask(api_key, version, **in_version(api_key, version, REQUESTS[api_key]))
    stub.close()
    assert answer.__version__ == version
    assert "unknown_server_error" not in repr(answer)


@pytest.mark.parametrize(("api_key", "version"), EVERY_VERSION)
def test_refusal_of_the_whole_is_said_in_every_version(api_key: int, version: int) -> None:
    """Every API can say that nothing of a request was done, with the code in the answer."""
    fields = in_version(api_key, version, REQUESTS[api_key])
    request = build_request(api_key, version, fields)
    on_error = REGISTERED[api_key].on_error
    assert on_error is not None
    shape = on_error(request, KafkaError(ErrorCode.REQUEST_TIMED_OUT, "late"), version)
    response = build_response(api_key, version, shape)
    assert encode_response(api_key, version, 1, response)
    assert "request_timed_out" in repr(response)
