"""The shapes of what the API takes and gives; every name in them is Kafka's where it has one."""

from __future__ import annotations

from minikafka.http.fields import (
    Blob,
    Choice,
    Field,
    Flag,
    ListOf,
    MapOf,
    Member,
    OneOf,
    OrNull,
    Struct,
    Text,
    Whole,
)

__all__: list[str] = []

INT16, INT32, INT64 = Whole(-1, 2**15 - 1), Whole(-1, 2**31 - 1), Whole(-1, 2**63 - 1)
COUNT = Whole(0, 2**63 - 1)
BROKER = Whole(0, 2**31 - 1)
ANY_TEXT = Text(most=100_000)
RECORDS_MAX = 100_000
HEADERS_MAX = 1_000
PARTITIONS_MAX = 1_000
BROKERS_MAX = 1_000
WAIT_MS_MAX = 60_000
FETCH_BYTES_MAX = 16 << 20


def _has(field: Field, about: str = "") -> Member:
    """Return a member that is always there."""
    return Member(field, about, required=True)


# --- state -------------------------------------------------------------------------------

CLUSTER = Struct(
    "Cluster",
    {
        "cluster_id": _has(ANY_TEXT),
        "bootstrap_servers": _has(ANY_TEXT, "What a Kafka client needs to connect."),
        "controller": _has(OrNull(BROKER), "Leader of the metadata quorum; null for none."),
        "metadata_offset": _has(INT64, "Of the newest applied metadata; -1 for none."),
        "brokers": _has(ListOf(BROKER), "All brokers, up or not."),
        "brokers_up": _has(ListOf(BROKER)),
        "topics": _has(COUNT),
        "partitions": _has(COUNT),
        "leaderless_partitions": _has(COUNT),
        "under_replicated_partitions": _has(COUNT, "Fewer in sync than there are replicas."),
    },
)

BROKER_STATE = Struct(
    "Broker",
    {
        "id": _has(BROKER),
        "state": _has(Choice(("up", "paused", "down"))),
        "fenced": _has(OrNull(Flag()), "What the controller says; null if unregistered."),
        "controller": _has(Flag()),
        "host": _has(OrNull(ANY_TEXT)),
        "port": _has(OrNull(Whole(0, 65_535))),
        "rack": _has(OrNull(ANY_TEXT)),
        "leads": _has(COUNT, "How many partitions it leads."),
    },
)
BROKERS = Struct("Brokers", {"brokers": _has(ListOf(BROKER_STATE))})

TOPIC_LINE = Struct(
    "TopicLine",
    {
        "name": _has(ANY_TEXT),
        "topic_id": _has(ANY_TEXT),
        "internal": _has(Flag(), "Kafka's own."),
        "partitions": _has(COUNT),
        "replication_factor": _has(COUNT),
    },
)
TOPICS = Struct("Topics", {"topics": _has(ListOf(TOPIC_LINE))})

REPLICA = Struct(
    "Replica",
    {
        "broker": _has(BROKER),
        "log_start_offset": _has(COUNT),
        "log_end_offset": _has(COUNT, "Exclusive, as all end offsets."),
        "high_watermark": _has(COUNT, "What this replica knows of it."),
        "last_stable_offset": _has(COUNT),
        "log_bytes": _has(COUNT),
    },
)
PARTITION = Struct(
    "Partition",
    {
        "partition": _has(BROKER),
        "leader": _has(OrNull(BROKER), "Null while there is none."),
        "leader_epoch": _has(INT32),
        "partition_epoch": _has(INT32, "Counts changes of leader and ISR."),
        "replicas": _has(ListOf(BROKER), "The first is the preferred leader."),
        "isr": _has(ListOf(BROKER), "In-sync replicas."),
        "elr": _has(ListOf(BROKER), "Eligible leader replicas."),
        "logs": _has(ListOf(REPLICA), "Of the replicas that are up."),
    },
)
TOPIC = Struct(
    "Topic",
    {
        "name": _has(ANY_TEXT),
        "topic_id": _has(ANY_TEXT),
        "internal": _has(Flag()),
        "config": _has(MapOf(ANY_TEXT), "What was given for it."),
        "partitions": _has(ListOf(PARTITION)),
    },
)

ASSIGNED = Struct("Assigned", {"topic": _has(ANY_TEXT), "partitions": _has(ListOf(BROKER))})
GROUP_MEMBER = Struct(
    "GroupMember",
    {
        "member_id": _has(ANY_TEXT),
        "instance_id": _has(OrNull(ANY_TEXT), "Of a static member; null for others."),
        "client_id": _has(ANY_TEXT),
        "client_host": _has(ANY_TEXT),
        "assignment": _has(ListOf(ASSIGNED), "What it reads now."),
    },
)
GROUP_OFFSET = Struct(
    "GroupOffset",
    {
        "topic": _has(ANY_TEXT),
        "partition": _has(BROKER),
        "committed_offset": _has(COUNT),
        "metadata": _has(OrNull(ANY_TEXT)),
        "high_watermark": _has(OrNull(COUNT), "Null while the partition has no leader."),
        "lag": _has(OrNull(COUNT), "Watermark less committed offset."),
    },
)
GROUP = Struct(
    "Group",
    {
        "group_id": _has(ANY_TEXT),
        "type": _has(ANY_TEXT, "classic, consumer or share."),
        "protocol_type": _has(ANY_TEXT),
        "state": _has(ANY_TEXT),
        "coordinator": _has(BROKER),
        "members": _has(ListOf(GROUP_MEMBER)),
        "offsets": _has(ListOf(GROUP_OFFSET)),
    },
)
GROUPS = Struct(
    "Groups",
    {
        "groups": _has(ListOf(GROUP)),
        "unanswered": _has(ListOf(BROKER), "Brokers that are up and did not answer in time."),
    },
)

