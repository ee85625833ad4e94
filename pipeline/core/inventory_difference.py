"""What was found held against what is declared: missing, new or changed. What was not asked, or cannot be seen, is no difference."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.core.directory import canonical
from pipeline.core.discovered_inventory import chosen_ends, interface_names, interfaces_kept
from pipeline.core.discovery import IANA_AGGREGATE, DiscoveredDevice, DiscoveredInterface, DiscoveredLink, Discovery, End
from pipeline.core.discovery_naming import short
from pipeline.core.inventory import Device, Interface, Inventory, Link
from pipeline.core.resource import ResourceId, ResourceKind, resource_id


class DifferenceKind(StrEnum):
    """Kinds of difference."""

    DEVICE_MISSING = "device-missing"
    DEVICE_NEW = "device-new"
    DEVICE_NAME = "device-name"
    DEVICE_ADDRESS = "device-address"
    INTERFACE_MISSING = "interface-missing"
    INTERFACE_NEW = "interface-new"
    INTERFACE_RENAMED = "interface-renamed"
    INTERFACE_RENUMBERED = "interface-renumbered"
    INTERFACE_SPEED = "interface-speed"
    LINK_MISSING = "link-missing"
    LINK_NEW = "link-new"
    LINK_MOVED = "link-moved"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference about ``resource`` of ``device``: ``declared`` and ``found`` are what stands against each other, empty for nothing."""

    kind: DifferenceKind
    resource: ResourceId
    device: str
    declared: str
    found: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences, and how much could not be compared: declared devices that were not asked, declared links that nobody can see."""

    differences: tuple[Difference, ...]
    devices_not_asked: int
    links_not_seen: int


def compare(declared: Inventory, discovery: Discovery, asked: Iterable[str]) -> Comparison:
    """Hold ``discovery`` against ``declared``; ``asked`` are the addresses that were asked, answered or not.

    Devices of the discovery that are declared are called as declared (:func:`pipeline.core.discovery_naming.named` saw to that).
    """
    addresses = {canonical(address) for address in asked}
    found = {device.name: device for device in discovery.devices}
    ends = chosen_ends(discovery)
    silent = [device for device in declared.devices.values() if device.name not in found]
    missing = [device for device in silent if canonical(device.address) in addresses]
    differences = [_missing(device) for device in missing]
    for device in discovery.devices:
        known = declared.devices.get(device.name)
        differences += [_new(device)] if known is None else [*_device(known, device), *_interfaces(known, device, ends)]
    links, unseen = _links(declared, discovery)
    return Comparison((*differences, *links), len(silent) - len(missing), unseen)


def _missing(device: Device) -> Difference:
    where = resource_id(ResourceKind.DEVICE, device.name)
    return Difference(DifferenceKind.DEVICE_MISSING, where, device.name, device.address, "no answer")


def _new(device: DiscoveredDevice) -> Difference:
    what = " ".join(filter(None, (device.address, device.vendor, device.model)))
    where = resource_id(ResourceKind.DEVICE, device.name)
    return Difference(DifferenceKind.DEVICE_NEW, where, device.name, "", what, device.confidence)


def _device(declared: Device, found: DiscoveredDevice) -> Iterator[Difference]:
    where = resource_id(ResourceKind.DEVICE, declared.name)
    if found.system_name and short(found.system_name) != short(declared.name):
        yield Difference(DifferenceKind.DEVICE_NAME, where, declared.name, declared.name, found.system_name)
    own = {*map(canonical, found.addresses), *(each.address for each in found.ip_addresses)}
    if canonical(declared.address) not in own:
        yield Difference(DifferenceKind.DEVICE_ADDRESS, where, declared.name, declared.address, found.address)


def _interfaces(declared: Device, found: DiscoveredDevice, ends: frozenset[End]) -> Iterator[Difference]:
    """By name, then by ifIndex (RFC 2863 section 3.1.5): a known name was renumbered, a known number with a new name was renamed."""
    if not found.interfaces:
        return  # it did not tell, which is told among the findings
    by_name = {row.name: row for row in found.interfaces}
    by_index = {row.index: row for row in found.interfaces}
    names = {port.name for port in declared.interfaces}
    met: set[int] = set()
    for port in declared.interfaces:
        row = by_name.get(port.name)
        if row is None and port.index in by_index and by_index[port.index].name not in names:
            row = by_index[port.index]
        where = resource_id(ResourceKind.INTERFACE, f"{declared.name}/{port.name}")
        if row is None and "ifTable" in found.unread:
            continue
        if row is None:
            yield Difference(DifferenceKind.INTERFACE_MISSING, where, declared.name, f"{port.name} (ifIndex {port.index})", "")
            continue
        met.add(row.index)
        yield from _interface(where, declared.name, port, row)
    for row in interfaces_kept(found, ends):
        if row.index not in met and row.is_up:
            where = resource_id(ResourceKind.INTERFACE, f"{declared.name}/{row.name}")
            yield Difference(DifferenceKind.INTERFACE_NEW, where, declared.name, "", f"{row.name} (ifIndex {row.index})")


def _interface(where: ResourceId, device: str, declared: Interface, found: DiscoveredInterface) -> Iterator[Difference]:
    if found.name != declared.name:
        yield Difference(DifferenceKind.INTERFACE_RENAMED, where, device, declared.name, found.name)
    if found.index != declared.index:
        yield Difference(DifferenceKind.INTERFACE_RENUMBERED, where, device, f"ifIndex {declared.index}", f"ifIndex {found.index}")
    tells_speed = found.is_up and found.speed_mbps and found.type != IANA_AGGREGATE  # an aggregation's speed is that of its members now
    if tells_speed and found.speed_mbps != declared.speed_mbps:
        yield Difference(DifferenceKind.INTERFACE_SPEED, where, device, f"{declared.speed_mbps} Mbit/s", f"{found.speed_mbps} Mbit/s")


@dataclass(frozen=True)
class _Sight:
    """What is known of the far ends of each interface. Interfaces are ``device/interface``, called as they are declared where they are."""

    far: dict[str, dict[str, float]]
    """Interface -> what is at its other end, and how sure that is; several where it bundles others, or where several were heard."""
    could_see: frozenset[str]
    """Interfaces that are up on devices that tell their neighbours: were there one, it would be told."""


def _links(declared: Inventory, discovery: Discovery) -> tuple[list[Difference], int]:
    names = _declared_ends(declared, discovery)
    above = _aggregates(names, discovery)
    links = [link for link in discovery.links if link.is_chosen]
    sight = _sight(links, names, above, declared, discovery)
    by_end: dict[str, list[Link]] = {}
    for link in declared.links.values():
        for end in (link.a, link.b):
            by_end.setdefault(end, []).append(link)
    differences: list[Difference] = []
    unseen = 0
    for link in declared.links.values():
        moved = _moved(link, sight)
        if moved is not None:
            differences.append(moved)
        elif link.a in sight.far or link.b in sight.far:
            continue  # it is where it should be
        elif {link.a, link.b} & sight.could_see:
            differences.append(_link(DifferenceKind.LINK_MISSING, link.name, link.a, f"{link.a} - {link.b}", "no neighbour is told"))
        else:
            unseen += 1
    for found in links:
        if not _is_known(found, names, above, by_end):
            a, b = names[found.a], names[found.b]
            name = f"{found.a[0]}--{found.b[0]}"
            differences.append(_link(DifferenceKind.LINK_NEW, name, a, "", f"{a} - {b} ({found.source})", found.confidence))
    return differences, unseen


def _is_known(found: DiscoveredLink, names: Mapping[End, str], above: Mapping[str, str], declared: Mapping[str, list[Link]]) -> bool:
    """Whether a link is ``declared`` (by end): at one of its ends or members, else between the same devices at an aggregation above."""
    ends = {names[end] for pair in ((found.a, found.b), *found.members) for end in pair}
    aggregates = {above[end] for end in ends if end in above}
    devices = {found.a[0], found.b[0]}
    if any(end in declared for end in ends):
        return True
    over = [link for end in aggregates for link in declared.get(end, ())]
    return any({end.partition("/")[0] for end in (link.a, link.b)} == devices for link in over)


def _moved(link: Link, sight: _Sight) -> Difference | None:
    for end, other in ((link.a, link.b), (link.b, link.a)):
        found = sight.far.get(end, {})
        if found and not {other, other.partition("/")[0]} & found.keys():
            far = max(found, key=found.__getitem__)
            return _link(DifferenceKind.LINK_MOVED, link.name, end, f"{end} - {other}", f"{end} - {far}", found[far])
    return None


def _link(kind: DifferenceKind, name: str, end: str, declared: str, found: str, confidence: float = 1.0) -> Difference:
    return Difference(kind, resource_id(ResourceKind.LINK, name), end.partition("/")[0], declared, found, confidence)


def _declared_ends(declared: Inventory, discovery: Discovery) -> dict[End, str]:
    """Interfaces by their declared names: by the name that they have, else by the ifIndex, as above."""
    names = interface_names(discovery)
    for device in discovery.devices:
        known = declared.devices.get(device.name)
        by_index = {port.index: port.name for port in known.interfaces} if known else {}
        own_names = frozenset(by_index.values())
        present = {row.name for row in device.interfaces}
        for row in device.interfaces:
            own = by_index.get(row.index, row.name)
            if row.name not in own_names and own not in present:
                names[device.name, row.index] = f"{device.name}/{own}"
    return names


def _aggregates(names: Mapping[End, str], discovery: Discovery) -> dict[str, str]:
    """Member -> its link aggregation."""
    return {
        names[device.name, row.index]: names[device.name, row.aggregate]
        for device in discovery.devices
        for row in device.interfaces
        if row.aggregate is not None and (device.name, row.aggregate) in names
    }


def _sight(
    links: Iterable[DiscoveredLink], names: Mapping[End, str], above: Mapping[str, str], declared: Inventory, discovery: Discovery
) -> _Sight:
    far: dict[str, dict[str, float]] = {}
    for stranger in discovery.strangers:
        if stranger.if_index is not None and (stranger.seen_by, stranger.if_index) in names:
            called = _declared_name(stranger.name, declared) or stranger.name or stranger.chassis_id
            far.setdefault(names[stranger.seen_by, stranger.if_index], {})[called] = LESS_THAN_A_LINK
    for link in links:
        for pair in ((link.a, link.b), *link.members):
            a, b = (names[end] for end in pair)
            for one, other in ((a, b), (b, a)):
                far.setdefault(one, {})[other] = link.confidence
                if one in above:
                    far.setdefault(above[one], {})[above.get(other, other)] = link.confidence
    up = (
        names[device.name, row.index] for device in discovery.devices if device.tells_neighbours for row in device.interfaces if row.is_up
    )
    return _Sight(far, frozenset(up))


LESS_THAN_A_LINK = 0.6
"""How sure a neighbour is that only one end tells of."""


def _declared_name(name: str, declared: Inventory) -> str:
    if name in declared.devices:
        return name
    found = [each for each in declared.devices if short(each) == short(name)]
    return found[0] if len(found) == 1 else ""
