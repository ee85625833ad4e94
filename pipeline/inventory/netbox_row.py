"""What is read of NetBox's answers (REST API of 4.x): the attributes that are used, and nothing else."""

from typing import Any

from msgspec import Struct, field


class Ref(Struct):
    """Another object, in brief: which names it has depends on what it is."""

    id: int = 0
    name: str | None = None
    slug: str = ""
    display: str = ""


class Choice(Struct):
    """A value of a list of NetBox's."""

    value: str = ""


class Row(Struct):
    """What every object has."""

    id: int
    status: Choice | None = None
    tags: list[Ref] = field(default_factory=list)
    custom_fields: dict[str, Any] = field(default_factory=dict)
    description: str = ""


class Site(Row):
    """dcim.site."""

    name: str = ""
    slug: str = ""
    region: Ref | None = None
    group: Ref | None = None
    tenant: Ref | None = None
    latitude: float | None = None
    longitude: float | None = None


class DeviceType(Struct):
    """dcim.devicetype, in brief."""

    manufacturer: Ref | None = None
    model: str = ""


class Address(Struct):
    """ipam.ipaddress, in brief: ``192.0.2.7/32``."""

    address: str = ""


class Device(Row):
    """dcim.device."""

    name: str | None = None
    role: Ref | None = None
    site: Ref | None = None
    location: Ref | None = None
    tenant: Ref | None = None
    platform: Ref | None = None
    device_type: DeviceType | None = None
    primary_ip: Address | None = None
    oob_ip: Address | None = None


class Module(Struct):
    """dcim.module, in brief; ``module_bay`` is the slot."""

    id: int = 0
    display: str = ""
    module_bay: Ref | None = None


class Endpoint(Struct):
    """The far end of a cable path, in brief."""

    id: int = 0
    name: str | None = None
    device: Ref | None = None


class Interface(Row):
    """dcim.interface; ``speed`` in kbit/s."""

    name: str = ""
    device: Ref | None = None
    module: Module | None = None
    type: Choice | None = None
    enabled: bool = True
    lag: Ref | None = None
    speed: int | None = None
    mgmt_only: bool = False
    connected_endpoints: list[Endpoint] | None = None
    connected_endpoints_type: str | None = None
    connected_endpoints_reachable: bool | None = None


class Termination(Struct):
    """One end of a cable."""

    object_type: str
    object_id: int


class Cable(Row):
    """dcim.cable."""

    label: str = ""
    type: str | None = None
    a_terminations: list[Termination] = field(default_factory=list)
    b_terminations: list[Termination] = field(default_factory=list)


class Mapped(Struct):
    """Which position of a rear port a front port's position is (NetBox 4.5 and later)."""

    rear_port: int
    position: int = 1
    rear_port_position: int = 1


class FrontPort(Row):
    """dcim.frontport: until NetBox 4.4 it has one rear port, since 4.5 a list."""

    name: str = ""
    rear_port: Ref | None = None
    rear_port_position: int | None = None
    rear_ports: list[Mapped] | None = None

    @property
    def behind(self) -> tuple[int, int] | None:
        """The rear port and the position in it."""
        if self.rear_ports:
            return self.rear_ports[0].rear_port, self.rear_ports[0].rear_port_position
        return (self.rear_port.id, self.rear_port_position or 1) if self.rear_port else None


class RearPort(Row):
    """dcim.rearport."""

    name: str = ""
    positions: int = 1


class CircuitRef(Struct):
    """circuits.circuit, in brief."""

    id: int = 0
    cid: str = ""


class Circuit(Row):
    """circuits.circuit; ``cid`` is what the provider calls it."""

    cid: str = ""
    provider: Ref | None = None
    type: Ref | None = None


class CircuitEnd(Row):
    """circuits.circuittermination; ``term_side`` is A or Z."""

    circuit: CircuitRef | None = None
    term_side: str = ""


class VirtualCircuit(Row):
    """circuits.virtualcircuit (NetBox 4.2 and later)."""

    cid: str = ""
    provider_network: Ref | None = None


class VirtualEnd(Row):
    """circuits.virtualcircuittermination."""

    virtual_circuit: CircuitRef | None = None
    interface: Endpoint | None = None


class Panel(Row):
    """dcim.powerpanel."""

    name: str = ""
    site: Ref | None = None


class Feed(Row):
    """dcim.powerfeed."""

    name: str = ""
    power_panel: Ref | None = None


class PowerPort(Row):
    """dcim.powerport: an inlet, of a device or of the strip that feeds others."""

    name: str = ""
    device: Ref | None = None
    connected_endpoints: list[Endpoint] | None = None
    connected_endpoints_type: str | None = None


class Outlet(Row):
    """dcim.poweroutlet: of a strip, fed by one of its inlets."""

    name: str = ""
    device: Ref | None = None
    power_port: Ref | None = None


class NetBox(Struct):
    """Everything that was read of one NetBox, each collection in order of id."""

    sites: list[Site] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)
    cables: list[Cable] = field(default_factory=list)
    front_ports: list[FrontPort] = field(default_factory=list)
    rear_ports: list[RearPort] = field(default_factory=list)
    circuits: list[Circuit] = field(default_factory=list)
    circuit_terminations: list[CircuitEnd] = field(default_factory=list)
    virtual_circuits: list[VirtualCircuit] = field(default_factory=list)
    virtual_circuit_terminations: list[VirtualEnd] = field(default_factory=list)
    power_panels: list[Panel] = field(default_factory=list)
    power_feeds: list[Feed] = field(default_factory=list)
    power_ports: list[PowerPort] = field(default_factory=list)
    power_outlets: list[Outlet] = field(default_factory=list)
