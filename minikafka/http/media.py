"""JSON and MessagePack: which one is asked for, and bytes to values and back.

Knows no route. Hostile input raises `Refusal` and nothing else: depth, numbers of a million
digits, and what is no text at all.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Literal, NoReturn, TypeAlias, cast

import msgpack

from minikafka.base.errors import ErrorCode
from minikafka.http.refusal import BAD_REQUEST, Refusal

__all__ = ["CONTENT_TYPES", "Media", "decode", "encode", "media_asked_for", "media_of"]

Media: TypeAlias = Literal["json", "msgpack"]

CONTENT_TYPES: dict[Media, str] = {"json": "application/json", "msgpack": "application/msgpack"}

_NAMES: dict[str, Media] = {
    "application/json": "json",
    "text/json": "json",
    "application/msgpack": "msgpack",
    "application/x-msgpack": "msgpack",
    "application/vnd.msgpack": "msgpack",
}
_ANY = ("*/*", "application/*")
_RANGES_MAX = 50


def media_of(content_type: str) -> Media:
    """Return what a body is written in.

    Raises:
        Refusal: 415, it is neither.
    """
    media = _NAMES.get(content_type.partition(";")[0].strip().lower())
    if media is None:
        message = "a body is application/json or application/msgpack"
        raise Refusal(415, ErrorCode.INVALID_REQUEST, message)
    return media


def media_asked_for(accept: str | None) -> Media:
    """Return what to answer in; JSON where both would do.

    Raises:
        Refusal: 406, the client takes neither.

    >>> media_asked_for("application/json;q=0.5, application/msgpack")
    'msgpack'
    """
    if accept is None or not accept.strip():
        return "json"
    best: tuple[float, Media] | None = None
    for one in accept.split(",")[:_RANGES_MAX]:
        name, *parameters = (part.strip().lower() for part in one.split(";"))
        media = "json" if name in _ANY else _NAMES.get(name)
        quality = _quality(parameters)
        if media is not None and quality > 0 and (best is None or quality > best[0]):
            best = (quality, media)
    if best is None:
        message = "answers are application/json or application/msgpack"
        raise Refusal(406, ErrorCode.INVALID_REQUEST, message)
    return best[1]


def decode(body: bytes, media: Media) -> Any:
    """Return the value of a body.

    Raises:
        Refusal: 400, it is not what it says it is.
    """
    try:
        if media == "json":
            return json.loads(body.decode("utf-8"), parse_constant=_no_constant)
        return msgpack.unpackb(body, raw=False, strict_map_key=True, timestamp=0)
    except RecursionError:
        reason = "it is nested too deeply"
    # Not every way in which a byte can be wrong has an exception of its own there.
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        reason = str(error) or type(error).__name__
    message = f"the body is no {media}: {ascii(reason)[1:-1]}"
    raise Refusal(BAD_REQUEST, ErrorCode.INVALID_REQUEST, message) from None


def encode(value: object, media: Media) -> bytes:
    """Return the body of an answer; bytes in it are as `fields.Blob` reads them."""
    if media == "msgpack":
        return cast("bytes", msgpack.packb(value, use_bin_type=True))
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_bytes_in_json)
    return text.encode("utf-8") + b"\n"


def _bytes_in_json(value: object) -> object:
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} is nothing that JSON has")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode("ascii")}


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
