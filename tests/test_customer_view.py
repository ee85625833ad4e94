"""What a customer sees is theirs, and nothing of the network's or of anybody else's."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.message_check import load_messages
from pipeline.core.exclusion import Exclusion, ExclusionKind
from pipeline.core.inventory import Customer, MaintenanceWindow, Service, Tier
from pipeline.core.notice import NoticeRule, Notices, Stage, stage_of
from pipeline.core.outage import ServiceState
from pipeline.customer_view import AHEAD_NS, Known, Told, Work, states_told, view_of
from tests.support.contracts import HOUR, MINUTE, ns, outage_of

LANGUAGES = load_messages(Path(__file__).parents[1] / "rules").languages
NOW = ns("2026-11-20 12:00")
FELT = (ServiceState.DOWN, ServiceState.DEGRADED)
ACME = Customer("acme", "Acme Trading", Tier.GOLD, "Europe/Amsterdam", "nl")
VPN = Service("acme-vpn-1", "acme", "c1", "l3vpn", ("device/pe1",), "Head office")
WEB = Service("acme-web-1", "acme", "c1", "internet", ("device/pe1",))


def outage(service: str = "acme-vpn-1", starts_at: int = NOW - HOUR, ends_at: int = 0, **changes: Any) -> dict[str, Any]:
    named = asdict(outage_of(starts_at, ends_at, service=service))
    return {**named, "incident": "4f6c2a10-aaaa", "root_cause": "fibre/f-ams-rtm-1", **changes}


def credit(**changes: Any) -> dict[str, Any]:
    given_ = {"service": "acme-vpn-1", "period": "2026-10", "amount_minor": 1_250, "currency": "EUR", "state": "approved", "live": True}
    return {**given_, "revision": 1, **changes}


def known(**changes: Any) -> Known:
    return Known(**{"customer": ACME, "services": (WEB, VPN), "states": FELT, **changes})


def test_all_is_well() -> None:
    view = view_of(known(), LANGUAGES["nl"], NOW)
    assert (view["state"], [each["told"] for each in view["services"]]) == ("up", ["werkt", "werkt"])
    assert (view["period"], view["outages"], view["planned"], view["messages"], view["credits"]) == ("2026-11", [], [], [], [])


def test_what_is_felt_says_since_when_why_and_what_is_done() -> None:
    view = view_of(known(outages=(outage(acknowledged_at=NOW - MINUTE),)), LANGUAGES["nl"], NOW)
    worst, other = view["services"]
    assert (view["state"], other["state"]) == ("down", "up")
    assert (worst["name"], worst["description"], worst["told"], worst["since_at"]) == (
        "acme-vpn-1",
        "Head office",
        "buiten werking",
        NOW - HOUR,
    )
    assert (worst["cause"], worst["reference"], worst["attended"]) == ("een beschadigde glasvezelkabel", "4f6c2a10", True)


def test_a_service_that_two_outages_touch_shows_the_worse() -> None:
    both = (outage(state="degraded", starts_at=NOW - 2 * HOUR), outage(id="o2", starts_at=NOW - MINUTE))
    view = view_of(known(outages=both), LANGUAGES["en"], NOW)
    assert (view["services"][0]["state"], view["services"][0]["since_at"]) == ("down", NOW - MINUTE)
    assert [each["state"] for each in view["outages"]] == ["down", "degraded"]


def test_whoever_gets_no_message_of_it_still_sees_what_they_feel() -> None:
    """Bronze customers are not told of a service that is degraded: a page that says that all is well would be untrue."""
    policy = Notices((NoticeRule("bronze", (Tier.BRONZE,), (ServiceState.DOWN,)),))
    bronze = replace(ACME, tier=Tier.BRONZE)
    view = view_of(known(outages=(outage(state="degraded"),), states=states_told(bronze, policy)), LANGUAGES["en"], NOW)
    assert (view["state"], [each["state"] for each in view["outages"]]) == ("degraded", ["degraded"])


def test_an_outage_that_is_held_no_more_to_have_been_is_not_shown() -> None:
    """When the cause turns out to be another, what no longer follows from it is ended as it began."""
    view = view_of(known(outages=(outage(ends_at=NOW - HOUR),)), LANGUAGES["en"], NOW)
    assert (view["state"], view["outages"]) == ("up", [])


def test_planned_work_says_that_it_is_and_when_it_ends() -> None:
    """Not which cable is lying open meanwhile."""
    window = MaintenanceWindow("mw-1", ("site/ams",), NOW - HOUR, NOW + HOUR, NOW - 2 * HOUR)
    touched = Work(window, {"acme-vpn-1": ServiceState.DOWN})
    view = view_of(known(outages=(outage(excluded="mw-1"),), works=(touched,)), LANGUAGES["nl"], NOW)
    worst = view["services"][0]
    assert (worst["planned"], worst["cause"], worst["until_at"]) == (True, "gepland werk", NOW + HOUR)
    assert view["outages"][0]["cause"] == "gepland werk"


def test_lost_redundancy_is_told_to_those_whose_notices_tell_it() -> None:
    policy = Notices((NoticeRule("gold", (Tier.GOLD,), (ServiceState.DOWN, ServiceState.REDUNDANCY_LOST)),))
    lost = (outage(state="redundancy-lost"),)
    told = view_of(known(outages=lost, states=states_told(ACME, policy)), LANGUAGES["en"], NOW)
    kept = view_of(known(outages=lost, states=states_told(ACME, Notices())), LANGUAGES["en"], NOW)
    assert (told["state"], kept["state"], kept["outages"]) == ("redundancy-lost", "up", [])


@pytest.mark.parametrize(
    ("changes", "exclusion", "expected"),
    [
        ({"excluded": "mw-1"}, None, "planned"),
        ({}, Exclusion("e1", ExclusionKind.NO_ACCESS, NOW - HOUR, NOW, service="acme-vpn-1"), "no-access"),
        ({}, Exclusion("e1", ExclusionKind.OFF_NET, NOW - HOUR, NOW, incident="4f6c2a10-aaaa", text="internal word"), "off-net"),
        ({}, Exclusion("e1", ExclusionKind.NO_ACCESS, NOW - HOUR, NOW, service="acme-web-1"), ""),
        ({}, Exclusion("e1", ExclusionKind.NO_ACCESS, NOW - 9 * HOUR, NOW - HOUR, service="acme-vpn-1"), ""),
    ],
)
def test_what_may_not_count_says_why_by_its_kind(changes: dict[str, Any], exclusion: Exclusion | None, expected: str) -> None:
    given_ = (exclusion,) if exclusion else ()
    view = view_of(known(outages=(outage(**changes),), exclusions=given_), LANGUAGES["en"], NOW)
    assert view["outages"][0]["excluded"] == expected
    assert view["outages"][0]["why"] == (LANGUAGES["en"].exclusions[expected] if expected else "")
    assert "internal" not in json.dumps(view)


@pytest.mark.parametrize(
    ("window", "shown"),
    [
        (MaintenanceWindow("mw-1", ("site/ams",), NOW + HOUR, NOW + 2 * HOUR, NOW - HOUR, "swap of a card"), True),
        (MaintenanceWindow("mw-1", ("site/ams",), NOW - HOUR, NOW + HOUR, NOW - 2 * HOUR), True),
        (MaintenanceWindow("mw-1", ("site/ams",), NOW + HOUR, NOW + 2 * HOUR), False),
        (MaintenanceWindow("mw-1", ("site/ams",), NOW + HOUR, NOW + 2 * HOUR, NOW + MINUTE), False),
        (MaintenanceWindow("mw-1", ("site/ams",), NOW - 2 * HOUR, NOW, NOW - 3 * HOUR), False),
        (MaintenanceWindow("mw-1", ("site/ams",), NOW + AHEAD_NS + 1, NOW + 2 * AHEAD_NS, NOW - HOUR), False),
    ],
    ids=["ahead", "under way", "never announced", "not announced yet", "over", "far ahead"],
)
def test_planned_work_is_shown_once_announced_to_whom_it_touches(window: MaintenanceWindow, shown: bool) -> None:
    touched = Work(window, {"acme-vpn-1": ServiceState.DOWN, "beta-1": ServiceState.DOWN})
    spared = Work(window, {"acme-vpn-1": ServiceState.REDUNDANCY_LOST, "beta-1": ServiceState.DOWN})
    view = view_of(known(works=(touched, spared)), LANGUAGES["en"], NOW)
    expected = [
        {"starts_at": window.starts_at, "ends_at": window.ends_at, "services": [{"name": "acme-vpn-1", "description": "Head office"}]}
    ]
    assert view["planned"] == (expected if shown else [])


@pytest.mark.parametrize(
    ("state", "live", "shown"),
    [
        ("computed", True, None),
        ("rejected", True, None),
        ("failed", True, None),
        ("approved", True, "approved"),
        ("posting", True, "approved"),
        ("posted", True, "credited"),
        ("confirmed", True, "credited"),
        ("reversed", True, "taken_back"),
        ("approved", False, None),
    ],
)
def test_no_credit_is_promised_that_nobody_has_approved(state: str, *, live: bool, shown: str | None) -> None:
    view = view_of(known(credits=(credit(state=state, live=live),)), LANGUAGES["en"], NOW)
    assert [each["state"] for each in view["credits"]] == ([shown] if shown else [])


def test_credits_are_those_of_this_and_of_last_month_each_once() -> None:
    """A credit that was taken back says so itself; the entry that takes it back is the ledger's."""
    given_ = (credit(period="2026-11"), credit(period="2026-09"), credit(state="reversed"), credit(revision=-1, amount_minor=-1_250))
    view = view_of(known(credits=given_), LANGUAGES["en"], NOW)
    assert [(each["period"], each["state"], each["amount_minor"]) for each in view["credits"]] == [
        ("2026-11", "approved", 1_250),
        ("2026-10", "taken_back", 1_250),
    ]


