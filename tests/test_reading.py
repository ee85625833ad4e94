"""What people read: history, obligations and inventory joined, the same for terminal, console and scripts; a store down is an OSError."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.caring import felt_by
from pipeline.config.secret import Secret
from pipeline.config.settings import ObligationsSettings, Settings
from pipeline.core.effect import Effect, EffectKind, Outcome, Receipt
from pipeline.core.explanation import Explanation
from pipeline.core.inventory import Contract, Customer, Inventory, Service, Tier
from pipeline.core.kpi import KpiBatch, Quality, packed
from pipeline.core.outage import ServiceState
from pipeline.core.raw import PollOutcome
from pipeline.core.resource import ResourceId
from pipeline.observing import Asked, observed_value
from pipeline.reading import Reader
from tests.support.history import embedded_history, free_port
from tests.support.history_samples import NOW, S, alarm_change, evaluation, incident, outage, poll
from tests.support.stores import Stores, engine, reader, stores

__all__ = ["engine", "reader", "stores"]

Json = dict[str, Any]

EVERYTHING: dict[str, Callable[[Reader], Any]] = {
    "incidents": lambda reader: reader.incidents(),
    "incident": lambda reader: reader.incident("in-1"),
    "alarms": lambda reader: reader.alarms(),
    "outages": lambda reader: reader.outages(),
    "tickets": lambda reader: reader.tickets(),
    "receipts": lambda reader: reader.receipts("in-1"),
    "customers": lambda reader: reader.customers(),
    "customer": lambda reader: reader.customer("acme"),
    "evaluations": lambda reader: reader.evaluations(),
    "observed": lambda reader: [observed_value(each) for each in reader.observed(Asked("2026-11", NOW))],
    "credits": lambda reader: reader.credits(),
    "verify_ledger": lambda reader: reader.verify_ledger(),
    "explain": lambda reader: reader.explain("in-1"),
    "answering": lambda reader: reader.answering(),
}
OF_OBLIGATIONS = {"incidents", "incident", "tickets", "receipts", "customers", "customer", "credits", "verify_ledger", "explain"}
OF_HISTORY = set(EVERYTHING) - {"tickets", "receipts", "credits", "verify_ledger"}


# joins


def test_an_incident_has_its_ticket_and_its_customers_names(stores: Stores, reader: Reader) -> None:
    """In the list and alone, by its id or its beginning."""
    stores.keep(incident(), incident(name="in-2"))
    stores.link_ticket("in-1", "TT-7")
    listed = {each["id"]: each for each in reader.incidents()}
    assert listed["in-1"]["ticket"] == {"number": "TT-7", "status": "acknowledged"}
    assert listed["in-2"]["ticket"] is None
    assert listed["in-1"]["impacts"][0]["customer_name"] == "Acme Trading"
    assert listed["in-1"]["alarm_count"] == 1
    assert known_of(reader.incident("in-1")) == known_of(listed["in-1"])


def known_of(incident: Json | None) -> Json:
    """Without what the clock moves on."""
    assert incident is not None
    impacts = [{**impact, "budget": bool(impact["budget"])} for impact in incident["impacts"]]
    return {**incident, "impacts": impacts, "tightest": bool(incident["tightest"])}


def test_an_incident_says_why_on_which_way_and_how_long_a_contract_bears_it(stores: Stores, reader: Reader) -> None:
    """The explanation in sentences under labels, the way to the service, customers by tier, what is left of the month."""
    stores.keep(incident(), outage())
    found = reader.incident("in-1")
    assert found is not None
    assert [point["label"] for point in found["points"]] == [
        "explains",
        "missing",
        "probability",
        "instead",
        "confirmed",
        "rules",
        "judged by",
    ]
    assert found["impacts"][0]["by"] == "fibre f-ams-rtm-1 → link ams--rtm"
    assert found["customers"] == [{"tier": "gold", "customers": 1, "services": 1, "down": 1}]
    budget = found["impacts"][0]["budget"]
    assert (budget["plan"], budget["allowed_s"], budget["running"]) == ("lab-gold", 9, True)
    assert found["tightest"]["service"] == "acme-vpn-1"


def test_an_incident_of_an_earlier_version_keeps_its_sentences(stores: Stores, reader: Reader) -> None:
    """It has no grounds, shares or ways; what was told of it then is told."""
    stores.keep(replace(incident(), grounds=Explanation()))
    stores.command("ALTER TABLE incident UPDATE grounds = '' WHERE 1 SETTINGS mutations_sync = 1")
    found = reader.incident("in-1")
    assert found is not None
    assert found["points"][0] == {"label": "why", "text": "explains 2 of 2 alarms"}


def test_open_incidents_come_first_in_order_of_what_matters(stores: Stores, reader: Reader) -> None:
    """Before newer ones that matter less; resolved ones follow, newest first."""
    [felt] = incident().impacts
    stores.keep(
        replace(incident(name="in-1"), impacts=(replace(felt, tier=Tier.SILVER),), started_at=NOW + 2),
        incident(name="in-2"),
        replace(incident(name="in-3"), impacts=(), started_at=NOW + 3),
        incident(name="in-4", resolved=True),
        replace(incident(name="in-5", resolved=True), started_at=NOW + 5),
    )
    assert [each["id"] for each in reader.incidents()] == ["in-2", "in-1", "in-3", "in-5", "in-4"]
    assert [each["id"] for each in reader.incidents(limit=2)] == ["in-2", "in-1"]
    assert [each["id"] for each in reader.incidents("resolved", 1)] == ["in-5"]
    assert [each["id"] for each in reader.incidents("open")] == ["in-2", "in-1", "in-3"]


def test_the_history_of_an_incident_is_read_by_its_beginning(stores: Stores, reader: Reader) -> None:
    stores.keep(incident(1), incident(2, resolved=True))
    found = reader.history("in")
    assert found is not None
    assert [each["changed"][-1] for each in found] == ["acme-vpn-1: down", "resolved"]
    assert reader.history("in-9") is None


def test_a_customer_that_is_no_longer_declared_keeps_its_name(stores: Stores, reader: Reader) -> None:
    """History outlives the inventory."""
    gone = replace(incident().impacts[0], customer="gone")
    stores.keep(replace(incident(), impacts=(gone,)), replace(outage(), customer="gone"), replace(evaluation(), customer="gone"))
    stores.enter_credit(customer="gone")
    assert reader.incidents()[0]["impacts"][0]["customer_name"] == "gone"
    for value in (reader.outages()[0], reader.evaluations()[0], reader.credits()[0]):
        assert (value["customer_name"], value["tier"]) == ("gone", "")


@pytest.mark.parametrize(
    ("name", "found"), [("in-1", "in-1"), ("in-2", "in-22"), ("in-22", "in-22"), ("in", None), ("", None), ("al", None)]
)
def test_an_incident_is_found_by_what_begins_it_alone(stores: Stores, reader: Reader, name: str, found: str | None) -> None:
    """A whole id is that incident; a beginning of two is neither; an alarm is no incident."""
    stores.keep(incident(name="in-1"), incident(name="in-12"), incident(name="in-22"), alarm_change())
    answer = reader.incident(name)
    assert (answer and answer["id"]) == found


def test_many_incidents_cost_one_question_for_their_tickets(stores: Stores, reader: Reader) -> None:
    """More than SQLite takes as parameters of one statement by its old default (999)."""
    stores.keep(*(incident(name=f"in-{number}") for number in range(3)))
    for number in range(1_200):
        stores.link_ticket(f"in-{number}", f"TT-{number}")
    found = stores.obligations.tickets_of([f"in-{number}" for number in range(1_200)])
    assert len(found) == 1_200
    assert {each["ticket"]["number"] for each in reader.incidents()} == {"TT-0", "TT-1", "TT-2"}


def test_money_has_its_customers_name_and_tier(stores: Stores, reader: Reader) -> None:
    """Evaluations and credits are told with whom they concern."""
    stores.keep(evaluation(), outage())
    stores.enter_credit()
    for value in (reader.evaluations()[0], reader.credits()[0], reader.outages()[0]):
        assert (value["customer"], value["customer_name"], value["tier"]) == ("acme", "Acme Trading", "gold")


def test_outages_that_last_can_be_asked_for_alone(stores: Stores, reader: Reader) -> None:
    stores.keep(outage(), outage(name="ou-2", ended=True), outage(1, name="ou-3"), outage(2, name="ou-3", ended=True))
    assert [each["id"] for each in reader.outages()] == ["ou-1", "ou-2", "ou-3"]
    assert [each["id"] for each in reader.outages(lasting=True)] == ["ou-1"]


def test_tickets_and_receipts_tell_what_was_done(stores: Stores, reader: Reader) -> None:
    """By incident, newest first."""
    stores.link_ticket()
    effect = Effect("ticket:in-1:open", EffectKind.TICKET_OPEN, "in-1", "tmf621", NOW, "root-cause-found", {})
    stores.obligations.put_effects([effect], NOW)
    stores.obligations.finish(Receipt(effect.key, effect.kind, "in-1", "tmf621", Outcome.DELIVERED, NOW + S, "TT-1"))
    assert [(each["number"], each["incident"], each["system"]) for each in reader.tickets()] == [("TT-1", "in-1", "tmf621")]
    receipt = {"kind": "ticket-open", "route": "tmf621", "outcome": "delivered", "remote_id": "TT-1", "at": NOW + S}
    assert reader.receipts("in-1") == [receipt]
    assert reader.receipts("in-9") == []


def test_the_ledger_is_verified(stores: Stores, reader: Reader) -> None:
    stores.enter_credit()
    assert reader.verify_ledger() == (1, "")


def test_devices_that_answer_are_counted(stores: Stores, reader: Reader) -> None:
    """One device is declared; its last poll decides."""
    assert reader.answering() == (1, 0)
    stores.keep(poll(1))
    assert reader.answering() == (1, 1)
    stores.keep(poll(2, NOW + S, PollOutcome.TIMEOUT))
    assert reader.answering() == (1, 0)


def test_a_month_says_for_what_share_each_service_was_measured(stores: Stores, reader: Reader) -> None:
    """From the polls of the history, by the present inventory; what is owed is rated as if nobody had asked."""
    good = np.array([int(Quality.GOOD)], np.uint8)
    asked = Asked("2026-11", NOW)
    assert {each.observation.told for each in reader.observed(asked)} == {"not measured"}
    before = reader.rated("2026-11", NOW)
    for minute in range(120):
        if not 30 <= minute < 50:
            at = NOW - (120 - minute) * 60 * S
            stores.keep(KpiBatch("pe1", at, "poll-1", minute, (ResourceId("device/pe1"),), *packed({"answered": (np.array([0.0]), good)})))
    first, second = reader.observed(asked)
    assert (first.observation.service, second.observation.service) == ("acme-vpn-1", "beta-1")
    unmeasured, pause = first.observation.stretches
    assert (unmeasured.ends_at, pause.ends_at - pause.starts_at) == (first.observation.first_at, 20 * 60 * S)
    assert reader.rated("2026-11", NOW) == before


def test_services_under_a_contract_are_known(reader: Reader) -> None:
    assert reader.services() == ["acme-vpn-1", "beta-1"]


def test_every_answer_is_ready_for_json(stores: Stores, reader: Reader) -> None:
    """Scripts get what people see."""
    stores.keep(incident(), alarm_change(), outage(), evaluation())
    stores.enter_credit()
    stores.link_ticket()
    for name, ask in EVERYTHING.items():
        answer = ask(reader)
        assert json.loads(json.dumps(answer)) == (list(answer) if isinstance(answer, tuple) else answer), name
        assert answer or name == "receipts"


def test_an_inventory_that_changes_is_read_again(stores: Stores, reader: Reader) -> None:
    """A new name shows at once; a broken file changes nothing."""
    stores.keep(outage())
    file = stores.settings.inventory_dir / "all.yaml"
    file.write_text(file.read_text().replace("Acme Trading", "Acme Holding"))
    assert reader.outages()[0]["customer_name"] == "Acme Holding"
    file.write_text("customers: [{nonsense: 1}]")
    assert reader.outages()[0]["customer_name"] == "Acme Holding"


# what customers feel


def test_every_customer_is_listed_with_what_it_feels(stores: Stores, reader: Reader) -> None:
    """Gold before silver, the worst off first; services that are up say so; the ticket is there."""
    stores.keep(outage(), outage(name="ou-2", ended=True, state=ServiceState.DEGRADED))
    stores.link_ticket()
    customers = reader.customers()
    assert [(each["name"], each["tier"], each["state"]) for each in customers] == [
        ("acme", "gold", "down"),
        ("gamma", "gold", "up"),
        ("beta", "silver", "up"),
    ]
    felt = customers[0]["services"][0]
    assert (felt["name"], felt["state"], felt["since_at"]) == ("acme-vpn-1", "down", NOW)
    assert (felt["outage"], felt["incident"], felt["root_cause"], felt["confirmed"]) == ("ou-1", "in-1", "fibre/f-ams-rtm-1", True)
    assert felt["ticket"] == {"number": "TT-1", "status": "acknowledged"}
    well = customers[2]["services"][0]
    assert set(well) == set(felt)
    assert (well["state"], well["since_at"], well["ticket"]) == ("up", 0, None)


def test_one_customer_is_told_in_full(stores: Stores, reader: Reader) -> None:
    """With its outages, those that ended too, each with its ticket, and its credits; nobody else's."""
    stores.keep(outage(), outage(name="ou-2", ended=True), replace(outage(name="ou-3"), customer="beta", service="beta-1"))
    stores.link_ticket()
    stores.enter_credit()
    stores.enter_credit("cr-2", customer="beta", service="beta-1")
    acme = reader.customer("acme")
    assert acme is not None
    assert [(each["id"], each["ticket"]["number"]) for each in acme["outages"]] == [("ou-1", "TT-1"), ("ou-2", "TT-1")]
    assert [each["key"] for each in acme["credits"]] == ["cr-1"]
    assert reader.customer("acme-") is None
    assert reader.customer("") is None


