"""Settling: a month pays once, late data pay the difference, and a month that has not ended waits."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from pipeline.core.inventory import Contract, Customer, Inventory, Service, Tier
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.plan import Band, Plan, Rating
from pipeline.core.settlement import ContractState, Terms, record, settle, terms_of, tick

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
