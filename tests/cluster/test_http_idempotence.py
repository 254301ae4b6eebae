"""A program without a Kafka client writes each record once over HTTP, as often as it has to ask."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.http_api import serving

RECORDS = "/v1/topics/orders/partitions/0/records"


@pytest.mark.parametrize("packed", [False, True], ids=["json", "msgpack"])
async def test_request_that_comes_again_is_answered_and_written_once(packed: bool) -> None:
    """With the offset of the first time; a gap in the sequences, and an old epoch, are refused."""
    async with serving() as api:
        await api.cluster.create_topic("orders")
        producer: dict[str, Any] = (await api.post("/v1/producers")).value
        post = api.post_packed if packed else api.post

        def batch(value: str, sequence: int, **more: Any) -> dict[str, Any]:
            records = [{"value": value.encode() if packed else value}]
            return {"records": records, "base_sequence": sequence, **producer, **more}

        offsets = [
            (await post(RECORDS, batch(value, sequence))).value["base_offset"]
            for value, sequence in (("a", 0), ("b", 1), ("a", 0), ("b", 1), ("c", 2))
        ]
        assert offsets == [0, 1, 0, 1, 2]
        gap = await post(RECORDS, batch("e", 4))
        assert gap.error == (409, "OUT_OF_ORDER_SEQUENCE_NUMBER")
        assert (await post(RECORDS, batch("d", 0, producer_epoch=1))).value["base_offset"] == 3
        fenced = await post(RECORDS, batch("e", 3))
        assert fenced.error == (409, "INVALID_PRODUCER_EPOCH")
        values = [record.value for record in api.cluster.records("orders")]
        assert values == [b"a", b"b", b"c", b"d"]