def lasting(service: str, state: str, started_at: int = 1, customer: str = "acme", name: str = "o") -> Json:
    about = {"id": name, "service": service, "customer": customer, "contract": "c", "state": state, "started_at": started_at}
    return {**about, "incident": f"in-{name}", "root_cause": "r", "confirmed_by": "", "excluded": ""}


SOLD = Inventory(
    version="1",
    customers={name: Customer(name, name.title(), tier) for name, tier in (("zeta", Tier.GOLD), ("acme", Tier.GOLD), ("bob", Tier.BRONZE))},
    services={name: Service(name, name[0].replace("a", "acme").replace("b", "bob"), "c", "l3vpn", ()) for name in ("a1", "a2", "b1")},
    contracts={"c": Contract("c", "acme", "plan", "EUR", {})},
)


@pytest.mark.parametrize(
    ("outages", "state", "since"),
    [
        ([], "up", 0),
        ([lasting("a1", "redundancy-lost", 1), lasting("a1", "down", 9)], "down", 9),
        ([lasting("a1", "down", 9), lasting("a1", "down", 5)], "down", 5),
        ([lasting("a1", "degraded", 3), lasting("a1", "redundancy-lost", 1)], "degraded", 3),
        ([lasting("a1", "of-a-later-version", 3), lasting("a1", "degraded", 1)], "of-a-later-version", 3),
    ],
)
def test_a_service_feels_its_worst_outage(outages: list[Json], state: str, since: int) -> None:
    """Since that began; a state that is not known counts as the worst."""
    acme = next(each for each in felt_by(SOLD, outages, {}) if each["name"] == "acme")
    first = next(each for each in acme["services"] if each["name"] == "a1")
    assert (first["state"], first["since_at"]) == (state, since)
    assert acme["state"] == state


