"""The capacity forecast of an inventory: links' busy hours from the history, and when each passes the threshold."""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pipeline.config.settings import Settings
from pipeline.core.capacity import Path, paths
from pipeline.core.forecast import Forecast, Outlook, forecast
from pipeline.core.inventory import Inventory
from pipeline.core.resource import ResourceId, name_of
from pipeline.core.topology import Topology

WINDOW_DAYS = 180
"""How far back the trend looks: half a year, so that last year's growth is not this year's."""
SETTLED_S = 180.0
_DAY_NS = 86_400 * 10**9
_NS_PER_S = 10**9
_BUSY_KPIS = ("in_utilisation", "out_utilisation")

BusyHours = dict[tuple[str, str], list[tuple[int, float]]]


class CapacityHistory(Protocol):
    """What is asked of the history; every method raises ``OSError`` when it does not answer."""

    def busy_hours(self, resources: Iterable[str], starts_at: int, ends_at: int) -> BusyHours:
        """(resource, indicator) -> day since 1970 and that day's busy hour."""

    def tell_forecasts(self, rows: Sequence[Mapping[str, Any]], token: str) -> None:
        """Add rows to table ``forecast``; the same ``token`` adds them once."""

    def last_forecast_at(self) -> int:
        """When a forecast was last written (UTC nanoseconds); 0 for never."""


@dataclass(frozen=True, slots=True)
class PathForecast:
    """The most urgent outlook of a link's two directions: ``kpi`` is the direction as ``resource`` sees it."""

    path: Path
    resource: str
    kpi: str
    forecast: Forecast

    @property
    def reason(self) -> str:
        """Which direction, and why: one sentence."""
        if self.forecast.outlook is Outlook.TOO_LITTLE_HISTORY:
            return self.forecast.reason
        return f"{'into' if self.kpi.startswith('in_') else 'out of'} {name_of(ResourceId(self.resource))}: {self.forecast.reason}"


def forecast_paths(history: CapacityHistory, inventory: Inventory, threshold: float, now: int) -> list[PathForecast]:
    """The outlook of every link and every customer's interface, most urgent first. Raises ``OSError``."""
    wanted = paths(inventory, Topology.of(inventory))
    today = now // _DAY_NS
    busy = history.busy_hours((end for path in wanted for end in path.ends), (today - WINDOW_DAYS) * _DAY_NS, today * _DAY_NS)
    found = [_most_urgent(path, busy, int(today), threshold) for path in wanted]
    return sorted(found, key=lambda each: (each.forecast.urgency, each.path.name))


def _most_urgent(path: Path, busy: BusyHours, today: int, threshold: float) -> PathForecast:
    outlooks = []
    for end in path.ends:
        for kpi in _BUSY_KPIS:
            days = busy.get((end, kpi), [])
            values = np.array([value for _, value in days])
            outlooks.append(PathForecast(path, end, kpi, forecast(np.array([day for day, _ in days], np.int64), values, today, threshold)))
    return min(outlooks, key=lambda each: each.forecast.urgency)


_PLAIN = ("threshold", "value_now", "slope_per_day", "slope_low", "slope_high", "days", "days_low", "days_high", "history_days")


def rows_of(found: Iterable[PathForecast], now: int) -> list[dict[str, Any]]:
    """Rows of table ``forecast``, made at ``now``: one for each link."""
    return [
        {
            "made_at": now,
            "name": each.path.name,
            "ends": list(each.path.ends),
            "customers": list(each.path.customers),
            "outlook": each.forecast.outlook.value,
            **{name: getattr(each.forecast, name) for name in _PLAIN},
            "sure": each.forecast.sure.value,
            "reason": each.reason,
        }
        for each in found
    ]


def write_forecast(settings: Settings, history: CapacityHistory, inventory: Callable[[], Inventory]) -> str:
    """What the detectors process does every ``forecast_every_hours``; gives the log's line."""
    now = time.time_ns()
    found = forecast_paths(history, inventory(), settings.detectors.forecast_threshold, now)
    rows = rows_of(found, now)
    history.tell_forecasts(rows, hashlib.sha256(repr((now, len(rows))).encode()).hexdigest())
    urgent = sum(each.forecast.days is not None for each in found)
    return f"{len(found)} links, {urgent} of them will pass {settings.detectors.forecast_threshold:.0%} or have"


def forecast_due_in_s(settings: Settings, history: CapacityHistory) -> float:
    """When the forecast is next due: so long after the last one, and not at once after a start; soon while the history does not answer."""
    try:
        last = history.last_forecast_at()
    except OSError:
        return SETTLED_S
    return max((last - time.time_ns()) / _NS_PER_S + settings.detectors.forecast_every_hours * 3_600, SETTLED_S)
