"""What customers are told of an incident: a first notice, progress, restoration with its cause. Who, when, and when rather not.

Decided where incidents are (:func:`notices`), judged again when it is due (:func:`judge`): an outage that was over before its first notice
was due tells nobody, and what is superseded is left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pipeline.core.effect import Effect, EffectKind
from pipeline.core.incident import Impact, Incident, IncidentState
from pipeline.core.inventory import Customer, Tier
from pipeline.core.outage import ServiceState
from pipeline.core.reason import Reason
from pipeline.core.resource import kind_of
from pipeline.core.routing import hidden_by

MINUTE_NS = 60 * 1_000_000_000
REFERENCE = 8
"""Characters of an incident's id that customers are told."""
FALLBACK = "en"
"""The language of customers whose own has no words."""
RETRY_AFTER_S = 60.0
"""How long what must be told waits when a customer has been told enough for now."""


class Stage(StrEnum):
    """What a message tells of an incident's life; ``WITHDRAWN`` is no message: another incident, or planned work, took it over."""

    FIRST = "first"
    PROGRESS = "progress"
    RESTORED = "restored"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """Which customers are told, of what, and how often; the first rule that has a customer's tier holds.

    ``states`` are those of a service that are told. The first notice is sent when it lasted ``after_min`` minutes; while it lasts, progress
    every ``progress_every_min`` minutes (0: only when something changed).
    """

    name: str
    tiers: tuple[Tier, ...] = ()
    states: tuple[ServiceState, ...] = (ServiceState.DOWN, ServiceState.DEGRADED)
    after_min: float = 1.0
    progress_every_min: float = 60.0

    def is_for(self, tier: Tier) -> bool:
        """Whether customers of this tier are told by this rule."""
        return not self.tiers or tier in self.tiers


@dataclass(frozen=True, slots=True)
class Notices:
    """``rules/notices.yaml``: rules in order, and how many messages a customer gets in an hour at most."""

    rules: tuple[NoticeRule, ...] = ()
    most_per_hour: int = 6

    def rule_for(self, tier: Tier) -> NoticeRule | None:
        """The rule by which customers of this tier are told; ``None`` when they are not."""
        return next((rule for rule in self.rules if rule.is_for(tier)), None)


def route_of(customer: str) -> str:
    """The route of a customer's messages: each waits for its own before it, never for another customer's."""
    return f"customer:{customer}"


def routes_of(customer: str) -> tuple[str, str]:
    """Both routes of a customer's messages: what was decided, and progress by time (:func:`follow_up`)."""
    return route_of(customer), f"{route_of(customer)}:lasting"


def reference_of(incident: str) -> str:
    """What customers call an incident: the beginning of its id."""
    return incident[:REFERENCE]


def stage_of(key: str) -> Stage:
    """What a message tells, by its effect's key. Raises ``ValueError`` for a key of something else."""
    before, _, stage = key.rpartition(":")[0].rpartition(":")
    return Stage.PROGRESS if before.endswith(":lasting") else Stage(stage)


def notices(
    incident: Incident, previous: Incident | None, policy: Notices, customers: Mapping[str, Customer], at: int
) -> tuple[Effect, ...]:
    """What customers with contacts are owed by an incident's step from ``previous``; ``at`` is the decision's time in UTC nanoseconds.

    The same input gives the same keys, so a replay tells nobody twice.
    """
    concerned = dict.fromkeys(impact.customer for one in (previous, incident) if one is not None for impact in one.impacts)
    effects = []
    for name in concerned:
        customer = customers.get(name)
        rule = policy.rule_for(customer.tier) if customer is not None and customer.contacts else None
        if rule is None:
            continue
        now, before = _felt(incident, name, rule), _felt(previous, name, rule)
        step = _step(incident, now, before)
        if step is not None:
            effects.append(_effect(incident, name, rule, step, now or before, at))
    return tuple(effects)


def _felt(incident: Incident | None, customer: str, rule: NoticeRule) -> tuple[Impact, ...]:
    """What of an incident the customer would be told: nothing of planned work, of what is shelved, or over."""
    if incident is None or incident.state is not IncidentState.OPEN or hidden_by(incident):
        return ()
    return tuple(impact for impact in incident.impacts if impact.customer == customer and impact.state in rule.states)


