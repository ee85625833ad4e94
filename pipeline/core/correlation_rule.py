"""A correlation rule: which alarm type follows which other, where, and how soon. Learned from the history, taken on by an engineer.

It lays an alarm that proves no failure by itself to an incident beside whose alarms it usually comes. It never finds a cause.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.core.inventory import Inventory
from pipeline.core.resource import ResourceId, device_of, name_of
from pipeline.core.topology import Topology

NANOSECONDS = 1_000_000_000


class Relation(StrEnum):
    """Where an effect is, seen from its cause. Two alarms have the first of these that holds, and only that."""

    SAME_RESOURCE = "same-resource"
    SAME_DEVICE = "same-device"
    DOWNSTREAM = "downstream"
    UPSTREAM = "upstream"
    NEIGHBOUR = "neighbour"


@dataclass(frozen=True, slots=True)
class CorrelationRule:
    """Alarms of type ``effect`` follow those of type ``cause`` within ``within_s`` seconds, on elements so related.

    ``same-device``: of the same device, another resource. ``downstream``: on what depends on the cause's resource; ``upstream``: on what
    that depends on. ``neighbour``: of a device at the other end of a link.
    """

    name: str
    cause: str
    effect: str
    relation: Relation
    within_s: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an alarm is: its resource and the device that it belongs to or, if it belongs to none, that tells of it."""

    resource: ResourceId
    device: str

    @classmethod
    def of(cls, resource: ResourceId, reporter: str) -> "Spot":
        """The spot of an alarm on a resource that a device tells of."""
        return cls(resource, device_of(resource) or reporter)


@dataclass(frozen=True, slots=True)
class Relations:
    """Who is whose neighbour over a link, and what depends on what."""

    topology: Topology
    neighbours: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, inventory: Inventory, topology: Topology) -> "Relations":
        """The relations of an inventory's elements."""
        near: dict[str, set[str]] = {}
        for link in inventory.links.values():
            a, b = link.a.partition("/")[0], link.b.partition("/")[0]
            near.setdefault(a, set()).add(b)
            near.setdefault(b, set()).add(a)
        return cls(topology, {device: frozenset(others - {device}) for device, others in near.items()})

    def between(self, cause: Spot, effect: Spot) -> Relation | None:
        """Where the effect is, seen from the cause; ``None`` for elements that have nothing to do with each other."""
        if cause.resource == effect.resource:
            return Relation.SAME_RESOURCE
        if cause.device == effect.device and cause.device:
            return Relation.SAME_DEVICE
        if self._depends(effect.resource, cause.resource):
            return Relation.DOWNSTREAM
        if self._depends(cause.resource, effect.resource):
            return Relation.UPSTREAM
        return Relation.NEIGHBOUR if effect.device in self.neighbours.get(cause.device, ()) else None

    def _depends(self, resource: ResourceId, other: ResourceId) -> bool:
        node, above = self.topology.node(resource), self.topology.node(other)
        return node is not None and above is not None and above in self.topology.ancestors(node)

    def reporter(self, resource: ResourceId) -> str:
        """The device that tells of a resource by the topology; empty when it knows none."""
        node = self.topology.node(resource)
        device = self.topology.reporter[node] if node is not None else -1
        return name_of(self.topology.names[device]) if device >= 0 else ""


@dataclass(frozen=True, slots=True)
class Correlating:
    """The rules by the alarm type of their effects, with the relations by which they are held against alarms."""

    by_effect: Mapping[str, tuple[CorrelationRule, ...]] = field(default_factory=dict)
    relations: Relations | None = None

    @classmethod
    def of(cls, rules: Iterable[CorrelationRule], relations: Relations) -> "Correlating":
        """Rules made ready for look-ups; those that come first are asked first."""
        by_effect: dict[str, tuple[CorrelationRule, ...]] = {}
        for rule in rules:
            by_effect[rule.effect] = (*by_effect.get(rule.effect, ()), rule)
        return cls(by_effect, relations)

    @property
    def longest_ns(self) -> int:
        """The longest that any effect may come after its cause, in nanoseconds."""
        return int(max((rule.within_s for rules in self.by_effect.values() for rule in rules), default=0.0) * NANOSECONDS)


def holds(rule: CorrelationRule, relations: Relations, cause: Spot, effect: Spot, after_ns: int) -> bool:
    """Whether an alarm of the effect's type is laid to one of the cause's that was raised ``after_ns`` nanoseconds earlier."""
    return 0 <= after_ns <= rule.within_s * NANOSECONDS and relations.between(cause, effect) is rule.relation
