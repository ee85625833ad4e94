"""Domain values -> rows: one function for each kind, columns named as the fields are. Pure; the one place that knows both."""

import base64
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pipeline.core.alarm import Alarm, AlarmChange
from pipeline.core.anomaly_batch import NUMBERS, AnomalyBatch
from pipeline.core.claim import ClaimRow
from pipeline.core.effect import Effect, Receipt
from pipeline.core.evaluation import Evaluation
from pipeline.core.event import Event, StateReport, Tick
from pipeline.core.exclusion import ExclusionRow
from pipeline.core.incident import Incident
from pipeline.core.kpi import KpiBatch
from pipeline.core.operation import Answer, Operation
from pipeline.core.outage import Outage
from pipeline.core.raw import INTERFACES, RawPoll, RawTrap
from pipeline.core.rollup import Part
from pipeline.core.settle import Settle
from pipeline.core.suspicion import Question
from pipeline.core.window import WindowRow
from pipeline.store.packed import INTAKE, Packed, pack
from pipeline.store.text import TYPE_NAMES, value_text
from pipeline.wire import DeadLetter, to_json

Columns = dict[str, list[Any]]
Rows = dict[str, Columns | Packed]
"""Table -> column -> values, all columns of a table of one length; or, for indicators, packed batches."""

_INT64 = range(-(2**63), 2**63)
_UINT32 = range(2**32)
_UINT64 = range(2**64)
_DECIMAL_BOUND = Decimal(10) ** 10

_SIGNED = frozenset({"credit_minor", "charge_minor"})
_SHORT = frozenset({"uptime_ticks", "repeats", "interfaces", "attempts", "partition", "escalation"})
_NOT_YET = frozenset(
    {
        *("ended_at", "resolved_at", "cleared_at", "confirmed_at", "acknowledged_at", "ticketed_at", "closed_at"),
        *("until", "starts_at", "claim_until", "claimed_at"),
    }
)


def _plain(name: str, items: Sequence[Any]) -> list[Any]:
    values = [getattr(item, name) for item in items]
    if name in _NOT_YET:
        return [value or None for value in values]
    return values


def _columns(names: Iterable[str], items: Sequence[Any]) -> Columns:
    return {name: _plain(name, items) for name in names}


def _nested(prefix: str, names: Iterable[str], lists: Sequence[Sequence[Any]]) -> Columns:
    return {f"{prefix}.{name}": [[getattr(part, name) for part in parts] for parts in lists] for name in names}


def _lists(names: Iterable[str], items: Sequence[Any]) -> Columns:
    return {name: [list(getattr(item, name)) for item in items] for name in names}


_TRAP = (
    *("collector", "sequence", "received_at", "source", "trap_oid", "uptime_ticks", "authenticated", "inform"),
    *("user", "relaxed_clock", "repeats"),
)


def trap_rows(traps: Sequence[RawTrap], _: int) -> Rows:
    """Table ``trap``: one row for a notification, its variables in three parallel arrays."""
    columns = _columns(_TRAP, traps)
    columns["security_level"] = [trap.security_level or "" for trap in traps]
    columns["version"] = [trap.version.name.lower() for trap in traps]
    columns["agent_address"] = [trap.agent_address or "" for trap in traps]
    columns["varbinds.oid"] = [[varbind.oid for varbind in trap.varbinds] for trap in traps]
    columns["varbinds.type"] = [[TYPE_NAMES[varbind.type] for varbind in trap.varbinds] for trap in traps]
    columns["varbinds.value"] = [[value_text(varbind) for varbind in trap.varbinds] for trap in traps]
    return {"trap": columns}


def poll_rows(polls: Sequence[RawPoll], _: int) -> Rows:
    """Table ``poll``: the outcome of each poll; its values come as KPIs."""
    columns = _columns(("device", "polled_at", "collector", "sequence", "outcome", "uptime_ticks", "round_trip_ms", "on_suspicion"), polls)
    columns["interfaces"] = [len(poll.table(INTERFACES).indexes) for poll in polls]
    return {"poll": columns}


_EVENT = (
    *("id", "occurred_at", "resource", "alarm_type", "signal", "text", "source", "device", "collector", "sequence"),
    *("domain", "qualifier", "rule", "condition", "authenticated", "attributes"),
)


def event_rows(events: Sequence[Event], _: int) -> Rows:
    """Table ``event``."""
    return {"event": {**_columns(_EVENT, events), "severity": [int(event.severity) for event in events]}}


_ALARM = (
    *("id", "revision", "resource", "alarm_type", "qualifier", "domain", "device", "text", "is_cleared"),
    *("created_at", "last_raised_at", "last_changed_at", "cleared_at", "confirmed_at", "occurrences", "flaps"),
    *("condition", "event_type", "probable_cause", "raised_by", "operator_state", "shelved_reason"),
)


