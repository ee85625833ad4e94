"""Whether declarations agree with each other: every name that is used is declared, and what is declared can be."""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

from pipeline.config.problem import Level, did_you_mean
from pipeline.core.directory import canonical, resources_of
from pipeline.core.inventory import (
    NETWORK,
    AgentVersion,
    Channel,
    Contract,
    Device,
    Entry,
    Inventory,
    Link,
    Lsp,
    MaintenanceWindow,
    Service,
    Tunnel,
)
from pipeline.core.resource import ResourceId, ResourceKind, resource_id
from pipeline.core.topology import Topology

_NAME = re.compile(r"[A-Za-z0-9][\w.:@+-]*")
_NAMING = "use letters, digits and . _ : @ + - without / or spaces"
_MAX_PORT = 65_535
_ADDRESS = re.compile(r"[^\s@<>,;:]+@[^\s@<>,;:]+\.[^\s@<>,;:]+")


@dataclass(frozen=True, slots=True)
class Finding:
    """A disagreement, at the key ``key`` of the entry ``name`` of ``section``."""

    section: str
    name: str
    key: str
    message: str
    remedy: str = ""
    level: Level = Level.ERROR
    is_missing: bool = False
    """Whether it is only that something else is not declared."""


def findings(inventory: Inventory) -> Iterator[Finding]:
    """Every disagreement of one inventory.

    What a person wrote and is not declared is a slip, an error; what another source gave is taken as it is, with a warning.
    """
    resources = resources_of(inventory)
    yield from _names(inventory)
    yield from _entries(inventory)
    yield from _power(inventory)
    yield from _devices(inventory)
    yield from _ducts(inventory)
    yield from _links(inventory)
    yield from _lags(inventory)
    for lsp in inventory.lsps.values():
        yield from _lsp(lsp, inventory)
    for tunnel in inventory.tunnels.values():
        yield from _tunnel(tunnel, inventory)
    for circuit in inventory.circuits.values():
        yield from _needs("circuits", circuit, circuit.needs, circuit.keep, resources)
    for dependency in inventory.dependencies.values():
        yield from _missing("dependencies", dependency, "resource", dependency.resource, resources, "resource")
        yield from _needs("dependencies", dependency, dependency.needs, dependency.keep, resources)
        if not dependency.needs:
            yield Finding("dependencies", dependency.name, "needs", "the dependency needs nothing", "name what it needs, or take it out")
    yield from _customers(inventory)
    for service in inventory.services.values():
        yield from _service(service, inventory, resources)
    yield from _cycles(inventory)
    for contract in inventory.contracts.values():
        yield from _contract(contract, inventory)
    for window in inventory.windows:
        yield from _window(window, resources)


class _Named(Protocol):
    """An entry of any section."""

    @property
    def name(self) -> str: ...


def _missing(section: str, entry: _Named, key: str, word: str, known: Iterable[str], what: str) -> Iterator[Finding]:
    declared = known if isinstance(known, (dict, frozenset, set)) else set(known)
    if word not in declared:
        message = f"'{word}' is not a declared {what}"
        remedy = did_you_mean(word, declared) or "declare it, or take it out"
        yield Finding(section, entry.name, key, message, remedy, _level(entry), is_missing=True)


def _level(entry: object) -> Level:
    return Level.WARNING if isinstance(entry, Entry) and entry.source else Level.ERROR


def _needs(section: str, entry: _Named, needs: tuple[str, ...], keep: int, resources: frozenset[ResourceId]) -> Iterator[Finding]:
    for need in needs:
        yield from _missing(section, entry, "needs", need, resources, "resource")
    if not 0 <= keep <= len(needs):
        yield Finding(section, entry.name, "keep", f"keeps {keep} of {len(needs)} needs", f"write 1 to {len(needs)}, or 0 for all of them")


def _names(inventory: Inventory) -> Iterator[Finding]:
    for section in (*NETWORK, "customers", "contracts"):
        for name in getattr(inventory, section):
            if section != "lags" and not _NAME.fullmatch(name):
                yield Finding(section, name, "name", f"'{name}' cannot be a name", _NAMING)


