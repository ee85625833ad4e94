"""How two resources hang together: what one needs of the other, what both need, and the links on the way between their devices."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.core.inventory import Inventory
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId, ResourceKind, device_of, kind_of, name_of, resource_id
from pipeline.core.topology import Closure, Topology

MOST_WAYS = 50
"""Ways of the same length that are told; a mesh may have thousands."""
MOST_DISJOINT = 8
"""Separate ways that are counted."""
TOLD_KINDS = frozenset(
    {
        *(ResourceKind.SITE, ResourceKind.POWER, ResourceKind.DUCT, ResourceKind.FIBRE, ResourceKind.DEVICE, ResourceKind.CARD),
        *(ResourceKind.LINK, ResourceKind.LSP, ResourceKind.TUNNEL, ResourceKind.CIRCUIT, ResourceKind.SERVICE),
    }
)
"""Kinds that are told as what two have in common, or as what parts them: what a person would go and mend."""


@dataclass(frozen=True, slots=True)
class Ways:
    """All shortest ways between two nodes, each with both ends; ``is_cut`` if there are more than are told."""

    ways: tuple[tuple[int, ...], ...] = ()
    is_cut: bool = False

    @property
    def steps(self) -> int:
        """Edges of each way."""
        return len(self.ways[0]) - 1 if self.ways else 0


@dataclass(frozen=True, slots=True)
class Hop:
    """From one device to a neighbour, over any of ``links``."""

    a: str
    b: str
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LinkPath:
    """All shortest ways over links between devices, and how sure the connection is.

    ``disjoint`` counts ways without a common link, up to :data:`MOST_DISJOINT`. ``cut_by`` are resources that part the two if they fail
    alone; the ends themselves, and what takes an end down, left out.
    """

    ways: tuple[tuple[Hop, ...], ...] = ()
    is_cut: bool = False
    disjoint: int = 0
    cut_by: tuple[ResourceId, ...] = ()


@dataclass(frozen=True, slots=True)
class Shared:
    """A resource that two need, and what becomes of each if it fails: ``None`` if it goes on as before."""

    resource: ResourceId
    a: ServiceState | None
    b: ServiceState | None


def shortest_ways(edges: Callable[[int], Iterable[int]], start: int, goal: int, most: int = MOST_WAYS) -> Ways:
    """All shortest ways from ``start`` to ``goal``, in the order of ``edges``; none if there is no way. No cycle hurts."""
    before: dict[int, list[int]] = {start: []}
    layer = [start]
    while layer and goal not in before:
        reached: dict[int, list[int]] = {}
        for node in layer:
            for other in edges(node):
                if other not in before:
                    reached.setdefault(other, []).append(node)
        before |= reached
        layer = list(reached)
    if goal not in before:
        return Ways()
    found: list[tuple[int, ...]] = []
    waiting: list[tuple[int, ...]] = [(goal,)]
    while waiting and len(found) <= most:
        way = waiting.pop()
        if way[0] == start:
            found.append(way)
        waiting += [(node, *way) for node in reversed(dict.fromkeys(before[way[0]]))]
    return Ways(tuple(found[:most]), len(found) > most)


def effect(graph: Topology, cause: int, on: int) -> ServiceState | None:
    """What becomes of a node if another fails alone: down, redundancy lost, or ``None`` for nothing."""
    closure = Closure(graph)
    closure.add([cause])
    if on in closure.down:
        return ServiceState.DOWN
    above = graph.ancestors(on) | {on}
    return ServiceState.REDUNDANCY_LOST if any(gate in above for gate in closure.weakened()) else None


def shared(graph: Topology, a: int, b: int) -> list[Shared]:
    """What both need, as far down as they have it in common, the worst first: of kinds that a person would mend."""
    common = (graph.ancestors(a) | {a}) & (graph.ancestors(b) | {b})
    told = {node for node in common if graph.kinds[node] in TOLD_KINDS}
    nearest = [node for node in told if not _first_below(graph, node, told, common)]
    found = [Shared(graph.names[node], effect(graph, node, a), effect(graph, node, b)) for node in nearest]
    return sorted(found, key=lambda each: (_badness(each.a) + _badness(each.b), each.resource))


def _first_below(graph: Topology, start: int, told: set[int], within: frozenset[int]) -> bool:
    """Whether something told stands below a node, within what is common."""
    seen, waiting = {start}, [start]
    while waiting:
        for child in graph.children[waiting.pop()]:
            if child in within and child not in seen:
                if child in told:
                    return True
                seen.add(child)
                waiting.append(child)
    return False


def _badness(state: ServiceState | None) -> int:
    return 2 if state is None else int(state is not ServiceState.DOWN)


def devices_of(inventory: Inventory, resource: ResourceId) -> tuple[str, ...]:
    """The devices that a resource is at: its own, those of a site, both ends of a link; none for what is at no device."""
    own = device_of(resource)
    if own is not None:
        return (own,) if own in inventory.devices else ()
    name = name_of(resource)
    if kind_of(resource) is ResourceKind.SITE:
        return tuple(device.name for device in inventory.devices.values() if device.site == name)
    link = inventory.links.get(name) if kind_of(resource) is ResourceKind.LINK else None
    return tuple(dict.fromkeys(end.partition("/")[0] for end in (link.a, link.b))) if link else ()


class Network:
    """The devices of an inventory and the links between them."""

    def __init__(self, inventory: Inventory, graph: Topology) -> None:
        self._graph = graph
        self._names: list[str] = []
        self._number: dict[str, int] = {}
        self._links: list[dict[int, list[str]]] = []
        for link in inventory.links.values():
            a, b = (self._node(end.partition("/")[0]) for end in (link.a, link.b))
            if a != b:
                self._links[a].setdefault(b, []).append(link.name)
                self._links[b].setdefault(a, []).append(link.name)

    def _node(self, device: str) -> int:
        number = self._number.setdefault(device, len(self._names))
        if number == len(self._names):
            self._names.append(device)
            self._links.append({})
        return number

    def path(self, from_: Sequence[str], to: Sequence[str]) -> LinkPath:
        """The shortest ways from any of some devices to any of others. Without a way an empty path."""
        best, ends = Ways(), (-1, -1)
        for a in from_:
            for b in to:
                if a != b and a in self._number and b in self._number:
                    found = shortest_ways(self._links_of, self._number[a], self._number[b])
                    if found.ways and (not best.ways or found.steps < best.steps):
                        best, ends = found, (self._number[a], self._number[b])
        if not best.ways:
            return LinkPath()
        ways = tuple(tuple(self._hop(a, b) for a, b in pairwise(way)) for way in best.ways)
        return LinkPath(ways, best.is_cut, self._disjoint(*ends), self._cut_by(ends, best.ways[0]))

    def _links_of(self, device: int) -> Mapping[int, list[str]]:
        return self._links[device]

    def _hop(self, a: int, b: int) -> Hop:
        return Hop(self._names[a], self._names[b], tuple(sorted(self._links[a][b])))

    def _disjoint(self, start: int, goal: int) -> int:
        """Ways without a common link: as many as fit beside each other (maximum flow, each link once)."""
        used: dict[tuple[int, int], int] = {}
        for count in range(MOST_DISJOINT):
            before = {start: start}
            waiting = deque([start])
            while waiting and goal not in before:
                node = waiting.popleft()
                for other, links in self._links[node].items():
                    if other not in before and used.get((node, other), 0) < len(links):
                        before[other] = node
                        waiting.append(other)
            if goal not in before:
                return count
            node = goal
            while node != start:
                used[before[node], node] = used.get((before[node], node), 0) + 1
                used[node, before[node]] = used.get((node, before[node]), 0) - 1
                node = before[node]
        return MOST_DISJOINT

    def _cut_by(self, ends: tuple[int, int], way: Sequence[int]) -> tuple[ResourceId, ...]:
        """What is on every way: looked for on one of them, which must have it."""
        graph = self._graph
        links = [graph.node(resource_id(ResourceKind.LINK, name)) for a, b in pairwise(way) for name in self._links[a][b]]
        devices = [graph.node(resource_id(ResourceKind.DEVICE, self._names[node])) for node in way[1:-1]]
        on_it = {node for node in (*links, *devices) if node is not None}
        known = on_it.union(*(graph.ancestors(node) for node in on_it))
        suspects = {node for node in known if graph.kinds[node] in TOLD_KINDS}
        cutting = {node for node in suspects if self._parts(ends, node)}
        nearest = [node for node in cutting if not cutting & graph.ancestors(node)]
        return tuple(sorted(graph.names[node] for node in nearest))

    def _parts(self, ends: tuple[int, int], cause: int) -> bool:
        """Whether a failure parts two devices that stay up themselves."""
        closure = Closure(self._graph)
        closure.add([cause])
        down = {self._graph.names[node] for node in closure.down}
        if any(resource_id(ResourceKind.DEVICE, self._names[end]) in down for end in ends):
            return False
        seen, waiting = {ends[0]}, [ends[0]]
        while waiting:
            node = waiting.pop()
            for other, links in self._links[node].items():
                if other in seen or all(resource_id(ResourceKind.LINK, name) in down for name in links):
                    continue
                if resource_id(ResourceKind.DEVICE, self._names[other]) not in down:
                    seen.add(other)
                    waiting.append(other)
        return ends[1] not in seen
