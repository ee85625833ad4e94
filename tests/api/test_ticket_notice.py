"""A ticket system's webhook: verified, and never more than a reason to read the ticket."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from pipeline.api.server import Console
from pipeline.api.ticket_notice import PATH, TicketNotices, named_in
from pipeline.config.output_settings import TicketSettings, TicketSystemName
from pipeline.config.secret import Secret
from pipeline.config.settings import ApiSettings
from tests.support.console import Client
from tests.support.fake_reading import FakeReading

SECRET = "a-secret-of-tests"
STANDARD = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
BODY = json.dumps({"ticket": {"id": 7, "number": "31007"}}).encode()


class Asked:
    """Remembers what was asked; knows ticket 7."""

    def __init__(self) -> None:
        self.names: list[tuple[str, str, int]] = []

    def ask_ticket(self, system: str, name: str, at: int) -> bool:
        self.names.append((system, name, at))
        return name == "7"


@pytest.fixture
def asked() -> Asked:
    return Asked()


async def client_of(asked: Asked, secret: str = f"{SECRET} {STANDARD}") -> Client:
    settings = TicketSettings(system=TicketSystemName.ZAMMAD, built_in=False, webhook_secret=Secret(secret))
    notices = TicketNotices(settings, asked, clock=lambda: 5)
    client: Client = Client(TestServer(Console(FakeReading(), ApiSettings(), notices=notices).application()))
    await client.start_server()
    return client


def hub(body: bytes, algorithm: str, secret: str = SECRET) -> str:
    return f"{algorithm}={hmac.new(secret.encode(), body, getattr(hashlib, algorithm)).hexdigest()}"


def standard(body: bytes) -> dict[str, str]:
    now = datetime.now(UTC)
    signature = Webhook(STANDARD).sign("m1", now, body.decode())
    return {"webhook-id": "m1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}


@pytest.mark.parametrize(
    "signed",
    [
        lambda: {"X-Hub-Signature": hub(BODY, "sha1")},
        lambda: {"X-Hub-Signature": hub(BODY, "sha256")},
        lambda: {"X-Hub-Signature-256": hub(BODY, "sha256")},
        lambda: standard(BODY),  # when it is sent: a signature is good for five minutes
    ],
    ids=["zammad", "jira", "github-like", "standard-webhooks"],
)
async def test_a_signed_notice_has_the_ticket_read(asked: Asked, signed: Callable[[], dict[str, str]]) -> None:
    client = await client_of(asked)
    async with client.post(PATH, data=BODY, headers=signed()) as response:
        assert (response.status, await response.json()) == (202, {"is_known": True})
    assert asked.names == [("zammad", "7", 5)]
    await client.close()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hub-Signature": hub(BODY + b" ", "sha256")},
        {"X-Hub-Signature": hub(BODY, "sha256", "another")},
        {"X-Hub-Signature": "md5=" + hashlib.md5(BODY).hexdigest()},
        {"X-Hub-Signature": "sha256="},
        {**standard(BODY), "webhook-timestamp": "1"},
        {**standard(BODY), "webhook-signature": "v1,\u00fc"},
        {"webhook-signature": "v1,"},
        {"Authorization": f"Bearer {SECRET}"},
    ],
)
async def test_a_notice_that_is_not_signed_so_is_not_looked_at(asked: Asked, headers: dict[str, str]) -> None:
    client = await client_of(asked)
    async with client.post(PATH, data=BODY, headers=headers) as response:
        assert response.status == 401
    assert asked.names == []
    await client.close()


async def test_after_ten_wrong_signatures_nothing_from_there_is_looked_at(asked: Asked) -> None:
    client = await client_of(asked)
    statuses = []
    for _ in range(12):
        async with client.post(PATH, data=BODY) as response:
            statuses.append(response.status)
    async with client.post(PATH, data=BODY, headers={"X-Hub-Signature": hub(BODY, "sha1")}) as response:
        statuses.append(response.status)
    assert statuses == [401] * 10 + [429] * 3
    await client.close()


async def test_a_notice_of_another_ticket_is_no_mistake(asked: Asked) -> None:
    """A system that is refused often enough stops sending."""
    client = await client_of(asked)
    body = b'{"id": "8"}'
    async with client.post(PATH, data=body, headers={"X-Hub-Signature": hub(body, "sha256")}) as response:
        assert (response.status, await response.json()) == (200, {"is_known": False})
    for wrong, status in ((b"no json", 400), (b"[]", 400), (b'{"id": true}', 400), (b"x" * 1_100_000, 413)):
        async with client.post(PATH, data=wrong, headers={"X-Hub-Signature": hub(wrong, "sha256")}) as response:
            assert response.status == status
    await client.close()


async def test_without_a_secret_there_is_no_such_route(asked: Asked) -> None:
    client = await client_of(asked, "")
    async with client.post(PATH, data=BODY, headers={"X-Hub-Signature": hub(BODY, "sha1", "")}) as response:
        assert response.status in {404, 405}
    assert asked.names == []
    await client.close()


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"issue": {"id": "10001", "key": "NET-1"}}, ["NET-1"]),
        ({"event": {"troubleTicket": {"id": "TT-1"}}, "eventId": "e"}, ["TT-1"]),
        ({"number": "INC0000001"}, ["INC0000001"]),
        ({"ticket": {"id": 7, "number": "31007"}, "id": 9}, ["7", "31007", "9"]),
        ({"ticket": "7"}, []),
        ({"id": "x" * 101}, []),
    ],
)
def test_each_system_names_the_ticket_in_its_own_place(body: object, names: list[str]) -> None:
    assert list(named_in(json.dumps(body).encode())) == names
