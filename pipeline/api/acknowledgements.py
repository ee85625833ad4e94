"""Acknowledgements that come back from receivers: signed by these, checked, and done as any operation, once each.

``POST /api/receivers/{name}``, ``name`` being one of the settings' receivers of kind PagerDuty (webhooks version 3), or one of its webhooks
(Standard Webhooks in the other direction, signed by the same secret).
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from pipeline.api.caller import Failures
from pipeline.api.question import only
from pipeline.api.refusal import Refusal, RefusedError, bad_body
from pipeline.config.output_settings import WebhookSettings
from pipeline.config.receiver_settings import ReceiverKind, ReceiverSettings
from pipeline.core.operation import COMMENT_LIMIT, Operation, OperationError, OperationKind
from pipeline.core.wording import plain

Json = dict[str, Any]
NAME_LIMIT = 60
ID_LIMIT = 80
WRONG_SIGNATURE = Refusal(
    401,
    "The signature is not right",
    "It is that of a receiver with ack_secret, or of a webhook with secret, in the settings, over the very bytes that are sent.",
)
_PAGERDUTY = {
    "incident.acknowledged": OperationKind.ACK,
    "incident.unacknowledged": OperationKind.UNACK,
}
_STANDARD = {
    "incident.acknowledged": OperationKind.ACK,
    "incident.unacknowledged": OperationKind.UNACK,
    "incident.commented": OperationKind.COMMENT,
}


class Acknowledging(Protocol):
    """Has operations done on everything that a page is of."""

    async def acknowledge(self, given: Operation, page: str) -> list[Json]:
        """Have it done for each incident of the page, and answer each with its ``outcome``.

        Raises ``OperationError`` for what cannot be asked, ``OSError`` when a store does not answer.
        """


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody did at a receiver: ``id`` is the same when it is told again."""

    id: str
    kind: OperationKind
    page: str
    by: str
    text: str = ""


class Acknowledgements:
    """Takes what receivers tell. ``clock`` answers UTC nanoseconds."""

    def __init__(
        self,
        acknowledging: Acknowledging,
        receivers: Iterable[ReceiverSettings],
        webhooks: Iterable[WebhookSettings],
        failures: Failures | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._acknowledging = acknowledging
        self._receivers = {each.name: each for each in receivers if each.kind is ReceiverKind.PAGERDUTY and each.ack_secret}
        self._webhooks = {each.name: each for each in webhooks if each.secret}
        self._failures = failures or Failures()
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """The one route."""
        return [web.post("/api/receivers/{name}", self.take)]

    async def take(self, request: web.Request) -> web.StreamResponse:
        """One signed message: 200 with what became of it, 202 for what asks for nothing here, 401 unless the signature is right."""
        only(request)
        address = request.remote or ""
        self._failures.check(address)
        body, name = await request.read(), request.match_info["name"]
        said = await asyncio.to_thread(self._said, name, body, request.headers)
        if isinstance(said, Refusal):
            self._failures.note(address)
            raise RefusedError(said)
        if said is None:
            return web.json_response({"done": []}, status=202)
        operation = Operation(
            id=f"{name}:{said.id}",
            kind=said.kind,
            at=self._clock(),
            operator=f"{said.by} ({name})",
            target="",
            domain="",
            text=said.text,
            via=f"receiver:{name}",
        )
        try:
            return web.json_response({"done": await self._acknowledging.acknowledge(operation, said.page)})
        except OperationError as error:
            raise bad_body([str(error)]) from None

    def _said(self, name: str, body: bytes, headers: Mapping[str, str]) -> Said | Refusal | None:
        """What was done, if the message is of that receiver. Raises ``RefusedError`` for a message that is signed and not understood."""
        if receiver := self._receivers.get(name):
            signed = is_signed(body, headers.get("X-PagerDuty-Signature", ""), receiver.ack_secret.reveal().split())
            return pagerduty_said(_object(body)) if signed else WRONG_SIGNATURE
        if webhook := self._webhooks.get(name):
            signed = _is_standard(body, headers, webhook.secret.reveal().split())
            return standard_said(_object(body), headers.get("webhook-id", "")) if signed else WRONG_SIGNATURE
        return WRONG_SIGNATURE  # whether there is such a receiver is nobody's business


def is_signed(body: bytes, header: str, secrets: Iterable[str]) -> bool:
    """Whether one of the signatures (``v1=`` and hexadecimal HMAC-SHA256 of the body, by commas) is of one of the secrets.

    https://developer.pagerduty.com/docs/verifying-webhook-signatures.
    """
    known = [f"v1={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}" for secret in secrets]
    offered = [part.strip() for part in header.split(",")]
    return any(hmac.compare_digest(mine.encode(), theirs.encode("utf-8", "replace")) for mine in known for theirs in offered)


def _is_standard(body: bytes, headers: Mapping[str, str], secrets: Iterable[str]) -> bool:
    told = {name.lower(): value for name, value in headers.items()}
    return any(_verifies(secret, body, told) for secret in secrets)


def _verifies(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except (WebhookVerificationError, ValueError, RuntimeError):
        return False
    return True


def _object(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise bad_body(["$: an object is wanted"])
    return found


def pagerduty_said(message: Json) -> Said | None:
    """What a person did in PagerDuty; ``None`` for what asks for nothing: other events, and what our own events did there."""
    event = _member(message, "event", dict)
    kind = _PAGERDUTY.get(str(event.get("event_type", "")))
    agent = event.get("agent")
    if kind is None or not isinstance(agent, dict) or agent.get("type") != "user_reference":
        return None
    data = _member(event, "data", dict)
    return Said(_id(event.get("id")), kind, _text(data, "incident_key"), _by(agent.get("summary")))


def standard_said(message: Json, message_id: str) -> Said | None:
    """What a person did at a receiver of ours: ``{type, data: {page or incident, by, text}}``; ``None`` for another type."""
    kind = _STANDARD.get(str(message.get("type", "")))
    if kind is None:
        return None
    data = _member(message, "data", dict)
    page = _text(data, "page") if "page" in data else _text(data, "incident")
    text = data.get("text", "")
    return Said(_id(message_id), kind, page, _by(data.get("by")), plain(text, COMMENT_LIMIT) if isinstance(text, str) else "")


def _member(value: Json, name: str, wanted: type[Json]) -> Json:
    found = value.get(name)
    if not isinstance(found, wanted):
        raise bad_body([f"$.{name}: an object is wanted"])
    return found


def _text(value: Json, name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= 255:  # noqa: PLR2004  # characters of a deduplication key
        raise bad_body([f"$.{name}: a text is wanted"])
    return found


def _id(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise bad_body(["$.id: a text is wanted"])
    return value if len(value) <= ID_LIMIT else hashlib.sha256(value.encode()).hexdigest()


def _by(value: object) -> str:
    return plain(value, NAME_LIMIT) if isinstance(value, str) and plain(value) else "somebody"
