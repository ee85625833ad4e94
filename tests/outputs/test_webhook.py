"""Webhooks as Standard Webhooks 1.0 has them, against a real receiver that verifies with the published library."""

import base64
import json
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientError, web
from standardwebhooks import Webhook

from pipeline.config.output_settings import WebhookSettings
from pipeline.config.secret import Secret
from pipeline.core.effect import Effect, EffectKind
from pipeline.obligations import Obligations
from pipeline.outputs.ports import Again, Done, Poison, Refused
from pipeline.outputs.webhook import Sessions, WebhookOutput, open_sessions, sign
from tests.outputs.receiver import Receiver, receiver, reset

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret, 24 bytes").decode()
EFFECT = Effect(
    "notify:inc-1:oncall:opened",
    EffectKind.NOTIFY,
    "inc-1",
    "oncall",
    1,
    "root-cause-found",
    {"webhook": "pager", "payload": {"type": "incident.opened", "data": {"summary": "naïve ‹b›"}}},  # noqa: RUF001  # look-alikes are what is sent
)


@pytest.fixture
async def sessions() -> AsyncIterator[Sessions]:
    async with open_sessions(2.0) as opened:
        yield opened


def an_output(store: Obligations, sessions: Sessions, url: str, secret: str = SECRET, *, allow_private: bool = True) -> WebhookOutput:
    return WebhookOutput((WebhookSettings("pager", url, Secret(secret), allow_private),), sessions, store)


def verify(secret: str, target: Receiver) -> object:
    request = target.requests[-1]
    return Webhook(secret).verify(request.body, request.headers)


async def test_a_receiver_can_verify_it_with_the_published_library(store: Obligations, sessions: Sessions) -> None:
    async with receiver(web.Response(status=204)) as target:
        assert isinstance(await an_output(store, sessions, target.url).deliver(EFFECT), Done)
        assert verify(SECRET, target) == EFFECT.body["payload"]


async def test_a_repeat_has_the_same_id_and_the_same_bytes(store: Obligations, sessions: Sessions) -> None:
    async with receiver() as target:
        output = an_output(store, sessions, target.url)
        for _ in range(3):
            await output.deliver(EFFECT)
        assert {request.headers["webhook-id"] for request in target.requests} == {EFFECT.key}
        assert len({request.body for request in target.requests}) == 1


async def test_while_a_secret_is_rotated_both_signatures_are_sent(store: Obligations, sessions: Sessions) -> None:
    async with receiver() as target:
        await an_output(store, sessions, target.url, f"{SECRET} {OTHER}").deliver(EFFECT)
        assert verify(SECRET, target) == verify(OTHER, target)


@pytest.mark.parametrize("status", [500, 502, 401, 404, 302, 307, 599])
async def test_a_failure_or_a_redirect_is_tried_again_and_no_redirect_is_followed(
    store: Obligations, sessions: Sessions, status: int
) -> None:
    async with receiver() as elsewhere, receiver(web.Response(status=status, headers={"Location": elsewhere.url}, text="oops")) as target:
        delivery = await an_output(store, sessions, target.url).deliver(EFFECT)
        assert isinstance(delivery, Again)
        assert str(status) in delivery.detail
        assert elsewhere.requests == []


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_an_answer_that_the_body_is_wrong_ends_it(store: Obligations, sessions: Sessions, status: int) -> None:
    async with receiver(web.Response(status=status)) as target:
        assert isinstance(await an_output(store, sessions, target.url).deliver(EFFECT), Refused)


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_passed_on(store: Obligations, sessions: Sessions, status: int) -> None:
    async with receiver(web.Response(status=status, headers={"Retry-After": "90"})) as target:
        delivery = await an_output(store, sessions, target.url).deliver(EFFECT)
        assert isinstance(delivery, Again)
        assert delivery.after_s == 90


async def test_410_disables_the_receiver_until_it_has_another_url(store: Obligations, sessions: Sessions) -> None:
    async with receiver(web.Response(status=410)) as target:
        output = an_output(store, sessions, target.url)
        assert isinstance(await output.deliver(EFFECT), Refused)
        delivery = await output.deliver(EFFECT)
        assert isinstance(delivery, Refused)
        assert "disabled" in delivery.detail
        assert len(target.requests) == 1
        assert isinstance(await an_output(store, sessions, target.url + "/new").deliver(EFFECT), Done)


async def test_a_connection_that_is_cut_is_an_error_that_means_again(store: Obligations, sessions: Sessions) -> None:
    async with receiver(reset) as target:
        with pytest.raises(ClientError):
            await an_output(store, sessions, target.url).deliver(EFFECT)


async def test_a_receiver_that_hangs_is_left_after_the_timeout(store: Obligations) -> None:
    async with receiver() as target, open_sessions(0.2) as sessions:
        target.hold.clear()
        with pytest.raises(TimeoutError):
            await an_output(store, sessions, target.url).deliver(EFFECT)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_private_receiver_is_refused_unless_allowed(store: Obligations, sessions: Sessions, scheme: str, host: str) -> None:
    async with receiver() as target:
        url = target.url.replace("http://127.0.0.1", f"{scheme}://{host}")
        delivery = await an_output(store, sessions, url, allow_private=False).deliver(EFFECT)
        assert isinstance(delivery, Refused)
        assert "allow_private" in delivery.detail
        assert target.requests == []


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!", "x"])
async def test_without_a_usable_secret_nothing_is_sent(store: Obligations, sessions: Sessions, secret: str) -> None:
    async with receiver() as target:
        delivery = await an_output(store, sessions, target.url, secret).deliver(EFFECT)
        assert isinstance(delivery, Refused)
        assert "secret" in delivery.detail
        assert target.requests == []


async def test_a_webhook_that_the_settings_do_not_name_is_refused_with_those_they_do(store: Obligations, sessions: Sessions) -> None:
    effect = Effect("k", EffectKind.NOTIFY, "inc-1", "oncall", 1, "r", {"webhook": "gone", "payload": {}})
    delivery = await an_output(store, sessions, "http://127.0.0.1:1/").deliver(effect)
    assert isinstance(delivery, Refused)
    assert "pager" in delivery.detail


@pytest.mark.parametrize("body", [{}, {"webhook": 5, "payload": {}}, {"webhook": "pager", "payload": []}])
async def test_a_body_that_is_no_notification_is_poison(store: Obligations, sessions: Sessions, body: dict[str, object]) -> None:
    effect = Effect("k", EffectKind.NOTIFY, "inc-1", "oncall", 1, "r", body)
    assert isinstance(await an_output(store, sessions, "http://127.0.0.1:1/").deliver(effect), Poison)


def test_a_key_with_anything_in_it_makes_a_safe_header() -> None:
    payload = json.dumps({})
    headers = sign(Secret(SECRET), "notify:inc\r\nEvil: 1:ü", payload, time.time_ns())
    assert headers is not None
    assert headers["webhook-id"] == "notify:inc%0D%0AEvil:%201:%C3%BC"
    assert Webhook(SECRET).verify(payload, headers) == {}
