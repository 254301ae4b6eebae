"""JSON and MessagePack: which one, there and back, and what is neither."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.http.fields import Blob
from minikafka.http.media import Media, decode, encode, media_asked_for, media_of
from minikafka.http.refusal import Refusal

BOTH: tuple[Media, Media] = ("json", "msgpack")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("text/html, */*;q=0.1", "json"),
        ("application/x-msgpack", "msgpack"),
        ("application/json;q=0.2, application/msgpack;q=0.3", "msgpack"),
        ("application/msgpack;q=0, application/*", "json"),
        ("Application/MsgPack", "msgpack"),
    ],
)
def test_answer_is_in_what_the_client_likes_best(accept: str | None, media: Media) -> None:
    """JSON where it does not say."""
    assert media_asked_for(accept) == media


@pytest.mark.parametrize(
    "accept", ["text/html", "application/json;q=0", "application/json;q=x"]
)
def test_client_that_takes_neither_gets_406(accept: str) -> None:
    """Nothing is sent that was not asked for."""
    with pytest.raises(Refusal) as caught:
        media_asked_for(accept)
    assert caught.value.status == 406


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded"]
)
def test_body_in_another_type_gets_415(content_type: str) -> None:
    """Among them are the types that a form of any page may send without being asked."""
    with pytest.raises(Refusal) as caught:
        media_of(content_type)
    assert caught.value.status == 415


@given(data=st.none() | st.binary(), media=st.sampled_from(BOTH))
def test_bytes_come_back_as_they_went(data: bytes | None, media: Media) -> None:
    """Any bytes and null, in both media."""
    assert Blob().read(decode(encode({"v": data}, media), media)["v"], "v") == data


@given(body=st.binary(max_size=60), media=st.sampled_from(BOTH))
def test_any_bytes_are_read_or_refused(body: bytes, media: Media) -> None:
    """Whatever is no JSON, or no MessagePack, is 400 and never another error."""
    refusals = []
    try:
        decode(body, media)
    except Refusal as refusal:
        refusals.append(refusal)
    assert all(each.status == 400 and each.message.isascii() for each in refusals)


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"[" * 200_000, "json"),
        (b"1" * 200_000, "json"),
        (b"NaN", "json"),
        (b"[-Infinity]", "json"),
        (b"\xff", "json"),
        (b"\x91" * 200_000, "msgpack"),
        (b"\x81\x90\x01", "msgpack"),
        (b"\x81\x80\x01", "msgpack"),
        (b"\xa1\xff", "msgpack"),
        (msgpack.packb(1) * 2, "msgpack"),
        (b"\xdd\xff\xff\xff\xff", "msgpack"),
    ],
)
def test_hostile_body_is_refused(body: bytes, media: Media) -> None:
    """Depth, endless numbers, keys that are no keys, lengths that nothing follows."""
    with pytest.raises(Refusal) as caught:
        decode(body, media)
    assert caught.value.status == 400
    assert len(caught.value.message) < 400
