"""The closed loop: which incident a remedy is for, whom starting it could hurt, and whether it may be started now.

A rule names an action of the settings and never a command. It is proposed to people, or started by itself, within guard rails: an overall
switch, a rate, people's approval, how many services the action may touch by the topology. What comes of it is verified by a poll.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from pipeline.core.effect import Effect, EffectKind
from pipeline.core.event import Severity, StateReport
from pipeline.core.incident import Incident, IncidentState
from pipeline.core.inventory import Inventory, Tier
from pipeline.core.outage import ServiceState
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId, ResourceKind, device_of, kind_of, name_of
from pipeline.core.routing import hidden_by
from pipeline.core.topology import Closure, Topology

HOUR_NS = 3_600 * 1_000_000_000


class RemedyStage(StrEnum):
    """What an effect asks: propose (or start) a remedy, start one that is approved, verify it; ``OVER`` says that the incident ended."""

    PROPOSE = "propose"
    START = "start"
    VERIFY = "verify"
    OVER = "over"


class RemedyState(StrEnum):
    """Where a remedy stands. ``UNKNOWN``: the process was killed while it was started, so nobody knows; people must look."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    STARTING = "starting"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    OVER = "over"
    """The incident ended before anything was started."""


@dataclass(frozen=True, slots=True)
class RemedyRule:
    """For which incidents an ``action`` of the settings is proposed.

    The root cause is of one of ``kinds`` and like ``resource`` (a glob); one of its alarms is of one of ``alarm_types``; severity and
    probability reach their minimum. Empty means any. ``approval`` false starts it by itself. It is never started where it could touch more
    than ``most_services`` services that still work, or one of a customer of the tiers in ``spare``; nor more than ``per_hour`` times an
    hour by this rule, nor twice within ``pause_min`` minutes on the same resource. When the incident is not over ``verify_s`` seconds after
    the action, by a poll, ``roll_back`` is what people are told to do.
    """

    name: str
    action: str
    kinds: tuple[ResourceKind, ...] = ()
    alarm_types: tuple[str, ...] = ()
    resource: str = "*"
    min_severity: Severity = Severity.WARNING
    min_probability: float = 0.8
    approval: bool = True
    most_services: int = 0
    spare: tuple[Tier, ...] = ()
    per_hour: int = 3
    pause_min: float = 30.0
    verify_s: float = 300.0
    roll_back: str = ""

    def is_for(self, incident: Incident, alarm_types: Iterable[str]) -> bool:
        """Whether the remedy is one for this incident, whose alarms are of these types."""
        return (
            self.concerns(incident.root_cause)
            and (not self.alarm_types or bool(set(self.alarm_types) & set(alarm_types)))
            and incident.severity >= self.min_severity
            and incident.probability >= self.min_probability
        )

    def concerns(self, cause: ResourceId) -> bool:
        """Whether the remedy may be one for this root cause."""
        return (not self.kinds or kind_of(cause) in self.kinds) and fnmatchcase(cause, self.resource)


@dataclass(frozen=True, slots=True)
class Radius:
    """Services that an action on a resource could take down, or leave without redundancy, beside those that the incident has taken down."""

    services: int
    tiers: tuple[Tier, ...] = ()


def radius(topology: Topology, inventory: Inventory, resource: ResourceId, incident: Incident) -> Radius:
    """Whom it would hurt if the resource's whole device went down for the action's time; the resource itself where it is of no device."""
    device = device_of(resource)
    target = topology.node(ResourceId(f"{ResourceKind.DEVICE.value}/{device}")) if device else topology.node(resource)
    if target is None:
        return Radius(0)
    fallen = Closure(topology)
    fallen.add([target])
    suffer = {one.service for one in incident.impacts if one.state is ServiceState.DOWN}
    names = {name_of(topology.names[node]) for node in topology.services_of(fallen)} - suffer
    owners = {inventory.services[name].customer for name in names if name in inventory.services}
    tiers = {inventory.customers[one].tier for one in owners if one in inventory.customers}
    return Radius(len(names), tuple(tier for tier in Tier if tier in tiers))


def remedies(
    incident: Incident,
    previous: Incident | None,
    rules: Sequence[RemedyRule],
    alarm_types: Iterable[str],
    hurt: Callable[[], Radius],
    polled_at: int,
    at: int,
) -> tuple[Effect, ...]:
    """What an incident's step asks of remedies: proposed once for each rule and root cause; told when it is over, or of another cause.

    ``polled_at`` is when the root cause's device last answered a poll, ``at`` the time of decision (both UTC nanoseconds). The end is told
    whatever became of the incident since (severity, acknowledgement): of a remedy that there is not, it changes nothing.
    """
    former = previous.root_cause if previous is not None else incident.root_cause
    moved = former != incident.root_cause
    left = tuple(_over(incident, rule, former, 0, at) for rule in rules if moved and rule.concerns(former))
    if incident.state is IncidentState.RESOLVED:
        own = (rule for rule in rules if rule.concerns(incident.root_cause))
        return left + tuple(_over(incident, rule, incident.root_cause, polled_at, at) for rule in own)
    types = frozenset(alarm_types)
    same = previous is not None and not moved and _is_open(previous) and set(previous.alarms) == set(incident.alarms)
    before = previous if same else None  # with other alarms another type may have come: the key lets it be proposed once all the same
    known = {rule.name for rule in rules if before is not None and rule.is_for(before, types)}
    fits = [rule for rule in rules if rule.name not in known and _is_open(incident) and rule.is_for(incident, types)]
    if not fits:
        return left
    found = hurt()
    return left + tuple(_proposal(incident, rule, found, at) for rule in fits)


