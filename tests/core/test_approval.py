"""Who must approve, and what holds an approved credit back: a table, to the cent."""

from dataclasses import replace

import pytest

from pipeline.core.approval import Limits, Totals, Withheld, hold, people_needed
from pipeline.core.posting import standing_of
from tests.support.crediting import a_credit, approval

CAPPED = {"EUR": Limits(two_people_over=10_000, per_credit=20_000, per_customer=30_000, per_day=50_000)}


@pytest.mark.parametrize(
    ("amount", "currency", "people"),
    [(1, "EUR", 1), (10_000, "EUR", 1), (10_001, "EUR", 2), (-10_001, "EUR", 2), (-5, "EUR", 1), (1, "USD", 2)],
)
def test_above_the_limit_and_without_one_two_people_approve(amount: int, currency: str, people: int) -> None:
    assert people_needed(a_credit(amount_minor=amount, currency=currency), CAPPED) == people


@pytest.mark.parametrize(
    ("amount", "totals", "reason"),
    [
        (10_000, Totals(), None),
        (20_000, Totals(), None),
        (20_001, Totals(), Withheld.CREDIT_CAP),
        (10_000, Totals(customer=20_000), None),
        (10_000, Totals(customer=20_001), Withheld.CUSTOMER_CAP),
        (10_000, Totals(day=40_000), None),
        (10_000, Totals(day=40_001), Withheld.DAY_CAP),
        (-10_000, Totals(period=10_000), None),
        (-10_000, Totals(period=9_999), Withheld.MORE_THAN_PAID),
        (-20_001, Totals(period=90_000), Withheld.CREDIT_CAP),
        (-10_000, Totals(customer=20_001, period=90_000), Withheld.CUSTOMER_CAP),
    ],
)
def test_caps_hold_to_the_cent(amount: int, totals: Totals, reason: Withheld | None) -> None:
    credit = a_credit(amount_minor=amount)
    standing = standing_of(credit, [approval(credit, "ann", 2), approval(credit, "bob", 2)])
    held = hold(standing, totals, CAPPED)
    assert (held.reason if held else None) is reason


def test_a_limit_that_was_lowered_wants_the_second_person_before_posting() -> None:
    credit = a_credit(amount_minor=9_000)
    standing = standing_of(credit, [approval(credit)])
    assert hold(standing, Totals(), CAPPED) is None
    lowered = {"EUR": replace(CAPPED["EUR"], two_people_over=8_999)}
    held = hold(standing, Totals(), lowered)
    assert held is not None
    assert (held.reason, held.detail) == (Withheld.MORE_PEOPLE, "2 people must approve it by the limits of now, 1 did")


def test_nothing_is_posted_in_a_currency_without_limits() -> None:
    credit = a_credit(currency="USD")
    held = hold(standing_of(credit, [approval(credit)]), Totals(), CAPPED)
    assert held is not None
    assert held.reason is Withheld.NO_LIMITS


def test_a_cap_says_what_would_have_been_and_the_cap() -> None:
    credit = a_credit(amount_minor=10_000)
    held = hold(standing_of(credit, [approval(credit)]), Totals(customer=25_000), CAPPED)
    assert held is not None
    assert held.detail == "350.00 EUR for acme in 2026-11 would be over the cap of 300.00 EUR"
