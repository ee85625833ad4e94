"""What people decide about credits by HTTP, from approving to confirming: each by an approver's token, chained with its name."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol

from aiohttp import web

from pipeline.api.body import Field, read
from pipeline.api.caller import Callers
from pipeline.api.question import name_in, only
from pipeline.api.refusal import Refusal, RefusedError, unknown
from pipeline.core.ledger import StepKind
from pipeline.core.posting import NotAllowedError, UnknownCreditError

Json = dict[str, Any]


class Crediting(Protocol):
    """What the API wants of whoever decides about credits. Synchronous; ``OSError`` means that the store does not answer."""

    def decide(self, name: str, kind: StepKind, person: str, comment: str = "", remote_id: str = "") -> Json:
        """Take a step about the credit of this key, or beginning of one. Raises ``UnknownCreditError``, ``NotAllowedError``."""

    def value(self, name: str) -> Json:
        """One credit with its steps. Raises ``UnknownCreditError``."""


_COMMENT = {"comment": Field("text")}
_REASON = {"comment": Field("text", required=True)}
ACTS: Mapping[str, tuple[StepKind, Mapping[str, Field]]] = {
    "approve": (StepKind.APPROVE, _COMMENT),
    "reject": (StepKind.REJECT, _REASON),
    "adopt": (StepKind.ADOPT, _REASON),
    "retry": (StepKind.RETRY, _REASON),
    "confirm": (StepKind.CONFIRMED, {**_REASON, "remote_id": Field("text")}),
}
"""``POST /api/credits/{key}/<act>``."""


class Credits:
    """Answers requests about one credit."""

    def __init__(self, crediting: Crediting, callers: Callers) -> None:
        self._crediting = crediting
        self._callers = callers

    def routes(self) -> list[web.RouteDef]:
        """Reading one with its steps, and every decision."""
        decisions = [web.post(f"/api/credits/{{key}}/{name}", self._handler(name)) for name in ACTS]
        return [web.get("/api/credits/{key}", self._one), *decisions]

    def _handler(self, name: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        return partial(self._decide, *ACTS[name])

    async def _one(self, request: web.Request) -> web.StreamResponse:
        only(request)
        return await _answered(self._crediting.value, name_in(request, "key"))

    async def _decide(self, kind: StepKind, fields: Mapping[str, Field], request: web.Request) -> web.StreamResponse:
        person = self._callers.approver(request)
        only(request)
        said = await read(request, fields)
        key, comment, remote_id = name_in(request, "key"), said.get("comment", ""), said.get("remote_id", "")
        return await _answered(self._crediting.decide, key, kind, person, comment, remote_id)


async def _answered(ask: Callable[..., Json], *asked: Any) -> web.StreamResponse:
    try:
        return web.json_response(await asyncio.to_thread(ask, *asked))
    except UnknownCreditError as error:
        raise unknown(f"{error.args[0] if error.args else 'It'}.") from None
    except NotAllowedError as error:
        raise RefusedError(Refusal(409, "This is not allowed", f"{error}.")) from None
