"""Days of a customer's calendar: which of them are worked, and which an outage outlasts."""

from collections.abc import Collection, Iterable
from datetime import date, timedelta

from pipeline.core.downtime import Group
from pipeline.core.period import Period, date_of, day_starts_at
from pipeline.core.span import clip

_SATURDAY = 5
_DAY = timedelta(days=1)


def is_working_day(day: date, holidays: Collection[str]) -> bool:
    """Monday to Friday, and none of the holidays (ISO dates)."""
    return day.weekday() < _SATURDAY and day.isoformat() not in holidays


def after_working_days(day: date, count: int, holidays: Collection[str]) -> date:
    """The ``count``-th working day after a day; the day itself for 0."""
    while count > 0:
        day += _DAY
        count -= is_working_day(day, holidays)
    return day


def days_owed(groups: Iterable[Group], period: Period, grace: int, holidays: Collection[str], *, last_day_counts: bool) -> tuple[date, ...]:
    """The days of a period on which an outage was not mended though its ``grace`` of full working days had passed, each once.

    With no grace the day on which it began is the first. A day counts when the outage's clock ran in it; the day of its end counts if
    ``last_day_counts``.
    """
    found: set[date] = set()
    for group in groups:
        begun, ended = date_of(group.starts_at, period.timezone), date_of(group.ends_at - 1, period.timezone)
        day = after_working_days(begun, grace, holidays) + (_DAY if grace else timedelta())
        through = ended if last_day_counts or day_starts_at(ended + _DAY, period.timezone) <= group.ends_at else ended - _DAY
        while day <= through:
            starts_at, ends_at = (day_starts_at(each, period.timezone) for each in (day, day + _DAY))
            if period.starts_at <= starts_at < period.ends_at and clip(group.clock, starts_at, ends_at):
                found.add(day)
            day += _DAY
    return tuple(sorted(found))


def claimable_until(period: Period, days: int, holidays: Collection[str], *, working_days: bool) -> int:
    """Up to when a period's credit may be claimed (UTC nanoseconds): the end of the last of so many days after it; 0 for no limit."""
    if not days:
        return 0
    last = date_of(period.ends_at - 1, period.timezone)
    last = after_working_days(last, days, holidays) if working_days else last + days * _DAY
    return day_starts_at(last + _DAY, period.timezone)
