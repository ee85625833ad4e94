"""Acknowledging, clearing and commenting by TMF642's tasks and by PATCH: by an operator's token, in two names, once by its key."""

from typing import Any

import pytest

from pipeline.core.operation import OperationError, OperationKind
from pipeline.core.reason import Reason
from tests.support.console import Client
from tests.support.fake_operating import FakeOperating
from tests.support.tmf_api import ALARM, BEARER, PROBLEM, TOKENS, VIEWER, Start
from tests.support.tmf_schemas import conform, published

BASE = ALARM.rpartition("/")[0]
AT = "2026-11-26T12:00:00Z"
ACK = {"ackUserId": "alice", "ackSystemId": "noc", "ackTime": AT, "alarmPattern": [{"id": "al-1"}, {"id": "al-2"}]}
CLEAR = {"clearUserId": "alice", "clearSystemId": "noc", "alarmClearedTime": AT, "alarmPattern": [{"id": "al-1"}]}
COMMENT = {"comment": {"comment": "card is hot", "userId": "alice"}, "alarmPattern": [{"id": "al-1"}]}
TASKS = [
    ("ackAlarms", ACK, OperationKind.ACK, "ackedAlarm"),
    ("unAckAlarms", ACK, OperationKind.UNACK, "unAckedAlarm"),
    ("clearAlarms", CLEAR, OperationKind.CLOSE, "clearedAlarm"),
    ("commentAlarms", COMMENT, OperationKind.COMMENT, "commentedAlarm"),
]


@pytest.fixture
async def client(start: Start) -> Client:
    return await start(tokens=TOKENS)


async def send(client: Client, method: str, path: str, body: Any, **headers: str) -> tuple[int, Any]:
    answer = await client.request(method, path, json=body, headers={**BEARER, **headers})
    return answer.status, await answer.json()


@pytest.mark.parametrize(("task", "body", "kind", "answered"), TASKS)
async def test_a_task_is_done_to_each_alarm_in_the_name_of_system_and_person(
    client: Client, operating: FakeOperating, task: str, body: Any, kind: OperationKind, answered: str
) -> None:
    status, told = await send(client, "POST", f"{BASE}/{task}", body)
    names = [each["id"] for each in body["alarmPattern"]]
    assert (status, told["state"], [each["id"] for each in told[answered]]) == (201, "completed", names)
    assert [(given.kind, given.target, given.operator, kinds) for given, kinds in operating.asked] == [
        (kind, name, "noc:alice", ("alarm",)) for name in names
    ]
    if kind is OperationKind.COMMENT:
        assert operating.asked[0][0].text == "card is hot"


@pytest.mark.needs_schemas
@pytest.mark.parametrize(("task", "body", "kind", "answered"), TASKS)
async def test_tasks_are_sent_and_answered_as_published(
    client: Client, operating: FakeOperating, task: str, body: Any, kind: OperationKind, answered: str
) -> None:
    schema, name = published("TMF642-Alarm-v4.0.0"), task[:1].upper() + task[1:]
    conform(schema, f"{name}_Create", body)
    conform(schema, name, (await send(client, "POST", f"{BASE}/{task}", body))[1])


async def test_what_is_done_in_part_says_to_which(client: Client, operating: FakeOperating) -> None:
    operating.refused = {"al-2"}
    status, told = await send(client, "POST", f"{BASE}/ackAlarms", ACK)
    assert (status, told["state"], told["ackedAlarm"]) == (201, "partiallyCompleted", [{"id": "al-1", "href": f"{ALARM}/al-1"}])
    operating.refused = {"al-1", "al-2"}
    assert (await send(client, "POST", f"{BASE}/ackAlarms", ACK))[0] == 409


async def test_the_same_key_is_the_same_operations(client: Client, operating: FakeOperating) -> None:
    key = {"Idempotency-Key": "k-1"}
    for _ in range(2):
        await send(client, "POST", f"{BASE}/ackAlarms", ACK, **key)
    await send(client, "POST", f"{BASE}/ackAlarms", ACK)
    ids = [given.id for given, _ in operating.asked]
    assert (ids[:2] == ids[2:4], len(set(ids))) == (True, 4)


