"""One value of every kind that the history keeps, for tests: a fibre cut that took a service down, and what followed."""

import time
from decimal import Decimal
from typing import Any

import numpy as np

from pipeline.core.alarm import Alarm, AlarmChange, Change
from pipeline.core.anomaly_batch import AnomalyBatch
from pipeline.core.effect import Effect, EffectKind, Outcome, Receipt
from pipeline.core.event import Condition, Event, EventSource, Severity, Signal
from pipeline.core.explanation import Explanation, Rival, Some
from pipeline.core.incident import Impact, Incident, IncidentState
from pipeline.core.inventory import Tier
from pipeline.core.kpi import KpiBatch, Quality, packed
from pipeline.core.operation import Answer, Operation, OperationKind
from pipeline.core.operation import Outcome as OperationOutcome
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.raw import PollOutcome, RawPoll, RawTrap, SnmpVersion, ValueType, VarBind
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId
from pipeline.core.sla import Evaluation, Interval
from pipeline.wire import DeadLetter, Topic
from tests.support.polls import table_of

NOW = time.time_ns() // 1_000_000 * 1_000_000
"""UTC nanoseconds, on a whole millisecond. Tables forget old rows, so samples are of today."""

S = 1_000_000_000
PORT = ResourceId("interface/pe1/ge-0/0/1")
PATH = (ResourceId("fibre/f-ams-rtm-1"), ResourceId("link/ams--rtm"))
GROUNDS = Explanation(
    root=PATH[0],
    probability=0.97,
    alarms=2,
    kinds=(("interface", 2),),
    explained=Some((PORT,), 1),
    missing=Some((ResourceId("lsp/l1"),), 1),
    rivals=(Rival(ResourceId("duct/d1"), 0.03, 1, 4),),
    confirmed=1,
    rules=("standard/link",),
    topology_version="t1",
    rules_version="r1",
)


def trap(sequence: int = 1, at: int = NOW) -> RawTrap:
    varbinds = (
        VarBind("1.3.6.1.2.1.2.2.1.1.1", ValueType.INTEGER, 1),
        VarBind("1.3.6.1.2.1.31.1.1.1.1.1", ValueType.OCTET_STRING, b"ge-0/0/1"),
        VarBind("1.3.6.1.2.1.2.2.1.6.1", ValueType.OCTET_STRING, b"\x00\xff\n"),
    )
    return RawTrap("trap-1", sequence, at, "127.20.0.1", SnmpVersion.V2C, "1.3.6.1.6.3.1.1.5.3", varbinds, uptime_ticks=4_200)


def poll(sequence: int = 1, at: int = NOW, outcome: PollOutcome = PollOutcome.ANSWERED) -> RawPoll:
    return RawPoll("poll-1", sequence, at, "pe1", outcome, uptime_ticks=4_200, round_trip_ms=1.25, tables={"interfaces": table_of((1, 2))})


def event(number: int = 1, at: int = NOW) -> Event:
    return Event(
        id=f"trap-1:{number}:0",
        occurred_at=at,
        resource=PORT,
        alarm_type="link-down",
        signal=Signal.RAISE,
        severity=Severity.MAJOR,
        text="link ge-0/0/1 is down",
        source=EventSource.TRAP,
        device="pe1",
        collector="trap-1",
        sequence=number,
        rule="standard/link",
        condition=Condition.DOWN,
        attributes={"ifName": "ge-0/0/1"},
    )


def alarm(revision: int = 1, *, is_cleared: bool = False, at: int = NOW, name: str = "al-1") -> Alarm:
    return Alarm(
        id=name,
        resource=PORT,
        alarm_type="link-down",
        qualifier="",
        domain="default",
        device="pe1",
        severity=Severity.MAJOR,
        text="link ge-0/0/1 is down",
        is_cleared=is_cleared,
        created_at=NOW,
        last_raised_at=NOW,
        last_changed_at=at,
        cleared_at=at if is_cleared else 0,
        condition=Condition.DOWN,
        event_type="communications-alarm",
        probable_cause="loss-of-signal",
        cleared_by=EventSource.POLL if is_cleared else None,
        confirmed_at=NOW + S,
        events=("trap-1:1:0",),
        revision=revision,
    )


def alarm_change(revision: int = 1, *, is_cleared: bool = False, at: int = NOW, name: str = "al-1") -> AlarmChange:
    change, reason = (Change.CLEARED, Reason.CLEARED) if is_cleared else (Change.RAISED, Reason.FIRST_RAISE)
    return AlarmChange(alarm(revision, is_cleared=is_cleared, at=at, name=name), change, reason, "trap-1:1:0", at)


