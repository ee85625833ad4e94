"""What was agreed: an SLA plan, every parameter explicit."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum

from pipeline.core.exclusion import EXCUSES, STOPS, ExclusionKind
from pipeline.core.inventory import Moment


class Rating(StrEnum):
    """By what a plan's credit is found.

    The first two choose a band. ``STARTED_UNITS`` pays ``unit_days`` of the charge for each unit of downtime, ``PRO_RATA`` the share of the
    month that was down times ``factor``, ``CALENDAR_DAYS`` an amount for each day of the customer's calendar that an outage outlasts its
    grace.
    """

    AVAILABILITY_PERCENT = "availability-percent"
    CUMULATIVE_SECONDS = "cumulative-seconds"
    STARTED_UNITS = "started-units"
    PRO_RATA = "pro-rata"
    CALENDAR_DAYS = "calendar-days"


BANDED = frozenset({Rating.AVAILABILITY_PERCENT, Rating.CUMULATIVE_SECONDS})
"""Ratings that choose a band of the schedule."""


class Denominator(StrEnum):
    """Which time availability is a share of.

    ``MINUS_PLANNED`` takes the planned downtime that was excluded off both sides, ``MINUS_EXCLUDED`` all downtime that was; ``ENABLED``
    starts when the service was enabled and ends with the contract.
    """

    ACTUAL = "actual"
    FIXED_30_DAYS = "fixed-30-days"
    MINUS_PLANNED = "minus-planned"
    MINUS_EXCLUDED = "minus-excluded"
    ENABLED = "enabled"


class Rounding(StrEnum):
    """How a figure is brought to its last place."""

    DOWN = "down"
    HALF_UP = "half-up"
    HALF_EVEN = "half-even"
    UP = "up"

    @property
    def mode(self) -> str:
        """The constant of :mod:`decimal` of this name; figures here are never negative."""
        return {"down": ROUND_DOWN, "half-up": ROUND_HALF_UP, "half-even": ROUND_HALF_EVEN, "up": ROUND_CEILING}[self.value]


class Closure(StrEnum):
    """Which end of a band belongs to it: its ``LOWER`` figure (99.9 and above) or its ``UPPER`` one (above 99.5, up to and with 99.9)."""

    LOWER = "lower"
    UPPER = "upper"


class ClockStart(StrEnum):
    """When an outage begins to count: when it was ``DETECTED``, or when its ticket was opened."""

    DETECTED = "detected"
    TICKETED = "ticketed"


class ClockEnd(StrEnum):
    """When it stops: when the service was ``RESTORED``, or when its ticket was resolved."""

    RESTORED = "restored"
    TICKET_RESOLVED = "ticket-resolved"


class Redundancy(StrEnum):
    """When a protected service is down: when ``ALL_LEGS`` are, or as soon as ``ANY_LEG`` is."""

    ALL_LEGS = "all-legs"
    ANY_LEG = "any-leg"


class MonthDays(StrEnum):
    """By how many days a month's charge is divided: those of the customer's calendar, or always 30."""

    ACTUAL = "actual"
    FIXED_30 = "fixed-30"


class ChargeBase(StrEnum):
    """Of what a credit is a share: the service's monthly charge, or that and the charge of its access line."""

    SERVICE = "service"
    WITH_ACCESS = "with-access"


class Combination(StrEnum):
    """What is paid when a month misses several metrics: the ``SUM``, or only the ``HIGHEST`` (no double dip)."""

    SUM = "sum"
    HIGHEST = "highest"


@dataclass(frozen=True, slots=True)
class Band:
    """One step of a schedule from ``lower`` to ``upper`` (``None`` is open): ``credit_percent`` of the charge."""

    lower: Decimal
    upper: Decimal | None
    credit_percent: Decimal


class ObjectiveMetric(StrEnum):
    """What else is promised of a month's outages.

    Times from the clock's start to its end (mean, and the longest), and from an outage's start to the first answer to it: its ticket or
    somebody's acknowledgement, whichever came first.
    """

    MEAN_TIME_TO_RESTORE = "mean-time-to-restore"
    LONGEST_TIME_TO_RESTORE = "longest-time-to-restore"
    MEAN_RESPONSE_TIME = "mean-response-time"
    LONGEST_RESPONSE_TIME = "longest-response-time"


@dataclass(frozen=True, slots=True)
class Objective:
    """A promise beside availability: at most ``target_s`` seconds, and what is owed when it took longer.

    Without ``bands`` a miss is told and nothing is paid. Bands are of seconds, closed as the plan's are.
    """

    metric: ObjectiveMetric
    target_s: int
    bands: tuple[Band, ...] = ()


