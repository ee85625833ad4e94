"""The physical parts of a device and its sensors, from what it answered (RFC 6933, RFC 3433)."""

from collections.abc import Iterable

from pipeline.core.discovery import Component, Sensor
from pipeline.core.discovery_fact import Facts, arcs_of

_CLASSES = {
    3: "chassis",
    4: "backplane",
    5: "container",
    6: "power-supply",
    7: "fan",
    8: "sensor",
    9: "module",
    10: "port",
    11: "stack",
    12: "cpu",
}


def components_of(facts: Facts) -> tuple[Component, ...]:
    """Every row of entPhysicalTable, in order of index."""
    carried = _carried(facts)
    indexes = sorted(int(index) for index in facts.column("entPhysicalClass") if index.isdecimal())
    return tuple(
        Component(
            index=index,
            kind=_CLASSES.get(facts.number("entPhysicalClass", key) or 0, "other"),
            name=facts.text("entPhysicalName", key) or facts.text("entPhysicalDescr", key) or f"component {index}",
            description=facts.text("entPhysicalDescr", key),
            parent=facts.number("entPhysicalContainedIn", key) or 0,
            vendor=facts.text("entPhysicalMfgName", key),
            model=facts.text("entPhysicalModelName", key),
            serial=facts.text("entPhysicalSerialNum", key),
            hardware=facts.text("entPhysicalHardwareRev", key),
            software=facts.text("entPhysicalSoftwareRev", key),
            if_index=carried.get(index),
        )
        for index in indexes
        for key in (str(index),)
    )


_IF_INDEX = "1.3.6.1.2.1.2.2.1.1."


def _carried(facts: Facts) -> dict[int, int]:
    """Physical port -> ifIndex (RFC 6933 entAliasMappingTable)."""
    found: dict[int, int] = {}
    for index, row in facts.column("entAliasMappingIdentifier").items():
        arcs, pointer = arcs_of(index), str(row).lstrip(".")
        last = pointer.removeprefix(_IF_INDEX)
        if arcs and pointer.startswith(_IF_INDEX) and last.isdecimal():
            found.setdefault(arcs[0], int(last))
    return found


_UNITS = {3: "V", 4: "V", 5: "A", 6: "W", 7: "Hz", 8: "celsius", 9: "percent", 10: "rpm", 11: "m3/min", 12: "boolean", 14: "dBm"}
_SCALE_OF_UNITS = 9
_SCALES, _PRECISIONS = range(1, 18), range(-8, 10)
_WORKS = 1


def sensors_of(facts: Facts, components: Iterable[Component]) -> tuple[Sensor, ...]:
    """Every row of entPhySensorTable, called as the component with its index."""
    names = {part.index: part.name for part in components}
    found = []
    for index in sorted(int(index) for index in facts.column("entPhySensorType") if index.isdecimal()):
        unit = _UNITS.get(facts.number("entPhySensorType", str(index)) or 0, "")
        found.append(Sensor(index, names.get(index, f"sensor {index}"), unit, _measured(facts, str(index))))
    return tuple(found)


def _measured(facts: Facts, index: str) -> float | None:
    """A value scaled as RFC 3433 says: scale by powers of a thousand around ``units(9)``, precision by decimal places."""
    raw, scale, precision = (facts.number(f"entPhySensor{name}", index) for name in ("Value", "Scale", "Precision"))
    works = facts.number("entPhySensorOperStatus", index) in {None, _WORKS}
    if raw is None or not works or (scale or _SCALE_OF_UNITS) not in _SCALES or (precision or 0) not in _PRECISIONS:
        return None
    return float(raw) * 10.0 ** (3 * ((scale or _SCALE_OF_UNITS) - _SCALE_OF_UNITS) - (precision or 0))
