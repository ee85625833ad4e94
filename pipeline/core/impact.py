"""Which services feel which incident, and how: the closure of all open incidents' roots over the dependency graph."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from pipeline.core.alarm import Alarm
from pipeline.core.event import Condition
from pipeline.core.outage import ServiceState
from pipeline.core.reconcile import LIGHT_LOST
from pipeline.core.resource import ResourceId, ResourceKind, name_of, resource_id
from pipeline.core.topology import Closure, Topology

Failure = tuple[str, ResourceId, bool]
"""An open incident: its id, its root, and whether the root is down (rather than degraded)."""


def is_down(alarms: Iterable[Alarm]) -> bool:
    """Whether an incident's alarms say down, rather than only degraded."""
    return any(alarm.condition is Condition.DOWN or alarm.alarm_type == LIGHT_LOST for alarm in alarms)


def felt_by(topology: Topology, failures: Sequence[Failure]) -> dict[str, dict[str, ServiceState]]:
    """The state of each service that an incident touches: incident id -> service name -> state.

    ``failures`` are in the order in which they began. A service that only several of them together take down is laid to the one that
    completed it; the earlier ones lost its redundancy until then. A service is degraded if it would be down were the degraded things down.
    """
    felt: dict[str, dict[str, ServiceState]] = {incident: {} for incident, _, _ in failures}
    closure, weakening = Closure(topology), list[tuple[str, set[int]]]()
    for incident, root, down in failures:
        node = topology.node(root)
        if node is not None and down:
            new = closure.add((node,))
            weakening.append((incident, set(new) | {node}))
            _mark(topology, new, felt[incident], ServiceState.DOWN)
    _redundancy(topology, closure, weakening, felt)
    for incident, root, down in failures:
        node = topology.node(root)
        if node is not None and not down:
            _mark(topology, closure.add((node,)), felt[incident], ServiceState.DEGRADED)
    return felt


def _mark(topology: Topology, nodes: Iterable[int], states: dict[str, ServiceState], state: ServiceState) -> None:
    for node in nodes:
        if topology.kinds[node] is ResourceKind.SERVICE:
            states[name_of(topology.names[node])] = state


def _redundancy(
    topology: Topology, closure: Closure, weakening: list[tuple[str, set[int]]], felt: dict[str, dict[str, ServiceState]]
) -> None:
    for gate in closure.weakened():
        behind = [node for node in (gate, *topology.descendants(gate)) if node not in closure.down]
        for incident, nodes in weakening:
            if not nodes.isdisjoint(topology.parents[gate]):
                states: dict[str, ServiceState] = {}
                _mark(topology, behind, states, ServiceState.REDUNDANCY_LOST)
                felt[incident] = states | felt[incident]


def relevant(topology: Topology, service: str, root: ResourceId, alarms: Sequence[Alarm]) -> list[Alarm]:
    """The alarms that tell of this service's state: on itself, on what it needs, or on whether its dead device answers.

    All of the incident's if there are none such.
    """
    node = topology.node(resource_id(ResourceKind.SERVICE, service))
    if node is None:
        return list(alarms)
    needed = {topology.names[upstream] for upstream in topology.ancestors(node)}
    needed |= {topology.names[node], resource_id(ResourceKind.REACHABILITY, name_of(root))}
    return [alarm for alarm in alarms if alarm.resource in needed] or list(alarms)


def proof(topology: Topology, service: str, root: ResourceId, alarms: Sequence[Alarm]) -> str:
    """The id of a confirmed alarm that proves the service's outage, empty if there is none.

    Relevant alarms prove it; so does one on what fails directly with a need of the service that the root took down: an access device
    that answers no poll proves that its uplinks are down, although no service needs the device's answers.
    """
    confirmed = [alarm for alarm in alarms if alarm.confirmed_at]
    told = set(relevant(topology, service, root, alarms))
    direct = next((alarm.id for alarm in confirmed if alarm in told), "")
    node, cause = topology.node(resource_id(ResourceKind.SERVICE, service)), topology.node(root)
    if direct or node is None or cause is None:
        return direct
    failed = topology.ancestors(node) & topology.descendants(cause)
    return next((alarm.id for alarm in confirmed if _fails_with(topology, alarm.resource, failed)), "")


def _fails_with(topology: Topology, resource: ResourceId, failed: AbstractSet[int]) -> bool:
    node = topology.node(resource)
    return node is not None and not failed.isdisjoint(topology.parents[node])
