"""A ticket system says that somebody changed a ticket: the notice is verified, and only makes us read the ticket ourselves, soon.

Nothing else that it says is believed, so one that is sent again does no harm. Signed are the exact bytes, with ``tickets.webhook_secret``:
as Standard Webhooks 1.0 has it (``webhook-signature``), or as WebSub does (``X-Hub-Signature: sha256=…``, Jira's, or ``sha1=…``, Zammad's).
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from aiohttp import web
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from pipeline.api.caller import Failures
from pipeline.api.refusal import Refusal, RefusedError, bad_body
from pipeline.config.output_settings import TicketSettings

PATH = "/api/tickets/changed"
LARGEST = 1_048_576
"""Bytes of a notice; some systems send the whole ticket."""
_ALGORITHMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
_NAMED_AT = (
    ("ticket", "id"),  # Zammad
    ("ticket", "number"),
    ("issue", "key"),  # Jira
    ("event", "troubleTicket", "id"),  # TMF621
    ("id",),  # whatever a rule, scrip or detector of the system's own is written to send
    ("number",),
)
"""Where the different systems' notices name the ticket."""
_NOT_SIGNED = Refusal(401, "A signature is asked for", "Sign the body with `tickets.webhook_secret` of the settings.")
_TOO_LARGE = Refusal(413, "Too large", "A notice has up to 1 MiB.")


class Asked(Protocol):
    """Who remembers which tickets are to be read."""

    def ask_ticket(self, system: str, name: str, at: int) -> bool:
        """Have a ticket looked at soon, by its id or number; false when no incident has it."""


class TicketNotices:
    """Takes notices of the ticket system of the settings. ``clock`` answers UTC nanoseconds."""

    def __init__(
        self, settings: TicketSettings, asked: Asked, failures: Failures | None = None, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._settings = settings
        self._asked = asked
        self._failures = failures or Failures()
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """The one route; none without a secret to verify by."""
        return [web.post(PATH, self._take)] if self._settings.webhook_secret else []

    async def _take(self, request: web.Request) -> web.StreamResponse:
        address = request.remote or ""
        self._failures.check(address)
        body = await _body(request)
        if not any(is_signed(body, request.headers, secret) for secret in self._settings.webhook_secret.reveal().split()):
            self._failures.note(address)
            raise RefusedError(_NOT_SIGNED)
        names = list(dict.fromkeys(named_in(body)))
        if not names:
            raise bad_body(['$: names no ticket; send its id, as {"id": "12"}'])
        known = await asyncio.to_thread(self._ask, names)
        # One of other tickets is no mistake of the sender, who would give up after enough refusals.
        return web.json_response({"is_known": known}, status=202 if known else 200)

    def _ask(self, names: list[str]) -> bool:
        return any(self._asked.ask_ticket(self._settings.system.value, name, self._clock()) for name in names)


async def _body(request: web.Request) -> bytes:
    data = b""
    while chunk := await request.content.read(65_536):
        data += chunk
        if len(data) > LARGEST:
            raise RefusedError(_TOO_LARGE)
    return data


def is_signed(body: bytes, headers: Mapping[str, str], secret: str) -> bool:
    """Whether one of the forms of signature is there and right; compared in constant time."""
    for name in ("X-Hub-Signature-256", "X-Hub-Signature"):
        algorithm, _, given = headers.get(name, "").partition("=")
        if given and algorithm in _ALGORITHMS:
            right = hmac.new(secret.encode(), body, _ALGORITHMS[algorithm]).hexdigest()
            return hmac.compare_digest(right.encode(), given.strip().lower().encode("utf-8", "replace"))
    if "webhook-signature" not in headers:
        return False
    try:
        Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
    except (WebhookVerificationError, ValueError):  # ValueError: a secret, body or signature that is no text or base64
        return False
    return True


def named_in(body: bytes) -> Iterator[str]:
    """The names by which a notice may mean a ticket."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return
    for way in _NAMED_AT:
        value: Any = found
        for part in way:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str | int) and not isinstance(value, bool) and 0 < len(str(value)) <= 100:  # noqa: PLR2004  # characters of a name
            yield str(value)
