"""Why a cause is believed: one plain sentence for a person at three in the morning, and the grounds behind it."""

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import NamedTuple

from pipeline.core.alarm import Alarm
from pipeline.core.consequence import Consequences
from pipeline.core.correlation import Hypothesis
from pipeline.core.event import Condition
from pipeline.core.explanation import Attached, Doubt, Explanation, Rival, Settling, Some
from pipeline.core.points import called
from pipeline.core.points import listed as _list
from pipeline.core.reconcile import LIGHT_LOST
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, name_of, resource_id
from pipeline.core.topology import Topology

SHOWN = 6
KEPT = 24
"""How many resources that a cause explains are kept by name; the incident's alarms name them all."""


class Finding(NamedTuple):
    """A root cause with what it was found from; ``alarms`` are the incident's, those of the root first.

    ``consequences`` are those of the topology, if they are remembered.
    """

    topology: Topology
    hypothesis: Hypothesis
    alarms: Sequence[Alarm]
    consequences: Consequences | None = None

    def downstream(self, resource: ResourceId) -> AbstractSet[int]:
        """What a resource takes down by itself, it included; nothing for one that the topology does not have."""
        node = self.topology.node(resource)
        if node is None:
            return frozenset()
        known = self.consequences if self.consequences is not None else Consequences(self.topology)
        return known.of(node).nodes


_FAILED = {
    ResourceKind.FIBRE: "is cut",
    ResourceKind.DUCT: "is cut",
    ResourceKind.DEVICE: "is dead",
    ResourceKind.PORT: "has failed",
    ResourceKind.CARD: "has failed",
    ResourceKind.SITE: "is down",
    ResourceKind.POWER: "has failed",
}


def sentence(finding: Finding) -> str:
    """Why the root cause is believed to be that, in one sentence."""
    root, alarms = finding.hypothesis.root, finding.alarms
    if finding.hypothesis.is_grouping:
        return f"{title(root)} reports {_texts(alarms)}. This is not in the topology, so its alarms are only grouped by device."
    if all(alarm.condition is not Condition.DOWN and alarm.alarm_type != LIGHT_LOST for alarm in alarms):
        return f"{title(root)} is degraded: {_texts(alarms)}."
    why = _WHY[kind_of(root)](finding) if kind_of(root) in _WHY else _BY_ITSELF
    return f"{title(root)} {_FAILED.get(kind_of(root), 'is down')}: {why}."


def title(resource: ResourceId) -> str:
    """A resource as a sentence begins: ``port/pe1/ge-0/0/1`` is "Port ge-0/0/1 of pe1"."""
    name = called(resource)
    return f"{name[:1].upper()}{name[1:]}" if kind_of(resource) is not ResourceKind.UNKNOWN or name.startswith("unknown ") else name


def explanation_of(finding: Finding, attached: tuple[Attached, ...] = (), rules_version: str = "") -> Explanation:
    """The grounds of a finding; ``attached`` are the symptoms that correlation rules laid to it."""
    hypothesis, alarms = finding.hypothesis, finding.alarms
    kinds = Counter(map(kind_of, [alarm.resource for alarm in alarms]))
    dark = _cut_off(finding) if hypothesis.excused else ()
    rivals = tuple(Rival(each.root, each.probability, each.explained, each.missing, each.against) for each in hypothesis.alternatives)
    told = Explanation(
        root=hypothesis.root,
        probability=round(hypothesis.probability, 4),
        weighed=not hypothesis.is_grouping,
        alarms=len(alarms),
        kinds=tuple(sorted((kind.value, count) for kind, count in kinds.items())),
        explained=Some.of(hypothesis.explained, KEPT),
        missing=Some.of(hypothesis.missing, SHOWN),
        excused=hypothesis.excused,
        cut_off=Some.of(dark, SHOWN),
        against=Some.of(hypothesis.against, SHOWN),
        doubted=tuple(Doubt(parent, child) for parent, child in hypothesis.doubted[:SHOWN]),
        supposed=tuple(Doubt(parent, child) for parent, child in hypothesis.supposed[:SHOWN]),
        rivals=rivals,
        attached=attached,
        confirmed=sum(alarm.confirmed_at > 0 for alarm in alarms),
        rules=tuple(sorted({alarm.rule for alarm in alarms if alarm.rule}))[:SHOWN],
        topology_version=finding.topology.version,
        rules_version=rules_version,
    )
    return replace(told, settling=_settling(finding, told, frozenset(hypothesis.explained))) if told.unsure else told


