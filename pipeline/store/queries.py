"""What others read of the history: plain questions, answered in values ready for JSON.

Every answer is a dictionary, or a list of them, whose keys are the field names of the domain values (:mod:`pipeline.core`). Times are
integers, UTC nanoseconds, 0 where there is none yet. A severity is its name, a decimal its text. Values enter SQL as parameters only, table
names from the constants of this module. Blocking: from an event loop call them in a thread.
"""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from pipeline.core.event import Severity
from pipeline.core.resource import ResourceId, device_of
from pipeline.store.client import Row
from pipeline.store.reader import Reader

TABLES = (
    *("trap", "poll", "event", "alarm_change", "alarm", "incident_revision", "incident", "outage", "kpi", "kpi_1m", "kpi_1h"),
    *("anomaly", "evaluation", "effect", "receipt", "operation", "dead_letter", "quarantine_message"),
)

_NESTED = ("impacts", "comments", "intervals", "varbinds")
_IN_MS = ("recorded_at",)
_IN_JSON = ("grounds",)
_NS_PER_MS = 1_000_000
_FOREVER_NS = 2**63 - 1
_LAST_NS = (2**32 - 1) * 1_000_000_000

_INCIDENTS = (
    "SELECT *, length(alarms) AS alarm_count FROM incident FINAL WHERE {state:String} IN ('', state)"
    " ORDER BY started_at DESC, id LIMIT {limit:UInt32}"
)
_ALARMS = (
    "SELECT * FROM alarm FINAL WHERE NOT is_cleared OR NOT {standing:Bool}"
    " ORDER BY severity DESC, last_raised_at DESC, id LIMIT {limit:UInt32}"
)
_OUTAGES = (
    "SELECT * FROM outage FINAL WHERE {incident:String} IN ('', incident) AND {service:String} IN ('', service)"
    " AND {customer:String} IN ('', customer) AND (ended_at IS NULL OR NOT {lasting:Bool})"
    " ORDER BY started_at DESC, id LIMIT {limit:UInt32}"
)
_NAMED = " UNION ALL ".join(
    f"SELECT * FROM (SELECT DISTINCT '{table}' AS kind, id FROM {table} WHERE startsWith(id, {{beginning:String}})"  # noqa: S608  # constants
    " ORDER BY id LIMIT {limit:UInt32})"
    for table in ("evaluation", "outage", "incident", "alarm")
)
_TRAP_EVENTS = (
    "SELECT sequence, rule, signal, alarm_type, severity, resource, qualifier FROM event FINAL"
    " WHERE collector = {collector:String} AND sequence BETWEEN {first:UInt64} AND {last:UInt64} AND source = 'trap'"
    " AND occurred_at >= fromUnixTimestamp64Nano({earliest:Int64}) AND occurred_at <= fromUnixTimestamp64Nano({latest:Int64})"
    " ORDER BY sequence"
)
_SERIES_RAW = (
    "SELECT toDateTime64(k.at, 9, 'UTC') AS t, anyIf(k.value, k.quality = 'good') AS mean, mean AS lowest, mean AS highest,"
    " toUInt64(mean IS NOT NULL) AS samples FROM kpi"
)
_SERIES_1M = (
    "SELECT toDateTime64(k.at, 9, 'UTC') AS t, sum(k.total) / nullIf(sum(k.samples), 0) AS mean, min(k.lowest) AS lowest,"
    " max(k.highest) AS highest, sum(k.samples) AS samples FROM kpi_1m"
)
_OF_SERIES = (
    " AS k WHERE k.kpi = {kpi:String} AND ({device:String} = '' OR k.device = {device:String}) AND k.resource = {resource:String}"
    " AND k.at >= toDateTime(intDiv({starts_at:Int64} + 999999999, 1000000000), 'UTC')"
    " AND k.at < toDateTime(intDiv({ends_at:Int64} + 999999999, 1000000000), 'UTC') GROUP BY t ORDER BY t"
)
_SERIES = {"raw": _SERIES_RAW, "1m": _SERIES_1M, "1h": _SERIES_1M.replace("kpi_1m", "kpi_1h")}


