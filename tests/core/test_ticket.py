"""What an incident's revisions ask of its ticket and of the notification routes, and the lifecycle of a TMF621 ticket."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.effect import Effect, EffectKind
from pipeline.core.event import Severity
from pipeline.core.incident import Impact, Incident, IncidentState
from pipeline.core.inventory import Inventory, Tier
from pipeline.core.outage import ServiceState
from pipeline.core.page import Pages
from pipeline.core.paging import Desk, effects_of
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId
from pipeline.core.routing import Occasion, Route, Routing, TicketRule, Traits
from pipeline.core.ticket import TRANSITIONS, TicketStatus, decide, judge_ticket, path
from pipeline.core.topology import Topology

START = 1_795_000_000_000_000_000
MINUTE = 60_000_000_000
ACME = Impact(
    *("acme-vpn-1", "acme", "acme-gold", Tier.GOLD, ServiceState.DOWN, START, 1.0),
    path=(ResourceId("link/pe1-pe2"), ResourceId("tunnel/t1")),
)
BLUE = Impact("blue-net-1", "blue", "blue-bronze", Tier.BRONZE, ServiceState.REDUNDANCY_LOST, START)
FIRST = Incident(
    id="inc-1",
    domain="default",
    root_cause=ResourceId("link/pe1-pe2"),
    state=IncidentState.OPEN,
    severity=Severity.CRITICAL,
    reason="link pe1-pe2 is down: both ends say so",
    explanation=("pe1 and pe2 both lost it",),
    alarms=("a1", "a2"),
    impacts=(ACME, BLUE),
    started_at=START,
    opened_at=START + 1_500_000_000,
)
AGAIN = replace(FIRST, revision=2)
ENDED = replace(FIRST, state=IncidentState.RESOLVED, resolved_at=START + 90 * MINUTE, revision=3)
PLANNED = replace(FIRST, planned="mw-1")
SLIGHT = replace(FIRST, severity=Severity.WARNING, impacts=())
TOPOLOGY = Topology.of(Inventory("empty"))
ONCALL = Route("oncall", "pager")
ROUTING = Routing(routes=(ONCALL,))


def keys(incident: Incident, previous: Incident | None, routing: Routing = ROUTING) -> list[str]:
    return [effect.key for effect in told(incident, previous, routing)]


def told(incident: Incident, previous: Incident | None, routing: Routing = ROUTING) -> tuple[Effect, ...]:
    """What an incident's step asks of its ticket and of those who know what was told before."""
    pages, known = Pages(), {incident.id: incident}
    desk = Desk(routing, TOPOLOGY, pages, known.get, START)
    if previous is not None:
        Desk(routing, TOPOLOGY, pages, {previous.id: previous}.get, START).tell([(previous, None)], [previous.id])
    words = desk.tell([(incident, previous)], [incident.id])
    return (*decide(incident, previous, routing, START), *(effect for word in words for effect in effects_of(word, routing, START)))


def one(kind: EffectKind, effects: tuple[Effect, ...]) -> Effect:
    [effect] = [effect for effect in effects if effect.kind is kind]
    return effect


