"""NetBox's rows as a part of the inventory: sites, devices, links over panels and circuits, aggregations, power. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.inventory_name import plain_name
from pipeline.core.text import shown
from pipeline.inventory.mapping import Mapping_, Notice, value_of
from pipeline.inventory.netbox_path import INTERFACE, Cabling, Path
from pipeline.inventory.netbox_row import Cable, Device, Endpoint, Interface, NetBox, PowerPort, Ref, Row, Site

DEFAULTS: Mapping[str, str] = {
    "sites.name": "slug",
    "sites.region": "region",
    "devices.role": "role",
    "devices.vendor": "manufacturer",
    "interfaces.index": "cf:if_index",
    "fibres.duct": "cf:duct",
}
"""Where a field is taken from, unless the settings' ``fields`` say otherwise; words of :func:`pipeline.inventory.mapping.value_of`."""
_NOT_IN_USE = frozenset({"planned", "inventory", "decommissioning", "deprovisioning", "decommissioned", "provisioning"})
"""Statuses of what is not there yet, or no more."""
_SPEED = re.compile(r"([0-9]+(?:\.[0-9]+)?)(g?)(?:base|fc|-)")
_KBIT_OF_MBIT = 1_000
Entries = dict[str, dict[str, dict[str, Any]]]


def entries_of(netbox: NetBox, fields: Mapping[str, str]) -> tuple[Entries, tuple[Notice, ...]]:
    """What a NetBox says, in the sections of an inventory, and what of it could not be said."""
    reader = _Reader(netbox, {**DEFAULTS, **fields})
    reader.read()
    return {section: named for section, named in reader.entries.items() if named}, tuple(reader.notices)