def seen(incident: Incident, rules: Sequence[RemedyRule], report: StateReport, before: int, at: int) -> tuple[Effect, ...]:
    """What a poll tells of remedies of an incident that is over: a clear by trap often comes before the poll that was asked for.

    ``before`` is when the device answered the poll before that; with one that was asked after the end, all is told.
    """
    cause = incident.root_cause
    is_news = incident.state is IncidentState.RESOLVED and before <= incident.resolved_at and device_of(cause) == report.device
    if not is_news or not report.reachable or cause in report.down:
        return ()
    return tuple(_over(incident, rule, cause, report.polled_at, at, ":polled") for rule in rules if rule.concerns(cause))


def _is_open(incident: Incident) -> bool:
    """Whether something is to be done about it, and nobody is at it yet."""
    return incident.state is IncidentState.OPEN and not hidden_by(incident) and not incident.acknowledged_by


def name_of_remedy(incident: str, rule: str, resource: str) -> str:
    """The key of a remedy: one for each incident, rule and root cause."""
    return f"remedy:{incident}:{rule}:{resource}"


def route_of(rule: str, stage: RemedyStage) -> str:
    """Proposals, starts and verifications of a rule do not wait for one another."""
    return f"remedy:{rule}:{stage.value}"


def _proposal(incident: Incident, rule: RemedyRule, found: Radius, at: int) -> Effect:
    name = name_of_remedy(incident.id, rule.name, incident.root_cause)
    return Effect(
        key=name,
        kind=EffectKind.REMEDY,
        subject=incident.id,
        route=route_of(rule.name, RemedyStage.PROPOSE),
        decided_at=at,
        reason=Reason.ROOT_CAUSE_FOUND.value,
        body={
            "stage": RemedyStage.PROPOSE.value,
            "remedy": name,
            "rule": rule.name,
            "action": rule.action,
            "resource": incident.root_cause,
            "device": device_of(incident.root_cause) or "",
            "domain": incident.domain,
            "approval": rule.approval,
            "services": found.services,
            "tiers": [tier.value for tier in found.tiers],
            "most_services": rule.most_services,
            "spare": [tier.value for tier in rule.spare],
            "per_hour": rule.per_hour,
            "pause_ns": round(rule.pause_min * 60e9),
            "verify_ns": round(rule.verify_s * 1e9),
            "roll_back": rule.roll_back,
        },
    )


def _over(incident: Incident, rule: RemedyRule, cause: ResourceId, polled_at: int, at: int, news: str = "") -> Effect:
    name = name_of_remedy(incident.id, rule.name, cause)
    over_at = incident.resolved_at or at
    return Effect(
        key=f"{name}:over:r{incident.revision}" + (f"{news}:{polled_at}" if news else ""),
        kind=EffectKind.REMEDY,
        subject=incident.id,
        route=route_of(rule.name, RemedyStage.PROPOSE),
        decided_at=at,
        reason=Reason.ALL_CLEAR.value if incident.resolved_at else Reason.EVIDENCE_REVISED.value,
        body={"stage": RemedyStage.OVER.value, "remedy": name, "rule": rule.name, "over_at": over_at, "polled_at": polled_at},
    )


def touches_too_much(services: int, tiers: Iterable[str], most_services: int, spare: Iterable[str]) -> str:
    """Why an action must not be started for whom it could hurt; empty when it may."""
    spared = [tier for tier in tiers if tier in set(spare)]
    if spared:
        return f"it could touch services of {', '.join(spared)} customers"
    if services > most_services:
        return f"it could touch {services} services that still work; the rule allows {most_services}"
    return ""


def too_often(started: Sequence[int], on_resource: Sequence[int], per_hour: int, pause_ns: int, now: int) -> str:
    """Why an action must not be started again so soon; empty when it may. Times are of earlier starts, in UTC nanoseconds."""
    lately = sum(now - at < HOUR_NS for at in started)
    if lately >= per_hour:
        return f"the rule has started {lately} within the hour; it allows {per_hour}"
    if any(now - at < pause_ns for at in on_resource):
        return f"it was started on the same resource within {pause_ns / 60e9:g} min"
    return ""


def wrong(rules: Sequence[RemedyRule]) -> Mapping[int, tuple[str, str, str]]:
    """By place, what cannot be of a rule: its key, why, and the remedy for it."""
    found: dict[int, tuple[str, str, str]] = {}
    for place, rule in enumerate(rules):
        if not 0 <= rule.min_probability <= 1:
            found[place] = ("min_probability", f"{rule.min_probability:g} is no probability", "write 0 to 1")
        elif rule.per_hour < 1:
            found[place] = ("per_hour", f"{rule.per_hour} an hour", "write 1 or more; a rule that never acts is best left out")
        elif rule.verify_s <= 0:
            found[place] = ("verify_s", f"{rule.verify_s:g} s", "write how long it may take until a poll sees the repair")
        elif not rule.roll_back:
            found[place] = ("roll_back", "nothing is said of what to do when it does not help", "write one sentence for the engineer")
        elif not (rule.kinds or rule.alarm_types or rule.resource != "*"):
            found[place] = ("name", "the rule is for every incident", "write kinds, alarm_types or resource")
    return found