def _entries(inventory: Inventory) -> Iterator[Finding]:
    """What every entry of the network says of itself."""
    for section in NETWORK:
        for name, entry in getattr(inventory, section).items():
            if not 0 <= entry.confidence <= 1:
                yield Finding(section, name, "confidence", f"{entry.confidence:g} is no confidence", "write 0 to 1")
            if entry.valid_until and entry.valid_until <= entry.valid_from:
                yield Finding(section, name, "valid_until", "it ends before it begins", "mend one of the times")


def _power(inventory: Inventory) -> Iterator[Finding]:
    for feed in inventory.power.values():
        if feed.site:
            yield from _missing("power", feed, "site", feed.site, inventory.sites, "site")
    for device in inventory.devices.values():
        for name in device.power:
            yield from _missing("devices", device, "power", name, inventory.power, "power feed")
        most = len(device.power)
        if most and not 1 <= device.power_needs <= most:
            yield Finding("devices", device.name, "power_needs", f"needs {device.power_needs} of {most} feeds", f"write 1 to {most}")
        if not most and device.power_needs != 1:
            yield Finding("devices", device.name, "power_needs", f"needs {device.power_needs} of no feeds", "name them: power: [a, b]")


def _ducts(inventory: Inventory) -> Iterator[Finding]:
    """A fibre may name a duct that nobody declares, unless it looks like a slip."""
    for duct in inventory.ducts.values():
        if duct.site:
            yield from _missing("ducts", duct, "site", duct.site, inventory.sites, "site")
    for fibre in inventory.fibres.values():
        for name in fibre.route:
            if not _NAME.fullmatch(name):
                yield Finding("fibres", fibre.name, "ducts" if name in fibre.ducts else "duct", f"'{name}' cannot be a name", _NAMING)
            elif name not in inventory.ducts and (remedy := did_you_mean(name, inventory.ducts)).startswith("did you mean"):
                key = "ducts" if name in fibre.ducts else "duct"
                yield Finding("fibres", fibre.name, key, f"'{name}' is not a declared duct", remedy, Level.WARNING)


def _devices(inventory: Inventory) -> Iterator[Finding]:
    owner: dict[str, str] = {}
    for device in inventory.devices.values():
        yield from _missing("devices", device, "site", device.site, inventory.sites, "site")
        yield from _device(device)
        first = owner.setdefault(canonical(device.address), device.name)
        if first != device.name:
            yield Finding("devices", device.name, "address", f"'{device.address}' is the address of {first} too", "give each its own")


def _device(device: Device) -> Iterator[Finding]:
    if not _holds(ipaddress.ip_address, device.address):
        yield Finding("devices", device.name, "address", f"'{device.address}' is not an IP address", "write it as 192.0.2.7")
    if not 0 < device.port <= _MAX_PORT:
        yield Finding("devices", device.name, "port", f"{device.port} is not a port", f"write 1 to {_MAX_PORT}")
    if (device.snmp_version is AgentVersion.V3) != bool(device.user):
        message = f"'{device.user}' means nothing to {device.snmp_version}" if device.user else "SNMPv3 without a user"
        remedy = "write snmp_version: v3 with a user of the settings' traps.users, or neither"
        yield Finding("devices", device.name, "user" if device.user else "snmp_version", message, remedy)
    for field in ("name", "index"):
        values = Counter(getattr(port, field) for port in device.interfaces)
        for value in sorted(value for value, count in values.items() if count > 1 and value):  # 0: nobody told the index
            yield Finding("devices", device.name, "interfaces", f"two interfaces have the {field} '{value}'", "give each its own")
    for port in device.interfaces:
        if port.card and not _NAME.fullmatch(port.card):
            yield Finding("devices", device.name, "interfaces", f"'{port.card}' cannot be the name of a card", _NAMING)
    for uplink in device.uplinks:
        yield from _missing("devices", device, "uplinks", uplink, [port.name for port in device.interfaces], "interface of it")