def _cut_off(finding: Finding) -> tuple[ResourceId, ...]:
    """The devices that the root takes out of reach, dead ones included, by name."""
    topology, down = finding.topology, finding.downstream(finding.hypothesis.root)
    return tuple(sorted(ResourceId(name_of(topology.names[one])) for one in down if topology.kinds[one] is ResourceKind.REACHABILITY))


def _settling(finding: Finding, told: Explanation, alarmed: AbstractSet[ResourceId]) -> Settling | None:
    """The poll that tells the cause from its first rival: of what one of them takes down and the other leaves up."""
    topology, rival = finding.topology, told.rivals[0].root
    here, there = finding.downstream(told.root), finding.downstream(rival)
    if not here or not there:
        return None
    for kind in (ResourceKind.REACHABILITY, ResourceKind.INTERFACE):
        telling = [one for one in here ^ there if topology.kinds[one] is kind and topology.names[one] not in alarmed]
        for node in sorted(telling, key=lambda one: topology.names[one]):
            device = name_of(topology.names[node]).partition("/")[0]
            if kind is ResourceKind.INTERFACE and _is_dark(topology, node, here & there):
                continue
            up, down = (rival, told.root) if node in here else (told.root, rival)
            return Settling(device, topology.names[node], up, down)
    return Settling("", ResourceId(""), told.root, rival)


def _is_dark(topology: Topology, node: int, down: AbstractSet[int]) -> bool:
    """Whether nobody can be asked about a node, whichever of the two it is."""
    return topology.reporter[node] in down or topology.silenced_by[node] in down


def _fibre(finding: Finding) -> str:
    ends = {ResourceId(name) for name in finding.hypothesis.explained}
    both: list[str] = []
    one: list[str] = []
    for link in finding.topology.links_over(finding.hypothesis.root):
        told = sum(resource_id(ResourceKind.INTERFACE, end) in ends for end in (link.a, link.b))
        if told:
            (both if told > 1 else one).append(link.name)
    lost = "lost light" if any(alarm.alarm_type == LIGHT_LOST for alarm in finding.alarms) else "went down"
    parts = []
    if both:
        parts.append(f"both ends of link{'s' * (len(both) > 1)} {_list(both)} {lost} at the same time")
    if one:
        parts.append(f"one end of link{'s' * (len(one) > 1)} {_list(one)} {lost}")
    behind = len(finding.alarms) > 2 * len(both) + len(one)
    return " and ".join(parts or ["what needs it failed"]) + (", and everything behind failed with it" if behind else "")


def _duct(finding: Finding) -> str:
    node = finding.topology.node(finding.hypothesis.root)
    fibres = sorted(name_of(finding.topology.names[child]) for child in finding.topology.children[node]) if node is not None else []
    return f"all its fibres, {_list(fibres)}, failed at the same time" if len(fibres) > 1 else _fibre_of(fibres)


def _fibre_of(fibres: Sequence[str]) -> str:
    return f"its fibre {_list(fibres)} failed"


def _device(finding: Finding) -> str:
    name = name_of(finding.hypothesis.root)
    neighbours = sorted(
        {
            name_of(one).partition("/")[0]
            for one in finding.hypothesis.explained
            if kind_of(one) is ResourceKind.INTERFACE and not name_of(one).startswith(f"{name}/")
        }
    )
    silent = resource_id(ResourceKind.REACHABILITY, name) in finding.hypothesis.explained
    told = [f"{_list(neighbours)} lost {'their links' if len(neighbours) > 1 else 'its link'} to it"] if neighbours else []
    if silent:
        told.append("it does not answer polls")
    return " and ".join(told) or "what depends on it failed at the same time"


def _port(finding: Finding) -> str:
    said = _list([str(one) for one in finding.hypothesis.explained[:SHOWN]])
    return f"{said} went down, and nothing upstream is known to have failed"


def _group(finding: Finding) -> str:
    return f"{len(finding.hypothesis.explained)} resources that depend on it failed at the same time"


_BY_ITSELF = "nothing that it depends on is known to have failed"

_WHY = {
    ResourceKind.FIBRE: _fibre,
    ResourceKind.DUCT: _duct,
    ResourceKind.DEVICE: _device,
    ResourceKind.PORT: _port,
    ResourceKind.CARD: _group,
    ResourceKind.SITE: _group,
    ResourceKind.POWER: _group,
}


def _texts(alarms: Sequence[Alarm]) -> str:
    return "; ".join(dict.fromkeys(alarm.text.rstrip(".") for alarm in alarms[:SHOWN]))
