"""Whether declarations agree with each other: every name that is used is declared, and what is declared can be."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from pipeline.config.problem import Level, did_you_mean
from pipeline.core.directory import Directory, canonical
from pipeline.core.inventory import AgentVersion, Contract, Device, Inventory, Link, Lsp, MaintenanceWindow, Service, Tunnel
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, name_of

_NAME = re.compile(r"[A-Za-z0-9][\w.:@+-]*")
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Finding:
    """A disagreement, at the key ``key`` of the entry ``name`` of ``section``."""

    section: str
    name: str
    key: str
    message: str
    remedy: str = ""
    level: Level = Level.ERROR


def findings(inventory: Inventory) -> Iterator[Finding]:
    """Every disagreement of one inventory."""
    yield from _names(inventory)
    yield from _devices(inventory)
    yield from _links(inventory)
    for section in ("devices", "links"):
        for each in getattr(inventory, section).values():
            if not 0 <= each.confidence <= 1:
                yield Finding(section, each.name, "confidence", f"{each.confidence:g} is no confidence", "write 0 to 1")
    for lsp in inventory.lsps.values():
        yield from _lsp(lsp, inventory)
    for tunnel in inventory.tunnels.values():
        yield from _tunnel(tunnel, inventory)
    yield from _customers(inventory)
    resources = Directory.of(inventory).resources
    for service in inventory.services.values():
        yield from _service(service, inventory, resources)
    yield from _cycles(inventory)
    for contract in inventory.contracts.values():
        yield from _contract(contract, inventory)
    for window in inventory.windows:
        yield from _window(window, resources)


def _missing(section: str, name: str, key: str, word: str, known: Iterable[str], what: str) -> Iterator[Finding]:
    declared = known if isinstance(known, (dict, frozenset, set)) else set(known)
    if word not in declared:
        yield Finding(
            section, name, key, f"'{word}' is not a declared {what}", did_you_mean(word, declared) or "declare it, or take it out"
        )


def _names(inventory: Inventory) -> Iterator[Finding]:
    for section in ("sites", "devices", "fibres", "links", "lsps", "tunnels", "services", "customers", "contracts"):
        for name in getattr(inventory, section):
            if not _NAME.fullmatch(name):
                yield Finding(
                    section, name, "name", f"'{name}' cannot be a name", "use letters, digits and . _ : @ + - without / or spaces"
                )


def _devices(inventory: Inventory) -> Iterator[Finding]:
    owner: dict[str, str] = {}
    for device in inventory.devices.values():
        yield from _missing("devices", device.name, "site", device.site, inventory.sites, "site")
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
        values = [getattr(port, field) for port in device.interfaces]
        for value in sorted({value for value in values if values.count(value) > 1}):
            yield Finding("devices", device.name, "interfaces", f"two interfaces have the {field} '{value}'", "give each its own")
    for uplink in device.uplinks:
        yield from _missing("devices", device.name, "uplinks", uplink, [port.name for port in device.interfaces], "interface of it")


def _links(inventory: Inventory) -> Iterator[Finding]:
    interfaces = {f"{device.name}/{port.name}" for device in inventory.devices.values() for port in device.interfaces}
    taken: dict[str, str] = {}
    for link in inventory.links.values():
        for key, end in (("a", link.a), ("b", link.b)):
            yield from _missing("links", link.name, key, end, interfaces, "interface")
            first = taken.setdefault(end, link.name)
            if first != link.name or (key == "b" and link.a == link.b):
                yield Finding("links", link.name, key, f"'{end}' is an end of {first} already", "an interface ends one link, once")
        for fibre in link.fibres:
            yield from _missing("links", link.name, "fibres", fibre, inventory.fibres, "fibre")


def _lsp(lsp: Lsp, inventory: Inventory) -> Iterator[Finding]:
    yield from _missing("lsps", lsp.name, "head", lsp.head, inventory.devices, "device")
    for link in lsp.links:
        yield from _missing("lsps", lsp.name, "links", link, inventory.links, "link")
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
        yield from _missing("tunnels", tunnel.name, "lsps", lsp, inventory.lsps, "LSP")
    if not 1 <= tunnel.needs <= len(tunnel.lsps):
        message = f"needs {tunnel.needs} of {len(tunnel.lsps)} paths"
        yield Finding("tunnels", tunnel.name, "needs", message, f"write 1 to {len(tunnel.lsps)}")


def _customers(inventory: Inventory) -> Iterator[Finding]:
    for customer in inventory.customers.values():
        if not _holds(ZoneInfo, customer.timezone):
            message = f"'{customer.timezone}' is not a time zone"
            yield Finding("customers", customer.name, "timezone", message, "write an IANA name: Europe/Amsterdam")


def _service(service: Service, inventory: Inventory, resources: frozenset[ResourceId]) -> Iterator[Finding]:
    name = service.name
    yield from _missing("services", name, "customer", service.customer, inventory.customers, "customer")
    yield from _missing("services", name, "contract", service.contract, inventory.contracts, "contract")
    for need in service.needs:
        yield from _missing("services", name, "needs", need, resources, "resource")
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
    """Services may need services, but none itself, by whatever way."""
    finished: set[str] = set()
    for start in inventory.services:
        trail = _walk(start, inventory, finished)
        if trail:
            way = " -> ".join(trail)
            yield Finding("services", trail[0], "needs", f"the service needs itself: {way}", "take one of these needs out")


def _walk(start: str, inventory: Inventory, finished: set[str]) -> list[str]:
    """The first cycle that can be reached from ``start``, or nothing; without recursion, so that a long chain is no danger."""
    trail: list[str] = []
    stack = [(start, False)]
    while stack:
        name, leaving = stack.pop()
        if leaving:
            finished.add(trail.pop())
        elif name in trail:
            cycle = [*trail[trail.index(name) :], name]
            finished.update(trail)
            return cycle
        elif name not in finished:
            trail.append(name)
            stack.append((name, True))
            stack += [(need, False) for need in _needed_services(name, inventory)]
    return []


def _needed_services(name: str, inventory: Inventory) -> list[str]:
    service = inventory.services.get(name)
    needs = [ResourceId(need) for need in service.needs] if service else []
    return [name_of(need) for need in needs if kind_of(need) is ResourceKind.SERVICE]


def _contract(contract: Contract, inventory: Inventory) -> Iterator[Finding]:
    yield from _missing("contracts", contract.name, "customer", contract.customer, inventory.customers, "customer")
    for service in contract.charges:
        yield from _missing("contracts", contract.name, "charges", service, inventory.services, "service")
        known = inventory.services.get(service)
        if known and known.contract != contract.name:
            message = f"'{service}' is under contract {known.contract}"
            yield Finding("contracts", contract.name, "charges", message, "charge it in one contract")
    if contract.valid_until and contract.valid_until <= contract.valid_from:
        yield Finding("contracts", contract.name, "valid_until", "the contract ends before it begins", "mend one of the times")


def _window(window: MaintenanceWindow, resources: frozenset[ResourceId]) -> Iterator[Finding]:
    for resource in window.resources:
        yield from _missing("windows", window.name, "resources", resource, resources, "resource")


def _holds(check: Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError; a name that is a folder is an OSError
        return False
    return True
