"""How much downtime a service's month still bears before its SLA is missed, and when that will be if what lasts goes on.

The same arithmetic that settles the month is asked in advance, so the instant told here is the second at which the settlement would turn.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from pipeline.core.downtime import counts
from pipeline.core.inventory import MaintenanceWindow, Service
from pipeline.core.outage import Outage
from pipeline.core.period import NANOSECONDS, Period, month_of
from pipeline.core.plan import Plan, version_at
from pipeline.core.rating import availability_of
from pipeline.core.settlement import Terms
from pipeline.core.sla import Downtime, downtime, is_missed

ASSUMED = "assumed"
"""What confirms an outage that lasts, for as long as nothing else does: who warns too early has lost nothing."""

NONE_ALLOWED = -1
"""The downtime allowed by a plan whose target is missed without any."""


@dataclass(frozen=True, slots=True)
class Budget:
    """One service's month so far. Durations are whole seconds, times UTC nanoseconds.

    ``allowed_s`` is the longest downtime that still meets the target; ``counted_s`` of it are spent, of which ``unconfirmed_s`` rest on an
    outage that lasts and is not confirmed yet. ``running`` says that an outage lasts that counts, now or when its planned work is over.
    ``availability`` is what the month comes to if nothing more happens (percent, rounded as the plan says).
    ``missed_at`` is when the target was missed, or will be if what lasts goes on; 0 when the month ends before.
    """

    service: str
    contract: str
    plan: str
    target: str
    period: str
    timezone: str
    ends_at: int
    allowed_s: int
    counted_s: int
    unconfirmed_s: int
    excluded_s: int
    running: bool
    missed_at: int
    availability: str = ""

    @property
    def left_s(self) -> int:
        """Seconds of downtime that may still be had; 0 when the next second misses the target, negative when it is missed."""
        return self.allowed_s - self.counted_s


@dataclass(frozen=True, slots=True)
class _Month:
    """What is asked over and over: the downtime of one service's month, were it cut at an instant."""

    terms: Terms
    service: Service
    outages: Sequence[Outage]
    windows: tuple[MaintenanceWindow, ...]
    period: Period

    def until(self, at: int) -> Downtime:
        terms = self.terms
        return downtime(
            terms.contract,
            terms.plan,
            self.service,
            self.outages,
            self.period,
            at,
            windows=self.windows,
            exclusions=terms.exclusions,
        )

    def is_missed(self, at: int) -> bool:
        found = self.until(at)
        return is_missed(self.terms.plan, found.counted_s, found.denominator_s)


def budget(terms: Terms, service: Service, outages: Iterable[Outage], now: int) -> Budget:
    """The budget of the customer's month that contains ``now``.

    ``outages`` are as for :func:`pipeline.core.sla.evaluate`. Raises ``ValueError`` for an unknown time zone or a schedule with a gap.
    """
    period = month_of(now, terms.customer.timezone)
    terms = replace(terms, plan=version_at(terms.plan, period.starts_at) or terms.plan)
    known = [outage for outage in outages if outage.service == service.name]
    assumed = [outage if outage.ended_at or outage.confirmed_by else replace(outage, confirmed_by=ASSUMED) for outage in known]
    month = _Month(terms, service, assumed, terms.windows, period)
    sofar = month.until(now)
    confirmed = replace(month, outages=known).until(now)
    return Budget(
        service=service.name,
        contract=terms.contract.name,
        plan=terms.plan.name,
        target=f"{terms.plan.target:f}",
        period=period.label,
        timezone=period.timezone,
        ends_at=period.ends_at,
        allowed_s=_allowed(terms.plan, sofar.denominator_s),
        counted_s=sofar.counted_s,
        unconfirmed_s=max(0, sofar.counted_s - confirmed.counted_s),
        excluded_s=sofar.excluded_s,
        running=any(not outage.ended_at and counts(terms.plan, outage.state) for outage in _latest(known)),
        missed_at=_missed_at(month, now),
        availability=f"{availability_of(terms.plan, sofar.counted_s, sofar.denominator_s):f}",
    )


def _latest(outages: Iterable[Outage]) -> Iterable[Outage]:
    latest: dict[str, Outage] = {}
    for outage in outages:
        before = latest.get(outage.id)
        if before is None or before.revision < outage.revision:
            latest[outage.id] = outage
    return latest.values()


@lru_cache(maxsize=1024)
def _allowed(plan: Plan, denominator_s: int) -> int:
    """The longest downtime that meets the target, asked of the very rule that settles: more downtime never makes a month better."""
    if is_missed(plan, 0, denominator_s):
        return NONE_ALLOWED
    met, missed = 0, max(denominator_s, 0) + 1
    while missed - met > 1:
        middle = (met + missed) // 2
        if is_missed(plan, middle, denominator_s):
            missed = middle
        else:
            met = middle
    return met


def _missed_at(month: _Month, now: int) -> int:
    """The first whole second, counted from the month's start, at whose end the target is missed; 0 if the month ends before."""
    start, met, missed = month.period.starts_at, 0, month.period.seconds
    until = (now - start) // NANOSECONDS
    if month.is_missed(now):
        missed = min(missed, until + 1)
    elif month.is_missed(month.period.ends_at):
        met = until
    else:
        return 0
    while missed - met > 1:
        middle = (met + missed) // 2
        if month.is_missed(start + middle * NANOSECONDS):
            missed = middle
        else:
            met = middle
    return start + missed * NANOSECONDS
