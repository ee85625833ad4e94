"""What a device of the lab tells those who discover it: parts, addresses, neighbours, layers. Facts that do not change with time.

Tables: entPhysicalTable and entAliasMappingTable (RFC 6933; what the sensors measure is in ``mib_health.py``), ipAddressTable (RFC 4293),
ifStackTable (RFC 2863), the local and remote systems of LLDP (IEEE 802.1AB); and snmpEngineID (RFC 3411). LLDP tells the cabling, whether
a link is up or not. Devices of vendor lab-classic tell it as some do: ports by local numbers, names with their domain.
"""

from collections.abc import Iterator

from pipeline.core.inventory import Device, Interface, Link
from pipeline.lab.plant import Plant
from pipeline.lab.snmp import Encoded, Oid, dotted, integer, oid, text

_ENGINE_ID: Oid = (1, 3, 6, 1, 6, 3, 10, 2, 1, 1, 0)
_ENGINE_ID_OF_TEXT = b"\x80\x00\x1f\x88\x04"
_PHYSICAL: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
_ALIAS: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 3, 2, 1, 2)
_IF_INDEX: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 1)
_STACK: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 2, 1, 3)
_IP_ADDRESS: Oid = (1, 3, 6, 1, 2, 1, 4, 34, 1)
_IP_PREFIX: Oid = (1, 3, 6, 1, 2, 1, 4, 32, 1, 5)
_LLDP: Oid = (1, 0, 8802, 1, 1, 2, 1)
_CHASSIS, _POWER_SUPPLY, _FAN, _SENSOR_CLASS, _MODULE, _PORT = 3, 6, 7, 8, 9, 10
_CHASSIS_INDEX, _SUPPLIES, _FAN_INDEX, _CARDS, _PORTS = 10, (11, 12), 13, 20, 3_000
_INLET, _RECEIVED, _SENT = 1, 1_000, 2_000
"""Indexes of sensors, and of a port's two, to which its ifIndex is added: as ``mib_health.py`` has them."""
_MAC, _INTERFACE_NAME, _LOCAL = 4, 5, 7
_ACTIVE, _UNICAST, _IPV4, _BITS, _BITS_FOR_TWO = 1, 1, 1, 32, 31
_SOME_TIME = 4_711
"""The TimeFilter mark of a row of lldpRemTable: when it was last changed, in a device's own time."""
CLASSIC = "lab-classic"
DOMAIN = "lab.example"


def discovery_objects(plant: Plant, device: Device) -> dict[Oid, Encoded]:
    """The objects of one device with their values."""
    return dict(
        [
            (_ENGINE_ID, text(_ENGINE_ID_OF_TEXT + device.name.encode())),
            *_parts(plant, device),
            *_stack(device),
            *_addresses(plant, device),
            *_lldp(plant, device),
        ]
    )


def place_of(plant: Plant, device: Device) -> int:
    """The device's number in the inventory, from 1; serial numbers and hardware addresses come from it."""
    return (list(plant.inventory.devices).index(device.name) + 1) & 0xFF


Objects = Iterator[tuple[Oid, Encoded]]


def _parts(plant: Plant, device: Device) -> Objects:
    """A chassis with two power supplies, a fan and a thermometer; a card for each slot in interfaces' names, with its ports."""
    serial = f"LAB{place_of(plant, device):04d}"
    model = f"LR-{device.role or 'plain'}"
    vendor = device.vendor or "lab"
    yield from _part(_CHASSIS_INDEX, _CHASSIS, "chassis", "Lab router", 0, model=model, serial=serial, vendor=vendor, software="1.0")
    for number, index in enumerate(_SUPPLIES):
        yield from _part(index, _POWER_SUPPLY, f"power supply {number}", "Power supply", _CHASSIS_INDEX)
    yield from _part(_FAN_INDEX, _FAN, "fan 0", "Fan", _CHASSIS_INDEX)
    yield from _part(_INLET, _SENSOR_CLASS, "", "Thermometer", _CHASSIS_INDEX)
    names = dict.fromkeys(_card(interface) for interface in device.interfaces)
    cards = {card: _CARDS + number for number, card in enumerate(names)}
    for number, card in enumerate(cards):
        yield from _part(cards[card], _MODULE, f"card {card}", "Line card", _CHASSIS_INDEX, serial=f"{serial}-{number}", vendor=vendor)
    for interface in device.interfaces:
        index = _PORTS + interface.index
        yield from _part(index, _PORT, interface.name, "Port", cards[_card(interface)])
        yield (*_ALIAS, index, 0), oid((*_IF_INDEX, interface.index))
        if f"{device.name}/{interface.name}" in plant.link_of:
            for sensor in (_RECEIVED, _SENT):
                yield from _part(sensor + interface.index, _SENSOR_CLASS, "", "Light meter", index)


