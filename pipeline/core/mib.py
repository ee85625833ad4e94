"""What MIBs say, as data: names, OIDs, enumerations, display hints. The run time never parses a MIB; it looks up here."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.core.raw import ValueType, VarBind
from pipeline.core.text import hexadecimal, is_text, shown


class Syntax(StrEnum):
    """The base type of an object (RFC 2578 section 7.1), textual conventions resolved."""

    INTEGER = "integer"
    OCTET_STRING = "octet-string"
    OBJECT_IDENTIFIER = "object-identifier"
    IP_ADDRESS = "ip-address"
    COUNTER32 = "counter32"
    GAUGE32 = "gauge32"
    TIME_TICKS = "time-ticks"
    OPAQUE = "opaque"
    COUNTER64 = "counter64"
    BITS = "bits"


WIRE_TYPE: dict[Syntax, ValueType] = {
    Syntax.INTEGER: ValueType.INTEGER,
    Syntax.OCTET_STRING: ValueType.OCTET_STRING,
    Syntax.OBJECT_IDENTIFIER: ValueType.OBJECT_IDENTIFIER,
    Syntax.IP_ADDRESS: ValueType.IP_ADDRESS,
    Syntax.COUNTER32: ValueType.COUNTER32,
    Syntax.GAUGE32: ValueType.GAUGE32,
    Syntax.TIME_TICKS: ValueType.TIME_TICKS,
    Syntax.OPAQUE: ValueType.OPAQUE,
    Syntax.COUNTER64: ValueType.COUNTER64,
    Syntax.BITS: ValueType.OCTET_STRING,  # RFC 2578 section 8: BITS travel as octets
}
"""How a value of each syntax travels."""


@dataclass(frozen=True, slots=True)
class MibObject:
    """An object type. ``enumeration`` names the integers, or for BITS the bit positions from the first (RFC 2578 section 7.1.4).

    ``hint`` is a DISPLAY-HINT (RFC 2579 section 3.1). ``units`` is the UNITS clause.
    """

    name: str
    oid: str
    syntax: Syntax
    module: str = ""
    enumeration: dict[int, str] = field(default_factory=dict)
    hint: str = ""
    units: str = ""


@dataclass(frozen=True, slots=True)
class MibNotification:
    """A notification type; ``objects`` are the names of its OBJECTS in order. A v1 TRAP-TYPE has the OID that RFC 3584 gives it."""

    name: str
    oid: str
    module: str = ""
    objects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MibIndex:
    """All that is known, by OID and by name. An unqualified name that two modules define means the first; ``MODULE::name`` is exact."""

    objects: dict[str, MibObject] = field(default_factory=dict)
    notifications: dict[str, MibNotification] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _split: dict[str, tuple[MibObject | None, str]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, objects: Iterable[MibObject] = (), notifications: Iterable[MibNotification] = ()) -> "MibIndex":
        """Index objects and notifications; of two with one OID the first stays."""
        by_oid: dict[str, MibObject] = {}
        traps: dict[str, MibNotification] = {}
        names: dict[str, str] = {}
        for known in objects:
            by_oid.setdefault(known.oid, known)
        for notification in notifications:
            traps.setdefault(notification.oid, notification)
        entries: list[MibObject | MibNotification] = [*by_oid.values(), *traps.values()]
        for entry in entries:
            names.setdefault(entry.name, entry.oid)
            names.setdefault(f"{entry.module}::{entry.name}", entry.oid)
        return cls(by_oid, traps, names)

    def merged(self, other: "MibIndex") -> "MibIndex":
        """Both together; where they differ this one holds."""
        return MibIndex.of((*self.objects.values(), *other.objects.values()), (*self.notifications.values(), *other.notifications.values()))

    def oid_of(self, name: str) -> str | None:
        """The OID of ``ifIndex`` or ``IF-MIB::ifIndex``, or ``None``."""
        return self._names.get(name)

    def names(self) -> tuple[str, ...]:
        """Every unqualified name."""
        return tuple(name for name in self._names if "::" not in name)

    def split(self, oid: str) -> tuple[MibObject | None, str]:
        """The object that an instance's OID belongs to and the index after it: ``1.3.6.1.2.1.2.2.1.1.5`` is ``(ifIndex, "5")``.

        ``(None, "")`` when no object is known. Answers are kept, at most :data:`CACHED_OIDS` of them, since a device repeats its instances.
        """
        found = self._split.get(oid)
        if found is None:
            found = self._find(oid)
            if len(oid) <= _CACHED_CHARACTERS:
                self._keep(oid, found)
        return found

    def _keep(self, oid: str, found: tuple[MibObject | None, str]) -> None:
        if len(self._split) >= CACHED_OIDS:
            self._split.clear()
        self._split[oid] = found

    def _find(self, oid: str) -> tuple[MibObject | None, str]:
        base = oid
        while base:
            known = self.objects.get(base)
            if known is not None:
                return known, oid[len(base) + 1 :]
            base = base.rpartition(".")[0]
        return None, ""

    def named(self, oid: str) -> str:
        """An OID for people: ``ifIndex.5``, the notification's name, or the numbers."""
        if oid in self.notifications:
            return self.notifications[oid].name
        known, index = self.split(oid)
        return oid if known is None else f"{known.name}.{index}" if index else known.name


