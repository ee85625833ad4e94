"""What people do by HTTP: acknowledge, comment, close, shelve, plan work. Each by an operator's token, and kept with its name."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from uuid import uuid4

from aiohttp import web

from pipeline.api.body import Field, read, status_of
from pipeline.api.caller import Callers
from pipeline.api.question import name_in, only
from pipeline.api.refusal import Refusal, RefusedError, bad_body, unknown
from pipeline.core.operation import Operation, OperationError, OperationKind
from pipeline.core.reason import Reason

Json = dict[str, Any]
LONGEST_KEY = 100


class Operating(Protocol):
    """What the API wants of whoever has operations done."""

    async def do(self, given: Operation, kinds: tuple[str, ...]) -> Json:
        """Have it done, and answer it with its ``outcome``.

        Raises ``OperationError`` for what cannot be asked, ``OSError`` when a store does not answer.
        """


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that can be done to something of a kind, and what is to be said with it."""

    kind: OperationKind
    fields: Mapping[str, Field]


_TEXT = {"text": Field("text")}
_ON_BOTH = {
    "ack": Act(OperationKind.ACK, _TEXT),
    "unack": Act(OperationKind.UNACK, {}),
    "close": Act(OperationKind.CLOSE, _TEXT),
    "comment": Act(OperationKind.COMMENT, {"text": Field("text", required=True)}),
}
ACTS: dict[str, dict[str, Act]] = {
    "incidents": _ON_BOTH,
    "alarms": {
        **_ON_BOTH,
        "shelve": Act(OperationKind.SHELVE, {"reason": Field("text", required=True), "until": Field("time", required=True)}),
        "unshelve": Act(OperationKind.UNSHELVE, {}),
    },
    "windows": {
        "extend": Act(OperationKind.WINDOW_EXTEND, {"ends_at": Field("time", required=True), "reason": Field("text")}),
        "end": Act(OperationKind.WINDOW_END, {}),
        "cancel": Act(OperationKind.WINDOW_CANCEL, {}),
    },
    "exclusions": {"include": Act(OperationKind.INCLUDE, _TEXT)},
    "claims": {"withdraw": Act(OperationKind.WITHDRAW, _TEXT)},
}
"""``/api/<things>/{id}/<act>``."""
NEW: dict[str, Act] = {
    "windows": Act(
        OperationKind.WINDOW_ADD,
        {
            "name": Field("text", required=True),
            "resources": Field("names", required=True),
            "starts_at": Field("time"),
            "ends_at": Field("time", required=True),
            "reason": Field("text"),
        },
    ),
    "exclusions": Act(
        OperationKind.EXCLUDE,
        {
            "target": Field("text", required=True),
            "starts_at": Field("time", required=True),
            "ends_at": Field("time", required=True),
            "reason_kind": Field("text", required=True),
            "text": Field("text", required=True),
        },
    ),
    "claims": Act(
        OperationKind.CLAIM,
        {
            "service": Field("text", required=True),
            "month": Field("text", required=True),
            "claimed_at": Field("time"),
            "text": Field("text"),
        },
    ),
}
"""``/api/<things>`` for a new one."""

_KINDS: dict[str, tuple[str, ...]] = {"incidents": ("incident",), "alarms": ("alarm",), "exclusions": ("incident",)}


class Operations:
    """Answers requests that change something; ``clock`` answers UTC nanoseconds."""

    def __init__(self, operating: Operating, callers: Callers, clock: Callable[[], int] = time.time_ns) -> None:
        self._operating = operating
        self._callers = callers
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Every route that takes POST."""
        found = [
            web.post(f"/api/{things}/{{id}}/{name}", self._handler(act, _KINDS.get(things, ())))
            for things, acts in ACTS.items()
            for name, act in acts.items()
        ]
        return [*found, *(web.post(f"/api/{things}", self._handler(act, _KINDS.get(things, ()))) for things, act in NEW.items())]

    def _handler(self, act: Act, kinds: tuple[str, ...]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        return partial(self._act, act, kinds)

    async def _act(self, act: Act, kinds: tuple[str, ...], request: web.Request) -> web.StreamResponse:
        operator = self._callers.operator(request)
        only(request)
        said = await read(request, act.fields)
        given = self._operation(act.kind, request, operator, said)
        try:
            found = await self._operating.do(given, kinds)
        except OperationError as error:
            if error.reason is Reason.UNKNOWN_TARGET:
                raise unknown(f"{error}.") from None
            raise bad_body([str(error)]) from None
        return web.json_response(found, status=status_of(found["outcome"]))

    def _operation(self, kind: OperationKind, request: web.Request, operator: str, said: Json) -> Operation:
        now = self._clock()
        return Operation(
            id=key_of(request) or str(uuid4()),
            kind=kind,
            at=now,
            operator=operator,
            target=name_in(request, "id") if "id" in request.match_info else _named(said),
            domain="",
            text=said.get("text") or said.get("reason") or "",
            until=said.get("until") or said.get("ends_at") or 0,
            starts_at=said.get("starts_at") or said.get("claimed_at") or (now if kind is OperationKind.WINDOW_ADD else 0),
            resources=tuple(said.get("resources", ())),
            via="api",
            reason_kind=said.get("reason_kind", ""),
            period=said.get("month", ""),
        )


def _named(said: Json) -> str:
    """What a new thing is called, or is of."""
    return next((said[name] for name in ("name", "target", "service") if said.get(name)), "")


def key_of(request: web.Request) -> str:
    """The caller's own id for what it asks (header ``Idempotency-Key``): asked again by it, nothing is done twice."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise RefusedError(Refusal(400, "No such key", f"Idempotency-Key is up to {LONGEST_KEY} printable ASCII characters."))
    return key
