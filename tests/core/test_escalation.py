"""Levels by time, the last again and again; for whom a rule is, and who is told once."""

from dataclasses import replace

import pytest

from pipeline.core.escalation import MINUTE_NS, MOST_REPEATS, Escalated, Escalation, Level, rule_for
from pipeline.core.event import Severity
from pipeline.core.incident import Impact, Incident, IncidentState
from pipeline.core.inventory import Inventory, Tier
from pipeline.core.outage import ServiceState
from pipeline.core.page import Pages
from pipeline.core.paging import Desk, effects_of
from pipeline.core.resource import ResourceId
from pipeline.core.routing import Route, Routing
from pipeline.core.topology import Topology

RULE = Escalation("gold", (Level(10, "lead"), Level(30, "chief")), Severity.MAJOR, (Tier.GOLD,), repeat_min=15)
FELT = (Impact("s", "c", "k", Tier.GOLD, ServiceState.DOWN, 0),)
OPEN = Incident("i-1", "default", ResourceId("link/x"), IncidentState.OPEN, Severity.CRITICAL, "", (), (), FELT, 0, 0)


@pytest.mark.parametrize(
    ("done", "minutes", "step"), [(0, 9.99, 0), (0, 10, 1), (0, 31, 2), (1, 31, 2), (2, 44.9, 2), (2, 45, 3), (2, 120, 8), (9, 20, 9)]
)
def test_steps_are_due_by_time_and_never_taken_back(done: int, minutes: float, step: int) -> None:
    assert RULE.due(done, round(minutes * MINUTE_NS)) == step


def test_without_repetition_the_last_level_is_the_last_and_with_it_there_is_an_end() -> None:
    assert replace(RULE, repeat_min=0).due(0, 10**9 * MINUTE_NS) == 2
    assert RULE.due(0, 10**9 * MINUTE_NS) == 2 + MOST_REPEATS
    assert [RULE.route_at(step) for step in (1, 2, 3, 99)] == ["lead", "chief", "chief", "chief"]


@pytest.mark.parametrize(
    "changes",
    [
        {"acknowledged_by": "bob"},
        {"planned": "mw-1"},
        {"shelved": "known"},
        {"state": IncidentState.RESOLVED},
        {"severity": Severity.MINOR},
        {"impacts": (replace(FELT[0], tier=Tier.BRONZE),)},
    ],
)
def test_what_is_in_hand_over_hidden_slight_or_of_another_tier_is_of_no_rule(changes: dict[str, object]) -> None:
    assert rule_for(OPEN, [RULE]) is RULE
    assert rule_for(replace(OPEN, **changes), [RULE]) is None  # type: ignore[arg-type]  # by field name


def test_each_route_is_told_once_and_by_a_key_that_a_replay_gives_again() -> None:
    told = Escalated(replace(OPEN, escalation=2), "gold", ("lead", "chief", "gone"), 31 * MINUTE_NS)
    routing, pages = Routing((Route("lead", "hook-1"), Route("chief", "hook-2"))), Pages()
    desk = Desk(routing, Topology.of(Inventory("empty")), pages, {"i-1": told.incident}.get, now=5)
    effects = [effect for word in desk.escalate([told]) for effect in effects_of(word, routing, at=5)]
    assert [(one.key, one.route, one.body["receiver"]) for one in effects] == [
        ("notify:i-1:lead:escalated:2", "lead", "hook-1"),
        ("notify:i-1:chief:escalated:2", "chief", "hook-2"),
    ]
    payload = effects[0].body["payload"]
    assert (payload["type"], payload["data"]["escalation_rule"], payload["data"]["unacknowledged_for"]) == (
        "incident.escalated",
        "gold",
        "31 min",
    )
