"""The dashboards as Grafana would use them: their panels, their queries, and the queries as they reach the store."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2] / "dashboards"
FILES = sorted((ROOT / "grafana").glob("*.json"))
HISTORY = "grafana-clickhouse-datasource"
SERIES = "prometheus"


@dataclass(frozen=True)
class View:
    """What Grafana puts into a query: the time range in Unix seconds, the width of an interval, the chosen variables."""

    from_s: int
    to_s: int
    interval_s: int
    chosen: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Query:
    """One query of one panel, or of one variable (then ``panel`` is empty)."""

    dashboard: str
    title: str
    text: str
    kind: str
    panel: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.title}"


def dashboard(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def queries(kind: str) -> Iterator[Query]:
    """Every query to one kind of data source, in all dashboards; those of variables are the store's."""
    for path in FILES:
        board = dashboard(path)
        for panel in board["panels"]:
            for target in panel["targets"]:
                if target["datasource"]["type"] == kind:
                    yield Query(path.stem, panel["title"], target.get("rawSql") or target["expr"], kind, panel)
        for variable in board["templating"]["list"]:
            if variable["datasource"]["type"] == kind:
                yield Query(path.stem, f"variable {variable['name']}", variable["query"]["rawSql"], kind, {})


def rendered(sql: str, view: View) -> str:
    """A query with macros and variables replaced as the ClickHouse plugin and Grafana replace them; fails on one that is not known here."""
    sql = re.sub(r"\$__timeFilter\(([\w.]+)\)", rf"\1 >= toDateTime({view.from_s}) AND \1 <= toDateTime({view.to_s})", sql)
    sql = re.sub(r"\$__timeInterval\(([\w.]+)\)", rf"toStartOfInterval(toDateTime(\1), INTERVAL {view.interval_s} second)", sql)
    for macro, value in (
        ("fromTime", f"toDateTime({view.from_s})"),
        ("toTime", f"toDateTime({view.to_s})"),
        ("interval_s", view.interval_s),
    ):
        sql = re.sub(rf"\$__{macro}\b", str(value), sql)
    for name, values in view.chosen.items():
        sql = sql.replace(f"${{{name}:singlequote}}", ",".join("'" + value.replace("'", "\\'") + "'" for value in values))
    assert "$" not in sql, f"a macro or variable was not replaced: {sql}"
    return sql