@pytest.mark.parametrize(
    ("story", "incident", "previous", "expected"),
    [
        ("a new incident opens one ticket and pages once", FIRST, None, ["ticket:inc-1:open", "notify:inc-1:oncall:opened"]),
        ("a revision that changes nothing that matters is silent", replace(AGAIN, alarms=("a1", "a2", "a3")), FIRST, []),
        (
            "another root cause updates the ticket and pages",
            replace(AGAIN, root_cause=ResourceId("fibre/f1")),
            FIRST,
            ["ticket:inc-1:r2", "notify:inc-1:oncall:updated:r2"],
        ),
        (
            "another service that suffers updates the ticket and pages",
            replace(AGAIN, impacts=(ACME,)),
            FIRST,
            ["ticket:inc-1:r2", "notify:inc-1:oncall:updated:r2"],
        ),
        ("a confirmation updates the ticket and pages nobody", replace(AGAIN, confirmed_by="a1"), FIRST, ["ticket:inc-1:r2"]),
        ("another severity updates the ticket and pages nobody", replace(AGAIN, severity=Severity.MAJOR), FIRST, ["ticket:inc-1:r2"]),
        ("an impact that only began earlier is no news", replace(AGAIN, impacts=(replace(ACME, since_at=1), BLUE)), FIRST, []),
        ("the end resolves the ticket and tells the route", ENDED, FIRST, ["ticket:inc-1:resolve:r3", "notify:inc-1:oncall:resolved:r3"]),
        ("a revision after the end is silent", replace(ENDED, revision=4), ENDED, []),
        (
            "an incident that came and went in one step is opened and resolved",
            ENDED,
            None,
            ["ticket:inc-1:open", "ticket:inc-1:resolve:r3", "notify:inc-1:oncall:opened", "notify:inc-1:oncall:resolved:r3"],
        ),
        (
            "an incident that comes back re-opens its ticket",
            replace(FIRST, revision=4),
            ENDED,
            ["ticket:inc-1:r4", "notify:inc-1:oncall:updated:r4"],
        ),
        ("planned work opens nothing and pages nobody", PLANNED, None, []),
        ("planned work that ends is silent", replace(ENDED, planned="mw-1"), PLANNED, []),
        (
            "a cause that turns out to be planned work takes its ticket and its page back",
            replace(PLANNED, revision=2),
            FIRST,
            ["ticket:inc-1:resolve:r2", "notify:inc-1:oncall:resolved:r2"],
        ),
        (
            "a fault that outlives its maintenance window is opened",
            AGAIN,
            PLANNED,
            ["ticket:inc-1:open", "ticket:inc-1:r2", "notify:inc-1:oncall:opened"],
        ),
        ("what is slight and that no service feels opens nothing", SLIGHT, None, []),
        ("what is slight ends without a word", replace(SLIGHT, state=IncidentState.RESOLVED, revision=2), SLIGHT, []),
        (
            "what is slight but felt opens a ticket, and is below the route's severity",
            replace(SLIGHT, impacts=(BLUE,)),
            None,
            ["ticket:inc-1:open"],
        ),
        (
            "what is grave opens a ticket though no service feels it",
            replace(FIRST, impacts=()),
            None,
            ["ticket:inc-1:open", "notify:inc-1:oncall:opened"],
        ),
        (
            "what grows is opened when it is grave enough",
            AGAIN,
            SLIGHT,
            ["ticket:inc-1:open", "notify:inc-1:oncall:opened"],
        ),
        (
            "what grew slight before its end may have a ticket, which is resolved",
            replace(SLIGHT, state=IncidentState.RESOLVED, revision=4),
            replace(SLIGHT, revision=3),
            ["ticket:inc-1:resolve:r4"],
        ),
    ],
)
def test_story(story: str, incident: Incident, previous: Incident | None, expected: list[str]) -> None:
    assert keys(incident, previous) == expected, story


@pytest.mark.parametrize(
    ("incident", "previous", "reason"),
    [
        (FIRST, None, Reason.ROOT_CAUSE_FOUND),
        (PLANNED, None, Reason.MAINTENANCE_WINDOW),
        (SLIGHT, None, Reason.BELOW_SEVERITY),
        (AGAIN, FIRST, Reason.REPEATED),
        (replace(AGAIN, impacts=()), FIRST, Reason.EVIDENCE_REVISED),
        (replace(AGAIN, confirmed_by="a1"), FIRST, Reason.CONFIRMED_BY_POLL),
        (replace(AGAIN, severity=Severity.MAJOR), FIRST, Reason.SEVERITY_CHANGED),
        (ENDED, FIRST, Reason.ALL_CLEAR),
        (replace(ENDED, revision=4), ENDED, Reason.ALREADY_SEEN),
        (replace(FIRST, revision=4), ENDED, Reason.RAISED_AFTER_CLEAR),
        (AGAIN, PLANNED, Reason.MAINTENANCE_ENDED),
        (replace(ENDED, planned="mw-1"), PLANNED, Reason.MAINTENANCE_WINDOW),
    ],
)
def test_every_decision_and_every_silence_has_its_reason(incident: Incident, previous: Incident | None, reason: Reason) -> None:
    assert judge_ticket(incident, previous, ROUTING).reason is reason


def test_a_route_gets_what_it_asked_for() -> None:
    gold_ends = Route("gold-ends", "w", tiers=(Tier.GOLD,), events=(Occasion.RESOLVED,))
    silver = Route("silver", "w", tiers=(Tier.SILVER,))
    minor = Route("minor", "w", min_severity=Severity.MINOR)
    routing = Routing((gold_ends, silver, minor))
    incident = replace(FIRST, severity=Severity.MINOR)
    assert [key for key in keys(incident, None, routing) if key.startswith("notify")] == ["notify:inc-1:minor:opened"]
    assert keys(ENDED, FIRST, routing)[1:] == ["notify:inc-1:gold-ends:resolved:r3", "notify:inc-1:minor:resolved:r3"]
    assert [step.reason for step in routing.trail(Traits.of(FIRST, TOPOLOGY, {}), START)] == [None, Reason.OTHER_TIER, None]


