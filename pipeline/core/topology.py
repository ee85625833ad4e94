"""The dependency graph: what fails when something else fails, with k-of-n gates for what is protected.

A node is down if it failed itself or if enough of its parents are: one for a gate ALL, ``n - k + 1`` for k-of-n. One counter of down
parents for each node makes the closure incremental and undoable, O(edges touched).

What depends on what, upstream first::

    site -> device <- supply <- power (k-of-n) <- site
    device -> card -> port -> interface -> link -> LSP -> tunnel (k-of-n) -> service (k-of-n)
    duct -> fibre -> interface <- port of the far end
    interfaces of its members (k-of-n) -> port of a LAG -> interface of the LAG
    device -> reachability <- uplinks <- interfaces (one is enough)
    anything -> circuit (k-of-n); anything -> anything, where a dependency says so
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.core.inventory import Dependency, Device, Entry, Inventory, Lag, Link, Service
from pipeline.core.outage import ServiceState
from pipeline.core.resource import OF_A_DEVICE, ResourceId, ResourceKind, kind_of, name_of, resource_id

Edge = tuple[int, int]
"""A parent, and the node that needs it."""

NOBODY = -1
REMEMBERED = 2_000_000
"""How many ancestors are remembered over all nodes, before all are forgotten."""


@dataclass(frozen=True, slots=True)
class _Gate:
    """``node`` needs ``keep`` of ``parents``: a gate that is called ``name`` where the node needs other things as well."""

    node: int
    parents: tuple[int, ...]
    keep: int
    name: ResourceId
    confidence: float


class Topology:
    """The graph of one inventory; nodes are numbers, named by :attr:`names`. Immutable once made by :meth:`of`.

    ``parents[n]`` and ``children[n]`` are edges; ``need[n]`` is how many parents must be down for ``n`` to be down. ``reporter[n]`` is the
    device that tells of ``n`` (-1: nobody in particular). ``doubtful`` are the edges that are declared only by entries of a confidence
    below 1, and that confidence; that a device has its cards, ports and interfaces is never in doubt.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self.names: list[ResourceId] = []
        self.kinds: list[ResourceKind] = []
        self.parents: list[tuple[int, ...]] = []
        self.children: list[tuple[int, ...]] = []
        self.need: list[int] = []
        self.reporter: list[int] = []
        self.doubtful: dict[Edge, float] = {}
        self._index: dict[ResourceId, int] = {}
        self._bundles: Container[str] = ()
        self._sources: dict[int, str] = {}
        self._gates: list[_Gate] = []
        self._weights: dict[int, dict[int, float]] = {}
        self._ancestors: dict[int, frozenset[int]] = {}
        self._remembered = 0
        self._links_of_fibre: dict[ResourceId, list[Link]] = {}
        self._links: dict[str, Link] = {}

    @classmethod
    def of(cls, inventory: Inventory) -> "Topology":
        """Build the graph. What is referred to but not declared becomes a node without parents, never an error; :meth:`cycles` stay."""
        graph = cls(inventory.version)
        graph._bundles = inventory.lags.keys()
        graph._add_sites(inventory)
        graph._add_lines(inventory)
        graph._add_transport(inventory)
        for service in inventory.services.values():
            graph._add_service(service)
        for dependency in inventory.dependencies.values():
            graph._add_dependency(dependency)
        graph._connect()
        return graph

    def _add_sites(self, inventory: Inventory) -> None:
        for feed in inventory.power.values():
            self._add(resource_id(ResourceKind.POWER, feed.name), _ids(ResourceKind.SITE, _named(feed.site)), feed)
        for device in inventory.devices.values():
            self._add_device(device)

    def _add_lines(self, inventory: Inventory) -> None:
        for duct in inventory.ducts.values():
            self._add(resource_id(ResourceKind.DUCT, duct.name), (), duct)
        for fibre in inventory.fibres.values():
            self._add(resource_id(ResourceKind.FIBRE, fibre.name), _ids(ResourceKind.DUCT, fibre.route), fibre)
        for link in inventory.links.values():
            self._add_link(link)
        for lag in inventory.lags.values():
            self._add_lag(lag)

    def _add_transport(self, inventory: Inventory) -> None:
        for lsp in inventory.lsps.values():
            head = resource_id(ResourceKind.DEVICE, lsp.head)
            node = self._add(resource_id(ResourceKind.LSP, lsp.name), _ids(ResourceKind.LINK, lsp.links) or (head,), lsp)
            self.reporter[node] = self._node(head)
        for tunnel in inventory.tunnels.values():
            self._add(resource_id(ResourceKind.TUNNEL, tunnel.name), _ids(ResourceKind.LSP, tunnel.lsps), tunnel, tunnel.needs)
        for circuit in inventory.circuits.values():
            self._add(resource_id(ResourceKind.CIRCUIT, circuit.name), map(ResourceId, circuit.needs), circuit, circuit.keep)

    def _add_device(self, device: Device) -> None:
        own = resource_id(ResourceKind.DEVICE, device.name)
        node = self._add(own, _ids(ResourceKind.SITE, _named(device.site)), device)
        if device.power:
            supply = self._add(
                resource_id(ResourceKind.SUPPLY, device.name), _ids(ResourceKind.POWER, device.power), device, device.power_needs
            )
            self._require(node, (supply,), device.confidence)
        for interface in device.interfaces:
            name = f"{device.name}/{interface.name}"
            holder = node
            if interface.card:
                holder = self._part(ResourceKind.CARD, f"{device.name}/{interface.card}", node, node)
            port = self._part(ResourceKind.PORT, name, NOBODY if name in self._bundles else holder, node)
            self._part(ResourceKind.INTERFACE, name, port, node)
        ways = [own]
        if device.uplinks:
            ways.append(resource_id(ResourceKind.UPLINKS, device.name))
            self._add(ways[1], _ids(ResourceKind.INTERFACE, (f"{device.name}/{name}" for name in device.uplinks)), keep=1)
        self._add(resource_id(ResourceKind.REACHABILITY, device.name), ways)

    def _add_link(self, link: Link) -> None:
        self._links[link.name] = link
        fibres = [self._node(fibre) for fibre in _ids(ResourceKind.FIBRE, link.fibres)]
        for fibre in fibres:
            self._links_of_fibre.setdefault(self.names[fibre], []).append(link)
        ends = [self._interface(end) for end in (link.a, link.b)]
        ports = [self._port(end) for end in (link.a, link.b)]
        for end in ends:
            self._require(end, (*ports, *fibres), link.confidence)
        self._add(resource_id(ResourceKind.LINK, link.name), [self.names[end] for end in ends], link)

    def _add_lag(self, lag: Lag) -> None:
        """The port of a LAG is the bundle of its members, so that its interface may need a far end and fibres besides."""
        self._interface(lag.name)
        port = self._port(lag.name)
        members = tuple(dict.fromkeys(self._interface(member) for member in lag.members))
        self._require(port, members or (self.reporter[port],), lag.confidence, lag.needs)
        self._tell_source(port, lag)
        self._tell_source(self._interface(lag.name), lag)

    def _add_service(self, service: Service) -> None:
        node = self._add(resource_id(ResourceKind.SERVICE, service.name), map(ResourceId, service.needs), service, service.keep)
        if service.weights:
            self._weights[node] = {self._node(ResourceId(need)): weight for need, weight in service.weights.items()}

    def _add_dependency(self, dependency: Dependency) -> None:
        node = self._node(ResourceId(dependency.resource))
        needs = tuple(dict.fromkeys(self._node(ResourceId(need)) for need in dependency.needs))
        self._require(node, needs, dependency.confidence, dependency.keep, dependency.name)

    def _interface(self, end: str) -> int:
        """The interface ``device/interface``, with its port and device when it is not declared."""
        name = resource_id(ResourceKind.INTERFACE, end)
        node = self._index.get(name)
        if node is None or self.reporter[node] == NOBODY:
            device = self._node(resource_id(ResourceKind.DEVICE, end.partition("/")[0]))
            port = self._part(ResourceKind.PORT, end, NOBODY if end in self._bundles else device, device)
            node = self._part(ResourceKind.INTERFACE, end, port, device)
        return node

    def _port(self, end: str) -> int:
        return self._node(resource_id(ResourceKind.PORT, end))

    def _part(self, kind: ResourceKind, name: str, whole: int, device: int) -> int:
        """A part of a device, in ``whole``; of which there is no doubt."""
        resource = resource_id(kind, name)
        node = self._index.get(resource)
        if node is None:
            return self._new(resource, kind, () if whole == NOBODY else (whole,), device)
        self.reporter[node] = device
        if whole != NOBODY:
            self._require(node, (whole,), 1.0)
        return node

    def _add(self, name: ResourceId, needs: Iterable[ResourceId], entry: Entry | None = None, keep: int = 0) -> int:
        """What an entry declares, and what that needs: all of it, or with ``keep`` so many."""
        node = self._node(name)
        confidence = 1.0
        if entry is not None:
            self._tell_source(node, entry)
            confidence = entry.confidence
        self._require(node, tuple(dict.fromkeys(map(self._node, needs))), confidence, keep)
        return node

    def _tell_source(self, node: int, entry: Entry) -> None:
        if entry.source:
            self._sources[node] = entry.source

    def _require(self, node: int, needs: Sequence[int], confidence: float, keep: int = 0, gate: str = "") -> None:
        """Let a node need others besides those that it needs already; a gate waits until all that a node needs is known."""
        if 0 < keep < len(needs):
            name = resource_id(ResourceKind.DEPENDENCY, gate or self.names[node])
            self._gates.append(_Gate(node, tuple(needs), keep, name, confidence))
        else:
            self._join(node, needs, confidence)

    def _join(self, node: int, needs: Sequence[int], confidence: float) -> None:
        known = self.parents[node]
        if confidence < 1 or self.doubtful:
            self._doubt(node, needs, confidence)
        if not known:
            self.parents[node] = tuple(needs)
        elif any(need not in known for need in needs):
            self.parents[node] = tuple(dict.fromkeys((*known, *needs)))

    def _doubt(self, node: int, needs: Iterable[int], confidence: float) -> None:
        """Of several that declare an edge, the surest counts."""
        for need in needs:
            before = self.doubtful.get((need, node), 1.0 if need in self.parents[node] else 0.0)
            if max(before, confidence) < 1:
                self.doubtful[need, node] = max(before, confidence)
            else:
                self.doubtful.pop((need, node), None)

    def _node(self, name: ResourceId) -> int:
        node = self._index.get(name)
        return self._new(name, kind_of(name), (), NOBODY) if node is None else node

    def _new(self, name: ResourceId, kind: ResourceKind, parents: tuple[int, ...], reporter: int) -> int:
        node = self._index[name] = len(self.names)
        self.names.append(name)
        self.kinds.append(kind)
        self.parents.append(parents)
        self.need.append(1)
        self.reporter.append(reporter)
        return node

    def _connect(self) -> None:
        """Set the gates, then turn the edges round."""
        gates = Counter(gate.node for gate in self._gates)
        mixed = {node for node, count in gates.items() if self.parents[node] or count > 1}
        for gate in self._gates:
            node = gate.node
            if node in mixed:
                node = self._node(gate.name)
                self._join(gate.node, (node,), 1.0)
            self._join(node, gate.parents, gate.confidence)
            self.need[node] = len(gate.parents) - gate.keep + 1
        self._gates.clear()
        children: dict[int, list[int]] = {}
        for node, parents in enumerate(self.parents):
            for parent in parents:
                children.setdefault(parent, []).append(node)
        self.children = [tuple(children.get(node, ())) for node in range(len(self.names))]

    def node(self, resource: ResourceId) -> int | None:
        """The number of a resource, or ``None`` when the inventory does not have it."""
        return self._index.get(resource)

    def edge_confidence(self, parent: int, node: int) -> float:
        """How sure it is (0 to 1) that ``node`` needs its parent: 1 unless only entries that are less sure declare it."""
        return self.doubtful.get((parent, node), 1.0)

    def source(self, node: int) -> str:
        """Where a node is from, for a part where its device is from; empty for what a person wrote."""
        found = self._sources.get(node, "")
        if not found and self.kinds[node] in OF_A_DEVICE:
            return self._sources.get(self.reporter[node], "")
        return found

    def ancestors(self, node: int) -> frozenset[int]:
        """Everything that a node depends on, directly or not; remembered, within bounds."""
        found = self._ancestors.get(node)
        if found is None:
            found = frozenset(self.upstream(node))
            self._remembered += len(found) + 1
            if self._remembered > REMEMBERED:
                self._ancestors.clear()
                self._remembered = len(found) + 1
            self._ancestors[node] = found
        return found

    def upstream(self, node: int) -> Iterator[int]:
        """The same, one after the other and not remembered: for whoever asks of very many nodes once."""
        return self._walk(node, self.parents)

    def descendants(self, node: int) -> set[int]:
        """Everything that depends on a node, directly or not."""
        return set(self._walk(node, self.children))

    @staticmethod
    def _walk(start: int, edges: list[tuple[int, ...]]) -> Iterator[int]:
        seen, waiting = {start}, [start]
        while waiting:
            for other in edges[waiting.pop()]:
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
                    yield other

    def cycles(self) -> list[tuple[int, ...]]:
        """Nodes that need each other round in a circle, each circle once, from its first-named node on; every node is in one at most.

        What is in no circle is peeled off from both ends; what is left over is walked upstream until a node comes again.
        """
        left = set(range(len(self.names)))
        for edges, back in ((self.parents, self.children), (self.children, self.parents)):
            degree = [len(each) for each in edges]
            free = [node for node in left if not degree[node]]
            while free:
                node = free.pop()
                left.discard(node)
                for other in back[node]:
                    degree[other] -= 1
                    if not degree[other]:
                        free.append(other)
        found: list[tuple[int, ...]] = []
        walked: set[int] = set()
        for start in sorted(left):
            trail: dict[int, None] = {}
            node = start
            while node not in walked and node not in trail:
                trail[node] = None
                node = next(parent for parent in self.parents[node] if parent in left)
            if node in trail:
                way = list(trail)
                found.append(self._from_first(way[way.index(node) :]))
            walked.update(trail)
        return found

    def _from_first(self, circle: list[int]) -> tuple[int, ...]:
        place = circle.index(min(circle, key=self.names.__getitem__))
        return (*circle[place:], *circle[:place])

    def share_lost(self, service: int, down: Container[int]) -> float:
        """What share of a service (0 to 1) is lost while all of ``down`` is down.

        - All of it, 1, when the service itself is down.
        - With weights: the sum of ``weight * lost`` over its needs, by the sum of the weights; a need without a weight carries nothing.
        - Without: a service that needs all its needs loses what the worst of them lost; one that needs k of n what the k-th best lost,
          since it goes on over the best k.

        A need that is down is lost wholly. One that is a service (or the gate of a dependency) and not down may have lost a share by the
        same rules, so shares go down a tree of services; any other need has lost nothing while it is up.
        """
        return self._lost(service, down, frozenset())

    def _lost(self, node: int, down: Container[int], above: frozenset[int]) -> float:
        if node in down:
            return 1.0
        if self.kinds[node] not in (ResourceKind.SERVICE, ResourceKind.DEPENDENCY) or node in above:
            return 0.0
        above |= {node}
        weights = self._weights.get(node)
        if weights:
            return sum(weight * self._lost(need, down, above) for need, weight in weights.items()) / sum(weights.values())
        best_first = sorted(self._lost(need, down, above) for need in self.parents[node])
        return best_first[len(best_first) - self.need[node]] if best_first else 0.0

    def reachability(self, device: int) -> int | None:
        """The reachability node of a device node."""
        return self._index.get(resource_id(ResourceKind.REACHABILITY, name_of(self.names[device])))

    @cached_property
    def silenced_by(self) -> list[int]:
        """For each node, the node whose being down makes its silence expected: the reachability of its reporter; -1 if none."""
        reachability = {device: self.reachability(device) for device in set(self.reporter) - {NOBODY}}
        silent = {device: device if node is None else node for device, node in reachability.items()}
        return [silent.get(device, NOBODY) for device in self.reporter]

    def links_over(self, fibre: ResourceId) -> tuple[Link, ...]:
        """The links that need a fibre."""
        return tuple(self._links_of_fibre.get(fibre, ()))

    def link(self, name: str) -> Link | None:
        """A link by its name."""
        return self._links.get(name)

    def services_of(self, down: "Closure") -> dict[int, ServiceState]:
        """Service nodes that a closure takes down, or leaves up with redundancy lost: a gate above has lost a parent and still holds."""
        states = {node: ServiceState.DOWN for node in down.down if self.kinds[node] is ResourceKind.SERVICE}
        for gate in down.weakened():
            for node in (gate, *self.descendants(gate)):
                if self.kinds[node] is ResourceKind.SERVICE:
                    states.setdefault(node, ServiceState.REDUNDANCY_LOST)
        return states