@dataclass
class _Reader:
    """One reading: the entries so far, and names by NetBox's ids."""

    netbox: NetBox
    fields: Mapping_
    entries: Entries = field(default_factory=lambda: defaultdict(dict))
    notices: list[Notice] = field(default_factory=list)
    sites: dict[int, str] = field(default_factory=dict)
    devices: dict[int, str] = field(default_factory=dict)
    ports: dict[int, str] = field(default_factory=dict)
    circuits: dict[int, str] = field(default_factory=dict)
    fibres: dict[str, int] = field(default_factory=dict)

    def read(self) -> None:
        self._sites()
        self._devices()
        self._interfaces()
        self._circuits()
        self._links()
        self._virtual_circuits()
        self._power()

    def _keep(self, section: str, row: Row, name: str, values: Mapping[str, Any], words: Mapping[str, str]) -> None:
        """An entry of its own values, and of those that are mapped; what is not stated is left out."""
        kept = {"name": name, **{key: value for key, value in values.items() if value not in {"", None, ()}}}
        for key, expression in self.fields.items():
            head, _, field_name = key.partition(".")
            if head != section or field_name == "name":
                continue
            value = value_of(expression, words, row.custom_fields, [tag.slug for tag in row.tags])
            if value is not None:
                kept[field_name] = value
        self.entries[section][name] = kept

    def _tell(self, section: str, name: str, message: str, remedy: str) -> None:
        self.notices.append(Notice(section, name, message, remedy))

    def _in_use(self, section: str, rows: Iterable[Any], noun: Callable[[Any], str]) -> Iterator[Any]:
        """The rows that are in use; the others are told in one line."""
        left: list[str] = []
        for row in rows:
            if row.status is not None and row.status.value in _NOT_IN_USE:
                left.append(noun(row))
            else:
                yield row
        if left:
            self._tell(section, "", f"{len(left)} left out, since by status not in use: {_some(left)}", "set the status if they are")

    # Places and elements

    def _sites(self) -> None:
        for site in self._in_use("sites", self.netbox.sites, lambda site: site.name):
            words = _words(site, region=site.region, group=site.group, tenant=site.tenant) | {"name": site.name, "slug": site.slug}
            name = plain_name(str(value_of(self.fields["sites.name"], words, site.custom_fields, []) or site.slug or site.name))
            if name in self.entries["sites"]:
                self._tell("sites", name, f"two sites are called {name}", "take sites.name from what tells them apart (fields)")
                name = f"{name}-{site.id}"
            self.sites[site.id] = name
            self._keep("sites", site, name, {"latitude": site.latitude, "longitude": site.longitude}, words)

    def _devices(self) -> None:
        strips = {outlet.device.id for outlet in self.netbox.power_outlets if outlet.device}
        with_ports = {port.device.id for port in self.netbox.interfaces if port.device}
        nameless: list[str] = []
        for device in self._in_use("devices", self.netbox.devices, lambda device: str(device.name)):
            if not device.primary_ip and (device.id not in with_ports or device.id in strips):
                continue  # a panel, a strip, a shelf: nothing that speaks
            if not plain_name(device.name or ""):
                nameless.append(str(device.id))
                continue
            self._device(device)
        if nameless:
            self._tell("devices", "", f"{len(nameless)} have no name, so are left out: ids {_some(nameless)}", "name them in NetBox")

    def _device(self, device: Device) -> None:
        name, site = plain_name(device.name or ""), self.sites.get(device.site.id, "") if device.site else ""
        if name in self.entries["devices"]:
            self._tell("devices", name, f"two devices are called {name}, the second at {site}", "give each a name of its own in NetBox")
            name = next(each for each in (f"{name}@{site}", f"{name}@{device.id}") if each not in self.entries["devices"])
        self.devices[device.id] = name
        kind = device.device_type
        words = _words(
            device,
            role=device.role,
            site=device.site,
            location=device.location,
            tenant=device.tenant,
            platform=device.platform,
            manufacturer=kind.manufacturer if kind else None,
        ) | {"region": str(self.entries["sites"].get(site, {}).get("region", "")), "model": kind.model if kind else ""}
        at = device.primary_ip or device.oob_ip
        self._keep("devices", device, name, {"site": site, "address": at.address.partition("/")[0] if at else ""}, words)

    def _interfaces(self) -> None:
        lags: dict[int, list[str]] = defaultdict(list)
        for port in self.netbox.interfaces:
            device = self.devices.get(port.device.id) if port.device else None
            if device is None or not port.name:
                continue
            name = shown(port.name)
            self.ports[port.id] = f"{device}/{name}"
            self.entries["devices"][device].setdefault("interfaces", {})[name] = self._interface(port)
            if port.lag is not None:
                lags[port.lag.id].append(f"{device}/{name}")
        for lag, members in lags.items():
            if lag in self.ports:
                self.entries["lags"][self.ports[lag]] = {"name": self.ports[lag], "members": tuple(members)}

    def _interface(self, port: Interface) -> dict[str, Any]:
        card = port.module.module_bay.name or port.module.module_bay.display if port.module and port.module.module_bay else ""
        made: dict[str, Any] = {"speed_mbps": speed_mbps(port), "description": shown(port.description), "card": plain_name(card)}
        for key, expression in self.fields.items():
            section, _, field_name = key.partition(".")
            if section == "interfaces":
                value = value_of(expression, _words(port), port.custom_fields, [tag.slug for tag in port.tags])
                made |= {field_name: value} if value is not None else {}
        return {key: value for key, value in made.items() if value not in {"", 0, None}}

    # What connects them

    def _circuits(self) -> None:
        doubled = Counter(plain_name(circuit.cid) for circuit in self.netbox.circuits)
        for circuit in self._in_use("circuits", self.netbox.circuits, lambda circuit: circuit.cid):
            name, provider = plain_name(circuit.cid), circuit.provider.name or circuit.provider.display if circuit.provider else ""
            if not name:
                continue
            name = name if doubled[name] == 1 else plain_name(f"{provider}-{name}")
            self.circuits[circuit.id] = name
            values = {"provider": shown(provider), "id_at_provider": shown(circuit.cid)}
            self._keep("circuits", circuit, name, values, _words(circuit, provider=circuit.provider, type=circuit.type))

    def _links(self) -> None:
        cabling, cables = Cabling.of(self.netbox), {cable.id: cable for cable in self.netbox.cables}
        found: dict[frozenset[int], tuple[int, int, Path]] = {}
        for port in self.netbox.interfaces:
            if port.id not in self.ports:
                continue
            path = cabling.trace(port.id)
            end = path.end if path.end is not None else _told_end(port)
            if end is not None and end in self.ports and end != port.id:
                found.setdefault(frozenset({port.id, end}), (port.id, end, path))
            elif end is None:
                self._ends_at_circuit(port, path)
        ends: Counter[int] = Counter(port for pair in found for port in pair)
        several = sorted(self.ports[port] for port, count in ends.items() if count > 1)
        if several:
            self._tell("links", "", f"several links end at {_some(several)}; the first of each is taken", "mend the cables in NetBox")
        between = Counter(frozenset(self.ports[port].partition("/")[0] for port in pair) for pair in found)
        taken: set[int] = set()
        for pair, (a, b, path) in found.items():
            if taken & pair:
                continue
            taken |= pair
            self._link(self.ports[a], self.ports[b], path, cables, alone=between[_devices_of(self.ports[a], self.ports[b])] == 1)

    def _link(self, a: str, b: str, path: Path, cables: Mapping[int, Cable], *, alone: bool) -> None:
        name = f"{a.partition('/')[0]}--{b.partition('/')[0]}" if alone else f"{_word(a)}--{_word(b)}"
        while name in self.entries["links"]:
            name += "-2"
        fibres = tuple(self._fibre(cables[cable], place, len(path.cables)) for place, cable in enumerate(path.cables) if cable in cables)
        self.entries["links"][name] = {"name": name, "a": a, "b": b, **({"fibres": kept} if (kept := tuple(filter(None, fibres))) else {})}
        leased = [self.circuits[circuit] for circuit in path.circuits if circuit in self.circuits]
        for circuit in leased:
            made = f"{name}.{circuit}"
            self.entries["dependencies"][made] = {"name": made, "resource": f"link/{name}", "needs": (f"circuit/{circuit}",)}

    def _fibre(self, cable: Cable, place: int, length: int) -> str:
        """A cable as a fibre, when it can be lost by itself: a trunk between panels, or one that lies in a duct; else it is the link."""
        ducts = any(
            value_of(self.fields.get(f"fibres.{key}", ""), _words(cable), cable.custom_fields, [tag.slug for tag in cable.tags])
            for key in ("duct", "ducts")
        )
        if not ducts and not 0 < place < length - 1:
            return ""
        name = plain_name(cable.label) or f"cable-{cable.id}"
        known = self.entries["fibres"].get(name)
        if known is not None and self.fibres[name] != cable.id:
            name = f"{name}-{cable.id}"
        self.fibres.setdefault(name, cable.id)
        self._keep("fibres", cable, name, {}, _words(cable) | {"label": cable.label, "type": cable.type or ""})
        return name

    def _ends_at_circuit(self, port: Interface, path: Path) -> None:
        """A circuit whose far end is not ours: it is lost with the interface that it ends at."""
        for circuit in path.circuits[-1:]:
            name = self.circuits.get(circuit)
            if name is not None:
                known = self.entries["circuits"][name]
                known["needs"] = (*known.get("needs", ()), f"interface/{self.ports[port.id]}")

    def _virtual_circuits(self) -> None:
        needs: dict[int, list[str]] = defaultdict(list)
        for end in self.netbox.virtual_circuit_terminations:
            if end.virtual_circuit and end.interface and end.interface.id in self.ports:
                needs[end.virtual_circuit.id].append(f"interface/{self.ports[end.interface.id]}")
        for circuit in self._in_use("circuits", self.netbox.virtual_circuits, lambda circuit: circuit.cid):
            name = plain_name(circuit.cid)
            if name in self.entries["circuits"]:
                name = f"{name}-virtual"
            if name and needs[circuit.id]:
                values = {"needs": tuple(needs[circuit.id]), "id_at_provider": shown(circuit.cid)}
                self._keep("circuits", circuit, name, values, _words(circuit, provider=circuit.provider_network))

    # Power

    def _power(self) -> None:
        panels = {panel.id: panel for panel in self.netbox.power_panels}
        doubled = Counter(plain_name(feed.name) for feed in self.netbox.power_feeds)
        feeds: dict[int, str] = {}
        for feed in self._in_use("power", self.netbox.power_feeds, lambda feed: feed.name):
            panel = panels.get(feed.power_panel.id) if feed.power_panel else None
            short = plain_name(feed.name) or f"feed-{feed.id}"
            name = short if doubled[short] == 1 else plain_name(f"{panel.name if panel else feed.id}-{short}")
            site = self.sites.get(panel.site.id, "") if panel and panel.site else ""
            feeds[feed.id] = name
            self._keep("power", feed, name, {"site": site}, _words(feed, panel=feed.power_panel))
            own = plain_name(panel.name) if panel else ""
            if panel and own and own not in doubled:
                self._keep("power", panel, own, {"site": site}, _words(panel))
                self.entries["dependencies"][f"{name}.{own}"] = {
                    "name": f"{name}.{own}",
                    "resource": f"power/{name}",
                    "needs": (f"power/{own}",),
                }
        for device, names in self._fed(feeds).items():
            if device in self.devices:
                self.entries["devices"][self.devices[device]]["power"] = tuple(sorted(names))

    def _fed(self, feeds: Mapping[int, str]) -> dict[int, set[str]]:
        """Which feeds each device hangs on, over any strips between."""
        ports = {port.id: port for port in self.netbox.power_ports}
        inlets = {outlet.id: outlet.power_port.id for outlet in self.netbox.power_outlets if outlet.power_port}
        fed: dict[int, set[str]] = defaultdict(set)
        for port in self.netbox.power_ports:
            if port.device is not None:
                fed[port.device.id] |= {feeds[feed] for feed in _feeds(port, ports, inlets) if feed in feeds}
        return {device: names for device, names in fed.items() if names}


