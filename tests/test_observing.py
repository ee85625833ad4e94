"""For how long nobody looked at what a service depends on, told per agreement; what is owed does not change by it."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.rule_set import load_plans
from pipeline.core.inventory import Contract, Customer, Device, Interface, Inventory, Link, Service, Tier
from pipeline.core.obligation import StoredOperation
from pipeline.core.operation import Operation, OperationKind
from pipeline.observing import Asked, Observed, observed_month, observed_value
from pipeline.rerating import Chosen
from tests.support.contracts import HOUR, MINUTE, ns
from tests.support.poll_history import FakePolls

S = 1_000_000_000
PLANS = load_plans(Path(__file__).parents[1] / "rules")
NOW = ns("2026-11-03")
PORT = Interface("ge-0", 1, 1_000)
SOLD = Inventory(
    "v1",
    devices={name: Device(name, "", f"127.0.0.{n}", interfaces=(PORT,)) for n, name in enumerate(("pe1", "pe2", "pe3"), 1)},
    links={"one": Link("one", "pe1/ge-0", "pe2/ge-0")},
    services={
        "a": Service("a", "acme", "k", "l3vpn", ("link/one",)),
        "b": Service("b", "acme", "k", "l3vpn", ("interface/pe3/ge-0",)),
        "t": Service("t", "tok", "m", "l3vpn", ("interface/pe2/ge-0",)),
        "u": Service("u", "tok", "m", "l3vpn", ("circuit/leased",)),
    },
    customers={
        "acme": Customer("acme", "Acme", Tier.GOLD, "Europe/Amsterdam"),
        "tok": Customer("tok", "Tok", Tier.GOLD, "Asia/Tokyo"),
    },
    contracts={
        "k": Contract("k", "acme", "lab-silver", "EUR", {"a": 120_000, "b": 1_000}),
        "m": Contract("m", "tok", "lab-silver", "JPY", {"t": 90_000}),
    },
)


class Stores:
    """Outages as the history has them, and exclusions as people recorded them."""

    def __init__(self, outages: Iterable[dict[str, Any]] = (), *operations: Operation) -> None:
        self.outages = list(outages)
        self.given = [StoredOperation(each, ("default",)) for each in operations]

    def outages_within(self, starts_at: int, ends_at: int) -> list[dict[str, Any]]:
        return [each for each in self.outages if each["started_at"] < ends_at and (not each["ended_at"] or each["ended_at"] > starts_at)]

    def operations(self, target: str = "", kinds: Collection[OperationKind] = (), limit: int = 100) -> list[StoredOperation]:
        return [each for each in self.given if each.operation.kind in kinds]


def polls(since: str = "2026-10-01", **pauses: tuple[str, str]) -> FakePolls:
    """Every device polled each minute, but for the pauses."""
    known = {}
    for device in SOLD.devices:
        start, end = (ns(each) // S for each in pauses.get(device, (since, since)))
        known[device] = [at for at in range(ns(since) // S, NOW // S, 60) if not start <= at < end]
    return FakePolls(known)


def observed(polled: FakePolls, stores: Stores | None = None, chosen: Chosen = Chosen(), **asked: Any) -> dict[str, Observed]:  # noqa: B008  # frozen
    known = stores or Stores()
    what = replace(Asked("2026-11", NOW, chosen), **asked)
    return {each.observation.service: each for each in observed_month(SOLD, PLANS, polled, known, known, what)}


PAUSE = ("2026-11-02 10:00", "2026-11-02 11:00")
OUTAGE = {"service": "a", "state": "down", "started_at": ns("2026-11-02 11:02"), "ended_at": ns("2026-11-02 11:30")}


def test_each_service_is_measured_by_every_device_that_it_depends_on() -> None:
    """Of two ends of a link one is enough to be blind; the month so far is what is past where the customer lives."""
    found = observed(polls(pe2=PAUSE))
    assert found["a"].observation.devices == ("pe1", "pe2")
    assert [(each.starts_at, each.ends_at, each.devices) for each in found["a"].observation.stretches] == [
        (ns(PAUSE[0]), ns(PAUSE[1]), ("pe2",))
    ]
    assert found["a"].observation.share == 1 - Fraction(HOUR, NOW - ns("2026-10-31 23:00"))
    assert found["t"].observation.share == 1 - Fraction(HOUR, NOW - ns("2026-10-31 15:00"))
    assert (found["b"].observation.told, found["b"].observation.stretches) == ("100 %", ())
    assert (found["u"].observation.told, found["u"].observation.devices) == ("not measured", ())


def test_an_installation_of_the_middle_of_the_month_says_since_when_it_measures() -> None:
    found = observed(polls("2026-11-02"), Stores([{**OUTAGE, "started_at": ns("2026-11-01"), "ended_at": ns("2026-11-01 03:00")}]))
    assert found["b"].observation.first_at == ns("2026-11-02")
    assert [(each.starts_at, each.ends_at) for each in found["b"].observation.stretches] == [(ns("2026-10-31 23:00"), ns("2026-11-02"))]
    assert found["a"].open == ()
    nothing = observed(FakePolls({}))
    assert {(each.observation.told, each.observation.first_at) for each in nothing.values()} == {("not measured", None)}


@pytest.mark.parametrize(
    ("changes", "is_open"),
    [
        pytest.param({}, True, id="right-after-it"),
        pytest.param({"started_at": ns("2026-11-02 11:06")}, False, id="well-after-it"),
        pytest.param({"started_at": ns("2026-11-02 09:00"), "ended_at": 0}, True, id="one-that-lasts"),
        pytest.param({"state": "redundancy-lost"}, False, id="nothing-that-a-customer-feels"),
        pytest.param({"service": "t"}, False, id="of-another-service"),
    ],
)
def test_a_stretch_at_an_outage_is_for_people_to_decide(changes: dict[str, Any], is_open: bool) -> None:
    found = observed(polls(pe1=PAUSE), Stores([{**OUTAGE, **changes}]))
    assert bool(found["a"].open) is is_open


def test_what_people_excluded_whole_is_not_asked_again() -> None:
    said = Operation("e1", OperationKind.EXCLUDE, NOW, "alice", "service/a", "", "blind", ns(PAUSE[1]), ns(PAUSE[0]), reason_kind="blind")
    part = replace(said, starts_at=said.starts_at + MINUTE)
    back = Operation("w1", OperationKind.INCLUDE, NOW, "bob", "e1", "")
    for operations, is_open in (((said,), False), ((part,), True), ((said, back), True)):
        assert bool(observed(polls(pe1=PAUSE), Stores([OUTAGE], *operations))["a"].open) is is_open


def test_only_what_was_chosen_is_told_and_only_longer_pauses() -> None:
    assert set(observed(polls(), chosen=Chosen(customer="acme"))) == {"a", "b"}
    assert set(observed(polls(), chosen=Chosen(service="t"))) == {"t"}
    assert observed(polls(pe1=PAUSE), longer_than=2 * HOUR)["a"].observation.told == "100 %"
    assert observed(polls(), label="2027-01") == {}
    with pytest.raises(ValueError, match="'2026-13' is not a month"):
        observed(polls(), label="2026-13")


def test_for_scripts_the_share_is_exact() -> None:
    value = observed_value(observed(polls(pe1=PAUSE), Stores([OUTAGE]))["a"])
    assert value["observed"] == str(1 - Fraction(1, 49))
    assert (value["told"], value["by_the_hour"], value["devices"]) == ("97.95 %", False, ["pe1", "pe2"])
    assert value["stretches"] == [{"starts_at": ns(PAUSE[0]), "ends_at": ns(PAUSE[1]), "devices": ["pe1"], "beside_outage": True}]
