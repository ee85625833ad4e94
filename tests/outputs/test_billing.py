"""Credit effects become ledger entries: once, in dry run by default, and never with another amount."""

from dataclasses import replace
from typing import Any

import pytest

from pipeline.core.effect import Effect, EffectKind
from pipeline.obligations import Obligations
from pipeline.outputs.billing import BillingOutput
from pipeline.outputs.ports import Done, Poison, Refused

BODY: dict[str, Any] = {
    "contract": "acme-gold",
    "service": "acme-vpn-1",
    "customer": "acme",
    "metric": "availability",
    "period": "2026-11",
    "revision": 1,
    "amount_minor": 12_000,
    "issued_minor": 0,
    "currency": "EUR",
    "summary": ["availability 98.5 % of 99.9 %"],
    "evidence": {"evaluation": "e1", "outages": ["o1"]},
}
CREDIT = Effect("0b0e9c5c-9a34-5d8f-8a4e-000000000001", EffectKind.CREDIT, "acme-gold", "ledger", 1, "target-missed", BODY)


async def test_a_credit_is_entered_with_its_evidence(store: Obligations) -> None:
    delivery = await BillingOutput(store, posting=False, clock=lambda: 7).deliver(CREDIT)
    assert delivery == Done(CREDIT.key, "ledger entry 1 (dry run)")
    entry = store.credit(CREDIT.key)
    assert entry is not None
    assert (entry.credit.amount_minor, entry.credit.currency, entry.credit.reason) == (12_000, "EUR", "target-missed")
    assert (entry.credit.evidence, entry.credit.dry_run, entry.entered_at) == (BODY, True, 7)
    assert store.verify() is None


async def test_posting_is_off_until_it_is_switched_on(store: Obligations) -> None:
    await BillingOutput(store, posting=True).deliver(CREDIT)
    [entry] = store.credits()
    assert not entry.credit.dry_run


async def test_the_same_credit_ten_times_is_one_entry(store: Obligations) -> None:
    for _ in range(10):
        assert isinstance(await BillingOutput(store, posting=False).deliver(CREDIT), Done)
    assert len(store.credits()) == 1


async def test_another_amount_is_refused_and_the_first_entry_stands(store: Obligations) -> None:
    output = BillingOutput(store, posting=False)
    await output.deliver(CREDIT)
    delivery = await output.deliver(replace(CREDIT, body={**BODY, "amount_minor": 1}))
    assert isinstance(delivery, Refused)
    assert "12000 EUR" in delivery.detail
    assert [entry.credit.amount_minor for entry in store.credits()] == [12_000]


@pytest.mark.parametrize("change", [{"amount_minor": 12.5}, {"amount_minor": "12000"}, {"currency": None}, {"contract": 5}])
async def test_money_that_is_no_whole_number_of_minor_units_is_poison(store: Obligations, change: dict[str, Any]) -> None:
    assert isinstance(await BillingOutput(store, posting=False).deliver(replace(CREDIT, body={**BODY, **change})), Poison)
    assert store.credits() == []
