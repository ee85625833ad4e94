"""Whose traffic goes over which links: what a capacity forecast is made for, and who is told of it."""

from dataclasses import dataclass

from pipeline.core.inventory import Inventory
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, name_of, resource_id
from pipeline.core.topology import Topology


@dataclass(frozen=True, slots=True)
class Path:
    """What can be full: a link, or a customer's interface that is no link's end. ``ends`` are its interfaces, ``customers`` who need it."""

    name: str
    ends: tuple[ResourceId, ...]
    customers: tuple[str, ...] = ()


def paths(inventory: Inventory, topology: Topology) -> tuple[Path, ...]:
    """Every link, and every interface that a service needs and that is no link's end; in order of name, customers likewise."""
    ends = {link.name: tuple(resource_id(ResourceKind.INTERFACE, end) for end in (link.a, link.b)) for link in inventory.links.values()}
    link_of = {end: name for name, both in ends.items() for end in both}
    needed: dict[str, set[str]] = {name: set() for name in ends}
    alone: dict[str, ResourceId] = {}
    for service in inventory.services.values():
        for resource in _upstream(topology, service.name):
            name = link_of.get(resource) or name_of(resource)
            if resource not in link_of and kind_of(resource) is ResourceKind.INTERFACE:
                alone[name] = resource
            if name in ends or name in alone:
                needed.setdefault(name, set()).add(service.customer)
    every = ends | {name: (resource,) for name, resource in alone.items()}
    return tuple(Path(name, every[name], tuple(sorted(needed.get(name, ())))) for name in sorted(every))


def _upstream(topology: Topology, service: str) -> list[ResourceId]:
    """The links and interfaces that a service depends on, directly or not."""
    node = topology.node(resource_id(ResourceKind.SERVICE, service))
    if node is None:
        return []
    found = (topology.names[each] for each in topology.ancestors(node))
    return [resource for resource in found if kind_of(resource) in {ResourceKind.LINK, ResourceKind.INTERFACE}]