def test_the_month_so_far_never_shows_less_than_nothing() -> None:
    budget = {
        "service": "acme-vpn-1",
        "period": "2026-11",
        "target": "99.99",
        "availability": "99.98843",
        "counted_s": 300,
        "allowed_s": 259,
        "left_s": -41,
        "excluded_s": 0,
    }
    [agreement] = view_of(known(budgets={"acme-vpn-1": budget}), LANGUAGES["en"], NOW)["agreements"]
    assert (agreement["missed"], agreement["left_s"], agreement["downtime_s"], agreement["allowed_s"]) == (True, 0, 300, 259)


def test_messages_are_those_that_went_out_newest_first() -> None:
    told = (Told("4f6c2a10-aaaa", Stage.FIRST, NOW - HOUR), Told("4f6c2a10-aaaa", Stage.RESTORED, NOW))
    view = view_of(known(told=told), LANGUAGES["en"], NOW)
    assert [(each["told"], each["reference"]) for each in view["messages"]] == [("working again", "4f6c2a10"), ("first notice", "4f6c2a10")]


@pytest.mark.parametrize(
    ("key", "stage"),
    [
        ("message:4f6c:acme:first:r1", Stage.FIRST),
        ("message:4f6c:acme:eu:restored:r12", Stage.RESTORED),
        ("message:4f6c:acme:lasting:3:r1", Stage.PROGRESS),
    ],
)
def test_a_messages_key_says_what_it_tells(key: str, stage: Stage) -> None:
    assert stage_of(key) is stage


NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=6, max_size=12).map(lambda text: f"zz{text}")


@given(st.lists(NAMES, min_size=4, max_size=4, unique=True), st.sampled_from(["fibre", "device", "link", "site", "lsp", "unknown"]))
def test_no_name_but_their_own_is_in_it(names: list[str], kind: str) -> None:
    """Whatever the network's parts, windows and other customers are called, none of it is in the value."""
    part, window, other, word = names
    outages = (
        outage(root_cause=f"{kind}/{part}", excluded=window, confirmed_by=part),
        outage(service=other, id="o2", customer=other),
        outage(service="acme-web-1", id="o3", root_cause=f"{kind}/{part}/{other}"),
    )
    planned = MaintenanceWindow(window, (f"site/{part}",), NOW - HOUR, NOW + HOUR, NOW - HOUR, word)
    exclusions = (Exclusion(word, ExclusionKind.UNKNOWN, NOW - HOUR, NOW, service="acme-web-1", text=word, operator=other),)
    whole = known(
        outages=outages, exclusions=exclusions, works=(Work(planned, {"acme-vpn-1": ServiceState.DOWN, other: ServiceState.DOWN}),)
    )
    text = json.dumps(view_of(whole, LANGUAGES["en"], NOW))
    assert [name for name in names if name in text] == []
