"""The declared network, indexed the way the lab asks about it: which link ends where, what runs over it, who reports it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.core.inventory import Device, Interface, Inventory, Link, Service


@dataclass(frozen=True)
class Plant:
    """Lookups over one inventory. Interfaces are named ``device/interface`` throughout."""

    inventory: Inventory
    interfaces: dict[str, Interface]
    device_of: dict[str, str]
    link_of: dict[str, Link]
    far_end: dict[str, str]
    sessions: dict[tuple[str, str], tuple[str, ...]]
    """(device, neighbour) -> the links between them. The lab runs BGP labelled unicast hop by hop, one session a neighbour."""
    peers: dict[str, str]
    """``device/address of the neighbour``, as the device's peer table names a session -> ``device/neighbour``."""

    @classmethod
    def of(cls, inventory: Inventory) -> "Plant":
        """Index an inventory whose names resolve (the inventory's loader saw to that)."""
        devices = inventory.devices.values()
        sessions = _sessions(inventory.links.values())
        return cls(
            inventory=inventory,
            interfaces={f"{device.name}/{interface.name}": interface for device in devices for interface in device.interfaces},
            device_of={f"{device.name}/{interface.name}": device.name for device in devices for interface in device.interfaces},
            link_of={end: link for link in inventory.links.values() for end in (link.a, link.b)},
            far_end={end: far for link in inventory.links.values() for end, far in ((link.a, link.b), (link.b, link.a))},
            sessions=sessions,
            peers={f"{device}/{inventory.devices[other].address}": f"{device}/{other}" for device, other in sessions},
        )

    def device(self, interface: str) -> Device:
        """The device that an interface belongs to."""
        return self.inventory.devices[self.device_of[interface]]

    def risks(self, link: Link) -> frozenset[str]:
        """What a digger can cut under a link: its fibres and their ducts."""
        fibres = self.inventory.fibres
        ducts = {fibres[name].duct for name in link.fibres if fibres[name].duct}
        return frozenset((*link.fibres, *ducts))

    def reporters(self, service: Service) -> tuple[str, ...]:
        """The devices that watch a service's continuity: the heads of its paths, then the devices of its ports; each once."""
        heads = (self.inventory.lsps[lsp].head for lsp in self._paths(service))
        ends = (need.split("/")[1] for need in service.needs if need.startswith("interface/"))
        return tuple(dict.fromkeys((*heads, *ends)))

    def _paths(self, service: Service) -> tuple[str, ...]:
        tunnels = [need.removeprefix("tunnel/") for need in service.needs if need.startswith("tunnel/")]
        return tuple(lsp for tunnel in tunnels for lsp in self.inventory.tunnels[tunnel].lsps)


def _sessions(links: Iterable[Link]) -> dict[tuple[str, str], tuple[str, ...]]:
    between: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for link in links:
        a, b = (end.partition("/")[0] for end in (link.a, link.b))
        between[a, b].append(link.name)
        between[b, a].append(link.name)
    return {pair: tuple(names) for pair, names in between.items()}
