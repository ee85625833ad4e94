"""Claims from a person's word to what came of it: held to the plan before they are kept, once, and told alike everywhere."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.claiming import claim_values
from pipeline.config.settings import BrokerSettings
from pipeline.core.claim import recorded
from pipeline.core.evaluation import Evaluation
from pipeline.core.inventory import Contract, Customer, Device, Inventory, Service, Site, Tier
from pipeline.core.operation import CLAIM_KINDS, Answer, Operation, OperationError, OperationKind, Outcome
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.plan import Band, Plan, Rating
from pipeline.core.reason import Reason
from pipeline.core.settlement import evaluations_of, terms_of
from pipeline.obligations import Obligations
from pipeline.operating import Operating
from tests.test_operating import Names


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


NOW = ns("2026-11-26 12:00")
BANDS = (Band(Decimal(0), Decimal(10), Decimal(0)), Band(Decimal(10), None, Decimal(10)))
BRONZE = Plan("bronze", "1", Rating.CUMULATIVE_SECONDS, Decimal(10), BANDS, automatic=False, claim_days=30)
PLANS = {"bronze": BRONZE, "gold": replace(BRONZE, name="gold", automatic=True)}
INVENTORY = Inventory(
    "v",
    sites={"ams": Site("ams", "west")},
    devices={"pe1": Device("pe1", "ams", "192.0.2.1", domain="west")},
    customers={"acme": Customer("acme", "Acme", Tier.BRONZE, "Europe/Amsterdam")},
    contracts={
        "b": Contract("b", "acme", "bronze", "EUR", {"vpn": 60_000, "net": 60_000}),
        "g": Contract("g", "acme", "gold", "EUR", {"wave": 60_000}),
    },
    services={name: Service(name, "acme", of, "l3vpn", ()) for name, of in (("vpn", "b"), ("net", "b"), ("wave", "g"), ("bare", "none"))},
)
BEGUN = ns("2026-10-14 08:00")
CUT = Outage("o1", "vpn", "acme", "b", ServiceState.DOWN, "i1", "fibre/f1", BEGUN, BEGUN + 60 * 10**9, confirmed_by="a1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Obligations]:
    with Obligations(f"sqlite:///{tmp_path / 'obligations.db'}") as opened:
        yield opened


@pytest.fixture
def operating(store: Obligations) -> Operating:
    return Operating(BrokerSettings(bootstrap="127.0.0.1:1"), Names(), store, lambda: INVENTORY, clock=lambda: NOW, plans=lambda: PLANS)


def said(number: int = 1, target: str = "vpn", **fields: Any) -> Operation:
    made = Operation(f"op-{number}", OperationKind.CLAIM, NOW, "alice", target, "", "letter", period="2026-10")
    return replace(made, **fields)


async def submit(operating: Operating, operation: Operation) -> Operation:
    return (await operating.submit(operation, wait_s=0)).operation


def answered(store: Obligations, operation: Operation, outcome: Outcome = Outcome.DONE, detail: str = "") -> None:
    reason = Reason.CLAIM_RECORDED if outcome is Outcome.DONE else Reason.CLAIM_TOO_LATE
    store.answer_operations([Answer(replace(operation, domain="west"), outcome, reason, detail, NOW)])


async def test_a_claim_is_kept_with_its_month_and_until_when_it_could_be_made(operating: Operating) -> None:
    kept = await submit(operating, said())
    assert (kept.target, kept.period, kept.starts_at, kept.until) == ("service/vpn", "2026-10", NOW, ns("2026-11-30 23:00"))


@pytest.mark.parametrize(
    "again", [said(2), said(2, operator="bob", text="mail"), said(2, target="service/vpn"), said(2, starts_at=NOW - 1)]
)
async def test_the_same_claim_again_is_the_one_that_stands(operating: Operating, store: Obligations, again: Operation) -> None:
    first = await submit(operating, said())
    assert await submit(operating, again) == first
    assert len(store.operations(kinds=CLAIM_KINDS)) == 1


async def test_two_who_record_it_at_once_record_one(operating: Operating, store: Obligations) -> None:
    """Each looked before the other had kept it: the id is the same."""
    taken = operating._claimed(said())[0]  # as it is between looking and keeping
    first = await submit(operating, said(operator="bob", text="mail"))
    assert taken.id == first.id
    assert store.put_operation(taken, ["west"]).operation.operator == "bob"


async def test_after_it_was_taken_back_it_may_be_claimed_again(operating: Operating, store: Obligations) -> None:
    first = await submit(operating, said())
    back = Operation("w-1", OperationKind.WITHDRAW, NOW, "alice", first.id[:8], "")
    assert (await submit(operating, back)).target == first.id
    second = await submit(operating, said(2))
    assert second.id != first.id
    assert recorded(each.operation for each in store.operations(kinds=CLAIM_KINDS))[0].id == second.id


async def test_what_was_refused_as_late_may_be_claimed_again_by_the_day_on_the_letter(operating: Operating, store: Obligations) -> None:
    """The same late claim again is the same refusal."""
    late = await submit(operating, said(starts_at=NOW - 5))
    answered(store, late, Outcome.REFUSED)
    assert (await submit(operating, said(2, starts_at=NOW - 5))).id == late.id
    assert (await submit(operating, said(3, starts_at=NOW - 9))).id != late.id


@pytest.mark.parametrize(
    ("operation", "reason", "says"),
    [
        (said(target="vpm"), Reason.UNKNOWN_TARGET, "did you mean 'vpn'"),
        (said(target=""), Reason.UNKNOWN_TARGET, "there is no service"),
        (said(target="wave"), Reason.MALFORMED, "plan gold pays by itself"),
        (said(target="bare"), Reason.MALFORMED, "no agreement"),
        (said(period="October"), Reason.MALFORMED, "is not a month (as in 2026-11)"),
        (said(period=""), Reason.MALFORMED, "is not a month"),
        (said(period="2026-12"), Reason.MALFORMED, "has not begun"),
        (said(starts_at=NOW + 1), Reason.MALFORMED, "later than now"),
        (said(starts_at=ns("2026-09-30 21:59")), Reason.MALFORMED, "before it began: 2026-09-30"),
        (said(operator=""), Reason.MALFORMED, "who you are"),
        (Operation("w", OperationKind.WITHDRAW, NOW, "alice", "zz", ""), Reason.UNKNOWN_TARGET, "no claim whose id begins"),
        (Operation("w", OperationKind.WITHDRAW, NOW, "alice", "", ""), Reason.UNKNOWN_TARGET, "no claim whose id begins"),
    ],
)
async def test_what_cannot_be_claimed_is_refused_and_not_kept(
    operating: Operating, store: Obligations, operation: Operation, reason: Reason, says: str
) -> None:
    with pytest.raises(OperationError, match=r".") as refused:
        await submit(operating, operation)
    assert (refused.value.reason, says in str(refused.value), store.operations()) == (reason, True, [])


async def test_a_refused_claim_cannot_be_taken_back(operating: Operating, store: Obligations) -> None:
    late = await submit(operating, said())
    answered(store, late, Outcome.REFUSED)
    with pytest.raises(OperationError, match="nothing to take back"):
        await submit(operating, Operation("w", OperationKind.WITHDRAW, NOW, "alice", late.id, ""))


async def test_a_claim_is_told_by_what_became_of_it(operating: Operating, store: Obligations) -> None:
    """From kept to the ledger; one for a month that met its target says so."""

    def told(now: int = NOW, ledger: int = 0) -> dict[str, tuple[str, str]]:
        def rated(label: str, names: Any) -> list[Evaluation]:
            kept = recorded(each.operation for each in store.operations(kinds=CLAIM_KINDS))
            terms = terms_of(replace(INVENTORY, services={name: INVENTORY.services[name] for name in names}), PLANS, (), kept)
            assert label == "2026-10"
            return [each for one in terms.values() for each in evaluations_of([CUT], one, BEGUN, now)]

        values = claim_values(store.operations(kinds=CLAIM_KINDS), INVENTORY, rated, lambda _: {("vpn", "2026-10"): ledger})
        return {each["service"]: (each["state"], each["told"]) for each in values}

    first, second = await submit(operating, said(starts_at=BEGUN)), await submit(operating, said(2, target="net"))
    assert told()["vpn"] == ("waiting", "kept, and not answered yet")
    for each in (first, second):
        answered(store, each)
    assert told(BEGUN + 10**12)["vpn"] == ("month-not-over", "waits for the end of the month")
    assert told() == {
        "vpn": ("owed", "60.00 EUR, not in the ledger yet"),
        "net": ("nothing-owed", "nothing is owed: what was promised was met"),
    }
    assert told(ledger=6_000)["vpn"] == ("proposed", "60.00 EUR, in the ledger")
    await submit(operating, Operation("w-1", OperationKind.WITHDRAW, NOW, "alice", first.id, ""))
    assert told()["vpn"] == ("withdrawn", "taken back")


async def test_a_late_claim_is_told_with_its_refusal(operating: Operating, store: Obligations) -> None:
    answered(store, await submit(operating, said()), Outcome.REFUSED, "it came too late: 2026-10 could be claimed until …")
    (value,) = claim_values(store.operations(kinds=CLAIM_KINDS), INVENTORY, lambda *_: [], lambda _: {})
    assert (value["state"], value["told"]) == ("refused", "it came too late: 2026-10 could be claimed until …")
    assert (value["last_day"], value["claimed_on"], value["customer"], value["contract"]) == ("2026-11-30", "2026-11-26", "acme", "b")
    assert claim_values(store.operations(kinds=CLAIM_KINDS), INVENTORY, lambda *_: [], lambda _: {}, "2026-09") == []