def test_customers_are_ordered_by_tier_then_by_what_they_feel_then_by_name() -> None:
    """A bronze customer that is down comes after a gold one that is well."""
    outages = [lasting("b1", "down", customer="bob"), lasting("z1", "degraded", customer="zeta"), lasting("g1", "down", customer="gone")]
    felt = felt_by(SOLD, outages, {})
    assert [each["name"] for each in felt] == ["zeta", "acme", "bob", "gone"]
    assert [each["name"] for each in felt_by(SOLD, [], {})] == ["acme", "zeta", "bob"]


def test_what_the_inventory_no_longer_declares_is_still_felt() -> None:
    """An outage of a service, or a customer, that was taken out of the files is not lost on the way."""
    felt = {each["name"]: each for each in felt_by(SOLD, [lasting("g1", "down", customer="gone"), lasting("a9", "down")], {})}
    assert (felt["gone"]["tier"], felt["gone"]["display_name"]) == ("", "gone")
    assert [service["name"] for service in felt["gone"]["services"]] == ["g1"]
    assert [service["name"] for service in felt["acme"]["services"]] == ["a9", "a1", "a2"]


def test_a_customer_without_services_is_well() -> None:
    zeta = next(each for each in felt_by(SOLD, [], {}) if each["name"] == "zeta")
    assert (zeta["state"], zeta["services"]) == ("up", [])


