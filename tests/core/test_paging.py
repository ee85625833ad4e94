"""Who is told what, and when: held down, grouped, repeated until acknowledged, handed over, quiet for planned work, ended for all."""

from dataclasses import replace
from datetime import datetime

import pytest

from pipeline.core.escalation import Escalated
from pipeline.core.event import Severity
from pipeline.core.incident import Impact, Incident, IncidentState
from pipeline.core.inventory import Device, Fibre, Interface, Inventory, Link, Site, Tier
from pipeline.core.outage import ServiceState
from pipeline.core.page import Pages
from pipeline.core.paging import MINUTE, SECOND, Desk, effects_of
from pipeline.core.resource import ResourceId
from pipeline.core.roster import Day, Hours, OnCall, Rotation
from pipeline.core.routing import GroupBy, Occasion, Person, Route, Routing, Traits, sites_of
from pipeline.core.topology import Topology

DAY = (Day.MON, Day.TUE, Day.WED, Day.THU, Day.FRI)
NOON = int(datetime.fromisoformat("2026-11-26T12:00:00+00:00").timestamp()) * SECOND
INVENTORY = Inventory(
    "test",
    sites={"ams": Site("ams", region="nl"), "rtm": Site("rtm", region="nl")},
    devices={
        name: Device(name, site, f"192.0.2.{place}", interfaces=(Interface("p1", 1, 1000),))
        for place, (name, site) in enumerate((("pe1", "ams"), ("pe2", "rtm"), ("pe3", "ams")), 1)
    },
    fibres={"f1": Fibre("f1")},
    links={"l1": Link("l1", "pe1/p1", "pe2/p1", ("f1",))},
)
TOPOLOGY = Topology.of(INVENTORY)
FELT = (Impact("acme-vpn-1", "acme", "k", Tier.GOLD, ServiceState.DOWN, 0),)


def incident(name: str = "inc-1", cause: str = "device/pe1", severity: Severity = Severity.CRITICAL) -> Incident:
    return Incident(name, "default", ResourceId(cause), IncidentState.OPEN, severity, "", (), (), FELT, NOON, NOON)


class Duty:
    """A desk with its incidents, told step by step; ``said`` are the keys of what was sent, without ``notify:``."""

    def __init__(self, routing: Routing) -> None:
        self.routing, self.pages = routing, Pages()
        self.known: dict[str, Incident] = {}
        self.now = NOON
        self.reasons: list[str] = []

    def said(self, *changed: Incident, after_s: float = 0) -> list[str]:
        """Time passes, then incidents are revised; what is sent."""
        self.now += round(after_s * SECOND)
        self.pages = Pages.of(self.pages.rows.values())  # every step survives a restart
        steps = []
        for one in changed:
            before = self.known.get(one.id)
            now = replace(one, revision=before.revision + 1 if before else 1)
            self.known[one.id] = now
            steps.append((now, before))
        standing = [name for name, each in self.known.items() if each.state is IncidentState.OPEN]
        words = self.desk().tell(steps, standing)
        self.reasons = [word.reason.value for word in words]
        return [effect.key.removeprefix("notify:") for word in words for effect in effects_of(word, self.routing, self.now)]

    def desk(self) -> Desk:
        return Desk(self.routing, TOPOLOGY, self.pages, self.known.get, self.now, INVENTORY.sites)


def over(one: Incident) -> Incident:
    return replace(one, state=IncidentState.RESOLVED, resolved_at=NOON)


def test_what_is_over_within_its_hold_down_is_told_to_nobody() -> None:
    duty = Duty(Routing((Route("noc", "hook", hold_down_s=60),)))
    assert duty.said(incident()) == []
    assert duty.pages.rows["noc|inc-1"].due_at == NOON + 60 * SECOND
    assert duty.said(over(incident()), after_s=59) == []
    assert duty.reasons == ["within-hold-down"]
    assert not duty.pages.rows


def test_what_outlasts_its_hold_down_is_told_once_it_is_over() -> None:
    duty = Duty(Routing((Route("noc", "hook", hold_down_s=60),)))
    assert duty.said(incident()) == duty.said(after_s=59.9) == []
    assert duty.said(after_s=0.1) == ["inc-1:noc:opened"]
    assert duty.said(over(incident())) == ["inc-1:noc:resolved:r2"]
    assert duty.said(after_s=3600) == []


def test_it_is_told_again_until_somebody_acknowledges_and_again_when_that_is_taken_back() -> None:
    duty = Duty(Routing((Route("noc", "hook", repeat_min=15, events=tuple(Occasion)),)))
    assert duty.said(incident()) == ["inc-1:noc:opened"]
    assert duty.said(after_s=899) == []
    assert duty.said(after_s=1) == ["inc-1:noc:repeated:1"]
    assert duty.said(after_s=900) == ["inc-1:noc:repeated:2"]
    assert duty.said(replace(incident(), acknowledged_by="bob"), after_s=60) == ["inc-1:noc:acknowledged:r2"]
    assert duty.said(after_s=7200) == []
    assert duty.said(incident()) == []
    assert duty.said(after_s=900) == ["inc-1:noc:repeated:3"]
    assert duty.said(over(incident())) == ["inc-1:noc:resolved:r4"]
    assert duty.said(after_s=900) == []


