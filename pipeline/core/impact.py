"""Which services feel which incident, and how: the closure of all open incidents' roots over the dependency graph."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from pipeline.core.alarm import Alarm
from pipeline.core.event import Condition
from pipeline.core.felling import Felling, Moved, Rank
from pipeline.core.outage import ServiceState, episode
from pipeline.core.reconcile import LIGHT_LOST
from pipeline.core.resource import ResourceId, ResourceKind, name_of, resource_id
from pipeline.core.topology import Closure, Topology
from pipeline.core.trace import Path, Reach

Failure = tuple[str, ResourceId, bool]
"""An open incident: its id, its root, and whether the root is down (rather than degraded)."""


def is_down(alarms: Iterable[Alarm]) -> bool:
    """Whether an incident's alarms say down, rather than only degraded."""
    return any(alarm.condition is Condition.DOWN or alarm.alarm_type == LIGHT_LOST for alarm in alarms)


class Loss(NamedTuple):
    """How a service fares, and what share of it (0 to 1) is lost by all that is down together; 0 when only its redundancy is."""

    state: ServiceState
    share: float = 0.0


DOWN = Loss(ServiceState.DOWN, 1.0)
DEGRADED = Loss(ServiceState.DEGRADED)
PLACES = 4
"""Decimals of a share."""


def felt_by(topology: Topology, failures: Sequence[Failure]) -> dict[str, dict[str, Loss]]:
    """How each service fares that an incident touches: incident id -> service name -> what it lost.

    ``failures`` are in the order in which they began. A service that only several of them together take down is laid to the one that
    completed it; the earlier ones lost its redundancy until then, or a share of it. A service is degraded if it would be down were the
    degraded things down, or while a share of it is lost.
    """
    felt: dict[str, dict[str, Loss]] = {incident: {} for incident, _, _ in failures}
    closure, weakening = Closure(topology), list[tuple[str, set[int]]]()
    for incident, root, down in failures:
        node = topology.node(root)
        if node is not None and down:
            new = closure.add((node,))
            weakening.append((incident, set(new) | {node}))
            felt[incident] |= dict.fromkeys(_services(topology, new), DOWN)
    _redundancy(topology, closure, weakening, felt)
    for incident, root, down in failures:
        node = topology.node(root)
        if node is not None and not down:
            felt[incident] |= dict.fromkeys(_services(topology, closure.add((node,))), DEGRADED)
    return felt


def _services(topology: Topology, nodes: Iterable[int]) -> Iterator[str]:
    return (name_of(topology.names[node]) for node in nodes if topology.kinds[node] is ResourceKind.SERVICE)


def _redundancy(topology: Topology, closure: Closure, weakening: list[tuple[str, set[int]]], felt: dict[str, dict[str, Loss]]) -> None:
    for gate in closure.weakened():
        behind = [
            node
            for node in (gate, *topology.descendants(gate))
            if node not in closure.down and topology.kinds[node] is ResourceKind.SERVICE
        ]
        losses = {name_of(topology.names[node]): _weakened(topology, node, closure.down) for node in behind}
        for incident, nodes in weakening:
            if not nodes.isdisjoint(topology.parents[gate]):
                felt[incident] = losses | felt[incident]


def _weakened(topology: Topology, service: int, down: AbstractSet[int]) -> Loss:
    """What a service that is up has lost behind a gate that holds with fewer parents: its redundancy, or a share of itself."""
    share = round(topology.share_lost(service, down), PLACES)
    return Loss(ServiceState.DEGRADED if share else ServiceState.REDUNDANCY_LOST, share)


