"""The format of one record: little-endian ``length u32, crc u32``, then the body ``sequence u64, received_at i64, n u8, source, payload``.

``length`` counts the body; ``crc`` is the CRC-32 of the body. A record is good when its body is whole and its checksum holds.
"""

from struct import Struct
from typing import NamedTuple
from zlib import crc32

Entry = tuple[int, str, bytes]
"""What a collector hands in: (received_at in UTC nanoseconds, source address as text, payload)."""

MAX_BODY = 16_777_216
"""Bytes. A length above this is damage, not a record."""

_FRAME = Struct("<II")
_FIXED = Struct("<QqB")
_HEAD = Struct("<IIQqB")


class JournalRecord(NamedTuple):
    """One journaled datagram or answer. ``received_at`` is UTC nanoseconds, ``source`` the sender's address."""

    sequence: int
    received_at: int
    source: str
    payload: bytes


def encode(sequence: int, entry: Entry) -> bytes:
    """One record's bytes. Raises ``ValueError`` for a source above 255 bytes or a body above ``MAX_BODY``."""
    received_at, source_text, payload = entry
    source = source_text.encode()
    length = _FIXED.size + len(source) + len(payload)
    if len(source) > 255 or length > MAX_BODY:  # noqa: PLR2004  the source's length is one byte
        raise ValueError(f"a record of {length} bytes from a source of {len(source)} bytes does not fit the journal's format")
    head = _FIXED.pack(sequence, received_at, len(source)) + source
    return _FRAME.pack(length, crc32(payload, crc32(head))) + head + payload


def decode(buffer: bytes, at: int) -> tuple[JournalRecord, int] | None:
    """The record at ``at`` and where the next begins; ``None`` when no whole, good record is there."""
    if at + _HEAD.size > len(buffer):
        return None
    length, crc, sequence, received_at, source_length = _HEAD.unpack_from(buffer, at)
    body, end = at + _FRAME.size, at + _FRAME.size + length
    text = at + _HEAD.size
    if length > MAX_BODY or end > len(buffer) or text + source_length > end or crc32(memoryview(buffer)[body:end]) != crc:
        return None
    split = text + source_length
    source = buffer[text:split].decode(errors="replace")
    return JournalRecord(sequence, received_at, source, buffer[split:end]), end


def head(buffer: bytes, at: int) -> tuple[int, int, int] | None:
    """Sequence and time of the record at ``at``, unchecked, and where the next begins; ``None`` when it is not whole in ``buffer``."""
    end = skip(buffer, at)
    if end is None:
        return None
    _, _, sequence, received_at, _ = _HEAD.unpack_from(buffer, at)
    return sequence, received_at, end


def skip(buffer: bytes, at: int) -> int | None:
    """Where the record after the one at ``at`` begins, unchecked; ``None`` when it is not whole in ``buffer``."""
    if at + _HEAD.size > len(buffer):
        return None
    end: int = at + _FRAME.size + _FRAME.unpack_from(buffer, at)[0]
    return end if end <= len(buffer) else None