def _links(inventory: Inventory) -> Iterator[Finding]:
    interfaces = {f"{device.name}/{port.name}" for device in inventory.devices.values() for port in device.interfaces}
    taken: dict[str, str] = {}
    for link in inventory.links.values():
        for key, end in (("a", link.a), ("b", link.b)):
            yield from _missing("links", link, key, end, interfaces, "interface")
            first = taken.setdefault(end, link.name)
            if first != link.name or (key == "b" and link.a == link.b):
                yield Finding("links", link.name, key, f"'{end}' is an end of {first} already", "an interface ends one link, once")
        for fibre in link.fibres:
            yield from _missing("links", link, "fibres", fibre, inventory.fibres, "fibre")


def _lags(inventory: Inventory) -> Iterator[Finding]:
    interfaces = {f"{device.name}/{port.name}" for device in inventory.devices.values() for port in device.interfaces}
    taken: dict[str, str] = {}
    for lag in inventory.lags.values():
        yield from _missing("lags", lag, "name", lag.name, interfaces, "interface")
        for member in lag.members:
            yield from _missing("lags", lag, "members", member, interfaces, "interface")
            first = taken.setdefault(member, lag.name)
            if first != lag.name:
                yield Finding("lags", lag.name, "members", f"'{member}' is a member of {first} already", "an interface is in one LAG")
            if member == lag.name:
                yield Finding("lags", lag.name, "members", f"'{member}' is a member of itself", "name the interfaces that it bundles")
            elif member.partition("/")[0] != lag.name.partition("/")[0]:
                yield Finding("lags", lag.name, "members", f"'{member}' is of another device", "bundle interfaces of one device")
        if not 1 <= lag.needs <= len(lag.members):
            message = f"needs {lag.needs} of {len(lag.members)} members"
            yield Finding("lags", lag.name, "needs", message, f"write 1 to {len(lag.members)}")


def _lsp(lsp: Lsp, inventory: Inventory) -> Iterator[Finding]:
    yield from _missing("lsps", lsp, "head", lsp.head, inventory.devices, "device")
    for link in lsp.links:
        yield from _missing("lsps", lsp, "links", link, inventory.links, "link")
    if not lsp.links:
        yield Finding("lsps", lsp.name, "links", "the path has no link", "list its links in order")
    hops = [_ends(inventory.links[name]) for name in lsp.links if name in inventory.links]
    if len(hops) == len(lsp.links) and hops and not _is_path(lsp.head, hops):
        remedy = f"list the links in order, from {lsp.head} on"
        yield Finding("lsps", lsp.name, "links", "the links do not follow one another", remedy, Level.WARNING)


def _ends(link: Link) -> frozenset[str]:
    return frozenset(end.partition("/")[0] for end in (link.a, link.b))


def _is_path(head: str, hops: list[frozenset[str]]) -> bool:
    here = {head}
    for hop in hops:
        if not here & hop:
            return False
        here = set(hop - here) or set(hop)
    return all(before & after for before, after in pairwise(hops))


def _tunnel(tunnel: Tunnel, inventory: Inventory) -> Iterator[Finding]:
    for lsp in tunnel.lsps:
        yield from _missing("tunnels", tunnel, "lsps", lsp, inventory.lsps, "LSP")
    if not 1 <= tunnel.needs <= len(tunnel.lsps):
        message = f"needs {tunnel.needs} of {len(tunnel.lsps)} paths"
        yield Finding("tunnels", tunnel.name, "needs", message, f"write 1 to {len(tunnel.lsps)}")


def _customers(inventory: Inventory) -> Iterator[Finding]:
    for customer in inventory.customers.values():
        if not _holds(ZoneInfo, customer.timezone):
            message = f"'{customer.timezone}' is not a time zone"
            yield Finding("customers", customer.name, "timezone", message, "write an IANA name: Europe/Amsterdam")
        for contact in customer.contacts:
            if contact.channel is Channel.EMAIL and not _ADDRESS.fullmatch(contact.address):
                message = f"'{contact.address}' is no e-mail address"
                yield Finding("customers", customer.name, "contacts", message, "write one, as noc@example.com")


