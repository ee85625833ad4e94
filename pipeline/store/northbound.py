"""What other systems read of the history: one page of alarms, incidents or evaluations by filters and order, and how many there are.

A page is asked for in two steps, names first: the engine then reads the wide columns of the page's rows only. Attributes become SQL by the
tables of this module and values by parameters, so nothing that a caller says stands in a statement.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.core.selection import Comparison, Filter, Order, Selection
from pipeline.store.client import Row
from pipeline.store.queries import readable
from pipeline.store.reader import Reader

_SETTINGS = " SETTINGS max_threads = 1"
"""Many small questions at once: threads for each would wait for each other."""


class Column(NamedTuple):
    """An attribute as SQL, and the type that its values are compared as."""

    sql: str
    type: str = "String"


def _time(name: str) -> Column:
    return Column(f"toUnixTimestamp64Nano({name})", "Int64")


def _later(name: str) -> Column:
    return Column(f"if({name} IS NULL, 0, toUnixTimestamp64Nano(assumeNotNull({name})))", "Int64")


def _flag(sql: str) -> Column:
    return Column(f"toUInt8({sql})", "UInt8")


_STATUS = (
    "multiIf(state = 'resolved', 'resolved', planned != '' OR shelved != '', 'held', acknowledged_by != '', 'inProgress', 'acknowledged')"
)


class Table(NamedTuple):
    """A table of the history as it is asked: where its names are, what can be asked, what is read, and the order without one."""

    source: str
    columns: Mapping[str, Column]
    read: str
    order: tuple[Order, ...]


ALARMS = Table(
    "alarm FINAL",
    {
        "id": Column("id"),
        "resource": Column("resource"),
        "kind": Column("splitByChar('/', resource)[1]"),
        "specific_problem": Column("if(qualifier = '', alarm_type, concat(alarm_type, ':', qualifier))"),
        "device": Column("device"),
        "domain": Column("domain"),
        "probable_cause": Column("probable_cause"),
        "event_type": Column("event_type"),
        "raised_by": Column("raised_by"),
        "is_cleared": _flag("is_cleared"),
        "severity": Column("if(is_cleared, 0, severity)", "UInt8"),
        "state": Column("multiIf(is_cleared, 'cleared', last_changed_at > last_raised_at, 'updated', 'raised')"),
        "is_acknowledged": _flag("operator_state = 'ack'"),
        "is_shelved": _flag("operator_state = 'shelved'"),
        "serves": _flag("condition != 'none'"),
        "last_raised_at": _time("last_raised_at"),
        "last_changed_at": _time("last_changed_at"),
        "created_at": _time("created_at"),
        "cleared_at": _later("cleared_at"),
    },
    ", ".join(
        (
            *("id", "resource", "alarm_type", "qualifier", "domain", "device", "severity", "text", "is_cleared", "created_at"),
            *("last_raised_at", "last_changed_at", "cleared_at", "confirmed_at", "occurrences", "flaps", "condition", "event_type"),
            *("probable_cause", "raised_by", "cleared_by", "operator_state", "shelved_reason", "revision"),
        )
    ),
    (Order("last_raised_at", descending=True),),
)
INCIDENTS = Table(
    "incident FINAL",
    {
        "id": Column("id"),
        "root_cause": Column("root_cause"),
        "domain": Column("domain"),
        "priority": Column("transform(severity, [6, 5, 4, 3], [1, 2, 4, 6], 8)", "UInt64"),
        "status": Column(_STATUS),
        "services": Column("toUInt64(length(`impacts.service`))", "UInt64"),
        "started_at": _time("started_at"),
        "opened_at": _time("opened_at"),
        "resolved_at": _later("resolved_at"),
    },
    "*",
    (Order("started_at", descending=True),),
)
VIOLATIONS = Table(
    "(SELECT * FROM (SELECT * FROM evaluation FINAL ORDER BY revision DESC, evaluated_at DESC"
    " LIMIT 1 BY contract, service, metric, period) WHERE violated)",
    {
        "id": Column("id"),
        "contract": Column("contract"),
        "service": Column("service"),
        "customer": Column("customer"),
        "plan": Column("plan"),
        "metric": Column("metric"),
        "period": Column("period"),
        "evaluated_at": _time("evaluated_at"),
    },
    "*",
    (Order("evaluated_at", descending=True),),
)
_SIGNS = {
    Comparison.EQUAL: "IN",
    Comparison.NOT_EQUAL: "NOT IN",
    Comparison.MORE: ">",
    Comparison.AT_LEAST: ">=",
    Comparison.LESS: "<",
    Comparison.AT_MOST: "<=",
}
_MANY = frozenset({Comparison.EQUAL, Comparison.NOT_EQUAL})


class Page(NamedTuple):
    """One part of what was selected, and how many there are in all."""

    total: int
    rows: list[Row]


class NorthboundQueries(Reader):
    """Pages of what the history has."""

    def page(self, table: Table, selection: Selection) -> Page:
        """The rows that a selection asks for. Raises ``KeyError`` for an attribute that the table does not have."""
        where, values = _where(table, selection.filters)
        total = int(self._one(f"SELECT count() AS n FROM {table.source}{where}", values)["n"])  # noqa: S608  # constants; values are parameters
        if total <= selection.offset:
            return Page(total, [])
        bounds = {**values, "limit": selection.limit, "offset": selection.offset}
        names = self._names(table, selection.order, where, bounds)
        return Page(total, self.rows_of(table, names))

    def rows_of(self, table: Table, names: Sequence[str]) -> list[Row]:
        """These rows by their ids, in this order; those that are not known are left out."""
        if not names:
            return []
        sql = f"SELECT {table.read} FROM {table.source} WHERE id IN {{ids:Array(String)}}"  # noqa: S608  # constants
        found = {row["id"]: row for row in self._read(sql, {"ids": list(names)})}
        return [found[name] for name in names if name in found]

    def news(self) -> tuple[int, ...]:
        """Figures that change when an incident is revised or somebody does something."""
        sql = (
            "SELECT count() AS incidents, max(revision) AS revision, toInt64(max(recorded_at)) AS recorded,"
            " (SELECT count() FROM operation) AS operations FROM incident"
        )
        return tuple(int(value or 0) for value in self._one(sql, {}).values())

    def open_incidents(self) -> list[Row]:
        """Open incidents, the latest opened first, each with ``root_cause``, ``alarms``, services and what people made of it."""
        sql = (
            "SELECT id, root_cause, alarms, `impacts.service` AS services, planned, shelved, acknowledged_by FROM incident FINAL"
            " WHERE state = 'open' ORDER BY opened_at DESC, id"
        )
        return self._read(sql, {})

    def touched(self) -> list[str]:
        """To what people have done something."""
        sql = "SELECT DISTINCT target FROM operation WHERE kind IN ('ack', 'comment', 'close') AND outcome = 'done'"
        return [row["target"] for row in self._read(sql, {})]

    def resources_of(self, alarms: Sequence[str]) -> dict[str, str]:
        """Alarm -> the resource that it is on."""
        sql = "SELECT id, resource FROM alarm FINAL WHERE id IN {alarms:Array(String)}"
        return {row["id"]: row["resource"] for row in self._read(sql, {"alarms": list(alarms)})} if alarms else {}

    def done_to(self, targets: Iterable[str]) -> list[Row]:
        """What people have done to these alarms or incidents, oldest first: acknowledgements, comments, closures."""
        sql = (
            "SELECT target, kind, at, operator, via, text FROM operation FINAL WHERE target IN {targets:Array(String)}"
            " AND kind IN ('ack', 'unack', 'comment', 'close') AND outcome = 'done' ORDER BY at, id LIMIT 1 BY id LIMIT 10000"
        )
        wanted = list(targets)
        return self._read(sql, {"targets": wanted}) if wanted else []

    def _names(self, table: Table, order: Sequence[Order], where: str, bounds: Mapping[str, Any]) -> list[str]:
        by = ", ".join(f"{table.columns[each.attribute].sql}{' DESC' if each.descending else ''}" for each in (*order, *table.order))
        sql = f"SELECT id FROM {table.source}{where} ORDER BY {by}, id LIMIT {{limit:UInt32}} OFFSET {{offset:UInt32}}"  # noqa: S608  # as above
        return [row["id"] for row in self._read(sql, bounds)]

    def _one(self, sql: str, parameters: Mapping[str, Any]) -> Row:
        return self._read(sql, parameters)[0]

    def _read(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        return [readable(row) for row in self._connection.rows(sql + _SETTINGS, parameters, ticks=True)]


def _where(table: Table, filters: Sequence[Filter]) -> tuple[str, dict[str, Any]]:
    """The condition that all filters hold, and its parameters."""
    parts: list[str] = []
    values: dict[str, Any] = {}
    for place, each in enumerate(filters):
        column, name = table.columns[each.attribute], f"p{place}"
        many = each.comparison in _MANY
        values[name] = list(each.values) if many else each.values[0]
        kind = f"Array({column.type})" if many else column.type
        parts.append(f"{column.sql} {_SIGNS[each.comparison]} {{{name}:{kind}}}")
    return (f" WHERE {' AND '.join(parts)}" if parts else ""), values
