"""What MIBs define, as values: object types, notification types, the nodes between them, and modules."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from pipeline.core.raw import ValueType

STANDARD = "standard"
"""The vendor of what belongs to no vendor: modules of the IETF, IEEE and IANA."""


class Syntax(StrEnum):
    """The base type of an object (RFC 2578 section 7.1), textual conventions resolved.

    ``INET_ADDRESS`` is RFC 4001's InetAddress: octets whose meaning another object tells (see ``MibObject.address_type``).
    """

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
    INET_ADDRESS = "inet-address"


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
    Syntax.INET_ADDRESS: ValueType.OCTET_STRING,
}
"""How a value of each syntax travels."""


@dataclass(frozen=True, slots=True)
class MibObject:
    """An object type. ``enumeration`` names the integers, or for BITS the bit positions from the first (RFC 2578 section 7.1.4).

    ``hint`` is a DISPLAY-HINT (RFC 2579 section 3.1). ``units`` is the UNITS clause. ``size`` is the length of octets that are always as
    long, 0 when it may vary; an index is read by it. ``address_type`` is the OID of the object that tells which kind of address an
    InetAddress is (RFC 4001 section 3).
    """

    name: str
    oid: str
    syntax: Syntax
    module: str = ""
    enumeration: dict[int, str] = field(default_factory=dict)
    hint: str = ""
    units: str = ""
    vendor: str = ""
    size: int = 0
    address_type: str = ""


@dataclass(frozen=True, slots=True)
class MibNotification:
    """A notification type; ``objects`` are the names of its OBJECTS in order. A v1 TRAP-TYPE has the OID that RFC 3584 gives it."""

    name: str
    oid: str
    module: str = ""
    objects: tuple[str, ...] = ()
    vendor: str = ""


@dataclass(frozen=True, slots=True)
class MibNode:
    """A named place that has no value: an OBJECT IDENTIFIER, an identity (a product, say), a table, a row.

    For a row, ``index`` are the OIDs of the objects of its INDEX clause, those of the base row for AUGMENTS (RFC 2578 sections 7.7 and
    7.8); ``implied`` says that the last one's length is not sent.
    """

    name: str
    oid: str
    module: str = ""
    vendor: str = ""
    index: tuple[str, ...] = ()
    implied: bool = False


MibEntry = MibObject | MibNotification | MibNode


@dataclass(frozen=True, slots=True)
class MibModule:
    """A module, which (vendor, name) tells from every other; two vendors may publish one name with different contents.

    ``digest`` tells the text that it was compiled from, with all that it imports; empty for facts that were written by hand.
    """

    name: str
    vendor: str = STANDARD
    objects: tuple[MibObject, ...] = ()
    notifications: tuple[MibNotification, ...] = ()
    nodes: tuple[MibNode, ...] = ()
    digest: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """The vendor and the name."""
        return self.vendor, self.name


class IndexValue(NamedTuple):
    """One part of a row's index: its object, its value, and that for people."""

    known: MibObject
    value: int | bytes
    text: str


class Instance(NamedTuple):
    """What an instance's OID says: its object (``None`` when unknown), the arcs after it, and the index they make.

    ``values`` is empty when there is no index, or when the arcs do not fit it.
    """

    known: MibObject | None
    arcs: str
    values: tuple[IndexValue, ...]
