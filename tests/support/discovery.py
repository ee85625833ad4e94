"""Answers of agents for tests of discovery: short to write, as agents give them. MACs are bytes, indexes what the standards say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.core.discovery import Answers, DiscoveredLink, Discovery, Finding, FindingKind
from pipeline.core.discovery_object import TABLES, Wire

ETHERNET, LOOPBACK, PROP_VIRTUAL, L2VLAN, AGGREGATE = 6, 24, 53, 135, 161
TABLE_OF = {name: table for table in TABLES for name in table.columns}


@dataclass
class Box:
    """A device in the making: ports by name, numbered from 1; ``place`` makes its MACs (02:00:00:place:index) and its address."""

    name: str
    place: int = 1
    ports: tuple[str, ...] = ("ge1", "ge2", "ge3", "ge4")
    types: dict[str, int] = field(default_factory=dict)
    scalars: dict[str, Wire] = field(default_factory=dict)
    columns: dict[str, dict[str, Wire]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def address(self) -> str:
        return f"192.0.2.{self.place}"

    def index(self, port: str) -> int:
        return self.ports.index(port) + 1

    def mac(self, port: str = "") -> bytes:
        return bytes((2, 0, 0, self.place)) + (self.index(port) if port else 0).to_bytes(2)

    def set(self, column: str, index: str | int, value: Wire) -> "Box":
        self.columns.setdefault(column, {})[str(index)] = value
        return self

    def speaks_lldp(self) -> "Box":
        """Chassis id and ports by interface name."""
        self.scalars |= {"lldpLocChassisIdSubtype": 4, "lldpLocChassisId": self.mac(), "lldpLocSysName": self.name.encode()}
        for port in self.ports:
            key = self.index(port)
            self.set("lldpLocPortIdSubtype", key, 5).set("lldpLocPortId", key, port.encode()).set("lldpLocPortDesc", key, b"")
        return self

    def hears(self, port: str, far: "Box", far_port: str, number: int = 1, **fields: Wire) -> "Box":
        """A row of lldpRemTable, by interface name unless ``fields`` say otherwise (as ``PortId``, ``SysName``)."""
        row: dict[str, Wire] = {
            "ChassisIdSubtype": 4,
            "ChassisId": far.mac(),
            "PortIdSubtype": 5,
            "PortId": far_port.encode(),
            "PortDesc": b"",
            "SysName": far.name.encode(),
        }
        for name, value in (row | fields).items():
            self.set(f"lldpRem{name}", f"17.{self.index(port)}.{number}", value)
        return self

    def has_address(self, port: str, address: str, length: int) -> "Box":
        index = f"1.4.{address}"
        self.set("ipAddressIfIndex", index, self.index(port)).set("ipAddressType", index, 1)
        return self.set("ipAddressPrefix", index, f"1.3.6.1.2.1.4.32.1.5.{self.index(port)}.1.4.{address}.{length}")

    def bundles(self, aggregate: str, *members: str) -> "Box":
        self.types[aggregate] = AGGREGATE
        for member in members:
            self.set("dot3adAggPortAttachedAggID", self.index(member), self.index(aggregate))
        return self

    def stands_on(self, higher: str, lower: str) -> "Box":
        return self.set("ifStackStatus", f"{self.index(higher)}.{self.index(lower)}", 1)

    def answers(self, address: str = "") -> Answers:
        """All of it; tables that were not set are read and empty."""
        columns: dict[str, dict[str, Wire]] = {next(iter(table.columns)): {} for table in TABLES}
        for port in self.ports:
            key = str(self.index(port))
            values: Mapping[str, Wire] = {
                "ifDescr": port.encode(),
                "ifType": self.types.get(port, ETHERNET),
                "ifSpeed": 1_000_000_000,
                "ifPhysAddress": self.mac(port),
                "ifAdminStatus": 1,
                "ifOperStatus": 1,
                "ifName": port.encode(),
                "ifHighSpeed": 1000,
                "ifAlias": b"",
            }
            for name, value in values.items():
                columns.setdefault(name, {})[key] = value
        for name, rows in self.columns.items():
            columns[name] = columns.get(name, {}) | rows
        scalars: dict[str, Wire] = {"sysName": self.name.encode(), "sysDescr": b"Box", "sysObjectID": "1.3.6.1.4.1.9.1.1", "sysUpTime": 1}
        return Answers(address or self.address, scalars=scalars | self.scalars, columns=columns, findings=self.findings)


def cabled(a: Box, a_port: str, b: Box, b_port: str) -> None:
    """Both ends hear each other."""
    a.speaks_lldp().hears(a_port, b, b_port)
    b.speaks_lldp().hears(b_port, a, a_port)


def seen(discovery: Discovery, links: Sequence[DiscoveredLink] | None = None) -> dict[str, tuple[str, float]]:
    """``a/ge1 b/ge2`` -> (source, confidence) of the links; those that were chosen unless others are given."""
    names = {(device.name, row.index): f"{device.name}/{row.name}" for device in discovery.devices for row in device.interfaces}
    chosen = [link for link in discovery.links if link.is_chosen] if links is None else links
    return {f"{names[link.a]} {names[link.b]}": (link.source, link.confidence) for link in chosen}


def kinds(discovery: Discovery) -> list[FindingKind]:
    """What was odd, in order."""
    return [finding.kind for finding in discovery.findings]