def test_a_route_that_comes_to_match_later_is_told_of_an_opened_incident() -> None:
    quiet = replace(FIRST, severity=Severity.MINOR)
    assert keys(AGAIN, quiet) == ["ticket:inc-1:r2", "notify:inc-1:oncall:opened"]


def test_a_storm_of_revisions_pages_ever_more_rarely_but_each_new_cause_at_once() -> None:
    def revision(number: int) -> Incident:
        return replace(FIRST, revision=number, impacts=tuple(replace(ACME, service=f"s{n}") for n in range(number)))

    paged = [number for number in range(2, 200) if len(keys(revision(number), revision(number - 1))) == 2]
    assert paged == [2, 3, 4, 5, 6, 7, 8, 16, 32, 64, 128]
    moved = replace(revision(100), root_cause=ResourceId("fibre/f1"))
    assert keys(moved, revision(99)) == ["ticket:inc-1:r100", "notify:inc-1:oncall:updated:r100"]


def test_the_ticket_says_what_where_since_when_and_for_whom() -> None:
    effect = one(EffectKind.TICKET_OPEN, decide(FIRST, None, ROUTING, START))
    assert (effect.subject, effect.route, effect.reason, effect.decided_at) == ("inc-1", "tmf621", "root-cause-found", START)
    assert effect.body["incident"] == "inc-1"
    ticket = effect.body["ticket"]
    assert ticket["name"] == "link/pe1-pe2: 1 service down, 1 without redundancy"
    assert (ticket["severity"], ticket["ticketType"], ticket["externalId"]) == ("Critical", "incident", "inc-1")
    assert ticket["description"].splitlines() == [
        "Root cause: link/pe1-pe2",
        "Why: link pe1-pe2 is down: both ends say so",
        "- pe1 and pe2 both lost it",
        "Since: 2026-11-18T11:06:40.000Z",
        "Services: 1 service down, 1 without redundancy",
        "Customers: 1 gold customer (1 service), 1 bronze customer (1 service)",
        "gold: acme-vpn-1 of acme, down since 2026-11-18T11:06:40.000Z, by link pe1-pe2 → tunnel t1",
        "bronze: blue-net-1 of blue, without redundancy since 2026-11-18T11:06:40.000Z",
    ]
    assert [(entity["id"], entity["role"]) for entity in ticket["relatedEntity"]] == [
        ("link/pe1-pe2", "rootCause"),
        ("acme-vpn-1", "affectedService"),
        ("blue-net-1", "affectedService"),
    ]
    assert [party["id"] for party in ticket["relatedParty"]] == ["acme", "blue"]


def test_the_resolution_tells_the_times() -> None:
    effect = one(EffectKind.TICKET_RESOLVE, decide(ENDED, FIRST, ROUTING, START))
    assert "Resolved: 2026-11-18T12:36:40.000Z after 1 h 30 min" in effect.body["ticket"]["description"]
    assert effect.body["resolved_at"] == ENDED.resolved_at
    assert effect.body["note"].startswith("Resolved at 2026-11-18T12:36:40.000Z (all-clear)")


def test_a_notification_names_its_webhook_and_carries_the_incident() -> None:
    effect = one(EffectKind.NOTIFY, told(FIRST, None))
    assert (effect.route, effect.body["receiver"]) == ("oncall", "pager")
    payload = effect.body["payload"]
    assert (payload["type"], payload["timestamp"]) == ("incident.opened", "2026-11-18T11:06:40.000Z")
    data = payload["data"]
    assert (data["incident"], data["severity"], data["resolved_at"], data["decision"]) == ("inc-1", "critical", None, "root-cause-found")
    assert data["services"][0] == {
        "service": "acme-vpn-1",
        "customer": "acme",
        "tier": "gold",
        "state": "down",
        "share_lost": 1.0,
        "since": "2026-11-18T11:06:40.000Z",
        "by": "link pe1-pe2 → tunnel t1",
    }
    assert data["customers"][0] == {"tier": "gold", "customers": 1, "services": 1, "down": 1}


