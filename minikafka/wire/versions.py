"""The one table of APIs: what is served, what is advertised, and from when on it is flexible.

ApiVersions answers, the check of each request and docs/apis.md all come from here
(tools/gen_docs.py). Knows no schemas: a test holds the flexible versions against them.
Counterpart: ApiKeys, ApiVersionsResponse. KIP-35, KIP-482, KIP-511.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

__all__ = [
    "SERVED",
    "ApiKey",
    "ApiVersionRange",
    "advertised",
    "is_served",
    "request_is_flexible",
    "response_header_is_flexible",
]


class ApiKey(IntEnum):
    """The APIs served, by Kafka's numbers."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    DESCRIBE_GROUPS = 15
    LIST_GROUPS = 16
    SASL_HANDSHAKE = 17
    API_VERSIONS = 18
    CREATE_TOPICS = 19
    DELETE_TOPICS = 20
    DELETE_RECORDS = 21
    INIT_PRODUCER_ID = 22
    OFFSET_FOR_LEADER_EPOCH = 23
    ADD_PARTITIONS_TO_TXN = 24
    END_TXN = 26
    WRITE_TXN_MARKERS = 27
    DESCRIBE_CONFIGS = 32
    ALTER_REPLICA_LOG_DIRS = 34
    DESCRIBE_LOG_DIRS = 35
    CREATE_PARTITIONS = 37
    DELETE_GROUPS = 42
    ELECT_LEADERS = 43
    INCREMENTAL_ALTER_CONFIGS = 44
    ALTER_PARTITION_REASSIGNMENTS = 45
    LIST_PARTITION_REASSIGNMENTS = 46
    OFFSET_DELETE = 47
    VOTE = 52
    BEGIN_QUORUM_EPOCH = 53
    END_QUORUM_EPOCH = 54
    DESCRIBE_QUORUM = 55
    ALTER_PARTITION = 56
    FETCH_SNAPSHOT = 59
    DESCRIBE_CLUSTER = 60
    DESCRIBE_PRODUCERS = 61
    BROKER_REGISTRATION = 62
    BROKER_HEARTBEAT = 63
    UNREGISTER_BROKER = 64
    DESCRIBE_TRANSACTIONS = 65
    LIST_TRANSACTIONS = 66
    ALLOCATE_PRODUCER_IDS = 67
    CONSUMER_GROUP_HEARTBEAT = 68
    CONSUMER_GROUP_DESCRIBE = 69
    DESCRIBE_TOPIC_PARTITIONS = 75
    SHARE_GROUP_HEARTBEAT = 76
    SHARE_GROUP_DESCRIBE = 77
    SHARE_FETCH = 78
    SHARE_ACKNOWLEDGE = 79
    ADD_RAFT_VOTER = 80
    REMOVE_RAFT_VOTER = 81
    UPDATE_RAFT_VOTER = 82
    INITIALIZE_SHARE_GROUP_STATE = 83
    READ_SHARE_GROUP_STATE = 84
    WRITE_SHARE_GROUP_STATE = 85
    DELETE_SHARE_GROUP_STATE = 86
    READ_SHARE_GROUP_STATE_SUMMARY = 87
    DESCRIBE_SHARE_GROUP_OFFSETS = 90
    ALTER_SHARE_GROUP_OFFSETS = 91
    DELETE_SHARE_GROUP_OFFSETS = 92


class ApiVersionRange(NamedTuple):
    """One row of the table; all versions are inclusive."""

    key: ApiKey
    name: str
    min: int
    max: int
    # Lowest version told to clients; below `min` where Kafka lists more than it serves.
    advertised_min: int
    # From this version on: request header v2, response header v1, compact types (KIP-482);
    # above `max` where there is no such version.
    flexible_from: int
    # Between brokers only: served, but not told to clients.
    internal: bool
    note: str


def _served(
    key: ApiKey,
    name: str,
    versions: tuple[int, int],
    flexible_from: int,
    note: str = "",
    *,
    advertised_min: int | None = None,
    internal: bool = False,
) -> tuple[int, ApiVersionRange]:
    low, high = versions
    shown = low if advertised_min is None else advertised_min
    row = ApiVersionRange(key, name, low, high, shown, flexible_from, internal, note)
    return int(key), row


