"""SNMP notifications as bytes: a small BER encoder of the tests' own, so that the collector's reader is not held to itself."""

from collections.abc import Sequence
from dataclasses import dataclass

LINK_DOWN = "1.3.6.1.6.3.1.1.5.3"
SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
SNMP_TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"

INTEGER, OCTETS, NULL, OID, ADDRESS = 0x02, 0x04, 0x05, 0x06, 0x40
COUNTER32, GAUGE32, TICKS, OPAQUE, COUNTER64 = 0x41, 0x42, 0x43, 0x44, 0x46


@dataclass(frozen=True, slots=True)
class Var:
    """A variable binding to encode: ``value`` is an int, bytes, dotted text for OID and ADDRESS, ``None`` for NULL."""

    oid: str
    tag: int
    value: int | bytes | str | None


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content


def number(value: int, tag: int = INTEGER) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, signed=True) if value >= 0 else _negative(value))


def _negative(value: int) -> bytes:
    return value.to_bytes(((-value - 1).bit_length()) // 8 + 1, signed=True)


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    return tlv(OID, b"".join(map(_arc, [40 * first + second, *rest])))


def _arc(arc: int) -> bytes:
    groups = [arc & 0x7F]
    while arc := arc >> 7:
        groups.append(0x80 | arc & 0x7F)
    return bytes(reversed(groups))


def value(var: Var) -> bytes:
    match var.value:
        case int():
            return number(var.value, var.tag)
        case bytes():
            return tlv(var.tag, var.value)
        case None:
            return tlv(var.tag, b"")
        case str() if var.tag == ADDRESS:
            return tlv(ADDRESS, bytes(map(int, var.value.split("."))))
        case text:
            return oid(text)


def varbinds(variables: Sequence[Var]) -> bytes:
    return tlv(0x30, b"".join(tlv(0x30, oid(var.oid) + value(var)) for var in variables))


def message(version: int, community: bytes, pdu: bytes) -> bytes:
    return tlv(0x30, number(version) + tlv(OCTETS, community) + pdu)


def v2_trap(
    trap_oid: str = LINK_DOWN,
    variables: Sequence[Var] = (),
    *,
    uptime: int = 4711,
    request_id: int = 1,
    community: bytes = b"public",
    inform: bool = False,
) -> bytes:
    listed = [Var(SYS_UPTIME, TICKS, uptime), Var(SNMP_TRAP_OID, OID, trap_oid), *variables]
    pdu = tlv(0xA6 if inform else 0xA7, number(request_id) + number(0) + number(0) + varbinds(listed))
    return message(1, community, pdu)


def v1_trap(
    enterprise: str,
    generic: int,
    specific: int = 0,
    variables: Sequence[Var] = (),
    *,
    agent: str = "192.0.2.1",
    uptime: int = 4711,
    community: bytes = b"public",
) -> bytes:
    head = oid(enterprise) + value(Var("", ADDRESS, agent)) + number(generic) + number(specific) + number(uptime, TICKS)
    return message(0, community, tlv(0xA4, head + varbinds(variables)))


def link_down(index: int, *, uptime: int = 4711, request_id: int = 1, inform: bool = False) -> bytes:
    """A linkDown as routers send it (IF-MIB): six variable bindings, about 160 bytes."""
    variables = (
        Var(f"1.3.6.1.2.1.2.2.1.1.{index}", INTEGER, index),
        Var(f"1.3.6.1.2.1.2.2.1.7.{index}", INTEGER, 1),
        Var(f"1.3.6.1.2.1.2.2.1.8.{index}", INTEGER, 2),
        Var(f"1.3.6.1.2.1.31.1.1.1.1.{index}", OCTETS, b"ge-0/0/%d" % index),
    )
    return v2_trap(LINK_DOWN, variables, uptime=uptime, request_id=request_id, inform=inform)
