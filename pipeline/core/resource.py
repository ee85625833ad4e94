"""A resource: the thing that alarms, as fine as possible (RFC 8632; X.733 managed object; TMF642 alarmedObject).

A resource is named by one string, ``kind/name``; what belongs to a device is named ``kind/device/part``:
``device/pe1``, ``interface/pe1/ge-0/0/1``, ``fibre/f-ams-rtm``, ``service/acme-vpn-1``.
"""

from enum import StrEnum
from typing import NewType

ResourceId = NewType("ResourceId", str)


class ResourceKind(StrEnum):
    """What a resource is. The order is upstream first: a kind is usually caused by those above it."""

    REGION = "region"
    SITE = "site"
    POWER = "power"
    DUCT = "duct"
    FIBRE = "fibre"
    SUPPLY = "supply"
    DEVICE = "device"
    CARD = "card"
    COMPONENT = "component"
    PORT = "port"
    INTERFACE = "interface"
    LINK = "link"
    UPLINKS = "uplinks"
    REACHABILITY = "reachability"
    PEER = "peer"
    LSP = "lsp"
    TUNNEL = "tunnel"
    CIRCUIT = "circuit"
    DEPENDENCY = "dependency"
    SERVICE = "service"
    CUSTOMER = "customer"
    SYSTEM = "system"
    UNKNOWN = "unknown"


OF_A_DEVICE = frozenset(
    {
        ResourceKind.SUPPLY,
        ResourceKind.DEVICE,
        ResourceKind.CARD,
        ResourceKind.COMPONENT,
        ResourceKind.PORT,
        ResourceKind.INTERFACE,
        ResourceKind.UPLINKS,
        ResourceKind.REACHABILITY,
        ResourceKind.PEER,
    }
)
"""Kinds whose name begins with the name of the device they belong to."""

DERIVED = frozenset({ResourceKind.SUPPLY, ResourceKind.UPLINKS, ResourceKind.REACHABILITY, ResourceKind.DEPENDENCY})
"""Kinds that nobody declares: gates and states that follow from what is declared."""

_KINDS = {kind.value: kind for kind in ResourceKind}


def resource_id(kind: ResourceKind, name: str) -> ResourceId:
    """Name a resource: ``resource_id(ResourceKind.DEVICE, "pe1") == "device/pe1"``."""
    return ResourceId(f"{kind.value}/{name}")


def kind_of(resource: ResourceId) -> ResourceKind:
    """The kind that a resource's name begins with; ``UNKNOWN`` for a name that begins with none."""
    return _KINDS.get(resource.partition("/")[0], ResourceKind.UNKNOWN)


def name_of(resource: ResourceId) -> str:
    """The name without its kind: ``pe1/ge-0/0/1``."""
    return resource.partition("/")[2]


def device_of(resource: ResourceId) -> str | None:
    """The name of the device that a resource belongs to, or ``None`` for one that belongs to no device."""
    if kind_of(resource) not in OF_A_DEVICE:
        return None
    return name_of(resource).partition("/")[0]
