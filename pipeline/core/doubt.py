"""Records of the inventory that the evidence speaks against: what a cause should have taken down and did not may not depend on it."""

from collections.abc import Iterable, Iterator
from math import log

from pipeline.core.likelihood import KNOWN_UP, WRONG_EDGE
from pipeline.core.resource import ResourceKind, resource_id
from pipeline.core.standing import Record, Standing
from pipeline.core.topology import Topology

RECORDED = frozenset(
    {
        (ResourceKind.SITE, ResourceKind.DEVICE),
        (ResourceKind.DUCT, ResourceKind.FIBRE),
        (ResourceKind.FIBRE, ResourceKind.INTERFACE),
        (ResourceKind.LINK, ResourceKind.LSP),
        (ResourceKind.LSP, ResourceKind.TUNNEL),
    }
)
"""Kinds of parent and child whose edge is a statement that may be wrong; a port is part of its device, and a link's ends share its
light."""

EPSILON = 1e-9


def doubt(standing: Standing, nodes: Iterable[int]) -> None:
    """Suppose records wrong while that raises the score, looking upstream from those of ``nodes`` that are known to be up.

    Silence makes nobody doubt a record, unless it is one of little confidence.
    """
    least = 0.0 if standing.topology.doubtful else KNOWN_UP
    for node in sorted(node for node in standing.bad.intersection(nodes) if standing.worth(node) <= least):
        if standing.worth(node) < 0:
            for record, cost in sorted(_records(standing, node).items()):
                before = standing.score
                standing.cut(record, cost)
                if standing.score > before + EPSILON:
                    break
                standing.mend(record)


def _records(standing: Standing, start: int) -> dict[Record, float]:
    """Records on the ways by which a node is down, and what it costs to suppose each wrong."""
    topology, found = standing.topology, dict[Record, float]()
    seen, waiting = {start}, [start]
    while waiting:
        node = waiting.pop()
        if node in standing.roots:
            continue
        for parent in topology.parents[node]:
            if parent not in standing.down or standing.is_absent((parent, node)):
                continue
            cost = _cost(topology, parent, node)
            if cost is not None:
                found[_record(standing, parent, node)] = cost
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return found


def _cost(topology: Topology, parent: int, node: int) -> float | None:
    """What it costs to suppose that an edge does not exist; ``None`` for one beyond doubt."""
    confidence = topology.edge_confidence(parent, node)
    if confidence < 1:
        return max(log(1 - confidence), WRONG_EDGE)
    kind = (topology.kinds[parent], topology.kinds[node])
    return WRONG_EDGE if kind in RECORDED or ResourceKind.POWER in kind or kind[1] is ResourceKind.SERVICE else None


def _record(standing: Standing, parent: int, node: int) -> Record:
    """The edges that were declared together with one: a link lies over a fibre with both its ends."""
    return tuple(edge for edge in sorted(set(_edges(standing.topology, parent, node))) if not standing.is_absent(edge))


def _edges(topology: Topology, parent: int, node: int) -> Iterator[tuple[int, int]]:
    yield parent, node
    if (topology.kinds[parent], topology.kinds[node]) == (ResourceKind.FIBRE, ResourceKind.INTERFACE):
        for link in topology.links_over(topology.names[parent]):
            ends = [topology.node(resource_id(ResourceKind.INTERFACE, end)) for end in (link.a, link.b)]
            if node in ends:
                yield from ((parent, end) for end in ends if end is not None and end != node)