async def test_only_a_whole_id_names_an_alarm(client: Client, operating: FakeOperating) -> None:
    """By the API for people a beginning does; a system that sends one has made a mistake."""
    body = {**ACK, "alarmPattern": [{"id": "al-1"}, {"id": "al"}]}
    assert (await send(client, "POST", f"{BASE}/ackAlarms", body))[0] == 404
    assert (await send(client, "PATCH", f"{ALARM}/al", {"ackState": "acknowledged"}))[0] == 404
    assert (await send(client, "PATCH", f"{PROBLEM}/in", {"status": "inProgress"}))[0] == 404
    assert operating.asked == []


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"ackState": "acknowledged", "ackUserId": "alice"}, [(OperationKind.ACK, "noc:alice", "")]),
        ({"ackState": "unacknowledged"}, [(OperationKind.UNACK, "noc", "")]),
        ({"state": "cleared", "clearUserId": "bob"}, [(OperationKind.CLOSE, "noc:bob", "")]),
        ({"perceivedSeverity": "cleared", "@type": "Alarm"}, [(OperationKind.CLOSE, "noc", "")]),
        (
            {"comment": [{"comment": "look", "userId": "alice"}], "ackState": "acknowledged"},
            [(OperationKind.COMMENT, "noc:alice", "look"), (OperationKind.ACK, "noc", "")],
        ),
        ({}, []),
    ],
)
async def test_an_alarm_is_changed_in_what_people_decide(client: Client, operating: FakeOperating, change: Any, asked: Any) -> None:
    """The answer shows it as changed, though the history follows a second later."""
    status, told = await send(client, "PATCH", f"{ALARM}/al-1", change, **{"Content-Type": "application/merge-patch+json"})
    assert (status, told["id"]) == (200, "al-1")
    assert sorted((given.kind, given.operator, given.text) for given, _ in operating.asked) == sorted(asked)
    assert told["ackState"] == change.get("ackState", "unacknowledged")
    if OperationKind.CLOSE in {kind for kind, *_ in asked}:
        assert (told["state"], told["perceivedSeverity"], bool(told["alarmClearedTime"])) == ("cleared", "cleared", True)


async def test_a_problem_gets_notes_and_statuses(client: Client, operating: FakeOperating) -> None:
    status, told = await send(
        client, "PATCH", f"{PROBLEM}/in-1", {"status": "inProgress", "note": [{"text": "on my way", "author": "alice"}]}
    )
    assert (status, told["status"]) == (200, "inProgress")
    assert sorted((given.kind.value, given.target, given.operator, kinds) for given, kinds in operating.asked) == [
        ("ack", "in-1", "noc", ("incident",)),
        ("comment", "in-1", "noc:alice", ("incident",)),
    ]
    assert (await send(client, "PATCH", f"{PROBLEM}/in-1", {"status": "closed"}))[1]["status"] == "resolved"


WRONG = [
    ("POST", f"{BASE}/ackAlarms", {**ACK, "alarmPattern": []}, "$.alarmPattern"),
    ("POST", f"{BASE}/ackAlarms", {"alarmPattern": [{"id": "al-1"}]}, "$.ackUserId: is missing"),
    ("POST", f"{BASE}/ackAlarms", {**ACK, "ackUserId": "a:b"}, "$.ackUserId"),
    ("POST", f"{BASE}/ackAlarms", {**ACK, "ackTime": "now"}, "$.ackTime"),
    ("POST", f"{BASE}/clearAlarms", {**CLEAR, "alarmPattern": [{"state": "raised"}]}, "$.alarmPattern"),
    ("POST", f"{BASE}/commentAlarms", {**COMMENT, "comment": {"comment": "\x1b[2J"}}, "$.comment"),
    ("POST", f"{BASE}/commentAlarms", {**COMMENT, "comment": {}}, "$.comment"),
    ("PATCH", f"{ALARM}/al-1", {"perceivedSeverity": "minor"}, "$.perceivedSeverity: is cleared"),
    ("PATCH", f"{ALARM}/al-1", {"alarmDetails": "x"}, "$.alarmDetails: cannot be set here"),
    ("PATCH", f"{ALARM}/al-1", [], "an object is wanted"),
    ("PATCH", f"{PROBLEM}/in-1", {"status": "held"}, "$.status"),
    ("PATCH", f"{PROBLEM}/in-1", {"note": [{"author": "alice"}]}, "$.note"),
]


@pytest.mark.parametrize(("method", "path", "body", "told"), WRONG)
async def test_what_cannot_be_asked_is_refused_by_its_path(
    client: Client, operating: FakeOperating, method: str, path: str, body: Any, told: str
) -> None:
    status, error = await send(client, method, path, body)
    assert (status, told in error["message"], operating.asked) == (400, True, [])


@pytest.mark.parametrize(("method", "path"), [("POST", f"{BASE}/ackAlarms"), ("PATCH", f"{ALARM}/al-1"), ("PATCH", f"{PROBLEM}/in-1")])
async def test_only_an_operator_changes_anything(client: Client, operating: FakeOperating, method: str, path: str) -> None:
    for headers, status in (({}, 401), ({"Authorization": f"Bearer {VIEWER}"}, 403)):
        answer = await client.request(method, path, json=ACK, headers=headers)
        assert (answer.status, (await answer.json())["code"], operating.asked) == (status, str(status), [])
    form = await client.request(method, path, data=b"{}", headers={**BEARER, "Content-Type": "text/plain"})
    assert (form.status, operating.asked) == (415, [])


async def test_what_is_kept_and_not_answered_or_cannot_be_kept_is_told_as_such(client: Client, operating: FakeOperating) -> None:
    operating.outcome = "waiting"
    assert (await send(client, "PATCH", f"{ALARM}/al-1", {"ackState": "acknowledged"}))[0] == 503
    operating.down = OperationError("there is no alarm", Reason.UNKNOWN_TARGET)
    assert (await send(client, "POST", f"{BASE}/ackAlarms", ACK))[0] == 404
    operating.down = ConnectionError("no")
    assert (await send(client, "POST", f"{BASE}/ackAlarms", ACK))[0] == 503
