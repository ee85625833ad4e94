"""Two inventories held against each other: what was declared, how the graph differs, and which services that makes safer or less safe.

A service is less safe when something takes it down alone that did not before. Secrets are not compared.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pipeline.core.declaration import entries, sections, told
from pipeline.core.inventory import Inventory
from pipeline.core.resource import ResourceId, ResourceKind, name_of
from pipeline.core.topology import Topology

Nodes = frozenset[int]


class Change(StrEnum):
    """What became of something."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of an entry that has another value."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class EntryChange:
    """An entry that was added, removed or changed (then ``fields`` says in what); source and confidence are as they last were."""

    change: Change
    section: str
    name: str
    source: str
    confidence: float
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A resource that the graph has, or had; ``needs`` is how many of how many parents must be up, before and after, where that changed."""

    change: Change
    resource: ResourceId
    needs: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """That ``resource`` needs ``parent``: new, gone, or sure to another degree (0 to 1; 0 where the edge is not)."""

    change: Change
    parent: ResourceId
    resource: ResourceId
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class RedundancyChange:
    """A service, what alone takes it down that did not before, and what no longer does; each as far upstream as it begins."""

    service: str
    fatal: tuple[ResourceId, ...]
    survived: tuple[ResourceId, ...]


@dataclass(frozen=True, slots=True)
class TopologyDifference:
    """All of it; in each list things are in order of name."""

    before: str
    after: str
    entries: tuple[EntryChange, ...]
    nodes: tuple[NodeChange, ...]
    edges: tuple[EdgeChange, ...]
    redundancy: tuple[RedundancyChange, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the two are the same."""
        return not (self.entries or self.nodes or self.edges)


def difference(before: Inventory, after: Inventory) -> TopologyDifference:
    """What ``after`` has, lacks and says otherwise than ``before``."""
    old, new = Topology.of(before), Topology.of(after)
    nodes, edges = tuple(_node_changes(old, new)), tuple(_edge_changes(old, new))
    touched = {change.resource for change in nodes} | {change.resource for change in edges}
    return TopologyDifference(
        before.version, after.version, tuple(_entry_changes(before, after)), nodes, edges, tuple(_redundancy(old, new, touched))
    )


def _entry_changes(before: Inventory, after: Inventory) -> Iterator[EntryChange]:
    for section in sections():
        old, new = entries(before, section), entries(after, section)
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                change = _entry_change(section, name, old.get(name), new.get(name))
                if change.change is not Change.CHANGED or change.fields:
                    yield change


def _entry_change(section: str, name: str, old: Any, new: Any) -> EntryChange:
    last = old if new is None else new
    source, confidence = getattr(last, "source", ""), float(getattr(last, "confidence", 1.0))
    if old is None or new is None:
        return EntryChange(Change.REMOVED if new is None else Change.ADDED, section, name, source, confidence)
    was, now = told(old), told(new)
    fields = tuple(FieldChange(field, was[field], now[field]) for field in now if was[field] != now[field])
    return EntryChange(Change.CHANGED, section, name, source, confidence, fields)


def _node_changes(old: Topology, new: Topology) -> Iterator[NodeChange]:
    for name in sorted({*old.names, *new.names}):
        was, now = old.node(name), new.node(name)
        if was is None or now is None:
            yield NodeChange(Change.REMOVED if now is None else Change.ADDED, name)
        elif (gates := (gate(old, was), gate(new, now)))[0] != gates[1]:
            yield NodeChange(Change.CHANGED, name, gates)


def gate(graph: Topology, node: int) -> str:
    """How many of a node's parents must be up, in words: ``all``, ``1 of 2``."""
    parents, need = len(graph.parents[node]), graph.need[node]
    return f"{parents - need + 1} of {parents}" if need > 1 else "all"


def _edge_changes(old: Topology, new: Topology) -> Iterator[EdgeChange]:
    for name in sorted({*old.names, *new.names}):
        was, now = _parents(old, name), _parents(new, name)
        if was != now:
            for parent in sorted(was.keys() | now.keys()):
                before, after = was.get(parent, 0.0), now.get(parent, 0.0)
                if before != after:
                    change = Change.ADDED if parent not in was else Change.REMOVED if parent not in now else Change.CHANGED
                    yield EdgeChange(change, parent, name, before, after)


def _parents(graph: Topology, name: ResourceId) -> dict[ResourceId, float]:
    node = graph.node(name)
    return {} if node is None else {graph.names[parent]: graph.edge_confidence(parent, node) for parent in graph.parents[node]}


def _redundancy(old: Topology, new: Topology, touched: Iterable[ResourceId]) -> Iterator[RedundancyChange]:
    """Of the services in both, downstream of what changed."""
    names = _services_below(old, touched) & _services_below(new, touched) if touched else set()
    memo_old: dict[int, Nodes] = {}
    memo_new: dict[int, Nodes] = {}
    for name in sorted(names):
        was, now = _fatal_names(old, name, memo_old), _fatal_names(new, name, memo_new)
        fatal, survived = _upmost(new, now - was), _upmost(old, was - now)
        if fatal or survived:
            yield RedundancyChange(name_of(name), fatal, survived)


def _services_below(graph: Topology, touched: Iterable[ResourceId]) -> set[ResourceId]:
    seen = {node for node in map(graph.node, touched) if node is not None}
    waiting = list(seen)
    while waiting:
        for child in graph.children[waiting.pop()]:
            if child not in seen:
                seen.add(child)
                waiting.append(child)
    return {graph.names[node] for node in seen if graph.kinds[node] is ResourceKind.SERVICE}


def _fatal_names(graph: Topology, service: ResourceId, memo: dict[int, Nodes]) -> set[ResourceId]:
    """What alone takes a service down, the service itself left out."""
    node = graph.node(service)
    assert node is not None, "services are of both graphs"
    return {graph.names[each] for each in fatal_to(graph, node, memo) - {node}}


def _upmost(graph: Topology, names: set[ResourceId]) -> tuple[ResourceId, ...]:
    """Those that need none of the others, but in a circle."""
    nodes = {node for node in map(graph.node, names) if node is not None}
    below = {node for node in nodes for parent in nodes.intersection(graph.parents[node]) if node not in graph.ancestors(parent)}
    return tuple(sorted(graph.names[node] for node in nodes - below))


def fatal_to(graph: Topology, node: int, memo: dict[int, Nodes] | None = None) -> Nodes:
    """Every node whose failure alone takes a node down, itself included.

    A failure takes a node down if it takes down as many parents as the gate says; so the answer comes from the parents' answers, each
    found once and kept in ``memo``. A cycle's own edge is left out of account.
    """
    known = {} if memo is None else memo
    waiting, open_ = [node], set()
    while waiting:
        top = waiting[-1]
        missing = [parent for parent in graph.parents[top] if parent not in known and parent not in open_]
        if top not in known and missing:
            open_.add(top)
            waiting += missing
            continue
        waiting.pop()
        open_.discard(top)
        if top not in known:
            known[top] = _fatal(graph, top, known)
    return known[node]


def _fatal(graph: Topology, node: int, known: Mapping[int, Nodes]) -> Nodes:
    above = [known[parent] for parent in graph.parents[node] if parent in known]
    if graph.need[node] == 1:
        return frozenset({node}).union(*above)
    counts: dict[int, int] = {}
    for each in above:
        for cause in each:
            counts[cause] = counts.get(cause, 0) + 1
    return frozenset({node} | {cause for cause, count in counts.items() if count >= graph.need[node]})
