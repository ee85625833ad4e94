"""What was found as an inventory: what can be declared of it, with where each entry comes from and how sure it is."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from pipeline.core.discovery import Component, DiscoveredDevice, DiscoveredInterface, DiscoveredLink, Discovery, End, is_virtual
from pipeline.core.inventory import Device, Interface, Inventory, Lag, Link, Site

UNPLACED = "unplaced"
"""The site of devices whose sysLocation names none."""
_MAX_SITE = 40


def inventory_of(discovery: Discovery) -> Inventory:
    """Sites, devices, link aggregations and the links that were chosen. Its version is empty: that is for whoever reads it from files."""
    ends = chosen_ends(discovery)
    kept = {device.name: interfaces_kept(device, ends) for device in discovery.devices}
    devices = {device.name: _device(device, kept[device.name]) for device in discovery.devices}
    sites = {device.site: Site(device.site) for device in sorted(devices.values(), key=lambda device: device.site)}
    links = [link for link in discovery.links if link.is_chosen]
    names = interface_names(discovery)
    return Inventory("", sites=sites, devices=devices, links=_links(links, names), lags=_lags(kept, names))


def chosen_ends(discovery: Discovery) -> frozenset[End]:
    """The interfaces at which the chosen links end."""
    return frozenset(end for link in discovery.links if link.is_chosen for end in (link.a, link.b))


def interfaces_kept(device: DiscoveredDevice, ends: frozenset[End]) -> tuple[DiscoveredInterface, ...]:
    """The interfaces worth declaring: those that a cable goes into, aggregations, and others that have an address or are among ``ends``."""
    addressed = {each.if_index for each in device.ip_addresses}
    return tuple(row for row in device.interfaces if not is_virtual(row) or row.index in addressed or (device.name, row.index) in ends)


def interface_names(discovery: Discovery) -> dict[End, str]:
    """``device/interface`` of every interface."""
    return {(device.name, row.index): f"{device.name}/{row.name}" for device in discovery.devices for row in device.interfaces}


def _device(device: DiscoveredDevice, interfaces: tuple[DiscoveredInterface, ...]) -> Device:
    cards = cards_of(device)
    return Device(
        name=device.name,
        site=site_of(device.location),
        address=device.address,
        vendor=device.vendor,
        port=device.port,
        community="public" if device.user else device.community,
        snmp_version=device.snmp_version,
        user=device.user,
        interfaces=tuple(Interface(row.name, row.index, row.speed_mbps, row.alias, cards.get(row.index, "")) for row in interfaces),
        source=device.source,
        confidence=device.confidence,
    )


def cards_of(device: DiscoveredDevice) -> dict[int, str]:
    """Line cards by ifIndex: the nearest module above a port that carries other ports as well (a transceiver carries one).

    Nothing where one module carries every port: to lose that is to lose the device.
    """
    parts = {part.index: part for part in device.components}
    above = {part.if_index: _modules_above(part, parts) for part in device.components if part.if_index is not None}
    carries = Counter(module for modules in above.values() for module in modules)
    found = {port: next((module for module in modules if carries[module] > 1), None) for port, modules in above.items()}
    cards = {port: module for port, module in found.items() if module is not None}
    names: dict[int, str] = {}
    for module in sorted(set(cards.values())):
        name = re.sub(r"[^A-Za-z0-9.:@+-]+", "-", parts[module].name).strip(".:@+-") or f"card-{module}"
        names[module] = name if name not in names.values() else f"{name}-{module}"
    return {port: names[module] for port, module in cards.items()} if len(names) > 1 else {}


def _modules_above(part: Component, parts: Mapping[int, Component]) -> list[int]:
    """The modules that contain a part, the nearest first; an agent may tell of parts that contain each other."""
    found: list[int] = []
    seen = {part.index}
    while part.parent in parts and part.parent not in seen:
        part = parts[part.parent]
        seen.add(part.index)
        if part.kind == "module":
            found.append(part.index)
    return found


def site_of(location: str) -> str:
    """A sysLocation as the name of a site: its words with hyphens between them, in small letters."""
    return re.sub(r"[^a-z0-9]+", "-", location.lower()).strip("-")[:_MAX_SITE].rstrip("-") or UNPLACED


def _links(links: list[DiscoveredLink], names: Mapping[End, str]) -> dict[str, Link]:
    """Links by name: ``a--b`` after the devices, with the interfaces where there are several between them.

    Below a link between aggregations stand those between their members: they fail one by one.
    """
    between = Counter(frozenset({link.a[0], link.b[0]}) for link in links)
    made: dict[str, Link] = {}
    for link in links:
        a, b = names[link.a], names[link.b]
        alone = between[frozenset({link.a[0], link.b[0]})] == 1
        name = f"{link.a[0]}--{link.b[0]}" if alone else f"{_word(a)}--{_word(b)}"
        while name in made:
            name += "-2"
        made[name] = Link(name, a, b, source=link.source, confidence=link.confidence)
        for one, other in link.members:
            below = f"{_word(names[one])}--{_word(names[other])}"
            made[below] = Link(below, names[one], names[other], source=link.source, confidence=link.confidence)
    return made


def _lags(kept: Mapping[str, tuple[DiscoveredInterface, ...]], names: Mapping[End, str]) -> dict[str, Lag]:
    """Aggregations by name. How many members one can do without is told by no device: one left is taken to be enough."""
    made: dict[str, Lag] = {}
    for device, rows in kept.items():
        declared = {row.index for row in rows}
        for row in rows:
            if row.aggregate in declared:
                name = names[device, row.aggregate]
                before = made.get(name, Lag(name, (), source=row.aggregate_source))
                made[name] = replace(before, members=(*before.members, names[device, row.index]))
    return made


def _word(end: str) -> str:
    """``pe1/ge-0/0/1`` as a part of a name: ``pe1:ge-0-0-1``."""
    device, _, port = end.partition("/")
    return f"{device}:{re.sub(r'[^A-Za-z0-9.:@+-]+', '-', port)}"
