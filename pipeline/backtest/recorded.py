"""A stretch of the past as the history has it, in the shape in which a replay gives it."""

from pipeline.backtest.heard import Heard
from pipeline.backtest.past import Past, Stretch, act_of
from pipeline.core.effect import EffectKind
from pipeline.core.event import Condition, Event, EventSource, Severity, Signal
from pipeline.core.incident import Impact, Incident, IncidentState
from pipeline.core.inventory import Tier
from pipeline.core.operation import CLAIM_KINDS, EXCLUSION_KINDS, WINDOW_KINDS, Operation, OperationKind
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.resource import ResourceId
from pipeline.store.client import Row
from pipeline.store.past import PastQueries

LASTING = tuple(sorted({*WINDOW_KINDS, *EXCLUSION_KINDS, *CLAIM_KINDS, OperationKind.SHELVE, OperationKind.UNSHELVE}))
"""What people do that may bear on much later."""
LONGEST_PLANNED_NS = 100 * 86_400 * 10**9
PEOPLE = "~"
"""What stands where others have a collector: what people did at one time comes last."""


def recorded(queries: PastQueries, stretch: Stretch) -> Past:
    """What really was. Raises ``StoreError``.

    All is as it was said to be before the stretch ended. Of outages the history keeps the last word only: of one whose last word is of
    later, it is taken that it lasted until then.
    """
    past = Past(stretch)
    bounds = (stretch.starts_at, stretch.ends_at)
    past.incidents = {row["id"]: incident_of(row) for row in queries.incidents_between(*bounds)}
    past.outages = {row["id"]: outage_of(row, stretch.ends_at) for row in queries.all_outages_between(*bounds) if _was_known(row, stretch)}
    for row in queries.effects_between(*bounds):
        past.acts[row["key"]] = act_of(row["key"], EffectKind(row["kind"]), row["subject"], row["route"], row["decided_at"])
    past.counts.update(queries.counts_between(*bounds))
    past.close()
    return past


def _was_known(row: Row, stretch: Stretch) -> bool:
    return bool(row["revision"] > 1 or row["recorded_at"] < stretch.ends_at)


def outages_beside(queries: PastQueries, stretch: Stretch, starts_at: int) -> list[Outage]:
    """Outages from ``starts_at`` on that were over before the stretch: what its months had come to already. Raises ``StoreError``."""
    rows = queries.all_outages_between(starts_at, stretch.starts_at)
    found = (outage_of(row, stretch.ends_at) for row in rows)
    return [outage for outage in found if not stretch.meets(outage.started_at, outage.ended_at)]


def said_by_others(queries: PastQueries, starts_at: int, ends_at: int) -> list[Heard]:
    """What came to the domains from others than the worker, in order of arrival. Raises ``StoreError``.

    Events of the detectors and the storm guards, and what people did; of shelves and maintenance windows also what was done long before.
    """
    events = map(event_of, queries.events_of_others(starts_at, ends_at))
    came: list[Heard] = [(event.occurred_at, event.collector, event.sequence, event) for event in events]
    rows = queries.operations_between(starts_at, ends_at, list(LASTING), starts_at - LONGEST_PLANNED_NS)
    came += [(max(row["answered_at"], starts_at), PEOPLE, place, operation_of(row)) for place, row in enumerate(rows)]
    return sorted(came, key=lambda each: each[:3])


def incident_of(row: Row) -> Incident:
    """An incident from its row."""
    impacts = (
        Impact(each["service"], each["customer"], each["contract"], Tier(each["tier"]), ServiceState(each["state"]), each["since_at"])
        for each in row["impacts"]
    )
    return Incident(
        id=row["id"],
        domain=row["domain"],
        root_cause=ResourceId(row["root_cause"]),
        state=IncidentState(row["state"]),
        severity=Severity[row["severity"].upper()],
        reason=row["reason"],
        explanation=tuple(row["explanation"]),
        alarms=tuple(row["alarms"]),
        impacts=tuple(impacts),
        started_at=row["started_at"],
        opened_at=row["opened_at"],
        resolved_at=row["resolved_at"],
        probability=row["probability"],
        planned=row["planned"],
        flapping=bool(row["flapping"]),
        confirmed_by=row["confirmed_by"],
        topology_version=row["topology_version"],
        rules_version=row["rules_version"],
        revision=row["revision"],
        acknowledged_by=row.get("acknowledged_by", ""),
        escalation=row.get("escalation", 0),
        shelved=row.get("shelved", ""),
    )


def outage_of(row: Row, as_of: int) -> Outage:
    """An outage from its row; one that ended after ``as_of``, or of which that was said only then, lasts."""
    return Outage(
        id=row["id"],
        service=row["service"],
        customer=row["customer"],
        contract=row["contract"],
        state=ServiceState(row["state"]),
        incident=row["incident"],
        root_cause=row["root_cause"],
        started_at=row["started_at"],
        ended_at=row["ended_at"] if max(row["ended_at"], row["recorded_at"]) <= as_of else 0,
        confirmed_by=row["confirmed_by"],
        excluded=row["excluded"],
        revision=row["revision"],
        ticketed_at=row["ticketed_at"] if row["ticketed_at"] <= as_of else 0,
        acknowledged_at=row["acknowledged_at"] if row["acknowledged_at"] <= as_of else 0,
        closed_at=row["closed_at"] if row["closed_at"] <= as_of else 0,
    )


def operation_of(row: Row) -> Operation:
    """An operation from its row."""
    return Operation(
        id=row["id"],
        kind=OperationKind(row["kind"]),
        at=row["at"],
        operator=row["operator"],
        target=row["target"],
        domain=row["domain"],
        text=row["text"],
        until=row["until"] or 0,
        starts_at=row["starts_at"],
        resources=tuple(row["resources"]),
        via=row["via"],
        reason_kind=row.get("reason_kind", ""),
        period=row.get("period", ""),
    )


def event_of(row: Row) -> Event:
    """An event from its row."""
    return Event(
        id=row["id"],
        occurred_at=row["occurred_at"],
        resource=ResourceId(row["resource"]),
        alarm_type=row["alarm_type"],
        signal=Signal(row["signal"]),
        severity=Severity[row["severity"].upper()],
        text=row["text"],
        source=EventSource(row["source"]),
        device=row["device"],
        collector=row["collector"],
        sequence=row["sequence"],
        domain=row["domain"],
        qualifier=row["qualifier"],
        rule=row["rule"],
        condition=Condition(row["condition"]),
        authenticated=bool(row["authenticated"]),
        attributes=dict(row["attributes"]),
    )