SERVED: dict[int, ApiVersionRange] = dict(
    (
        _served(
            ApiKey.PRODUCE,
            "Produce",
            (3, 13),
            9,
            # KAFKA-18659: librdkafka before 2.11 sends gzip, snappy and lz4 uncompressed
            # when the lowest version listed is not 0.
            "0–2 are listed for old clients and refused when used",
            advertised_min=0,
        ),
        _served(ApiKey.FETCH, "Fetch", (4, 18), 12),
        _served(ApiKey.LIST_OFFSETS, "ListOffsets", (1, 10), 6),
        _served(ApiKey.METADATA, "Metadata", (0, 13), 9),
        _served(ApiKey.OFFSET_COMMIT, "OffsetCommit", (2, 9), 8),
        _served(ApiKey.OFFSET_FETCH, "OffsetFetch", (1, 9), 6),
        _served(ApiKey.FIND_COORDINATOR, "FindCoordinator", (0, 6), 3),
        _served(ApiKey.JOIN_GROUP, "JoinGroup", (0, 9), 6),
        _served(ApiKey.HEARTBEAT, "Heartbeat", (0, 4), 4),
        _served(ApiKey.LEAVE_GROUP, "LeaveGroup", (0, 5), 4),
        _served(ApiKey.SYNC_GROUP, "SyncGroup", (0, 5), 4),
        _served(ApiKey.DESCRIBE_GROUPS, "DescribeGroups", (0, 6), 5),
        _served(ApiKey.LIST_GROUPS, "ListGroups", (0, 5), 3),
        _served(ApiKey.SASL_HANDSHAKE, "SaslHandshake", (0, 1), 2, "always refused: no SASL"),
        _served(
            ApiKey.API_VERSIONS,
            "ApiVersions",
            (0, 4),
            3,
            "any other version is answered in version 0; the response header is always v0",
        ),
        _served(ApiKey.CREATE_TOPICS, "CreateTopics", (2, 7), 5),
        _served(ApiKey.DELETE_TOPICS, "DeleteTopics", (1, 6), 4),
        _served(ApiKey.DELETE_RECORDS, "DeleteRecords", (0, 2), 2),
        _served(ApiKey.INIT_PRODUCER_ID, "InitProducerId", (0, 5), 2),
        _served(ApiKey.OFFSET_FOR_LEADER_EPOCH, "OffsetForLeaderEpoch", (2, 4), 4),
        _served(ApiKey.ADD_PARTITIONS_TO_TXN, "AddPartitionsToTxn", (0, 5), 3),
        _served(ApiKey.END_TXN, "EndTxn", (0, 5), 3),
        _served(ApiKey.WRITE_TXN_MARKERS, "WriteTxnMarkers", (1, 1), 1),
        _served(ApiKey.DESCRIBE_CONFIGS, "DescribeConfigs", (1, 4), 4),
        _served(ApiKey.ALTER_REPLICA_LOG_DIRS, "AlterReplicaLogDirs", (1, 2), 2),
        _served(ApiKey.DESCRIBE_LOG_DIRS, "DescribeLogDirs", (1, 4), 2),
        _served(ApiKey.CREATE_PARTITIONS, "CreatePartitions", (0, 3), 2),
        _served(ApiKey.DELETE_GROUPS, "DeleteGroups", (0, 2), 2),
        _served(ApiKey.ELECT_LEADERS, "ElectLeaders", (0, 2), 2),
        _served(ApiKey.INCREMENTAL_ALTER_CONFIGS, "IncrementalAlterConfigs", (0, 1), 1),
        _served(ApiKey.ALTER_PARTITION_REASSIGNMENTS, "AlterPartitionReassignments", (0, 1), 0),
        _served(ApiKey.LIST_PARTITION_REASSIGNMENTS, "ListPartitionReassignments", (0, 0), 0),
        _served(ApiKey.OFFSET_DELETE, "OffsetDelete", (0, 0), 1),
        _served(ApiKey.VOTE, "Vote", (0, 2), 0, internal=True),
        _served(ApiKey.BEGIN_QUORUM_EPOCH, "BeginQuorumEpoch", (0, 1), 1, internal=True),
        _served(ApiKey.END_QUORUM_EPOCH, "EndQuorumEpoch", (0, 1), 1, internal=True),
        _served(ApiKey.DESCRIBE_QUORUM, "DescribeQuorum", (0, 2), 0),
        _served(ApiKey.ALTER_PARTITION, "AlterPartition", (2, 3), 0, internal=True),
        _served(ApiKey.FETCH_SNAPSHOT, "FetchSnapshot", (0, 1), 0, internal=True),
        _served(ApiKey.DESCRIBE_CLUSTER, "DescribeCluster", (0, 2), 0),
        _served(ApiKey.DESCRIBE_PRODUCERS, "DescribeProducers", (0, 0), 0),
        _served(ApiKey.BROKER_REGISTRATION, "BrokerRegistration", (0, 4), 0, internal=True),
        _served(ApiKey.BROKER_HEARTBEAT, "BrokerHeartbeat", (0, 1), 0, internal=True),
        _served(ApiKey.UNREGISTER_BROKER, "UnregisterBroker", (0, 0), 0),
        _served(ApiKey.DESCRIBE_TRANSACTIONS, "DescribeTransactions", (0, 0), 0),
        _served(ApiKey.LIST_TRANSACTIONS, "ListTransactions", (0, 2), 0),
        _served(ApiKey.ALLOCATE_PRODUCER_IDS, "AllocateProducerIds", (0, 0), 0, internal=True),
        _served(ApiKey.CONSUMER_GROUP_HEARTBEAT, "ConsumerGroupHeartbeat", (0, 1), 0),
        _served(ApiKey.CONSUMER_GROUP_DESCRIBE, "ConsumerGroupDescribe", (0, 1), 0),
        _served(ApiKey.DESCRIBE_TOPIC_PARTITIONS, "DescribeTopicPartitions", (0, 0), 0),
        _served(ApiKey.SHARE_GROUP_HEARTBEAT, "ShareGroupHeartbeat", (1, 1), 0),
        _served(ApiKey.SHARE_GROUP_DESCRIBE, "ShareGroupDescribe", (1, 1), 0),
        _served(ApiKey.SHARE_FETCH, "ShareFetch", (1, 1), 0),
        _served(ApiKey.SHARE_ACKNOWLEDGE, "ShareAcknowledge", (1, 1), 0),
        _served(ApiKey.ADD_RAFT_VOTER, "AddRaftVoter", (0, 0), 0),
        _served(ApiKey.REMOVE_RAFT_VOTER, "RemoveRaftVoter", (0, 0), 0),
        _served(ApiKey.UPDATE_RAFT_VOTER, "UpdateRaftVoter", (0, 0), 0, internal=True),
        _served(ApiKey.INITIALIZE_SHARE_GROUP_STATE, "InitializeShareGroupState", (0, 0), 0),
        _served(ApiKey.READ_SHARE_GROUP_STATE, "ReadShareGroupState", (0, 0), 0),
        _served(ApiKey.WRITE_SHARE_GROUP_STATE, "WriteShareGroupState", (0, 0), 0),
        _served(ApiKey.DELETE_SHARE_GROUP_STATE, "DeleteShareGroupState", (0, 0), 0),
        _served(ApiKey.READ_SHARE_GROUP_STATE_SUMMARY, "ReadShareGroupStateSummary", (0, 0), 0),
        _served(ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS, "DescribeShareGroupOffsets", (0, 0), 0),
        _served(ApiKey.ALTER_SHARE_GROUP_OFFSETS, "AlterShareGroupOffsets", (0, 0), 0),
        _served(ApiKey.DELETE_SHARE_GROUP_OFFSETS, "DeleteShareGroupOffsets", (0, 0), 0),
    )
)


def advertised() -> list[tuple[int, int, int]]:
    """Return (key, lowest, highest version) of each API told to clients, sorted by key."""
    return [
        (row.key, row.advertised_min, row.max)
        for _, row in sorted(SERVED.items())
        if not row.internal
    ]


def is_served(api_key: int, api_version: int) -> bool:
    """Tell whether a request of this version is handled; listed is not enough."""
    row = SERVED.get(api_key)
    return row is not None and row.min <= api_version <= row.max


def request_is_flexible(api_key: int, api_version: int) -> bool:
    """Tell whether requests have header v2, which ends in tagged fields.

    Raises:
        KeyError: the API is not in the table.
    """
    return api_version >= SERVED[api_key].flexible_from


def response_header_is_flexible(api_key: int, api_version: int) -> bool:
    """Tell whether responses have header v1.

    Never for ApiVersions: a client reads that answer before it knows the broker's versions
    (KIP-511).

    Raises:
        KeyError: the API is not in the table.
    """
    return api_key != ApiKey.API_VERSIONS and api_version >= SERVED[api_key].flexible_from
