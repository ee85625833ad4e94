"""Which answers are of one device, and what each device is called. Two management addresses of a device are one device."""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pipeline.core.directory import canonical
from pipeline.core.discovery import DiscoveredDevice, Finding, FindingKind
from pipeline.core.inventory import Inventory

ENOUGH = 2
"""So many marks must agree, and none differ, for two answers to be of one device: a single one may be copied with a configuration."""


def recognise(devices: Iterable[DiscoveredDevice]) -> tuple[tuple[DiscoveredDevice, ...], tuple[Finding, ...]]:
    """Put together what is one device, keeping the order; tell of devices that share an identity but are not one."""
    kept: list[DiscoveredDevice] = []
    by_mark: dict[str, list[int]] = {}
    findings: list[Finding] = []
    for device in devices:
        candidates = dict.fromkeys(place for mark in _marks(device) for place in by_mark.get(mark, ()))
        place = next((place for place in candidates if is_same(kept[place], device)), None)
        if place is None:
            findings += _sharing(device, [kept[place] for place in candidates])
            place = len(kept)
            kept.append(device)
        else:
            kept[place] = _together(kept[place], device)
        for mark in _marks(device):
            if place not in by_mark.setdefault(mark, []):
                by_mark[mark].append(place)
    return tuple(kept), tuple(findings)


def is_same(a: DiscoveredDevice, b: DiscoveredDevice) -> bool:
    """Whether enough marks of identity agree and none differs: engineID, serial, chassis id, sysName, hardware addresses, IP addresses."""
    pairs = [(a.engine_id, b.engine_id), (a.serial, b.serial), (a.chassis_id, b.chassis_id), (_plain(a), _plain(b))]
    if any(one and other and one != other for one, other in pairs):
        return False
    ours, theirs = _macs(a), _macs(b)
    if ours and theirs and not ours & theirs:
        return False
    agreeing = sum(bool(one) and one == other for one, other in pairs)
    knows_the_other = a.address in _own(b) or b.address in _own(a)
    return agreeing + bool(ours & theirs) + knows_the_other >= ENOUGH


def _plain(device: DiscoveredDevice) -> str:
    return device.system_name.lower()


def _macs(device: DiscoveredDevice) -> frozenset[str]:
    return frozenset(interface.mac for interface in device.interfaces if interface.mac)


def _own(device: DiscoveredDevice) -> frozenset[str]:
    return frozenset(each.address for each in device.ip_addresses)


def _marks(device: DiscoveredDevice) -> Iterator[str]:
    """What a look-alike would share."""
    marks = {"engine": device.engine_id, "serial": device.serial, "chassis": device.chassis_id, "name": _plain(device)}
    yield from (f"{kind} {mark}" for kind, mark in marks.items() if mark)
    yield f"address {device.address}"
    yield from (f"address {address}" for address in _own(device))


def _sharing(device: DiscoveredDevice, others: Iterable[DiscoveredDevice]) -> Iterator[Finding]:
    for other in others:
        for what, mark, theirs in (("engineID", device.engine_id, other.engine_id), ("serial number", device.serial, other.serial)):
            if mark and mark == theirs:
                told = f"has the {what} {mark} of {other.address} too, but is another device; give each its own"
                yield Finding(device.address, FindingKind.SHARED_IDENTITY, what, told)
                break


def _together(first: DiscoveredDevice, second: DiscoveredDevice) -> DiscoveredDevice:
    """The fuller answer, at the address that was asked first, with all addresses."""
    fuller = second if len(second.interfaces) > len(first.interfaces) else first
    addresses = tuple(dict.fromkeys((*first.addresses, *second.addresses)))
    return replace(
        fuller,
        address=first.address,
        addresses=addresses,
        port=first.port,
        community=first.community,
        snmp_version=first.snmp_version,
        user=first.user,
    )


def short(name: str) -> str:
    """A host's name without its domain, in small letters; an IP address stays whole."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.partition(".")[0].lower()


def declared_names(devices: Sequence[DiscoveredDevice], inventory: Inventory) -> tuple[str, ...]:
    """The declared device that each discovered one is, empty for none.

    A sysName that only one of them has and that is declared decides (with or without its domain); else the address at which the device
    answered, last the addresses of its interfaces. No declared device is two.
    """
    found = [""] * len(devices)
    left = dict.fromkeys(inventory.devices)
    by_short = _unique((short(name), name) for name in inventory.devices)
    by_address = {canonical(device.address): name for name, device in inventory.devices.items()}
    shorts = Counter(short(device.system_name) for device in devices)

    def by_name(device: DiscoveredDevice) -> Iterable[str]:
        alone = shorts[short(device.system_name)] == 1
        exact = [device.system_name] if device.system_name in inventory.devices else []
        return [*exact, by_short.get(short(device.system_name), "")] if alone else []

    def by_answer(device: DiscoveredDevice) -> Iterable[str]:
        return [by_address.get(canonical(address), "") for address in device.addresses]

    def by_interface(device: DiscoveredDevice) -> Iterable[str]:
        return [by_address.get(each.address, "") for each in device.ip_addresses]

    for guess in (by_name, by_answer, by_interface):
        for place, device in enumerate(devices):
            name = next((name for name in guess(device) if name in left), "") if not found[place] else ""
            if name:
                found[place] = name
                del left[name]
    return tuple(found)


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Keys that stand for one value alone."""
    found: dict[str, str] = {}
    doubled = set()
    for key, value in pairs:
        if key in found:
            doubled.add(key)
        found[key] = value
    return {key: value for key, value in found.items() if key not in doubled}


def named(
    devices: Sequence[DiscoveredDevice], inventory: Inventory | None = None
) -> tuple[tuple[DiscoveredDevice, ...], tuple[Finding, ...]]:
    """Give each device a name that an inventory can take: the declared one, else its sysName, else its address.

    A domain is left out where the rest tells the devices apart; two of one name get their addresses behind it.
    """
    declared = declared_names(devices, inventory) if inventory else ("",) * len(devices)
    full = [own or _sound(device.system_name) or device.address for own, device in zip(declared, devices, strict=True)]
    shorts = Counter(short(name) for name in full)
    names = [own or _shortened(name, shorts) for own, name in zip(declared, full, strict=True)]
    counts = Counter(names)
    findings = [
        Finding(name, FindingKind.DUPLICATE_NAME, "sysName", f"{count} devices are called {name}; told apart by their addresses")
        for name, count in counts.items()
        if count > 1
    ]
    taken: dict[str, None] = {}
    for own, name, device in zip(declared, names, devices, strict=True):
        apart = name if counts[name] == 1 or own else f"{name}-{device.address}"
        while apart in taken:
            apart += "-2"
        taken[apart] = None
    return tuple(replace(device, name=name) for device, name in zip(devices, taken, strict=True)), tuple(findings)


def _shortened(name: str, shorts: Counter[str]) -> str:
    without = short(name)
    return name[: len(without)] if shorts[without] == 1 else name


def _sound(name: str) -> str:
    """A name of letters, digits and ``. _ : @ + -`` alone, beginning with one of the first two."""
    return re.sub(r"[^\w.:@+-]+", "-", name, flags=re.ASCII).lstrip("._:@+-").rstrip("-")
