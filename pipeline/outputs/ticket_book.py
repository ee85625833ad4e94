"""The built-in ticket system: TMF621 v4 over HTTP, for an installation that has no other."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from aiohttp import web

from pipeline.core.obligation import BookTicket
from pipeline.core.ticket import TicketStatus
from pipeline.outputs.ports import BookPort
from pipeline.outputs.ticket_form import FormError, changed_ticket, new_ticket, shown
from pipeline.outputs.ticketing.tmf621 import PATH

log = logging.getLogger(__name__)

BODY_LIMIT = 1_048_576
PAGE_LIMIT = 1_000
_JSON = frozenset({"application/json", "application/merge-patch+json"})
_FILTERS = frozenset({"externalId", "status", "offset", "limit", "fields"})
_TRIES = 5

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TicketBook:
    """Serves ``/tmf-api/troubleTicket/v4/troubleTicket`` from the obligations store. ``clock`` answers UTC nanoseconds.

    POST, GET (filters ``externalId``, ``status``; ``offset``, ``limit``, ``fields``), GET one, PATCH with ``If-Match``. An ``externalId``
    is unique: a second POST of it is a conflict, so that a client which lost an answer cannot make two tickets.
    """

    def __init__(self, store: BookPort, clock: Callable[[], int] = time.time_ns) -> None:
        self._store = store
        self._clock = clock

    @asynccontextmanager
    async def serve(self, host: str, port: int) -> AsyncIterator[str]:
        """Listen until the block ends; gives the base URL (port 0 takes a free one). Raises ``OSError`` when the port is taken."""
        runner = web.AppRunner(self.app(), access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            yield f"http://{host}:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=BODY_LIMIT, middlewares=[tmf_errors])
        app.add_routes(
            [
                web.post(PATH, self._create),
                web.get(PATH, self._list),
                web.get(PATH + "/{number}", self._get),
                web.patch(PATH + "/{number}", self._patch),
            ]
        )
        return app

    async def _create(self, request: web.Request) -> web.StreamResponse:
        _want_json(request)
        new = new_ticket(await request.read(), self._clock())
        ticket = await asyncio.to_thread(self._store.book_create, new)
        if ticket is None:
            raise FormError(HTTPStatus.CONFLICT, "externalId in use", f"there is a ticket with externalId {new.external_id}")
        return _answer(ticket, HTTPStatus.CREATED, {"Location": f"{PATH}/{ticket.number}"})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        return _answer(await self._one(request), fields=request.query.get("fields", ""))

    async def _one(self, request: web.Request) -> BookTicket:
        number = request.match_info["number"]
        ticket = await asyncio.to_thread(self._store.book_ticket, number)
        if ticket is None:
            raise FormError(HTTPStatus.NOT_FOUND, "no such ticket", "there is no ticket with this id")
        return ticket

    async def _list(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        unknown = sorted(set(query) - _FILTERS)
        if unknown:
            raise FormError(HTTPStatus.BAD_REQUEST, "unknown filter", f"the filters are {', '.join(sorted(_FILTERS))}")
        status = query.get("status", "")
        if status and status not in set(TicketStatus):
            raise FormError(HTTPStatus.BAD_REQUEST, "unknown status", f"the statuses are {', '.join(TicketStatus)}")
        offset, limit = _number(query.get("offset", "0")), min(_number(query.get("limit", "100")), PAGE_LIMIT)
        total, tickets = await asyncio.to_thread(self._store.book_find, query.get("externalId", ""), status, offset, limit)
        headers = {"X-Total-Count": str(total), "X-Result-Count": str(len(tickets))}
        return web.json_response([_chosen(shown(ticket), query.get("fields", "")) for ticket in tickets], headers=headers)

    async def _patch(self, request: web.Request) -> web.StreamResponse:
        _want_json(request)
        data = await request.read()
        for _ in range(_TRIES):
            ticket = await self._one(request)
            if request.headers.get("If-Match", etag(ticket)) not in {etag(ticket), "*"}:
                raise FormError(HTTPStatus.PRECONDITION_FAILED, "changed meanwhile", f"{ticket.number} is at {etag(ticket)}")
            changed = await asyncio.to_thread(self._store.book_change, changed_ticket(ticket, data, self._clock()))
            if changed is not None:
                return _answer(changed)
        raise FormError(HTTPStatus.CONFLICT, "changed meanwhile", "others change this ticket at this moment; try again")


def etag(ticket: BookTicket) -> str:
    """The strong entity tag of a ticket's revision."""
    return f'"{ticket.number}-{ticket.revision}"'


def _answer(
    ticket: BookTicket, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None, fields: str = ""
) -> web.Response:
    return web.json_response(_chosen(shown(ticket), fields), status=status, headers={**(headers or {}), "ETag": etag(ticket)})


def _chosen(view: dict[str, Any], fields: str) -> dict[str, Any]:
    """Attribute selection (TMF630 part 1): the named fields, with ``id`` and ``href``."""
    if not fields:
        return view
    wanted = {"id", "href", *fields.split(",")}
    return {name: value for name, value in view.items() if name in wanted}


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < len("1000000000")):
        raise FormError(HTTPStatus.BAD_REQUEST, "not a number", "offset and limit are whole numbers")
    return int(text)


def _want_json(request: web.Request) -> None:
    # A page in somebody's browser can POST a form here, but not JSON.
    if request.content_type not in _JSON:
        raise FormError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not JSON", f"send {' or '.join(sorted(_JSON))}")


@web.middleware
async def tmf_errors(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Every refusal as a TMF630 ``Error`` body: ``code``, ``reason``, ``message``, ``status``."""
    try:
        return await handler(request)
    except FormError as error:
        return _error(error.status.value, error.reason, error.message)
    except web.HTTPException as error:
        return _error(error.status, error.reason, error.reason, error.headers.get("Allow"))
    except Exception:
        log.exception("the ticket book failed on %s", request.method)
        return _error(HTTPStatus.INTERNAL_SERVER_ERROR.value, "internal error", "the ticket book failed; its log says why")


def _error(status: int, reason: str, message: str, allow: str | None = None) -> web.Response:
    body = {"code": str(status), "reason": reason, "message": message, "status": str(status), "@type": "Error"}
    return web.json_response(body, status=status, headers={"Allow": allow} if allow else None)
