"""The credit ledger: one entry for each natural key, chained, append-only in spirit and checked in fact."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from pipeline.core.ledger import AmountConflictError, Credit
from pipeline.obligations import Obligations
from pipeline.obligations.engine import writing

NOW = 1_000_000_000_000


def a_credit(number: int = 1, **changes: object) -> Credit:
    credit = Credit(
        key=f"{number:08d}-key",
        contract="acme-gold",
        service=f"vpn-{number}",
        metric="availability",
        period="2026-11",
        revision=1,
        customer="acme",
        amount_minor=5_000,
        currency="EUR",
        reason="target-missed",
        dry_run=True,
        evidence={"outages": ["o1"], "arithmetic": ["1200.00 x 10 % = 120.00"], "ünïcode": None},
    )
    return replace(credit, **changes)


def test_an_entry_comes_back_as_it_was_entered(store: Obligations) -> None:
    entry = store.enter_credit(a_credit(), NOW)
    assert entry.sequence == 1
    assert store.credit("00000001-key") == entry
    assert store.credits() == [entry]


def test_the_same_credit_is_entered_once_however_often_and_from_wherever_it_comes(store: Obligations) -> None:
    with ThreadPoolExecutor(8) as pool:
        entries = list(pool.map(lambda number: store.enter_credit(a_credit(number % 5), NOW + number), range(40)))
    assert len({entry.entry_hash for entry in entries}) == 5
    assert sorted(entry.sequence for entry in store.credits()) == [1, 2, 3, 4, 5]
    assert store.verify() is None


@pytest.mark.parametrize("other", [{"amount_minor": 4_999}, {"currency": "USD"}, {"key": "another"}])
def test_the_same_natural_key_with_other_money_is_an_error_and_the_entry_stands(store: Obligations, other: dict[str, object]) -> None:
    entry = store.enter_credit(a_credit(), NOW)
    with pytest.raises(AmountConflictError, match="the entry stands"):
        store.enter_credit(a_credit(**other), NOW)
    assert store.credits() == [entry]


def test_the_same_key_for_another_service_is_an_error(store: Obligations) -> None:
    store.enter_credit(a_credit(), NOW)
    with pytest.raises(AmountConflictError):
        store.enter_credit(a_credit(amount_minor=1, service="other"), NOW)


def test_an_adjustment_is_a_new_entry_and_the_period_adds_up(store: Obligations) -> None:
    store.enter_credit(a_credit(), NOW)
    store.enter_credit(a_credit(key="k2", revision=2, amount_minor=-1_500), NOW)
    assert store.issued_minor("acme-gold", "vpn-1", "availability", "2026-11") == 3_500
    assert store.issued_minor("acme-gold", "vpn-1", "availability", "2026-12") == 0


def test_entries_are_found_by_customer_period_and_the_beginning_of_their_key(store: Obligations) -> None:
    store.enter_credit(a_credit(1), NOW)
    store.enter_credit(a_credit(2, customer="blue", period="2026-12"), NOW)
    assert [entry.sequence for entry in store.credits(customer="blue")] == [2]
    assert [entry.sequence for entry in store.credits(period="2026-11")] == [1]
    found = store.credit("00000002")
    assert found is not None
    assert found.sequence == 2
    assert store.credit("0000000") is None
    assert store.credit("%") is None


@pytest.mark.parametrize(
    ("edit", "sequence", "why"),
    [
        ("UPDATE credit SET amount_minor = 1 WHERE sequence = 2", 2, "content"),
        ("UPDATE credit SET evidence = '{}' WHERE sequence = 3", 3, "content"),
        ("UPDATE credit SET dry_run = NOT dry_run WHERE sequence = 1", 1, "content"),
        ("DELETE FROM credit WHERE sequence = 2", 3, "missing"),
        ("UPDATE credit SET previous_hash = entry_hash WHERE sequence = 4", 4, "not chained"),
    ],
)
def test_verify_names_the_first_row_that_was_edited_by_hand(store: Obligations, edit: str, sequence: int, why: str) -> None:
    for number in range(1, 6):
        store.enter_credit(a_credit(number), NOW)
    assert store.verify() is None
    with writing(store._engine) as connection:
        connection.execute(text(edit))
    broken = store.verify()
    assert broken is not None
    assert (broken.sequence, why in broken.why) == (sequence, True)


def test_many_are_entered_together_or_not_at_all(store: Obligations) -> None:
    assert [entry.sequence for entry in store.enter_credits([a_credit(1), a_credit(2), a_credit(1)], NOW)] == [1, 2, 1]
    with pytest.raises(AmountConflictError):
        store.enter_credits([a_credit(3), a_credit(2, amount_minor=1)], NOW)
    assert store.credit_count() == 2
    assert store.verify() is None
