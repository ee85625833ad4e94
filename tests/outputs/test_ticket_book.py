"""The built-in ticket book speaks TMF621 v4: what it accepts, refuses and shows, over real HTTP."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiohttp import ClientSession

from pipeline.core.event import Severity
from pipeline.core.incident import Impact, Incident, IncidentState
from pipeline.core.inventory import Tier
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId
from pipeline.core.ticket import TRANSITIONS, TicketStatus, path, ticket_fields
from pipeline.outputs.ticketing.tmf621 import PATH

NEW: dict[str, Any] = {
    "name": "link/pe1-pe2",
    "description": "Root cause: link/pe1-pe2",
    "severity": "Critical",
    "ticketType": "incident",
    "externalId": "inc-1",
    "relatedEntity": [{"id": "link/pe1-pe2", "role": "rootCause", "@referredType": "Resource"}],
    "relatedParty": [{"id": "acme", "role": "customer", "@referredType": "Customer"}],
    "note": [{"text": "opened by the pipeline", "author": "assurance-pipeline", "id": "n1"}],
}


class Client:
    """Calls the book and gives (status, body, headers)."""

    def __init__(self, session: ClientSession, base: str) -> None:
        self._session = session
        self._base = base

    async def call(self, method: str, where: str = "", body: Any = None, **headers: str) -> tuple[int, Any, Mapping[str, str]]:
        async with self._session.request(
            method, f"{self._base}{PATH}{where}", json=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
        ) as response:
            return response.status, await response.json(), response.headers.copy()

    async def made(self, **changes: Any) -> str:
        status, ticket, _ = await self.call("POST", body={**NEW, **changes})
        assert status == 201, ticket
        return str(ticket["id"])


@pytest.fixture
def client(session: ClientSession, book_url: str) -> Client:
    return Client(session, book_url)


async def test_a_ticket_gets_a_number_and_can_be_read_back(client: Client) -> None:
    status, ticket, headers = await client.call("POST", body=NEW)
    assert (status, ticket["id"], ticket["status"], ticket["externalId"]) == (201, "TT-000001", "acknowledged", "inc-1")
    assert headers["Location"] == ticket["href"] == f"{PATH}/TT-000001"
    assert {name: ticket[name] for name in NEW if name != "note"} == {name: NEW[name] for name in NEW if name != "note"}
    assert (await client.call("GET", "/TT-000001"))[1] == ticket
    assert await client.made(externalId="inc-2") == "TT-000002"


@pytest.mark.parametrize("missing", ["description", "severity", "ticketType"])
@pytest.mark.parametrize("value", [None, ""])
async def test_a_ticket_without_a_required_attribute_is_refused_by_its_name(client: Client, missing: str, value: str | None) -> None:
    status, error, _ = await client.call("POST", body={**NEW, missing: value})
    assert (status, error["status"], missing in error["message"]) == (400, "400", True)


@pytest.mark.parametrize(
    "body",
    [
        [],
        "x",
        {**NEW, "severity": 5},
        {**NEW, "surprise": 1},
        {**NEW, "id": "TT-000007"},
        {**NEW, "status": "resolved"},
        {**NEW, "status": "asleep"},
        {**NEW, "relatedEntity": [{"id": "x"}]},
        {**NEW, "relatedParty": {"id": "x"}},
        {**NEW, "note": [5]},
    ],
)
async def test_a_malformed_ticket_is_refused_with_a_tmf_error(client: Client, body: Any) -> None:
    status, error, _ = await client.call("POST", body=body)
    assert status == 400
    assert set(error) == {"code", "reason", "message", "status", "@type"}
    assert (await client.call("GET"))[1] == []


async def test_bytes_that_are_no_json_and_forms_of_browsers_are_refused(session: ClientSession, book_url: str) -> None:
    async with session.post(book_url + PATH, data=b"{", headers={"Content-Type": "application/json"}) as response:
        assert response.status == 400
    async with session.post(book_url + PATH, data={"severity": "x"}) as response:
        assert response.status == 415
    async with session.post(book_url + PATH, data=b"[" * 100_000, headers={"Content-Type": "application/json"}) as response:
        assert response.status == 400
    async with session.post(book_url + PATH, data=b" " * 2_000_000, headers={"Content-Type": "application/json"}) as response:
        assert response.status == 413
        assert (await response.json())["status"] == "413"


async def test_an_external_id_makes_one_ticket_however_many_ask_at_once(client: Client) -> None:
    answers = await asyncio.gather(*(client.call("POST", body=NEW) for _ in range(6)))
    assert sorted(status for status, _, _ in answers) == [201, 409, 409, 409, 409, 409]


@pytest.mark.parametrize("goal", TicketStatus)
@pytest.mark.parametrize("status", TicketStatus)
async def test_statuses_change_as_the_table_allows_and_no_other_way(client: Client, status: TicketStatus, goal: TicketStatus) -> None:
    number = await client.made()
    for step in path(TicketStatus.ACKNOWLEDGED, status) or ():
        assert (await client.call("PATCH", f"/{number}", {"status": step.value}))[0] == 200
    answered, body, _ = await client.call("PATCH", f"/{number}", {"status": goal.value, "statusChangeReason": "because"})
    assert answered == (200 if goal in TRANSITIONS[status] or goal is status else 409)
    if answered == 409:
        assert status.value in body["message"]
    elif goal is not status:
        assert (body["status"], body["statusChangeReason"], body["statusChange"][-1]["status"]) == (goal.value, "because", goal.value)


async def test_a_patch_merges_fields_removes_nulls_and_only_adds_notes(client: Client) -> None:
    number = await client.made()
    patch = {"severity": "Major", "name": None, "note": [{"id": "n1", "text": "forged"}, {"text": "second", "author": "ann"}]}
    status, ticket, _ = await client.call("PATCH", f"/{number}", patch, Content_Type="application/merge-patch+json")
    assert status == 200
    assert (ticket["severity"], "name" in ticket, ticket["description"]) == ("Major", False, NEW["description"])
    assert [note["text"] for note in ticket["note"]] == ["opened by the pipeline", "second"]


@pytest.mark.parametrize(
    "patch",
    [{"href": "x"}, {"creationDate": "2026"}, {"statusChange": []}, {"severity": None}, {"description": ""}, {"externalId": "other"}],
)
async def test_what_the_server_keeps_cannot_be_patched(client: Client, patch: dict[str, Any]) -> None:
    number = await client.made()
    before = (await client.call("GET", f"/{number}"))[1]
    assert (await client.call("PATCH", f"/{number}", patch))[0] == 400
    assert (await client.call("GET", f"/{number}"))[1] == before


async def test_if_match_protects_a_change_that_was_read_before(client: Client) -> None:
    number = await client.made()
    tag = (await client.call("GET", f"/{number}"))[2]["ETag"]
    status, _, headers = await client.call("PATCH", f"/{number}", {"priority": "High"}, If_Match=tag)
    assert (status, headers["ETag"] != tag) == (200, True)
    assert (await client.call("PATCH", f"/{number}", {"priority": "Low"}, If_Match=tag))[0] == 412


async def test_changes_at_once_are_all_kept(client: Client) -> None:
    number = await client.made(note=[])
    answers = await asyncio.gather(
        *(client.call("PATCH", f"/{number}", {"note": [{"id": f"n{count}", "text": str(count)}]}) for count in range(4))
    )
    kept = [count for count, (status, _, _) in enumerate(answers) if status == 200]
    assert {status for status, _, _ in answers} <= {200, 409}
    assert kept
    ticket = (await client.call("GET", f"/{number}"))[1]
    assert sorted(note["text"] for note in ticket["note"]) == [str(count) for count in kept]


async def test_tickets_are_listed_by_filter_page_and_chosen_fields(client: Client) -> None:
    for number in range(5):
        await client.made(externalId=f"inc-{number}")
    status, page, headers = await client.call("GET", "?offset=1&limit=2&status=acknowledged&fields=externalId")
    assert (status, headers["X-Total-Count"], headers["X-Result-Count"]) == (200, "5", "2")
    assert [set(ticket) for ticket in page] == [{"id", "href", "externalId"}] * 2
    [found] = (await client.call("GET", "?externalId=inc-3"))[1]
    assert found["id"] == "TT-000004"
    assert (await client.call("GET", "?externalId=nope"))[1] == []


@pytest.mark.parametrize("query", ["?colour=red", "?status=asleep", "?limit=x", "?offset=-1"])
async def test_a_question_that_is_not_understood_is_refused_and_not_answered_with_everything(client: Client, query: str) -> None:
    await client.made()
    assert (await client.call("GET", query))[0] == 400


@pytest.mark.parametrize(
    ("method", "where", "status"),
    [("GET", "/TT-000009", 404), ("PATCH", "/TT-000009", 404), ("DELETE", "/TT-000001", 405), ("PUT", "", 405)],
)
async def test_what_is_not_there_is_told_in_a_tmf_error(client: Client, method: str, where: str, status: int) -> None:
    answered, error, _ = await client.call(method, where, {})
    assert (answered, error["status"]) == (status, str(status))


@pytest.fixture(scope="module")
def tmf621() -> dict[str, Any]:
    folder = os.environ.get("ASSURE_TMF_SCHEMAS", "")
    if not folder:
        pytest.skip("wants the TM Forum schemas: set ASSURE_TMF_SCHEMAS to the folder that holds them")
    schema: dict[str, Any] = json.loads((Path(folder) / "TMF621-TroubleTicket-v4.0.0.swagger.json").read_text())
    return schema


def conform(tmf621: dict[str, Any], name: str, value: Any) -> None:
    """``value`` is valid by the published definition, and has no attribute that it lacks."""
    definitions = tmf621["definitions"]
    schema = {"$ref": f"#/definitions/{name}", "definitions": definitions}
    jsonschema.validate(value, schema, format_checker=jsonschema.FormatChecker())
    assert set(value) <= set(definitions[name]["properties"])


@pytest.mark.needs_schemas
async def test_tickets_and_errors_are_valid_by_the_published_tmf621_v4_schema(client: Client, tmf621: dict[str, Any]) -> None:
    conform(tmf621, "TroubleTicket_Create", NEW)
    number = await client.made()
    for step in ("inProgress", "resolved", "closed"):
        ticket = (await client.call("PATCH", f"/{number}", {"status": step, "note": [{"text": step}]}))[1]
        conform(tmf621, "TroubleTicket", ticket)
    for ticket in (await client.call("GET"))[1]:
        conform(tmf621, "TroubleTicket", ticket)
        for part, definition in (("note", "Note"), ("statusChange", "StatusChange"), ("relatedEntity", "RelatedEntity")):
            for value in ticket[part]:
                conform(tmf621, definition, value)
    for _, error, _ in (await client.call("POST", body={}), await client.call("GET", "/x"), await client.call("DELETE", f"/{number}")):
        conform(tmf621, "Error", error)


@pytest.mark.needs_schemas
async def test_the_tickets_that_we_write_are_valid_by_the_published_schema_and_taken_by_the_book(
    client: Client, tmf621: dict[str, Any]
) -> None:
    impact = Impact("acme-vpn-1", "acme", "acme-gold", Tier.GOLD, ServiceState.DOWN, 1)
    cause = ResourceId("link/pe1-pe2")
    incident = Incident("inc-9", "default", cause, IncidentState.OPEN, Severity.MAJOR, "<b>why</b>", ("x",), ("a1",), (impact,), 1, 1)
    fields = ticket_fields(incident)
    conform(tmf621, "TroubleTicket_Create", fields)
    conform(tmf621, "TroubleTicket", (await client.call("POST", body=fields))[1])


@pytest.mark.needs_schemas
def test_the_statuses_and_the_path_are_the_published_ones(tmf621: dict[str, Any]) -> None:
    assert {status.value for status in TicketStatus} == set(tmf621["definitions"]["TroubleTicketStatusType"]["enum"])
    assert tmf621["basePath"] + "troubleTicket" == PATH
