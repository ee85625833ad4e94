"""The alarms of the history in memory, by column: a page of a hundred thousand costs a millisecond, and not the store's tenth of a second.

The store stays the only truth: before an answer that is older than :data:`FRESH_S` it is asked for what has come since, and while it does
not answer, nobody is answered. What it has been told late is found as well, up to :data:`CALM_MS` after its time. An installation with more
than :data:`MOST` alarms is not kept in memory; its pages are asked of the store.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.selection import Comparison, Filter, Order, Selection
from pipeline.store.client import Connection, Row
from pipeline.store.northbound import Page

FRESH_S = 1.0
"""An answer is at most so old."""
PATIENCE_S = 3.0
"""While somebody asks the store, others are answered from what is there, if it is not older than this."""
MOST = 300_000
CALM_MS, STORM_MS = 60_000, 10_000
"""How far back the store is asked again, for rows that were written slowly: far while little comes, less in a storm."""
STORM_ROWS = 5_000
REST = 4.0
"""Asking takes at most one part in so many of the time."""

_TEXTS = ("id", "resource", "alarm_type", "qualifier", "domain", "device", "text", "condition", "event_type", "probable_cause")
_MORE_TEXTS = ("raised_by", "cleared_by", "operator_state", "shelved_reason")
_TIMES = ("created_at", "last_raised_at", "last_changed_at")
_LATER = ("cleared_at", "confirmed_at")
_NUMBERS = ("severity", "occurrences", "flaps", "revision")
NAMES = (*_TEXTS, *_MORE_TEXTS, *_TIMES, *_LATER, *_NUMBERS, "is_cleared")
_READ = ", ".join(
    (
        *_TEXTS,
        *_MORE_TEXTS,
        *(f"toUnixTimestamp64Nano({name})" for name in _TIMES),
        *(f"if({name} IS NULL, 0, toUnixTimestamp64Nano(assumeNotNull({name})))" for name in _LATER),
        *_NUMBERS,
        "is_cleared",
        "toUnixTimestamp64Milli(recorded_at)",
    )
)
_SEVERITIES = {2: "indeterminate", 3: "warning", 4: "minor", 5: "major", 6: "critical"}
_PLACE = {name: place for place, name in enumerate(NAMES)}
_STATES = ("raised", "updated", "cleared")

Values = Sequence[Any]
Mask = NDArray[np.bool_]


def _get(name: str) -> Callable[[Values], Any]:
    place = _PLACE[name]
    return lambda row: row[place]


def _state(row: Values) -> str:
    if row[_PLACE["is_cleared"]]:
        return "cleared"
    return "updated" if row[_PLACE["last_changed_at"]] > row[_PLACE["last_raised_at"]] else "raised"


def _specific(row: Values) -> str:
    alarm_type, qualifier = row[_PLACE["alarm_type"]], row[_PLACE["qualifier"]]
    return f"{alarm_type}:{qualifier}" if qualifier else alarm_type


TEXTS: Mapping[str, Callable[[Values], str]] = {
    **{name: _get(name) for name in ("id", "resource", "device", "domain", "probable_cause", "event_type", "raised_by")},
    "kind": lambda row: row[_PLACE["resource"]].partition("/")[0],
    "specific_problem": _specific,
    "state": _state,
}
NUMBERS: Mapping[str, Callable[[Values], int]] = {
    **{name: _get(name) for name in (*_TIMES, "cleared_at")},
    "is_cleared": lambda row: int(row[_PLACE["is_cleared"]]),
    "severity": lambda row: 0 if row[_PLACE["is_cleared"]] else row[_PLACE["severity"]],
    "is_acknowledged": lambda row: int(row[_PLACE["operator_state"]] == "ack"),
    "is_shelved": lambda row: int(row[_PLACE["operator_state"]] == "shelved"),
    "serves": lambda row: int(row[_PLACE["condition"]] != "none"),
}
"""What alarms are selected by, as :data:`pipeline.store.northbound.ALARMS` says it in SQL; a test holds the two together."""
_COMPARE: Mapping[Comparison, Callable[[Any, Any], Any]] = {
    Comparison.MORE: np.greater,
    Comparison.AT_LEAST: np.greater_equal,
    Comparison.LESS: np.less,
    Comparison.AT_MOST: np.less_equal,
}


class Columns:
    """Rows that are selected by their columns; a text stands as the number of its first occurrence."""

    def __init__(self) -> None:
        self._rows: list[Values] = []
        self._places: dict[str, int] = {}
        self._codes: dict[str, dict[str, int]] = {name: {} for name in TEXTS}
        self._columns: dict[str, NDArray[np.int64]] = {name: np.zeros(0, dtype=np.int64) for name in (*TEXTS, *NUMBERS)}
        self._latest: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, rows: Sequence[Values]) -> int:
        """Take rows in, of each id the highest revision; how many were new or newer."""
        revision, changed = _PLACE["revision"], 0
        for row in rows:
            place = self._places.get(row[0])
            if place is None:
                place = self._places[row[0]] = len(self._rows)
                self._rows.append(row)
            elif self._rows[place][revision] >= row[revision]:
                continue
            else:
                self._rows[place] = row
            self._set(place, row)
            changed += 1
        if changed:
            self._latest = None
        return changed

    def _set(self, place: int, row: Values) -> None:
        if place >= len(self._columns["id"]):
            room = max(1024, 2 * place)
            self._columns = {name: np.concatenate((column, np.zeros(room, dtype=np.int64))) for name, column in self._columns.items()}
        for name, of in TEXTS.items():
            codes = self._codes[name]
            self._columns[name][place] = codes.setdefault(of(row), len(codes))
        for name, number in NUMBERS.items():
            self._columns[name][place] = number(row)

    def page(self, selection: Selection) -> tuple[int, list[Values]]:
        """How many rows are selected, and one part of them: the latest raised first unless an order is given."""
        places = self._in_order(selection)
        wanted = places[selection.offset : selection.offset + selection.limit]
        return len(places), [self._rows[place] for place in wanted.tolist()]

    def of(self, names: Sequence[str]) -> list[Values]:
        """Rows by their ids, in this order."""
        return [self._rows[self._places[name]] for name in names if name in self._places]

    def resource_of(self, name: str) -> str:
        """What an alarm is on; empty for an unknown one."""
        place = self._places.get(name)
        return "" if place is None else str(self._rows[place][_PLACE["resource"]])

    def _in_order(self, selection: Selection) -> NDArray[np.int64]:
        if self._latest is None:
            self._latest = np.argsort(-self._columns["last_raised_at"][: len(self._rows)], kind="stable").astype(np.int64)
        places = self._latest
        for each in selection.filters:
            places = places[self._holds(each, places)]
        for order in reversed(selection.order):
            places = places[np.argsort(self._keys(order, places), kind="stable")]
        return places

    def _holds(self, wanted: Filter, places: NDArray[np.int64]) -> Mask:
        column = self._columns[wanted.attribute][places]
        if wanted.comparison in _COMPARE:
            compared: Mask = _COMPARE[wanted.comparison](column, wanted.values[0])
            return compared
        codes = self._codes.get(wanted.attribute)
        values = [int(value) for value in wanted.values] if codes is None else [codes.get(str(value), -1) for value in wanted.values]
        found: Mask = np.isin(column, values) if len(values) > 1 else column == values[0]
        return found if wanted.comparison is Comparison.EQUAL else ~found

    def _keys(self, order: Order, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers that sort as the attribute does: a text's place among all texts of its column."""
        column = self._columns[order.attribute][places]
        if order.attribute in self._codes:
            codes = self._codes[order.attribute]
            ranks = np.zeros(len(codes), dtype=np.int64)
            ranks[[codes[text] for text in sorted(codes)]] = np.arange(len(codes))
            column = ranks[column]
        return -column if order.descending else column


