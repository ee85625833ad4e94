"""The customer's view: their own by their token, anyone's for staff; as a page and as JSON."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from pipeline.api.caller import Callers
from pipeline.api.page import Pages
from pipeline.api.question import name_in, one_of, only
from pipeline.api.reading import Reading
from pipeline.api.refusal import unknown

Json = dict[str, Any]
REFRESH_S = 60
"""A page of a customer's loads itself again after so long, unless ``refresh=off`` asks it not to."""


class CustomerViews:
    """Answers requests for views. ``now`` is UTC nanoseconds."""

    def __init__(self, reading: Reading, callers: Callers, pages: Pages, now: Callable[[], int] = time.time_ns) -> None:
        self._reading = reading
        self._callers = callers
        self._pages = pages
        self._now = now

    def routes(self) -> list[web.RouteDef]:
        """The customer's own, and the same for staff."""
        return [
            web.get("/view", self._own_page),
            web.get("/api/view", self._own),
            web.get("/customers/{name}/view", self._page),
            web.get("/api/customers/{name}/view", self._one),
        ]

    async def _own(self, request: web.Request) -> web.Response:
        name = self._callers.customer(request)
        only(request)
        return web.json_response(await self._view(name))

    async def _own_page(self, request: web.Request) -> web.Response:
        return await self._shown(request, self._callers.customer(request))

    async def _one(self, request: web.Request) -> web.Response:
        only(request)
        return web.json_response(await self._view(name_in(request, "name")))

    async def _page(self, request: web.Request) -> web.Response:
        return await self._shown(request, name_in(request, "name"))

    async def _shown(self, request: web.Request, name: str) -> web.Response:
        only(request, "refresh")
        off = one_of(request, "refresh", ("off",))
        view = await self._view(name)
        described = {each["name"]: each for each in view["services"]}
        return self._pages.page("view", view=view, words=view["words"], described=described, refresh=0 if off else REFRESH_S)

    async def _view(self, name: str) -> Json:
        found = await asyncio.to_thread(self._reading.view, name, self._now())
        if found is None:
            raise unknown("There is no customer by that name.")
        return found