def test_incidents_of_one_site_are_one_page_that_ends_with_the_last_of_them() -> None:
    duty = Duty(Routing((Route("noc", "hook", group_by=(GroupBy.SITE,), group_interval_s=120),)))
    first, second, elsewhere = incident(), incident("inc-2", "device/pe3"), incident("inc-3", "device/pe2")
    assert duty.said(first, elsewhere) == ["inc-1:noc:opened", "inc-3:noc:opened"]
    assert duty.said(second, after_s=30) == []
    assert duty.said(after_s=89) == []
    assert duty.said(after_s=1) == ["inc-1:noc:updated:w2"]
    assert duty.pages.rows["noc|inc-1"].members == ("inc-1", "inc-2")
    assert duty.said(over(first), after_s=300) == ["inc-1:noc:updated:w3"]
    assert duty.said(over(second)) == ["inc-1:noc:resolved:w4"]
    assert duty.said(incident("inc-4")) == ["inc-4:noc:opened"]


def test_a_page_of_several_lists_them() -> None:
    duty = Duty(Routing((Route("noc", "hook", group_by=(GroupBy.REGION,), hold_down_s=5),)))
    both = [incident(), incident("inc-2", "device/pe2")]
    duty.said(*both)
    duty.now += 5 * SECOND
    [word] = duty.desk().tell([], ["inc-1", "inc-2"])
    [effect] = effects_of(word, duty.routing, duty.now)
    data = effect.body["payload"]["data"]
    assert (data["group"], data["grouped_total"], [one["incident"] for one in data["grouped"]]) == ("region=nl", 2, ["inc-1", "inc-2"])


def test_planned_work_takes_its_page_back_and_its_end_tells_it_again() -> None:
    duty = Duty(Routing((Route("noc", "hook"),)))
    assert duty.said(replace(incident(), planned="mw-1")) == []
    assert duty.said(incident()) == ["inc-1:noc:opened"]
    assert duty.reasons == ["maintenance-ended"]
    assert duty.said(replace(incident(), planned="mw-1")) == ["inc-1:noc:resolved:r3"]
    assert duty.reasons == ["maintenance-window"]
    assert duty.said(incident()) == ["inc-1:noc:updated:r4"]
    assert duty.reasons == ["maintenance-ended"]


def test_who_heard_of_the_beginning_hears_of_the_end_though_it_grew_slight() -> None:
    duty = Duty(Routing((Route("noc", "hook", Severity.CRITICAL),)))
    assert duty.said(incident()) == ["inc-1:noc:opened"]
    slight = incident(severity=Severity.MINOR)
    assert duty.said(slight) == []
    assert duty.said(over(slight)) == ["inc-1:noc:resolved:r3"]


OFFICE = Hours("office", "UTC", DAY, "08:00", "18:00")
CORE = OnCall("core", (Rotation(("alice", "bob"), "2026-11-26", every_days=1, handover="20:00"),))
CLOCKED = Routing(
    (
        Route("day", "hook", during="office"),
        Route("night", on_call="core", outside="office", events=tuple(Occasion)),
    ),
    hours=(OFFICE,),
    people=(Person("alice", ("alice-mail",)), Person("bob", ("bob-mail", "bob-phone"))),
    on_call=(CORE,),
)


def test_the_night_is_told_of_what_still_stands_and_a_handover_tells_who_comes_next() -> None:
    duty = Duty(CLOCKED)
    assert duty.said(incident()) == ["inc-1:day:opened"]
    assert duty.pages.turn_at == NOON + 6 * 3600 * SECOND
    assert duty.said(after_s=6 * 3600) == []  # nobody is on call before eight
    assert duty.reasons == ["nobody-on-call"]
    assert duty.said(after_s=2 * 3600) == ["inc-1:night/alice-mail:opened"]
    assert duty.said(after_s=24 * 3600) == ["inc-1:night/bob-mail:opened", "inc-1:night/bob-phone:opened"]
    assert duty.reasons == ["handed-over"]
    assert duty.said(over(incident())) == [
        "inc-1:day:resolved:r2",
        *(f"inc-1:night/{receiver}:resolved:r2" for receiver in ("alice-mail", "bob-mail", "bob-phone")),
    ]


