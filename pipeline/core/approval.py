"""How many people must approve a credit, and what keeps an approved one from being posted: limits and caps, each with its name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.core.ledger import Credit
from pipeline.core.money import money_text
from pipeline.core.posting import Standing


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be posted in one currency, in minor units; ``None`` is no cap.

    Above ``two_people_over`` two different people approve. ``per_credit`` caps one credit, ``per_customer`` what a customer gets for one
    period, ``per_day`` what is posted for everybody on one day (UTC). Adjustments that take money back count by their amount.
    """

    two_people_over: int = 0
    per_credit: int | None = None
    per_customer: int | None = None
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What was posted before, or may have been, in the credit's currency and in minor units.

    ``customer``: to this customer for this period, ``day``: to everybody today, both without signs; ``period``: for the same contract,
    service, metric and period, with signs.
    """

    customer: int = 0
    day: int = 0
    period: int = 0


class Withheld(StrEnum):
    """Why an approved credit is not posted."""

    PAUSED = "paused"
    NO_LIMITS = "no-limits"
    MORE_PEOPLE = "more-people"
    CREDIT_CAP = "credit-cap"
    CUSTOMER_CAP = "customer-cap"
    DAY_CAP = "day-cap"
    MORE_THAN_PAID = "more-than-paid"


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason and the sentence that goes with it."""

    reason: Withheld
    detail: str


def people_needed(credit: Credit, limits: Mapping[str, Limits]) -> int:
    """One person, or two: above the limit, and in a currency without limits. Nothing is posted that nobody has approved."""
    own = limits.get(credit.currency)
    return 2 if own is None or abs(credit.amount_minor) > own.two_people_over else 1


def hold(standing: Standing, totals: Totals, limits: Mapping[str, Limits]) -> Hold | None:
    """What keeps an approved credit from being posted by the limits of now; ``None`` when nothing does."""
    credit, own = standing.credit, limits.get(standing.credit.currency)
    if own is None:
        return Hold(Withheld.NO_LIMITS, f"billing.limits has none for {credit.currency}")
    needed = people_needed(credit, limits)
    if len(standing.approvers) < needed:
        return Hold(Withheld.MORE_PEOPLE, f"{needed} people must approve it by the limits of now, {len(standing.approvers)} did")
    if credit.amount_minor < 0 and totals.period + credit.amount_minor < 0:
        paid, less = (money_text(minor, credit.currency) for minor in (totals.period, -credit.amount_minor))
        return Hold(Withheld.MORE_THAN_PAID, f"it takes back {less}, and {paid} was posted for that period")
    return _capped(credit, totals, own)


def _capped(credit: Credit, totals: Totals, own: Limits) -> Hold | None:
    amount = abs(credit.amount_minor)
    checks = (
        (Withheld.CREDIT_CAP, own.per_credit, amount, "one credit"),
        (Withheld.CUSTOMER_CAP, own.per_customer, totals.customer + amount, f"{credit.customer} in {credit.period}"),
        (Withheld.DAY_CAP, own.per_day, totals.day + amount, "all of today"),
    )
    for reason, cap, total, what in checks:
        if cap is not None and total > cap:
            told, most = (money_text(minor, credit.currency) for minor in (total, cap))
            return Hold(reason, f"{told} for {what} would be over the cap of {most}")
    return None
