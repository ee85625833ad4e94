"""What discovery finds: devices with their parts and neighbours, each fact with where it comes from and how sure it is.

A confidence is between 0 and 1: 1 is what a device says of itself, or what both ends of a link say of each other.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.core.discovery_object import Wire
from pipeline.core.inventory import AgentVersion


class FindingKind(StrEnum):
    """What can be odd about answers. None of these ends a discovery."""

    NO_ANSWER = "no-answer"
    ENDLESS_WALK = "endless-walk"
    OID_NOT_INCREASING = "oid-not-increasing"
    REFUSED = "refused"
    TIME_LIMIT = "time-limit"
    WRONG_TYPE = "wrong-type"
    WRONG_INDEX = "wrong-index"
    HALF_TABLE = "half-table"
    DUPLICATE_NAME = "duplicate-name"
    DUPLICATE_ADDRESS = "duplicate-address"
    SHARED_IDENTITY = "shared-identity"
    UNKNOWN_PORT = "unknown-port"
    AMBIGUOUS_NEIGHBOUR = "ambiguous-neighbour"
    SEVERAL_NEIGHBOURS = "several-neighbours"
    OWN_NEIGHBOUR = "own-neighbour"
    ENDS_DISAGREE = "ends-disagree"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd: ``subject`` is an address or a device's name, ``about`` the table, port or value, ``detail`` a sentence."""

    subject: str
    kind: FindingKind
    about: str
    detail: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What one address said: ``scalars`` by name, ``columns`` by name and index, as on the wire. ``community`` is by which it answered.

    ``user`` is the SNMPv3 user instead. A column that is missing was not read; an empty one says that there is no such row.
    """

    address: str
    port: int = 161
    community: str = "public"
    snmp_version: AgentVersion = AgentVersion.V2C
    user: str = ""
    scalars: dict[str, Wire] = field(default_factory=dict)
    columns: dict[str, dict[str, Wire]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class DiscoveredInterface:
    """A row of ifTable. ``type`` is IANAifType's number, ``mac`` is empty without one, ``speed_mbps`` 0 where it is not known.

    ``aggregate`` is the ifIndex of the link aggregation that it belongs to (as ``aggregate_source`` says), ``base`` that of the interface
    which it is a sub-interface of.
    """

    index: int
    name: str
    description: str = ""
    alias: str = ""
    type: int = 0
    speed_mbps: int = 0
    mac: str = ""
    is_enabled: bool = True
    is_up: bool = True
    aggregate: int | None = None
    aggregate_source: str = ""
    base: int | None = None
    source: str = "ifXTable"
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class DiscoveredAddress:
    """An IP address of a device; ``prefix_length`` is ``None`` where the agent does not tell it, ``if_index`` 0 for none."""

    address: str
    prefix_length: int | None
    if_index: int
    source: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Component:
    """A physical part (RFC 6933): ``parent`` is the index of what contains it, ``if_index`` the interface that it carries, if any."""

    index: int
    kind: str
    name: str
    description: str = ""
    parent: int = 0
    vendor: str = ""
    model: str = ""
    serial: str = ""
    hardware: str = ""
    software: str = ""
    if_index: int | None = None


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor (RFC 3433) of the component with the same index: ``value`` in ``unit``, ``None`` when it does not work."""

    index: int
    name: str
    unit: str
    value: float | None


@dataclass(frozen=True, slots=True)
class LldpPort:
    """A port as the device names it to its neighbours: subtype and id (IEEE 802.1AB table 8-3), and the interface that it is, if known."""

    number: int
    subtype: int
    id: str
    description: str
    if_index: int | None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What a device heard on one of its ports: who is at the other end, in that one's own words."""

    local_port: int
    if_index: int | None
    chassis_id: str
    port_subtype: int
    port_id: str
    port_description: str = ""
    system_name: str = ""
    addresses: tuple[str, ...] = ()
    source: str = "lldp"


@dataclass(frozen=True, slots=True)
class RoutingPeer:
    """A BGP peer or OSPF neighbour by its address; ``identity`` is its AS or router id."""

    protocol: str
    address: str
    identity: str = ""
    local_address: str = ""
    is_up: bool = False


@dataclass(frozen=True, slots=True)
class DiscoveredDevice:
    """A device. ``address`` is the one to ask it at, ``addresses`` are all at which it answered; ``name`` is unique in its discovery.

    ``tells_neighbours`` is true where it speaks LLDP and told all, so that a neighbour that it does not name is not there. ``unread`` are
    the tables that were not read to their end.
    """

    name: str
    address: str
    addresses: tuple[str, ...]
    port: int = 161
    community: str = "public"
    snmp_version: AgentVersion = AgentVersion.V2C
    user: str = ""
    system_name: str = ""
    description: str = ""
    object_id: str = ""
    location: str = ""
    contact: str = ""
    uptime_ticks: int | None = None
    engine_id: str = ""
    chassis_id: str = ""
    vendor: str = ""
    model: str = ""
    serial: str = ""
    software: str = ""
    interfaces: tuple[DiscoveredInterface, ...] = ()
    ip_addresses: tuple[DiscoveredAddress, ...] = ()
    components: tuple[Component, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    lldp_ports: tuple[LldpPort, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    peers: tuple[RoutingPeer, ...] = ()
    tells_neighbours: bool = False
    unread: tuple[str, ...] = ()
    source: str = "snmp"
    confidence: float = 1.0


End = tuple[str, int]
"""A device's name and an ifIndex of it."""


@dataclass(frozen=True, slots=True)
class DiscoveredLink:
    """A link between two interfaces. ``sources`` are what says so; ``members`` the links that it bundles, when both ends aggregate.

    ``is_chosen`` is false for one that a surer link has taken an end of: it is kept to be looked at, and goes into no inventory.
    """

    a: End
    b: End
    sources: tuple[str, ...]
    confidence: float
    members: tuple[tuple[End, End], ...] = ()
    is_chosen: bool = True

    @property
    def source(self) -> str:
        """What says so, in one word: ``lldp+ip-subnet``."""
        return "+".join(self.sources)


@dataclass(frozen=True, slots=True)
class Stranger:
    """A neighbour that did not answer, or was not asked: who names it, and where it might be asked."""

    seen_by: str
    if_index: int | None
    name: str
    chassis_id: str
    port_id: str
    addresses: tuple[str, ...] = ()
    source: str = "lldp"


@dataclass(frozen=True, slots=True)
class Discovery:
    """Everything that was found."""

    devices: tuple[DiscoveredDevice, ...] = ()
    links: tuple[DiscoveredLink, ...] = ()
    strangers: tuple[Stranger, ...] = ()
    findings: tuple[Finding, ...] = ()


IANA_LOOPBACK = 24
IANA_AGGREGATE = 161
IANA_VIRTUAL = frozenset({1, 24, 53, 131, 135, 136, 142, 150, 166})
"""IANAifType: other, softwareLoopback, propVirtual, tunnel, l2vlan, l3ipvlan, ipForward, mplsTunnel, mpls: no cable goes into these."""


def is_virtual(interface: DiscoveredInterface) -> bool:
    """Whether an interface is none that a cable can be plugged into, nor a bundle of such."""
    return interface.type in IANA_VIRTUAL or interface.base is not None
