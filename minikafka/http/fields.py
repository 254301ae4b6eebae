"""What a request and an answer are made of: each field reads, refuses and describes itself.

One object is the rule and its description, so that the two cannot differ: `read` raises what
`describe`, a JSON schema, says. Bytes are the one thing in which the media differ: in
MessagePack they are bytes, in JSON a string or `{"base64": ...}`. Pure.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from minikafka.base.errors import ErrorCode
from minikafka.http.refusal import BAD_REQUEST, Refusal

__all__ = [
    "Blob",
    "Choice",
    "Field",
    "Flag",
    "ListOf",
    "MapOf",
    "Member",
    "OneOf",
    "OrNull",
    "Struct",
    "Text",
    "Whole",
    "wrong",
]

_DIGITS = re.compile(r"-?[0-9]{1,19}")
_SHOWN_CHARACTERS = 60


def wrong(where: str, wanted: str, value: object) -> Refusal:
    """Return the refusal of a value that is not what is wanted there."""
    shown = ascii(value)
    if len(shown) > _SHOWN_CHARACTERS:
        shown = shown[: _SHOWN_CHARACTERS - 3] + "..."
    message = f"{where} is {wanted}, not {shown}"
    return Refusal(BAD_REQUEST, ErrorCode.INVALID_REQUEST, message)


class Field(Protocol):
    """One kind of value."""

    def read(self, value: object, where: str) -> Any:
        """Return the value as handlers take it; raises `Refusal`."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return its JSON schema."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between two bounds, both inclusive; in a URL decimal digits."""

    minimum: int
    maximum: int

    def read(self, value: object, where: str) -> int:
        """Return the number."""
        if (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.minimum <= value <= self.maximum
        ):
            return value
        wanted = f"a whole number from {self.minimum} to {self.maximum}"
        raise wrong(where, wanted, value)

    def describe(self) -> dict[str, Any]:
        """Return its JSON schema."""
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True)
class Text:
    """Text without lone surrogates, which no encoding has."""

    most: int = 1_000
    least: int = 0

    def read(self, value: object, where: str) -> str:
        """Return the text."""
        if (
            isinstance(value, str)
            and self.least <= len(value) <= self.most
            and _is_sound(value)
        ):
            return value
        raise wrong(where, f"a string of {self.least} to {self.most} characters", value)

    def describe(self) -> dict[str, Any]:
        """Return its JSON schema."""
        return {"type": "string", "minLength": self.least, "maxLength": self.most}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values, of one type."""

    values: tuple[str, ...] | tuple[int, ...]

    def read(self, value: object, where: str) -> Any:
        """Return the value."""
        for each in self.values:
            if type(value) is type(each) and value == each:
                return each
        raise wrong(where, "one of " + ", ".join(str(each) for each in self.values), value)

    def describe(self) -> dict[str, Any]:
        """Return its JSON schema."""
        kind = "integer" if isinstance(self.values[0], int) else "string"
        return {"type": kind, "enum": list(self.values)}


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def read(self, value: object, where: str) -> bool:
        """Return the flag."""
        if isinstance(value, bool):
            return value
        raise wrong(where, "true or false", value)

    def describe(self) -> dict[str, Any]:
        """Return its JSON schema."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes or null: bytes in MessagePack; in JSON UTF-8 text, or base64 in an object."""

    def read(self, value: object, where: str) -> bytes | None:
        """Return the bytes, None for null."""
        if value is None or isinstance(value, bytes):
            return value
        if isinstance(value, str) and _is_sound(value):
            return value.encode("utf-8")
        if isinstance(value, dict) and list(value) == ["base64"]:
            text = value["base64"]
            if isinstance(text, str) and text.isascii():
                try:
                    return base64.b64decode(text, validate=True)
                except binascii.Error:
                    pass
        raise wrong(where, 'a string, null, or {"base64": "..."}', value)

    def describe(self) -> dict[str, Any]:
        """Return its JSON schema."""
        return {"$ref": "#/components/schemas/Bytes"}


@dataclass(frozen=True, slots=True)
class OrNull:
    """Another kind, or null."""

    field: Field

    def read(self, value: object, where: str) -> Any:
        """Return the value, None for null."""
        return None if value is None else self.field.read(value, where)

    def describe(self) -> dict[str, Any]:
        """Return its JSON schema."""
        return {"anyOf": [self.field.describe(), {"type": "null"}]}