@dataclass(frozen=True, slots=True)
class Chronic:
    """A service is chronically ill when more than ``outages`` of its outages began within ``days`` days: told, and never money."""

    outages: int
    days: int = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """An SLA plan, every parameter explicit (data in rules/slas). Durations are whole seconds, percentages Decimal.

    ``target`` is an availability percentage: a month below it is missed. In other ratings a month is missed when something is owed.
    ``bands`` hold the end that ``bands_closed`` names. ``valid_from`` and ``valid_until`` say for which months (by their first instant)
    this version holds; ``earlier`` are the versions of other times.

    *Time.* Outages at most ``merge_gap_s`` apart (less than that, unless ``merge_gap_closed``) are one, the time between included if
    ``merge_gap_counts``. An outage shorter than ``minimum_outage_s`` does not count; a longer one counts from its start, or only from there
    on when ``minimum_counts`` is false. ``clock_starts`` and ``clock_ends`` say when its clock runs. Degraded time counts if
    ``degraded_counts``, with ``degraded_weight_percent``; lost redundancy as ``redundancy`` says. Kinds in ``excludes`` are cut out, kinds
    in ``stops_clock`` stop it; planned work excuses only if announced ``planned_notice_s`` before.

    *Rating.* Availability is rounded to ``availability_places`` first, and that figure is held against target and bands. A unit is
    ``unit_s`` of downtime, counted by ``unit_rounding`` (up: each that was started) and worth ``unit_days`` of the month's charge, which
    has ``charge_days``. In pro rata, the share of the month is rounded to ``ratio_places`` if given, and times ``factor``. A calendar day
    is worth ``day_amount_minor``, from the end of ``grace_working_days`` full working days (Monday to Friday but ``holidays``, ISO dates)
    after the day of the outage on; the day of its end counts if ``last_day_counts``, and at most ``cap_days`` are paid (0: all).

    *Paying.* A credit is a share of ``charge_base``, rounded to a multiple of ``rounding_step_minor``, at most ``cap_percent`` of it, and
    with all metrics together (``combination``) at most ``total_cap_percent``. Less than ``minimum_payable_minor`` is not paid.
    ``automatic`` false is paid on claim only, within ``claim_days`` (working days if ``claim_working_days``; 0 is without limit) of the
    month's end. ``currency`` is of the plan's own amounts; empty is any.
    """

    name: str
    version: str
    rating: Rating
    target: Decimal
    bands: tuple[Band, ...] = ()
    denominator: Denominator = Denominator.ACTUAL
    availability_places: int = 5
    merge_gap_s: int = 0
    minimum_outage_s: int = 0
    degraded_counts: bool = False
    planned_notice_s: int = 0
    cap_percent: Decimal = Decimal(100)
    minimum_payable_minor: int = 0
    automatic: bool = True
    description: str = ""
    minimum_counts: bool = True
    availability_rounding: Rounding = Rounding.DOWN
    credit_rounding: Rounding = Rounding.HALF_UP
    bands_closed: Closure = Closure.LOWER
    merge_gap_closed: bool = True
    merge_gap_counts: bool = True
    clock_starts: ClockStart = ClockStart.DETECTED
    clock_ends: ClockEnd = ClockEnd.RESTORED
    redundancy: Redundancy = Redundancy.ALL_LEGS
    degraded_weight_percent: Decimal = Decimal(100)
    excludes: tuple[ExclusionKind, ...] = EXCUSES
    stops_clock: tuple[ExclusionKind, ...] = STOPS
    unit_s: int = 3600
    unit_rounding: Rounding = Rounding.UP
    unit_days: Decimal = Decimal(1)
    factor: Decimal = Decimal(1)
    ratio_places: int | None = None
    ratio_rounding: Rounding = Rounding.HALF_UP
    charge_days: MonthDays = MonthDays.ACTUAL
    charge_base: ChargeBase = ChargeBase.SERVICE
    day_amount_minor: int = 0
    grace_working_days: int = 0
    holidays: tuple[str, ...] = ()
    last_day_counts: bool = True
    cap_days: int = 0
    rounding_step_minor: int = 1
    currency: str = ""
    claim_days: int = 0
    claim_working_days: bool = False
    objectives: tuple[Objective, ...] = ()
    combination: Combination = Combination.SUM
    total_cap_percent: Decimal = Decimal(100)
    chronic: Chronic | None = None
    valid_from: Moment = 0
    valid_until: Moment = 0
    earlier: tuple["Plan", ...] = ()

    def holds_at(self, at: int) -> bool:
        """Whether this version is for the month that begins at an instant (UTC nanoseconds)."""
        return self.valid_from <= at and (not self.valid_until or at < self.valid_until)


def version_at(plan: Plan, at: int) -> Plan | None:
    """The version of a plan for the month that begins at ``at`` (UTC nanoseconds); ``None`` when none is for it."""
    return next((each for each in (plan, *plan.earlier) if each.holds_at(at)), None)


def band_of(bands: Iterable[Band], figure: Decimal, closed: Closure = Closure.LOWER) -> Band:
    """The one band that holds ``figure`` (a percentage or seconds). Raises ``ValueError`` where there is none.

    Where the upper end is the closed one, the first band holds its lower end too: nothing is said below it.
    """
    for place, band in enumerate(bands):
        if closed is Closure.LOWER:
            holds = band.lower <= figure and (band.upper is None or figure < band.upper)
        else:
            holds = (band.lower < figure or (place == 0 and band.lower == figure)) and (band.upper is None or figure <= band.upper)
        if holds:
            return band
    raise ValueError(f"the schedule has a gap at {figure}")
