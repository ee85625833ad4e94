"""What the operator has and has sold: devices, links, services, customers, contracts. Declared facts, no state.

Source words: sites, devices, interfaces and links follow NetBox's and RFC 8345's cut; services, customers and agreements follow
TMF638, TMF629 and TMF651.
"""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Site:
    """A place with devices."""

    name: str
    region: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Interface:
    """A device's interface; ``name`` as in IF-MIB ifName, unique within its device; ``index`` is ifIndex."""

    name: str
    index: int
    speed_mbps: int
    description: str = ""


class AgentVersion(StrEnum):
    """Which SNMP a device's agent is asked by (RFC 1157, RFC 1901, RFC 3410)."""

    V1 = "v1"
    V2C = "v2c"
    V3 = "v3"


@dataclass(frozen=True, slots=True)
class Device:
    """A managed element. ``address`` is its management address, ``port`` its agent's UDP port.

    ``community`` is a secret: ``env:NAME``, ``file:PATH`` beside the inventory, or the community itself.

    ``uplinks`` names the interfaces through which the NOC reaches it; empty for a device reached out of band. With ``snmp_version`` v3,
    ``user`` is one of the settings' SNMPv3 users and ``community`` means nothing. ``source`` and ``confidence`` (0 to 1) are of one that
    was discovered.
    """

    name: str
    site: str
    address: str
    role: str = ""
    vendor: str = ""
    port: int = 161
    community: str = "public"
    domain: str = "default"
    interfaces: tuple[Interface, ...] = ()
    uplinks: tuple[str, ...] = ()
    snmp_version: AgentVersion = AgentVersion.V2C
    user: str = ""
    source: str = ""
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Fibre:
    """A fibre route; several links may share one (a shared-risk group), several fibres one duct."""

    name: str
    duct: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link between two interfaces, each ``device/interface``, over the fibres it needs.

    ``source`` (``lldp``, ``lldp+ip-subnet``) and ``confidence`` (0 to 1) are of one that was discovered.
    """

    name: str
    a: str
    b: str
    fibres: tuple[str, ...] = ()
    source: str = ""
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Lsp:
    """A label-switched path over links in order; ``head`` is the device that reports it."""

    name: str
    head: str
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A protected transport: up while at least ``needs`` of its LSPs are."""

    name: str
    lsps: tuple[str, ...]
    needs: int = 1


class Tier(StrEnum):
    """How much a customer matters; the first is told first."""

    GOLD = "gold"
    SILVER = "silver"
    BRONZE = "bronze"


@dataclass(frozen=True, slots=True)
class Service:
    """What a customer bought (TMF638). Down when any of ``needs`` is down; ``needs`` are resource ids (tunnels, interfaces, devices…)."""

    name: str
    customer: str
    contract: str
    kind: str
    needs: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """Who bought it (TMF629). ``timezone`` is an IANA name: the customer's month is cut there."""

    name: str
    display_name: str
    tier: Tier
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Contract:
    """An agreement (TMF651): which plan applies to which services, what they cost.

    ``charges`` maps a service to its monthly recurring charge in minor units of ``currency`` (cents). Times are UTC nanoseconds, 0 is open.
    """

    name: str
    customer: str
    plan: str
    currency: str
    charges: dict[str, int]
    valid_from: int = 0
    valid_until: int = 0


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """Planned work on resources (ids), from ``starts_at`` to ``ends_at``, announced at ``noticed_at`` (all UTC nanoseconds)."""

    name: str
    resources: tuple[str, ...]
    starts_at: int
    ends_at: int
    noticed_at: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """One consistent set of declarations; ``version`` is a hash of its content."""

    version: str
    sites: dict[str, Site] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    fibres: dict[str, Fibre] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    lsps: dict[str, Lsp] = field(default_factory=dict)
    tunnels: dict[str, Tunnel] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)
    windows: tuple[MaintenanceWindow, ...] = ()
