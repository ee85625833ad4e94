"""A stretch of the past as the history has it: what a replay is held against. Blocking; every method raises ``StoreError``."""

from pipeline.core.oddness import QUALIFIER
from pipeline.store.client import Row
from pipeline.store.queries import Queries

_STARTS, _ENDS = "fromUnixTimestamp64Nano({starts_at:Int64})", "fromUnixTimestamp64Nano({ends_at:Int64})"
_INCIDENTS = (
    f"SELECT * FROM incident_revision FINAL WHERE started_at < {_ENDS} AND recorded_at < {_ENDS}"  # noqa: S608  # constants
    f" AND id IN (SELECT id FROM incident FINAL WHERE started_at < {_ENDS} AND (resolved_at IS NULL OR resolved_at > {_STARTS}))"
    " ORDER BY id, revision DESC LIMIT 1 BY id"
)
_OUTAGES = (
    f"SELECT * FROM outage FINAL WHERE started_at < {_ENDS} AND (ended_at IS NULL OR ended_at > {_STARTS})"  # noqa: S608  # constants
    " ORDER BY started_at, id"
)
_EFFECTS = (
    "SELECT key, kind, subject, route, decided_at FROM effect FINAL"  # noqa: S608  # constants
    f" WHERE kind != 'credit' AND decided_at >= {_STARTS} AND decided_at < {_ENDS} ORDER BY decided_at, key"
)
_OTHERS = (
    "SELECT * FROM event FINAL WHERE (source = 'system' OR source = 'anomaly' AND qualifier = {qualifier:String})"  # noqa: S608  # constants
    f" AND occurred_at >= {_STARTS} AND occurred_at < {_ENDS} ORDER BY occurred_at, collector, sequence, id"
)
_COUNTS = (
    "SELECT (SELECT uniqExact(id) FROM event WHERE occurred_at >= s AND occurred_at < e) AS events,"  # noqa: S608  # constants
    " (SELECT uniqExact(id) FROM event WHERE occurred_at >= s AND occurred_at < e AND rule = '') AS unknown,"
    " (SELECT uniqExact(id, at) FROM alarm_change WHERE at >= s AND at < e AND change IN ('raised', 'raised-again')) AS raised,"
    " (SELECT uniqExact(collector, sequence) FROM trap WHERE received_at >= s AND received_at < e) AS notifications,"
    " (SELECT uniqExact(collector, sequence) FROM poll WHERE polled_at >= s AND polled_at < e) AS polls"
    f" FROM (SELECT {_STARTS} AS s, {_ENDS} AS e)"
)
_STANDING = (
    "SELECT id, argMax(resource, revision) AS resource, argMax(alarm_type, revision) AS alarm_type,"
    " argMax(is_cleared, revision) AS cleared FROM alarm_change"
    " WHERE at < fromUnixTimestamp64Nano({at:Int64}) AND change != 'ignored' GROUP BY id HAVING NOT cleared ORDER BY resource, alarm_type"
)


class PastQueries(Queries):
    """What was, between two times (UTC nanoseconds, the end excluded)."""

    def incidents_between(self, starts_at: int, ends_at: int) -> list[Row]:
        """Incidents that were open in between, each as its latest revision that was published before the end says."""
        return self._read(_INCIDENTS, starts_at=starts_at, ends_at=ends_at)

    def all_outages_between(self, starts_at: int, ends_at: int) -> list[Row]:
        """Outages that lasted in between, each as its last revision says, which may be of later."""
        return self._read(_OUTAGES, starts_at=starts_at, ends_at=ends_at)

    def effects_between(self, starts_at: int, ends_at: int) -> list[Row]:
        """Tickets and pages that were decided in between, without what they said."""
        return self._read(_EFFECTS, starts_at=starts_at, ends_at=ends_at)

    def events_of_others(self, starts_at: int, ends_at: int) -> list[Row]:
        """Events in between that others than the worker made: the system's own, and the detectors' of elements that are odd as a whole."""
        return self._read(_OTHERS, starts_at=starts_at, ends_at=ends_at, qualifier=QUALIFIER)

    def counts_between(self, starts_at: int, ends_at: int) -> Row:
        """How many there were of ``events``, those of no rule (``unknown``), ``raised`` alarms, ``notifications`` and ``polls``."""
        return self._read(_COUNTS, starts_at=starts_at, ends_at=ends_at)[0]

    def standing_at(self, at: int) -> list[Row]:
        """Alarms that stood then: ``id``, ``resource``, ``alarm_type``."""
        return self._read(_STANDING, at=at)