def _named(name: str) -> tuple[str, ...]:
    return (name,) if name else ()


def _ids(kind: ResourceKind, names: Iterable[str]) -> list[ResourceId]:
    return [resource_id(kind, name) for name in names]


@dataclass(slots=True)
class Closure:
    """What is down, given what failed: grown by :meth:`add`, taken back by :meth:`undo` in the reverse order."""

    topology: Topology
    down: set[int] = field(default_factory=set)
    counts: dict[int, int] = field(default_factory=dict)

    def add(self, roots: Iterable[int]) -> list[int]:
        """Let nodes fail; the nodes newly down, in order of propagation."""
        children, need, down, counts = self.topology.children, self.topology.need, self.down, self.counts
        new = [root for root in dict.fromkeys(roots) if root not in down]
        down.update(new)
        for node in new:
            for child in children[node]:
                count = counts[child] = counts.get(child, 0) + 1
                if count >= need[child] and child not in down:
                    down.add(child)
                    new.append(child)
        return new

    def undo(self, new: list[int]) -> None:
        """Take back the latest :meth:`add`, given its answer."""
        children, counts = self.topology.children, self.counts
        for node in new:
            self.down.discard(node)
            for child in children[node]:
                count = counts[child] - 1
                if count:
                    counts[child] = count
                else:
                    del counts[child]

    def weakened(self) -> list[int]:
        """Gates that are up with fewer parents than they had."""
        return [node for node, count in self.counts.items() if node not in self.down and 0 < count < self.topology.need[node]]
