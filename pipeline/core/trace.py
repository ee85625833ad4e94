"""How a failure reaches services: the path from the root cause over the dependency graph, in as few steps as there are."""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from pipeline.core.explanation import NOTHING
from pipeline.core.felling import Felling
from pipeline.core.outage import ServiceState
from pipeline.core.points import called
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, resource_id
from pipeline.core.topology import Topology

TRACED = 200
"""How many services of an incident have their path from the cause kept."""


class Path(NamedTuple):
    """From the root cause to what a service needs. ``gate`` is the resource on it that has lost its protection; empty where none has."""

    nodes: tuple[ResourceId, ...] = ()
    gate: ResourceId = NOTHING


def paths(felling: Felling, incident: str, services: Iterable[str]) -> dict[str, Path]:
    """The shortest path of an incident's failure to each of these services; those that it does not reach are left out.

    A service that is down or degraded is reached over what is so; one that is weakened over a gate that has lost a parent.
    """
    return Reach.of(felling, incident).paths(services) if incident in felling.roots else {}


@dataclass(slots=True)
class Reach:
    """What an incident's failure reaches: whence each node is reached, over what fell (``came``), and past ``gates`` that hold."""

    topology: Topology
    came: dict[int, int]
    beyond: dict[int, int]
    gates: frozenset[int]
    _paths: dict[str, Path | None] = field(default_factory=dict)

    @classmethod
    def of(cls, felling: Felling, incident: str) -> "Reach":
        """As things are now, of an incident that is open."""
        root, rank = felling.roots[incident]
        fallen = felling.ranks.keys() if rank.degraded else felling.down
        failed = (root, *felling.besides.get(incident, ()))
        came = {node: node for node in failed}
        _spread(felling.topology, list(came), came, lambda node: node in fallen)
        over = {} if rank.degraded else _first_gates(felling, came)
        beyond = dict(over)
        _spread(felling.topology, list(over), beyond, lambda node: node not in felling.down)
        return cls(felling.topology, came, beyond, frozenset(over))

    def is_concerned(self, region: AbstractSet[int]) -> bool:
        """Whether it may be another once some nodes have moved; ``region`` are these and their parents."""
        return not (region.isdisjoint(self.came.keys()) and region.isdisjoint(self.beyond.keys()))

    def paths(self, services: Iterable[str]) -> dict[str, Path]:
        """The paths to those of these services that are reached."""
        found = {}
        for name in services:
            if name not in self._paths:
                self._paths[name] = self._path(name)
            path = self._paths[name]
            if path is not None:
                found[name] = path
        return found

    def _path(self, service: str) -> Path | None:
        node = self.topology.node(resource_id(ResourceKind.SERVICE, service))
        if node is None or (node not in self.came and node not in self.beyond):
            return None
        return _path(self.topology, node, self.came, self.beyond, self.gates)


def way(path: Sequence[ResourceId], gate: ResourceId, state: ServiceState) -> str:
    """A path in words: ``fibre f1 → link l1 → LSP p3 → tunnel t-ams, whose protection is lost``; empty without a path."""
    said = [called(node) + (", whose protection is lost" if node == gate else "") for node in path]
    if said and state is ServiceState.DEGRADED and not gate:
        said[0] += " (degraded)"
    return " → ".join(said)


def _first_gates(felling: Felling, came: dict[int, int]) -> dict[int, int]:
    """The gates that hold with fewer parents next to what fell, the nearest to the root first, each with whence it is reached."""
    steps = {node: place for place, node in enumerate(came)}
    gates = {child for node in came for child in felling.topology.children[node]} & felling.weakened
    over = {gate: min((parent for parent in felling.topology.parents[gate] if parent in came), key=steps.__getitem__) for gate in gates}
    return dict(sorted(over.items(), key=lambda each: (steps[each[1]], each[0])))


def _spread(topology: Topology, nodes: list[int], came: dict[int, int], reaches: Callable[[int], bool]) -> None:
    """Go from nodes to all below them that can be reached, the nearest first; ``came`` takes whence."""
    for node in nodes:
        for child in topology.children[node]:
            if child not in came and reaches(child):
                came[child] = node
                nodes.append(child)


def _path(topology: Topology, service: int, came: dict[int, int], beyond: dict[int, int], gates: AbstractSet[int]) -> Path:
    node, nodes, gate = service, list[int](), NOTHING
    while node not in came:
        gate = topology.names[node] if node in gates else gate
        node = beyond[node]
        nodes.append(node)
    while came[node] != node:
        node = came[node]
        nodes.append(node)
    return Path(tuple(_condensed(topology, nodes[::-1], gate)), gate)


def _condensed(topology: Topology, nodes: Sequence[int], gate: ResourceId) -> list[ResourceId]:
    """A path without what goes without saying: the port of the interface that follows, the interface of a link, the supply of a device."""
    unsaid = (
        (ResourceKind.PORT, ResourceKind.INTERFACE),
        (ResourceKind.INTERFACE, ResourceKind.LINK),
        (ResourceKind.SUPPLY, ResourceKind.DEVICE),
    )
    names = [topology.names[node] for node in nodes]
    between = (name for name, follows in pairwise(names[1:]) if name == gate or (kind_of(name), kind_of(follows)) not in unsaid)
    return [*names[:1], *between, *names[1:][-1:]]
