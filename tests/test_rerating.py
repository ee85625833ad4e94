"""A month is rated again from the history as a settlement would, and by another plan; the document of it can be trusted and opened."""

import csv
import io
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.rule_set import load_plans
from pipeline.core.evaluation import Evaluation
from pipeline.core.inventory import Contract, Customer, Inventory, Service, Tier
from pipeline.core.obligation import StoredOperation
from pipeline.core.operation import Operation, OperationKind
from pipeline.rerating import Chosen, rated_month
from pipeline.statement import COLUMNS, as_csv, as_html, lines_of
from tests.support.contracts import HOUR, MINUTE, ns

PLANS = load_plans(Path(__file__).parents[1] / "rules")
LATER = ns("2027-01-10")
SOLD = Inventory(
    "v1",
    services={name: Service(name, customer, contract, "l3vpn", ()) for name, customer, contract in (("a", "acme", "k"), ("t", "tok", "m"))},
    customers={
        "acme": Customer("acme", "=Acme <b>& Sons</b>", Tier.GOLD, "Europe/Amsterdam"),
        "tok": Customer("tok", "Tok", Tier.GOLD, "Asia/Tokyo"),
    },
    contracts={
        "k": Contract("k", "acme", "lab-silver", "EUR", {"a": 120_000}),
        "m": Contract("m", "tok", "lab-silver", "JPY", {"t": 90_000}),
    },
)


class Stores:
    """Outages as the history has them, and exclusions as people recorded them."""

    def __init__(self, outages: list[dict[str, Any]], *operations: Operation) -> None:
        self.outages = outages
        self.given = [StoredOperation(each, ("default",)) for each in operations]

    def outages_within(self, starts_at: int, ends_at: int) -> list[dict[str, Any]]:
        return [each for each in self.outages if each["started_at"] < ends_at and (not each["ended_at"] or each["ended_at"] > starts_at)]

    def operations(self, target: str = "", kinds: Collection[OperationKind] = (), limit: int = 100) -> list[StoredOperation]:
        return [each for each in self.given if each.operation.kind in kinds]


def outage(service: str, started_at: int, ended_at: int) -> dict[str, Any]:
    contract = SOLD.services[service].contract
    known = {"id": f"o-{started_at}", "service": service, "customer": "", "contract": contract, "state": "down", "incident": "i"}
    known |= {"confirmed_by": "a1", "excluded": "", "root_cause": "device/pe1", "revision": 1, "ticketed_at": 0, "acknowledged_at": 0}
    return known | {"closed_at": 0, "started_at": started_at, "ended_at": ended_at}


TWO_HOURS = outage("a", ns("2026-11-10 08:00"), ns("2026-11-10 10:00"))
NEW_YEARS = outage("t", ns("2026-11-30 15:00"), ns("2026-11-30 17:00"))  # midnight of 1 December in Tokyo


def rated(stores: Stores, month: str = "2026-11", chosen: Chosen = Chosen(), plan: str = "") -> list[Evaluation]:  # noqa: B008  # frozen
    return rated_month(SOLD, PLANS, stores, stores, month, LATER, chosen, (lambda _: PLANS[plan]) if plan else None)


def test_each_customers_month_is_cut_where_the_customer_lives() -> None:
    """Two hours after midnight in Tokyo are December there, though UTC still has November."""
    stores = Stores([TWO_HOURS, NEW_YEARS])
    assert {each.service: (each.counted_s, each.credit_minor) for each in rated(stores)} == {"a": (7200, 12_000), "t": (0, 0)}
    assert {each.service: each.counted_s for each in rated(stores, "2026-12")} == {"a": 0, "t": 7200}
    assert rated(stores, "2027-02") == []


def test_another_plan_is_asked_of_the_same_outages() -> None:
    """A twelfth of a day each hour: two hours cost two days of thirty."""
    (found,) = rated(Stores([TWO_HOURS]), chosen=Chosen(customer="acme"), plan="example-internet-dedicated")
    assert (found.plan, found.credit_minor) == ("example-internet-dedicated", 8_000)


