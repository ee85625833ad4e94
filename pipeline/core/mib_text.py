"""Values for people: enumerations, BITS, DISPLAY-HINTs, addresses, time ticks. What does not fit its type shows its number or its bytes."""

import ipaddress
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from pipeline.core.mib_object import MibObject, Syntax
from pipeline.core.raw import ValueType, VarBind
from pipeline.core.text import hexadecimal, is_text, shown


def varbind_text(varbind: VarBind, known: MibObject | None, named: Callable[[str], str], address_type: int | None = None) -> str:
    """A varbind's value, escaped. ``named`` says an OID for people; ``address_type`` is an InetAddress's InetAddressType."""
    value = varbind.value
    if isinstance(value, int):
        return number_text(value, varbind.type, known)
    if value is None:
        return _ABSENT.get(varbind.type, "")
    if varbind.type is ValueType.OCTET_STRING:
        return octets_text(value, known, address_type)
    if varbind.type is ValueType.OPAQUE:
        return _opaque_text(value)
    dotted = varbind.dotted
    return named(dotted) if varbind.type is ValueType.OBJECT_IDENTIFIER else dotted


def number_text(value: int, wire_type: ValueType, known: MibObject | None) -> str:
    """A number: ``down(2)``, ``-31.2 dBm``, ``1 d 2:03:04.05(9378405)`` for time ticks, or the plain number."""
    if abs(value) >= _HUGE:
        return shown(hex(value))
    if wire_type is ValueType.TIME_TICKS:
        return ticks_text(value)
    if known is None:
        return str(value)
    if value in known.enumeration and known.syntax is Syntax.INTEGER:
        return f"{known.enumeration[value]}({value})"
    hint, units = known.hint, known.units
    scale = _SCALED_UNITS.fullmatch(units) if units and not hint else None
    if scale:  # UNITS "0.1 dBm" is the common way to say tenths: -312 is -31.2 dBm
        hint, units = f"d-{len(scale[1])}", scale[2]
    text = _integer_hint(value, hint) if hint else str(value)
    return f"{text} {shown(units)}" if units else text


def ticks_text(ticks: int) -> str:
    """Hundredths of a second as a stretch of time with the number after it: ``0:02:03.45(12345)``, ``5 d 0:00:00.00(43200000)``."""
    if ticks < 0:
        return str(ticks)
    seconds, hundredths = divmod(ticks, 100)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    whole = f"{days} d " if days else ""
    return f"{whole}{hours}:{minutes:02d}:{seconds:02d}.{hundredths:02d}({ticks})"


def octets_text(value: bytes, known: MibObject | None, address_type: int | None = None) -> str:
    """Octets: names of BITS, an address, what the hint makes of them, text as it is, else hexadecimal."""
    if known is not None:
        if known.syntax is Syntax.BITS:
            return bits_text(value, known.enumeration)
        if known.syntax is Syntax.INET_ADDRESS:
            return inet_text(value, address_type)
        if known.hint:
            return octet_hint(value, known.hint)
    return shown(value) if is_text(value) else hexadecimal(value)


def bits_text(value: bytes, names: dict[int, str]) -> str:
    """The names of the bits that are set, first bit first, each with its position; bits without a name by position alone."""
    positions = [octet * 8 + bit for octet, byte in enumerate(value[:32]) for bit in range(8) if byte & (0x80 >> bit)]
    return " ".join(f"{names[position]}({position})" if position in names else str(position) for position in positions)


def inet_text(value: bytes, address_type: int | None) -> str:
    """An InetAddress (RFC 4001 section 3) of the type ``address_type``, e.g. ``192.0.2.1``, ``fe80::1%3``.

    Without a type the length tells, unless the octets could as well be the text of a domain name. What fits nothing shows its bytes.
    """
    if address_type == _DNS:
        return shown(value) if is_text(value) else hexadecimal(value)
    length = _INET_LENGTHS.get(address_type or 0)
    if length is None:
        guessed = len(value) in _INET_LENGTHS.values() and not is_text(value)
        return _address(value) if guessed else hexadecimal(value)
    return _address(value) if len(value) == length else hexadecimal(value)


def _address(value: bytes) -> str:
    size = 4 if len(value) in _IPV4_LENGTHS else 16
    zone = f"%{int.from_bytes(value[size:], 'big')}" if len(value) > size else ""
    return f"{ipaddress.ip_address(value[:size])}{zone}"


