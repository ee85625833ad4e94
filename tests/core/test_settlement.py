"""Settling: a month pays once, late data pay the difference, and a month that has not ended waits."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from pipeline.core.claim import Claim, ClaimRow
from pipeline.core.exclusion import Exclusion, ExclusionKind, ExclusionRow
from pipeline.core.inventory import ChargeChange, Contract, Customer, Inventory, Service, Tier
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.plan import Band, Chronic, Objective, ObjectiveMetric, Plan, Rating
from pipeline.core.saying import standing
from pipeline.core.settlement import (
    ContractState,
    PlannedWork,
    Settlement,
    Terms,
    claim,
    exclude,
    is_of,
    record,
    reopen,
    settle,
    terms_of,
    tick,
)

SECOND = 1_000_000_000
PLAN = Plan(
    name="gold",
    version="1",
    rating=Rating.CUMULATIVE_SECONDS,
    target=Decimal(10),
    bands=(Band(Decimal(0), Decimal(10), Decimal(0)), Band(Decimal(10), Decimal(60), Decimal(5)), Band(Decimal(60), None, Decimal(10))),
)
TERMS = Terms(
    Contract("acme-gold", "acme", "gold", "EUR", {"vpn": 120_000}),
    PLAN,
    Customer("acme", "Acme", Tier.GOLD, "Europe/Amsterdam"),
    (Service("vpn", "acme", "acme-gold", "l3vpn", ()),),
    (),
)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def outage(seconds: int, **fields: object) -> Outage:
    start = at("2026-11-10T10:00:00")
    made = Outage("o1", "vpn", "acme", "acme-gold", ServiceState.DOWN, "i1", "fibre/f1", start, start + seconds * SECOND, confirmed_by="a1")
    return replace(made, **fields)  # type: ignore[arg-type]


def amounts(settlement: object) -> list[int]:
    return [effect.body["amount_minor"] for effect in settlement.effects]  # type: ignore[attr-defined]


NOW = at("2026-11-23T12:00:00")


def test_a_missed_target_is_proposed_once() -> None:
    """Settling the same facts ten times gives one credit."""
    state = record(ContractState("acme-gold"), [outage(20)])
    first = settle(state, TERMS, NOW, NOW)
    assert amounts(first) == [6_000]
    again = first
    for _ in range(10):
        again = settle(again.state, TERMS, NOW, NOW)
        assert amounts(again) == []
    assert again.evaluations[0].credit_minor == 6_000


def test_late_data_pay_the_difference_as_a_new_revision() -> None:
    """A longer outage that arrives late adds what is missing; a shorter one takes back what was too much."""
    first = settle(record(ContractState("acme-gold"), [outage(20)]), TERMS, NOW, NOW)
    longer = settle(record(first.state, [outage(80, revision=2)]), TERMS, NOW, NOW)
    assert amounts(longer) == [6_000]
    assert longer.effects[0].key != first.effects[0].key
    assert longer.evaluations[0].revision == 2
    shorter = settle(record(longer.state, [outage(5, revision=3)]), TERMS, NOW, NOW)
    assert amounts(shorter) == [-12_000]


def test_an_older_revision_of_an_outage_changes_nothing() -> None:
    """Replayed messages do not undo what is known."""
    state = record(record(ContractState("acme-gold"), [outage(80, revision=2)]), [outage(20)])
    assert state.outages["o1"].revision == 2


def test_a_month_is_settled_once_after_it_ended_where_the_customer_lives() -> None:
    """November ends an hour before UTC's in Amsterdam; it is settled an hour later, and not again."""
    state = tick(record(ContractState("acme-gold"), [outage(20)]), TERMS, NOW).state
    assert state.settled_through == "2026-10"
    early = tick(state, TERMS, at("2026-11-30T23:30:00"))
    assert early.evaluations == ()
    due = tick(early.state, TERMS, at("2026-12-01T00:00:01"))
    assert amounts(due) == [6_000]
    assert due.evaluations[0].period == "2026-11"
    assert tick(due.state, TERMS, at("2026-12-02T00:00:00")).effects == ()


def test_old_outages_are_forgotten_when_a_month_is_settled() -> None:
    """The state stays small over the years; an outage that still lasts is never forgotten."""
    old = outage(20)
    lasting = outage(20, id="o2", ended_at=0)
    state = replace(record(ContractState("acme-gold"), [old, lasting]), settled_through="2027-02")
    assert set(tick(state, TERMS, at("2027-04-02T00:00:00")).state.outages) == {"o2"}


