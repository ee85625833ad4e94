"""When devices were polled, as the history has it: hours that lack polls are found first, then only their minutes are read.

Every poll of a device leaves the indicator ``answered``, 1 or 0. Hours are kept three years, minutes 90 days; of an hour whose minutes are
gone it is known only that there were polls in it. Blocking: from an event loop call it in a thread.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any

from pipeline.core.observation import LONGER_THAN_NS, POLLS_MISSED, Polled, Polling
from pipeline.core.period import NANOSECONDS
from pipeline.core.span import Span, subtract, union
from pipeline.store.reader import Reader

HOUR_S, MINUTE_S = 3_600, 60
MARGIN_S = 86_400
"""How long before and after a time polls are read: a pause may reach over its edges."""
SPARE_POLLS = 2
"""So many polls of two hours may be extra (an enquiry, a restart) and hide as many that lack."""

DEVICES_AT_ONCE = 1_000
"""So many are asked for together: hours of more would not fit into a small store's memory."""
HOURS_TO_COUNT = 24
"""Of fewer hours than this every minute is read: the first and last, which are not whole, would say how often a device is polled."""
CLEARLY = 1.2
"""By so much the intervals between polls must be shorter than counts of hours say, for the counts to be doubted."""

_KPI = "k.kpi = 'answered'"
_DURING = "k.at >= fromUnixTimestamp({starts_s:Int64}) AND k.at < fromUnixTimestamp({ends_s:Int64})"
_TIMES = f"k.device IN {{devices:Array(String)}} AND {_DURING}"
_HOURS = (
    "SELECT device, sumMap([toInt64(toUnixTimestamp(k.at))], [arraySum(finalizeAggregation(k.samples))]) AS known,"  # noqa: S608  # constants
    " known.1 AS hours, known.2 AS counts, length(hours) AS many, arrayReduce('quantileExact(0.5)', counts) AS usual,"
    " arrayPopFront(arrayDifference(hours)) AS apart,"
    " arrayMap((one, next) -> one + next, arrayPopBack(counts), arrayPopFront(counts)) AS two,"
    f" if(usual > 1 OR many < 2, {HOUR_S} / usual, toFloat64(arrayReduce('quantileExact(0.5)', apart))) AS interval_s,"
    f" (2 * {HOUR_S} - greatest(toFloat64({{longer_than_s:Int64}}), {POLLS_MISSED} * interval_s)) / interval_s + {SPARE_POLLS} AS few"
    f" FROM kpi_1h_state AS k WHERE {_KPI} AND {_TIMES} GROUP BY device"
)
_SUSPECTED = (
    "SELECT device, interval_s, hours[1] AS first_s, hours[-1] AS last_s, many,"  # noqa: S608  # constants
    f" arrayFilter((hour, gap) -> gap > {HOUR_S}, arrayPopBack(hours), apart) AS before,"
    f" arrayMap((hour, gap) -> (hour + {HOUR_S}, hour + gap), before, arrayFilter(gap -> gap > {HOUR_S}, apart)) AS gaps,"
    f" arrayFilter((hour, gap, polls) -> gap > {HOUR_S} OR polls <= few, arrayPopBack(hours), apart, two) AS odd,"
    f" arrayFilter((hour, gap, polls) -> gap > {HOUR_S} OR polls <= few, arrayPopFront(hours), apart, two) AS following,"
    " arrayIntersect(hours, {also:Array(Int64)}) AS besides,"
    " arrayDistinct(arrayConcat([first_s, last_s], odd, following, besides)) AS suspected"
    f" FROM ({_HOURS})"
)
_ALL_HOURS = f"SELECT device, hours FROM ({_HOURS})"  # noqa: S608  # constants
_MINUTES = (
    "SELECT k.device AS device, toUnixTimestamp(toStartOfHour(k.at)) AS hour,"  # noqa: S608  # constants
    " groupBitOr(bitShiftLeft(toUInt64(1), toMinute(k.at))) AS minutes"
    f" FROM kpi_1m_state AS k WHERE {_KPI} AND {_TIMES} AND toStartOfHour(k.at) IN"
    " (SELECT arrayJoin(arrayMap(s -> toDateTime(s, 'UTC'), {hours:Array(Int64)}))) GROUP BY device, hour"
)
_EARLIER = f"SELECT 1 AS one FROM kpi_1h_state AS k WHERE {_KPI} AND k.at < fromUnixTimestamp({{starts_s:Int64}}) LIMIT 1"  # noqa: S608  # constants
_FIRST_HOUR = f"SELECT toUnixTimestamp(min(k.at)) AS first_s FROM kpi_1h_state AS k WHERE {_KPI} HAVING count() > 0"  # noqa: S608  # constants
_FIRST_MINUTE = f"SELECT toUnixTimestamp(min(k.at)) AS first_s FROM kpi_1m_state AS k WHERE {_KPI} AND {_DURING} HAVING count() > 0"  # noqa: S608