def _opaque_text(value: bytes) -> str:
    """Opaque octets; those that hold a float or a double, as net-snmp wraps them (tags 9f78 and 9f79), as a number."""
    form = _WRAPPED.get(value[:3])
    if form and len(value) == 3 + struct.calcsize(form):
        return f"{struct.unpack(form, value[3:])[0]:.7g}"
    return hexadecimal(value)


def _integer_hint(value: int, hint: str) -> str:
    """Apply an integer's DISPLAY-HINT (RFC 2579 section 3.1): ``d-1`` turns -312 into ``-31.2``; ``x``, ``o`` and ``b`` are bases."""
    style, _, places = hint.partition("-")
    sign, digits = ("-" if value < 0 else ""), abs(value)
    if style == "d" and places.isdecimal() and 0 < int(places) <= _MAX_PLACES:
        text = str(digits).rjust(int(places) + 1, "0")
        return f"{sign}{text[: -int(places)]}.{text[-int(places) :]}"
    return f"{sign}{digits:{style}}" if style in {"x", "o", "b"} else str(value)


def octet_hint(value: bytes, hint: str) -> str:
    """Apply an octet string's DISPLAY-HINT (RFC 2579 section 3.1); a hint that cannot be followed shows hexadecimal."""
    if hint == "1x:":  # MacAddress, PhysAddress: most of all hints
        return hexadecimal(value)
    specs = _parse_hint(hint)
    if not specs:
        return hexadecimal(value)
    parts: list[str] = []
    rest, position = value[:_MAX_OCTETS], 0
    while rest:
        spec = specs[min(position, len(specs) - 1)]
        position += 1
        times = 1
        if spec.repeats:
            times, rest = rest[0], rest[1:]
        for turn in range(times):
            if not rest:
                break
            chunk, rest = rest[: spec.octets or len(rest)], rest[spec.octets or len(rest) :]
            parts.append(_chunk_text(chunk, spec.style))
            final = turn == times - 1
            if rest:
                parts.append(spec.terminator if final and spec.terminator else spec.separator)
        if not spec.octets and not rest:
            break
    return shown("".join(parts))


@dataclass(frozen=True, slots=True)
class _Spec:
    """One octet-format specification: ``*`` repeat, octet count, style, separator, terminator."""

    repeats: bool
    octets: int
    style: str
    separator: str
    terminator: str


@lru_cache(maxsize=1024)
def _parse_hint(hint: str) -> tuple[_Spec, ...]:
    specs: list[_Spec] = []
    position = 0
    while position < len(hint):
        found = _SPEC.match(hint, position)
        if found is None:
            return ()
        repeats, digits, style, separator, terminator = found.groups(default="")
        position = found.end()
        specs.append(_Spec(bool(repeats), int(digits), style, separator, terminator))
        if int(digits) == 0 and position < len(hint):
            return ()
    return tuple(specs)


def _chunk_text(chunk: bytes, style: str) -> str:
    if style in {"a", "t"}:
        return chunk.rstrip(b"\0").decode("utf-8", "surrogateescape")
    number = int.from_bytes(chunk, "big")
    return f"{number:0{2 * len(chunk)}x}" if style == "x" else f"{number:{style}}"


_SPEC = re.compile(r"(\*)?([0-9]{1,6})([axdot])([^0-9*])?((?(1)[^0-9*]?))", re.DOTALL)
_SCALED_UNITS = re.compile(r"0\.(0*1) (.+)")
_MAX_PLACES = 20
_MAX_OCTETS = 512
_HUGE = 1 << 64
_INET_LENGTHS = {1: 4, 2: 16, 3: 8, 4: 20}
"""Octets of ipv4, ipv6, ipv4z and ipv6z; the zone index has the last four."""
_IPV4_LENGTHS = frozenset({4, 8})
_DNS = 16
_WRAPPED = {b"\x9f\x78\x04": ">f", b"\x9f\x79\x08": ">d"}
_ABSENT: dict[ValueType, str] = {
    ValueType.NO_SUCH_OBJECT: "no such object",
    ValueType.NO_SUCH_INSTANCE: "no such instance",
    ValueType.END_OF_MIB_VIEW: "end of MIB view",
}
