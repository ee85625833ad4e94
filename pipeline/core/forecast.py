"""When a link will be full: days until its busy-hour utilisation passes a threshold, by a robust trend with an interval.

The *daily busy hour* is the hour of a day with the highest mean (ITU-T E.500's daily peak hour). The hourly mean is taken rather than a
95th percentile of short samples since capacity is planned by it, bursts of minutes do not move it, and it is kept for years.

The trend is Theil and Sen's over pairs of days that lie whole weeks apart (Hirsch, Slack and Smith 1982, with weekdays for seasons), so
that the weekly pattern is no trend and single days with an outage or a match do not bend it. Its interval is Kendall's (Gilbert 1987), made
wider where days resemble the days before them. What is compared with the threshold is the busiest weekday, since that passes it first.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from pipeline.core.column import Floats

Integers = np.ndarray[Any, np.dtype[np.int64]]

WEEK = 7
LEAST_WEEKS = 3
LEAST_DAYS = 15
"""Days with values, within at least :data:`LEAST_WEEKS` weeks, before a trend is told."""

HORIZON_DAYS = 1_825
"""Five years: whatever is farther is as good as never."""

LONG_DAYS = 56
"""Eight weeks: a trend over less is never sure."""

_Z = 1.645
"""Nine of ten such intervals hold what they are about."""
_NORMAL_MAD = 1.4826
_MEDIAN_ERROR = 1.2533
"""How much less sure a median is than a mean, of normal noise."""
_MOST_INFLATION = 5.0


class Outlook(StrEnum):
    """What is to be expected."""

    ALREADY = "already"
    PASSES = "passes"
    NEVER = "never"
    TOO_LITTLE_HISTORY = "too-little-history"


class Sureness(StrEnum):
    """``HIGH``: it grows for certain, eight weeks are known and at most as long a time is looked ahead. ``LOW``: it may not grow at all."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Forecast:
    """Utilisations are shares; ``value_now`` is the busy hour of the busiest weekday at present, by the trend.

    ``days`` until it passes ``threshold``, nine times of ten between ``days_low`` and ``days_high``; ``None`` is never (or not known).
    ``slope_per_day`` likewise. ``history_days`` is how long a time the trend is of. ``reason`` is one sentence.
    """

    outlook: Outlook
    threshold: float
    value_now: float
    slope_per_day: float = 0.0
    slope_low: float = 0.0
    slope_high: float = 0.0
    days: float | None = None
    days_low: float | None = None
    days_high: float | None = None
    sure: Sureness = Sureness.LOW
    history_days: int = 0
    reason: str = ""

    @property
    def urgency(self) -> tuple[int, float, float]:
        """What to sort by, most urgent first."""
        place = (Outlook.ALREADY, Outlook.PASSES, Outlook.NEVER, Outlook.TOO_LITTLE_HISTORY).index(self.outlook)
        return place, self.days if self.days is not None else np.inf, -self.value_now


def forecast(days: Integers, busy: Floats, today: int, threshold: float) -> Forecast:
    """The outlook of one series of daily busy-hour values, on ``days`` (whole days since 1970, rising, no two alike), as of ``today``."""
    if not len(days):
        return Forecast(Outlook.TOO_LITTLE_HISTORY, threshold, 0.0, reason="there is no busy hour on record")
    span = int(days[-1] - days[0]) + 1
    if span < LEAST_WEEKS * WEEK or len(days) < LEAST_DAYS:
        return _short(days, busy, threshold, span)
    slopes = _slopes(days, busy)
    slope = float(np.median(slopes))
    weekly = _weekly(days, busy - slope * days)
    rest = busy - slope * days - weekly[days % WEEK]
    low, high = _interval(slopes, days, rest - np.median(rest))
    now = _Now(days, busy, weekly, today)
    return _outlook(now, (slope, low, high), threshold, span)


def _short(days: Integers, busy: Floats, threshold: float, span: int) -> Forecast:
    """Too short a history for a trend; that it is full already can be told of a few days."""
    value = float(np.median(busy[-WEEK:]))
    if value >= threshold:
        reason = f"its busy hour is at {_percent(value)} now; there is too little history for a trend"
        return Forecast(Outlook.ALREADY, threshold, value, days=0.0, days_low=0.0, days_high=0.0, history_days=span, reason=reason)
    reason = f"{len(days)} days with a busy hour within {span} are too few for a trend: {LEAST_DAYS} within {LEAST_WEEKS} weeks are wanted"
    return Forecast(Outlook.TOO_LITTLE_HISTORY, threshold, value, history_days=span, reason=reason)


def _slopes(days: Integers, busy: Floats) -> Floats:
    """The slope of every pair of days that are whole weeks apart, sorted; of all pairs when none are."""
    apart = days[None, :] - days[:, None]
    first, second = np.nonzero((apart > 0) & (apart % WEEK == 0))
    if not len(first):
        first, second = np.nonzero(apart > 0)
    return np.sort((busy[second] - busy[first]) / apart[first, second])


