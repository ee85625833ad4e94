"""Registrations for events (TMF630's hub): by an operator's token, to addresses that may be called."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol
from uuid import uuid4

from aiohttp import web

from pipeline.api.caller import Callers
from pipeline.api.question import name_in
from pipeline.api.refusal import Refusal, RefusedError, unknown
from pipeline.api.tmf.form import body
from pipeline.api.tmf.query import no_parameters
from pipeline.config.address import AddressRefusedError, check_url
from pipeline.core.obligation import Hub
from pipeline.tmf.event import EVENT_TYPES
from pipeline.tmf.form import Json
from pipeline.tmf.subscription import filters_of

LONGEST_CALLBACK = 1_000


class HubStore(Protocol):
    """Where registrations are kept."""

    def register_hub(self, new: Hub) -> bool:
        """Keep one; false when there are too many."""

    def hub(self, name: str) -> Hub | None:
        """The one with this id, ended ones too."""

    def end_hub(self, name: str, at: int, detail: str) -> bool:
        """Tell them no more."""


class Hubs:
    """Answers requests for registrations; ``clock`` answers UTC nanoseconds."""

    def __init__(self, store: HubStore, callers: Callers, *, private: bool, clock: Callable[[], int] = time.time_ns) -> None:
        self._store = store
        self._callers = callers
        self._private = private
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """One hub for each API that has events."""
        found: list[web.RouteDef] = []
        for api in EVENT_TYPES:
            found += [
                web.post(f"{api}/hub", partial(self._register, api)),
                web.get(f"{api}/hub/{{id}}", partial(self._read, api)),
                web.delete(f"{api}/hub/{{id}}", partial(self._end, api)),
            ]
        return found

    async def _register(self, api: str, request: web.Request) -> web.StreamResponse:
        owner = self._callers.operator(request)
        no_parameters(request)
        said = await body(request, {"callback": self._wrong_callback, "query": partial(_wrong_query, api)}, ("callback",))
        hub = Hub(str(uuid4()), api, said["callback"], said.get("query") or "", owner, self._clock())
        if not await asyncio.to_thread(self._store.register_hub, hub):
            raise RefusedError(Refusal(409, "Too many registrations", "End one that is not needed first."))
        return web.json_response(_shown(hub), status=201, headers={"Location": f"{api}/hub/{hub.id}"})

    async def _read(self, api: str, request: web.Request) -> web.StreamResponse:
        self._callers.operator(request)
        return web.json_response(_shown(await self._known(api, request)))

    async def _end(self, api: str, request: web.Request) -> web.StreamResponse:
        owner = self._callers.operator(request)
        no_parameters(request)
        hub = await self._known(api, request)
        await asyncio.to_thread(self._store.end_hub, hub.id, self._clock(), f"ended by {owner}")
        return web.Response(status=204)

    async def _known(self, api: str, request: web.Request) -> Hub:
        hub = await asyncio.to_thread(self._store.hub, name_in(request, "id"))
        if hub is None or hub.api != api or hub.ended_at:
            raise unknown("There is no registration by that id.")
        return hub

    def _wrong_callback(self, value: Any) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_CALLBACK or not value.isprintable():
            return "is a URL, such as https://oss.example/listener"
        try:
            check_url(value, allow_private=self._private)
        except (AddressRefusedError, ValueError) as error:
            return str(error).replace("allow_private: true", "api.hubs_private: true")
        return ""


def _wrong_query(api: str, value: Any) -> str:
    if value is not None and not isinstance(value, str):
        return "is a text"
    try:
        filters_of(api, value or "")
    except ValueError as error:
        return str(error)
    return ""


def _shown(hub: Hub) -> Json:
    return {"id": hub.id, "callback": hub.callback, "query": hub.query}
