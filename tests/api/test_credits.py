"""Credits are decided about by an approver's token and by nothing else; what a rule forbids is said, what is approved is chained."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from pipeline.api.credits import ACTS
from pipeline.api.server import Console
from pipeline.config.billing_settings import BillingSettings, LimitSettings
from pipeline.config.secret import Secret
from pipeline.config.settings import ApiRole, ApiSettings, ApiTokenSettings
from pipeline.crediting import Crediting
from pipeline.obligations import Obligations
from tests.support.console import Client
from tests.support.crediting import NOW, a_credit
from tests.support.fake_reading import FakeReading

ANN, BOB, NOC = (f"{name}-has-a-token-of-thirty-two-chars" for name in ("ann", "bob", "noc"))
TOKENS = (
    ApiTokenSettings("ann", ApiRole.APPROVER, Secret(ANN)),
    ApiTokenSettings("bob", ApiRole.APPROVER, Secret(BOB)),
    ApiTokenSettings("noc", ApiRole.OPERATOR, Secret(NOC)),
)
CREDIT = a_credit(amount_minor=25_000)
PATH = f"/api/credits/{CREDIT.key}"


@pytest.fixture
def books(tmp_path: Path) -> Any:
    with Obligations(f"sqlite:///{tmp_path}/obligations.db") as opened:
        opened.enter_credit(CREDIT, NOW)
        yield opened


@pytest.fixture
async def client(books: Obligations) -> AsyncIterator[Client]:
    crediting = Crediting(books, BillingSettings(limits=(LimitSettings("EUR", Decimal(100)),)), clock=lambda: NOW)
    console = Console(FakeReading(), ApiSettings(tokens=TOKENS), crediting=crediting)
    client: Client = TestClient(TestServer(console.application(), host="127.0.0.1"))
    await client.start_server()
    yield client
    await client.close()


async def post(client: Client, act: str, token: str = ANN, body: Any = None, path: str = PATH) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    answer = await client.post(f"{path}/{act}", data=json.dumps(body or {}), headers=headers)
    return answer.status, await answer.json()


async def test_two_people_approve_what_is_above_the_limit(client: Client, books: Obligations) -> None:
    status, found = await post(client, "approve", ANN, {"comment": "checked"})
    assert (status, found["state"], found["told"]) == (200, "computed", "approved by 1 of 2")
    status, found = await post(client, "approve", ANN)
    assert (status, "another person" in found["error"]) == (409, True)
    status, found = await post(client, "approve", BOB)
    assert (status, found["state"], found["approvers"]) == (200, "approved", ["ann", "bob"])
    assert books.verify() is None


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(("token", "status"), [("", 401), ("a-wrong-token-of-thirty-two-chars-x", 401), (NOC, 403)])
async def test_nobody_else_decides(client: Client, books: Obligations, act: str, token: str, status: int) -> None:
    assert (await post(client, act, token, {"comment": "x"}))[0] == status
    assert books.credit_count() == 1
    stored = books.stored_credit(CREDIT.key)
    assert stored is not None
    assert stored.steps == ()


async def test_an_approver_touches_no_incident_and_without_one_nobody_approves(books: Obligations) -> None:
    console = Console(FakeReading(), ApiSettings(tokens=TOKENS[2:]), crediting=Crediting(books, BillingSettings()))
    async with TestClient(TestServer(console.application(), host="127.0.0.1")) as client:
        status, found = await post(client, "approve", NOC)
    assert (status, "role approver" in found["error"]) == (403, True)


@pytest.mark.parametrize("act", ["reject", "adopt", "retry", "confirm"])
async def test_a_reason_is_asked_for(client: Client, act: str) -> None:
    status, found = await post(client, act)
    assert (status, found["problems"]) == (400, ["$.comment: is missing"])


async def test_a_rejected_credit_is_not_approved_any_more(client: Client) -> None:
    assert (await post(client, "reject", ANN, {"comment": "no access"}))[1]["state"] == "rejected"
    status, found = await post(client, "approve", BOB)
    assert (status, found["error"]) == (409, "This is not allowed: it is rejected, and cannot be approved now.")


async def test_one_credit_tells_its_steps(client: Client) -> None:
    await post(client, "approve", ANN, {"comment": "checked"})
    answer = await client.get(PATH)
    found = await answer.json()
    assert [(step["kind"], step["person"], step["comment"], step["needed"]) for step in found["steps"]] == [
        ("approve", "ann", "checked", 2)
    ]
    assert found["revisions"] == []


async def test_an_unknown_credit_is_not_found(client: Client) -> None:
    assert (await post(client, "approve", path="/api/credits/nothing"))[0] == 404
    assert (await client.get("/api/credits/nothing")).status == 404
