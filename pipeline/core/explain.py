"""An incident in words: one plain sentence for a person at three in the morning, and the lines behind it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.core.alarm import Alarm
from pipeline.core.correlation import Hypothesis
from pipeline.core.event import Condition
from pipeline.core.incident import Impact
from pipeline.core.outage import ServiceState
from pipeline.core.reconcile import LIGHT_LOST
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, name_of, resource_id
from pipeline.core.topology import Topology

SHOWN = 6
LEAST_SHOWN = 0.005
"""An alternative below half a percent would be printed as 0 %."""


class Finding(NamedTuple):
    """A root cause with what it was found from; ``alarms`` are the incident's, those of the root first."""

    topology: Topology
    hypothesis: Hypothesis
    alarms: Sequence[Alarm]


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
    """A resource as a person says it: ``port/pe1/ge-0/0/1`` is "Port ge-0/0/1 of pe1"."""
    kind, name = kind_of(resource), name_of(resource)
    if kind is ResourceKind.UNKNOWN:
        return f"Unknown {name}" if resource.startswith("unknown/") else str(resource)
    device, _, part = name.partition("/")
    if part:
        return f"{kind.value.capitalize()} {part} of {device}"
    word = "LSP" if kind is ResourceKind.LSP else kind.value.capitalize()
    return f"{word} {name}"


def lines(hypothesis: Hypothesis, alarms: Sequence[Alarm], impacts: Sequence[Impact], topology_version: str) -> tuple[str, ...]:
    """The evidence: what is explained, what was expected and is missing, what else it could be, what it does to services."""
    kinds = Counter(kind_of(alarm.resource).value for alarm in alarms)
    counted = ", ".join(f"{count} on {kind}" for kind, count in sorted(kinds.items()))
    said = [f"It explains {len(alarms)} alarm{'s' * (len(alarms) != 1)}: {counted}."]
    if hypothesis.missing:
        said.append(f"Expected but missing: alarms of {_some(hypothesis.missing)}.")
    if hypothesis.excused:
        said.append(f"Silence is expected from {hypothesis.excused} more, because the devices that would tell are cut off by it.")
    if hypothesis.alternatives:
        shown = [other for other in hypothesis.alternatives if other.probability >= LEAST_SHOWN]
        others = ", ".join(f"{other.root} {other.probability:.0%}" for other in shown)
        said.append(f"Probability {hypothesis.probability:.0%}" + (f"; otherwise {others}." if others else "."))
    if impacts:
        states = Counter(impact.state for impact in impacts)
        said.append("Services: " + ", ".join(f"{states[state]} {state.value}" for state in ServiceState if states[state]) + ".")
    confirmed = sum(alarm.confirmed_at > 0 for alarm in alarms)
    said.append(f"{confirmed} of them confirmed by a poll or an authenticated trap." if confirmed else "Not yet confirmed by a poll.")
    said.append(f"Topology version {topology_version or 'none'}.")
    return tuple(said)


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


def _some(resources: Sequence[ResourceId]) -> str:
    rest = len(resources) - SHOWN
    return _list([str(resource) for resource in resources[:SHOWN]]) + (f" and {rest} more" if rest > 0 else "")


def _list(words: Iterable[str]) -> str:
    *first, last = tuple(words) or ("nothing",)
    return f"{', '.join(first)} and {last}" if first else last