@dataclass(slots=True)
class Impacts:
    """What every open incident does to services, kept up to date: :func:`felt_by` of all of them, without asking for all of them again.

    ``touched`` are the incidents whose services may fare differently than before, until :meth:`take_touched`. ``behind``, what is told and
    what is reached are remembered.
    """

    topology: Topology
    felling: Felling = field(init=False)
    touched: set[str] = field(default_factory=set)
    behind: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _told: dict[str, "Told"] = field(default_factory=dict)
    _reaches: dict[str, Reach] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.felling = Felling(self.topology)

    def put(self, incident: str, root: ResourceId, *, down: bool, began_at: int, besides: Iterable[ResourceId] = ()) -> None:
        """An open incident as it is now: its root, whether that is down (rather than degraded), when it began (UTC nanoseconds).

        ``besides`` fail with the root, though the topology does not say so.
        """
        node = self.topology.node(root)
        if node is None:
            self.drop(incident)
        else:
            rank = Rank(not down, began_at, incident)
            others = tuple(sorted({other for each in besides if (other := self.topology.node(each)) not in (None, node)}))
            if not self.felling.has(rank, node, others):
                self._reaches.pop(incident, None)
                self.touched.add(incident)
                self._follow(self.felling.put(rank, node, others))

    def drop(self, incident: str) -> None:
        """An incident that is open no more."""
        self._told.pop(incident, None)
        self._reaches.pop(incident, None)
        if incident in self.felling.roots:
            self.touched.add(incident)
            self._follow(self.felling.drop(incident))

    def take_touched(self) -> set[str]:
        """The incidents that may be felt differently than at the last call, dropped ones included."""
        touched, self.touched = self.touched, set()
        return touched

    def losses(self, incident: str) -> dict[str, Loss]:
        """How each service fares that an incident touches, by name of the service."""
        if incident not in self.felling.roots:
            return {}
        topology, felling = self.topology, self.felling
        weak = {service for gate in self.gates(incident) for service in self._services_behind(gate) if service not in felling.down}
        found = {name_of(topology.names[service]): _weakened(topology, service, felling.down) for service in weak}
        degraded = felling.roots[incident][1].degraded
        return found | dict.fromkeys(_services(topology, felling.owned.get(incident, ())), DEGRADED if degraded else DOWN)

    def told(self, incident: str, root: ResourceId, alarms: Sequence[Alarm]) -> "Told":
        """What an incident's alarms tell of services now."""
        known = self._told.get(incident)
        if known is None or not known.renew(root, alarms):
            known = Told(self.topology, root, alarms)
            if incident in self.felling.roots:
                self._told[incident] = known
        return known

    def paths(self, incident: str, services: Iterable[str]) -> dict[str, Path]:
        """The shortest path of an incident's failure to each of these services; those that it does not reach are left out."""
        if incident not in self.felling.roots:
            return {}
        reach = self._reaches.get(incident)
        if reach is None:
            reach = self._reaches[incident] = Reach.of(self.felling, incident)
        return reach.paths(services)

    def gates(self, incident: str) -> set[int]:
        """The gates that are up, with a parent that this incident keeps down."""
        root, rank = self.felling.roots[incident]
        if rank.degraded:
            return set()
        nodes = (root, *self.felling.besides.get(incident, ()), *self.felling.owned.get(incident, ()))
        children, weakened = self.topology.children, self.felling.weakened
        return {child for node in nodes for child in children[node] if child in weakened}

    def _services_behind(self, gate: int) -> tuple[int, ...]:
        found = self.behind.get(gate)
        if found is None:
            kinds, nodes = self.topology.kinds, (gate, *self.topology.descendants(gate))
            found = self.behind[gate] = tuple(node for node in nodes if kinds[node] is ResourceKind.SERVICE)
        return found

    def _follow(self, moved: list[Moved]) -> None:
        """Note whom it touches that these nodes fare otherwise: who took them down, who weakens their gates, who feels their services."""
        felling, kinds = self.felling, self.topology.kinds
        gates = felling.gates_at(moved)
        region = {each.node for each in moved}.union(*(self.topology.parents[each.node] for each in moved))
        for name in [name for name, reach in self._reaches.items() if reach.is_concerned(region)]:
            del self._reaches[name]
        for each in moved:
            self.touched |= {rank.incident for rank in (each.before, each.after) if rank is not None}
        for gate in gates:
            self.touched.update(felling.weakening(gate))
        services = {each.node for each in moved if kinds[each.node] is ResourceKind.SERVICE}
        for gate in gates:
            if kinds[gate] in (ResourceKind.SERVICE, ResourceKind.DEPENDENCY):  # what share is lost is known below it too
                services.update(self._services_behind(gate))
        for service in services:
            for gate in felling.weakened & (self.topology.ancestors(service) | {service}):
                self.touched.update(felling.weakening(gate))


