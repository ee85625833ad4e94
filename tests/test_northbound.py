"""What other systems read, on the real stores: TM Forum's forms, joined; and filters that mean in the store what they say of the form."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pipeline.api.tmf.attributes import ALARM, ALARM_FIELDS, OBJECTIVE_FIELDS, PROBLEM, PROBLEM_FIELDS, VIOLATION, VIOLATION_FIELDS
from pipeline.api.tmf.query import Attribute
from pipeline.core.alarm import AlarmChange, OperatorState
from pipeline.core.event import EventSource, Severity
from pipeline.core.incident import Incident
from pipeline.core.operation import Answer, Comment, OperationKind, Outcome
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId
from pipeline.core.selection import Comparison, Filter, Order, Selection
from pipeline.inventory.present import PresentInventory
from pipeline.northbound import Northbound
from pipeline.tmf.matching import values_at
from tests.support.history_samples import NOW, S, alarm_change, evaluation, incident, operation
from tests.support.stores import Stores, engine, stores
from tests.support.tmf_schemas import conform, published

__all__ = ["engine", "stores"]

Json = dict[str, Any]
ROOT = ResourceId("fibre/f-ams-rtm-1")


@pytest.fixture
def northbound(stores: Stores) -> Iterator[Northbound]:
    with Northbound(stores.settings, stores.obligations, PresentInventory(stores.settings).current, lambda: NOW) as opened:
        yield opened


def alarm(name: str, **changes: Any) -> AlarmChange:
    change = alarm_change(name=name)
    return replace(change, alarm=replace(change.alarm, **changes))


def told(kind: OperationKind, name: str, **changes: Any) -> Answer:
    return Answer(operation(name, kind=kind, **changes), Outcome.DONE, Reason.COMMENTED, "", NOW + S)


@pytest.fixture
def full(stores: Stores) -> Stores:
    """An incident with an alarm on its cause and one that follows from it; alarms of other kinds; somebody's words and deeds."""
    stores.keep(
        alarm("al-root", resource=ROOT, alarm_type="fibre-cut", severity=Severity.CRITICAL, event_type="equipment-alarm", device=""),
        alarm("al-1", operator_state=OperatorState.ACK),
        alarm("al-2", severity=Severity.WARNING, last_raised_at=NOW - 60 * S, last_changed_at=NOW - 30 * S, qualifier="in"),
        alarm("al-3", severity=Severity.MINOR, is_cleared=True, cleared_at=NOW + S, cleared_by=EventSource.OPERATOR, event_type="other"),
        alarm("al-4", severity=Severity.INDETERMINATE, last_raised_at=NOW + 5 * S, last_changed_at=NOW + 5 * S),
        replace(incident(), alarms=("al-root", "al-1")),
        replace(incident(name="in-2"), planned="mw-7", alarms=(), impacts=(), severity=Severity.MINOR, opened_at=NOW + 9 * S),
        replace(incident(name="in-3"), acknowledged_by="noc:alice", acknowledged_at=NOW, comments=(Comment(NOW, "noc:alice", "on it"),)),
        incident(name="in-4", resolved=True),
        evaluation(),
        replace(evaluation(), id="ev-2", service="beta-1", violated=False),
        told(OperationKind.ACK, "op-1", target="al-1", operator="noc:alice", text="mine"),
        told(OperationKind.COMMENT, "op-2", target="al-1", operator="bob", text="card is hot", at=NOW + 2 * S),
        told(OperationKind.CLOSE, "op-3", target="al-3", operator="bob"),
    )
    stores.link_ticket()
    return stores


def by_id(found: tuple[int, list[Json]]) -> dict[str, Json]:
    return {each["id"]: each for each in found[1]}


