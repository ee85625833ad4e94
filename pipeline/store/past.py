"""A stretch of the past as the history has it: what a replay is held against. Blocking; every method raises ``StoreError``."""

from pipeline.core.oddness import QUALIFIER
from pipeline.core.reconcile import LIGHT_LOST
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
_OPERATIONS = (
    "SELECT id, domain, kind, at, operator, via, target, text, reason_kind, until, starts_at, period,"  # noqa: S608
    " resources, answered_at FROM operation FINAL"
    f" WHERE at < {_ENDS} AND (at >= {_STARTS} OR kind IN {{lasting:Array(String)}} AND at >= fromUnixTimestamp64Nano({{oldest:Int64}}))"
    " ORDER BY answered_at, at, id, domain"
)
_RAISED = "change IN ('raised', 'raised-again')"
_EVIDENCE = f"(condition != 'none' OR alarm_type = '{LIGHT_LOST}')"
_IN_BETWEEN = " UNION ALL ".join(
    f"SELECT '{name}' AS what, uniqExact({identity}) AS times FROM {table} WHERE {column} >= {_STARTS} AND {column} < {_ENDS}{only}"  # noqa: S608
    for name, table, column, identity, only in (
        ("events", "event", "occurred_at", "id", ""),
        ("unknown", "event", "occurred_at", "id", " AND rule = ''"),
        ("evidence", "alarm_change", "at", "id, at", f" AND {_RAISED} AND {_EVIDENCE}"),
        ("apart", "alarm_change", "at", "id, at", f" AND {_RAISED} AND NOT ({_EVIDENCE})"),
        ("notifications", "trap", "received_at", "collector, sequence", ""),
        ("polls", "poll", "polled_at", "collector, sequence", ""),
    )
)
_STANDING = (
    "SELECT resource, alarm_type FROM (SELECT id, max(resource) AS resource, max(alarm_type) AS alarm_type,"  # noqa: S608  # constants
    " argMax(is_cleared, revision) AS cleared FROM (SELECT * FROM alarm_change"
    f" WHERE at < fromUnixTimestamp64Nano({{at:Int64}}) AND change != 'ignored' AND {_EVIDENCE}) GROUP BY id)"
    " WHERE NOT cleared ORDER BY resource, alarm_type"
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

    def operations_between(self, starts_at: int, ends_at: int, lasting: list[str], oldest: int) -> list[Row]:
        """What people did in between, and from ``oldest`` on what is of a ``lasting`` kind; one row for each domain that answered."""
        return self._read(_OPERATIONS, starts_at=starts_at, ends_at=ends_at, lasting=lasting, oldest=oldest)

    def counts_between(self, starts_at: int, ends_at: int) -> dict[str, int]:
        """How many there were of ``events``, those of no rule (``unknown``), ``notifications`` and ``polls``.

        And of raises: those of alarms that incidents may come of (``evidence``), and those of others (``apart``).
        """
        return {row["what"]: row["times"] for row in self._read(_IN_BETWEEN, starts_at=starts_at, ends_at=ends_at)}

    def standing_at(self, at: int) -> list[Row]:
        """Alarms that stood then and that incidents may come of: ``resource``, ``alarm_type``."""
        return self._read(_STANDING, at=at)
