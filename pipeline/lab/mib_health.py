"""How a device of the lab is: processor, memory and disk (RFC 2790), temperature and light (RFC 3433)."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from pipeline.core.inventory import Device
from pipeline.core.raw import ValueType
from pipeline.lab.network import Network
from pipeline.lab.snmp import Encoded, Oid, integer, oid, text
from pipeline.lab.traffic import DAY_S, NANOSECONDS

if TYPE_CHECKING:
    from pipeline.lab.mib import Moment, Reader

_PROCESSOR_LOAD: Oid = (1, 3, 6, 1, 2, 1, 25, 3, 3, 1, 2)
_STORAGE_ENTRY: Oid = (1, 3, 6, 1, 2, 1, 25, 2, 3, 1)
_STORAGE_TYPES: Oid = (1, 3, 6, 1, 2, 1, 25, 2, 1)
_PHYSICAL_NAME: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 7)
_SENSOR_ENTRY: Oid = (1, 3, 6, 1, 2, 1, 99, 1, 1, 1)
_RAM, _FIXED_DISK = 2, 4
_WATTS, _CELSIUS = 6, 8
_MILLI, _UNITS = 8, 9
_OK = 1
_INLET = 1
_RECEIVED, _SENT = 1000, 2000
_MEMORY_KIB, _DISK_KIB = 4_194_304, 16_777_216
RECEIVED_DBM, SENT_DBM = -4.0, -1.0
"""The light of a sound link: what a long-reach optic of 10 Gbit/s sends, and what a few kilometres leave of it."""


def health(network: Network, device: Device) -> "dict[Oid, Reader]":
    """The objects of a device's health, by name."""
    name = device.name
    readers: dict[Oid, Reader] = {(*_PROCESSOR_LOAD, 1): lambda moment: integer(round(busy_percent(moment, name)))}
    readers |= _storage(1, _RAM, "Physical memory", _MEMORY_KIB, lambda moment: 0.35 + busy_percent(moment, name) / 400)
    readers |= _storage(2, _FIXED_DISK, "/", _DISK_KIB, lambda _: 0.42)
    readers |= dict(_sensor(_INLET, "Inlet temperature", _CELSIUS, _UNITS, 1, "celsius", lambda moment: round(10 * celsius(moment, name))))
    for port in device.interfaces:
        link = f"{name}/{port.name}"
        if link in network.plant.link_of:
            readers |= dict(_light(_RECEIVED + port.index, f"{port.name} receive power", partial(_received, link)))
            readers |= dict(_light(_SENT + port.index, f"{port.name} transmit power", partial(_sent, link)))
    return readers


def busy_percent(moment: "Moment", device: str) -> float:
    """How busy the processor is: a day's curve with a ripple, or what it was burdened with."""
    given = moment.state.burdens.get(device)
    everyday = 18 + 8 * _day(moment) + _ripple(moment, device, 3)
    return min(100.0, max(1.0, everyday if given is None else given + _ripple(moment, device, 1)))


def celsius(moment: "Moment", device: str) -> float:
    """The temperature of the air that goes in."""
    return 27 + 3 * _day(moment) + _ripple(moment, f"{device}/inlet", 0.4) + moment.state.heat.get(device, 0.0)


def _received(interface: str, moment: "Moment") -> float | None:
    """The light that a port receives, in dBm; ``None`` in the dark."""
    if interface in moment.state.condition.dark:
        return None
    return RECEIVED_DBM + _ripple(moment, interface, 0.05) - moment.state.dims.get(interface, 0.0)


def _sent(interface: str, moment: "Moment") -> float:
    return SENT_DBM + _ripple(moment, f"{interface}/sent", 0.05)


def _day(moment: "Moment") -> float:
    return math.sin(math.tau * moment.at / NANOSECONDS / DAY_S + math.pi)


def _ripple(moment: "Moment", of: str, size: float) -> float:
    """Something that looks random between -size and size, and is the same for all who ask within ten seconds."""
    digest = blake2b(f"{of}/{moment.at // (10 * NANOSECONDS)}".encode(), digest_size=4).digest()
    return size * (int.from_bytes(digest) / 2**31 - 1)


def _storage(index: int, kind: int, name: str, kib: int, share: "Callable[[Moment], float]") -> "dict[Oid, Reader]":
    """A row of hrStorageTable in units of 1 KiB."""
    constants: dict[int, Encoded] = {1: integer(index), 2: oid((*_STORAGE_TYPES, kind)), 3: text(name), 4: integer(1024), 5: integer(kib)}
    readers: dict[Oid, Reader] = {(*_STORAGE_ENTRY, column, index): _always(value) for column, value in constants.items()}
    readers[*_STORAGE_ENTRY, 6, index] = lambda moment: integer(round(kib * share(moment)))
    return readers


def _light(index: int, name: str, dbm: "Callable[[Moment], float | None]") -> "Iterator[tuple[Oid, Reader]]":
    """A sensor of light in ten-thousandths of a milliwatt, as most agents have it; no light is 0."""

    def read(moment: "Moment") -> int:
        level = dbm(moment)
        return 0 if level is None else round(10 ** (level / 10 + 4))

    return _sensor(index, name, _WATTS, _MILLI, 4, "Watts", read)


def _sensor(
    index: int, name: str, kind: int, scale: int, precision: int, units: str, read: "Callable[[Moment], int]"
) -> "Iterator[tuple[Oid, Reader]]":
    constants = {1: integer(kind), 2: integer(scale), 3: integer(precision), 5: integer(_OK), 6: text(units)}
    yield (*_PHYSICAL_NAME, index), _always(text(name))
    for column, value in constants.items():
        yield (*_SENSOR_ENTRY, column, index), _always(value)
    yield (*_SENSOR_ENTRY, 4, index), lambda moment: integer(read(moment), ValueType.INTEGER)


def _always(value: Encoded) -> "Reader":
    return lambda _: value
