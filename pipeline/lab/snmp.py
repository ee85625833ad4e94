"""The agent's side of SNMP: reads v2c requests, writes responses and v1 and v2c traps (RFC 3416, RFC 1157, X.690 BER).

Object identifiers are tuples of ints here; values are encoded once, as the bytes of their type, length and content.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from pipeline.core.raw import SnmpVersion, ValueType, VarBind

Oid = tuple[int, ...]
Encoded = bytes

SNMP_TRAP_OID = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
SYS_UP_TIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
STANDARD_TRAPS = (1, 3, 6, 1, 6, 3, 1, 1, 5)
_ENTERPRISE_SPECIFIC = 6
_SEQUENCE = 0x30
_LONG_FORM = 0x80
_MAX_ARCS = 128
_ARC_OCTETS = 5

NULL: Encoded = b"\x05\x00"
NO_SUCH_INSTANCE: Encoded = b"\x81\x00"
END_OF_MIB_VIEW: Encoded = b"\x82\x00"


class Pdu(IntEnum):
    """Tags of the PDUs (RFC 3416 section 3, RFC 1157 section 4.1)."""

    GET = 0xA0
    GET_NEXT = 0xA1
    RESPONSE = 0xA2
    TRAP_V1 = 0xA4
    GET_BULK = 0xA5
    TRAP_V2 = 0xA7


class ErrorStatus(IntEnum):
    """Values of error-status (RFC 3416 section 3) that this agent gives."""

    NO_ERROR = 0
    TOO_BIG = 1


@dataclass(frozen=True, slots=True)
class Request:
    """A question. For GETBULK ``first`` and ``second`` are non-repeaters and max-repetitions; else error-status and -index."""

    version: int
    community: bytes
    pdu: Pdu
    request_id: int
    first: int
    second: int
    oids: tuple[Oid, ...]


class MalformedError(ValueError):
    """Bytes that are no request to an SNMPv2c agent."""


class _Reader:
    """Takes BER values off the front of a stretch of bytes. Raises :class:`MalformedError` on anything that does not fit."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self._data, self._at, self._end = data, start, end

    @property
    def more(self) -> bool:
        return self._at < self._end

    def take(self) -> tuple[int, int, int]:
        """The next value's tag, and where its content starts and ends."""
        if self._at + 2 > self._end:
            raise MalformedError("ends inside a header")
        tag, length, start = self._data[self._at], self._data[self._at + 1], self._at + 2
        if length & _LONG_FORM:
            size = length & 0x7F
            length, start = int.from_bytes(self._data[start : start + size], "big"), start + size
        if start + length > self._end:
            raise MalformedError("a value is longer than what holds it")
        self._at = start + length
        return tag, start, self._at

    def content(self, wanted: int) -> bytes:
        """The content of the next value, which has the wanted tag."""
        tag, start, end = self.take()
        if tag != wanted:
            raise MalformedError(f"tag {tag:#x} where {wanted:#x} belongs")
        return self._data[start:end]

    def integer(self) -> int:
        return int.from_bytes(self.content(ValueType.INTEGER), "big", signed=True)

    def inside(self, wanted: int) -> "_Reader":
        """A reader of the content of the next value."""
        tag, start, end = self.take()
        if tag != wanted:
            raise MalformedError(f"tag {tag:#x} where {wanted:#x} belongs")
        return _Reader(self._data, start, end)


def decode_request(data: bytes) -> Request:
    """Read a v2c GET, GETNEXT or GETBULK. Raises :class:`MalformedError` for everything else."""
    message = _Reader(data, 0, len(data)).inside(_SEQUENCE)
    version = message.integer()
    if version != SnmpVersion.V2C:
        raise MalformedError(f"version {version} where v2c is spoken")
    community = message.content(ValueType.OCTET_STRING)
    tag, start, end = message.take()
    if tag not in {Pdu.GET, Pdu.GET_NEXT, Pdu.GET_BULK}:
        raise MalformedError(f"PDU {tag:#x} is no question")
    pdu = _Reader(data, start, end)
    request_id, first, second = pdu.integer(), pdu.integer(), pdu.integer()
    return Request(version, community, Pdu(tag), request_id, first, second, tuple(_asked(pdu.inside(_SEQUENCE))))


def _asked(varbinds: _Reader) -> Iterable[Oid]:
    while varbinds.more:
        yield oid_of(varbinds.inside(_SEQUENCE).content(ValueType.OBJECT_IDENTIFIER))


@lru_cache(maxsize=65_536)
def oid_of(content: bytes) -> Oid:
    """The arcs of an encoded object identifier's content (X.690 section 8.19). Raises :class:`MalformedError`."""
    if not content or content[-1] & _LONG_FORM:
        raise MalformedError("an object identifier ends inside an arc")
    if len(content) > _MAX_ARCS * _ARC_OCTETS:
        raise MalformedError(f"an object identifier of {len(content)} octets")
    arcs, arc = [], 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if not octet & _LONG_FORM:
            arcs.append(arc)
            arc = 0
    if len(arcs) > _MAX_ARCS:
        raise MalformedError(f"an object identifier of more than {_MAX_ARCS} arcs")
    root = min(arcs[0] // 40, 2)
    return (root, arcs[0] - 40 * root, *arcs[1:])


def tlv(tag: int, content: bytes) -> Encoded:
    """Type, length and content; lengths from 128 in long form (X.690 section 8.1.3)."""
    length = len(content)
    if length < _LONG_FORM:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(octets))) + octets + content


