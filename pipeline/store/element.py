"""The history as detectors and the forecast ask for it: elements' vectors, links' busy hours; and where models and forecasts are told.

Blocking: from an event loop call it in a thread. Values enter SQL as parameters only, names from constants.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np

from pipeline.config.settings import HistorySettings
from pipeline.core.oddness import ALARM_TYPE, QUALIFIER
from pipeline.core.resource import ResourceId, name_of
from pipeline.core.vector import FEATURES, KPIS, WIDTH, Aggregate, Readings, Seen
from pipeline.store.client import Connection

_NS_PER_S = 10**9
_PRESENT = "answered"
"""The indicator that every device has, whenever it was asked."""

_OF = {Aggregate.MEAN: "mean", Aggregate.HIGHEST: "highest", Aggregate.LOWEST: "lowest"}
_VECTOR = ", ".join(f"ifNull(maxOrNullIf({_OF[each.aggregate]}, kpi = '{each.kpi}'), nan)" for each in FEATURES)
_READINGS = (
    "SELECT groupArray(at_s) AS at, groupArray(vector) AS vectors FROM ("  # noqa: S608  # constants of pipeline.core.vector
    f"SELECT at_s, [{_VECTOR}] AS vector FROM ("
    "SELECT kpi, at_s, avg(value) AS mean, max(value) AS highest, min(value) AS lowest FROM ("
    "SELECT k.kpi AS kpi, k.resource AS resource, toUnixTimestamp(k.at) AS at_s, sum(k.total) / sum(k.samples) AS value FROM kpi_1m AS k"
    " WHERE k.kpi IN {kpis:Array(String)} AND k.device = {device:String}"
    " AND k.at >= fromUnixTimestamp({starts_at:Int64}) AND k.at < fromUnixTimestamp({ends_at:Int64})"
    " AND cityHash64(k.device, toUnixTimestamp(k.at)) % {one_in:UInt64} = 0"
    " GROUP BY kpi, resource, at_s HAVING sum(k.samples) > 0"
    ") GROUP BY kpi, at_s) GROUP BY at_s ORDER BY at_s)"
)
_SEEN = (
    "SELECT k.device AS device, uniqExact(k.at) AS minutes, toUnixTimestamp(min(k.at)) AS first_at, toUnixTimestamp(max(k.at)) AS last_at"
    " FROM kpi_1m AS k WHERE k.kpi = {kpi:String}"
    " AND k.at >= fromUnixTimestamp({starts_at:Int64}) AND k.at < fromUnixTimestamp({ends_at:Int64}) GROUP BY device"
)
_STANDING = "SELECT device FROM alarm FINAL WHERE alarm_type = {alarm_type:String} AND qualifier = {qualifier:String} AND NOT is_cleared"
_BUSY = (
    "SELECT resource, kpi, day, max(mean) AS busy FROM ("
    "SELECT k.resource AS resource, k.kpi AS kpi, intDiv(toUnixTimestamp(k.at), 86400) AS day, k.at AS hour,"
    " sum(k.total) / sum(k.samples) AS mean FROM kpi_1h AS k"
    " WHERE k.kpi IN {kpis:Array(String)} AND k.device IN {devices:Array(String)} AND k.resource IN {resources:Array(String)}"
    " AND k.at >= fromUnixTimestamp({starts_at:Int64}) AND k.at < fromUnixTimestamp({ends_at:Int64})"
    " GROUP BY resource, kpi, day, hour HAVING sum(k.samples) > 0"
    ") GROUP BY resource, kpi, day HAVING count() >= {least_hours:UInt8} ORDER BY resource, kpi, day"
)
LEAST_HOURS = 18
"""Hours that a day must have values in: of a day known in part, the busy hour may be missing."""
BUSY_KPIS = ("in_utilisation", "out_utilisation")
RESOURCES_AT_ONCE = 500


class ElementHistory:
    """What the detectors ask (their ``HistoryPort``) over ClickHouse. Every method raises ``StoreError`` (an ``OSError``)."""

    def __init__(self, viewer: Connection, writer: Connection) -> None:
        self._viewer = viewer
        self._writer = writer

    @classmethod
    def of(cls, settings: HistorySettings) -> Self:
        """On the store of these settings; nothing is connected before the first question."""
        return cls(Connection.viewer(settings), Connection.writer(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._viewer.close()
        self._writer.close()

    # elements

    def seen(self, starts_at: int, ends_at: int) -> dict[str, Seen]:
        """Every device that was polled between two times (UTC nanoseconds)."""
        rows = self._viewer.rows(_SEEN, {"kpi": _PRESENT, **_seconds(starts_at, ends_at)})
        return {row["device"]: Seen(row["minutes"], row["first_at"] * _NS_PER_S, row["last_at"] * _NS_PER_S) for row in rows}

    def readings(self, devices: Sequence[str], starts_at: int, ends_at: int, one_in: int) -> Iterator[Readings]:
        """The vectors of devices between two times, of the same one minute in ``one_in`` every time: one device after the other."""
        for device in devices:
            asked = {"kpis": list(KPIS), "device": device, "one_in": one_in, **_seconds(starts_at, ends_at)}
            found = self._viewer.rows(_READINGS, asked)[0]
            at = np.array(found["at"], dtype=np.int64) * _NS_PER_S
            yield Readings(device, at, np.array(found["vectors"], dtype=float).reshape(len(at), WIDTH))

    def standing(self) -> frozenset[str]:
        """The devices whose alarm for their vector stands."""
        rows = self._viewer.rows(_STANDING, {"alarm_type": ALARM_TYPE, "qualifier": QUALIFIER})
        return frozenset(row["device"] for row in rows)

    def tell_models(self, rows: Sequence[Mapping[str, Any]], token: str) -> None:
        """Table ``model``: what is known of versions; the same ``token`` adds them once."""
        self._insert("model", rows, token)

    # capacity

    def busy_hours(self, resources: Iterable[str], starts_at: int, ends_at: int) -> dict[tuple[str, str], list[tuple[int, float]]]:
        """(resource, indicator) -> (day since 1970, the highest hourly mean of that day), of whole days between two times."""
        found: dict[tuple[str, str], list[tuple[int, float]]] = {}
        names = sorted(set(resources))
        for first in range(0, len(names), RESOURCES_AT_ONCE):
            some = names[first : first + RESOURCES_AT_ONCE]
            asked = {
                "kpis": list(BUSY_KPIS),
                "devices": sorted({name_of_device(name) for name in some}),
                "resources": some,
                "least_hours": LEAST_HOURS,
                **_seconds(starts_at, ends_at),
            }
            for row in self._viewer.rows(_BUSY, asked):
                found.setdefault((row["resource"], row["kpi"]), []).append((row["day"], row["busy"]))
        return found

    def tell_forecasts(self, rows: Sequence[Mapping[str, Any]], token: str) -> None:
        """Table ``forecast``; the same ``token`` adds them once."""
        self._insert("forecast", rows, token)

    def last_forecast_at(self) -> int:
        """When a forecast was last written (UTC nanoseconds); 0 for never."""
        rows = self._viewer.rows("SELECT toUnixTimestamp(max(made_at)) AS last_at FROM forecast")
        return int(rows[0]["last_at"]) * _NS_PER_S

    def _insert(self, table: str, rows: Sequence[Mapping[str, Any]], token: str) -> None:
        if rows:
            self._writer.insert(table, {name: [row[name] for row in rows] for name in rows[0]}, token=token)


def name_of_device(resource: str) -> str:
    """The device that an interface belongs to."""
    return name_of(ResourceId(resource)).partition("/")[0]


def _seconds(starts_at: int, ends_at: int) -> dict[str, int]:
    return {"starts_at": starts_at // _NS_PER_S, "ends_at": ends_at // _NS_PER_S}