class Queries(Reader):
    """What people and programs ask of the history, in the order of its tables."""

    # incidents

    def incidents(self, state: str | None = None, limit: int = 100) -> list[Row]:
        """Incidents as of their last revision, newest first, with ``alarm_count``; ``state`` (``open``, ``resolved``) keeps only those."""
        return self._read(_INCIDENTS, state=state or "", limit=limit)

    def incident(self, incident_id: str) -> Row | None:
        """One incident as of its last revision."""
        return _first(self._read("SELECT *, length(alarms) AS alarm_count FROM incident FINAL WHERE id = {id:String}", id=incident_id))

    def incident_revisions(self, incident_id: str) -> list[Row]:
        """Every revision of one incident, oldest first."""
        sql = "SELECT *, length(alarms) AS alarm_count FROM incident_revision FINAL WHERE id = {id:String} ORDER BY revision"
        return self._read(sql, id=incident_id)

    # alarms, events and the datagrams behind them

    def alarms(self, *, standing: bool = True, limit: int = 500) -> list[Row]:
        """Alarms as of their last change, worst first, then newest; only those that are not cleared unless ``standing`` is false."""
        return self._read(_ALARMS, standing=standing, limit=limit)

    def alarms_by_id(self, ids: Iterable[str]) -> list[Row]:
        """These alarms as of their last change, in the order of ``ids``; those that are not known are left out."""
        return self._by_id("SELECT * FROM alarm FINAL WHERE id IN {ids:Array(String)}", ids)

    def alarm_changes(self, alarm_id: str) -> list[Row]:
        """The history of one alarm, oldest first: ``change``, ``reason``, ``event``, ``at`` and the alarm's state after it."""
        return self._read("SELECT * FROM alarm_change FINAL WHERE id = {id:String} ORDER BY at, revision", id=alarm_id)

    def events(self, ids: Iterable[str]) -> list[Row]:
        """These events, in the order of ``ids``; those that are not known are left out."""
        return self._by_id("SELECT * FROM event FINAL WHERE id IN {ids:Array(String)}", ids)

    def trap_events(self, collector: str, first: int, last: int, received: tuple[int, int]) -> list[Row]:
        """Events that notifications of one collector became, by ``sequence`` from first to last; ``received`` bounds their times."""
        return self._read(_TRAP_EVENTS, collector=collector, first=first, last=last, earliest=received[0], latest=received[1])

    def trap(self, collector: str, sequence: int) -> Row | None:
        """The notification at one place of a collector's journal; ``varbinds`` is a list of ``oid``, ``type`` and ``value`` (text)."""
        sql = "SELECT * FROM trap FINAL WHERE collector = {collector:String} AND sequence = {sequence:UInt64}"
        return _first(self._read(sql, collector=collector, sequence=sequence))

    def poll(self, collector: str, sequence: int) -> Row | None:
        """The outcome of the poll at one place of a collector's journal."""
        sql = "SELECT * FROM poll FINAL WHERE collector = {collector:String} AND sequence = {sequence:UInt64}"
        return _first(self._read(sql, collector=collector, sequence=sequence))

    def answering(self) -> int:
        """How many devices answered their last poll."""
        sql = "SELECT count() AS devices FROM (SELECT argMax(outcome, polled_at) AS last FROM poll GROUP BY device) WHERE last = 'answered'"
        return int(self._read(sql)[0]["devices"])

    # outages and agreements

    def outages(
        self,
        incident: str | None = None,
        service: str | None = None,
        limit: int = 500,
        *,
        customer: str | None = None,
        lasting: bool = False,
    ) -> list[Row]:
        """Outages as of their last revision, newest first; of one incident, service or customer, or all.

        ``lasting`` keeps those that have not ended.
        """
        names = {"incident": incident or "", "service": service or "", "customer": customer or ""}
        return self._read(_OUTAGES, **names, lasting=lasting, limit=limit)

    def outages_between(self, service: str, starts_at: int, ends_at: int) -> list[Row]:
        """Outages of a service that overlap a period (UTC nanoseconds, the end excluded), oldest first; lasting ones included."""
        sql = (
            "SELECT * FROM outage FINAL WHERE service = {service:String} AND started_at < fromUnixTimestamp64Nano({ends_at:Int64})"
            " AND (ended_at IS NULL OR ended_at > fromUnixTimestamp64Nano({starts_at:Int64})) ORDER BY started_at, id"
        )
        return self._read(sql, service=service, starts_at=starts_at, ends_at=ends_at)

    def outages_of(self, services: Iterable[str], since: int) -> list[Row]:
        """Outages of these services, as of their last revision, that last or ended after an instant (UTC nanoseconds)."""
        sql = (
            "SELECT * FROM outage FINAL WHERE service IN {services:Array(String)}"
            " AND (ended_at IS NULL OR ended_at > fromUnixTimestamp64Nano({since:Int64})) ORDER BY started_at, id"
        )
        wanted = list(dict.fromkeys(services))
        return self._read(sql, services=wanted, since=since) if wanted else []

    def outages_within(self, starts_at: int, ends_at: int) -> list[Row]:
        """Outages that have a part between two instants (UTC nanoseconds), as of their last revision."""
        sql = (
            "SELECT * FROM outage FINAL WHERE started_at < fromUnixTimestamp64Nano({ends_at:Int64})"
            " AND (ended_at IS NULL OR ended_at > fromUnixTimestamp64Nano({starts_at:Int64})) ORDER BY started_at, id"
        )
        return self._read(sql, starts_at=starts_at, ends_at=ends_at)

    def outage(self, outage_id: str) -> Row | None:
        """One outage as of its last revision."""
        return _first(self._read("SELECT * FROM outage FINAL WHERE id = {id:String}", id=outage_id))

    def evaluations(self, evaluated_at: int | None = None, limit: int = 1000, period: str = "") -> list[Row]:
        """The latest evaluation of each service, promise and period, newest period first.

        With ``evaluated_at`` those of that settlement only, with ``period`` those of that month.
        """
        sql = (
            "SELECT * FROM evaluation FINAL"
            " WHERE ({any:Bool} OR evaluated_at = fromUnixTimestamp64Nano({at:Int64})) AND ({period:String} IN ('', period))"
            " ORDER BY period DESC, contract, service, metric, revision DESC, evaluated_at DESC"
            " LIMIT 1 BY contract, service, metric, period LIMIT {limit:UInt32}"
        )
        return self._read(sql, any=evaluated_at is None, at=evaluated_at or 0, limit=limit, period=period)

    def evaluation(self, evaluation_id: str) -> Row | None:
        """One evaluation with its intervals and arithmetic."""
        sql = "SELECT * FROM evaluation FINAL WHERE id = {id:String} ORDER BY evaluated_at DESC LIMIT 1"
        return _first(self._read(sql, id=evaluation_id))

    def named(self, beginning: str, limit: int = 10) -> list[Row]:
        """Ids that begin so, at most ``limit`` of each ``kind``: evaluation, outage, incident, alarm."""
        return self._read(_NAMED, beginning=beginning, limit=limit)

    # effects

    def effects(self, subject: str) -> list[Row]:
        """What was decided for one incident or contract, oldest first; ``body`` is JSON text."""
        return self._read("SELECT * FROM effect FINAL WHERE subject = {subject:String} ORDER BY decided_at, key", subject=subject)

    def receipts(self, subject: str) -> list[Row]:
        """What was done for one incident or contract, oldest first."""
        return self._read("SELECT * FROM receipt FINAL WHERE subject = {subject:String} ORDER BY at, key", subject=subject)

    # operations

    def operations(self, target: str = "", limit: int = 100) -> list[Row]:
        """What people did, newest first, one row for each domain that answered; to one incident, alarm or window, or to all."""
        sql = "SELECT * FROM operation FINAL WHERE {target:String} IN ('', target) ORDER BY at DESC, id, domain LIMIT {limit:UInt32}"
        return self._read(sql, target=target, limit=limit)

    # indicators

    def kpi_series(self, kpi: str, resource: str, starts_at: int, ends_at: int = _FOREVER_NS, resolution: str = "1m") -> list[Row]:
        """One indicator of one resource over time: ``at``, ``mean``, ``lowest``, ``highest``, ``samples``.

        ``resolution`` is ``raw``, ``1m`` or ``1h``; means are of good values only, ``None`` where there is none. Raises ``ValueError`` for
        another resolution.
        """
        about = _SERIES.get(resolution)
        if about is None:
            raise ValueError(f"resolution {resolution!r} is none of {', '.join(_SERIES)}")
        device = device_of(ResourceId(resource)) or ""
        rows = self._read(
            about + _OF_SERIES, kpi=kpi, device=device, resource=resource, starts_at=starts_at, ends_at=min(ends_at, _LAST_NS)
        )
        return [{"at": row.pop("t"), **row} for row in rows]

    # accounts

    def counts(self) -> dict[str, int]:
        """Rows of each table; rows that repeat an identity may still be among them until the engine merges them."""
        sql = " UNION ALL ".join(f"SELECT '{table}' AS name, count() AS n FROM {table}" for table in TABLES)  # noqa: S608  # constants
        return {row["name"]: row["n"] for row in self._connection.rows(sql)}

    def unique_traps(self) -> dict[str, int]:
        """Collector -> distinct notifications in the store: what `published` must equal."""
        sql = "SELECT collector, uniqExact(sequence) AS n FROM trap GROUP BY collector ORDER BY collector"
        return {row["collector"]: row["n"] for row in self._connection.rows(sql)}

    def polls_stored(self) -> dict[str, tuple[int, int]]:
        """Collector -> how many polls it journaled within the last hour but not the last minute, and how many of them are stored.

        A journal numbers its polls without a gap.
        """
        sql = (
            "SELECT p.collector AS collector, any(b.last - b.first + 1) AS journaled, uniqExact(p.sequence) AS stored FROM poll AS p"
            " JOIN (SELECT collector, min(sequence) AS first, max(sequence) AS last FROM poll"
            " WHERE polled_at BETWEEN now() - 3600 AND now() - 60 GROUP BY collector) AS b ON p.collector = b.collector"
            " WHERE p.polled_at > now() - 7200 AND p.sequence BETWEEN b.first AND b.last GROUP BY collector ORDER BY collector"
        )
        return {row["collector"]: (int(row["journaled"]), int(row["stored"])) for row in self._connection.rows(sql)}

    def oldest_trap(self, collector: str) -> tuple[int, int]:
        """The oldest notification of a collector that is still kept: its sequence and when it was received; zeros when there is none."""
        sql = (
            "SELECT min(t.sequence) AS oldest, argMin(t.received_at, t.sequence) AS heard_at FROM trap AS t"
            " WHERE t.collector = {collector:String} HAVING count() > 0"
        )
        found = _first(self._read(sql, collector=collector))
        return (found["oldest"], found["heard_at"]) if found else (0, 0)

    def unique_polls(self) -> dict[str, int]:
        """Collector -> distinct polls in the store."""
        sql = "SELECT collector, uniqExact(sequence) AS n FROM poll GROUP BY collector ORDER BY collector"
        return {row["collector"]: row["n"] for row in self._connection.rows(sql)}

    def quarantine(self, limit: int = 100) -> list[Row]:
        """Messages that the sink could not read, newest first; ``value`` is base64."""
        return self._read("SELECT * FROM quarantine_message FINAL ORDER BY recorded_at DESC LIMIT {limit:UInt32}", limit=limit)

    def dead_letters(self, limit: int = 100) -> list[Row]:
        """Messages that a stage could not handle, newest first; ``key`` and ``value`` are base64."""
        return self._read("SELECT * FROM dead_letter FINAL ORDER BY at DESC LIMIT {limit:UInt32}", limit=limit)

    def _by_id(self, sql: str, ids: Iterable[str]) -> list[Row]:
        wanted = list(dict.fromkeys(ids))
        found = {row["id"]: row for row in self._read(sql, ids=wanted)} if wanted else {}
        return [found[name] for name in wanted if name in found]

    def _read(self, sql: str, **parameters: Any) -> list[Row]:
        return [readable(row) for row in self._connection.rows(sql, parameters, ticks=True)]


def _first(rows: Sequence[Row]) -> Row | None:
    return rows[0] if rows else None


def readable(row: Row) -> Row:
    """One row in the shape of its domain value: nested columns as lists of dictionaries, numbers and names as the module says."""
    shaped: Row = {}
    for name, value in row.items():
        prefix, _, part = name.partition(".")
        if part and prefix in _NESTED:
            items = shaped.setdefault(prefix, [{} for _ in value])
            for item, each in zip(items, value, strict=True):
                item[part] = each
        else:
            shaped[name] = _value(name, value)
    return shaped


def _value(name: str, value: Any) -> Any:
    if name == "severity":
        return Severity(value).name.lower()
    if name in _IN_MS:
        return value * _NS_PER_MS
    if name in _IN_JSON:
        return json.loads(value) if value else {}
    if value is None and (name.endswith("_at") or name in {"until", "claim_until"}):
        return 0
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value