@pytest.mark.parametrize(("plan", "expected"), [("gold", {"acme-gold"}), ("tin", set())])
def test_terms_are_made_for_contracts_whose_plan_is_known(plan: str, expected: set[str]) -> None:
    """A contract with an unknown plan is left to `assure check`, not guessed at."""
    contract = replace(TERMS.contract, plan=plan)
    inventory = Inventory(
        "v1",
        customers={"acme": TERMS.customer},
        contracts={"acme-gold": contract},
        services={service.name: service for service in TERMS.services},
    )
    assert set(terms_of(inventory, {"gold": PLAN})) == expected


@pytest.mark.parametrize(
    ("begins", "ends", "paid"),
    [
        ("", "", [6_000]),
        ("2026-11-10T10:00:15", "", []),  # five of its twenty seconds count
        ("2026-11-10T10:00:05", "2026-11-20T00:00:00", [6_000]),  # it ended in this month
        ("", "2026-11-01T00:00:00", [6_000]),  # an hour into the month, where the customer is
        ("", "2026-10-31T23:00:00", None),
        ("2026-12-01T00:00:00", "", None),
    ],
)
def test_a_service_is_settled_for_the_months_in_which_it_was_declared(begins: str, ends: str, paid: list[int] | None) -> None:
    (service,) = TERMS.services
    service = replace(service, valid_from=at(begins) if begins else 0, valid_until=at(ends) if ends else 0)
    settled = settle(record(ContractState("acme-gold"), [outage(20)]), replace(TERMS, services=(service,)), NOW, NOW)
    assert (amounts(settled) if settled.evaluations else None) == paid


def settled_november() -> ContractState:
    """A state whose November was settled at its end: twenty seconds down, and a twentieth of the charge proposed."""
    state = tick(record(ContractState("acme-gold"), [outage(20)]), TERMS, NOW).state
    return tick(state, TERMS, at("2026-12-01T00:00:01")).state


def test_data_after_the_month_was_settled_adjust_it_by_themselves_an_hour_later() -> None:
    """Nothing is changed: the difference is proposed as a new revision, once."""
    state = record(settled_november(), [outage(80, revision=2)])
    noticed = tick(state, TERMS, at("2026-12-05T10:00:00"))
    assert noticed.effects == tick(noticed.state, TERMS, at("2026-12-05T10:59:00")).effects == ()
    due = tick(noticed.state, TERMS, at("2026-12-05T11:00:00"))
    assert amounts(due) == [6_000]
    assert [(one.period, one.revision, one.credit_minor) for one in due.evaluations] == [("2026-11", 2, 12_000)]
    assert tick(due.state, TERMS, at("2026-12-05T13:00:00")).evaluations == ()


def test_data_of_the_present_month_wait_for_its_end() -> None:
    late = outage(80, id="o2", started_at=at("2026-12-03T10:00:00"), ended_at=at("2026-12-03T10:01:20"))
    state = tick(record(settled_november(), [late]), TERMS, at("2026-12-05T10:00:00")).state
    after = tick(state, TERMS, at("2026-12-05T12:00:00"))
    assert (after.evaluations, after.state.late_from) == ((), 0)


def test_a_month_that_is_forgotten_in_part_is_never_settled_again() -> None:
    """What is older than the state remembers would come out too small, and take back what was right."""
    state = replace(settled_november(), outages={}, settled_through="2027-03")
    state = record(state, [outage(5, revision=3)])
    noticed = tick(state, TERMS, at("2027-04-05T10:00:00"))
    assert tick(noticed.state, TERMS, at("2027-04-05T12:00:00")).evaluations == ()


def test_an_exclusion_takes_back_what_was_proposed() -> None:
    """The customer had locked the site: what was owed for that is taken back, with the reason in the evidence."""
    excused = Exclusion("e1", ExclusionKind.FORCE_MAJEURE, at("2026-11-10T00:00:00"), at("2026-11-11T00:00:00"), "vpn", text="flood")
    terms = replace(TERMS, exclusions=(excused,))
    state = settled_november()
    assert is_of(excused, state, TERMS)
    assert not is_of(replace(excused, service="other"), state, TERMS)
    assert is_of(replace(excused, service="", incident="i1"), state, TERMS)
    reopened = tick(reopen(state, excused.starts_at, excused.ends_at), terms, at("2026-12-05T10:00:00")).state
    due = tick(reopened, terms, at("2026-12-05T11:00:00"))
    assert amounts(due) == [-6_000]
    (found,) = due.evaluations
    assert (found.reason, found.excluded_s, found.intervals[0].excluded) == ("excluded-force-majeure", 20, "excluded-force-majeure: flood")