TRANSACTION = Struct(
    "Transaction",
    {
        "transactional_id": _has(ANY_TEXT),
        "state": _has(ANY_TEXT, "E.g. Ongoing, PrepareCommit, CompleteAbort."),
        "coordinator": _has(BROKER),
        "producer_id": _has(COUNT),
        "producer_epoch": _has(INT16),
        "timeout_ms": _has(INT32),
        "start_time_ms": _has(OrNull(INT64), "Null where it has not begun."),
        "partitions": _has(ListOf(ASSIGNED), "What was written to."),
    },
)
TRANSACTIONS = Struct(
    "Transactions",
    {
        "transactions": _has(ListOf(TRANSACTION)),
        "unanswered": _has(ListOf(BROKER), "Brokers that are up and did not answer in time."),
    },
)

# --- changes -----------------------------------------------------------------------------

_CONFIG_VALUE = OneOf((Text(), Flag(), INT64), "a string, a whole number, true or false")
NEW_TOPIC = Struct(
    "NewTopic",
    {
        "name": _has(Text(least=1)),
        "partitions": Member(Whole(1, PARTITIONS_MAX), default=1),
        "replication_factor": Member(
            OrNull(Whole(1, BROKERS_MAX)), "Null is 3, or as many as there are brokers."
        ),
        "config": Member(MapOf(_CONFIG_VALUE, 100), "Topic configs by Kafka's names."),
    },
)
_ENDPOINTS = ListOf(BROKER, BROKERS_MAX, least=1)
CUT = Struct(
    "Cut",
    {
        "a": _has(_ENDPOINTS, "Brokers on one side."),
        "b": _has(_ENDPOINTS, "Brokers on the other."),
        "oneway": Member(Flag(), "Cut only what goes from a to b.", default=False),
    },
)
DONE = Struct("Done", {})

# --- records -----------------------------------------------------------------------------

HEADER = Struct("Header", {"key": _has(ANY_TEXT), "value": Member(Blob())})
NEW_RECORD = Struct(
    "NewRecord",
    {
        "key": Member(Blob()),
        "value": Member(Blob(), "Null is a tombstone."),
        "headers": Member(ListOf(HEADER, HEADERS_MAX), default=()),
        "timestamp_ms": Member(INT64, "Since 1970; -1 is now.", default=-1),
    },
)
NEW_RECORDS = Struct(
    "NewRecords",
    {
        "records": _has(ListOf(NEW_RECORD, RECORDS_MAX, least=1), "One batch."),
        "acks": Member(
            Choice((-1, 0, 1)), "-1 the in-sync replicas, 1 the leader, 0 nobody.", default=-1
        ),
        "timeout_ms": Member(Whole(0, WAIT_MS_MAX), default=30_000),
        "producer_id": Member(INT64, "From POST /v1/producers; -1 for none.", default=-1),
        "producer_epoch": Member(INT16, default=-1),
        "base_sequence": Member(INT32, "Of the first record.", default=-1),
    },
)
APPENDED = Struct(
    "Appended",
    {
        "base_offset": _has(INT64, "Of the first record; -1 with acks 0."),
        "log_append_time_ms": _has(INT64, "-1 unless the topic stamps records itself."),
        "log_start_offset": _has(INT64),
    },
)
RECORD = Struct(
    "Record",
    {
        "offset": _has(COUNT),
        "timestamp_ms": _has(INT64),
        "key": _has(Blob()),
        "value": _has(Blob()),
        "headers": _has(ListOf(HEADER)),
    },
)
FETCHED = Struct(
    "Fetched",
    {
        "records": _has(ListOf(RECORD)),
        "next_offset": _has(COUNT, "Where to go on."),
        "high_watermark": _has(INT64, "Exclusive: the next offset to be committed."),
        "last_stable_offset": _has(INT64),
        "log_start_offset": _has(INT64),
    },
)
FETCH_PARAMETERS = {
    "offset": Member(Whole(0, 2**63 - 1), "The first one wanted.", required=True),
    "max_wait_ms": Member(Whole(0, WAIT_MS_MAX), "How long to wait for any.", default=500),
    "min_bytes": Member(Whole(0, FETCH_BYTES_MAX), "What to wait for.", default=1),
    "max_bytes": Member(
        Whole(1, FETCH_BYTES_MAX), "Whole batches; the first may be larger.", default=1 << 20
    ),
    "isolation": Member(
        Choice(("read_uncommitted", "read_committed")), default="read_uncommitted"
    ),
}
PRODUCER = Struct(
    "Producer", {"producer_id": _has(COUNT), "producer_epoch": _has(Whole(0, 2**15 - 1))}
)
