"""The reference of tables and columns, written from the schema's own comments: ``python -m tests.support.reference`` writes it anew."""

import sys
import tempfile
from itertools import groupby
from pathlib import Path

from pipeline.store.client import Connection
from tests.support.history import embedded_history

FILE = Path(__file__).resolve().parents[2] / "dashboards" / "tables.md"
OWN = ("schema_migration", "sink_cut", "kpi_intake", "kpi_1m_state", "kpi_1h_state")
"""Tables by which the sink does and remembers its work, and states that only the engine reads: the views on them are for people."""

CHAPTERS = {
    "What is and was": (
        *("incident_current", "incident_revision", "alarm_current", "alarm_change", "outage_current", "evaluation_current"),
        "credit_proposed",
    ),
    "What was measured": ("interface_utilisation", "kpi", "kpi_1m", "kpi_1h", "kpi_by_site", "kpi_by_region", "kpi_by_service"),
    "What was unusual, and what is expected": ("anomaly", "model_current", "forecast_current"),
    "Where things are": ("place_current", "service_resource_current"),
    "What was declared": ("inventory_entry_current", "inventory_entry_history", "inventory_version"),
    "Evidence": ("trap", "poll", "event"),
    "What was done": ("effect", "receipt", "operation"),
    "What could not be handled": ("dead_letter", "quarantine_message"),
    "Tables under the views": (
        *("incident", "alarm", "outage", "evaluation", "kpi_raw", "model", "forecast", "place"),
        *("service_resource", "inventory_entry"),
    ),
}
BASE = {
    f"{table}_current": table for table in ("incident", "alarm", "outage", "evaluation", "model", "forecast", "place", "service_resource")
} | {"inventory_entry_current": "inventory_entry", "inventory_entry_history": "inventory_entry"}
"""View -> the table whose columns it has, with their meaning."""

_SERIES = {
    "kpi": "name of the indicator",
    "device": "the element it belongs to",
    "resource": "what it is about, kind/name",
}
_ROLLED_UP = {
    "samples": "good values in it",
    "bad_samples": "values that do not count",
    "total": "sum of good values, in the indicator's unit; the mean is sum(total) / sum(samples)",
    "lowest": "least good value; NULL where there is none",
    "highest": "greatest good value; NULL where there is none",
}
_TOGETHER = {
    "kpi": "name of the indicator",
    "at": "start of the minute",
    "resources": "how many resources had a good value",
    "samples": "good values of all of them",
    "mean": "mean of all good values, in the indicator's unit",
    "highest": "greatest good value, in the indicator's unit",
    "total": "sum of the mean value of each resource: right for what adds up, such as _bps",
}


def _of(table: str, columns: dict[str, str]) -> dict[tuple[str, str], str]:
    return {(table, name): meaning for name, meaning in columns.items()}


MADE = {
    **_of("kpi", _SERIES),
    ("kpi", "at"): "when it was measured, to the second",
    (
        "kpi",
        "value",
    ): "in the indicator's unit, to twelve binary digits (1 in 4,096) unless its rule says more; NULL where there is none",
    ("kpi", "quality"): "why the value may or may not count",
    **_of("kpi_1m", {**_SERIES, "at": "start of the minute", **_ROLLED_UP}),
    **_of("kpi_1h", {**_SERIES, "at": "start of the hour", **_ROLLED_UP}),
    **_of("kpi_by_site", {"site": "where the devices stand", **_TOGETHER}),
    **_of("kpi_by_region", {"region": "region of the sites where the devices stand", **_TOGETHER}),
    **_of("kpi_by_service", {"service": "service that needs the resources", "customer": "whose service it is", **_TOGETHER}),
    ("alarm_current", "severity_name"): "severity in words",
    ("incident_current", "severity_name"): "severity in words",
    ("inventory_entry_history", "recorded_until"): "when it was known to be another; NULL if it is still known so",
    ("outage_current", "duration_s"): "length in seconds, so far if it lasts",
    ("interface_utilisation", "at"): "start of the minute",
    ("interface_utilisation", "device"): "the element it belongs to",
    ("interface_utilisation", "resource"): "the interface, kind/name",
    ("interface_utilisation", "in_percent"): "mean of the minute inward, percent of the declared speed; NULL where nothing counts",
    ("interface_utilisation", "out_percent"): "mean of the minute outward, percent of the declared speed; NULL where nothing counts",
    ("interface_utilisation", "highest_percent"): "fullest value of the minute in the worse direction, percent of the declared speed",
    ("credit_proposed", "key"): "the credit, as in `assure explain KEY` and in the ledger",
    ("credit_proposed", "contract"): "agreement",
    ("credit_proposed", "customer"): "to whom",
    ("credit_proposed", "service"): "for which service",
    ("credit_proposed", "metric"): "what the plan promises, such as availability",
    ("credit_proposed", "period"): "calendar month, 2026-11",
    ("credit_proposed", "revision"): "counts re-ratings of the period",
    ("credit_proposed", "amount_minor"): "amount in minor units of currency (cents); negative takes back",
    ("credit_proposed", "currency"): "ISO 4217",
    ("credit_proposed", "amount"): "the same amount as it is written, exact",
    ("credit_proposed", "evaluation"): "the evaluation that is its evidence",
    ("credit_proposed", "decided_at"): "when it was decided",
    ("credit_proposed", "reason"): "why, in the words used everywhere",
}
"""What a view adds."""

