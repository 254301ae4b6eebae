"""Where minikafka is known to answer unlike Apache Kafka, and why.

Each entry names a heading of docs/divergence.md. A difference that no entry covers fails
the comparison; so does an entry that covers no difference any more.

Kafka counterpart: none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DIVERGENCES", "Divergence"]


@dataclass(frozen=True)
class Divergence:
    """One accepted kind of difference.

    Attributes:
        case: shell-style pattern of case ids, such as `produce/null_records/v*`.
        path: shell-style pattern of paths. `[` stands for itself here, `*` for anything.
        reason: why, in one sentence.
        entry: name of the entry in docs/divergence.md.
    """

    case: str
    path: str
    reason: str
    entry: str

    def matches(self, path: str) -> bool:
        """Return whether a path fits the pattern."""
        return _fits(path, self.path.split("*"))


def _fits(text: str, parts: list[str]) -> bool:
    """Return whether the text is these parts with anything between them."""
    first, *rest = parts
    if not text.startswith(first):
        return False
    if not rest:
        return text == first
    text = text[len(first) :]
    for part in rest[:-1]:
        at = text.find(part)
        if at < 0:
            return False
        text = text[at + len(part) :]
    return text.endswith(rest[-1])


_FEATURES = "a feature is listed with the work that makes it true"
_ADDRESSES = "the voters are fixed at the start and know each other"
_CLOSED = "batches stay closed"

DIVERGENCES: Final[tuple[Divergence, ...]] = (
    # ApiVersions
    Divergence(
        "api_versions/all_versions/v*",
        "all:.supported_features[metadata.version].min_version",
        "there is no older level to run at",
        "features",
    ),
    *(
        Divergence(
            "api_versions/all_versions/v*",
            f"all:.{kind}_features[kraft.version]",
            _FEATURES,
            "features",
        )
        for kind in ("supported", "finalized")
    ),
    # DescribeConfigs
    Divergence(
        "describe_configs/*",
        "*.documentation",
        "the prose is Kafka's own",
        "config-documentation",
    ),
    # DescribeTopicPartitions
    Divergence(
        "describe_topic_partitions/refused_topics/v*",
        "empty name:.topics[].*",
        "Kafka fails on the empty name instead of refusing it",
        "server-errors",
    ),
    # Fetch
    Divergence(
        "fetch/partition_limits/v*", "limit *.records", "a cut batch is no use", "whole-batches"
    ),
    Divergence(
        "fetch/unknown_topic_ids/v*",
        "zero*",
        "Kafka fails on the id that stands for none instead of not knowing it",
        "server-errors",
    ),
    # Produce
    Divergence("produce/null_records/v*", "null:*", "Kafka never answers", "null-records"),
    *(
        Divergence("produce/undecodable_records/v*", path, _CLOSED, "producer-headers-trusted")
        for path in ("*.base_offset", "*.error_code", "nothing stored:*")
    ),
    # The quorum
    Divergence(
        "describe_quorum/metadata_log/v2",
        "alone:.nodes[1].listeners[*",
        _ADDRESSES,
        "quorum-addresses",
    ),
    *(
        Divergence(f"{each}/v[12]", "*.node_endpoints[1]", _ADDRESSES, "quorum-addresses")
        for each in (
            "vote/votes_refused",
            "begin_quorum_epoch/beginnings_refused",
            "end_quorum_epoch/ends_refused",
        )
    ),
    *(
        Divergence(
            "fetch_snapshot/snapshots_not_sent/v*",
            path,
            "Kafka fails as it writes the refusal",
            "snapshot-refusals",
        )
        for path in ("*.error_code", "*.topics*")
    ),
)
