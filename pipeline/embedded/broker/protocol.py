"""The wire types of the Kafka protocol, and messages made of them.

A message is a `Struct`: named fields in wire order, each with the API versions that carry it. One table then serves all
versions, which is how Apache Kafka writes its own definitions down. Only the classic encodings are here: every version
below the first "flexible" one of an API (KIP-482). Values are plain: int, bool, str, bytes, list and dict.
"""

import struct
from dataclasses import dataclass
from typing import Any, Protocol

LATEST = 32_767


class MalformedError(ValueError):
    """Bytes that do not follow the protocol."""


class Reader:
    """A cursor over one frame."""

    __slots__ = ("_data", "_pos")

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._pos = 0

    def take(self, size: int) -> memoryview:
        """Return the next `size` bytes.

        Raises:
            MalformedError: The frame ends earlier, or the size is negative.
        """
        end = self._pos + size
        if size < 0 or end > len(self._data):
            raise MalformedError(f"{size} bytes wanted at {self._pos}, the frame has {len(self._data)}")
        part = self._data[self._pos : end]
        self._pos = end
        return part

    @property
    def left(self) -> int:
        """Bytes not taken yet."""
        return len(self._data) - self._pos


class Type(Protocol):
    """How a value looks on the wire."""

    def read(self, reader: Reader, version: int) -> Any:
        """Take a value from the frame."""
        ...

    def write(self, value: Any, version: int, out: list[bytes]) -> None:
        """Append the value's bytes; None stands for the type's zero."""
        ...


class Number:
    """A fixed-width, big-endian integer or a boolean."""

    def __init__(self, code: str) -> None:
        self._codec = struct.Struct(f">{code}")

    def read(self, reader: Reader, version: int) -> Any:  # noqa: ARG002 - every type is asked alike
        """Take the number."""
        return self._codec.unpack(reader.take(self._codec.size))[0]

    def write(self, value: Any, version: int, out: list[bytes]) -> None:  # noqa: ARG002 - as read
        """Append the number."""
        out.append(self._codec.pack(value or 0))


class Text:
    """UTF-8 with a 16-bit length; -1 means null."""

    def __init__(self, *, nullable: bool = False) -> None:
        self._nullable = nullable

    def read(self, reader: Reader, version: int) -> str | None:
        """Take the text; null where the type forbids it reads as empty."""
        size = INT16.read(reader, version)
        if size < 0:
            return None if self._nullable else ""
        try:
            return str(reader.take(size), "utf-8")
        except UnicodeDecodeError as error:
            raise MalformedError(f"a string is not UTF-8: {error}") from error

    def write(self, value: Any, version: int, out: list[bytes]) -> None:
        """Append the text."""
        if value is None and self._nullable:
            INT16.write(-1, version, out)
            return
        data = (value or "").encode()
        INT16.write(len(data), version, out)
        out.append(data)


class Blob:
    """Bytes with a 32-bit length; null reads as empty."""

    def read(self, reader: Reader, version: int) -> bytes:
        """Take the bytes, copied out of the frame."""
        return bytes(reader.take(max(INT32.read(reader, version), 0)))

    def write(self, value: Any, version: int, out: list[bytes]) -> None:
        """Append the bytes."""
        data = value or b""
        INT32.write(len(data), version, out)
        out.append(data)


@dataclass(frozen=True)
class Array:
    """A 32-bit count and that many items; -1 means null."""

    of: Type
    nullable: bool = False

    def read(self, reader: Reader, version: int) -> list[Any] | None:
        """Take the items; a count that the frame cannot hold is refused before anything is allocated."""
        count = INT32.read(reader, version)
        if count < 0:
            return None if self.nullable else []
        if count > reader.left:
            raise MalformedError(f"an array of {count} items in {reader.left} bytes")
        return [self.of.read(reader, version) for _ in range(count)]

    def write(self, value: Any, version: int, out: list[bytes]) -> None:
        """Append the items."""
        if value is None and self.nullable:
            INT32.write(-1, version, out)
            return
        items = value or ()
        INT32.write(len(items), version, out)
        for item in items:
            self.of.write(item, version, out)


@dataclass(frozen=True)
class Field:
    """A named place in a message, present in the API versions `since..until`."""

    name: str
    type: Type
    since: int = 0
    until: int = LATEST


class Struct:
    """Fields in wire order; a value is a dict, and what it lacks is written as zero, empty or null."""

    def __init__(self, *fields: Field) -> None:
        self.fields = fields

    def read(self, reader: Reader, version: int) -> dict[str, Any]:
        """Take a message of one version."""
        return {f.name: f.type.read(reader, version) for f in self.fields if f.since <= version <= f.until}

    def write(self, value: dict[str, Any], version: int, out: list[bytes]) -> None:
        """Append a message of one version."""
        for field in self.fields:
            if field.since <= version <= field.until:
                field.type.write(value.get(field.name), version, out)


BOOL = Number("?")
INT8 = Number("b")
INT16 = Number("h")
INT32 = Number("i")
INT64 = Number("q")
TEXT = Text()
TEXT_OR_NULL = Text(nullable=True)
BYTES = Blob()

HEADER = Struct(Field("api_key", INT16), Field("version", INT16), Field("correlation_id", INT32), Field("client_id", TEXT_OR_NULL))


def frame(correlation_id: int, body: list[bytes]) -> list[bytes]:
    """Return the buffers of a response: size, correlation id, body."""
    size = 4 + sum(map(len, body))
    return [struct.pack(">ii", size, correlation_id), *body]
