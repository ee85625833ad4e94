"""What discovery asks a device for: the objects of standard MIBs, by name, each with the type that the standard gives it."""

from dataclasses import dataclass
from enum import StrEnum

Wire = int | float | str | bytes | None
"""A value as the SNMP library gives it: numbers, OCTET STRINGs as bytes, object identifiers and IP addresses as dotted text."""


class Kind(StrEnum):
    """The type of an object, as far as discovery tells types apart (RFC 2578 section 7.1)."""

    NUMBER = "number"
    OCTETS = "octets"
    OID = "object-identifier"
    ADDRESS = "ip-address"


def fits(kind: Kind, value: Wire) -> bool:
    """Whether a value is of the type that its object has (true and false are no numbers, though Python counts them as such)."""
    if kind is Kind.NUMBER:
        return type(value) is int
    return isinstance(value, bytes if kind is Kind.OCTETS else str)


@dataclass(frozen=True, slots=True)
class AskedObject:
    """An object: its OID without the instance."""

    oid: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class AskedTable:
    """Columns that are read one after the other; where the first has no row, the rest is not asked for."""

    name: str
    columns: dict[str, AskedObject]


def _columns(entry: str, **numbers: tuple[int, Kind]) -> dict[str, AskedObject]:
    return {name: AskedObject(f"{entry}.{number}", kind) for name, (number, kind) in numbers.items()}


_N, _T, _O, _A = Kind.NUMBER, Kind.OCTETS, Kind.OID, Kind.ADDRESS

SYSTEM: dict[str, AskedObject] = {
    "sysDescr": AskedObject("1.3.6.1.2.1.1.1", _T),
    "sysObjectID": AskedObject("1.3.6.1.2.1.1.2", _O),
    "sysUpTime": AskedObject("1.3.6.1.2.1.1.3", _N),
    "sysContact": AskedObject("1.3.6.1.2.1.1.4", _T),
    "sysName": AskedObject("1.3.6.1.2.1.1.5", _T),
    "sysLocation": AskedObject("1.3.6.1.2.1.1.6", _T),
}
"""The system group (RFC 3418): the first question, which tells who answers at all."""

IDENTITY: dict[str, AskedObject] = {
    "snmpEngineID": AskedObject("1.3.6.1.6.3.10.2.1.1", _T),
    "lldpLocChassisIdSubtype": AskedObject("1.0.8802.1.1.2.1.3.1", _N),
    "lldpLocChassisId": AskedObject("1.0.8802.1.1.2.1.3.2", _T),
    "lldpLocSysName": AskedObject("1.0.8802.1.1.2.1.3.3", _T),
    "bgpLocalAs": AskedObject("1.3.6.1.2.1.15.2", _N),
    "bgpIdentifier": AskedObject("1.3.6.1.2.1.15.4", _A),
    "ospfRouterId": AskedObject("1.3.6.1.2.1.14.1.1", _A),
}
"""Further scalars (RFC 3411, IEEE 802.1AB, RFC 4273, RFC 4750)."""

TABLES: tuple[AskedTable, ...] = (
    AskedTable(
        "ifTable",  # RFC 2863
        _columns(
            "1.3.6.1.2.1.2.2.1",
            ifDescr=(2, _T),
            ifType=(3, _N),
            ifSpeed=(5, _N),
            ifPhysAddress=(6, _T),
            ifAdminStatus=(7, _N),
            ifOperStatus=(8, _N),
        ),
    ),
    AskedTable("ifXTable", _columns("1.3.6.1.2.1.31.1.1.1", ifName=(1, _T), ifHighSpeed=(15, _N), ifAlias=(18, _T))),
    AskedTable("ifStackTable", _columns("1.3.6.1.2.1.31.1.2.1", ifStackStatus=(3, _N))),
    AskedTable(
        "dot3adAggPortTable",  # IEEE 802.3ad
        _columns("1.2.840.10006.300.43.1.2.1.1", dot3adAggPortAttachedAggID=(13, _N), dot3adAggPortSelectedAggID=(12, _N)),
    ),
    AskedTable(
        "lldpLocPortTable",  # IEEE 802.1AB
        _columns("1.0.8802.1.1.2.1.3.7.1", lldpLocPortIdSubtype=(2, _N), lldpLocPortId=(3, _T), lldpLocPortDesc=(4, _T)),
    ),
    AskedTable(
        "lldpRemTable",
        _columns(
            "1.0.8802.1.1.2.1.4.1.1",
            lldpRemChassisIdSubtype=(4, _N),
            lldpRemChassisId=(5, _T),
            lldpRemPortIdSubtype=(6, _N),
            lldpRemPortId=(7, _T),
            lldpRemPortDesc=(8, _T),
            lldpRemSysName=(9, _T),
        ),
    ),
    AskedTable("lldpRemManAddrTable", _columns("1.0.8802.1.1.2.1.4.2.1", lldpRemManAddrIfSubtype=(3, _N))),
    AskedTable(
        "ipAddressTable",  # RFC 4293
        _columns("1.3.6.1.2.1.4.34.1", ipAddressIfIndex=(3, _N), ipAddressType=(4, _N), ipAddressPrefix=(5, _O)),
    ),
    AskedTable(
        "ipAddrTable",  # its forerunner, all that older agents have
        _columns("1.3.6.1.2.1.4.20.1", ipAdEntIfIndex=(2, _N), ipAdEntNetMask=(3, _A)),
    ),
    AskedTable(
        "entPhysicalTable",  # RFC 6933
        _columns(
            "1.3.6.1.2.1.47.1.1.1.1",
            entPhysicalClass=(5, _N),
            entPhysicalDescr=(2, _T),
            entPhysicalContainedIn=(4, _N),
            entPhysicalName=(7, _T),
            entPhysicalHardwareRev=(8, _T),
            entPhysicalSoftwareRev=(10, _T),
            entPhysicalSerialNum=(11, _T),
            entPhysicalMfgName=(12, _T),
            entPhysicalModelName=(13, _T),
        ),
    ),
    AskedTable("entAliasMappingTable", _columns("1.3.6.1.2.1.47.1.3.2.1", entAliasMappingIdentifier=(2, _O))),
    AskedTable(
        "entPhySensorTable",  # RFC 3433
        _columns(
            "1.3.6.1.2.1.99.1.1.1",
            entPhySensorType=(1, _N),
            entPhySensorScale=(2, _N),
            entPhySensorPrecision=(3, _N),
            entPhySensorValue=(4, _N),
            entPhySensorOperStatus=(5, _N),
        ),
    ),
    AskedTable(
        "bgpPeerTable",  # RFC 4273
        _columns("1.3.6.1.2.1.15.3.1", bgpPeerState=(2, _N), bgpPeerLocalAddr=(5, _A), bgpPeerRemoteAs=(9, _N)),
    ),
    AskedTable(
        "ospfNbrTable",  # RFC 4750
        _columns("1.3.6.1.2.1.14.10.1", ospfNbrRtrId=(3, _A), ospfNbrState=(6, _N)),
    ),
)
"""In the order in which they are asked for: what a time limit cuts off is what matters least."""

OBJECTS: dict[str, AskedObject] = {
    **SYSTEM,
    **IDENTITY,
    **{name: column for table in TABLES for name, column in table.columns.items()},
}
"""Every object by its name."""