def test_an_alarm_tells_its_cause_its_services_and_what_people_did(full: Stores, northbound: Northbound) -> None:
    found = by_id(northbound.alarms(Selection()))
    symptom, root = found["al-1"], found["al-root"]
    assert (symptom["isRootCause"], root["isRootCause"]) == (False, True)
    assert [each["id"] for each in symptom["parentAlarm"]] == ["al-root"]
    assert "correlatedAlarm" not in symptom
    assert [each["id"] for each in root["correlatedAlarm"]] == ["al-1"]
    assert symptom["affectedService"] == [{"id": "acme-vpn-1"}]
    assert (symptom["ackState"], symptom["ackUserId"], symptom["ackSystemId"]) == ("acknowledged", "alice", "noc")
    assert [(each["userId"], each["comment"]) for each in symptom["comment"]] == [("alice", "mine"), ("bob", "card is hot")]
    assert root["sourceSystemId"] == "assurance-pipeline"
    assert "isRootCause" not in found["al-4"]


def test_a_cleared_alarm_has_no_severity_any_more_and_says_who_cleared_it(full: Stores, northbound: Northbound) -> None:
    """X.733 and TMF642 call that perceived severity cleared; an event type that TMF642 does not have is left out."""
    [cleared] = northbound.alarms_of(["al-3"])
    assert (cleared["perceivedSeverity"], cleared["state"], cleared["clearUserId"]) == ("cleared", "cleared", "bob")
    assert cleared["alarmClearedTime"]
    assert "alarmType" not in cleared
    assert by_id(northbound.alarms(Selection()))["al-2"]["state"] == "updated"


def test_an_incident_is_a_service_problem_with_its_ticket_and_customers(full: Stores, northbound: Northbound) -> None:
    found = by_id(northbound.problems(Selection()))
    one = found["in-1"]
    assert {name: each["status"] for name, each in found.items()} == {
        "in-1": "acknowledged",
        "in-2": "held",
        "in-3": "inProgress",
        "in-4": "resolved",
    }
    assert (one["priority"], one["affectedNumberOfServices"], found["in-2"]["priority"]) == (1, 1, 4)
    assert [each["id"] for each in one["troubleTicket"]] == ["TT-1"]
    assert [each["id"] for each in one["underlyingAlarm"]] == ["al-root", "al-1"]
    assert [(each["id"], each["name"]) for each in one["relatedParty"]] == [("acme", "Acme Trading")]
    assert [(each["author"], each["text"]) for each in found["in-3"]["note"]] == [("alice", "on it")]
    assert found["in-2"]["statusChangeReason"] == "planned work: mw-7"
    assert northbound.problem("in-1") == one
    assert northbound.problem("nothing") is None


def test_an_objective_is_what_was_agreed_for_this_month(full: Stores, northbound: Northbound) -> None:
    total, found = northbound.objectives(Selection())
    assert (total, [each["id"] for each in found]) == (2, ["acme-vpn-1:availability", "beta-1:availability"])
    assert found[0]["agreement"]["id"] == "acme-gold"
    assert float(found[0]["conformanceTarget"]) > 90
    assert found[0]["conformancePeriod"]["startDateTime"] < found[0]["conformancePeriod"]["endDateTime"]
    one = Selection((Filter("relatedParty.id", Comparison.EQUAL, ("beta",)),))
    assert [each["service"]["id"] for each in northbound.objectives(one)[1]] == ["beta-1"]


def test_a_violation_is_a_missed_target_and_nothing_else(full: Stores, northbound: Northbound) -> None:
    total, [one] = northbound.violations(Selection())
    assert (total, one["id"], one["service"]["id"]) == (1, "ev-1", "acme-vpn-1")
    assert (one["violation"]["rule"]["referenceValue"], one["violation"]["actualValue"]) == ("99.99", "99.98843")
    assert one["violation"]["rule"]["consequence"] == "credit of 120.00 EUR"


def test_a_month_that_is_rated_again_and_met_is_no_violation_any_more(full: Stores, northbound: Northbound) -> None:
    full.keep(replace(evaluation(), id="ev-9", revision=2, violated=False))
    assert northbound.violations(Selection()) == (0, [])


