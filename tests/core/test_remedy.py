"""For which incidents a remedy is proposed, whom it could hurt, and when it must not be started."""

from dataclasses import replace

import pytest

from pipeline.core.effect import EffectKind
from pipeline.core.event import StateReport
from pipeline.core.incident import Incident, IncidentState
from pipeline.core.inventory import Customer, Device, Interface, Inventory, Link, Service, Tier
from pipeline.core.outage import ServiceState
from pipeline.core.remedy import HOUR_NS, Radius, RemedyRule, radius, remedies, seen, too_often, touches_too_much, wrong
from pipeline.core.resource import ResourceId, ResourceKind
from pipeline.core.topology import Topology
from tests.core.test_notice import DOWN, FIRST, START

RULE = RemedyRule("restart", "restart-session", (ResourceKind.PEER,), ("peer-down",), roll_back="look at both sides")
SICK = replace(FIRST, root_cause=ResourceId("peer/pe1/192.0.2.9"))
ENDED = replace(SICK, state=IncidentState.RESOLVED, resolved_at=START + 9, revision=2)


def asked(incident: Incident, previous: Incident | None = None, types: tuple[str, ...] = ("peer-down",)) -> list[str]:
    found = remedies(incident, previous, (RULE,), types, lambda: Radius(2, (Tier.GOLD,)), START + 5, START + 9)
    return [effect.body["stage"] for effect in found]


def test_a_remedy_is_proposed_once_with_whom_it_could_hurt() -> None:
    (effect,) = remedies(SICK, None, (RULE,), ("peer-down",), lambda: Radius(2, (Tier.GOLD,)), START, START)
    assert (effect.key, effect.kind) == ("remedy:inc-1:restart:peer/pe1/192.0.2.9", EffectKind.REMEDY)
    assert (effect.body["services"], effect.body["tiers"], effect.body["device"]) == (2, ["gold"], "pe1")
    assert asked(replace(SICK, revision=2), SICK) == []
    assert asked(replace(SICK, revision=2, alarms=(*SICK.alarms, "al-9")), SICK) == ["propose"], "its type may have come with a later alarm"
    assert asked(SICK, FIRST) == ["propose"]  # its cause was held to be another


@pytest.mark.parametrize(
    "incident",
    [
        FIRST,  # another kind
        replace(SICK, probability=0.5),
        replace(SICK, planned="mw-1"),
        replace(SICK, shelved="noisy"),
        replace(SICK, acknowledged_by="ann"),  # somebody is at it
    ],
)
def test_nothing_is_proposed_for_what_the_rule_is_not_for(incident: Incident) -> None:
    assert asked(incident) == []


def test_another_type_of_alarm_is_not_the_rules() -> None:
    assert asked(SICK, None, ("link-down",)) == []


def test_its_end_is_told_with_the_last_poll() -> None:
    (effect,) = remedies(ENDED, SICK, (RULE,), ("peer-down",), lambda: Radius(0), START + 5, START + 9)
    assert (effect.body["stage"], effect.body["over_at"], effect.body["polled_at"]) == ("over", START + 9, START + 5)
    assert asked(ENDED) == ["over"], "of a remedy that there is not, it changes nothing"


def test_the_end_is_told_though_somebody_has_acknowledged_it_since() -> None:
    """Else a remedy that helped would be said not to have."""
    assert asked(replace(ENDED, acknowledged_by="ann"), replace(SICK, acknowledged_by="ann")) == ["over"]
    assert asked(ENDED, replace(SICK, probability=0.5)) == ["over"]


def test_a_remedy_of_a_cause_that_is_no_longer_held_to_be_one_is_over() -> None:
    """Nobody can approve it any more."""
    (effect,) = remedies(replace(FIRST, revision=2), SICK, (RULE,), ("peer-down",), lambda: Radius(0), START, START + 9)
    assert (effect.body["stage"], effect.body["remedy"]) == ("over", "remedy:inc-1:restart:peer/pe1/192.0.2.9")
    assert (effect.body["over_at"], effect.body["polled_at"]) == (START + 9, 0)


REPORT = StateReport("pe1", START + 20, "poll-1", 7, reachable=True)


