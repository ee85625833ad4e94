"""A poll profile: which columns of which tables a device is asked for, and what type each has."""

from dataclasses import dataclass

SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
"""SNMPv2-MIB sysUpTime.0, asked for with every question."""

_IF_ENTRY = "1.3.6.1.2.1.2.2.1"
_IF_X_ENTRY = "1.3.6.1.2.1.31.1.1.1"
_BGP_PEER_ENTRY = "1.3.6.1.2.1.15.3.1"

BGP_PEERS = "bgp_peers"
"""BGP4-MIB bgpPeerTable (RFC 4273), indexed by the peer's address."""


@dataclass(frozen=True, slots=True)
class PollColumn:
    """One column of a table indexed by ifIndex. ``oid`` is numeric without a leading dot; a value has ``bits`` and no sign."""

    name: str
    oid: str
    bits: int = 32


@dataclass(frozen=True, slots=True)
class ProfileTable:
    """A table whose rows only the device knows: it is walked, and each row is named by its index, dotted.

    The first column decides which rows there are; a device that shows none of it is not asked for the others. Values are numbers, as
    those of :class:`PollColumn`.
    """

    name: str
    columns: tuple[PollColumn, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """What one kind of device is asked for; names of columns and tables are those of :class:`pipeline.core.raw.RawPoll`."""

    name: str
    columns: tuple[PollColumn, ...]
    tables: tuple[ProfileTable, ...] = ()


GENERIC = Profile(
    "generic",
    (
        PollColumn("admin_status", f"{_IF_ENTRY}.7"),
        PollColumn("oper_status", f"{_IF_ENTRY}.8"),
        PollColumn("in_errors", f"{_IF_ENTRY}.14"),
        PollColumn("out_errors", f"{_IF_ENTRY}.20"),
        PollColumn("in_octets", f"{_IF_X_ENTRY}.6", 64),
        PollColumn("out_octets", f"{_IF_X_ENTRY}.10", 64),
        PollColumn("speed_mbps", f"{_IF_X_ENTRY}.15"),
        PollColumn("discontinuity_ticks", f"{_IF_X_ENTRY}.19"),
    ),
    (ProfileTable(BGP_PEERS, (PollColumn("peer_state", f"{_BGP_PEER_ENTRY}.2"), PollColumn("peer_admin_status", f"{_BGP_PEER_ENTRY}.3"))),),
)
"""What every agent of IF-MIB (RFC 2863) has: states, errors, 64-bit octets, ifHighSpeed, ifCounterDiscontinuityTime; and the states of
BGP peers where there are any."""
