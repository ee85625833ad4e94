"""What the operator has and has sold: devices, links, services, customers, contracts. Declared facts, no state.

Source words: sites, devices, interfaces and links follow NetBox's and RFC 8345's cut; services, customers and agreements follow
TMF638, TMF629 and TMF651.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

Moment = Annotated[int, "moment"]
"""UTC nanoseconds; files write it as RFC 3339. 0 is open: since ever, or until further notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What each declaration of the network says of itself: while when it holds, where it is from, and how sure that is (0 to 1).

    ``source`` is empty for what a person wrote, else what told it (``lldp``, ``lldp+ip-subnet``, ``netbox``).
    """

    valid_from: Moment = 0
    valid_until: Moment = 0
    source: str = ""
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Site(Entry):
    """A place with devices."""

    name: str
    region: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Interface:
    """A device's interface; ``name`` as in IF-MIB ifName, unique within its device; ``index`` is ifIndex, 0 if not known.

    ``card`` is the line card that its port is on, if it is on one. Validity, source and confidence are those of the device.
    """

    name: str
    index: int
    speed_mbps: int
    description: str = ""
    card: str = ""


class AgentVersion(StrEnum):
    """Which SNMP a device's agent is asked by (RFC 1157, RFC 1901, RFC 3410)."""

    V1 = "v1"
    V2C = "v2c"
    V3 = "v3"


@dataclass(frozen=True, slots=True)
class Device(Entry):
    """A managed element. ``address`` is its management address, ``port`` its agent's UDP port.

    ``community`` is a secret: ``env:NAME``, ``file:PATH`` beside the inventory, or the community itself.

    ``uplinks`` names the interfaces through which the NOC reaches it; empty for a device reached out of band. With ``snmp_version`` v3,
    ``user`` is one of the settings' SNMPv3 users and ``community`` means nothing.

    ``power`` names the feeds that it hangs on; ``power_needs`` of them must be up, else it is down.
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
    power: tuple[str, ...] = ()
    power_needs: int = 1


@dataclass(frozen=True, slots=True)
class Power(Entry):
    """A power feed: a rectifier, a string of batteries, a breaker. With a ``site`` it is lost when the site is."""

    name: str
    site: str = ""


@dataclass(frozen=True, slots=True)
class Duct(Entry):
    """A duct with fibres in it. ``site`` says where it begins, for people: a duct is not cut when a site fails."""

    name: str
    site: str = ""


@dataclass(frozen=True, slots=True)
class Fibre(Entry):
    """A fibre route; several links may share one (a shared-risk group), several fibres one duct.

    It lies in ``duct``, or through several ``ducts`` one after the other: any of them cut cuts it.
    """

    name: str
    duct: str = ""
    ducts: tuple[str, ...] = ()

    @property
    def route(self) -> tuple[str, ...]:
        """Every duct that it lies in, once."""
        return tuple(dict.fromkeys((self.duct, *self.ducts) if self.duct else self.ducts))


@dataclass(frozen=True, slots=True)
class Link(Entry):
    """A link between two interfaces, each ``device/interface``, over the fibres it needs."""

    name: str
    a: str
    b: str
    fibres: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lag(Entry):
    """A link aggregation (IEEE 802.1AX): the interface ``name`` is up while at least ``needs`` of its ``members`` are.

    All are interfaces of one device, written ``device/interface``.
    """

    name: str
    members: tuple[str, ...]
    needs: int = 1


@dataclass(frozen=True, slots=True)
class Lsp(Entry):
    """A label-switched path over links in order; ``head`` is the device that reports it."""

    name: str
    head: str
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tunnel(Entry):
    """A protected transport: up while at least ``needs`` of its LSPs are."""

    name: str
    lsps: tuple[str, ...]
    needs: int = 1


@dataclass(frozen=True, slots=True)
class Circuit(Entry):
    """A circuit, own or leased: down when any of ``needs`` is, or with ``keep`` when fewer than so many are up.

    ``needs`` are resource ids. A leased one may need nothing that is known here; ``provider`` and ``id_at_provider`` say whom to call.
    """

    name: str
    needs: tuple[str, ...] = ()
    keep: int = 0
    provider: str = ""
    id_at_provider: str = ""


@dataclass(frozen=True, slots=True)
class Dependency(Entry):
    """That a ``resource`` needs others as well, for what no other section can say: all of them, or with ``keep`` so many. Resource ids."""

    name: str
    resource: str
    needs: tuple[str, ...]
    keep: int = 0


class Tier(StrEnum):
    """How much a customer matters; the first is told first."""

    GOLD = "gold"
    SILVER = "silver"
    BRONZE = "bronze"


@dataclass(frozen=True, slots=True)
class Service(Entry):
    """What a customer bought (TMF638). Down when any of ``needs`` is down; ``needs`` are resource ids (tunnels, interfaces, devices…).

    With ``keep`` it is down only when fewer than so many of them are up. ``weights`` say what share of the service hangs on which need
    (sites of a VPN by their traffic, say); a need without one weighs 1.
    """

    name: str
    customer: str
    contract: str
    kind: str
    needs: tuple[str, ...]
    description: str = ""
    keep: int = 0
    weights: dict[str, float] = field(default_factory=dict)


class Channel(StrEnum):
    """How a customer is told: by e-mail, or by the operator's own messaging (TMF681), which knows what a receiver prefers."""

    EMAIL = "email"
    TMF681 = "tmf681"


@dataclass(frozen=True, slots=True)
class Contact:
    """One receiver of a customer's messages (TMF629 ``contactMedium``): an e-mail address, or a receiver's id in TMF681."""

    channel: Channel
    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """Who bought it (TMF629). ``timezone`` is an IANA name: the customer's month is cut there.

    ``contacts`` are told of what the customer feels, in ``language`` (one of ``rules/messages``); without any, nobody is.
    """

    name: str
    display_name: str
    tier: Tier
    timezone: str = "UTC"
    language: str = "en"
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True)
class ChargeChange:
    """What a service costs from a time on (UTC nanoseconds), in minor units of its contract's currency."""

    service: str
    valid_from: int
    charge_minor: int


@dataclass(frozen=True, slots=True)
class Contract:
    """An agreement (TMF651): which plan applies to which services, what they cost.

    ``charges`` maps a service to its monthly recurring charge in minor units of ``currency`` (cents), until the first of its
    ``charge_changes``; ``access_charges`` are those of access lines beside. Times are UTC nanoseconds, 0 is open.
    """

    name: str
    customer: str
    plan: str
    currency: str
    charges: dict[str, int]
    valid_from: int = 0
    valid_until: int = 0
    charge_changes: tuple[ChargeChange, ...] = ()
    access_charges: dict[str, int] = field(default_factory=dict)

    def charge_at(self, service: str, at: int) -> int:
        """A service's monthly charge at an instant, in minor units; 0 for one that it does not charge."""
        changes = [each for each in self.charge_changes if each.service == service and each.valid_from <= at]
        latest = max(changes, key=lambda each: each.valid_from, default=None)
        return self.charges.get(service, 0) if latest is None else latest.charge_minor


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
    power: dict[str, Power] = field(default_factory=dict)
    ducts: dict[str, Duct] = field(default_factory=dict)
    lags: dict[str, Lag] = field(default_factory=dict)
    circuits: dict[str, Circuit] = field(default_factory=dict)
    dependencies: dict[str, Dependency] = field(default_factory=dict)


NETWORK = ("sites", "power", "devices", "ducts", "fibres", "links", "lags", "lsps", "tunnels", "circuits", "dependencies", "services")
"""The sections of an inventory whose entries are :class:`Entry`: what topology is made of."""
