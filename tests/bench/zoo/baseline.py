"""What others would answer to the same alarms: nearest alarmed ancestor, all uplinks, greedy cover of risk groups, DBSCAN.

They get the alarms that stand at the end in the product, so that polls have already told them what was lost and what was false, and the
same inventory. What they name is given the benefit of the doubt: several names for one link count once, and an LSP is no wrong name.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from sklearn.cluster import DBSCAN

from tests.bench.zoo.network import Network
from tests.bench.zoo.physics import KINDS, LINK_DOWN, LSP_DOWN, POWER_FAILURE, UNREACHABLE, Physics, Told, without_polls

HIT_RATIO = 0.6
ALPHA, BETA = 144.47, 0.55
EPSILONS = (100.0, 150.0, 200.0, 300.0)
"""ALEC's own first; a hop costs 65, so that these reach one to four hops."""


@dataclass(slots=True)
class View:
    """What a baseline sees: the inventory's dependencies."""

    physics: Physics
    parents: dict[str, list[str]] = field(default_factory=dict)
    known: dict[str, frozenset[Told]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for parent, children in self.physics.children.items():
            for child in children:
                self.parents.setdefault(child, []).append(parent)

    def above(self, node: str) -> set[str]:
        """Everything that a node depends on."""
        seen: set[str] = set()
        waiting = [node]
        while waiting:
            for parent in self.parents.get(waiting.pop(), ()):
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return seen

    def below(self, node: str) -> frozenset[Told]:
        """Everything that can be told of and depends on a node."""
        if node not in self.known:
            seen, waiting = {node}, [node]
            for each in waiting:
                new = [child for child in self.physics.children.get(each, ()) if child not in seen]
                seen.update(new)
                waiting += new
            wanted = ((each, alarm_type) for each in seen for alarm_type in (LINK_DOWN, LSP_DOWN, UNREACHABLE))
            self.known[node] = frozenset(told for told in wanted if told in self.physics.told_by)
        return self.known[node]


def _element(told: Told) -> str:
    """The element that an alarm is laid to when it is nobody's consequence; empty for an LSP, which names none."""
    resource, alarm_type = told
    if alarm_type == LSP_DOWN:
        return ""
    name = resource.partition("/")[2]
    return f"device/{name}" if alarm_type in (UNREACHABLE, POWER_FAILURE) else f"port/{name}"


def _once(physics: Physics, told: Iterable[Told], *, with_polls: bool) -> list[str]:
    """The elements of alarms, one for each that can be told apart."""
    elements = (element for each in sorted(told) if (element := _element(each)))
    return list({physics.looks_like(element, with_polls=with_polls): element for element in elements}.values())


def nearest_ancestor(view: View, standing: set[Told], *, with_polls: bool) -> list[str]:
    """An alarm is a consequence when anything above it is alarmed."""
    alarmed = {resource for resource, _ in standing}
    tops = (told for told in standing if alarmed.isdisjoint(view.above(told[0])))
    return _once(view.physics, tops, with_polls=with_polls)


def all_uplinks(view: View, standing: set[Told], *, with_polls: bool) -> list[str]:
    """An alarm of a device is a consequence when every neighbour of the device that is nearer to the NOC has an alarm of its type."""
    uplinks = _uplinks(view.physics.network)
    device_of = {told: view.physics.told_by[told] or told[0].partition("/")[2] for told in standing if told in view.physics.told_by}
    alarmed = {(device, told[1]) for told, device in device_of.items()}
    tops = (
        told
        for told, device in device_of.items()
        if not uplinks[device] or not all((uplink, told[1]) in alarmed for uplink in uplinks[device])
    )
    return _once(view.physics, tops, with_polls=with_polls)


def _uplinks(network: Network) -> dict[str, set[str]]:
    """For each device the neighbours nearer to the NOC, which is at the router with the most neighbours."""
    near: dict[str, set[str]] = {name: set() for name in network.boxes}
    for line in network.lines.values():
        a, b = line.a.partition("/")[0], line.b.partition("/")[0]
        near[a].add(b)
        near[b].add(a)
    start = max(sorted(near), key=lambda name: len(near[name]))
    hops, ring = {start: 0}, [start]
    for device in ring:
        for other in sorted(near[device]):
            if other not in hops:
                hops[other] = hops[device] + 1
                ring.append(other)
    return {name: {other for other in others if hops.get(other, 0) < hops.get(name, 0)} for name, others in near.items()}


def score(view: View, standing: set[Told], *, with_polls: bool) -> list[str]:
    """SCORE as published: an element's risk group is all that depends on it, by whatever way."""
    return _greedy_cover({element: view.below(element) for element in _suspects(view, standing)}, standing, with_polls=with_polls)


def score_informed(view: View, standing: set[Told], *, with_polls: bool) -> list[str]:
    """SCORE with more than was published: a risk group is what the element's failure alone would tell of, dead reporters left out."""
    groups = {element: view.physics.told((element,)) for element in _suspects(view, standing)}
    return _greedy_cover(groups, standing, with_polls=with_polls)


def _suspects(view: View, standing: set[Told]) -> set[str]:
    return {each for told in standing for each in (*view.above(told[0]), told[0]) if each.partition("/")[0] in KINDS}


def _greedy_cover(told_by: Mapping[str, frozenset[Told]], standing: set[Told], *, with_polls: bool) -> list[str]:
    """Of the elements of whose observables at least 0.6 are alarmed, the one that covers most of what is left, until none does."""
    groups = {element: told if with_polls else without_polls(told) for element, told in told_by.items()}
    ratio = {element: len(told & standing) / len(told) for element, told in groups.items() if told}
    left, chosen = set(standing), list[str]()
    while left:
        ranked = [(-len(groups[element] & left), -share, element) for element, share in ratio.items() if share >= HIT_RATIO]
        best = min(ranked, default=(0, 0.0, ""))
        if not best[0]:
            break
        chosen.append(best[2])
        left -= groups[best[2]]
    return chosen


def dbscan(view: View, raised_s: Mapping[Told, float], epsilon: float) -> dict[Told, Hashable]:
    """Clusters of alarms by ALEC's distance: seconds apart over 60, and hops in the graph of dependencies."""
    alarms = sorted(raised_s)
    if not alarms:
        return {}
    reach = int(epsilon / (ALPHA * (1 - BETA)))
    places: dict[str, list[int]] = {}
    for place, told in enumerate(alarms):
        places.setdefault(told[0], []).append(place)
    at = np.array([raised_s[told] for told in alarms])
    hops = np.full((len(alarms), len(alarms)), np.inf)
    for resource, rows in places.items():
        for other, count in _within(view, resource, reach, places.keys()).items():
            hops[np.ix_(rows, places[other])] = count
    distance = ALPHA * (BETA * np.abs(at[:, None] - at[None, :]) / 60 + (1 - BETA) * hops)
    labels = DBSCAN(eps=epsilon, min_samples=1, metric="precomputed").fit_predict(np.minimum(distance, 1e9))
    return {told: f"cluster-{label}" for told, label in zip(alarms, labels, strict=True)}


def _within(view: View, start: str, reach: int, wanted: Iterable[str]) -> dict[str, int]:
    """The wanted nodes within so many hops."""
    hops, ring = {start: 0}, [start]
    for node in ring:
        if hops[node] == reach:
            continue
        for other in (*view.parents.get(node, ()), *view.physics.children.get(node, ())):
            if other not in hops:
                hops[other] = hops[node] + 1
                ring.append(other)
    return {node: hops[node] for node in wanted if node in hops}