def alarm_rows(changes: Sequence[AlarmChange], _: int) -> Rows:
    """Table ``alarm_change``; the engine keeps table ``alarm`` from it."""
    alarms: list[Alarm] = [change.alarm for change in changes]
    columns = _columns(("at", "change", "reason", "event"), changes) | _columns(_ALARM, alarms) | _lists(("events",), alarms)
    columns["severity"] = [int(alarm.severity) for alarm in alarms]
    columns["cleared_by"] = [alarm.cleared_by or "" for alarm in alarms]
    return {"alarm_change": columns}


_INCIDENT = (
    *("id", "revision", "domain", "root_cause", "state", "reason", "started_at", "opened_at", "resolved_at"),
    *("probability", "planned", "flapping", "confirmed_by", "topology_version", "rules_version"),
    *("acknowledged_by", "acknowledged_at", "escalation", "shelved"),
)
_COMMENT = ("at", "operator", "text")
_IMPACT = ("service", "customer", "contract", "tier", "state", "since_at", "share", "path", "gate")


def incident_rows(incidents: Sequence[Incident], recorded_at_ms: int) -> Rows:
    """Table ``incident_revision``; the engine keeps table ``incident`` from it."""
    columns = _columns(_INCIDENT, incidents) | _lists(("explanation", "alarms"), incidents)
    columns |= _nested("impacts", _IMPACT, [incident.impacts for incident in incidents])
    columns |= _nested("comments", _COMMENT, [incident.comments for incident in incidents])
    columns["severity"] = [int(incident.severity) for incident in incidents]
    columns["grounds"] = [to_json(incident.grounds).decode() for incident in incidents]
    columns["recorded_at"] = [recorded_at_ms] * len(incidents)
    return {"incident_revision": columns}


_OUTAGE = (
    *("id", "revision", "service", "customer", "contract", "state", "incident", "root_cause"),
    *("started_at", "ended_at", "confirmed_by", "excluded", "ticketed_at", "acknowledged_at", "closed_at"),
)


def outage_rows(outages: Sequence[Outage], recorded_at_ms: int) -> Rows:
    """Table ``outage``."""
    return {"outage": {**_columns(_OUTAGE, outages), "recorded_at": [recorded_at_ms] * len(outages)}}


def kpi_rows(batches: Sequence[KpiBatch], precision: Mapping[str, int]) -> Rows:
    """Table ``kpi_intake``, from which the engine fills the tables of indicators. Raises ``ValueError`` for a batch that none can hold."""
    return {INTAKE: Packed([pack(batch, precision) for batch in batches])}


_OF_BATCH = ("at", "device", "source", "model", "collector", "sequence")


def anomaly_rows(batches: Sequence[AnomalyBatch], _: int) -> Rows:
    """Table ``anomaly``: one row for each unusual value; a bound that is none is NULL. Raises ``ValueError`` if ragged."""
    columns: Columns = {name: [] for name in (*_OF_BATCH, "resource", "kpi", "feature", *NUMBERS)}
    for batch in batches:
        size = len(batch.resources)
        for name in _OF_BATCH:
            columns[name] += [getattr(batch, name)] * size
        columns["resource"] += batch.resources
        columns["kpi"] += batch.kpis
        columns["feature"] += batch.features
        for name in NUMBERS:
            columns[name] += [value if math.isfinite(value) else None for value in batch.column(name).tolist()]
    sizes = {name: len(values) for name, values in columns.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"columns of anomalies differ in length: {sizes}")
    return {"anomaly": columns}


_EVALUATION = (
    *("id", "contract", "service", "customer", "plan", "plan_version", "period", "timezone", "period_starts_at", "period_ends_at"),
    *("evaluated_at", "counted_s", "excluded_s", "unconfirmed_s", "denominator_s", "availability", "target", "violated", "reason"),
    *("credit_minor", "currency", "charge_minor", "metric", "revision", "automatic"),
    *("stopped_s", "figure", "unit", "claim_until", "claimed_at"),
)
_INTERVAL = ("starts_at", "ends_at", "outage", "excluded")


def evaluation_rows(evaluations: Sequence[Evaluation], _: int) -> Rows:
    """Table ``evaluation``."""
    columns = _columns(_EVALUATION, evaluations) | _lists(("arithmetic", "outages"), evaluations)
    return {"evaluation": columns | _nested("intervals", _INTERVAL, [evaluation.intervals for evaluation in evaluations])}


def effect_rows(effects: Sequence[Effect], _: int) -> Rows:
    """Table ``effect``; ``body`` is JSON with sorted keys."""
    columns = _columns(("key", "kind", "subject", "route", "decided_at", "reason"), effects)
    columns["body"] = [json.dumps(effect.body, sort_keys=True, default=str) for effect in effects]
    return {"effect": columns}


def receipt_rows(receipts: Sequence[Receipt], _: int) -> Rows:
    """Table ``receipt``."""
    names = ("key", "kind", "subject", "route", "outcome", "at", "remote_id", "attempts", "detail")
    return {"receipt": _columns(names, receipts)}


_OPERATION = ("id", "domain", "kind", "at", "operator", "via", "target", "text", "reason_kind", "until", "starts_at", "period")