def _service(service: Service, inventory: Inventory, resources: frozenset[ResourceId]) -> Iterator[Finding]:
    name = service.name
    yield from _missing("services", service, "customer", service.customer, inventory.customers, "customer")
    yield from _missing("services", service, "contract", service.contract, inventory.contracts, "contract")
    yield from _needs("services", service, service.needs, service.keep, resources)
    for need, weight in service.weights.items():
        yield from _missing("services", service, "weights", need, service.needs, "need of it")
        if not weight > 0:
            yield Finding("services", name, "weights", f"{weight:g} is no weight", "write what share hangs on it, above 0")
    if not service.needs:
        yield Finding("services", name, "needs", "the service needs nothing", "name what it is down without: tunnel/…, interface/…")
    contract = inventory.contracts.get(service.contract)
    if contract is None:
        return
    if contract.customer != service.customer:
        message = f"the contract is {contract.customer}'s, the service {service.customer}'s"
        yield Finding("services", name, "contract", message, "name a contract of the same customer")
    if name not in contract.charges:
        message = f"contract {contract.name} has no charge for it, so no credit can be computed"
        yield Finding("services", name, "contract", message, "add it to the contract's charges", Level.WARNING)


def _cycles(inventory: Inventory) -> Iterator[Finding]:
    """Nothing may need itself, by whatever way. Only these sections can close a circle, so one of their entries is told of each."""
    if not _may_close(inventory):
        return
    closing: dict[ResourceId, tuple[str, str, Entry]] = {}
    for section, kind in _CLOSING.items():
        closing |= {resource_id(kind, name): (section, name, entry) for name, entry in getattr(inventory, section).items()}
    closing |= {ResourceId(each.resource): ("dependencies", name, each) for name, each in inventory.dependencies.items()}
    topology = Topology.of(inventory)
    for cycle in topology.cycles():
        names = [topology.names[node] for node in cycle]
        place = next((place for place, name in enumerate(names) if name in closing), 0)
        names = [*names[place:], *names[:place]]
        section, name, entry = closing[names[0]]
        way = " -> ".join((*names, names[0]))
        yield Finding(section, name, "needs", f"{names[0]} needs itself: {way}", "take one of these needs out", _level(entry))


def _may_close(inventory: Inventory) -> bool:
    """Whether anything leads back: what is above devices needs what is below them, or its like. Most large networks have nothing such."""
    needing = (need for section in (inventory.services, inventory.circuits) for entry in section.values() for need in entry.needs)
    members = {member for lag in inventory.lags.values() for member in lag.members}
    ends = ((link.a, link.b) for link in inventory.links.values() if link.a in members or link.b in members)
    return (
        bool(inventory.dependencies)
        or any(need.startswith(("service/", "circuit/")) for need in needing)
        or any(name in inventory.lags for name in members)
        or any(end in inventory.lags for pair in ends for end in pair)
    )


_CLOSING = {"services": ResourceKind.SERVICE, "circuits": ResourceKind.CIRCUIT, "lags": ResourceKind.PORT}


def _contract(contract: Contract, inventory: Inventory) -> Iterator[Finding]:
    yield from _missing("contracts", contract, "customer", contract.customer, inventory.customers, "customer")
    for service in contract.charges:
        yield from _missing("contracts", contract, "charges", service, inventory.services, "service")
        known = inventory.services.get(service)
        if known and known.contract != contract.name:
            message = f"'{service}' is under contract {known.contract}"
            yield Finding("contracts", contract.name, "charges", message, "charge it in one contract")
    for service in dict.fromkeys((*(change.service for change in contract.charge_changes), *contract.access_charges)):
        if service not in contract.charges:
            message = f"'{service}' has no charge of its own in it"
            yield Finding("contracts", contract.name, "charges", message, "write what it costs under charges")
    if contract.valid_until and contract.valid_until <= contract.valid_from:
        yield Finding("contracts", contract.name, "valid_until", "the contract ends before it begins", "mend one of the times")


def _window(window: MaintenanceWindow, resources: frozenset[ResourceId]) -> Iterator[Finding]:
    for resource in window.resources:
        yield from _missing("windows", window, "resources", resource, resources, "resource")


def _holds(check: Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError; a name that is a folder is an OSError
        return False
    return True
