"""A component's alarms and what polls saw -> evidence in order of time -> the causes.

All alarms of a component are weighed together, unless that lays to a cause what was seen well long after the cause began: then what failed
later is weighed after what failed before, so that a dependency that does not hold hides no alarm.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.core.alarm import Alarm
from pipeline.core.correlation import Evidence, Hypothesis, correlate
from pipeline.core.domain import AlarmRow, DomainState
from pipeline.core.event import Condition
from pipeline.core.reconcile import LIGHT_LOST, MARGIN_NS, is_contradicted
from pipeline.core.resource import ResourceKind, device_of, name_of
from pipeline.core.topology import Topology
from pipeline.core.witness import witness

FOLLOWS_NS = 5_000_000_000
"""What is seen up so long after a cause began does not fail of it: carrier delays and protection switching are over by then."""

MOST_PIECES = 4
"""In how many pieces, in order of time, one component is weighed at most."""

NEVER = 1 << 63
ANSWERING = (ResourceKind.DEVICE, ResourceKind.REACHABILITY)


class Onset(NamedTuple):
    """When a node failed: at ``raised_at`` or before; it was well from ``well_from`` (its last clear) to ``well_at``, when a poll saw so.

    ``cleared_at`` is when its alarms were over, :data:`NEVER` while one stands. UTC nanoseconds; ``well_at`` is 0 if no poll saw it well.
    """

    raised_at: int
    cleared_at: int
    well_from: int
    well_at: int

    def was_well(self, since: int, until: int) -> bool:
        """Whether it was well from ``since`` until long after ``until``."""
        return self.well_from <= since and self.well_at - FOLLOWS_NS > until

    def contradicts(self, other: "Onset") -> bool:
        """Whether it cannot have failed of what another node failed of, which was down while this one was well."""
        return self.was_well(other.raised_at, other.raised_at) and other.cleared_at > self.well_at


@dataclass(slots=True)
class KnownUp:
    """Nodes that were well after the trouble began at ``since`` and before it began to mend at ``until``.

    A poll says so; ``onsets`` are nodes that failed, but later.
    """

    topology: Topology
    state: DomainState
    since: int
    until: int
    lit_ports: frozenset[int]
    onsets: Mapping[int, Onset] = field(default_factory=dict)

    def __contains__(self, node: object) -> bool:
        """Whether a node is known to be up. A port that tells of lost light works; a device that answers is neither dead nor cut off."""
        if not isinstance(node, int):
            return False
        if node in self.lit_ports:
            return True
        onset = self.onsets.get(node)
        if onset is not None and onset.was_well(self.since, self.since):
            return True
        name, kind = self.topology.names[node], self.topology.kinds[node]
        device = name_of(name) if kind in ANSWERING else device_of(name)
        report = self.state.reports.get(device or "")
        if report is None or not report.reachable or not self.since + MARGIN_NS < report.polled_at < self.until:
            return False
        return kind in ANSWERING or name in self.state.ups[report.device]


def seen_up_at(state: DomainState, alarm: Alarm) -> int:
    """When the last poll of a device saw well what an alarm, just raised, says has failed; 0 if it did not."""
    resource = witness(alarm)
    if resource is None or alarm.condition is Condition.DEGRADED:
        return 0
    is_answering = resource.partition("/")[0] in ANSWERING
    report = state.reports.get((name_of(resource) if is_answering else device_of(resource)) or "")
    if report is None or not report.reachable or report.polled_at >= alarm.last_raised_at:
        return 0
    return report.polled_at if is_answering or resource in state.ups[report.device] else 0


def causes_of(state: DomainState, nodes: frozenset[int]) -> tuple[Hypothesis, ...]:
    """The most probable causes of a component's alarmed nodes."""
    weighing = _Weighing(state, nodes)
    if not any(row.seen_up_at for node in nodes for row in _rows(state, node)):
        return weighing.weigh([nodes])
    return weighing.in_order()


def _rows(state: DomainState, node: int) -> Iterator[AlarmRow]:
    return (state.alarms[key] for key in state.by_node[node])