def operation_rows(answers: Sequence[Answer], _: int) -> Rows:
    """Table ``operation``: what somebody did, with what became of it in one domain."""
    operations = [answer.operation for answer in answers]
    columns = _columns(("outcome", "reason", "detail", "answered_at"), answers) | _columns(_OPERATION, operations)
    return {"operation": columns | _lists(("resources",), operations)}


def dead_letter_rows(letters: Sequence[DeadLetter], _: int) -> Rows:
    """Table ``dead_letter``; key and value in base64, as they need not be text."""
    columns = _columns(("topic", "partition", "offset", "reason", "detail", "at"), letters)
    columns["key"] = [base64.b64encode(letter.key or b"").decode() for letter in letters]
    columns["value"] = [base64.b64encode(letter.value).decode() for letter in letters]
    return {"dead_letter": columns}


Converter = Callable[[Sequence[Any], int], Rows]

CONVERTERS: Mapping[type[Any], Converter] = {
    RawTrap: trap_rows,
    RawPoll: poll_rows,
    Event: event_rows,
    AlarmChange: alarm_rows,
    Incident: incident_rows,
    Outage: outage_rows,
    AnomalyBatch: anomaly_rows,
    Evaluation: evaluation_rows,
    Effect: effect_rows,
    Receipt: receipt_rows,
    Answer: operation_rows,
    DeadLetter: dead_letter_rows,
}
PACKERS: Mapping[type[Any], Callable[[Sequence[Any], Mapping[str, int]], Rows]] = {KpiBatch: kpi_rows}
NO_RULES: Mapping[str, int] = {}
NOT_KEPT = frozenset({StateReport, Tick, Settle, Question, Part, Operation, WindowRow, ExclusionRow, ClaimRow})
"""Values that are means, not history: their effect is in what they led to. The sink counts them."""


def rows_of(items: Sequence[Any], recorded_at_ms: int, precision: Mapping[str, int] = NO_RULES) -> Rows:
    """Rows of one message's values, checked to fit their columns; nothing for kinds that are not kept.

    ``recorded_at_ms`` is the broker's timestamp (Unix milliseconds), so that a replay gives the same rows; ``precision`` is how many
    significant binary digits are kept of an indicator. Raises ``ValueError`` for a value that no column can hold, ``KeyError`` for a type
    without a table.
    """
    kind = type(items[0])
    if kind in NOT_KEPT:
        return {}
    if kind in PACKERS:
        return PACKERS[kind](items, precision)
    rows = CONVERTERS[kind](items, recorded_at_ms)
    for table, columns in rows.items():
        for name, values in _plainly(columns).items():
            _check(table, name, values)
    return rows


def quarantine_rows(topic: str, partition: int, offset: int, recorded_at_ms: int, reason: str, detail: str, value: bytes) -> Rows:
    """Table ``quarantine_message``: one message that could not be read, with its bytes."""
    fields = {"topic": topic, "partition": partition, "offset": offset, "recorded_at": recorded_at_ms, "reason": reason, "detail": detail}
    return {"quarantine_message": {name: [field] for name, field in fields.items()} | {"value": [base64.b64encode(value).decode()]}}


def _allowed(name: str) -> range:
    if name in _SIGNED or name == "at" or name.endswith("_at"):
        return _INT64
    return _UINT32 if name in _SHORT else _UINT64


def _check(table: str, name: str, values: list[Any]) -> None:
    sample = next((value for value in values if value is not None), None)
    if type(sample) is int:
        allowed = _allowed(name)
        present = [value for value in values if value is not None]
        if min(present) not in allowed or max(present) not in allowed:
            raise ValueError(f"{table}.{name}: {min(present)} to {max(present)} does not fit {allowed}")
    elif isinstance(sample, Decimal):
        for value in values:
            if not value.is_finite() or abs(value) >= _DECIMAL_BOUND:
                raise ValueError(f"{table}.{name}: {value} does not fit")
    elif isinstance(sample, list) and name.endswith("_at"):
        _check(table, name, [part for parts in values for part in parts])


def append(rows: Rows, more: Rows) -> None:
    """Add the rows of ``more`` to ``rows``, in place."""
    for table, block in more.items():
        if isinstance(block, Packed):
            packed = rows.setdefault(table, Packed([]))
            assert isinstance(packed, Packed), "a table is packed or it is not"
            packed.batches.extend(block.batches)
            continue
        into = _plainly(rows.setdefault(table, {}))
        for name, values in block.items():
            into.setdefault(name, []).extend(values)


def _plainly(block: Columns | Packed) -> Columns:
    assert not isinstance(block, Packed), "only indicators are packed"
    return block


def length(block: Columns | Packed) -> int:
    """How many rows, or values of indicators."""
    return block.samples if isinstance(block, Packed) else len(next(iter(block.values()), ()))


def weight(rows: Rows) -> int:
    """How many rows, all tables together; packed values count for less (:data:`pipeline.store.packed.SAMPLES_PER_ROW`)."""
    return sum(block.weight if isinstance(block, Packed) else length(block) for block in rows.values())
