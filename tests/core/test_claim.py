"""Claims: in time until the very end of the last day where the customer lives, once, and whichever word comes first."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.rule_set import load_plans
from pipeline.core.claim import Claim, ClaimRow, claim_word, deadline, is_in_time, last_day, name_of_claim, recorded
from pipeline.core.credit import propose
from pipeline.core.evaluation import Evaluation
from pipeline.core.inventory import Contract, Customer, Service, Tier
from pipeline.core.operation import Operation, OperationKind
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.period import day_starts_at, month_named
from pipeline.core.plan import Band, Plan, Rating
from pipeline.core.saying import standing, told
from pipeline.core.sla import evaluate, evaluate_all, with_claims

SECOND = 1_000_000_000
RULES = Path(__file__).parents[2] / "rules"


def at(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * SECOND


def plan(days: int, *, working: bool = False, **fields: object) -> Plan:
    bands = (Band(Decimal(0), Decimal(10), Decimal(0)), Band(Decimal(10), None, Decimal(10)))
    made = Plan("bronze", "1", Rating.CUMULATIVE_SECONDS, Decimal(10), bands, automatic=False, claim_days=days, claim_working_days=working)
    return replace(made, **fields)  # type: ignore[arg-type]  # fields of a test


@pytest.mark.parametrize(
    ("month", "zone", "days", "working", "holidays", "last", "ends"),
    [
        ("2026-11", "UTC", 30, False, (), "2026-12-30", "2026-12-31T00:00:00+00:00"),
        ("2026-11", "Europe/Amsterdam", 30, False, (), "2026-12-30", "2026-12-30T23:00:00+00:00"),
        ("2026-11", "Pacific/Auckland", 30, False, (), "2026-12-30", "2026-12-30T11:00:00+00:00"),
        ("2026-11", "America/Los_Angeles", 30, False, (), "2026-12-30", "2026-12-31T08:00:00+00:00"),
        ("2026-02", "Europe/London", 29, False, (), "2026-03-29", "2026-03-29T23:00:00+00:00"),  # that day has 23 hours
        ("2026-09", "Europe/London", 25, False, (), "2026-10-25", "2026-10-26T00:00:00+00:00"),  # that one 25
        ("2026-10", "Europe/London", 30, False, (), "2026-11-30", "2026-12-01T00:00:00+00:00"),  # 30 days from summer time to winter's
        ("2026-10", "UTC", 7, True, (), "2026-11-10", "2026-11-11T00:00:00+00:00"),  # the month ends on a Saturday
        ("2026-12", "UTC", 1, True, ("2027-01-01",), "2027-01-04", "2027-01-05T00:00:00+00:00"),  # a holiday, then a weekend
        ("2027-12", "Africa/Cairo", 31, False, (), "2028-01-31", "2028-01-31T22:00:00+00:00"),
    ],
)
def test_the_last_day_is_open_to_its_very_end(
    month: str, zone: str, days: int, working: bool, holidays: tuple[str, ...], last: str, ends: str
) -> None:
    until = deadline(plan(days, working=working, holidays=holidays), month_named(month, zone))
    assert (last_day(until, zone), until) == (last, at(ends))
    assert (is_in_time(until - 1, until), is_in_time(until, until)) == (True, False)


def test_a_plan_without_a_time_may_be_claimed_at_any() -> None:
    until = deadline(plan(0), month_named("2026-11", "UTC"))
    assert (until, last_day(until, "UTC"), is_in_time(2**62, until)) == (0, "", True)


@given(
    st.integers(1, 400),
    st.sampled_from(["UTC", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_more_days_are_never_less_time_and_a_day_is_a_day_of_the_calendar(days: int, zone: str, working: bool) -> None:
    month = month_named("2026-09", zone)
    fewer, more = (deadline(plan(count, working=working), month) for count in (days, days + 1))
    assert month.ends_at < fewer < more
    last = date.fromisoformat(last_day(fewer, zone))
    assert fewer == day_starts_at(last + timedelta(days=1), zone)
    if not working:
        assert last == date(2026, 9, 30) + timedelta(days=days)


# the published schedule that wants a claim: within seven business days of the month's end (Cogent 2025)

ON_NET = load_plans(RULES)["example-on-net"]
START = at("2026-10-14T08:00:00")
HOUR = Outage("o1", "vpn", "acme", "acme-c", ServiceState.DOWN, "i1", "fibre/f1", START, START + 3_600 * SECOND, confirmed_by="a1")
CONTRACT = Contract("acme-c", "acme", "example-on-net", "USD", {"vpn": 310_000})
CUSTOMER = Customer("acme", "Acme", Tier.BRONZE, "America/New_York")
SERVICE = Service("vpn", "acme", "acme-c", "l3vpn", ())
AFTER = at("2027-01-05T00:00:00")


def october(claims: tuple[Claim, ...] = (), now: int = AFTER) -> Evaluation:
    return evaluate(CONTRACT, ON_NET, SERVICE, CUSTOMER, [HOUR], START, now, claims=claims)


def claimed(when: str, **fields: object) -> Claim:
    made = Claim("c1", "vpn", "2026-10", at(when), "letter", "alice")
    return replace(made, **fields)  # type: ignore[arg-type]  # fields of a test


@pytest.mark.parametrize(
    ("when", "paid"),
    [
        ("2026-11-02T09:00:00-05:00", 10_000),
        ("2026-11-10T00:00:00-05:00", 10_000),  # the seventh business day after Saturday the 31st
        ("2026-11-10T23:59:59-05:00", 10_000),  # to its last second, which is the 11th in UTC
        ("2026-11-11T00:00:00-05:00", 0),
        ("2026-11-11T09:00:00-05:00", 0),  # a day late
        ("2026-10-20T09:00:00-04:00", 10_000),  # before the month was over
    ],
)
def test_the_published_schedule_pays_what_is_claimed_by_its_seventh_business_day(when: str, paid: int) -> None:
    """An hour on net is a day of the month's charge: 3100.00 over 31 days."""
    found = october((claimed(when),))
    assert (found.credit_minor, found.payable_minor) == (10_000, paid)
    effect = propose(found, AFTER)
    assert (effect.body["amount_minor"] if effect else 0) == paid


