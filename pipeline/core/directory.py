"""Who is who: finds devices by address and resources by the names that notifications give them. Built once from an inventory."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.core.inventory import Device, Interface, Inventory
from pipeline.core.resource import ResourceId, ResourceKind, resource_id

DEFAULT_DOMAIN = "default"


@dataclass(frozen=True, slots=True)
class Directory:
    """Look-up tables of one inventory; ``version`` is the inventory's.

    ``interface_by_index`` is keyed by (device, ifIndex), ``interface_by_name`` by (device, ifName).
    """

    version: str
    device_by_address: dict[str, Device]
    device_by_name: dict[str, Device]
    interface_by_index: dict[tuple[str, int], Interface]
    interface_by_name: dict[tuple[str, str], Interface]
    inventory: Inventory

    @classmethod
    def of(cls, inventory: Inventory) -> "Directory":
        """Index an inventory. Addresses are compared in canonical form (RFC 5952)."""
        devices = inventory.devices.values()
        return cls(
            version=inventory.version,
            device_by_address={canonical(device.address): device for device in devices},
            device_by_name=dict(inventory.devices),
            interface_by_index={(device.name, port.index): port for device in devices for port in device.interfaces},
            interface_by_name={(device.name, port.name): port for device in devices for port in device.interfaces},
            inventory=inventory,
        )

    @property
    def resources(self) -> frozenset[ResourceId]:
        """Every declared resource; made when asked for, since it is as large as the inventory and seldom wanted."""
        return resources_of(self.inventory)

    def device_at(self, address: str) -> Device | None:
        """The device whose management address this is, however it is written."""
        return self.device_by_address.get(address) or self.device_by_address.get(canonical(address))

    def domain_of(self, device: str) -> str:
        """The correlation domain of a device; the default one for a device that is not declared."""
        known = self.device_by_name.get(device)
        return known.domain if known else DEFAULT_DOMAIN

    def interface_name(self, device: str, if_name: str, if_index: int | None) -> str:
        """The declared name of an interface: by ifName first, since ifIndex may be renumbered (RFC 2863 section 3.1.5), then by index.

        One that is not declared keeps the name it gave, or is called ``if<index>``; empty when it gave neither.
        """
        if (device, if_name) in self.interface_by_name:
            return if_name
        known = None if if_index is None else self.interface_by_index.get((device, if_index))
        if known:
            return known.name
        return if_name or ("" if if_index is None else f"if{if_index}")


def canonical(address: str) -> str:
    """An IP address in canonical form, an IPv4-mapped IPv6 address as IPv4; other text as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def resources_of(inventory: Inventory) -> frozenset[ResourceId]:
    """Every resource that an inventory declares, or that follows from what it declares."""
    kinds = ResourceKind
    found = [resource_id(kinds.SITE, name) for name in inventory.sites]
    for device in inventory.devices.values():
        found += [resource_id(kind, device.name) for kind in (kinds.DEVICE, kinds.UPLINKS, kinds.REACHABILITY)]
        found += [resource_id(kind, f"{device.name}/{port.name}") for port in device.interfaces for kind in (kinds.PORT, kinds.INTERFACE)]
        found += [resource_id(kinds.CARD, f"{device.name}/{port.card}") for port in device.interfaces if port.card]
        if device.power:
            found.append(resource_id(kinds.SUPPLY, device.name))
    for fibre in inventory.fibres.values():
        found += [resource_id(kinds.FIBRE, fibre.name), *(resource_id(kinds.DUCT, duct) for duct in fibre.route)]
    named: dict[ResourceKind, Iterable[str]] = {
        kinds.POWER: inventory.power,
        kinds.DUCT: inventory.ducts,
        kinds.LINK: inventory.links,
        kinds.LSP: inventory.lsps,
        kinds.TUNNEL: inventory.tunnels,
        kinds.CIRCUIT: inventory.circuits,
        kinds.SERVICE: inventory.services,
        kinds.CUSTOMER: inventory.customers,
    }
    found += [resource_id(kind, name) for kind, members in named.items() for name in members]
    return frozenset(found)
