"""An incident: one cause with its alarms, affected services and customers (near TMF656 service problem)."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.core.event import Severity
from pipeline.core.explanation import NOTHING, Explanation
from pipeline.core.inventory import Tier
from pipeline.core.operation import Comment
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId

ABSORBED = "It is one with incident "
"""How the reason begins of an incident whose alarms another one took over."""


class IncidentState(StrEnum):
    """The life of an incident: open while any of its alarms stands."""

    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Impact:
    """What one service feels of an incident, since UTC nanoseconds.

    ``share`` is how much of the service is lost, 0 to 1 (1 when it is down, 0 when only redundancy is). ``path`` leads from the root cause
    to the service; ``gate`` is the resource on it whose protection is lost, empty where none is. Only the first impacts of an incident have
    a path (:data:`pipeline.core.trace.TRACED`).
    """

    service: str
    customer: str
    contract: str
    tier: Tier
    state: ServiceState
    since_at: int
    share: float = 0.0
    path: tuple[ResourceId, ...] = ()
    gate: ResourceId = NOTHING


@dataclass(frozen=True, slots=True)
class Incident:
    """The state of one incident after its last revision. Times are UTC nanoseconds, 0 is not yet.

    ``reason`` is one plain sentence; ``grounds`` are what it rests on: which alarms the cause explains, which were expected and are
    missing, what the alternatives were; ``explanation`` tells them in sentences. ``alarms`` are alarm ids, those of the root cause first.
    ``impacts`` are in order of tier, then state. ``planned`` names the maintenance window that covers the cause. ``confirmed_by`` is an
    alarm id that a poll or v3 confirmed.

    ``acknowledged_by`` is who took charge of it, ``comments`` are the latest of people, ``escalation`` is how often somebody further was
    told that nobody had. ``shelved`` is why nobody is told of it: every alarm of it that stands is shelved.
    """

    id: str
    domain: str
    root_cause: ResourceId
    state: IncidentState
    severity: Severity
    reason: str
    explanation: tuple[str, ...]
    alarms: tuple[str, ...]
    impacts: tuple[Impact, ...]
    started_at: int
    opened_at: int
    resolved_at: int = 0
    probability: float = 1.0
    planned: str = ""
    flapping: bool = False
    confirmed_by: str = ""
    topology_version: str = ""
    rules_version: str = ""
    revision: int = 1
    grounds: Explanation = field(default_factory=Explanation)
    acknowledged_by: str = ""
    acknowledged_at: int = 0
    comments: tuple[Comment, ...] = ()
    escalation: int = 0
    shelved: str = ""

    @property
    def is_absorbed(self) -> bool:
        """Whether another incident took its alarms over, so that it stands for nothing of its own any more."""
        return self.reason.startswith(ABSORBED)


_TIERS = {tier: order for order, tier in enumerate(Tier)}
_STATES = {state: order for order, state in enumerate(ServiceState)}

_SEVERITY = {
    (ServiceState.DOWN, Tier.GOLD): Severity.CRITICAL,
    (ServiceState.DOWN, Tier.SILVER): Severity.MAJOR,
    (ServiceState.DOWN, Tier.BRONZE): Severity.MAJOR,
    (ServiceState.DEGRADED, Tier.GOLD): Severity.MAJOR,
    (ServiceState.DEGRADED, Tier.SILVER): Severity.MINOR,
    (ServiceState.DEGRADED, Tier.BRONZE): Severity.MINOR,
    (ServiceState.REDUNDANCY_LOST, Tier.GOLD): Severity.MINOR,
    (ServiceState.REDUNDANCY_LOST, Tier.SILVER): Severity.WARNING,
    (ServiceState.REDUNDANCY_LOST, Tier.BRONZE): Severity.WARNING,
}


MUCH = 0.5
"""From this share lost on, a degraded service weighs as one that is down."""

LITTLE = 0.1
"""Below this share lost, a degraded service weighs as one whose redundancy is lost."""


def severity_of(impacts: Iterable[Impact], alarms: Iterable[Severity]) -> Severity:
    """An incident is as severe as the worst it does to a service; without any, as its worst alarm but no more than minor."""
    felt = [_SEVERITY[_weight(impact), impact.tier] for impact in impacts if impact.state is not ServiceState.UP]
    if felt:
        return max(felt)
    return min(max(alarms, default=Severity.INDETERMINATE), Severity.MINOR)


def _weight(impact: Impact) -> ServiceState:
    """As what a service counts: a degraded one by the share that it has lost, where that is known (not 0)."""
    if impact.state is not ServiceState.DEGRADED or not impact.share:
        return impact.state
    if impact.share >= MUCH:
        return ServiceState.DOWN
    return ServiceState.REDUNDANCY_LOST if impact.share < LITTLE else ServiceState.DEGRADED


def in_order(impacts: Iterable[Impact]) -> tuple[Impact, ...]:
    """By tier, gold first; then by state and by the share that is lost, worst first; then by time and name."""
    return tuple(sorted(impacts, key=lambda each: (_TIERS[each.tier], _STATES[each.state], -each.share, each.since_at, each.service)))


def best_match(root: ResourceId, alarms: AbstractSet[object], known: Sequence[tuple[str, ResourceId, AbstractSet[object]]]) -> str | None:
    """Which of the incidents ``(id, root, alarms)`` a newly found cause continues: that of the same root, else of the largest overlap.

    Later evidence revises an incident and never makes a second one of it; ``None`` when none shares root or alarm.
    """
    shared = ((name, other_root, len(alarms & others)) for name, other_root, others in known)
    ranked = sorted((other_root != root, -count, name) for name, other_root, count in shared if other_root == root or count)
    return ranked[0][2] if ranked else None