CACHED_OIDS = 65_536
_CACHED_CHARACTERS = 100


def value_text(varbind: VarBind, known: MibObject | None, mibs: MibIndex) -> str:
    """A varbind's value for people, escaped: enumeration label, BITS names, display hint, OID name, or the plain value with its unit."""
    value = varbind.value
    if isinstance(value, int):
        return _number_text(value, varbind.type, known)
    if value is None:
        return _ABSENT.get(varbind.type, "")
    if varbind.type is ValueType.OCTET_STRING or varbind.type is ValueType.OPAQUE:
        return _octets_text(value, known)
    dotted = varbind.dotted
    return mibs.named(dotted) if varbind.type is ValueType.OBJECT_IDENTIFIER else dotted


def _number_text(value: int, wire_type: ValueType, known: MibObject | None) -> str:
    if abs(value) >= _HUGE:
        return shown(hex(value))
    if known is None:
        return str(value)
    if value in known.enumeration and known.syntax is Syntax.INTEGER:
        return f"{known.enumeration[value]}({value})"
    hint, units = known.hint, known.units
    scale = _SCALED_UNITS.fullmatch(units)
    if scale and not hint:  # UNITS "0.1 dBm" is the common way to say tenths: -312 is -31.2 dBm
        hint, units = f"d-{len(scale[1])}", scale[2]
    text = _integer_hint(value, hint) if hint and wire_type is not ValueType.TIME_TICKS else str(value)
    return f"{text} {units}" if units else text


def _octets_text(value: bytes, known: MibObject | None) -> str:
    if known is not None and known.syntax is Syntax.BITS:
        return bits_text(value, known.enumeration)
    if known is not None and known.hint:
        return _octet_hint(value, known.hint)
    return shown(value) if is_text(value) else hexadecimal(value)


def bits_text(value: bytes, names: dict[int, str]) -> str:
    """The names of the bits that are set, first bit first, each with its position; bits without a name by position alone."""
    positions = [octet * 8 + bit for octet, byte in enumerate(value[:32]) for bit in range(8) if byte & (0x80 >> bit)]
    return " ".join(f"{names[position]}({position})" if position in names else str(position) for position in positions)


def _integer_hint(value: int, hint: str) -> str:
    """Apply an integer's DISPLAY-HINT (RFC 2579 section 3.1): ``d-1`` turns -312 into ``-31.2``; ``x``, ``o`` and ``b`` are bases."""
    style, _, places = hint.partition("-")
    sign, digits = ("-" if value < 0 else ""), abs(value)
    if style == "d" and places.isdigit() and 0 < int(places) <= _MAX_PLACES:
        text = str(digits).rjust(int(places) + 1, "0")
        return f"{sign}{text[: -int(places)]}.{text[-int(places) :]}"
    return f"{sign}{digits:{style}}" if style in {"x", "o", "b"} else str(value)


def _octet_hint(value: bytes, hint: str) -> str:
    """Apply an octet string's DISPLAY-HINT (RFC 2579 section 3.1); a hint that cannot be followed shows hexadecimal."""
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


def _parse_hint(hint: str) -> list[_Spec]:
    specs: list[_Spec] = []
    position = 0
    while position < len(hint):
        repeats = hint[position] == "*"
        position += repeats
        start = position
        while position < len(hint) and hint[position].isdigit():
            position += 1
        digits, style = hint[start:position], hint[position : position + 1]
        if not digits or style not in _STYLES:
            return []
        position += 1
        separator = terminator = ""
        if position < len(hint) and not (hint[position].isdigit() or hint[position] == "*"):
            separator, position = hint[position], position + 1
            if repeats and position < len(hint) and not (hint[position].isdigit() or hint[position] == "*"):
                terminator, position = hint[position], position + 1
        specs.append(_Spec(repeats, int(digits), style, separator, terminator))
        if int(digits) == 0 and position < len(hint):
            return []
    return specs


def _chunk_text(chunk: bytes, style: str) -> str:
    if style in {"a", "t"}:
        return chunk.rstrip(b"\0").decode("utf-8", "surrogateescape")
    number = int.from_bytes(chunk, "big")
    return f"{number:0{2 * len(chunk)}x}" if style == "x" else f"{number:{style}}"


_SCALED_UNITS = re.compile(r"0\.(0*1) (.+)")
_STYLES = frozenset("axdot")
_MAX_PLACES = 20
_MAX_OCTETS = 512
_HUGE = 1 << 64
_ABSENT: dict[ValueType, str] = {
    ValueType.NO_SUCH_OBJECT: "no such object",
    ValueType.NO_SUCH_INSTANCE: "no such instance",
    ValueType.END_OF_MIB_VIEW: "end of MIB view",
}
