"""What the network said, before any rule: decoded traps and polls, numeric OIDs, typed values."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from pipeline.core.column import Column


class SnmpVersion(IntEnum):
    """The version field of an SNMP message (RFC 1157, RFC 1901, RFC 3412)."""

    V1 = 0
    V2C = 1
    V3 = 3


class SecurityLevel(StrEnum):
    """How a v3 message was protected (RFC 3411 section 3.4.3); v1 and v2c protect nothing and have none."""

    NO_AUTH_NO_PRIV = "no-auth-no-priv"
    AUTH_NO_PRIV = "auth-no-priv"
    AUTH_PRIV = "auth-priv"


class ValueType(IntEnum):
    """BER tags of the SMI's types (RFC 2578 section 7.1, RFC 3416 section 3)."""

    INTEGER = 0x02
    OCTET_STRING = 0x04
    NULL = 0x05
    OBJECT_IDENTIFIER = 0x06
    IP_ADDRESS = 0x40
    COUNTER32 = 0x41
    GAUGE32 = 0x42
    TIME_TICKS = 0x43
    OPAQUE = 0x44
    COUNTER64 = 0x46
    NO_SUCH_OBJECT = 0x80
    NO_SUCH_INSTANCE = 0x81
    END_OF_MIB_VIEW = 0x82


@dataclass(frozen=True, slots=True)
class VarBind:
    """One variable of a notification.

    ``oid`` is dotted without a leading dot; ``value`` is an int for the numbers, bytes for octet strings and opaque, the dotted
    form in ASCII bytes for object identifiers and IP addresses, ``None`` for NULL and the exceptions.
    """

    oid: str
    type: ValueType
    value: int | bytes | None

    @property
    def dotted(self) -> str:
        """The value of an object identifier or IP address as text; empty for other types."""
        dotted_types = (ValueType.OBJECT_IDENTIFIER, ValueType.IP_ADDRESS)
        return self.value.decode() if self.type in dotted_types and isinstance(self.value, bytes) else ""


@dataclass(frozen=True, slots=True)
class RawTrap:
    """One notification, v1 already mapped to v2 form (RFC 3584 section 3.1).

    ``(collector, sequence)`` is its place in the collector's journal and its identity: the same pair is the same datagram, however often
    it is published. Times are UTC nanoseconds. ``authenticated`` is true for v3 with authentication only. ``varbinds`` leaves out
    sysUpTime.0 and snmpTrapOID.0, which have fields of their own.

    ``user`` and ``security_level`` are those of a v3 message, and absent for v1 and v2c. ``relaxed_clock`` marks a message that was taken
    outside its sender's time window, because the settings relax that sender's clock: it may be a replay, so it is not ``authenticated``.
    """

    collector: str
    sequence: int
    received_at: int
    source: str
    version: SnmpVersion
    trap_oid: str
    varbinds: tuple[VarBind, ...]
    uptime_ticks: int | None = None
    authenticated: bool = False
    inform: bool = False
    agent_address: str | None = None
    user: str = ""
    security_level: SecurityLevel | None = None
    relaxed_clock: bool = False
    repeats: int = 0
    request_id: int | None = None


class PollOutcome(StrEnum):
    """How a poll ended. An unanswered poll is a fact that is kept, not a hole."""

    ANSWERED = "answered"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table, columnar: row ``i`` has the index ``indexes[i]`` (dotted; ``0`` for what stands once), and a cell in each column."""

    indexes: tuple[str, ...] = ()
    columns: dict[str, Column] = field(default_factory=dict)


INTERFACES = "interfaces"
"""The table of interfaces (IF-MIB ifTable and ifXTable), its index is ifIndex."""


@dataclass(frozen=True, slots=True)
class RawPoll:
    """One device polled once, columnar. Times are UTC nanoseconds, ``uptime_ticks`` is sysUpTime in hundredths of a second.

    ``tables`` are those of the ``profile`` that were read; one that is missing says nothing, an empty one that the device has no such row.
    ``truncated`` names tables of which time or the agent let only the first rows be read: rows that are not there say nothing.
    ``on_suspicion`` is true when a trap's claim was asked back, false for a turn of the schedule.
    """

    collector: str
    sequence: int
    polled_at: int
    device: str
    outcome: PollOutcome
    uptime_ticks: int | None = None
    round_trip_ms: float = 0.0
    profile: str = ""
    tables: dict[str, RawTable] = field(default_factory=dict)
    truncated: tuple[str, ...] = ()
    on_suspicion: bool = False

    def table(self, name: str) -> RawTable:
        """A table by name; an empty one when it was not read."""
        return self.tables.get(name, NO_TABLE)


NO_TABLE = RawTable()
