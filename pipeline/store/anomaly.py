"""What the history tells of anomalies: when they stood, the series around one, and what else was odd on the same element at the time.

Answers are in values ready for JSON, times UTC nanoseconds. Blocking: from an event loop call it in a thread.
"""

from collections.abc import Sequence

from pipeline.store.client import Row
from pipeline.store.reader import Reader

_NS_PER_S = 10**9
_HOUR_NS = 3_600 * _NS_PER_S
_DAY_NS = 24 * _HOUR_NS
_RAW_KEPT_NS = 13 * _DAY_NS
_MINUTES_KEPT_NS = 89 * _DAY_NS

_EVENTS = (
    "SELECT * FROM ("
    "SELECT id, occurred_at, resource, alarm_type, qualifier, signal, text, device, rule, attributes, domain FROM event FINAL"
    " WHERE source = 'anomaly' AND occurred_at >= fromUnixTimestamp64Nano({since:Int64})"
    " ORDER BY occurred_at DESC, id DESC LIMIT {limit:UInt32}) ORDER BY occurred_at, id"
)
_ALARMS = (
    "SELECT id, resource, alarm_type, qualifier, is_cleared, severity, last_raised_at, cleared_at FROM alarm FINAL"
    " WHERE raised_by = 'anomaly'"
)
_OTHER_ALARMS = (
    "SELECT id, resource, alarm_type, qualifier, severity, text, last_raised_at FROM alarm FINAL"
    " WHERE device = {device:String} AND last_raised_at <= fromUnixTimestamp64Nano({until:Int64})"
    " AND (NOT is_cleared OR cleared_at >= fromUnixTimestamp64Nano({since:Int64}))"
    " ORDER BY severity DESC, last_raised_at DESC LIMIT 20"
)
_RAW = (
    "SELECT toUnixTimestamp(k.at) AS at_s, avg(k.value) AS value FROM kpi AS k WHERE k.kpi = {kpi:String} AND k.device = {device:String}"
    " AND k.resource = {resource:String} AND k.quality = 'good' AND k.value IS NOT NULL"
    " AND k.at >= fromUnixTimestamp({starts_at:Int64}) AND k.at < fromUnixTimestamp({ends_at:Int64}) GROUP BY at_s ORDER BY at_s"
)
_ROLLED = (
    "SELECT toUnixTimestamp(k.at) AS at_s, sum(k.total) / sum(k.samples) AS value FROM kpi_1m AS k"
    " WHERE k.kpi = {kpi:String} AND k.device = {device:String} AND k.resource = {resource:String}"
    " AND k.at >= fromUnixTimestamp({starts_at:Int64}) AND k.at < fromUnixTimestamp({ends_at:Int64})"
    " GROUP BY at_s HAVING sum(k.samples) > 0 ORDER BY at_s"
)
_SERIES = {"raw": _RAW, "1m": _ROLLED, "1h": _ROLLED.replace("kpi_1m", "kpi_1h")}
_ANOMALIES = (
    "SELECT at, resource, kpi, observed, expected, lower, upper, score, feature, source, model FROM anomaly FINAL"
    " WHERE device = {device:String}"
    " AND at >= fromUnixTimestamp64Nano({starts_at:Int64}) AND at <= fromUnixTimestamp64Nano({ends_at:Int64}) ORDER BY at, kpi, resource"
    " LIMIT 1000"
)
_ODD = (
    "SELECT kpi, resource, value, low, high FROM ("
    "SELECT k.kpi AS kpi, k.resource AS resource, sum(k.total) / sum(k.samples) AS value FROM kpi_1m AS k WHERE k.device = {device:String}"
    " AND k.at >= fromUnixTimestamp({from_s:Int64}) AND k.at <= fromUnixTimestamp({until_s:Int64})"
    " GROUP BY kpi, resource HAVING sum(k.samples) > 0) AS now INNER JOIN ("
    "SELECT h.kpi AS kpi, h.resource AS resource, quantile(0.02)(h.lowest) AS low, quantile(0.98)(h.highest) AS high FROM kpi_1h AS h"
    " WHERE h.device = {device:String} AND h.samples > 0"
    " AND h.at >= fromUnixTimestamp({week_s:Int64}) AND h.at < fromUnixTimestamp({hour_s:Int64})"
    " GROUP BY kpi, resource HAVING count() >= 24) AS before USING (kpi, resource)"
    " WHERE value < low - 0.05 * abs(low) OR value > high + 0.05 * abs(high)"
    " ORDER BY greatest(low - value, value - high) / (high - low + 0.01 * abs(high) + 1e-9) DESC LIMIT 10"
)
_KPIS_OF = (
    "SELECT k.kpi AS kpi, sum(k.total) / sum(k.samples) AS mean FROM kpi_1h AS k WHERE k.device = {device:String}"
    " AND k.resource = {resource:String} AND k.at >= fromUnixTimestamp({since_s:Int64}) GROUP BY kpi HAVING sum(k.samples) > 0 ORDER BY kpi"
)


class AnomalyQueries(Reader):
    """What is asked about anomalies, and about the series that they are of."""

    def events(self, since: int, limit: int) -> list[Row]:
        """Events of anomalies since a time, the latest ``limit`` of them, oldest first."""
        return self._connection.rows(_EVENTS, {"since": since, "limit": limit}, ticks=True)

    def alarms(self) -> list[Row]:
        """Every alarm that an anomaly raised, as of its last change."""
        return self._connection.rows(_ALARMS, ticks=True)

    def alarms_of(self, device: str, since: int, until: int) -> list[Row]:
        """Alarms of an element that stood between two times."""
        return self._connection.rows(_OTHER_ALARMS, {"device": device, "since": since, "until": until}, ticks=True)

    def anomalies(self, device: str, starts_at: int, ends_at: int) -> list[Row]:
        """What was unusual on an element between two times (inclusive), oldest first."""
        return self._connection.rows(_ANOMALIES, {"device": device, "starts_at": starts_at, "ends_at": ends_at}, ticks=True)

    def series(self, kpi: str, device: str, resource: str, starts_at: int, ends_at: int, now: int) -> list[tuple[int, float]]:
        """Time and value of a series between two times, as finely as the history still has it at ``now``: good values only."""
        age = now - starts_at
        sql = _SERIES["raw" if age < _RAW_KEPT_NS else "1m" if age < _MINUTES_KEPT_NS else "1h"]
        names = {"kpi": kpi, "device": device, "resource": resource}
        rows = self._connection.rows(sql, {**names, "starts_at": starts_at // _NS_PER_S, "ends_at": ends_at // _NS_PER_S})
        return [(row["at_s"] * _NS_PER_S, row["value"]) for row in rows]

    def odd(self, device: str, at: int) -> list[Row]:
        """Series of an element that are outside of what they had in the week before, farthest first: ``value``, ``low``, ``high``.

        What is usual is between the lowest of all but the lowest hours and the highest of all but the highest.
        """
        hour_s = at // _HOUR_NS * 3_600
        times = {"from_s": (at - 120 * _NS_PER_S) // _NS_PER_S, "until_s": at // _NS_PER_S, "week_s": hour_s - 7 * 86_400, "hour_s": hour_s}
        return self._connection.rows(_ODD, {"device": device, **times})

    def kpis_of(self, device: str, resource: str, since: int) -> Sequence[Row]:
        """The indicators that a resource has values of since a time."""
        return self._connection.rows(_KPIS_OF, {"device": device, "resource": resource, "since_s": since // _NS_PER_S})
