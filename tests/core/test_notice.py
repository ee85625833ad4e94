"""What customers are told of an incident's revisions, and what is left out when it is due."""

from dataclasses import replace

import pytest

from pipeline.core.effect import Effect, EffectKind
from pipeline.core.event import Severity
from pipeline.core.incident import ABSORBED, Impact, Incident, IncidentState
from pipeline.core.inventory import Channel, Contact, Customer, Tier
from pipeline.core.notice import MINUTE_NS, NoticeRule, Notices, Past, Send, Skip, Stage, Verdict, Wait, follow_up, judge, notices
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId

START = 1_795_000_000_000_000_000
CONTACT = (Contact(Channel.EMAIL, "noc@acme.example"),)
CUSTOMERS = {
    "acme": Customer("acme", "Acme Ltd", Tier.GOLD, contacts=CONTACT),
    "blue": Customer("blue", "Blue", Tier.BRONZE, contacts=CONTACT),
    "mute": Customer("mute", "Mute", Tier.GOLD),
}
POLICY = Notices((NoticeRule("gold", (Tier.GOLD,), after_min=2, progress_every_min=30), NoticeRule("rest", states=(ServiceState.DOWN,))))
DOWN = Impact("acme-vpn", "acme", "c1", Tier.GOLD, ServiceState.DOWN, START)
FIRST = Incident(
    id="inc-1",
    domain="default",
    root_cause=ResourceId("fibre/f-ams-fra"),
    state=IncidentState.OPEN,
    severity=Severity.CRITICAL,
    reason="it is cut",
    explanation=(),
    alarms=("a1",),
    impacts=(DOWN,),
    started_at=START,
    opened_at=START + 10**9,
)
ENDED = replace(FIRST, state=IncidentState.RESOLVED, resolved_at=START + 90 * MINUTE_NS, revision=3)


def told(incident: Incident, previous: Incident | None = None) -> list[tuple[str, str]]:
    """Customer and stage of each message."""
    return [(effect.body["customer"], effect.body["stage"]) for effect in notices(incident, previous, POLICY, CUSTOMERS, START + 10**9)]


def test_a_customer_with_contacts_is_told_first_what_they_feel() -> None:
    """In their own words later: the body has the kind of the cause, and no name of the network's."""
    (effect,) = notices(FIRST, None, POLICY, CUSTOMERS, START + 10**9)
    assert (effect.kind, effect.subject, effect.route) == (EffectKind.MESSAGE, "inc-1", "customer:acme")
    assert effect.key == "message:inc-1:acme:first:r1"
    assert effect.body["cause"] == "fibre"
    assert effect.body["due_at"] == START + 2 * MINUTE_NS
    assert effect.body["services"] == [{"service": "acme-vpn", "state": "down", "since_at": START}]
    assert "f-ams-fra" not in str(effect.body)


@pytest.mark.parametrize(
    ("impact", "count"),
    [
        (replace(DOWN, customer="mute"), 0),  # no contacts
        (replace(DOWN, customer="stranger"), 0),
        (replace(DOWN, state=ServiceState.REDUNDANCY_LOST), 0),  # they feel nothing
        (replace(DOWN, customer="blue", tier=Tier.BRONZE, state=ServiceState.DEGRADED), 0),  # not by their rule
        (replace(DOWN, customer="blue", tier=Tier.BRONZE), 1),
    ],
)
def test_who_is_told_goes_by_the_rules(impact: Impact, count: int) -> None:
    assert len(told(replace(FIRST, impacts=(impact,)))) == count


def test_a_change_of_what_is_felt_is_progress_and_another_detail_is_not() -> None:
    worse = replace(FIRST, impacts=(DOWN, replace(DOWN, service="acme-web")), revision=2)
    assert told(worse, FIRST) == [("acme", "progress")]
    assert told(replace(FIRST, severity=Severity.MAJOR, revision=2), FIRST) == []


@pytest.mark.parametrize(
    ("after", "stage"),
    [
        (ENDED, "restored"),
        (replace(FIRST, impacts=(), revision=2), "restored"),
        (replace(ENDED, reason=f"{ABSORBED}inc-2"), "withdrawn"),
        (replace(FIRST, planned="mw-1", revision=2), "withdrawn"),
        (replace(FIRST, shelved="a noisy port", revision=2), "withdrawn"),
    ],
)
def test_what_is_no_longer_felt_is_over_or_taken_over(after: Incident, stage: str) -> None:
    assert told(after, FIRST) == [("acme", stage)]
    assert told(after) == []  # nobody was told of it


def test_planned_work_that_overruns_is_told() -> None:
    assert told(FIRST, replace(FIRST, planned="mw-1")) == [("acme", "first")]


SENT_FIRST = Past("1", Stage.FIRST, pending=False, sent=True)
KEPT_FIRST = replace(SENT_FIRST, sent=False)
RESTORED = Past("9", Stage.RESTORED, pending=True, sent=False)
PROGRESS = Past("5", Stage.PROGRESS, pending=True, sent=False)


@pytest.mark.parametrize(
    ("stage", "earlier", "later", "may_send", "verdict"),
    [
        (Stage.FIRST, (), (), True, Send),
        (Stage.FIRST, (), (RESTORED,), True, Skip),  # it was over before it was due
        (Stage.FIRST, (), (PROGRESS,), True, Send),
        (Stage.FIRST, (), (), False, Wait),
        (Stage.PROGRESS, (SENT_FIRST,), (), True, Send),
        (Stage.PROGRESS, (KEPT_FIRST,), (), True, Skip),  # nobody knows that there is anything
        (Stage.PROGRESS, (SENT_FIRST,), (RESTORED,), True, Skip),
        (Stage.PROGRESS, (SENT_FIRST,), (), False, Skip),
        (Stage.RESTORED, (SENT_FIRST,), (), True, Send),
        (Stage.RESTORED, (KEPT_FIRST,), (), True, Skip),
        (Stage.RESTORED, (SENT_FIRST, replace(RESTORED, sent=True, pending=False)), (), True, Skip),  # it was told already
        (Stage.RESTORED, (SENT_FIRST,), (), False, Wait),  # that it is over must be told
        (Stage.WITHDRAWN, (SENT_FIRST,), (), True, Skip),
    ],
)
def test_what_is_due_is_judged_by_what_came_before_and_after(
    stage: Stage, earlier: tuple[Past, ...], later: tuple[Past, ...], may_send: bool, verdict: type[Verdict]
) -> None:
    assert isinstance(judge(stage, START, earlier, later, START, may_send=may_send), verdict)


def test_nothing_goes_out_before_it_is_due() -> None:
    assert judge(Stage.FIRST, START + 90 * 10**9, (), (), START, may_send=True) == Wait(90.0, "not due yet")


def test_progress_by_time_follows_while_it_lasts() -> None:
    """On a route of its own, with a key that differs for each and is the same when it is asked again."""
    (effect,) = notices(FIRST, None, POLICY, CUSTOMERS, START)
    following = follow_up(effect, 1, START + 5 * MINUTE_NS)
    assert isinstance(following, Effect)
    assert following.route == "customer:acme:lasting"
    assert following.body["due_at"] == START + 35 * MINUTE_NS
    assert following == follow_up(effect, 1, START + 5 * MINUTE_NS)
    second = follow_up(following, 2, START + 35 * MINUTE_NS)
    assert second is not None
    assert second.key != following.key
    assert follow_up(replace(effect, body={**effect.body, "every_ns": 0}), 1, START) is None
