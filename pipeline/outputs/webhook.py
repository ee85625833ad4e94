"""Signed webhooks (Standard Webhooks 1.0): one POST, to the address that was checked, following nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote

import aiohttp
import msgspec
from aiohttp.resolver import DefaultResolver
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError
from yarl import URL

from pipeline.config.output_settings import WebhookSettings
from pipeline.config.secret import Secret
from pipeline.core.effect import Effect
from pipeline.core.ledger import canonical
from pipeline.outputs.address import AddressRefusedError, PublicResolver, check_url
from pipeline.outputs.http import failure, open_session
from pipeline.outputs.ports import Delivery, Done, EndpointPort, Poison, Refused

TIMEOUT_S = 15.0
"""Standard Webhooks recommends 15 to 30 s."""

_NANO = 1_000_000_000


class _Body(msgspec.Struct):
    payload: dict[str, object]
    receiver: str = ""
    webhook: str = ""
    """What the receiver was called in effects of version 0.1."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """HTTP sessions for public receivers, whose names are checked as they are resolved, and for those allowed to be private."""

    public: aiohttp.ClientSession
    private: aiohttp.ClientSession


@asynccontextmanager
async def open_sessions(timeout_s: float = TIMEOUT_S) -> AsyncIterator[Sessions]:
    """Both kinds of session."""
    connector = aiohttp.TCPConnector(resolver=PublicResolver(DefaultResolver()), force_close=True)
    async with open_session(timeout_s, connector) as public, open_session(timeout_s) as private:
        yield Sessions(public, private)


class WebhookOutput:
    """Delivers ``notify`` effects to the webhooks of the settings. ``clock`` answers UTC nanoseconds."""

    def __init__(
        self, webhooks: tuple[WebhookSettings, ...], sessions: Sessions, store: EndpointPort, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._webhooks = {webhook.name: webhook for webhook in webhooks}
        self._sessions = sessions
        self._store = store
        self._clock = clock

    async def deliver(self, effect: Effect) -> Delivery:
        """POST the payload with ``webhook-id`` = the effect's key, so that a receiver knows a repeat. 410 disables the receiver."""
        try:
            body = msgspec.convert(effect.body, _Body)
        except msgspec.ValidationError as error:
            return Poison(str(error))
        name = body.receiver or body.webhook
        webhook = self._webhooks.get(name)
        if webhook is None:
            return Refused(f"no webhook is named '{name}'; the settings name: {', '.join(sorted(self._webhooks)) or 'none'}")
        gone = await asyncio.to_thread(self._store.endpoint_gone, webhook.name, webhook.url)
        if gone is not None:
            return Refused(f"webhook '{webhook.name}' is disabled ({gone}); give it another URL or enable it again")
        try:
            return await self._post(effect, webhook, canonical(body.payload))
        except AddressRefusedError as error:
            return Refused(f"webhook '{webhook.name}': {error}")

    async def _post(self, effect: Effect, webhook: WebhookSettings, payload: str) -> Delivery:
        target = check_url(webhook.url, allow_private=webhook.allow_private)
        headers = sign(webhook.secret, effect.key, payload, self._clock())
        if headers is None:
            return Refused(f"webhook '{webhook.name}' wants a secret: whsec_ followed by base64")
        session = self._sessions.private if webhook.allow_private else self._sessions.public
        async with session.post(target, data=payload.encode(), headers=headers, allow_redirects=False) as response:
            if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                return Done(detail=f"{response.status} from webhook '{webhook.name}'")
            return await self._failed(response, webhook, target)

    async def _failed(self, response: aiohttp.ClientResponse, webhook: WebhookSettings, target: URL) -> Delivery:
        if response.status == HTTPStatus.GONE:
            await asyncio.to_thread(self._store.disable_endpoint, webhook.name, webhook.url, self._clock(), "it answered 410 Gone")
            return Refused(f"webhook '{webhook.name}' at {target.host} answered 410 Gone and is disabled")
        return await failure(response, self._clock())


def sign(secret: Secret, key: str, payload: str, now: int) -> dict[str, str] | None:
    """The headers of one attempt: id, timestamp in seconds, one ``v1`` signature for each secret (several, by spaces, while rotating).

    ``None`` when there is no usable secret.
    """
    moment = datetime.fromtimestamp(now // _NANO, UTC)
    message_id = quote(key, safe=":-_.~/")
    try:
        signatures = [Webhook(text).sign(message_id, moment, payload) for text in secret.reveal().split()]
    except (ValueError, EmptyWebhookSecretError):
        return None
    if not signatures:
        return None
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(now // _NANO),
        "webhook-signature": " ".join(signatures),
    }
