"""The dependency graph: what fails when something else fails, with k-of-n gates for what is protected.

A node is down if it failed itself or if enough of its parents are: one for a gate ALL, ``n - k + 1`` for k-of-n. One counter of down
parents for each node makes the closure incremental and undoable, O(edges touched).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.core.inventory import Device, Inventory, Link
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, name_of, resource_id


class Topology:
    """The graph of one inventory; nodes are numbers, named by :attr:`names`. Immutable once made by :meth:`of`.

    ``parents[n]`` and ``children[n]`` are edges; ``need[n]`` is how many parents must be down for ``n`` to be down. ``reporter[n]`` is the
    device that tells of ``n`` (-1: nobody in particular).
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self.names: list[ResourceId] = []
        self.kinds: list[ResourceKind] = []
        self.parents: list[tuple[int, ...]] = []
        self.children: list[list[int]] = []
        self.need: list[int] = []
        self.reporter: list[int] = []
        self._index: dict[ResourceId, int] = {}
        self._ancestors: dict[int, frozenset[int]] = {}
        self._links_of_fibre: dict[ResourceId, list[Link]] = {}
        self._links: dict[str, Link] = {}

    @classmethod
    def of(cls, inventory: Inventory) -> "Topology":
        """Build the graph. What is referred to but not declared becomes a node without parents, never an error."""
        graph = cls(inventory.version)
        for device in inventory.devices.values():
            graph._add_device(device)
        for fibre in inventory.fibres.values():
            ducts = (resource_id(ResourceKind.DUCT, fibre.duct),) if fibre.duct else ()
            graph._add(resource_id(ResourceKind.FIBRE, fibre.name), ducts)
        for link in inventory.links.values():
            graph._add_link(link)
        for lsp in inventory.lsps.values():
            links = tuple(resource_id(ResourceKind.LINK, name) for name in lsp.links)
            head = resource_id(ResourceKind.DEVICE, lsp.head)
            graph._add(resource_id(ResourceKind.LSP, lsp.name), links or (head,), reporter=head)
        for tunnel in inventory.tunnels.values():
            lsps = tuple(resource_id(ResourceKind.LSP, name) for name in tunnel.lsps)
            graph._add(resource_id(ResourceKind.TUNNEL, tunnel.name), lsps, keep=tunnel.needs)
        for service in inventory.services.values():
            graph._add(resource_id(ResourceKind.SERVICE, service.name), tuple(map(ResourceId, service.needs)))
        graph._connect()
        return graph

    def _add_device(self, device: Device) -> None:
        own = resource_id(ResourceKind.DEVICE, device.name)
        self._add(own, (resource_id(ResourceKind.SITE, device.site),) if device.site else ())
        for interface in device.interfaces:
            name = f"{device.name}/{interface.name}"
            self._add(resource_id(ResourceKind.PORT, name), (own,), reporter=own)
            self._add(resource_id(ResourceKind.INTERFACE, name), (resource_id(ResourceKind.PORT, name),), reporter=own)
        uplinks = tuple(resource_id(ResourceKind.INTERFACE, f"{device.name}/{name}") for name in device.uplinks)
        ways: tuple[ResourceId, ...] = (own,)
        if uplinks:
            ways = (own, resource_id(ResourceKind.UPLINKS, device.name))
            self._add(ways[1], uplinks, keep=1)
        self._add(resource_id(ResourceKind.REACHABILITY, device.name), ways)

    def _add_link(self, link: Link) -> None:
        self._links[link.name] = link
        fibres = tuple(resource_id(ResourceKind.FIBRE, name) for name in link.fibres)
        for fibre in fibres:
            self._links_of_fibre.setdefault(fibre, []).append(link)
        ports = tuple(resource_id(ResourceKind.PORT, end) for end in (link.a, link.b))
        ends = tuple(resource_id(ResourceKind.INTERFACE, end) for end in (link.a, link.b))
        for end, port in zip(ends, ports, strict=True):
            device = resource_id(ResourceKind.DEVICE, name_of(port).partition("/")[0])
            self._add(port, (device,), reporter=device)
            self._add(end, (*ports, *fibres), reporter=device)
        self._add(resource_id(ResourceKind.LINK, link.name), ends)

    def _add(self, name: ResourceId, parents: tuple[ResourceId, ...], keep: int = 0, reporter: ResourceId | None = None) -> int:
        """Add a node or give it more parents. ``keep`` parents must be up; 0 means all of them."""
        node = self._node(name)
        known = dict.fromkeys((*self.parents[node], *(self._node(parent) for parent in parents)))
        self.parents[node] = tuple(known)
        self.need[node] = max(len(known) - keep + 1, 1) if keep else 1
        if reporter is not None:
            self.reporter[node] = self._node(reporter)
        return node

    def _node(self, name: ResourceId) -> int:
        node = self._index.get(name)
        if node is None:
            node = self._index[name] = len(self.names)
            self.names.append(name)
            self.kinds.append(kind_of(name))
            self.parents.append(())
            self.need.append(1)
            self.reporter.append(-1)
        return node

    def _connect(self) -> None:
        self.children = [[] for _ in self.names]
        for node, parents in enumerate(self.parents):
            for parent in parents:
                self.children[parent].append(node)

    def node(self, resource: ResourceId) -> int | None:
        """The number of a resource, or ``None`` when the inventory does not have it."""
        return self._index.get(resource)

    def edge_confidence(self, parent: int, node: int) -> float:  # noqa: ARG002  # no source says less, so far
        """How sure it is that a node depends on a parent (0 to 1)."""
        return 1.0

    def ancestors(self, node: int) -> frozenset[int]:
        """Everything that a node depends on, directly or not; remembered."""
        found = self._ancestors.get(node)
        if found is None:
            found = self._ancestors[node] = frozenset(self._walk(node, self.parents))
        return found

    def descendants(self, node: int) -> set[int]:
        """Everything that depends on a node, directly or not."""
        return set(self._walk(node, self.children))

    @staticmethod
    def _walk(start: int, edges: list[tuple[int, ...]] | list[list[int]]) -> Iterator[int]:
        seen, waiting = {start}, [start]
        while waiting:
            for other in edges[waiting.pop()]:
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
                    yield other

    def reachability(self, device: int) -> int | None:
        """The reachability node of a device node."""
        return self._index.get(resource_id(ResourceKind.REACHABILITY, name_of(self.names[device])))

    @cached_property
    def silenced_by(self) -> list[int]:
        """For each node, the node whose being down makes its silence expected: the reachability of its reporter; -1 if none."""
        found = [-1] * len(self.names)
        for node, device in enumerate(self.reporter):
            if device >= 0:
                reachability = self.reachability(device)
                found[node] = device if reachability is None else reachability
        return found

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
            for node in self.descendants(gate):
                if self.kinds[node] is ResourceKind.SERVICE:
                    states.setdefault(node, ServiceState.REDUNDANCY_LOST)
        return states


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
