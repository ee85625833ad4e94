"""SLA arithmetic: what was agreed against what was delivered, exactly. Decimal and integers only; never float."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Rating(StrEnum):
    """By what a plan's bands are chosen."""

    AVAILABILITY_PERCENT = "availability-percent"
    CUMULATIVE_SECONDS = "cumulative-seconds"


class Denominator(StrEnum):
    """Which time availability is a share of."""

    ACTUAL = "actual"
    FIXED_30_DAYS = "fixed-30-days"
    MINUS_PLANNED = "minus-planned"
    ENABLED = "enabled"


@dataclass(frozen=True, slots=True)
class Band:
    """One step of a schedule: from ``lower`` (included) up to ``upper`` (excluded; ``None`` is open), ``credit_percent`` of the charge."""

    lower: Decimal
    upper: Decimal | None
    credit_percent: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """An SLA plan, every parameter explicit (data in rules/slas). Durations are whole seconds, percentages Decimal."""

    name: str
    version: str
    rating: Rating
    target: Decimal
    bands: tuple[Band, ...]
    denominator: Denominator = Denominator.ACTUAL
    availability_places: int = 5
    merge_gap_s: int = 0
    minimum_outage_s: int = 0
    degraded_counts: bool = False
    planned_excluded: bool = True
    planned_notice_s: int = 0
    cap_percent: Decimal = Decimal(100)
    minimum_payable_minor: int = 0
    automatic: bool = True
    description: str = ""


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time in UTC nanoseconds, with the outage it came from and, if it does not count, why."""

    starts_at: int
    ends_at: int
    outage: str
    excluded: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One service of one contract held against its plan for one period; the evidence of a credit.

    ``period`` is the customer's calendar month (``2026-11``) cut in ``timezone``; times are UTC nanoseconds. ``credit_minor`` is in minor
    units of ``currency``. ``arithmetic`` are the lines a person can check with a pocket calculator.
    """

    id: str
    contract: str
    service: str
    customer: str
    plan: str
    plan_version: str
    period: str
    timezone: str
    period_starts_at: int
    period_ends_at: int
    evaluated_at: int
    counted_s: int
    excluded_s: int
    unconfirmed_s: int
    denominator_s: int
    availability: Decimal
    target: Decimal
    violated: bool
    reason: str
    credit_minor: int = 0
    currency: str = ""
    charge_minor: int = 0
    intervals: tuple[Interval, ...] = ()
    arithmetic: tuple[str, ...] = ()
    outages: tuple[str, ...] = field(default_factory=tuple)
