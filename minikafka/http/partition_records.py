"""Records written and read over HTTP: one call is one request to the partition's leader."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.cluster.client import ProduceResult
from minikafka.cluster.partition_state import Record
from minikafka.http.call import Call
from minikafka.http.refusal import CONFLICT, TOO_LATE, Refusal

__all__ = ["append_records", "init_producer", "read_records"]

T = TypeVar("T")

GRACE_SECONDS = 5.0
"""How much longer than it was given a broker is waited for: it may stand still."""


async def append_records(call: Call) -> dict[str, Any]:
    """Append one batch, with the producer's numbers as they are."""
    body = call.body
    try:
        result = await _within(body["timeout_ms"], _produced(call))
    except KafkaError as error:
        if body["acks"] != 0 or error.code != ErrorCode.NETWORK_EXCEPTION:
            raise
        message = "the leader has refused it; with acks 0 it does not say why"
        raise Refusal(CONFLICT, ErrorCode.NETWORK_EXCEPTION, message) from error
    return {
        "base_offset": result.base_offset,
        "log_append_time_ms": result.log_append_time_ms,
        "log_start_offset": result.log_start_offset,
    }


def _produced(call: Call) -> Awaitable[ProduceResult]:
    given, body = call.given, call.body
    return call.cluster.client().produce(
        given["topic"],
        given["partition"],
        [_record(each) for each in body["records"]],
        acks=body["acks"],
        producer_id=body["producer_id"],
        producer_epoch=body["producer_epoch"],
        base_sequence=body["base_sequence"],
        timeout_ms=body["timeout_ms"],
    )


async def read_records(call: Call) -> dict[str, Any]:
    """Fetch from an offset on, and wait for records where there are none yet."""
    given = call.given
    result = await _within(
        given["max_wait_ms"],
        call.cluster.client().fetch(
            given["topic"],
            given["partition"],
            given["offset"],
            isolation=given["isolation"],
            max_wait_ms=given["max_wait_ms"],
            min_bytes=given["min_bytes"],
            max_bytes=given["max_bytes"],
        ),
    )
    return {
        "records": [
            {
                "offset": record.offset,
                "timestamp_ms": record.timestamp_ms,
                "key": record.key,
                "value": record.value,
                "headers": [{"key": key, "value": value} for key, value in record.headers],
            }
            for record in result.records
        ],
        "next_offset": result.next_offset,
        "high_watermark": result.high_watermark,
        "last_stable_offset": result.last_stable_offset,
        "log_start_offset": result.log_start_offset,
    }


async def init_producer(call: Call) -> dict[str, Any]:
    """Return a producer id that nobody else has."""
    result = await call.cluster.client().init_producer_id()
    return {"producer_id": result.producer_id, "producer_epoch": result.producer_epoch}


async def _within(wait_ms: int, work: Awaitable[T]) -> T:
    """Return what `work` does; refuse with 504 where nobody answers.

    What was sent may still take effect, as with any request that times out.
    """
    try:
        async with asyncio.timeout(wait_ms / 1000 + GRACE_SECONDS):
            return await work
    except TimeoutError:
        message = "the leader did not answer; the request may still take effect"
        raise Refusal(TOO_LATE, ErrorCode.REQUEST_TIMED_OUT, message) from None


def _record(given: Mapping[str, Any]) -> Record:
    headers = tuple((header["key"], header["value"]) for header in given["headers"])
    stamp = given["timestamp_ms"]
    # Topic, partition and offset are the broker's to say.
    return Record("", 0, 0, stamp, given["key"], given["value"], headers)