class Told:
    """What an incident's alarms tell of each service that its root takes down; looked up once for all of them.

    An alarm is relevant to a service if it is on itself, on what it needs, or on whether its dead device answers. Which those are stays the
    same while the root and the alarmed resources do: :meth:`renew` only looks at the alarms again.
    """

    def __init__(self, topology: Topology, root: ResourceId, alarms: Sequence[Alarm]) -> None:
        self.root = root
        self._topology = topology
        self._alarms = alarms
        self._cause = topology.node(root)
        self._by_node: dict[int, list[int]] = {}
        self._places: dict[str, tuple[int, ...]] = {}
        self._episodes: dict[tuple[int, ...], tuple[int, int]] = {}
        own = resource_id(ResourceKind.REACHABILITY, name_of(root))
        self._of_own = [place for place, alarm in enumerate(alarms) if alarm.resource == own]
        for place, alarm in enumerate(alarms):
            node = topology.node(alarm.resource)
            if node is not None and alarm.resource != own:
                self._by_node.setdefault(node, []).append(place)

    def renew(self, root: ResourceId, alarms: Sequence[Alarm]) -> bool:
        """Take the present state of the same alarms of the same root, in the same order; ``False`` if they are others."""
        if root != self.root or [alarm.resource for alarm in alarms] != [alarm.resource for alarm in self._alarms]:
            return False
        self._alarms = alarms
        self._episodes.clear()
        self.__dict__.pop("_confirmed", None)
        return True

    def of(self, service: str) -> Sequence[Alarm]:
        """The relevant alarms, in their order; all of the incident's if there are none such."""
        return [self._alarms[place] for place in self._relevant(service)] or self._alarms

    def episode(self, service: str) -> tuple[int, int] | None:
        """Since when what the relevant alarms tell of has lasted without a break, and until when; ``None`` without any alarm."""
        places = self._relevant(service)
        if places not in self._episodes and self._alarms:
            told = [self._alarms[place] for place in places] or self._alarms
            self._episodes[places] = episode((alarm.last_raised_at, alarm.cleared_at if alarm.is_cleared else 0) for alarm in told)
        return self._episodes.get(places)

    def proof(self, service: str) -> str:
        """The id of a confirmed alarm that proves the service's outage, empty if there is none.

        Relevant alarms prove it; so does one on what fails directly with a need of the service that the root took down: an access device
        that answers no poll proves that its uplinks are down, although no service needs the device's answers.
        """
        if not self._confirmed:
            return ""
        direct = next((alarm.id for alarm in self.of(service) if alarm.confirmed_at), "")
        node = self._topology.node(resource_id(ResourceKind.SERVICE, service))
        if direct or node is None or self._cause is None:
            return direct
        needs = self._topology.ancestors(node)
        for alarm, beside in self._confirmed:
            if not needs.isdisjoint(beside):
                return alarm.id
        return ""

    def _relevant(self, service: str) -> tuple[int, ...]:
        """The places of the relevant alarms; none for a service that the topology does not have."""
        found = self._places.get(service)
        if found is None:
            node = self._topology.node(resource_id(ResourceKind.SERVICE, service))
            found = self._places[service] = self._places_at(node) if node is not None else ()
        return found

    def _places_at(self, node: int) -> tuple[int, ...]:
        nodes = self._topology.ancestors(node) & self._by_node.keys()
        places = [place for each in (*nodes, node) for place in self._by_node.get(each, ())]
        return tuple(sorted({*places, *self._of_own}))

    @cached_property
    def _confirmed(self) -> list[tuple[Alarm, frozenset[int]]]:
        """Confirmed alarms with what their resource fails directly with, of what the root takes down."""
        confirmed = [alarm for alarm in self._alarms if alarm.confirmed_at]
        failed = self._topology.descendants(self._cause) if confirmed and self._cause is not None else set[int]()
        found = []
        for alarm in confirmed:
            node = self._topology.node(alarm.resource)
            found.append((alarm, frozenset(failed.intersection(self._topology.parents[node])) if node is not None else frozenset[int]()))
        return found