def test_each_promise_has_its_own_entry_and_a_chronic_outage_has_none() -> None:
    """One outage of five hours: a credit for availability, one for the time to restore; the third promise is only told."""
    bands = (Band(Decimal(0), Decimal(3600), Decimal(0)), Band(Decimal(3600), None, Decimal(20)))
    promises = (Objective(ObjectiveMetric.MEAN_TIME_TO_RESTORE, 3600, bands),)
    terms = replace(TERMS, plan=replace(PLAN, objectives=promises, chronic=Chronic(1)))
    first = settle(record(ContractState("acme-gold"), [outage(18_000)]), terms, NOW, NOW)
    assert [(one.metric, one.credit_minor) for one in first.evaluations] == [
        ("availability", 12_000),
        ("mean-time-to-restore", 24_000),
        ("chronic-outage", 0),
    ]
    assert amounts(first) == [12_000, 24_000]
    assert len({effect.key for effect in first.effects}) == 2
    assert amounts(settle(first.state, terms, NOW, NOW)) == []


def test_the_version_of_the_plan_is_that_of_the_months_first_instant() -> None:
    """A month before any version is not rated at all."""
    old = replace(PLAN, version="0", bands=(Band(Decimal(0), Decimal(10), Decimal(0)), Band(Decimal(10), None, Decimal(50))))
    old = replace(old, valid_from=at("2026-10-01T00:00:00"), valid_until=at("2026-11-15T00:00:00"))
    terms = replace(TERMS, plan=replace(PLAN, valid_from=at("2026-11-15T00:00:00"), earlier=(old,)))
    state = record(ContractState("acme-gold"), [outage(20)])
    (found,) = settle(state, terms, NOW, NOW).evaluations
    assert (found.plan_version, found.credit_minor) == ("0", 60_000)
    assert settle(state, terms, at("2026-09-10T00:00:00"), NOW).evaluations == ()


def test_a_charge_holds_from_its_month_on() -> None:
    """A credit for November is a share of what November cost."""
    changes = (ChargeChange("vpn", at("2026-11-01T00:00:00"), 240_000), ChargeChange("vpn", at("2026-10-01T00:00:00"), 60_000))
    contract = replace(TERMS.contract, charge_changes=changes)
    assert [contract.charge_at("vpn", at(day)) for day in ("2026-09-30T00:00:00", "2026-10-31T00:00:00", "2026-11-01T00:00:00")] == [
        120_000,
        60_000,
        240_000,
    ]
    assert amounts(settle(record(ContractState("c"), [outage(20)]), replace(TERMS, contract=contract), NOW, NOW)) == [
        3_000
    ]  # cut in Amsterdam


def test_a_contract_in_another_currency_than_its_plan_has_no_terms() -> None:
    inventory = Inventory("v1", customers={"acme": TERMS.customer}, contracts={"acme-gold": TERMS.contract})
    assert set(terms_of(inventory, {"gold": replace(PLAN, currency="EUR")})) == {"acme-gold"}
    assert terms_of(inventory, {"gold": replace(PLAN, currency="USD")}) == {}


def test_an_exclusion_stands_whichever_word_comes_first() -> None:
    """Recorded, taken back, heard in any order and more than once: it does not count. Another one is not touched."""
    one = Exclusion("e1", ExclusionKind.BLIND, 1, 2, "vpn")
    said, back = ExclusionRow("e1", 10, one), ExclusionRow("e1", 20, is_withdrawn=True)
    other = ExclusionRow("e2", 30, replace(one, id="e2"))
    for order in ((said, back, other), (back, said, other), (other, said, back, said)):
        work = PlannedWork()
        for row in order:
            work = exclude(work, row)
        assert [each.id for each in standing(work.exclusions.values())] == ["e2"]


# claims

ON_CLAIM = replace(TERMS, plan=replace(PLAN, automatic=False, claim_days=30))
DECEMBER = at("2026-12-01T00:00:01")


def claimed_terms(*claims: Claim) -> Terms:
    return replace(ON_CLAIM, claims=claims)


def a_claim(when: str, **fields: object) -> Claim:
    return replace(Claim("c1", "vpn", "2026-11", at(when), "letter", "alice"), **fields)  # type: ignore[arg-type]  # fields of a test


def november_on_claim(*claims: Claim) -> Settlement:
    state = tick(record(ContractState("acme-gold"), [outage(20)]), ON_CLAIM, NOW).state
    return tick(state, claimed_terms(*claims), DECEMBER)


def test_a_month_on_claim_waits_for_it_and_pays_once() -> None:
    """Nothing until it is claimed; then at once, and never again."""
    settled = november_on_claim()
    assert (amounts(settled), settled.evaluations[0].credit_minor) == ([], 6_000)
    said = claimed_terms(a_claim("2026-12-03T09:00:00"))
    paid = tick(settled.state, said, at("2026-12-03T09:00:10"))
    assert (amounts(paid), paid.evaluations[0].claimed_at) == ([6_000], at("2026-12-03T09:00:00"))
    for later in ("2026-12-03T09:00:11", "2026-12-09T00:00:00", "2027-01-15T00:00:00"):
        paid = tick(paid.state, said, at(later))
        assert amounts(paid) == []


