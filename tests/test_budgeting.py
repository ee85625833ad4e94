"""What months still bear is asked of the history, with what only the incident knows yet, and with the windows that people declared."""

from collections.abc import Collection, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.budgeting import Budgets, Lasting
from pipeline.core.inventory import Contract, Customer, Inventory, MaintenanceWindow, Service, Tier
from pipeline.core.obligation import StoredOperation
from pipeline.core.operation import OperationKind
from pipeline.core.outage import ServiceState
from pipeline.outputs.tickets import Suffered
from pipeline.remarking import remarks
from tests.support.contracts import HOUR, MINUTE, SECOND, ns
from tests.support.timeline import ROOT

Json = dict[str, Any]

NOW = ns("2026-11-15 12:00")
WINDOW = MaintenanceWindow("mw-1", ("device/pe1",), NOW - HOUR, NOW + HOUR, NOW - 100 * HOUR)


def service(name: str, contract: str = "k") -> Service:
    return Service(name, "acme", contract, "vpn", ("device/pe1",))


SOLD = Inventory(
    "v",
    services={name: service(name, contract) for name, contract in (("a", "k"), ("b", "k"), ("loose", ""), ("odd", "no-plan"))},
    customers={"acme": Customer("acme", "Acme", Tier.GOLD)},
    contracts={
        "k": Contract("k", "acme", "lab-silver", "EUR", {}),
        "no-plan": Contract("no-plan", "acme", "unknown", "EUR", {}),
    },
    windows=(WINDOW,),
)


class Stores:
    """A history that knows some outages and obligations without operations; both count the questions."""

    def __init__(self, *outages: Json) -> None:
        self.outages = outages
        self.asked: list[list[str]] = []

    def outages_of(self, services: Iterable[str], since: int) -> list[Json]:
        assert since <= ns("2026-11-01")
        self.asked.append(list(services))
        return [each for each in self.outages if each["service"] in self.asked[-1]]

    def operations(self, target: str = "", kinds: Collection[OperationKind] = (), limit: int = 100) -> list[StoredOperation]:
        return []


def outage(name: str, started_at: int, ended_at: int = 0, **changes: Any) -> Json:
    known = {"id": f"o-{started_at}", "service": name, "customer": "acme", "contract": "k", "state": "down", "incident": "i"}
    proof = {"confirmed_by": "a1", "excluded": "", "root_cause": "device/pe1", "revision": 1, "recorded_at": 5}
    answered = dict.fromkeys(("ticketed_at", "acknowledged_at", "closed_at"), 0)
    return {**known, **proof, **answered, "started_at": started_at, "ended_at": ended_at, **changes}


def budgets(stores: Stores, rules: Path = ROOT / "rules") -> Budgets:
    return Budgets(stores, stores, lambda: SOLD, rules, lambda: NOW)


def test_the_history_is_asked_once_for_all_services_and_each_is_told() -> None:
    """43 min 12 s of a silver month: ten minutes of one are spent, and it has been down again for two."""
    stores = Stores(outage("a", NOW - 100 * HOUR, NOW - 100 * HOUR + 10 * MINUTE), outage("a", NOW - 2 * MINUTE))
    found = budgets(stores).of({"a": None, "b": None})
    assert stores.asked == [["a", "b"]]
    assert found["a"]["left_s"] == (43 - 12) * 60 + 12
    assert found["a"]["missed_at"] == NOW + (31 * 60 + 13) * SECOND
    assert found["a"]["told"] == "31 min 12 s left of 43 min 12 s in 2026-11; target missed at 12:31:13 UTC if it lasts"
    assert found["b"]["told"] == "43 min 12 s left of 43 min 12 s in 2026-11"


def test_an_outage_that_has_not_reached_the_history_is_known_by_the_incident() -> None:
    """At the opening of a ticket nothing of it is stored yet; once it is, it counts once."""
    begun = {"a": Lasting(ServiceState.DOWN, NOW - MINUTE)}
    assert budgets(Stores()).of(begun)["a"]["counted_s"] == 60
    assert budgets(Stores(outage("a", NOW - MINUTE))).of(begun)["a"]["counted_s"] == 60
    assert budgets(Stores()).of({"a": Lasting(ServiceState.REDUNDANCY_LOST, NOW - MINUTE)})["a"]["counted_s"] == 0


def test_planned_work_does_not_run_the_budget_down() -> None:
    found = budgets(Stores()).of({"a": Lasting(ServiceState.DOWN, NOW - MINUTE, "mw-1")})["a"]
    assert (found["counted_s"], found["excluded_s"], found["missed_at"]) == (0, 60, WINDOW.ends_at + 2593 * SECOND)


def test_without_agreement_plan_or_declaration_there_is_no_budget_and_no_question() -> None:
    stores = Stores()
    assert budgets(stores).of(dict.fromkeys(("loose", "odd", "gone"))) == {}
    assert budgets(stores).of({}) == {}
    assert stores.asked == []


def test_plans_that_cannot_be_read_are_no_reason_to_show_nothing(tmp_path: Path) -> None:
    """An incident is read without budgets; `assure check` says what is wrong with the plans."""
    (tmp_path / "slas").mkdir()
    (tmp_path / "slas" / "bad.yaml").write_text("plans: [{name: x}]\n")
    assert budgets(Stores(), tmp_path).of({"a": None}) == {}


def test_a_thousand_services_are_answered_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.budgeting.MOST", 1)
    assert budgets(Stores()).of({"a": None, "b": None}).keys() == {"a"}


def test_a_ticket_is_told_of_each_agreement_in_the_order_of_its_services() -> None:
    """What ended is told as it ended."""
    suffered = [Suffered("b", "down", NOW - MINUTE), Suffered("loose", "down", NOW), Suffered("a", "down", NOW - MINUTE, lasts=False)]
    assert remarks(budgets(Stores()), suffered) == [
        "SLA lab-silver of b: 42 min 12 s left of 43 min 12 s in 2026-11; target missed at 12:42:13 UTC if it lasts",
        "SLA lab-silver of a: 43 min 12 s left of 43 min 12 s in 2026-11",
    ]


def test_the_target_is_the_plans_own_text() -> None:
    assert Decimal(budgets(Stores()).of({"a": None})["a"]["target"]) == Decimal("99.9")