def _card(interface: Interface) -> str:
    """``0/1`` of ``ge-0/1/3``."""
    return interface.name.partition("-")[2].rpartition("/")[0] or "0"


def _part(
    index: int, kind: int, name: str, about: str, parent: int, *, model: str = "", serial: str = "", vendor: str = "", software: str = ""
) -> Objects:
    columns: dict[int, Encoded] = {
        2: text(about),
        4: integer(parent),
        5: integer(kind),
        7: text(name),
        8: text(""),
        10: text(software),
        11: text(serial),
        12: text(vendor),
        13: text(model),
    }
    for column, value in columns.items():
        if column != 7 or name:  # noqa: PLR2004  # a sensor has its name where it is measured
            yield (*_PHYSICAL, column, index), value


def _stack(device: Device) -> Objects:
    """No interface stands on another here: each has nothing (0) above it and below it."""
    for interface in device.interfaces:
        yield (*_STACK, 0, interface.index), integer(_ACTIVE)
        yield (*_STACK, interface.index, 0), integer(_ACTIVE)


def link_address(plant: Plant, link: Link, end: str) -> str:
    """The address of one end of a link: each link is a subnet for two (RFC 3021) of its own."""
    number = list(plant.inventory.links).index(link.name)
    return f"10.20.{number % 256}.{2 * (number // 256) + (end == link.b)}"


def _addresses(plant: Plant, device: Device) -> Objects:
    """The management address, on the first interface, and one for each end of a link."""
    if device.interfaces and device.address:
        yield from _address(device.address, device.interfaces[0].index, _BITS)
    for interface in device.interfaces:
        end = f"{device.name}/{interface.name}"
        link = plant.link_of.get(end)
        if link is not None:
            yield from _address(link_address(plant, link, end), interface.index, _BITS_FOR_TWO)


def _address(address: str, if_index: int, length: int) -> Objects:
    octets = dotted(address)
    index = (_IPV4, len(octets), *octets)
    network = (*octets[:-1], octets[-1] & (0xFF << (_BITS - length) & 0xFF))
    yield (*_IP_ADDRESS, 3, *index), integer(if_index)
    yield (*_IP_ADDRESS, 4, *index), integer(_UNICAST)
    yield (*_IP_ADDRESS, 5, *index), oid((*_IP_PREFIX, if_index, _IPV4, len(network), *network, length))


def _lldp(plant: Plant, device: Device) -> Objects:
    yield (*_LLDP, 3, 1, 0), integer(_MAC)
    yield (*_LLDP, 3, 2, 0), text(_chassis_mac(plant, device))
    yield (*_LLDP, 3, 3, 0), text(_system_name(device))
    for interface in device.interfaces:
        subtype, name = _port_id(device, interface)
        yield (*_LLDP, 3, 7, 1, 2, interface.index), integer(subtype)
        yield (*_LLDP, 3, 7, 1, 3, interface.index), text(name)
        yield (*_LLDP, 3, 7, 1, 4, interface.index), text(interface.name)
    for interface in device.interfaces:
        far = plant.far_end.get(f"{device.name}/{interface.name}")
        if far is not None:
            yield from _remote(plant, interface.index, plant.device(far), plant.interfaces[far])


def _remote(plant: Plant, port: int, far: Device, interface: Interface) -> Objects:
    """A row of lldpRemTable, and the far end's management address in lldpRemManAddrTable."""
    index = (_SOME_TIME, port, 1)
    subtype, name = _port_id(far, interface)
    columns: dict[int, Encoded] = {
        4: integer(_MAC),
        5: text(_chassis_mac(plant, far)),
        6: integer(subtype),
        7: text(name),
        8: text(interface.name),
        9: text(_system_name(far)),
        10: text(f"Lab router, {far.role or 'unknown'} role"),
    }
    for column, value in columns.items():
        yield (*_LLDP, 4, 1, 1, column, *index), value
    if far.address:
        octets = dotted(far.address)
        yield (*_LLDP, 4, 2, 1, 3, *index, _IPV4, len(octets), *octets), integer(2)


def _chassis_mac(plant: Plant, device: Device) -> bytes:
    return bytes((0x02, 0x00, 0x5E, place_of(plant, device), 0, 0))


def _system_name(device: Device) -> str:
    return f"{device.name}.{DOMAIN}" if device.vendor == CLASSIC else device.name


def _port_id(device: Device, interface: Interface) -> tuple[int, str]:
    return (_LOCAL, str(interface.index)) if device.vendor == CLASSIC else (_INTERFACE_NAME, interface.name)