def _feeds(port: PowerPort, ports: Mapping[int, PowerPort], inlets: Mapping[int, int]) -> Iterator[int]:
    """The feeds behind an inlet; a strip fed by itself feeds nothing."""
    seen: set[int] = set()
    waiting = [port]
    while waiting:
        here = waiting.pop()
        if here.id in seen:
            continue
        seen.add(here.id)
        ends = [end.id for end in here.connected_endpoints or ()]
        if here.connected_endpoints_type == "dcim.powerfeed":
            yield from ends
        elif here.connected_endpoints_type == "dcim.poweroutlet":
            waiting += [ports[inlets[end]] for end in ends if inlets.get(end) in ports]


def _told_end(port: Interface) -> int | None:
    """The far end by NetBox's own trace, when that is one interface, and all cables on the way are in use."""
    if port.connected_endpoints_reachable is False:
        return None
    ends: Sequence[Endpoint] = port.connected_endpoints or ()
    return ends[0].id if port.connected_endpoints_type == INTERFACE and len(ends) == 1 else None


def speed_mbps(port: Interface) -> int:
    """An interface's speed: as it is set, else as its type says; 0 for one that has none."""
    if port.speed:
        return port.speed // _KBIT_OF_MBIT
    found = _SPEED.match(port.type.value) if port.type else None
    return int(float(found[1]) * (_KBIT_OF_MBIT if found[2] else 1)) if found else 0


def _words(row: Site | Row, **refs: Ref | None) -> dict[str, str]:
    """The attributes that a mapping may name, objects by their slug or name."""
    return {
        "description": shown(row.description),
        **{key: (ref.slug or ref.name or ref.display) if ref else "" for key, ref in refs.items()},
    }


def _devices_of(a: str, b: str) -> frozenset[str]:
    return frozenset({a.partition("/")[0], b.partition("/")[0]})


def _word(end: str) -> str:
    """``pe1/ge-0/0/1`` as a part of a name: ``pe1:ge-0-0-1``."""
    device, _, port = end.partition("/")
    return f"{device}:{plain_name(port)}"


def _some(names: Sequence[str], most: int = 3) -> str:
    """``a, b, c and 7 more``."""
    listed = ", ".join(shown(name, 60) for name in names[:most])
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed
