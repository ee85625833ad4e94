"""What an incident makes of each resource, and how that looks. Colours differ in lightness and outline too, for those who see few."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.core.resource import ResourceId, ResourceKind
from pipeline.core.topology import Closure, Topology
from pipeline.drawing.scene import GROUND, Stroke


class Mark(StrEnum):
    """The part that a resource plays in an incident, the foremost first."""

    ROOT = "root cause"
    EXPLAINED = "alarm, explained by the cause"
    MISSING = "alarm expected, but missing"
    FOLLOWS = "down too, no alarm of its own"
    WEAKENED = "redundancy lost"


@dataclass(frozen=True, slots=True)
class Look:
    """Fill and outline of a box, and the line of a link."""

    fill: str
    outline: Stroke
    line: Stroke


LOOKS = {
    Mark.ROOT: Look("#f4a39a", Stroke("#a3120c", 3.0), Stroke("#a3120c", 4.0)),
    Mark.EXPLAINED: Look("#ffd08a", Stroke("#b35900", 2.0), Stroke("#c96a00", 3.0)),
    Mark.MISSING: Look(GROUND, Stroke("#b35900", 2.0, (4, 3)), Stroke("#c96a00", 2.5, (6, 4))),
    Mark.FOLLOWS: Look("#fdebd0", Stroke("#b9925c", 1.2), Stroke("#cf9a55", 2.0)),
    Mark.WEAKENED: Look("#e6d3f2", Stroke("#6a1b9a", 1.8), Stroke("#6a1b9a", 2.5)),
}
PLAIN = Look("#f2f4f7", Stroke("#8a9099", 1.0), Stroke("#9aa1ab", 1.6))
"""What no incident touches."""


@dataclass(frozen=True, slots=True)
class Case:
    """An incident as a picture shows it: what it is called, its causes, what alarmed, what should have, and what is known to be up."""

    name: str
    roots: tuple[ResourceId, ...]
    alarmed: frozenset[ResourceId] = frozenset()
    missing: frozenset[ResourceId] = frozenset()
    up: frozenset[ResourceId] = frozenset()


def marks(graph: Topology, cases: Collection[Case]) -> dict[ResourceId, Mark]:
    """The foremost mark of each resource that these incidents touch."""
    found: dict[ResourceId, Mark] = {}
    for case in cases:
        closure = Closure(graph)
        closure.add([node for node in map(graph.node, case.roots) if node is not None])
        down = {graph.names[node] for node in closure.down}
        own: dict[ResourceId, Mark] = dict.fromkeys(_weakened(graph, closure), Mark.WEAKENED)
        own |= dict.fromkeys(down - case.up, Mark.FOLLOWS) | dict.fromkeys(case.missing, Mark.MISSING)
        own |= dict.fromkeys(case.alarmed, Mark.EXPLAINED) | dict.fromkeys(case.roots, Mark.ROOT)
        for name, mark in own.items():
            found[name] = min(mark, found.get(name, mark), key=ORDER.index)
    return found


ORDER = tuple(Mark)


def _weakened(graph: Topology, closure: Closure) -> set[ResourceId]:
    """Gates that lost a parent and hold, and the services above them."""
    gates = closure.weakened()
    services = {node for gate in gates for node in graph.descendants(gate) if graph.kinds[node] is ResourceKind.SERVICE}
    return {graph.names[node] for node in services.union(gates) - closure.down}


def look(marked: Mapping[ResourceId, Mark], resource: ResourceId) -> Look:
    """How a resource looks."""
    mark = marked.get(resource)
    return PLAIN if mark is None else LOOKS[mark]