def test_what_somebody_has_in_hand_is_not_handed_over() -> None:
    duty = Duty(CLOCKED)
    duty.said(after_s=9 * 3600)
    assert duty.said(incident()) == ["inc-1:night/alice-mail:opened"]
    assert duty.said(replace(incident(), acknowledged_by="alice")) == ["inc-1:night/alice-mail:acknowledged:r2"]
    assert duty.said(after_s=11 * 3600) == duty.said(after_s=12 * 3600) == []


def test_what_is_held_down_until_the_hours_are_over_is_told_by_the_next_route() -> None:
    held = replace(CLOCKED, routes=(replace(CLOCKED.routes[0], hold_down_s=600), CLOCKED.routes[1]))
    duty = Duty(held)
    duty.said(after_s=5.9 * 3600)
    assert duty.said(incident()) == []
    duty.said(after_s=360)
    assert duty.said(after_s=240) == []
    assert "outside-hours" in duty.reasons


def test_an_escalation_to_somebody_who_hears_of_nothing_else_is_ended_for_them() -> None:
    duty = Duty(Routing((Route("noc", "hook"), Route("chief", "chief-hook", events=()))))
    assert duty.said(incident()) == ["inc-1:noc:opened"]
    told = replace(duty.known["inc-1"], escalation=1)
    [word] = duty.desk().escalate([Escalated(told, "rule", ("chief",), 10 * MINUTE)])
    [effect] = effects_of(word, duty.routing, duty.now)
    assert (effect.key, effect.body["payload"]["type"]) == ("notify:inc-1:chief:escalated:1", "incident.escalated")
    assert duty.said(over(incident())) == ["inc-1:noc:resolved:r2", "inc-1:chief:resolved:r2"]


def test_a_route_that_the_file_has_no_more_ends_its_pages() -> None:
    duty = Duty(Routing((Route("noc", receivers=("a", "b")),)))
    assert duty.said(incident()) == ["inc-1:noc/a:opened", "inc-1:noc/b:opened"]
    duty.routing = Routing((Route("other", "c"),))
    assert (
        duty.said(incident(), after_s=1) == ["inc-1:other:opened", "inc-1:noc/a:resolved:r2", "inc-1:noc/b:resolved:r2"]
        or duty.said() == []
    )


def test_another_routing_is_told_of_what_stands_and_the_same_one_is_not_told_twice() -> None:
    first, second = Routing((Route("noc", "hook"),)), Routing((Route("noc", "hook"), Route("late", "hook-2")))
    pages, one = Pages(), incident()
    pages.follow(first)
    assert len(Desk(first, TOPOLOGY, pages, {one.id: one}.get, NOON).tell([(one, None)], [one.id])) == 1
    for routing, told in ((first, []), (second, ["late"]), (second, [])):
        pages.follow(routing)
        words = Desk(routing, TOPOLOGY, pages, {one.id: one}.get, NOON + SECOND).tell([], [one.id])
        assert [word.page.route for word in words] == told
    assert pages.turn_at > NOON + 365 * 86_400 * SECOND


@pytest.mark.parametrize(
    ("resource", "sites"),
    [
        ("device/pe1", ("ams",)),
        ("link/l1", ("ams", "rtm")),
        ("fibre/f1", ("ams", "rtm")),
        ("site/rtm", ("rtm",)),
        ("device/unknown", ()),
    ],
)
def test_where_a_cause_is(resource: str, sites: tuple[str, ...]) -> None:
    assert sites_of(TOPOLOGY, ResourceId(resource)) == sites
    regions = Traits.of(incident(cause=resource), TOPOLOGY, INVENTORY.sites).regions
    assert regions == (("nl",) if sites else ())


def test_the_first_narrower_route_that_fits_is_taken_and_what_is_said_above_holds_below() -> None:
    above = Route(
        "noc",
        receivers=("noc-mail",),
        repeat_min=5,
        routes=(
            Route("lab", sites=("lab*",), silent=True),
            Route("gold", tiers=(Tier.GOLD,), receivers=("gold-mail",), go_on=True),
            Route("acme", services=("acme-*",)),
            Route("rest", min_severity=Severity.WARNING),
        ),
    )
    routing = Routing((above, Route("every", "hook", Severity.WARNING)))

    def taken(**traits: object) -> list[str]:
        given = {"severity": Severity.MAJOR, **traits}
        return [route.name for route in routing.chosen(Traits(**given), NOON)]  # type: ignore[arg-type]  # by name

    assert taken(tiers=(Tier.GOLD,), services=("acme-vpn-1",)) == ["gold", "acme", "every"]
    assert taken(services=("acme-vpn-1",)) == ["acme", "every"]
    assert taken(sites=("lab-1",)) == ["every"]
    assert taken() == ["rest", "every"]
    assert taken(severity=Severity.MINOR) == ["every"]
    acme = routing.by_name["acme"]
    assert (acme.named, acme.repeat_min, acme.min_severity) == (("noc-mail",), 5, Severity.MAJOR)
