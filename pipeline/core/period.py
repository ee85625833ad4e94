"""A calendar month where the customer lives: cut in the IANA time zone, daylight saving included."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

NANOSECONDS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Period:
    """One month, ``label`` as in ``2026-11``; from ``starts_at`` (included) to ``ends_at`` (excluded), UTC nanoseconds.

    ``cut`` is true when it ends early because the month is not over.
    """

    label: str
    timezone: str
    starts_at: int
    ends_at: int
    cut: bool = False

    @property
    def seconds(self) -> int:
        """Whole seconds from start to end: 2,682,000 for London's October, which has 25 hours on one day."""
        return (self.ends_at - self.starts_at) // NANOSECONDS


def zone_of(timezone: str) -> ZoneInfo:
    """The zone of an IANA name. Raises ``ValueError`` naming what is not one."""
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{timezone!r} is not an IANA time zone (as in Europe/Amsterdam)") from error


def month_of(at: int, timezone: str) -> Period:
    """The calendar month of ``timezone`` that contains the instant ``at``. Raises ``ValueError`` for an unknown zone."""
    zone = zone_of(timezone)
    local = (_EPOCH + timedelta(seconds=at // NANOSECONDS)).astimezone(zone)
    year, month = local.year, local.month
    if _starts_at(*_next(year, month), zone) <= at:  # clocks set back over the midnight that began a month: it stays begun
        year, month = _next(year, month)
    return Period(f"{year:04d}-{month:02d}", timezone, _starts_at(year, month, zone), _starts_at(*_next(year, month), zone))


def month_named(label: str, timezone: str) -> Period:
    """The month of a label, ``2026-11``. Raises ``ValueError`` for what is none, or an unknown zone."""
    try:
        first = date.fromisoformat(f"{label}-01")
    except ValueError:
        raise ValueError(f"{label!r} is not a month (as in 2026-11)") from None
    return month_of(day_starts_at(first, timezone), timezone)


def date_of(at: int, timezone: str) -> date:
    """The day of an instant on the customer's calendar."""
    return (_EPOCH + timedelta(seconds=at // NANOSECONDS)).astimezone(zone_of(timezone)).date()


def day_starts_at(day: date, timezone: str) -> int:
    """When a day of the customer's calendar begins, UTC nanoseconds."""
    return (datetime(day.year, day.month, day.day, tzinfo=zone_of(timezone)) - _EPOCH) // timedelta(seconds=1) * NANOSECONDS


def days_of(period: Period) -> int:
    """How many days the whole calendar month has."""
    first = date.fromisoformat(f"{period.label}-01")
    return (date(*_next(first.year, first.month), 1) - first).days


def cut_at(period: Period, now: int) -> Period:
    """The part of ``period`` that is over at ``now``; empty when it has not begun."""
    if now >= period.ends_at:
        return period
    return replace(period, ends_at=max(now, period.starts_at), cut=True)


def local_text(at: int, timezone: str) -> str:
    """An instant on the customer's clock, with its offset: ``2026-10-01T00:00:00+01:00``; parts of a second are left out."""
    return (_EPOCH + timedelta(seconds=at // NANOSECONDS)).astimezone(zone_of(timezone)).isoformat()


def _starts_at(year: int, month: int, zone: ZoneInfo) -> int:
    # A midnight that clocks skip takes the offset before the change, which makes it the very instant of the change (PEP 495, fold 0).
    return (datetime(year, month, 1, tzinfo=zone) - _EPOCH) // timedelta(seconds=1) * NANOSECONDS


def _next(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == _DECEMBER else (year, month + 1)