def test_a_thousand_services_make_a_ticket_of_bounded_length() -> None:
    crowd = replace(FIRST, impacts=tuple(replace(ACME, service=f"s{number}") for number in range(1_000)))
    ticket = one(EffectKind.TICKET_OPEN, decide(crowd, None, ROUTING, START)).body["ticket"]
    assert "and 800 more services" in ticket["description"]
    assert len(ticket["relatedEntity"]) == 201


def test_the_transitions_are_told_for_every_status_and_lead_only_to_statuses() -> None:
    assert set(TRANSITIONS) == set(TicketStatus)
    assert {status for steps in TRANSITIONS.values() for status in steps} <= set(TicketStatus)
    finals = {status for status, steps in TRANSITIONS.items() if not steps}
    assert finals == {TicketStatus.CLOSED, TicketStatus.REJECTED, TicketStatus.CANCELLED}


@pytest.mark.parametrize(
    ("status", "goal", "way"),
    [
        ("acknowledged", "resolved", ["inProgress", "resolved"]),
        ("acknowledged", "closed", ["inProgress", "resolved", "closed"]),
        ("held", "resolved", ["inProgress", "resolved"]),
        ("pending", "resolved", ["inProgress", "resolved"]),
        ("resolved", "inProgress", ["inProgress"]),
        ("resolved", "resolved", []),
        ("closed", "resolved", None),
        ("cancelled", "inProgress", None),
        ("inProgress", "acknowledged", None),
    ],
)
def test_the_way_from_status_to_status(status: str, goal: str, way: list[str] | None) -> None:
    found = path(TicketStatus(status), TicketStatus(goal))
    assert (None if found is None else [step.value for step in found]) == way


@given(st.sampled_from(TicketStatus), st.sampled_from(TicketStatus))
def test_every_way_obeys_the_table(status: TicketStatus, goal: TicketStatus) -> None:
    for step in path(status, goal) or ():
        assert step in TRANSITIONS[status]
        status = step


REVISIONS = st.lists(
    st.builds(
        lambda severity, impacts, cause, planned, confirmed: replace(
            FIRST, severity=severity, impacts=tuple(impacts), root_cause=ResourceId(cause), planned=planned, confirmed_by=confirmed
        ),
        st.sampled_from(Severity),
        st.lists(st.sampled_from([ACME, BLUE]), unique=True),
        st.sampled_from(["link/l1", "fibre/f1"]),
        st.sampled_from(["", "", "", "mw-1"]),
        st.sampled_from(["", "a1"]),
    ),
    min_size=1,
    max_size=12,
)


@given(REVISIONS)
def test_whatever_the_history_there_is_one_ticket_a_replay_adds_nothing_and_an_opened_one_is_resolved(revisions: list[Incident]) -> None:
    history = [replace(incident, revision=number) for number, incident in enumerate(revisions, start=1)]
    history.append(replace(history[-1], revision=len(history) + 1, state=IncidentState.RESOLVED, resolved_at=START + MINUTE))

    def told() -> list[str]:
        steps = zip(history, [None, *history], strict=False)
        return [effect.key for incident, previous in steps for effect in decide(incident, previous, ROUTING, START)]

    effects = told()
    assert told() == effects
    tickets = list(dict.fromkeys(key for key in effects if key.startswith("ticket")))
    opened = [key for key in tickets if key.endswith(":open")]
    assert len(opened) <= 1
    if opened:
        assert tickets.index("ticket:inc-1:open") < max(number for number, key in enumerate(tickets) if ":resolve:" in key)


def test_planned_work_that_takes_over_a_slight_incident_resolves_its_ticket() -> None:
    """It was severe once, so there is a ticket; neither what it is now nor its planned end would speak of it again."""
    slight = replace(SLIGHT, revision=2)
    planned = replace(slight, revision=3, planned="mw-1")
    ended = replace(planned, revision=4, state=IncidentState.RESOLVED, resolved_at=START + MINUTE)
    steps = pairwise((FIRST, slight, planned, ended))
    said = [effect.key for before, after in steps for effect in decide(after, before, ROUTING, START) if effect.key.startswith("ticket")]
    assert said == ["ticket:inc-1:r2", "ticket:inc-1:resolve:r3"]


def test_the_ticket_system_is_named_by_the_routing() -> None:
    routing = Routing(tickets=TicketRule(system="other", min_severity=Severity.WARNING))
    [effect] = decide(SLIGHT, None, routing, START)
    assert (effect.route, effect.key) == ("other", "ticket:inc-1:open")