def incident(revision: int = 1, *, resolved: bool = False, name: str = "in-1") -> Incident:
    return Incident(
        id=name,
        domain="default",
        root_cause=ResourceId("fibre/f-ams-rtm-1"),
        state=IncidentState.RESOLVED if resolved else IncidentState.OPEN,
        severity=Severity.CRITICAL,
        reason="fibre f-ams-rtm-1 is cut",
        explanation=("explains 2 of 2 alarms", "nothing expected is missing"),
        alarms=("al-1",),
        impacts=(Impact("acme-vpn-1", "acme", "acme-gold", Tier.GOLD, ServiceState.DOWN, NOW, 1.0, PATH),),
        started_at=NOW,
        opened_at=NOW + S,
        resolved_at=NOW + 300 * S if resolved else 0,
        probability=0.97,
        confirmed_by="al-1",
        topology_version="t1",
        rules_version="r1",
        revision=revision,
        grounds=GROUNDS,
    )


def outage(revision: int = 1, *, ended: bool = False, name: str = "ou-1", state: ServiceState = ServiceState.DOWN) -> Outage:
    return Outage(
        id=name,
        service="acme-vpn-1",
        customer="acme",
        contract="acme-gold",
        state=state,
        incident="in-1",
        root_cause="fibre/f-ams-rtm-1",
        started_at=NOW,
        ended_at=NOW + 300 * S if ended else 0,
        confirmed_by="al-1",
        revision=revision,
    )


def kpis(at: int = NOW, device: str = "pe1") -> KpiBatch:
    resources = (PORT, ResourceId("interface/pe1/ge-0/0/2"))
    columns = packed(
        {
            "in_utilisation": (np.array([0.4, np.nan]), np.array([Quality.GOOD, Quality.MISSING])),
            "out_utilisation": (np.array([0.555, 0.6]), np.array([Quality.GOOD, Quality.RESET])),
        }
    )
    return KpiBatch(device, at, "poll-1", 1, resources, *columns)


def anomalies(at: int = NOW, device: str = "pe1") -> AnomalyBatch:
    """Two values of one poll that were unusual; the second has no lower bound."""
    numbers = {"observed": (0.98, 41.0), "expected": (0.4, 1.5), "lower": (0.3, np.nan), "upper": (0.55, 4.0), "score": (6.5, 9.0)}
    return AnomalyBatch(
        device=device,
        at=at,
        collector="poll-1",
        sequence=1,
        resources=(PORT, PORT),
        kpis=("in_utilisation", "in_errors_per_s"),
        features=("level", "level"),
        numbers={name: np.array(values).tobytes() for name, values in numbers.items()},
    )


def evaluation() -> Evaluation:
    return Evaluation(
        id="ev-1",
        contract="acme-gold",
        service="acme-vpn-1",
        customer="acme",
        plan="lab-gold",
        plan_version="v1",
        period="2026-11",
        timezone="Europe/Amsterdam",
        period_starts_at=NOW - 20 * 86_400 * S,
        period_ends_at=NOW + 10 * 86_400 * S,
        evaluated_at=NOW,
        counted_s=300,
        excluded_s=0,
        unconfirmed_s=10,
        denominator_s=2_592_000,
        availability=Decimal("99.98843"),
        target=Decimal("99.99"),
        violated=True,
        reason=Reason.TARGET_MISSED.value,
        credit_minor=12_000,
        currency="EUR",
        charge_minor=120_000,
        intervals=(Interval(NOW, NOW + 300 * S, "ou-1"),),
        arithmetic=("100 x (1 - 300 / 2592000) = 99.98843",),
        outages=("ou-1",),
    )


def effect() -> Effect:
    return Effect("ticket:in-1:open", EffectKind.TICKET_OPEN, "in-1", "tmf621", NOW, Reason.ROOT_CAUSE_FOUND.value, {"title": "fibre cut"})


def receipt() -> Receipt:
    return Receipt("ticket:in-1:open", EffectKind.TICKET_OPEN, "in-1", "tmf621", Outcome.DELIVERED, NOW, "TT-1", 2)


def operation(name: str = "op-1", **changes: Any) -> Operation:
    fields: dict[str, Any] = {
        "kind": OperationKind.ACK,
        "at": NOW,
        "operator": "alice",
        "target": "in-1",
        "domain": "default",
        "via": "cli",
    }
    return Operation(name, **(fields | changes))


def answer(name: str = "op-1", **changes: Any) -> Answer:
    return Answer(operation(name, **changes), OperationOutcome.DONE, Reason.ACKNOWLEDGED, "acknowledged", NOW + S)


def dead_letter() -> DeadLetter:
    return DeadLetter("events", 0, 7, "undecodable", "unknown kind 'x'", NOW, None, b"\x00\xff")


EVERY_KIND: dict[Topic, list[Any]] = {
    Topic.RAW_TRAPS: [trap()],
    Topic.RAW_POLLS: [poll()],
    Topic.EVENTS: [event()],
    Topic.ALARMS: [alarm_change()],
    Topic.INCIDENTS: [incident()],
    Topic.OUTAGES: [outage()],
    Topic.KPIS: [kpis()],
    Topic.EVALUATIONS: [evaluation()],
    Topic.EFFECTS: [effect()],
    Topic.RECEIPTS: [receipt()],
    Topic.ANSWERS: [answer()],
    Topic.DEAD_LETTERS: [dead_letter()],
}

BESIDE: dict[Topic, list[Any]] = {Topic.KPIS: [anomalies()]}
"""What rides on a topic beside its own kind, in messages of its own."""