@pytest.mark.parametrize(("listing", "attributes"), [("alarms", ALARM), ("problems", PROBLEM), ("violations", VIOLATION)])
def test_a_filter_keeps_what_shows_that_value_and_ne_the_rest(
    full: Stores, northbound: Northbound, listing: str, attributes: dict[str, Attribute]
) -> None:
    """Filters are judged by the store, forms are made of its rows: both must mean the same, for every value that is there."""
    everything = getattr(northbound, listing)(Selection())[1]
    for path, attribute in attributes.items():
        for word in {str(each) for one in everything for each in values_at(one, path)}:
            showing = {one["id"] for one in everything if word in {str(each) for each in values_at(one, path)}}
            for comparison, wanted in ((Comparison.EQUAL, showing), (Comparison.NOT_EQUAL, {one["id"] for one in everything} - showing)):
                asked = Selection((Filter(attribute.name, comparison, (attribute.read(word),)),))
                total, found = getattr(northbound, listing)(asked)
                assert ({one["id"] for one in found}, total) == (wanted, len(wanted)), (path, word)


@pytest.mark.parametrize(("comparison", "kept"), [("gt", {"al-4"}), ("gte", {"al-4", "al-1", "al-3", "al-root"}), ("lt", {"al-2"})])
def test_times_compare(full: Stores, northbound: Northbound, comparison: str, kept: set[str]) -> None:
    chosen = Filter("last_raised_at", Comparison(comparison), (NOW,))
    assert set(by_id(northbound.alarms(Selection((chosen,))))) == kept


def test_severities_compare_with_cleared_below_all(full: Stores, northbound: Northbound) -> None:
    at_least = Filter("severity", Comparison.AT_LEAST, (ALARM["perceivedSeverity"].read("major"),))
    assert set(by_id(northbound.alarms(Selection((at_least,))))) == {"al-root", "al-1"}


def test_pages_in_an_order_hold_everything_once(full: Stores, northbound: Northbound) -> None:
    names = []
    for offset in range(0, 6, 2):
        total, found = northbound.alarms(Selection(order=(Order("severity", descending=True),), offset=offset, limit=2))
        assert total == 5
        names += [each["id"] for each in found]
    assert names == ["al-root", "al-1", "al-2", "al-4", "al-3"]
    assert northbound.alarms(Selection(offset=99)) == (5, [])


@pytest.mark.parametrize(
    ("listing", "fields"),
    [("alarms", ALARM_FIELDS), ("problems", PROBLEM_FIELDS), ("objectives", OBJECTIVE_FIELDS), ("violations", VIOLATION_FIELDS)],
)
def test_every_attribute_that_is_shown_can_be_asked_for(
    full: Stores, northbound: Northbound, listing: str, fields: tuple[str, ...]
) -> None:
    for one in getattr(northbound, listing)(Selection())[1]:
        assert set(one) <= set(fields)


@pytest.mark.needs_schemas
@pytest.mark.parametrize(
    ("document", "name", "listing"),
    [("TMF642-Alarm-v4.0.0", "Alarm", "alarms"), ("TMF656-ServiceProblem-v4.0.0", "ServiceProblem", "problems")],
)
def test_forms_are_valid_by_the_published_definitions(full: Stores, northbound: Northbound, document: str, name: str, listing: str) -> None:
    schema = published(document)
    found = getattr(northbound, listing)(Selection())[1]
    assert found
    for one in found:
        conform(schema, name, one)
        assert one["href"].startswith(schema["basePath"] + name[:1].lower() + name[1:])


def test_an_incident_of_many_services_is_told_whole(stores: Stores, northbound: Northbound) -> None:
    made: Incident = incident()
    impacts = tuple(replace(made.impacts[0], service=f"s-{number}", customer=f"c-{number % 7}") for number in range(500))
    stores.keep(replace(made, impacts=impacts))
    one = northbound.problem("in-1")
    assert one is not None
    assert (one["affectedNumberOfServices"], len(one["affectedService"]), len(one["relatedParty"])) == (500, 500, 7)