def _weekly(days: Integers, flat: Floats) -> Floats:
    """How far each weekday lies above the typical day; 0 for one that is not known."""
    typical = np.median(flat)
    of_day = [flat[days % WEEK == weekday] for weekday in range(WEEK)]
    return np.array([np.median(values) - typical if len(values) else 0.0 for values in of_day])


def _interval(slopes: Floats, days: Integers, rest: Floats) -> tuple[float, float]:
    """The interval of the median slope, by the variance of Kendall's statistic summed over weekdays."""
    counts = np.bincount(days % WEEK, minlength=WEEK).astype(float)
    variance = float(np.sum(counts * (counts - 1) * (2 * counts + 5)) / 18) * _inflation(days, rest)
    half = _Z * np.sqrt(variance)
    places = np.clip([(len(slopes) - half) / 2 - 1, (len(slopes) + half) / 2], 0, len(slopes) - 1)
    low, high = np.interp(places, np.arange(len(slopes)), slopes)
    return float(low), float(high)


def _inflation(days: Integers, rest: Floats) -> float:
    """How many times less is known than from as many independent days: by how a day resembles the one before."""
    following = np.flatnonzero(np.diff(days) == 1)
    size = float(np.mean(rest**2))
    if len(following) < WEEK or size <= 0:
        return 1.0
    alike = float(np.mean(rest[following] * rest[following + 1])) / size
    return float(np.clip((1 + alike) / max(1 - alike, 1e-9), 1.0, _MOST_INFLATION))


@dataclass(frozen=True, slots=True, eq=False)
class _Now:
    days: Integers
    busy: Floats
    weekly: Floats
    today: int

    def level(self, slope: float) -> tuple[float, float]:
        """Where the busiest weekday is today if the trend is this, and how far that may be wrong: it is known by its own days only."""
        rest = self.busy - slope * (self.days - self.today) - self.weekly[self.days % WEEK]
        typical = float(np.median(rest))
        error = _Z * _MEDIAN_ERROR * _NORMAL_MAD * float(np.median(np.abs(rest - typical))) / np.sqrt(max(len(rest) / WEEK, 1.0))
        return typical + float(self.weekly.max()), float(error * np.sqrt(_inflation(self.days, rest - typical)))


def _outlook(now: _Now, slopes: tuple[float, float, float], threshold: float, span: int) -> Forecast:
    slope, low, high = slopes
    value, _ = now.level(slope)
    value = max(value, 0.0)
    known: dict[str, Any] = {"slope_per_day": slope, "slope_low": low, "slope_high": high, "history_days": span}
    grows = f"its busy hour is at {_percent(value)} and {_growth(slope)} a week, over {span} days"
    if value >= threshold:
        sure = Sureness.HIGH if span >= LONG_DAYS else Sureness.MEDIUM
        return Forecast(Outlook.ALREADY, threshold, value, **known, days=0.0, days_low=0.0, days_high=0.0, sure=sure, reason=grows)
    soonest, latest = _until(now, high, threshold, -1), _until(now, low, threshold, 1)
    days = (threshold - value) / slope if slope > 0 else np.inf
    if days > HORIZON_DAYS:
        sure = Sureness.LOW if soonest <= HORIZON_DAYS else _sure_of(span, 0)
        far = "" if slope <= 0 else "; that is more than five years away"
        early = float(soonest) if soonest <= HORIZON_DAYS else None
        return Forecast(Outlook.NEVER, threshold, value, **known, days_low=early, sure=sure, reason=grows + far)
    sure = _sure_of(span, days) if latest <= HORIZON_DAYS else Sureness.LOW
    late = float(latest) if latest <= HORIZON_DAYS else None
    reason = f"{grows}{'' if sure is not Sureness.LOW else '; it may not grow at all'}"
    return Forecast(
        Outlook.PASSES, threshold, value, **known, days=days, days_low=min(soonest, days), days_high=late, sure=sure, reason=reason
    )


def _until(now: _Now, slope: float, threshold: float, sign: int) -> float:
    """Days until the threshold at one end of the interval: ``sign`` -1 for the soonest, 1 for the latest."""
    if slope <= 0:
        return np.inf
    value, error = now.level(slope)
    return max((threshold - value + sign * error) / slope, 0.0)


def _sure_of(span: int, days: float) -> Sureness:
    return Sureness.HIGH if span >= LONG_DAYS and days <= span else Sureness.MEDIUM


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _growth(slope: float) -> str:
    points = f"{abs(slope) * WEEK * 100:.2f}"
    if float(points) == 0:
        return "stands still, 0.00 points"
    return f"{'grows' if slope > 0 else 'falls'} {points} points"