@dataclass(frozen=True, slots=True)
class OneOf:
    """The first kind that takes the value."""

    fields: tuple[Field, ...]
    wanted: str

    def read(self, value: object, where: str) -> Any:
        """Return the value as the first kind that takes it reads it."""
        for field in self.fields:
            try:
                return field.read(value, where)
            except Refusal:
                continue
        raise wrong(where, self.wanted, value)

    def describe(self) -> dict[str, Any]:
        """Return its JSON schema."""
        return {"anyOf": [field.describe() for field in self.fields]}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one kind."""

    field: Field
    most: int | None = None
    least: int = 0

    def read(self, value: object, where: str) -> list[Any]:
        """Return the list."""
        if not isinstance(value, list):
            raise wrong(where, "a list", value)
        if len(value) < self.least or (self.most is not None and len(value) > self.most):
            raise wrong(
                where, f"a list of {self.least} to {self.most}", f"{len(value)} of them"
            )
        return [self.field.read(each, f"{where}[{n}]") for n, each in enumerate(value)]

    def describe(self) -> dict[str, Any]:
        """Return its JSON schema."""
        schema: dict[str, Any] = {"type": "array", "items": self.field.describe()}
        if self.least:
            schema["minItems"] = self.least
        if self.most is not None:
            schema["maxItems"] = self.most
        return schema


@dataclass(frozen=True, slots=True)
class MapOf:
    """Names, and for each a value of one kind."""

    field: Field
    most: int = 1_000

    def read(self, value: object, where: str) -> dict[str, Any]:
        """Return the mapping."""
        if not isinstance(value, dict) or len(value) > self.most:
            raise wrong(where, f"an object of at most {self.most} names", value)
        names = Text()
        return {
            names.read(name, f"a name in {where}"): self.field.read(each, f"{where}.{name}")
            for name, each in value.items()
        }

    def describe(self) -> dict[str, Any]:
        """Return its JSON schema."""
        return {
            "type": "object",
            "additionalProperties": self.field.describe(),
            "maxProperties": self.most,
        }


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a struct, or a parameter of a URL.

    Args:
        required: without it, what is left out is `default`.
        about: one line for the description.
    """

    field: Field
    about: str = ""
    required: bool = False
    default: object = None

    def describe(self) -> dict[str, Any]:
        """Return its JSON schema."""
        schema = dict(self.field.describe())
        if self.about:
            schema["description"] = self.about
        if not self.required and self.default is not None:
            schema["default"] = self.default
        return schema

    def read_text(self, text: str, where: str) -> Any:
        """Return the value of a text in a URL."""
        value: object = text
        field = self.field
        if isinstance(field, Whole) and _DIGITS.fullmatch(text):
            value = int(text)
        elif isinstance(field, Flag) and text in ("true", "false"):
            value = text == "true"
        return field.read(value, where)


@dataclass(frozen=True, slots=True)
class Struct:
    """An object with named members; others are refused, because they are mistakes.

    Args:
        name: of its schema in the description.
    """

    name: str
    members: Mapping[str, Member]

    def read(self, value: object, where: str) -> dict[str, Any]:
        """Return all members by name, those left out by their defaults."""
        if not isinstance(value, dict):
            raise wrong(where, "an object", value)
        for name in value:
            if name not in self.members:
                names = ", ".join(self.members) or "no members"
                raise wrong(f"a member of {where}", f"one of {names}", name)
        found = {}
        for name, member in self.members.items():
            if name in value:
                found[name] = member.field.read(value[name], f"{where}.{name}")
            elif member.required:
                raise wrong(f"{where}.{name}", "required", None)
            else:
                found[name] = member.default
        return found

    def describe(self) -> dict[str, Any]:
        """Return a reference to its schema."""
        return {"$ref": f"#/components/schemas/{self.name}"}

    def schema(self) -> dict[str, Any]:
        """Return its JSON schema itself."""
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: each.describe() for name, each in self.members.items()},
            "additionalProperties": False,
        }
        required = [name for name, each in self.members.items() if each.required]
        if required:
            schema["required"] = required
        return schema

    def nested(self) -> Sequence[Struct]:
        """Return the structs that it is made of, itself first."""
        found: list[Struct] = [self]
        waiting: list[Field] = [each.field for each in self.members.values()]
        while waiting:
            field = waiting.pop(0)
            if isinstance(field, Struct):
                found += field.nested()
            elif isinstance(field, OrNull | ListOf | MapOf):
                waiting.append(field.field)
            elif isinstance(field, OneOf):
                waiting += field.fields
        return found


def _is_sound(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