class Board:
    """The alarms of a store, kept up to date as they are asked for. Methods may be called from any thread, and raise ``StoreError``."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self._columns = Columns()
        self._using = threading.Lock()
        self._asking = threading.Lock()
        self._asked_at = -1e9
        self._took_s = 0.0
        self._since_ms = -1
        self._came = 0
        self._is_too_large = False

    def page(self, selection: Selection) -> Page | None:
        """The rows that a selection asks for; ``None`` where there are too many alarms to be kept here."""
        if not self._refresh():
            return None
        with self._using:
            total, found = self._columns.page(selection)
        return Page(total, [_shown(row) for row in found])

    def rows_of(self, names: Sequence[str]) -> list[Row] | None:
        """These alarms by their ids, in this order; ``None`` as :meth:`page`."""
        if not self._refresh():
            return None
        with self._using:
            return [_shown(row) for row in self._columns.of(names)]

    def resources_of(self, names: Sequence[str]) -> dict[str, str]:
        """Alarm -> the resource that it is on, as it was known at the last look."""
        with self._using:
            return {name: resource for name in names if (resource := self._columns.resource_of(name))}

    def _refresh(self) -> bool:
        age_s = self._clock() - self._asked_at
        if age_s < max(FRESH_S, REST * self._took_s):
            return not self._is_too_large
        if not self._asking.acquire(blocking=age_s >= max(PATIENCE_S, 2 * REST * self._took_s)):
            return not self._is_too_large
        try:
            if self._clock() - self._asked_at >= FRESH_S:
                self._ask()
        finally:
            self._asking.release()
        return not self._is_too_large

    def _ask(self) -> None:
        began = self._clock()
        if self._since_ms < 0:
            count = self._connection.rows("SELECT count() AS n FROM alarm")[0]["n"]
            self._is_too_large = count > MOST
        if not self._is_too_large:
            self._take(self._since_ms)
            self._is_too_large = len(self._columns) > MOST
        if self._is_too_large:
            self._columns, self._since_ms = Columns(), -1
        self._asked_at = began
        self._took_s = self._clock() - began

    def _take(self, since_ms: int) -> None:
        back_ms = STORM_MS if self._came > STORM_ROWS else CALM_MS
        sql = f"SELECT {_READ} FROM alarm WHERE recorded_at >= fromUnixTimestamp64Milli({{since:Int64}}) SETTINGS max_threads = 1"  # noqa: S608  # constants
        rows = list(self._connection.stream(sql, {"since": max(since_ms - back_ms, 0)}))
        with self._using:
            self._columns.put([row[:-1] for row in rows])
        self._came = len(rows) if since_ms >= 0 else 0
        self._since_ms = max((row[-1] for row in rows), default=max(since_ms, 0))
        self._since_ms = max(self._since_ms, since_ms, 0)


def _shown(row: Values) -> Row:
    shaped: Row = dict(zip(NAMES, row, strict=True))
    shaped["severity"] = _SEVERITIES.get(shaped["severity"], "indeterminate")
    return shaped
