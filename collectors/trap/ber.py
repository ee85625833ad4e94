"""The part of BER (ITU-T X.690) that SNMP uses (RFC 3417 section 8): definite lengths, one-byte tags, primitive strings.

A position is an index into one ``bytes``; every function checks its bounds and raises :class:`DecodeError` for what it does not
understand. Nothing here recurses, and no byte is read more than a few times, so the work is bounded by the datagram's length.
"""

from pipeline.core.reason import Reason

SEQUENCE = 0x30
INTEGER = 0x02
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06

MAX_INTEGER_BYTES = 9
"""Counter64 needs eight and a leading zero."""
MAX_ARCS = 128
"""RFC 2578 section 3.5."""
MAX_ARC = 0xFFFFFFFF
"""RFC 2578 section 3.5."""
MAX_ARC_BYTES = 5
"""2^32-1 in groups of seven bits."""
_LONG_FORM = 0x80
_MAX_LENGTH_BYTES = 4


class DecodeError(Exception):
    """A datagram that is not taken: ``reason`` is its class, ``detail`` says what was found where."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def malformed(detail: str) -> DecodeError:
    """The error for bytes that are no SNMP message."""
    return DecodeError(Reason.MALFORMED, detail)


def element(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag, first content byte and end of the element at ``at``, which has to lie before ``end``."""
    start = at + 2
    if start > end:
        raise malformed(f"nothing where an element should be, at {at}")
    length = data[at + 1]
    if length >= _LONG_FORM:
        length, start = _long_length(data, start, length & 0x7F, end)
    stop = start + length
    if stop > end:
        raise malformed(f"{length} bytes promised at {at}, {end - start} there")
    return data[at], start, stop


def expect(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """First content byte and end of the element at ``at``, which has to have ``tag``. A short length is read right here: most are."""
    start = at + 2
    if start <= end and data[at] == tag:
        length = data[at + 1]
        if length < _LONG_FORM and start + length <= end:
            return start, start + length
    found, start, stop = element(data, at, end)
    if found != tag:
        raise malformed(f"tag 0x{found:02x} at {at}, 0x{tag:02x} expected")
    return start, stop


def _long_length(data: bytes, start: int, size: int, end: int) -> tuple[int, int]:
    """X.690 8.1.3.5; the indefinite form (size 0) is forbidden by RFC 3417 section 8 (1)."""
    if not 0 < size <= _MAX_LENGTH_BYTES or start + size > end:
        raise malformed(f"a length in {size} bytes at {start}")
    return int.from_bytes(data[start : start + size]), start + size


def integer(data: bytes, start: int, stop: int) -> int:
    """The content of an integer of any SMI type: two's complement (X.690 8.3)."""
    if not 0 < stop - start <= MAX_INTEGER_BYTES:
        raise DecodeError(Reason.TOO_LARGE if stop > start else Reason.MALFORMED, f"an integer of {stop - start} bytes at {start}")
    return int.from_bytes(data[start:stop], signed=True)


def oid(content: bytes) -> str:
    """The content of an object identifier as dotted text (X.690 8.19). The first arc and the second share one number."""
    if not content or content[-1] & 0x80:
        raise malformed("an object identifier that does not end")
    if len(content) > MAX_ARC_BYTES * MAX_ARCS:
        raise _too_long()
    head, *arcs = content if content.isascii() else _arcs(content)
    if len(arcs) > MAX_ARCS - 2:
        raise _too_long()
    first = min(head // 40, 2)
    return ".".join(map(str, (first, head - 40 * first, *arcs)))


def _too_long() -> DecodeError:
    return DecodeError(Reason.TOO_LARGE, f"an object identifier of more than {MAX_ARCS} arcs")


def _arcs(content: bytes) -> list[int]:
    """The numbers of which some take more than one byte; bit 8 says that a number goes on."""
    arcs: list[int] = []
    arc = size = 0
    for byte in content:
        if not size and byte == 0x80:  # noqa: PLR2004  X.690 8.19.2: no leading zeros
            raise malformed("an arc that begins with 0x80")
        size += 1
        arc = arc << 7 | byte & 0x7F
        if arc > MAX_ARC:
            raise DecodeError(Reason.TOO_LARGE, "an arc above 2^32-1")
        if byte < 0x80:  # noqa: PLR2004  bit 8
            arcs.append(arc)
            arc = size = 0
    return arcs


def wrap(tag: int, content: bytes) -> bytes:
    """One element, written: the tag, the length in its shortest form (X.690 8.1.3), the content."""
    size = len(content)
    if size < _LONG_FORM:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, _LONG_FORM | len(length))) + length + content


def number(value: int, tag: int = INTEGER) -> bytes:
    """A number from 0 on, written (X.690 8.3)."""
    return wrap(tag, value.to_bytes(value.bit_length() // 8 + 1))