def integer(value: int, tag: int = ValueType.INTEGER) -> Encoded:
    """A number in the fewest octets of two's complement (X.690 section 8.3); unsigned types come out with a leading zero where needed."""
    bits = value.bit_length() if value >= 0 else (value + 1).bit_length()
    return tlv(tag, value.to_bytes(bits // 8 + 1, "big", signed=True))


def text(value: str | bytes) -> Encoded:
    """An OCTET STRING; text in UTF-8."""
    return tlv(ValueType.OCTET_STRING, value.encode() if isinstance(value, str) else value)


@lru_cache(maxsize=65_536)
def oid(arcs: Oid) -> Encoded:
    """An object identifier (X.690 section 8.19)."""
    return tlv(ValueType.OBJECT_IDENTIFIER, b"".join(_arc(arc) for arc in (arcs[0] * 40 + arcs[1], *arcs[2:])))


def _arc(arc: int) -> bytes:
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.append(_LONG_FORM | arc & 0x7F)
    return bytes(reversed(octets))


def dotted(name: str) -> Oid:
    """The arcs of ``1.3.6.1``."""
    return tuple(int(arc) for arc in name.split("."))


def varbind(name: Oid, value: Encoded) -> Encoded:
    """One name and value."""
    return tlv(_SEQUENCE, oid(name) + value)


def encode_response(request: Request, varbinds: bytes, status: ErrorStatus = ErrorStatus.NO_ERROR) -> bytes:
    """The response to a request: ``varbinds`` are joined, encoded names and values."""
    pdu = integer(request.request_id) + integer(status) + integer(0) + tlv(_SEQUENCE, varbinds)
    return _message(request.version, request.community, tlv(Pdu.RESPONSE, pdu))


def encode_value(value: VarBind) -> Encoded:
    """The value of a variable of a notification."""
    if isinstance(value.value, int):
        return integer(value.value, value.type)
    content = value.value or b""
    match value.type:
        case ValueType.OBJECT_IDENTIFIER:
            return oid(dotted(content.decode()))
        case ValueType.IP_ADDRESS:
            return _ip_address(content.decode())
        case _:
            return tlv(value.type, content)


def _ip_address(address: str) -> Encoded:
    return tlv(ValueType.IP_ADDRESS, bytes(int(part) for part in address.split(".")))


def encode_trap_v2(community: bytes, request_id: int, uptime_ticks: int, trap_oid: str, varbinds: Iterable[VarBind]) -> bytes:
    """A v2c trap: sysUpTime.0 and snmpTrapOID.0, then its variables (RFC 3416 section 4.2.6)."""
    head = varbind(SYS_UP_TIME, integer(uptime_ticks, ValueType.TIME_TICKS)) + varbind(SNMP_TRAP_OID, oid(dotted(trap_oid)))
    pdu = integer(request_id) + integer(0) + integer(0) + tlv(_SEQUENCE, head + _encode_all(varbinds))
    return _message(SnmpVersion.V2C, community, tlv(Pdu.TRAP_V2, pdu))


def encode_trap_v1(
    community: bytes,
    enterprise: Oid,
    agent_address: str,
    uptime_ticks: int,
    trap_oid: str,
    varbinds: Iterable[VarBind],
) -> bytes:
    """A v1 trap for a notification (RFC 3584 section 3.2): ``enterprise`` is the sender's sysObjectID, used by the six generic traps."""
    enterprise, generic, specific = _v1_name(dotted(trap_oid), enterprise)
    pdu = (
        oid(enterprise)
        + _ip_address(agent_address)
        + integer(generic)
        + integer(specific)
        + integer(uptime_ticks, ValueType.TIME_TICKS)
        + tlv(_SEQUENCE, _encode_all(varbinds))
    )
    return _message(SnmpVersion.V1, community, tlv(Pdu.TRAP_V1, pdu))


def _v1_name(trap: Oid, enterprise: Oid) -> tuple[Oid, int, int]:
    """Enterprise, generic and specific number of a notification (RFC 3584 section 3.2, steps 1 to 3)."""
    if trap[:-1] == STANDARD_TRAPS:
        return enterprise, trap[-1] - 1, 0
    return trap[:-2] if trap[-2] == 0 else trap[:-1], _ENTERPRISE_SPECIFIC, trap[-1]


def _encode_all(varbinds: Iterable[VarBind]) -> bytes:
    return b"".join(varbind(dotted(value.oid), encode_value(value)) for value in varbinds)


def _message(version: int, community: bytes, pdu: bytes) -> bytes:
    return tlv(_SEQUENCE, integer(version) + tlv(ValueType.OCTET_STRING, community) + pdu)
