"""An evaluation: one service of one contract held against one promise of its plan for one month; the evidence of a credit."""

from dataclasses import dataclass, field
from decimal import Decimal

from pipeline.core.downtime import Interval

METRIC = "availability"
PERCENT, SECONDS, OUTAGES = "percent", "seconds", "outages"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One service of one contract held against its plan for one period; the evidence of a credit.

    ``period`` is the customer's calendar month (``2026-11``) cut in ``timezone``; times are UTC nanoseconds. ``credit_minor`` is in minor
    units of ``currency``. ``outages`` are those that counted; ``intervals`` also show what did not, and why. ``arithmetic`` are the lines a
    person can check with a pocket calculator. ``automatic`` false: the customer must claim, until ``claim_until`` (0 is without limit),
    and did at ``claimed_at`` (0: not, or not in time, or the month is not over).
    ``revision`` counts re-ratings of the period. ``figure`` is what was delivered of ``metric`` and ``target`` what was promised, in
    ``unit`` (percent, seconds, outages); ``availability`` stands beside every metric.
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
    metric: str = METRIC
    revision: int = 1
    automatic: bool = True
    stopped_s: int = 0
    figure: Decimal = Decimal(0)
    unit: str = PERCENT
    claim_until: int = 0
    claimed_at: int = 0

    @property
    def payable_minor(self) -> int:
        """What is to be paid as things stand: the credit, unless it waits for a claim."""
        return self.credit_minor if self.automatic or self.claimed_at else 0