HEAD = """# Tables and columns

What the history holds, for any ClickHouse client as user `viewer`, database `assure` ([how to connect, and examples](README.md)).
Written from the schema's comments by `python -m tests.support.reference`; a test holds the two together.

Times are UTC. `DateTime64(9)` counts nanoseconds, `DateTime64(3)` milliseconds. Durations end in `_s` or `_ms`, money in `_minor` is in
minor units of its currency. A resource is named `kind/name`. Columns with a dot (`impacts.service`) are arrays of equal length: one place
in each belongs together (`ARRAY JOIN`), and their names want backquotes.
"""


def tables(connection: Connection) -> dict[str, str]:
    """Table or view -> its comment; what the sink and the engine keep for themselves is left out."""
    rows = connection.rows(
        "SELECT name, comment FROM system.tables WHERE database = 'assure' AND engine != 'MaterializedView' AND name NOT LIKE '.inner%'"
    )
    return {row["name"]: row["comment"] for row in rows if row["name"] not in OWN}


def columns(connection: Connection) -> dict[str, dict[str, tuple[str, str]]]:
    """Table or view -> column -> (type, meaning); a column without a meaning is a ``KeyError``."""
    rows = connection.rows("SELECT table, name, type, comment FROM system.columns WHERE database = 'assure' ORDER BY table, position")
    by_table = {table: list(group) for table, group in groupby(rows, key=lambda row: row["table"])}
    meanings = {(row["table"], row["name"]): row["comment"] for row in rows if row["comment"]} | MADE
    return {
        table: {row["name"]: (row["type"], _meaning(meanings, table, row["name"])) for row in by_table[table]}
        for table in tables(connection)
    }


def _meaning(meanings: dict[tuple[str, str], str], table: str, name: str) -> str:
    return meanings.get((table, name)) or meanings[BASE[table], name]


def text(connection: Connection) -> str:
    """The reference as Markdown."""
    about, known = tables(connection), columns(connection)
    parts = [HEAD]
    for chapter, names in CHAPTERS.items():
        parts.append(f"## {chapter}\n")
        for name in names:
            parts.append(f"### {name}\n\n{about[name][0].upper()}{about[name][1:]}.\n")
            if name in BASE.values():
                parts.append(f"The columns of `{next(view for view, base in BASE.items() if base == name)}` without what the view adds.\n")
            else:
                parts.append(_table(known[name]))
    return "\n".join(parts)


def _table(known: dict[str, tuple[str, str]]) -> str:
    lines = [f"| `{name}` | `{_short(kind)}` | {meaning.replace('|', '/')} |" for name, (kind, meaning) in known.items()]
    return "\n".join(("| column | type | meaning |", "|---|---|---|", *lines)) + "\n"


def _short(kind: str) -> str:
    """A type without what only the engine minds: storage of repeated words, zones that are all UTC."""
    for noise in (
        "LowCardinality(String)",
        "SimpleAggregateFunction(sum, ",
        "SimpleAggregateFunction(min, ",
        "SimpleAggregateFunction(max, ",
    ):
        if noise == "LowCardinality(String)":
            kind = kind.replace(noise, "String")
        elif kind.startswith(noise):
            kind = kind.removeprefix(noise)[:-1]
    return kind.replace(", 'UTC'", "").replace("('UTC')", "")


def main() -> int:
    """Write the file from a schema that is made for it."""
    with tempfile.TemporaryDirectory() as folder, embedded_history(Path(folder)) as running:
        connection = Connection.writer(running.settings)
        FILE.write_text(text(connection))
        connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
