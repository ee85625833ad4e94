"""What a device of the lab knows, read off the network's state: the system group (RFC 3418), ifTable and ifXTable (RFC 2863), BGP peers.

The last are those of RFC 4273.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pipeline.core.inventory import Device, Interface
from pipeline.core.raw import ValueType
from pipeline.lab.mib_discovery import discovery_objects
from pipeline.lab.mib_health import health
from pipeline.lab.network import OCTETS_PER_PACKET, Network, NetworkState
from pipeline.lab.snmp import SYS_UP_TIME, Encoded, Oid, dotted, integer, oid, text, tlv
from pipeline.lab.traffic import NANOSECONDS

_SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
_IF_NUMBER: Oid = (1, 3, 6, 1, 2, 1, 2, 1, 0)
_IF_ENTRY: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1)
_IFX_ENTRY: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
_BGP: Oid = (1, 3, 6, 1, 2, 1, 15)
_BGP_PEER_ENTRY: Oid = (*_BGP, 3, 1)
_PRODUCTS = dotted("1.3.6.1.4.1.8072.9999.9999.42.3")
_PRODUCT_OF_ROLE = {"core": 1, "edge": 2, "access": 3}
_ETHERNET = 6
_UP, _DOWN = 1, 2
_TICK = NANOSECONDS // 100
_32_BITS, _64_BITS = (1 << 32) - 1, (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Moment:
    """The network as seen at one time (UTC nanoseconds)."""

    state: NetworkState
    at: int

    def uptime_ticks(self, device: str) -> int:
        """The sysUpTime: hundredths of a second since the device booted; 32 bits, so it turns over after 497 days."""
        return ticks(self.state, device, self.at)


def ticks(state: NetworkState, device: str, at: int) -> int:
    """A time in a device's sysUpTime; 0 for a time before it booted."""
    return max(0, (at - state.booted_at[device]) // _TICK) & _32_BITS


Reader = Callable[[Moment], Encoded]


class DeviceMib:
    """One device's objects in lexicographic order. Names are fixed, values are read at a :class:`Moment`."""

    def __init__(self, network: Network, device: Device) -> None:
        static = {name: partial(_constant, value) for name, value in discovery_objects(network.plant, device).items()}
        self._readers = _system(device) | _tables(network, device) | _peers(network, device) | health(network, device) | static
        self._names = sorted(self._readers)

    def get(self, name: Oid, moment: Moment) -> Encoded | None:
        """The value of exactly this object, ``None`` when there is none."""
        reader = self._readers.get(name)
        return reader(moment) if reader else None

    def after(self, name: Oid) -> Oid | None:
        """The first name after this one (RFC 3416 section 4.2.2), ``None`` at the end."""
        place = bisect_right(self._names, name)
        return self._names[place] if place < len(self._names) else None


def object_id(device: Device) -> Oid:
    """The device's sysObjectID: the product of its role."""
    return (*_PRODUCTS, _PRODUCT_OF_ROLE.get(device.role, 0))


def _system(device: Device) -> dict[Oid, Reader]:
    constants: dict[int, Encoded] = {
        1: text(f"Lab router, {device.role or 'unknown'} role, vendor {device.vendor or 'lab'}"),
        2: oid(object_id(device)),
        4: text("noc@lab.example"),
        5: text(device.name),
        6: text(device.site),
        7: integer(78),
    }
    readers: dict[Oid, Reader] = {(*_SYSTEM, column, 0): partial(_constant, value) for column, value in constants.items()}
    readers[SYS_UP_TIME] = lambda moment: integer(moment.uptime_ticks(device.name), ValueType.TIME_TICKS)
    readers[_IF_NUMBER] = partial(_constant, integer(len(device.interfaces)))
    return readers


def _constant(value: Encoded, _: Moment) -> Encoded:
    return value


@dataclass(frozen=True, slots=True)
class _Port:
    """An interface of a device, with its place in the network."""

    device: str
    place: int
    interface: Interface
    alias: str

    @property
    def name(self) -> str:
        return f"{self.device}/{self.interface.name}"

    def octets(self, moment: Moment, *, inward: bool) -> int:
        meters = moment.state.meters[self.name]
        return (meters.octets_in if inward else meters.octets_out).read(moment.at)

    def packets(self, moment: Moment, *, inward: bool) -> int:
        return self.octets(moment, inward=inward) // OCTETS_PER_PACKET

    def is_up(self, moment: Moment) -> bool:
        return self.name not in moment.state.condition.interfaces_down

    def last_change(self, moment: Moment) -> int:
        return ticks(moment.state, self.device, moment.state.changed_at[self.name])

    def physical_address(self) -> bytes:
        """A locally administered address (IEEE 802 section 8.4), from the device's and the interface's place."""
        return bytes((0x02, 0x00, 0x5E)) + self.place.to_bytes(1, "big") + self.interface.index.to_bytes(2, "big")


Column = tuple[ValueType, Callable[[_Port, Moment], int | bytes]]


def _number(kind: ValueType, value: int) -> Column:
    return kind, lambda _port, _moment: value


_NONE_EVER = _number(ValueType.COUNTER32, 0)

IF_COLUMNS: dict[int, Column] = {
    1: (ValueType.INTEGER, lambda port, _: port.interface.index),
    2: (ValueType.OCTET_STRING, lambda port, _: port.interface.name.encode()),
    3: _number(ValueType.INTEGER, _ETHERNET),
    4: _number(ValueType.INTEGER, 9192),
    5: (ValueType.GAUGE32, lambda port, _: min(port.interface.speed_mbps * 1_000_000, _32_BITS)),
    6: (ValueType.OCTET_STRING, lambda port, _: port.physical_address()),
    7: _number(ValueType.INTEGER, _UP),
    8: (ValueType.INTEGER, lambda port, moment: _UP if port.is_up(moment) else _DOWN),
    9: (ValueType.TIME_TICKS, lambda port, moment: port.last_change(moment)),
    10: (ValueType.COUNTER32, lambda port, moment: port.octets(moment, inward=True)),
    11: (ValueType.COUNTER32, lambda port, moment: port.packets(moment, inward=True)),
    13: _NONE_EVER,
    14: (ValueType.COUNTER32, lambda port, moment: moment.state.meters[port.name].errors_in.read(moment.at)),
    15: _NONE_EVER,
    16: (ValueType.COUNTER32, lambda port, moment: port.octets(moment, inward=False)),
    17: (ValueType.COUNTER32, lambda port, moment: port.packets(moment, inward=False)),
    19: (ValueType.COUNTER32, lambda port, moment: moment.state.meters[port.name].discards_out.read(moment.at)),
    20: _NONE_EVER,
}
"""The columns of ifTable: ifIndex, ifDescr, ifType, ifMtu, ifSpeed, ifPhysAddress, ifAdminStatus, ifOperStatus, ifLastChange,
ifInOctets, ifInUcastPkts, ifInDiscards, ifInErrors, ifInUnknownProtos, ifOutOctets, ifOutUcastPkts, ifOutDiscards, ifOutErrors."""

IFX_COLUMNS: dict[int, Column] = {
    1: (ValueType.OCTET_STRING, lambda port, _: port.interface.name.encode()),
    **dict.fromkeys((2, 3, 4, 5), _NONE_EVER),
    6: (ValueType.COUNTER64, lambda port, moment: port.octets(moment, inward=True)),
    7: (ValueType.COUNTER64, lambda port, moment: port.packets(moment, inward=True)),
    **dict.fromkeys((8, 9), _number(ValueType.COUNTER64, 0)),
    10: (ValueType.COUNTER64, lambda port, moment: port.octets(moment, inward=False)),
    11: (ValueType.COUNTER64, lambda port, moment: port.packets(moment, inward=False)),
    **dict.fromkeys((12, 13), _number(ValueType.COUNTER64, 0)),
    14: _number(ValueType.INTEGER, 1),
    15: (ValueType.GAUGE32, lambda port, _: port.interface.speed_mbps),
    16: _number(ValueType.INTEGER, 2),
    17: _number(ValueType.INTEGER, 1),
    18: (ValueType.OCTET_STRING, lambda port, _: port.alias.encode()),
    19: _number(ValueType.TIME_TICKS, 0),
}
"""The columns of ifXTable: ifName, four 32-bit multicast and broadcast counters, ifHCInOctets, ifHCInUcastPkts, two more,
ifHCOutOctets, ifHCOutUcastPkts, two more, ifLinkUpDownTrapEnable, ifHighSpeed, ifPromiscuousMode, ifConnectorPresent, ifAlias,
ifCounterDiscontinuityTime (0: never since the agent started)."""


def _tables(network: Network, device: Device) -> dict[Oid, Reader]:
    place = list(network.plant.inventory.devices).index(device.name) + 1
    ports = [_Port(device.name, place & 0xFF, interface, _alias(network, device, interface)) for interface in device.interfaces]
    tables = ((_IF_ENTRY, IF_COLUMNS), (_IFX_ENTRY, IFX_COLUMNS))
    return {
        (*entry, column, port.interface.index): partial(_cell, definition, port)
        for entry, columns in tables
        for column, definition in columns.items()
        for port in ports
    }


_BGP_VERSION, _AS = 4, 64_512
_IDLE, _ESTABLISHED = 1, 6
_START = 2
_HOLD_TIMER_EXPIRED, _NO_ERROR = b"\x04\x00", b"\x00\x00"


def _peers(network: Network, device: Device) -> dict[Oid, Reader]:
    """The bgpVersion, bgpLocalAs and bgpPeerTable of a device: one row for each neighbour, indexed by its address; all are of one AS.

    The columns are bgpPeerIdentifier, -State, -AdminStatus, -NegotiatedVersion, -RemoteAddr, -RemoteAs and -LastError.
    """
    readers: dict[Oid, Reader] = {(*_BGP, 1, 0): partial(_constant, text(b"\x10")), (*_BGP, 2, 0): partial(_constant, integer(_AS))}
    for name, session in network.plant.peers.items():
        if not name.startswith(f"{device.name}/"):
            continue
        address = name.removeprefix(f"{device.name}/")
        own = tlv(ValueType.IP_ADDRESS, bytes(dotted(address)))
        columns: dict[int, Reader] = {
            1: partial(_constant, own),
            2: partial(_by_session, session, integer(_ESTABLISHED), integer(_IDLE)),
            3: partial(_constant, integer(_START)),
            4: partial(_by_session, session, integer(_BGP_VERSION), integer(0)),
            7: partial(_constant, own),
            9: partial(_constant, integer(_AS)),
            14: partial(_by_session, session, text(_NO_ERROR), text(_HOLD_TIMER_EXPIRED)),
        }
        readers |= {(*_BGP_PEER_ENTRY, column, *dotted(address)): reader for column, reader in columns.items()}
    return readers


def _by_session(session: str, up: Encoded, down: Encoded, moment: Moment) -> Encoded:
    return down if session in moment.state.condition.sessions_down else up


def _alias(network: Network, device: Device, interface: Interface) -> str:
    """What an operator writes into ifAlias: the link, or whom the port serves."""
    link = network.plant.link_of.get(f"{device.name}/{interface.name}")
    return link.name if link else interface.description


def _cell(column: Column, port: _Port, moment: Moment) -> Encoded:
    kind, read = column
    value = read(port, moment)
    if isinstance(value, bytes):
        return text(value)
    if kind is ValueType.COUNTER32:
        value &= _32_BITS
    elif kind is ValueType.COUNTER64:
        value &= _64_BITS
    return integer(value, kind)
