"""Two accounts of one stretch: incidents are matched as people would, and only what is other is told."""

from dataclasses import replace

import pytest

from pipeline.backtest.difference import Change, Count, difference, matched
from pipeline.backtest.past import Owed, Past, Stretch, act_of
from pipeline.core.effect import EffectKind
from pipeline.core.event import Severity
from pipeline.core.incident import ABSORBED, Impact, Incident, IncidentState
from pipeline.core.inventory import Tier
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.resource import ResourceId

STRETCH = Stretch(1_000, 9_000)


def incident(name: str, root: str = "fibre/f1", started_at: int = 2_000, resolved_at: int = 3_000, **fields: object) -> Incident:
    made = Incident(
        id=name,
        domain="default",
        root_cause=ResourceId(root),
        state=IncidentState.RESOLVED if resolved_at else IncidentState.OPEN,
        severity=Severity.CRITICAL,
        reason="because",
        explanation=(),
        alarms=("a1", "a2"),
        impacts=(Impact("vpn-1", "acme", "c1", Tier.GOLD, ServiceState.DOWN, started_at),),
        started_at=started_at,
        opened_at=started_at + 1_500,
        resolved_at=resolved_at,
    )
    return replace(made, **fields)  # type: ignore[arg-type]  # fields of an incident


def outage(name: str, service: str = "vpn-1", started_at: int = 2_000, **fields: object) -> Outage:
    made = Outage(name, service, "acme", "c1", ServiceState.DOWN, "i1", "fibre/f1", started_at, 3_000, confirmed_by="a1")
    return replace(made, **fields)  # type: ignore[arg-type]  # fields of an outage


def past(*incidents: Incident, outages: tuple[Outage, ...] = (), told: tuple[str, ...] = ()) -> Past:
    """``told`` are keys of effects: ``ticket:i1:open``, ``notify:i1:on-call:opened``."""
    made = Past(STRETCH, {one.id: one for one in incidents}, outages={one.id: one for one in outages})
    for key in told:
        kind, subject, rest = key.split(":", 2)
        route, effect = ("tmf621", EffectKind.TICKET_OPEN) if kind == "ticket" else (rest.partition(":")[0], EffectKind.NOTIFY)
        made.acts[key] = act_of(key, effect, subject, route, 2_500)
    return made


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        ([incident("i1")], [incident("i1", root="duct/d1")], [("i1", "i1")]),
        ([incident("i1")], [incident("i2", started_at=2_100, alarms=())], [("i1", "i2")]),
        ([incident("i1")], [incident("i2", started_at=4_000, alarms=())], [("i1", ""), ("", "i2")]),
        ([incident("i1")], [incident("i2", root="link/l1", alarms=("a2", "a3"))], [("i1", "i2")]),
        ([incident("i1")], [incident("i2", root="link/l1", alarms=("a2",)), incident("i3", root="port/p", alarms=("a1", "a2"))], "i3"),
        ([incident("i1")], [incident("i2", root="link/l1", alarms=("a1", "a2")), incident("i3", started_at=2_500, alarms=())], "i3"),
        ([incident("i1")], [incident("i2", root="link/l1", alarms=("a9",))], [("i1", ""), ("", "i2")]),
        ([incident("i1", resolved_at=0)], [incident("i2", started_at=8_000)], [("i1", "i2")]),
    ],
)
def test_which_incident_is_which(before: list[Incident], after: list[Incident], pairs: list[tuple[str, str]] | str) -> None:
    """By id; else the same root at the same time; else by most alarms; what shares neither, or no time, stands alone."""
    for olds, news in ((before, after), (before[::-1], after[::-1])):
        found = [(one.id if one else "", other.id if other else "") for one, other in matched(olds, news)]
        assert (dict(found)["i1"] == pairs) if isinstance(pairs, str) else (sorted(found) == sorted(pairs))


def test_only_what_is_other_is_told() -> None:
    """Services, severity, who was told: each by itself; when an incident was opened, or revised, is of no interest."""
    told = ("ticket:i1:open", "notify:i1:on-call:opened", "notify:i1:on-call:updated:r2", "notify:i1:on-call:updated:r3")
    before = past(incident("i1"), told=told)
    same = past(incident("i1", revision=7, opened_at=3_600, explanation=("x",), rules_version="2"), told=told)
    assert difference(before, same).is_empty
    felt = Impact("vpn-2", "acme", "c1", Tier.GOLD, ServiceState.DEGRADED, 2_000)
    other = past(incident("i1", severity=Severity.MAJOR, impacts=(felt,)), told=told[1:3])
    (pair,) = difference(before, other).changed
    assert set(pair.changes) == {
        Change("severity", "critical", "major"),
        Change("service vpn-1", "down", "-"),
        Change("service vpn-2", "-", "degraded"),
        Change("ticket", "opened", "-"),
        Change("pages on-call", "opened, updated 2 times", "opened, updated"),
    }
    counted = {count.what: count for count in difference(before, other).counts}
    assert counted["tickets opened"] == Count("tickets opened", 1, 0)
    assert counted["pages on-call: updated"] == Count("pages on-call: updated", 2, 1)


def test_an_absorbed_incident_counts_only_where_somebody_was_told_of_it() -> None:
    absorbed = incident("i2", root="port/p1", reason=f"{ABSORBED}i1: later evidence showed one cause behind both.", impacts=())
    assert difference(past(incident("i1")), past(incident("i1"), absorbed)).is_empty
    found = difference(past(incident("i1")), past(incident("i1"), absorbed, told=("ticket:i2:open",)))
    assert [pair.one.id for pair in found.changed] == ["i2"]
    assert {count.what: (count.before, count.after) for count in found.counts}["incidents"] == (1, 1)


def test_outages_are_held_together_by_what_counts_of_them() -> None:
    """Whoever caused one, and whatever it is called; an end, a confirmation or planned work makes it another."""
    before = past(outages=(outage("o1"), outage("o2", service="vpn-2")))
    assert difference(before, past(outages=(outage("o3", incident="i9"), outage("o2", service="vpn-2")))).is_empty
    for fields in ({"ended_at": 3_001}, {"confirmed_by": ""}, {"excluded": "works"}, {"state": ServiceState.DEGRADED}):
        found = difference(before, past(outages=(outage("o1", **fields), outage("o2", service="vpn-2"))))
        assert ([one.id for one in found.outages_before], [one.id for one in found.outages_after]) == (["o1"], ["o1"])
        assert not found.is_empty


def test_what_has_no_part_in_the_stretch_is_left_out() -> None:
    """What was over before, began later, or was withdrawn."""
    made = past(
        incident("i1", started_at=100, resolved_at=1_000),
        incident("i2", started_at=100, resolved_at=1_001),
        incident("i3", started_at=9_000, resolved_at=0),
        incident("i4", started_at=8_999, resolved_at=0),
        outages=(outage("o1"), outage("o2", ended_at=2_000), outage("o3", started_at=9_000, ended_at=0)),
    )
    made.close()
    assert (sorted(made.incidents), sorted(made.outages)) == (["i2", "i4"], ["o1"])


def test_money_differs_to_the_cent() -> None:
    def owed(amount_minor: int) -> Past:
        made = past()
        made.owed["c1", "vpn-1", "2026-11"] = Owed("c1", "vpn-1", "acme", "2026-11", amount_minor, "EUR", 60, is_over=False)
        return made

    assert difference(owed(5_000), owed(5_000)).is_empty
    assert not difference(owed(5_000), owed(5_001)).is_empty
    assert not difference(owed(1), past()).is_empty
    assert difference(owed(0), past()).is_empty