def _step(incident: Incident, now: tuple[Impact, ...], before: tuple[Impact, ...]) -> tuple[Stage, Reason] | None:
    if now and not before:
        return Stage.FIRST, Reason.ROOT_CAUSE_FOUND
    if now:
        changed = {(one.service, one.state) for one in now} != {(one.service, one.state) for one in before}
        return (Stage.PROGRESS, Reason.EVIDENCE_REVISED) if changed else None
    if not before:
        return None
    if incident.is_absorbed:
        return Stage.WITHDRAWN, Reason.EVIDENCE_REVISED
    if hidden := hidden_by(incident):
        return Stage.WITHDRAWN, hidden
    return Stage.RESTORED, Reason.ALL_CLEAR


def _effect(incident: Incident, customer: str, rule: NoticeRule, step: tuple[Stage, Reason], felt: Iterable[Impact], at: int) -> Effect:
    stage, reason = step
    return Effect(
        key=f"message:{incident.id}:{customer}:{stage.value}:r{incident.revision}",
        kind=EffectKind.MESSAGE,
        subject=incident.id,
        route=route_of(customer),
        decided_at=at,
        reason=reason.value,
        body={
            "customer": customer,
            "stage": stage.value,
            "due_at": max(at, incident.started_at + round(rule.after_min * MINUTE_NS)) if stage is Stage.FIRST else at,
            "every_ns": round(rule.progress_every_min * MINUTE_NS),
            "cause": kind_of(incident.root_cause).value,
            "acknowledged": bool(incident.acknowledged_by),
            "started_at": incident.started_at,
            "resolved_at": incident.resolved_at,
            "services": [{"service": one.service, "state": one.state.value, "since_at": one.since_at} for one in felt],
        },
    )


@dataclass(frozen=True, slots=True)
class Past:
    """A message of the same customer and incident: ``pending`` or else ended, and ``sent`` when it went out."""

    key: str
    stage: Stage
    pending: bool
    sent: bool


@dataclass(frozen=True, slots=True)
class Send:
    """It goes out now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """It goes out in ``seconds`` at the earliest."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Skip:
    """It never goes out."""

    why: str


Verdict = Send | Wait | Skip


def judge(stage: Stage, due_at: int, earlier: Sequence[Past], later: Sequence[Past], now: int, *, may_send: bool) -> Verdict:
    """Whether a message goes out.

    Args:
        stage: what it tells.
        due_at: UTC nanoseconds before which it does not go out.
        earlier: what was decided before it for the same customer and incident, in order.
        later: what was decided after it, in order.
        now: UTC nanoseconds.
        may_send: whether the customer has not been told enough within the last hour.
    """
    if needless := _needless(stage, earlier, later):
        return Skip(needless)
    if now < due_at:
        return Wait((due_at - now) / 1e9, "not due yet")
    if may_send:
        return Send()
    enough = "the customer was told enough within the hour"
    return Skip(enough) if stage is Stage.PROGRESS else Wait(RETRY_AFTER_S, enough)


def _needless(stage: Stage, earlier: Sequence[Past], later: Sequence[Past]) -> str:
    """Why a message is not worth sending any more; empty when it is."""
    if stage is Stage.WITHDRAWN:
        return "another incident, or planned work, took it over"
    if stage is Stage.FIRST:
        is_over = any(one.stage in {Stage.RESTORED, Stage.WITHDRAWN} for one in later)
        return "over before it was told" if is_over else ""
    if not _is_told(earlier):
        return "nothing was told before"
    return "superseded by what came later" if stage is Stage.PROGRESS and later else ""


def _is_told(earlier: Sequence[Past]) -> bool:
    """Whether the customer was told of it, and not yet that it is over."""
    told = False
    for one in earlier:
        if one.sent:
            told = one.stage is not Stage.RESTORED
    return told


def follow_up(effect: Effect, number: int, now: int) -> Effect | None:
    """The progress that is told ``every_ns`` after a message, if it lasts until then.

    It has a route of its own, so that nothing of the customer's waits for it.
    """
    every = int(effect.body.get("every_ns", 0))
    if every <= 0:
        return None
    body: dict[str, Any] = {**effect.body, "stage": Stage.PROGRESS.value, "due_at": now + every, "number": number}
    return Effect(
        key=f"message:{effect.subject}:{body['customer']}:lasting:{number}:{effect.key.rpartition(':')[2]}",
        kind=EffectKind.MESSAGE,
        subject=effect.subject,
        route=routes_of(body["customer"])[1],
        decided_at=effect.decided_at,
        reason=Reason.EVIDENCE_REVISED.value,
        body=body,
    )
