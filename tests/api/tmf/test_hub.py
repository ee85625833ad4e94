"""Registering for events: by an operator's token, to an address that may be called, read back and ended."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from pipeline.api.server import Console
from pipeline.config.settings import ApiSettings
from pipeline.obligations import Obligations
from pipeline.obligations import store as module
from tests.support.console import Client
from tests.support.fake_northbound import FakeNorthbound
from tests.support.fake_reading import FakeReading
from tests.support.tmf_api import ALARM, BEARER, PROBLEM, TOKENS, VIEWER, VIOLATION
from tests.support.tmf_schemas import conform, published

HUBS = [path.rpartition("/")[0] + "/hub" for path in (ALARM, PROBLEM, VIOLATION)]
CALLBACK = {"callback": "https://oss.example/listener", "query": "eventType=AlarmCreateEvent"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Obligations]:
    with Obligations(f"sqlite:///{tmp_path}/o.db") as opened:
        yield opened


@pytest.fixture
async def client(store: Obligations) -> AsyncIterator[Client]:
    console = Console(FakeReading(), ApiSettings(tokens=TOKENS), northbound=FakeNorthbound(), hubs=store)
    client: Client = TestClient(TestServer(console.application(), host="127.0.0.1"))
    async with client:
        yield client


async def post(client: Client, path: str, body: Any, headers: dict[str, str] = BEARER) -> tuple[int, Any]:
    answer = await client.post(path, json=body, headers=headers)
    return answer.status, await answer.json()


@pytest.mark.parametrize("path", HUBS)
async def test_a_registration_is_made_read_and_ended(client: Client, store: Obligations, path: str) -> None:
    status, made = await post(client, path, {"callback": CALLBACK["callback"]})
    assert (status, made["callback"]) == (201, CALLBACK["callback"])
    assert await (await client.get(f"{path}/{made['id']}", headers=BEARER)).json() == made
    assert [(one.owner, one.api) for one in store.hubs()] == [("noc", path.rpartition("/")[0])]
    assert (await client.delete(f"{path}/{made['id']}", headers=BEARER)).status == 204
    assert (await client.delete(f"{path}/{made['id']}", headers=BEARER)).status == 404
    assert store.hubs() == []


@pytest.mark.needs_schemas
async def test_a_registration_is_answered_as_published(client: Client) -> None:
    schema = published("TMF642-Alarm-v4.0.0")
    conform(schema, "EventSubscriptionInput", CALLBACK)
    conform(schema, "EventSubscription", (await post(client, HUBS[0], CALLBACK))[1])


@pytest.mark.parametrize(
    "change",
    [
        {"callback": "http://oss.example/x"},
        {"callback": "https://127.0.0.1/x"},
        {"callback": "https://169.254.169.254/latest"},
        {"callback": "https://user:pass@oss.example/"},
        {"callback": "file:///etc/passwd"},
        {"callback": "https://[::1"},
        {"callback": 7},
        {"query": "eventType=Nothing"},
        {"query": "password=x"},
        {"query": "alarm.perceivedSeverity"},
        {"secret": "x"},
    ],
)
async def test_what_must_not_be_called_or_is_not_understood_is_refused(client: Client, store: Obligations, change: Any) -> None:
    assert (await post(client, HUBS[0], {**CALLBACK, **change}))[0] == 400
    assert store.hubs() == []


async def test_only_an_operator_registers_and_not_without_end(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for headers, status in (({}, 401), ({"Authorization": f"Bearer {VIEWER}"}, 403)):
        assert (await post(client, HUBS[0], CALLBACK, headers))[0] == status
    monkeypatch.setattr(module, "MOST_HUBS", 1)
    assert [(await post(client, HUBS[0], CALLBACK))[0] for _ in range(2)] == [201, 409]