@pytest.mark.parametrize(
    ("claims", "now", "line", "word"),
    [
        ((), AFTER, "paid on claim only: claim by 2026-11-10 (America/New_York)", "claim by 2026-11-10"),
        (
            (claimed("2026-11-05T12:00:00"),),
            AFTER,
            "paid on claim only: claimed on 2026-11-05, letter (alice) (claim by 2026-11-10 (America/New_York))",
            "claimed on 2026-11-05",
        ),
        (
            (claimed("2026-10-20T12:00:00", text="", operator=""),),
            at("2026-10-25T00:00:00"),
            "paid on claim only: claimed on 2026-10-20 (claim by 2026-11-10 (America/New_York)); it counts once the month is over",
            "claimed on 2026-10-20",
        ),
        ((claimed("2026-11-20T00:00:00"),), AFTER, "paid on claim only: claim by 2026-11-10 (America/New_York)", "claim by 2026-11-10"),
    ],
)
def test_the_arithmetic_says_how_the_claim_stands(claims: tuple[Claim, ...], now: int, line: str, word: str) -> None:
    found = october(claims, now)
    assert found.arithmetic[-1] == line
    assert (claim_word(found.arithmetic), claim_word(found.arithmetic[:-1])) == (word, "")


def test_a_claim_waits_for_the_end_of_its_month() -> None:
    """As of the last instant it pays nothing, as of the end it pays."""
    early, ends = (claimed("2026-10-20T12:00:00"),), month_named("2026-10", CUSTOMER.timezone).ends_at
    assert [october(early, now).payable_minor for now in (ends - SECOND, ends)] == [0, 10_000]


@pytest.mark.parametrize("other", [{"service": "other"}, {"period": "2026-09"}])
def test_a_claim_is_for_one_service_and_month(other: dict[str, str]) -> None:
    assert october((claimed("2026-11-05T12:00:00", **other),)).payable_minor == 0


def test_what_pays_by_itself_is_not_changed_by_a_claim() -> None:
    found = evaluate(CONTRACT, replace(ON_NET, automatic=True), SERVICE, CUSTOMER, [HOUR], START, AFTER)
    assert with_claims(found, (claimed("2026-11-05T12:00:00"),)) is found
    assert found.payable_minor == found.credit_minor


def test_every_promise_of_a_plan_is_claimed_at_once() -> None:
    """Availability and whatever else the plan promises: one claim is for the month."""
    found = evaluate_all(CONTRACT, ON_NET, SERVICE, CUSTOMER, [HOUR], START, AFTER, claims=iter((claimed("2026-11-05T12:00:00"),)))
    assert all(each.claimed_at for each in found)


@given(st.permutations([1, 2, 3]), st.sets(st.sampled_from([1, 2, 3])))
def test_claims_stand_alike_in_whichever_order_they_are_heard(order: list[int], withdrawn: set[int]) -> None:
    said = {number: ClaimRow(f"c{number}", number, Claim(f"c{number}", "vpn", "2026-10", number)) for number in order}
    back = [ClaimRow(f"c{number}", 10 + number, is_withdrawn=True) for number in withdrawn]
    for words in (*permutations([*said.values()][:2]), ()):
        rows: dict[str, ClaimRow] = {}
        for row in (*back, *words, *said.values(), *back):
            rows[row.id] = told(rows.get(row.id), row)
        assert [each.id for each in standing(rows.values())] == [f"c{number}" for number in sorted(set(order) - withdrawn)]


def test_claims_are_read_from_what_people_did() -> None:
    said = Operation("c1", OperationKind.CLAIM, 9, "alice", "service/vpn", "", "letter", 50, 7, period="2026-10")
    assert recorded([said]) == (Claim("c1", "vpn", "2026-10", 7, "letter", "alice"),)
    assert recorded([said, Operation("w1", OperationKind.WITHDRAW, 11, "bob", "c1", "")]) == ()


def test_the_same_claim_has_the_same_name_until_one_was_withdrawn_or_refused() -> None:
    names = {name_of_claim(service, month, earlier) for service in "ab" for month in ("2026-10", "2026-11") for earlier in ((), ("x",))}
    assert len(names) == 8
    assert name_of_claim("a", "2026-10", ()) == name_of_claim("a", "2026-10", [])