def test_a_poll_that_comes_after_the_end_tells_of_it() -> None:
    """A clear by trap is often there before the answer to the poll that was asked for."""
    (effect,) = seen(ENDED, (RULE,), REPORT, START + 5, START + 21)
    assert (effect.body["stage"], effect.body["over_at"], effect.body["polled_at"]) == ("over", START + 9, START + 20)
    assert effect.key != remedies(ENDED, SICK, (RULE,), (), lambda: Radius(0), START + 5, START + 9)[0].key


@pytest.mark.parametrize(
    ("incident", "report", "before"),
    [
        (SICK, REPORT, START + 5),  # it is not over
        (ENDED, replace(REPORT, device="pe2"), START + 5),
        (ENDED, replace(REPORT, reachable=False), START + 5),
        (ENDED, replace(REPORT, down=(ENDED.root_cause,)), START + 5),  # it was seen, and not well
        (ENDED, REPORT, START + 10),  # a poll after the end has been told already
        (replace(ENDED, root_cause=ResourceId("fibre/f1")), REPORT, START + 5),  # of no device, and not the rule's
    ],
)
def test_other_polls_tell_nothing(incident: Incident, report: StateReport, before: int) -> None:
    assert seen(incident, (RULE,), report, before, START + 21) == ()


PORTS = tuple(Interface(f"p{number}", number, 1000) for number in range(1, 5))
INVENTORY = Inventory(
    "v1",
    devices={name: Device(name, "lab", f"192.0.2.{place}", interfaces=PORTS) for place, name in enumerate(("a", "b"), 1)},
    links={"a-b": Link("a-b", "a/p1", "b/p1")},
    services={
        "acme-vpn": Service("acme-vpn", "acme", "c1", "vpn", ("interface/a/p2",)),
        "blue-web": Service("blue-web", "blue", "c2", "web", ("interface/a/p3",)),
        "far-web": Service("far-web", "blue", "c2", "web", ("interface/b/p3",)),
    },
    customers={"acme": Customer("acme", "Acme", Tier.GOLD), "blue": Customer("blue", "Blue", Tier.BRONZE)},
)


@pytest.mark.parametrize(
    ("impacts", "expected"),
    [
        ((), Radius(2, (Tier.GOLD, Tier.BRONZE))),
        ((replace(DOWN, service="acme-vpn"),), Radius(1, (Tier.BRONZE,))),  # it is down anyway
        ((replace(DOWN, service="acme-vpn", state=ServiceState.DEGRADED),), Radius(2, (Tier.GOLD, Tier.BRONZE))),
    ],
)
def test_the_radius_is_what_still_works_on_the_whole_device(impacts: tuple[object, ...], expected: Radius) -> None:
    incident = replace(SICK, impacts=impacts)
    assert radius(Topology.of(INVENTORY), INVENTORY, ResourceId("interface/a/p1"), incident) == expected


def test_what_the_topology_does_not_have_hurts_nobody() -> None:
    assert radius(Topology.of(INVENTORY), INVENTORY, ResourceId("peer/zz/192.0.2.9"), SICK) == Radius(0)


@pytest.mark.parametrize(
    ("services", "tiers", "says"),
    [(0, (), ""), (2, (), ""), (3, (), "3 services that still work; the rule allows 2"), (1, ("gold",), "services of gold customers")],
)
def test_the_guard_of_whom_it_could_touch(services: int, tiers: tuple[str, ...], says: str) -> None:
    assert touches_too_much(services, tiers, 2, ("gold",)).endswith(says)


def test_the_guard_of_how_often() -> None:
    assert too_often([], [], 2, HOUR_NS, START) == ""
    assert too_often([START - 5, START - HOUR_NS - 1], [], 2, HOUR_NS, START) == ""
    assert "has started 2 within the hour" in too_often([START - 5, START - 9], [], 2, HOUR_NS, START)
    assert "same resource within 60 min" in too_often([START - 5], [START - 5], 2, HOUR_NS, START)


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        (RULE, ""),
        (replace(RULE, min_probability=1.2), "min_probability"),
        (replace(RULE, per_hour=0), "per_hour"),
        (replace(RULE, verify_s=0), "verify_s"),
        (replace(RULE, roll_back=""), "roll_back"),
        (replace(RULE, kinds=(), alarm_types=()), "name"),
    ],
)
def test_a_rule_that_cannot_be_is_told(rule: RemedyRule, key: str) -> None:
    assert [found[0] for found in wrong((rule,)).values()] == ([key] if key else [])