@pytest.mark.parametrize(
    ("chosen", "services"),
    [
        (Chosen(service="t"), {"t"}),
        (Chosen(contract="k"), {"a"}),
        (Chosen(plan="lab-gold"), set()),
        (Chosen(plan="lab-silver"), {"a", "t"}),
    ],
)
def test_only_what_was_chosen_is_rated(chosen: Chosen, services: set[str]) -> None:
    assert {each.service for each in rated(Stores([TWO_HOURS]), chosen=chosen)} == services


def test_what_people_excluded_is_known_and_what_they_took_back_is_not() -> None:
    """The same exclusion counts in a report as in a settlement."""
    said = Operation("e1", OperationKind.EXCLUDE, LATER, "alice", "service/a", "", "flood", ns("2026-11-10 09:00"), ns("2026-11-10 08:00"))
    said = replace(said, reason_kind="force-majeure")
    back = Operation("w1", OperationKind.INCLUDE, LATER, "bob", "e1", "")
    by_incident = replace(said, id="e2", target="i", starts_at=said.starts_at + 90 * MINUTE, until=said.until + HOUR)
    assert [each.counted_s for each in rated(Stores([TWO_HOURS], said), chosen=Chosen(service="a"))] == [3600]
    assert [each.counted_s for each in rated(Stores([TWO_HOURS], said, by_incident), chosen=Chosen(service="a"))] == [1800]
    assert [each.counted_s for each in rated(Stores([TWO_HOURS], said, back), chosen=Chosen(service="a"))] == [7200]


def test_a_month_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'2026-13' is not a month"):
        rated(Stores([]), "2026-13")


def test_the_table_has_no_formulas_and_every_line_of_arithmetic() -> None:
    """A name that begins like a formula is a text to a spreadsheet."""
    found = [replace(each, customer="=cmd()") for each in rated(Stores([TWO_HOURS]))]
    lines = lines_of(found, {("k", "a", "availability", "2026-11"): 2_000}, {})
    first, second = csv.DictReader(io.StringIO(as_csv(lines)))
    assert tuple(first) == COLUMNS
    assert (first["customer"], first["credit"], first["in_ledger"], first["verdict"]) == ("'=cmd()", "120.00", "20.00", "missed")
    assert first["arithmetic"].endswith("credit: 10 % of 1200.00 EUR = 120.00 EUR")
    assert (second["service"], second["currency"], second["credit"]) == ("t", "JPY", "0")


def test_a_document_says_for_what_share_it_was_measured_and_owes_the_same() -> None:
    """Beside each promise; empty where nobody asked."""
    found = rated(Stores([TWO_HOURS]))
    lines = lines_of(found, {}, {}, {("k", "a"): "99.98 %", ("m", "t"): "not measured"})
    first, second = csv.DictReader(io.StringIO(as_csv(lines)))
    assert (first["observed"], second["observed"]) == ("99.98 %", "not measured")
    page = as_html(lines, "2026-11", "", LATER)
    assert "<td>99.98 %</td>" in page
    assert "<td>not measured</td>" in page
    assert [line.credit for line in lines] == [line.credit for line in lines_of(found, {}, {})]


def test_the_page_escapes_every_text_and_loads_nothing() -> None:
    """It goes to customers by mail: no script, no link, no name that is markup."""
    names = {name: customer.display_name for name, customer in SOLD.customers.items()}
    page = as_html(lines_of(rated(Stores([TWO_HOURS])), {}, names), "2026-11", "Lab <i>", LATER)
    assert "=Acme &lt;b&gt;&amp; Sons&lt;/b&gt;" in page
    assert "Lab &lt;i&gt;" in page
    assert "Credit in all: 120.00 EUR" in page
    assert not any(word in page for word in ("<b>", "<i>", "<script", "http:", "https:", "src=", "url("))
