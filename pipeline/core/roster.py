"""Who is on call, and which hours are meant: rotations, overrides and holidays on the clock of a place, daylight saving included.

Types that ``rules/routing.yaml`` is decoded into. A wrong date, hour or zone raises ``ValueError`` as the value is made.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pipeline.core.inventory import Moment
from pipeline.core.period import zone_of

_NANO = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_END = "24:00"
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_EVERY_YEAR = re.compile(r"(\d\d)-(\d\d)")
_OF_EASTER = re.compile(r"easter([+-]\d{1,3})?")


class Day(StrEnum):
    """A day of the week; or a holiday, which where holidays are named is none of the others."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"
    HOLIDAY = "holiday"


EVERY_DAY = tuple(Day)
_WEEK = EVERY_DAY[:7]


@dataclass(frozen=True, slots=True)
class Holidays:
    """Days off: a date (``2026-04-27``), a day of every year (``12-25``), one counted from Easter Sunday (``easter-2``, ``easter+39``)."""

    name: str
    days: tuple[str, ...]

    def __post_init__(self) -> None:
        for day in self.days:
            if not (_OF_EASTER.fullmatch(day) or _EVERY_YEAR.fullmatch(day)):
                _date_of(day)
            elif found := _EVERY_YEAR.fullmatch(day):
                _date_of(f"2028-{found[1]}-{found[2]}")  # a leap year has every day

    def has(self, day: date) -> bool:
        """Whether a day is one of them."""
        after_easter = (day - easter(day.year)).days
        return any(
            each in {day.isoformat(), f"{day:%m-%d}", f"easter{after_easter:+d}"} or (each == "easter" and not after_easter)
            for each in self.days
        )


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm, as in Meeus, Astronomical Algorithms, chapter 8)."""
    golden, century, rest = year % 19, year // 100, year % 100
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


Calendars = Mapping[str, Holidays]
"""Holidays by name."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Named hours: ``days`` from ``starts`` to ``ends`` on the clock of ``timezone``; an end before the start is of the next day.

    With ``holidays`` a day of these is a holiday and no other day: left out unless ``days`` has ``holiday``.
    """

    name: str
    timezone: str = "UTC"
    days: tuple[Day, ...] = EVERY_DAY
    starts: str = "00:00"
    ends: str = _DAY_END
    holidays: str = ""

    def __post_init__(self) -> None:
        zone_of(self.timezone)
        _clock_of(self.starts)
        _clock_of(self.ends)

    def hold(self, at: int, calendars: Calendars) -> bool:
        """Whether an instant (UTC nanoseconds) is within them."""
        local = _local(at, self.timezone)
        return _within(local, self.days, self.starts, self.ends, calendars.get(self.holidays))

    def edges(self, at: int) -> Iterator[int]:
        """Every instant within about two days of ``at`` at which they may begin or end."""
        return _edges(at, self.timezone, (self.starts, self.ends))


@dataclass(frozen=True, slots=True)
class Rotation:
    """People who take turns: from ``starts_on`` (a date) on, each for ``every_days`` days, changing at ``handover`` o'clock.

    ``days``, ``starts`` and ``ends`` narrow it to some hours, as :class:`Hours`; outside of them nobody of it is on call.
    """

    people: tuple[str, ...]
    starts_on: str
    every_days: int = 7
    handover: str = "00:00"
    days: tuple[Day, ...] = EVERY_DAY
    starts: str = "00:00"
    ends: str = _DAY_END

    def __post_init__(self) -> None:
        _date_of(self.starts_on)
        for clock in (self.handover, self.starts, self.ends):
            _clock_of(clock)
        if not self.people:
            raise ValueError("nobody takes turns; name at least one of the people")
        if self.every_days < 1:
            raise ValueError(f"a turn of {self.every_days} days; write 1 or more")

    def person(self, local: datetime, holidays: Holidays | None) -> str:
        """Whose turn it is on a place's clock; empty before it begins and outside its hours."""
        day = local.date() - timedelta(days=local.time() < _time_of(self.handover))
        turn = (day - _date_of(self.starts_on)).days // self.every_days
        if turn < 0 or not _within(local, self.days, self.starts, self.ends, holidays):
            return ""
        return self.people[turn % len(self.people)]


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody else for a while; the times are UTC nanoseconds."""

    person: str
    starts_at: Moment
    ends_at: Moment
    reason: str = ""

    def __post_init__(self) -> None:
        if self.ends_at <= self.starts_at:
            raise ValueError("it ends before it begins")


@dataclass(frozen=True, slots=True)
class OnCall:
    """A schedule: of ``rotations`` the last that has somebody holds, and an override before any (the last that covers the time)."""

    name: str
    rotations: tuple[Rotation, ...] = ()
    timezone: str = "UTC"
    holidays: str = ""
    overrides: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        zone_of(self.timezone)

    def duty(self, at: int, calendars: Calendars) -> tuple[str, str]:
        """Who is on call at an instant, and why: ``("alice", "rotation 1")``; empty for nobody."""
        for override in reversed(self.overrides):
            if override.starts_at <= at < override.ends_at:
                return override.person, f"override{f': {override.reason}' if override.reason else ''}"
        local = _local(at, self.timezone)
        for place in range(len(self.rotations), 0, -1):
            if person := self.rotations[place - 1].person(local, calendars.get(self.holidays)):
                return person, f"rotation {place}"
        return "", "no rotation has anybody at this time"

    def edges(self, at: int) -> Iterator[int]:
        """Every instant within about two days of ``at`` at which somebody else may take over, and the ends of all overrides."""
        clocks = {clock for rotation in self.rotations for clock in (rotation.handover, rotation.starts, rotation.ends)}
        yield from _edges(at, self.timezone, clocks)
        for override in self.overrides:
            yield from (override.starts_at, override.ends_at)

    def people(self) -> Iterator[str]:
        """Everybody who is named in it."""
        for rotation in self.rotations:
            yield from rotation.people
        yield from (override.person for override in self.overrides)

    def shifts(self, at: int, until: int, calendars: Calendars) -> Iterator[tuple[int, int, str, str]]:
        """From ``at`` on, until ``until``: who is on call from when to when, and why. Equal neighbours are one."""
        began, held = at, self.duty(at, calendars)
        now = at
        while now < until:
            now = min((edge for edge in self.edges(now) if edge > now), default=until)
            next_held = self.duty(now, calendars)
            if next_held != held or now >= until:
                yield began, min(now, until), *held
                began, held = now, next_held


def turn_after(at: int, of: Iterable[Hours | OnCall]) -> int:
    """The first instant after ``at`` at which any of them may change; 0 when there are none."""
    return min((edge for each in of for edge in each.edges(at) if edge > at), default=0)


def _local(at: int, timezone: str) -> datetime:
    return (_EPOCH + timedelta(seconds=at // _NANO)).astimezone(zone_of(timezone))


def _within(local: datetime, days: Sequence[Day], starts: str, ends: str, holidays: Holidays | None) -> bool:
    now, begin = local.time(), _time_of(starts)
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    if ends == _DAY_END:
        return now >= begin and _day_of(today, holidays) in days
    end = _time_of(ends)
    if begin < end:
        return begin <= now < end and _day_of(today, holidays) in days
    return (now >= begin and _day_of(today, holidays) in days) or (now < end and _day_of(yesterday, holidays) in days)


def _day_of(day: date, holidays: Holidays | None) -> Day:
    return Day.HOLIDAY if holidays is not None and holidays.has(day) else _WEEK[day.weekday()]


def _edges(at: int, timezone: str, clocks: Iterable[str]) -> Iterator[int]:
    zone, today = zone_of(timezone), _local(at, timezone).date()
    times = {time(0), *(_time_of(clock) for clock in clocks)}
    for ahead in range(-1, 3):
        day = today + timedelta(days=ahead)
        yield from (_instant(day, clock, zone) for clock in times)


def _instant(day: date, clock: time, zone: ZoneInfo) -> int:
    # A time that clocks skip takes the offset before the change (PEP 495, fold 0): the hour after the change, which is when it is noticed.
    return (datetime.combine(day, clock, zone).astimezone(UTC) - _EPOCH) // timedelta(seconds=1) * _NANO


def _clock_of(text: str) -> None:
    if text != _DAY_END and not _CLOCK.fullmatch(text):
        raise ValueError(f"'{text}' is no time of day; write it as 08:30, or 24:00 for the day's end")


def _time_of(clock: str) -> time:
    return time(0) if clock == _DAY_END else time.fromisoformat(clock)


def _date_of(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is no day; write a date as 2026-04-27, or a holiday as 12-25, easter, easter+1") from None