class ObservationQueries(Reader):
    """When devices were polled. Raises ``StoreError`` (an ``OSError``) when the store does not answer."""

    def polling(
        self, devices: Collection[str], starts_at: int, ends_at: int, now: int, longer_than: int = LONGER_THAN_NS, also: Iterable[Span] = ()
    ) -> Polling:
        """When devices were polled between two times (UTC nanoseconds), with a day before and after, up to ``now``.

        Pauses of more than ``longer_than`` can be told from it. The hours of ``also`` are read by the minute whatever is in them: while a
        device is in trouble it is polled more often, which may hide that the usual polls lack.
        """
        starts_s, ends_s = starts_at // NANOSECONDS - MARGIN_S, min(ends_at // NANOSECONDS + MARGIN_S, now // NANOSECONDS + 1)
        times = {"starts_s": starts_s, "ends_s": max(starts_s, ends_s)}
        asked = {**times, "longer_than_s": longer_than // NANOSECONDS, "also": sorted(_hours_of(also, *times.values()))}
        names = sorted(set(devices))
        found: dict[str, Polled] = {}
        for first in range(0, len(names), DEVICES_AT_ONCE):
            found |= self._some({**asked, "devices": names[first : first + DEVICES_AT_ONCE]})
        return Polling(found, times["ends_s"] * NANOSECONDS, self._first_at(starts_s))

    def _some(self, asked: dict[str, Any]) -> dict[str, Polled]:
        rows = {row["device"]: row for row in self._connection.rows(_SUSPECTED, asked)}
        minutes = self._minutes(asked, {hour for row in rows.values() for hour in row["suspected"]})
        closer = [device for device, row in rows.items() if _is_doubtful(row, minutes.get(device, {}))]
        if closer:
            hours = range(min(rows[device]["first_s"] for device in closer), max(rows[device]["last_s"] for device in closer) + 1, HOUR_S)
            minutes |= self._minutes({**asked, "devices": closer}, set(hours))
            for row in self._connection.rows(_ALL_HOURS, {**asked, "devices": closer}):
                rows[row["device"]]["suspected"] = row["hours"]
        return {device: _polled(row, minutes.get(device, {})) for device, row in rows.items()}

    def _minutes(self, asked: dict[str, Any], hours: Collection[int]) -> dict[str, dict[int, int]]:
        """By device and hour, its minutes with a poll as bits."""
        found: dict[str, dict[int, int]] = defaultdict(dict)
        for row in self._connection.rows(_MINUTES, {**asked, "hours": sorted(hours)}) if hours else ():
            found[row["device"]][row["hour"]] = row["minutes"]
        return found

    def _first_at(self, starts_s: int) -> int | None:
        """When anything was polled for the first time; 0 when that was before ``starts_s``, ``None`` for never."""
        if self._connection.rows(_EARLIER, {"starts_s": starts_s}):
            return 0
        for row in self._connection.rows(_FIRST_HOUR):
            hour = int(row["first_s"])
            exact = self._connection.rows(_FIRST_MINUTE, {"starts_s": hour, "ends_s": hour + HOUR_S})
            return int(exact[0]["first_s"] if exact else hour) * NANOSECONDS
        return None


def _polled(row: dict[str, Any], minutes: dict[int, int]) -> Polled:
    """Hours without fault whole, of the others the minutes with a poll; those whose minutes are gone are known by the hour."""
    apart = union((*(_span(*gap) for gap in row["gaps"]), *(_span(hour, hour + HOUR_S) for hour in row["suspected"])))
    whole = subtract((_span(row["first_s"], row["last_s"] + HOUR_S),), apart)
    seen = (_span(at, at + MINUTE_S) for at in _times(minutes))
    coarse = union(_span(hour, hour + HOUR_S) for hour in row["suspected"] if hour not in minutes)
    interval_s = min(row["interval_s"], _interval_s(minutes) or row["interval_s"])
    return Polled(union((*whole, *seen)), round(interval_s * NANOSECONDS), coarse)


def _is_doubtful(row: dict[str, Any], minutes: dict[int, int]) -> bool:
    """Whether counts of hours say too little: there are few hours, or the minutes read tell of shorter intervals than the counts do.

    So it is when most hours lack polls: each is then as usual.
    """
    interval_s = _interval_s(minutes)
    many = int(row["many"])
    return len(minutes) < many and (many < HOURS_TO_COUNT or 0 < interval_s * CLEARLY < float(row["interval_s"]))


def _interval_s(minutes: dict[int, int]) -> float:
    """How far apart polls are, pauses aside, by the minutes that were read; 0 when they do not say."""
    apart = sorted(later - earlier for earlier, later in pairwise(_times(minutes)))
    if not apart:
        return 0.0
    usual = [each for each in apart if each <= POLLS_MISSED * apart[len(apart) // 2]]
    return sum(usual) / len(usual)


def _times(minutes: dict[int, int]) -> list[int]:
    """The minutes with a poll, in order, in seconds since 1970."""
    return [hour + at for hour, mask in sorted(minutes.items()) for at in _within(mask)]


@lru_cache(maxsize=10_000)
def _within(mask: int) -> tuple[int, ...]:
    """The seconds of an hour at which its minutes with a poll begin."""
    return tuple(minute * MINUTE_S for minute in range(HOUR_S // MINUTE_S) if mask >> minute & 1)


def _hours_of(spans: Iterable[Span], starts_s: int, ends_s: int) -> set[int]:
    """Starts of the hours that spans touch, one more on each side, within bounds (seconds)."""
    found: set[int] = set()
    for span in spans:
        first = max(span.start // NANOSECONDS, starts_s) // HOUR_S - 1
        last = min(span.end // NANOSECONDS, ends_s) // HOUR_S + 1
        found.update(hour * HOUR_S for hour in range(first, last + 1))
    return found


def _span(start_s: int, end_s: int) -> Span:
    return Span(start_s * NANOSECONDS, end_s * NANOSECONDS)