# stores that are empty, or down


def test_empty_stores_answer_with_nothing(reader: Reader) -> None:
    """A new installation is no error."""
    for name in ("incidents", "alarms", "outages", "tickets", "receipts", "evaluations", "credits"):
        assert EVERYTHING[name](reader) == []
    assert reader.incident("in-1") is None
    assert reader.explain("in-1") is None
    assert reader.verify_ledger() == (0, "")
    assert [each["state"] for each in reader.customers()] == ["up", "up", "up"]
    assert reader.why_not_ready() == ""


@pytest.mark.parametrize("name", sorted(OF_HISTORY))
def test_a_history_that_is_down_is_an_os_error(stores: Stores, name: str) -> None:
    """Nobody listens there."""
    history = replace(stores.settings.history, port=free_port())
    with Reader(replace(stores.settings, history=history)) as down:
        with pytest.raises(OSError, match="ClickHouse at 127"):
            EVERYTHING[name](down)
        assert "ClickHouse at 127" in down.why_not_ready()


@pytest.mark.parametrize("name", sorted(OF_OBLIGATIONS))
def test_obligations_that_are_down_are_an_os_error(stores: Stores, reader: Reader, name: str) -> None:
    """The database answers, but not with what is asked: somebody took its tables away."""
    stores.keep(incident(), outage())
    with contextlib.closing(sqlite3.connect(stores.settings.data_dir / "obligations.db")) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall()
        for (table,) in tables:
            database.execute(f"DROP TABLE {table}")
        database.commit()
    with pytest.raises(OSError, match="obligations"):
        EVERYTHING[name](reader)


def test_obligations_that_nobody_serves_are_an_os_error(stores: Stores) -> None:
    """At the door already: the schema cannot be looked at."""
    url = ObligationsSettings(Secret(f"postgresql://assure@127.0.0.1:{free_port()}/assure"))
    settings: Settings = replace(stores.settings, obligations=url)
    with pytest.raises(OSError, match="obligations"), Reader(settings):
        pass


@pytest.mark.slow
def test_a_history_that_was_killed_is_used_again_when_it_is_back(tmp_path: Path) -> None:
    """The same reader, without being opened anew."""
    (tmp_path / "engine").mkdir()
    with embedded_history(tmp_path / "engine") as history:
        stores = Stores(history, tmp_path)
        stores.keep(incident())
        with Reader(stores.settings) as reader:
            assert len(reader.incidents()) == 1
            history.kill()
            with pytest.raises(OSError, match="ClickHouse"):
                reader.incidents()
            assert reader.why_not_ready()
            history.restart()
            deadline = time.monotonic() + 30
            while reader.why_not_ready() and time.monotonic() < deadline:
                time.sleep(0.05)
            assert len(reader.incidents()) == 1
        stores.close()