def test_a_claim_that_was_made_before_the_end_is_paid_when_the_month_is_settled() -> None:
    """`settle` for the month so far proposes nothing for it."""
    early = a_claim("2026-11-20T09:00:00")
    state = record(ContractState("acme-gold"), [outage(20)])
    assert amounts(settle(state, claimed_terms(early), NOW, NOW)) == []
    assert amounts(november_on_claim(early)) == [6_000]


@pytest.mark.parametrize(("when", "paid"), [("2026-12-30T22:59:59", [6_000]), ("2026-12-30T23:00:00", [])])
def test_the_contract_itself_knows_the_last_day(when: str, paid: list[int]) -> None:
    """In Amsterdam; whoever recorded it may have known an older plan."""
    settled = november_on_claim()
    assert amounts(tick(settled.state, claimed_terms(a_claim(when)), at("2027-01-02T00:00:00"))) == paid


def test_a_claim_that_is_taken_back_takes_its_credit_back() -> None:
    paid = november_on_claim(a_claim("2026-11-20T09:00:00"))
    assert amounts(paid) == [6_000]
    back = tick(paid.state, ON_CLAIM, at("2026-12-05T00:00:00"))
    assert (amounts(back), back.evaluations[0].revision) == ([-6_000], 2)
    again = tick(back.state, claimed_terms(a_claim("2026-12-06T00:00:00", id="c2")), at("2026-12-06T00:00:01"))
    assert (amounts(again), again.evaluations[0].revision) == ([6_000], 3)


def test_a_claim_is_answered_when_the_outages_of_its_month_are_forgotten() -> None:
    """A plan that leaves half a year: what the month came to was kept."""
    months = replace(ON_CLAIM, plan=replace(ON_CLAIM.plan, claim_days=180))
    state = tick(record(ContractState("acme-gold"), [outage(20)]), months, NOW).state
    for later in ("2026-12-01T00:00:01", "2027-01-02T00:00:00", "2027-02-02T00:00:00", "2027-03-02T00:00:00", "2027-04-02T00:00:00"):
        state = tick(state, months, at(later)).state
    assert state.outages == {}
    paid = tick(state, replace(months, claims=(a_claim("2027-04-20T00:00:00"),)), at("2027-04-20T00:00:01"))
    assert amounts(paid) == [6_000]


def test_what_nobody_claimed_is_forgotten_in_the_end() -> None:
    forever = replace(ON_CLAIM, plan=replace(ON_CLAIM.plan, claim_days=0))
    state = tick(record(ContractState("acme-gold"), [outage(20)]), forever, NOW).state
    state = tick(state, forever, DECEMBER).state
    assert set(state.claimable) == {"vpn|2026-11"}
    late = replace(forever, claims=(a_claim("2028-03-01T00:00:00"),))
    assert amounts(tick(state, late, at("2028-03-01T00:00:01"))) == []
    assert tick(state, forever, at("2028-03-02T00:00:00")).state.claimable == {}


def test_late_data_of_a_claimed_month_pay_the_difference_and_of_an_unclaimed_one_nothing() -> None:
    for claims, expected in (((a_claim("2026-12-02T00:00:00"),), [6_000]), ((), [])):
        state = tick(november_on_claim(*claims).state, claimed_terms(*claims), at("2026-12-02T00:00:01")).state
        state = tick(record(state, [outage(80, revision=2)]), claimed_terms(*claims), at("2026-12-03T00:00:00")).state
        again = tick(state, claimed_terms(*claims), at("2026-12-03T01:00:01"))
        assert (amounts(again), again.evaluations[0].credit_minor) == (expected, 12_000)


def test_a_claim_stands_whichever_word_comes_first() -> None:
    said, back = ClaimRow("c1", 10, a_claim("2026-12-02T00:00:00")), ClaimRow("c1", 20, is_withdrawn=True)
    for words in ((said, back), (back, said), (said, said, back)):
        work = PlannedWork()
        for row in words:
            work = claim(work, row)
        assert standing(work.claims.values()) == ()


def test_terms_carry_the_claims_of_their_own_services() -> None:
    inventory = Inventory(
        "v1", customers={"acme": TERMS.customer}, contracts={"acme-gold": TERMS.contract}, services={"vpn": TERMS.services[0]}
    )
    mine, other = a_claim("2026-12-02T00:00:00"), a_claim("2026-12-02T00:00:00", id="c2", service="other")
    assert terms_of(inventory, {"gold": PLAN}, (), (mine, other))["acme-gold"].claims == (mine,)