@dataclass(slots=True)
class _Weighing:
    """One component under judgement; ``onsets`` are those of its nodes, as far as they matter."""

    state: DomainState
    nodes: frozenset[int]
    onsets: dict[int, Onset] = field(default_factory=dict)

    def weigh(self, pieces: Sequence[frozenset[int]]) -> tuple[Hypothesis, ...]:
        """The causes of pieces of the component, in order of time."""
        before = frozenset[int]()
        evidence: list[Evidence] = []
        for nodes in pieces:
            evidence.append(self._evidence(nodes, before))
            before |= nodes
        return correlate(self.state.topology, *evidence, consequences=self.state.consequences)

    def in_order(self) -> tuple[Hypothesis, ...]:
        """The causes, the component cut in pieces where an answer lays to a cause what was still well when the cause had long begun."""
        answer = self.weigh([self.nodes])
        self.onsets = {node: _onset(self.state, node) for node in self.nodes}
        starts: list[int] = []
        while len(starts) < MOST_PIECES - 1:
            at = min(self._contradicted(answer), default=NEVER)
            if at == NEVER or at in starts:
                break
            starts = sorted((*starts, at))
            answer = self.weigh(self._pieces(answer, starts))
        return answer

    def _explained(self, hypothesis: Hypothesis) -> list[int]:
        nodes = map(self.state.topology.node, hypothesis.explained)
        return [node for node in nodes if node in self.nodes]

    def _contradicted(self, answer: Iterable[Hypothesis]) -> Iterator[int]:
        """From when on nothing can have failed of what a hypothesis lays it to, for each contradiction."""
        for hypothesis in answer:
            explained = [self.onsets[node] for node in self._explained(hypothesis)]
            yield from (onset.well_at - FOLLOWS_NS for onset in explained if onset.well_at and any(map(onset.contradicts, explained)))

    def _pieces(self, answer: Iterable[Hypothesis], starts: Sequence[int]) -> list[frozenset[int]]:
        """The nodes by when they failed; those of a cause that nothing contradicts by when it began."""
        pieces: list[set[int]] = [set() for _ in (0, *starts)]
        for hypothesis in answer:
            nodes = self._explained(hypothesis)
            began_at = min((self.onsets[node].raised_at for node in nodes), default=0)
            whole = next(self._contradicted((hypothesis,)), None) is None
            for node in nodes:
                pieces[bisect_right(starts, began_at if whole else self.onsets[node].raised_at)].add(node)
        return [frozenset(nodes) for nodes in pieces]

    def _evidence(self, nodes: frozenset[int], before: frozenset[int]) -> Evidence:
        state = self.state
        alarms = [row.alarm for node in nodes for row in _rows(state, node)]
        since = min((alarm.last_raised_at for alarm in alarms), default=0)
        until = min((alarm.cleared_at for alarm in alarms if alarm.is_cleared and not is_contradicted(alarm)), default=NEVER)
        lit = (state.topology.node(alarm.resource) for alarm in alarms if alarm.alarm_type == LIGHT_LOST and not alarm.is_cleared)
        lit_ports = frozenset(node for node in lit if node is not None)
        degraded = frozenset(node for node in nodes if _is_degraded(state, node))
        raised = {node: min(row.alarm.last_raised_at for row in _rows(state, node)) for node in self.nodes}
        if not state.reports and not lit_ports:
            return Evidence(nodes, degraded=degraded, raised=raised)
        earlier = [self.onsets[node] for node in before]
        anew = frozenset(node for node in nodes if before and any(map(self.onsets[node].contradicts, earlier)))
        up = KnownUp(state.topology, state, since, until, lit_ports, self.onsets)
        return Evidence(nodes, up, degraded, anew if before else None, raised)


def _onset(state: DomainState, node: int) -> Onset:
    rows = list(_rows(state, node))
    standing = [row for row in rows if not row.alarm.is_cleared]
    raised_at = min(row.alarm.last_raised_at for row in standing or rows)
    return Onset(
        raised_at,
        NEVER if standing else max(row.alarm.cleared_at for row in rows),
        max(_cleared_before(row.alarm) for row in rows),
        max((row.seen_up_at for row in rows if row.seen_up_at < raised_at), default=0),
    )


def _cleared_before(alarm: Alarm) -> int:
    """When an alarm cleared last before it was raised last; 0 if it is not known to have stood before."""
    earlier = alarm.status_changes[: -2 if alarm.is_cleared else -1]
    return earlier[-1] if earlier else 0


def _is_degraded(state: DomainState, node: int) -> bool:
    """Whether a device says no more than that it has lost something."""
    if state.topology.kinds[node] is not ResourceKind.DEVICE:
        return False
    return all(row.alarm.condition is Condition.DEGRADED for row in _rows(state, node))
