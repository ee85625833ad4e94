"""A poll profile: which tables of a device are asked for, what type and unit each column has, and how rows are named."""

from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.core.raw import INTERFACES
from pipeline.core.resource import ResourceKind

SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
"""SNMPv2-MIB sysUpTime.0, asked for with every question."""

_IF_ENTRY = "1.3.6.1.2.1.2.2.1"
_IF_X_ENTRY = "1.3.6.1.2.1.31.1.1.1"
_BGP_PEER_ENTRY = "1.3.6.1.2.1.15.3.1"

BGP_PEERS = "bgp_peers"
"""BGP4-MIB bgpPeerTable (RFC 4273), indexed by the peer's address."""

SMALLEST_FRAME_BITS = 672
"""The smallest Ethernet frame with preamble and gap: what one packet takes on the wire at least."""


class ColumnType(StrEnum):
    """What a column's values are on the wire (RFC 2578 section 7.1), and what is made of them.

    ``GAUGE``: an unsigned number of 32 bits (Unsigned32, Gauge32, TimeTicks, an INTEGER that is never negative). ``GAUGE64`` is one that
    travels as Counter64 (RFC 2856 CounterBasedGauge64). ``INTEGER`` may be negative. ``NUMBER_TEXT`` is an OCTET STRING that spells a
    number, ``MAC`` one of six octets.
    """

    COUNTER32 = "counter32"
    COUNTER64 = "counter64"
    GAUGE = "gauge"
    GAUGE64 = "gauge64"
    INTEGER = "integer"
    TEXT = "text"
    NUMBER_TEXT = "number-text"
    MAC = "mac"
    OID = "oid"
    IP_ADDRESS = "ip-address"

    @property
    def is_text(self) -> bool:
        """Whether the column holds text."""
        return self in _TEXTS

    @property
    def counter_bits(self) -> int:
        """How many bits a counter has; 0 for what is none."""
        return _COUNTER_BITS.get(self, 0)


_TEXTS = frozenset({ColumnType.TEXT, ColumnType.MAC, ColumnType.OID, ColumnType.IP_ADDRESS})
_COUNTER_BITS = {ColumnType.COUNTER32: 32, ColumnType.COUNTER64: 64}


@dataclass(frozen=True, slots=True)
class PollColumn:
    """One column of a table. ``oid`` is numeric without a leading dot and without index (a scalar's without its ``.0``).

    A number times ``scale`` is in ``unit`` (the names are those of :mod:`pipeline.core.unit`). ``wire_bits`` is what one count takes on the
    wire at least: with the interface's speed it says which step of a counter is plausible (0: any is).
    """

    name: str
    oid: str
    type: ColumnType = ColumnType.GAUGE
    unit: str = "1"
    scale: float = 1.0
    wire_bits: int = 0


@dataclass(frozen=True, slots=True)
class DerivedColumn:
    """A column that is computed from the others of its row (:mod:`pipeline.core.formula`)."""

    name: str
    formula: str
    unit: str = "1"


@dataclass(frozen=True, slots=True)
class ProfileTable:
    """A table whose rows only the device knows. It is walked, or for a ``scalar`` table got: such a one has a single row, index ``0``.

    The first column decides which rows there are; a device that shows none of it is not asked for the others. ``rows`` says what kind of
    resource a row is; ``label`` names it: a template over text columns and ``{index}``, of alternatives parted by ``|`` the first whose
    columns all have a value. Rows for which the formula ``where`` is not true are left out. ``every`` n-th poll asks for the table.
    """

    name: str
    columns: tuple[PollColumn, ...]
    derived: tuple[DerivedColumn, ...] = ()
    scalar: bool = False
    rows: ResourceKind = ResourceKind.COMPONENT
    label: str = "{index}"
    where: str = ""
    every: int = 1


@dataclass(frozen=True, slots=True)
class ProfileMatch:
    """Which devices a profile is for: those whose sysObjectID begins so, and whose sysDescr the regular expression finds."""

    sys_object_ids: tuple[str, ...] = ()
    sys_descr: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """What one kind of device is asked for, parents' tables included; names of tables are those of :class:`pipeline.core.raw.RawPoll`."""

    name: str
    tables: tuple[ProfileTable, ...] = ()
    match: ProfileMatch | None = None
    extends: tuple[str, ...] = ()
    description: str = ""

    def table(self, name: str) -> ProfileTable | None:
        """A table by name; what pings measured is one of every profile."""
        return next((table for table in (*self.tables, PING_TABLE) if table.name == name), None)


@dataclass(frozen=True, slots=True)
class ProfileBook:
    """Every profile by name, extended ones flattened already."""

    profiles: dict[str, Profile] = field(default_factory=dict)

    def of(self, name: str) -> Profile:
        """A profile by name; the generic one for a name that is not known (any more)."""
        return self.profiles.get(name) or self.profiles.get(GENERIC_NAME) or GENERIC


PING = "ping"
PING_TABLE = ProfileTable(
    PING,
    (PollColumn("rtt", "", ColumnType.GAUGE, "ms"), PollColumn("loss", "", ColumnType.GAUGE, "share")),
    scalar=True,
    rows=ResourceKind.DEVICE,
)
"""What pings measured, where they are on: the median round trip, and the share of echoes that did not come. No agent is asked for it."""

_COUNTER32, _COUNTER64, _TEXT = ColumnType.COUNTER32, ColumnType.COUNTER64, ColumnType.TEXT
_FRAME = SMALLEST_FRAME_BITS

GENERIC_NAME = "generic"
GENERIC = Profile(
    GENERIC_NAME,
    (
        ProfileTable(
            INTERFACES,
            (
                PollColumn("if_name", f"{_IF_X_ENTRY}.1", _TEXT),
                PollColumn("admin_status", f"{_IF_ENTRY}.7"),
                PollColumn("oper_status", f"{_IF_ENTRY}.8"),
                PollColumn("in_errors", f"{_IF_ENTRY}.14", _COUNTER32, "packet", wire_bits=_FRAME),
                PollColumn("out_errors", f"{_IF_ENTRY}.20", _COUNTER32, "packet", wire_bits=_FRAME),
                PollColumn("in_octets", f"{_IF_X_ENTRY}.6", _COUNTER64, "octet", wire_bits=8),
                PollColumn("out_octets", f"{_IF_X_ENTRY}.10", _COUNTER64, "octet", wire_bits=8),
                PollColumn("speed", f"{_IF_X_ENTRY}.15", ColumnType.GAUGE, "Mbit/s"),
                PollColumn("discontinuity_ticks", f"{_IF_X_ENTRY}.19"),
            ),
            rows=ResourceKind.INTERFACE,
            label="{if_name}|if{index}",
        ),
        ProfileTable(
            BGP_PEERS,
            (PollColumn("peer_state", f"{_BGP_PEER_ENTRY}.2"), PollColumn("peer_admin_status", f"{_BGP_PEER_ENTRY}.3")),
            rows=ResourceKind.PEER,
        ),
    ),
)
"""What every agent of IF-MIB (RFC 2863) has: states, errors, 64-bit octets, ifHighSpeed, ifCounterDiscontinuityTime; and the states of
BGP peers where there are any. In force when no rules folder says more."""
