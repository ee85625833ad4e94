"""Acknowledgements that come back: only what a receiver signed, once each, by the person's name; what asks for nothing changes nothing."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from standardwebhooks.webhooks import Webhook

from pipeline.api.acknowledgements import Acknowledgements, is_signed
from pipeline.api.caller import MOST_FAILURES
from pipeline.api.server import Console
from pipeline.config.output_settings import WebhookSettings
from pipeline.config.receiver_settings import ReceiverKind, ReceiverSettings
from pipeline.config.secret import Secret
from pipeline.config.settings import ApiSettings
from pipeline.core.operation import Operation, OperationError, OperationKind
from tests.support.console import Client
from tests.support.fake_reading import FakeReading, operation

KEY, OLD_KEY = "a-secret-of-pagerduty", "the-one-before"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class FakeAcknowledging:
    def __init__(self) -> None:
        self.asked: list[tuple[Operation, str]] = []
        self.unknown = False

    async def acknowledge(self, given: Operation, page: str) -> list[dict[str, Any]]:
        if self.unknown:
            raise OperationError("there is no incident whose id begins with that")
        self.asked.append((given, page))
        return [operation(outcome="done", id=given.id)]


@pytest.fixture
def acknowledging() -> FakeAcknowledging:
    return FakeAcknowledging()


@pytest.fixture
async def client(acknowledging: FakeAcknowledging) -> AsyncIterator[Client]:
    receivers = (
        ReceiverSettings("pd", ReceiverKind.PAGERDUTY, secret=Secret("x"), ack_secret=Secret(f"{KEY} {OLD_KEY}")),
        ReceiverSettings("mute", ReceiverKind.PAGERDUTY, secret=Secret("x")),
        ReceiverSettings("channel", ReceiverKind.SLACK, secret=Secret("x"), ack_secret=Secret(KEY)),
    )
    webhooks = (WebhookSettings("bot", "https://bot.example.net", Secret(WHSEC)),)
    taken = Acknowledgements(acknowledging, receivers, webhooks, clock=lambda: 7)
    settings = ApiSettings(token=Secret("a-reading-token-of-some-length"))
    console = Console(FakeReading(), settings, acknowledgements=taken)
    started: Client = TestClient(TestServer(console.application(), host="127.0.0.1"))
    await started.start_server()
    yield started
    await started.close()


def event(kind: str = "incident.acknowledged", **changes: Any) -> dict[str, Any]:
    agent = {"type": "user_reference", "summary": "Alice <b>Example</b>", "id": "PLH1HKV"}
    data = {"id": "PGR0VU2", "type": "incident", "incident_key": "inc-1", "status": "acknowledged"}
    return {"event": {"id": "5ac64822", "event_type": kind, "resource_type": "incident", "agent": agent, "data": data, **changes}}


async def post(client: Client, name: str, body: bytes, **headers: str) -> int:
    answer = await client.post(f"/api/receivers/{name}", data=body, headers={"Content-Type": "application/json", **headers})
    return answer.status


async def pagerduty(client: Client, message: Any, key: str = KEY, name: str = "pd") -> int:
    body = json.dumps(message).encode()
    signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return await post(client, name, body, **{"X-PagerDuty-Signature": f"v1=00,v1={signature}"})


@pytest.mark.parametrize("key", [KEY, OLD_KEY])
async def test_an_acknowledgement_in_pagerduty_is_one_here_by_the_persons_name(
    client: Client, acknowledging: FakeAcknowledging, key: str
) -> None:
    assert await pagerduty(client, event(), key) == 200
    [(given, page)] = acknowledging.asked
    assert (given.id, given.kind, page) == ("pd:5ac64822", OperationKind.ACK, "inc-1")
    assert (given.operator, given.via, given.at) == ("Alice ‹b›Example‹/b› (pd)", "receiver:pd", 7)  # noqa: RUF001  # look-alikes


async def test_taking_it_back_comes_back_too(client: Client, acknowledging: FakeAcknowledging) -> None:
    assert await pagerduty(client, event("incident.unacknowledged")) == 200
    assert acknowledging.asked[0][0].kind is OperationKind.UNACK


@pytest.mark.parametrize(
    "message",
    [
        event("incident.resolved"),
        event("pagey.ping"),
        event(agent=None),
        event(agent={"type": "inbound_integration_reference", "summary": "assurance pipeline"}),  # our own word, echoed
    ],
)
async def test_what_asks_for_nothing_is_taken_and_changes_nothing(client: Client, acknowledging: FakeAcknowledging, message: Any) -> None:
    assert await pagerduty(client, message) == 202
    assert not acknowledging.asked


@pytest.mark.parametrize("name", ["pd", "mute", "channel", "nobody"])
async def test_without_the_right_signature_nothing_is_done_nor_told_of_who_there_is(
    client: Client, acknowledging: FakeAcknowledging, name: str
) -> None:
    assert await pagerduty(client, event(), "another-key", name) == 401
    assert await post(client, name, b"{}") == 401
    assert not acknowledging.asked


async def test_a_signature_of_other_bytes_is_not_right(client: Client, acknowledging: FakeAcknowledging) -> None:
    body = json.dumps(event()).encode()
    signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    assert await post(client, "pd", body + b" ", **{"X-PagerDuty-Signature": f"v1={signature}"}) == 401
    assert is_signed(body, f"v1={signature}", [KEY])
    assert not is_signed(body, "", [KEY])
    assert not is_signed(body, "v1=é", [KEY])


async def test_after_ten_wrong_signatures_nothing_is_looked_at_for_a_while(client: Client, acknowledging: FakeAcknowledging) -> None:
    for _ in range(MOST_FAILURES):
        assert await pagerduty(client, event(), "guess") == 401
    assert await pagerduty(client, event()) == 429
    assert not acknowledging.asked


@pytest.mark.parametrize(
    "message",
    [[], {}, {"event": 5}, event(data={"incident_key": 5}), event(data={"incident_key": "x" * 256}), event(data=None), event(id="")],
)
async def test_what_is_signed_and_makes_no_sense_is_refused(client: Client, acknowledging: FakeAcknowledging, message: Any) -> None:
    assert await pagerduty(client, message) == 400
    assert not acknowledging.asked


async def test_an_unknown_incident_is_told(client: Client, acknowledging: FakeAcknowledging) -> None:
    acknowledging.unknown = True
    assert await pagerduty(client, event()) == 400


async def standard(client: Client, message: Any, secret: str = WHSEC, at: datetime | None = None) -> int:
    body, moment = json.dumps(message), at or datetime.now(UTC)
    signature = Webhook(secret).sign("msg_1", moment, body)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(moment.timestamp())), "webhook-signature": signature}
    return await post(client, "bot", body.encode(), **headers)


async def test_a_webhooks_receiver_acknowledges_and_comments_by_the_same_secret(client: Client, acknowledging: FakeAcknowledging) -> None:
    assert await standard(client, {"type": "incident.acknowledged", "data": {"incident": "inc-1", "by": "bob"}}) == 200
    assert await standard(client, {"type": "incident.commented", "data": {"page": "inc-2", "by": "bob", "text": "on my way"}}) == 200
    assert await standard(client, {"type": "incident.opened", "data": {}}) == 202
    first, second = acknowledging.asked
    assert (first[0].kind, first[1], first[0].operator) == (OperationKind.ACK, "inc-1", "bob (bot)")
    assert (second[0].kind, second[1], second[0].text) == (OperationKind.COMMENT, "inc-2", "on my way")


async def test_another_secret_and_a_message_of_yesterday_are_refused(client: Client, acknowledging: FakeAcknowledging) -> None:
    said = {"type": "incident.acknowledged", "data": {"incident": "inc-1", "by": "bob"}}
    assert await standard(client, said, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD") == 401
    assert await standard(client, said, at=datetime(2026, 11, 1, tzinfo=UTC)) == 401
    assert not acknowledging.asked


async def test_it_is_not_for_reading(client: Client) -> None:
    assert (await client.get("/api/receivers/pd", headers={"Authorization": "Bearer a-reading-token-of-some-length"})).status in {404, 405}
