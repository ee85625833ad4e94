"""The console and its JSON: incidents with their explanation, alarms, outages, planned work, customers, evaluations, credits.

Pages only read. By JSON an operator's token may also change what people decide (:mod:`pipeline.api.operations`).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web
from prometheus_client import Counter, Histogram

from pipeline import telemetry
from pipeline.api import openapi, question, refusal
from pipeline.api.acknowledgements import Acknowledgements, Acknowledging
from pipeline.api.caller import Callers
from pipeline.api.credits import Crediting, Credits
from pipeline.api.guard import Guard, check_exposure, host_name
from pipeline.api.operations import Operating, Operations
from pipeline.api.page import Pages, protect
from pipeline.api.reading import Json, Reading
from pipeline.api.ticket_notice import TicketNotices
from pipeline.api.tmf.acting import Acting
from pipeline.api.tmf.error import PREFIX, error_answer
from pipeline.api.tmf.hub import Hubs, HubStore
from pipeline.api.tmf.reading import NorthboundReading
from pipeline.api.tmf.resources import reading_routes
from pipeline.api.tmf.tasks import Tasks
from pipeline.api.view import CustomerViews
from pipeline.api.wording import tier_place
from pipeline.config.problem import ConfigError
from pipeline.config.settings import COMPONENTS, ApiSettings, Settings

log = logging.getLogger(__name__)

REQUESTS = Counter("assure_api_requests_total", "Requests answered by the console and API", ["route", "status"])
SECONDS = Histogram("assure_api_seconds", "Seconds to answer a request", ["route"], buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5))

LARGEST = 65_536
"""Bytes of a request's body."""
REFRESH_S = 10
READY_EVERY_S = 2.0
STATES = ("open", "resolved")
SEVERAL = "several"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Console:
    """Answers requests from a :class:`Reading`: pages for people, the same values as JSON under ``/api``."""

    def __init__(
        self,
        reading: Reading,
        settings: ApiSettings,
        pages: Pages | None = None,
        operating: Operating | None = None,
        acknowledgements: Acknowledgements | None = None,
        crediting: Crediting | None = None,
        northbound: NorthboundReading | None = None,
        hubs: HubStore | None = None,
        notices: TicketNotices | None = None,
    ) -> None:
        self._reading = reading
        self._hubs = hubs
        self._hubs_private = settings.hubs_private
        self._northbound = northbound
        self._operating = operating
        self._callers = Callers(settings.tokens)
        self._guard = Guard(settings, self._callers)
        self._operations = Operations(operating, self._callers) if operating is not None else None
        self._acknowledgements = acknowledgements
        self._credits_decided = Credits(crediting, self._callers) if crediting is not None else None
        self._notices = notices
        self._pages = pages or Pages()
        self._views = CustomerViews(reading, self._callers, self._pages, self._pages.now)

    def application(self) -> web.Application:
        """All routes, guarded, counted and timed."""
        app = web.Application(middlewares=[self._measured, self._answered], client_max_size=LARGEST)
        app.on_response_prepare.append(protect)
        app.add_routes([*self._page_routes(), *self._json_routes(), *(self._operations.routes() if self._operations else ())])
        app.add_routes(self._views.routes())
        app.add_routes(self._acknowledgements.routes() if self._acknowledgements else ())
        app.add_routes(self._credits_decided.routes() if self._credits_decided else ())
        app.add_routes([*self._tmf_routes(), web.get(openapi.PATH, self._openapi)])
        app.add_routes(self._notices.routes() if self._notices else ())
        return app

    async def _openapi(self, request: web.Request) -> web.Response:
        question.only(request)
        return web.json_response(openapi.document(request.app.router.routes()))

    def _tmf_routes(self) -> list[web.RouteDef]:
        if self._northbound is None:
            return []
        found = reading_routes(self._northbound)
        if self._operating is not None:
            found += Tasks(self._northbound, Acting(self._operating), self._callers).routes()
        if self._hubs is not None:
            found += Hubs(self._hubs, self._callers, private=self._hubs_private).routes()
        return found

    def _page_routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._incidents_page),
            web.get("/incidents/{id}", self._incident_page),
            web.get("/alarms", self._alarms_page),
            web.get("/outages", self._outages_page),
            web.get("/windows", self._windows_page),
            web.get("/customers", self._customers_page),
            web.get("/customers/{name}", self._customer_page),
            web.get("/topology", self._topology_page),
            web.get("/topology.svg", self._topology_picture),
            web.get("/sla", self._sla_page),
            web.get("/explain/{name}", self._explain_page),
            web.get("/console.css", self._style),
        ]

    def _json_routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/incidents", _json(self._incidents)),
            web.get("/api/incidents/{id}", _json(self._incident)),
            web.get("/api/incidents/{id}/history", _json(self._history)),
            web.get("/api/alarms", _json(self._alarms)),
            web.get("/api/outages", _json(self._outages)),
            web.get("/api/windows", _json(self._windows)),
            web.get("/api/exclusions", _json(self._exclusions)),
            web.get("/api/claims", _json(self._claims)),
            web.get("/api/operations", _json(self._audit)),
            web.get("/api/customers", _json(self._customers)),
            web.get("/api/customers/{name}", _json(self._customer)),
            web.get("/api/evaluations", _json(self._evaluations)),
            web.get("/api/credits", _json(self._credits)),
            web.get("/api/explain/{name}", _json(self._explain)),
        ]

    # JSON: each checks what is asked, then says how to read it

    def _incidents(self, request: web.Request) -> Callable[[], Any]:
        question.only(request, "state", "limit")
        state, limit = question.one_of(request, "state", STATES), question.number(request, "limit", 100)
        return lambda: self._reading.incidents(state, limit)

    def _incident(self, request: web.Request) -> Callable[[], Any]:
        question.only(request)
        name = question.name_in(request, "id")
        return lambda: self._reading.incident(name)

    def _history(self, request: web.Request) -> Callable[[], Any]:
        question.only(request)
        name = question.name_in(request, "id")
        return lambda: self._reading.history(name)

    def _alarms(self, request: web.Request) -> Callable[[], Any]:
        question.only(request, "all", "limit")
        everything, limit = question.flag(request, "all"), question.number(request, "limit", 500)
        return lambda: self._reading.alarms(standing=not everything, limit=limit)

    def _outages(self, request: web.Request) -> Callable[[], Any]:
        question.only(request, "incident", "service", "lasting", "limit")
        incident, service = question.name_given(request, "incident"), question.name_given(request, "service")
        lasting, limit = question.flag(request, "lasting"), question.number(request, "limit", 500)
        return lambda: self._reading.outages(incident, service, limit, lasting=lasting)

    def _windows(self, request: web.Request) -> Callable[[], Any]:
        question.only(request, "all")
        everything = question.flag(request, "all")
        return lambda: self._reading.windows(time.time_ns(), everything=everything)

    def _audit(self, request: web.Request) -> Callable[[], Any]:
        question.only(request, "target", "limit")
        target, limit = question.name_given(request, "target") or "", question.number(request, "limit", 100)
        return lambda: self._reading.operations(target, limit)

    def _customers(self, request: web.Request) -> Callable[[], Any]:
        question.only(request)
        return self._reading.customers

    def _customer(self, request: web.Request) -> Callable[[], Any]:
        question.only(request)
        name = question.name_in(request, "name")
        return lambda: self._reading.customer(name)

    def _exclusions(self, request: web.Request) -> Callable[[], Any]:
        question.only(request, "limit")
        limit = question.number(request, "limit", 1000)
        return lambda: self._reading.exclusions(limit)

    def _claims(self, request: web.Request) -> Callable[[], Any]:
        question.only(request, "month", "limit")
        month, limit = question.name_given(request, "month") or "", question.number(request, "limit", 1000)
        return lambda: self._reading.claims(month, limit)

    def _evaluations(self, request: web.Request) -> Callable[[], Any]:
        question.only(request)
        return self._reading.evaluations

    def _credits(self, request: web.Request) -> Callable[[], Any]:
        question.only(request)
        return self._reading.credits

    def _explain(self, request: web.Request) -> Callable[[], Any]:
        question.only(request)
        name = question.name_in(request, "name")
        return lambda: self._reading.explain(name)

    # pages

    async def _incidents_page(self, request: web.Request) -> web.Response:
        question.only(request, "limit", "refresh")
        again = _refreshing(request)
        limit = question.number(request, "limit", 100)
        standing, ended, alarms = await asyncio.gather(
            asyncio.to_thread(self._reading.incidents, "open", limit + 1),
            asyncio.to_thread(self._reading.incidents, "resolved", limit + 1),
            asyncio.to_thread(self._reading.alarms, limit=question.MOST_ROWS),
        )
        shelved = [each for each in standing if each["shelved"]]
        standing = [each for each in standing if not each["shelved"]]
        told = sum(alarm["operator_state"] != "shelved" for alarm in alarms)
        return self._pages.page("incidents", standing=standing, shelved=shelved, ended=ended, limit=limit, alarms=told, **again)

    async def _incident_page(self, request: web.Request) -> web.Response:
        question.only(request, "refresh")
        again = _refreshing(request)
        found = await asyncio.to_thread(self._reading.explain, question.name_in(request, "id"))
        if found and found["kind"] == SEVERAL:
            return self._explained(found)
        if found is None or found["kind"] != "incident" or found["value"] is None:
            raise refusal.unknown("There is no incident by that name.")
        incident = found["value"]
        outages, done, people, history = await asyncio.gather(
            asyncio.to_thread(self._reading.outages, incident["id"]),
            asyncio.to_thread(self._reading.receipts, incident["id"]),
            asyncio.to_thread(self._reading.operations, incident["id"]),
            asyncio.to_thread(self._reading.history, incident["id"]),
        )
        places = {impact["service"]: place for place, impact in enumerate(incident["impacts"])}
        outages.sort(key=lambda outage: (places.get(outage["service"], len(places)), outage["started_at"]))
        lasting = again if incident["state"] == "open" else {}
        told = {"outages": outages, "done": done, "people": people, "history": history or []}
        return self._pages.page("incident", incident=incident, tree=found, **told, **lasting)

    async def _alarms_page(self, request: web.Request) -> web.Response:
        question.only(request, "all", "refresh")
        again = _refreshing(request)
        everything = question.flag(request, "all")
        alarms = await asyncio.to_thread(self._reading.alarms, standing=not everything, limit=question.MOST_ROWS)
        return self._pages.page("alarms", alarms=alarms, everything=everything, limit=question.MOST_ROWS, **again)

    async def _windows_page(self, request: web.Request) -> web.Response:
        question.only(request, "all", "refresh")
        again = _refreshing(request)
        everything = question.flag(request, "all")
        windows = await asyncio.to_thread(self._reading.windows, self._pages.now(), everything=everything)
        return self._pages.page("windows", windows=windows, everything=everything, **again)

    async def _outages_page(self, request: web.Request) -> web.Response:
        question.only(request, "refresh", "service")
        again = _refreshing(request)
        service = question.name_given(request, "service")
        lasting, latest = await asyncio.gather(
            asyncio.to_thread(self._reading.outages, None, service, question.MOST_ROWS, lasting=True),
            asyncio.to_thread(self._reading.outages, None, service, question.MOST_ROWS),
        )
        lasting.sort(key=lambda outage: tier_place(outage["tier"]))
        ended = [outage for outage in latest if outage["ended_at"]]
        return self._pages.page("outages", lasting=lasting, ended=ended, service=service, limit=question.MOST_ROWS, **again)

    async def _customers_page(self, request: web.Request) -> web.Response:
        question.only(request, "refresh")
        again = _refreshing(request)
        customers = await asyncio.to_thread(self._reading.customers)
        return self._pages.page("customers", customers=customers, **again)

    async def _customer_page(self, request: web.Request) -> web.Response:
        question.only(request, "refresh")
        again = _refreshing(request)
        customer = await asyncio.to_thread(self._reading.customer, question.name_in(request, "name"))
        if customer is None:
            raise refusal.unknown("There is no customer by that name.")
        return self._pages.page("customer", customer=customer, **again)

    async def _topology_page(self, request: web.Request) -> web.Response:
        question.only(request, "refresh", "resource")
        again = _refreshing(request)
        drawn = await self._drawn(request)
        return self._pages.page("topology", drawn=drawn, incidents=drawn["incidents"], **again)

    async def _topology_picture(self, request: web.Request) -> web.Response:
        question.only(request, "resource")
        drawn = await self._drawn(request)
        if not drawn["svg"]:
            raise refusal.unknown("That is too much for one picture.")
        return web.Response(text=drawn["svg"], content_type="image/svg+xml")

    async def _drawn(self, request: web.Request) -> Json:
        found = await asyncio.to_thread(self._reading.topology, question.name_given(request, "resource"))
        if found is None:
            raise refusal.unknown("The inventory has no resource by that name.")
        return found

    async def _sla_page(self, request: web.Request) -> web.Response:
        question.only(request)
        evaluations, entries = await asyncio.gather(asyncio.to_thread(self._reading.evaluations), asyncio.to_thread(self._reading.credits))
        evaluations.sort(key=lambda each: (not each["violated"], tier_place(each["tier"])))
        return self._pages.page("sla", evaluations=evaluations, credits=entries)

    async def _explain_page(self, request: web.Request) -> web.Response:
        question.only(request)
        found = await asyncio.to_thread(self._reading.explain, question.name_in(request, "name"))
        if found is None:
            raise refusal.unknown("Nothing is known by that name.")
        return self._explained(found)

    def _explained(self, found: Json) -> web.Response:
        return self._pages.page("explain", _status(found), tree=found)

    async def _style(self, _: web.Request) -> web.Response:
        return self._pages.style()

    # around every request

    @web.middleware
    async def _measured(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "unknown"
        with SECONDS.labels(route).time():
            answer = await handler(request)
        REQUESTS.labels(route, answer.status).inc()
        return answer

    @web.middleware
    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._guard.check(request)
            return await handler(request)
        except refusal.RefusedError as error:
            refused = error.refusal
        except web.HTTPException as error:
            refused = refusal.of_http(error)
        except (OSError, ConfigError) as error:
            log.warning("a store does not answer: %s", error)
            refused = refusal.STORE_DOWN
        except Exception:
            log.exception("a request failed: %s", request.path)
            refused = refusal.FAILED
        if request.path.startswith(PREFIX):
            return error_answer(refused)
        is_customers = self._guard.is_customers(request)
        told = refusal.for_customer(refused) if is_customers else refused
        return self._pages.refusal(told, as_json=request.path.startswith("/api/"), bare=is_customers)


def _json(ask: Callable[[web.Request], Callable[[], Any]]) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        found = await asyncio.to_thread(ask(request))
        if found is None:
            raise refusal.unknown("Nothing is known by that name.")
        return web.json_response(found, status=_status(found))

    return handler


def _refreshing(request: web.Request) -> Json:
    """What a page needs to load itself again, unless ``refresh=off`` asks it not to."""
    off = question.one_of(request, "refresh", ("off",))
    return {"refresh": 0 if off else REFRESH_S, "steady": str(request.rel_url.update_query(refresh="off"))}


def _status(found: Any) -> int:
    """300 (Multiple Choices, RFC 9110 section 15.4.1) for a beginning of several names, which the body lists."""
    return 300 if isinstance(found, dict) and found.get("kind") == SEVERAL else 200


class Readiness:
    """Whether the stores answer, asked in a thread every :data:`READY_EVERY_S`, so that a store that hangs holds up nobody here."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._why_not = "the stores have not been asked yet"

    def why_not(self) -> str:
        """What was found last; empty when ready."""
        return self._why_not

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Keep asking for the length of the block."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        while True:
            try:
                self._why_not = await asyncio.to_thread(self._reading.why_not_ready)
            except (OSError, ConfigError) as error:
                self._why_not = str(error)
            await asyncio.sleep(READY_EVERY_S)


async def run_api(
    settings: Settings,
    reading: Reading,
    stop: asyncio.Event,
    operating: Operating | None = None,
    acknowledging: Acknowledging | None = None,
    crediting: Crediting | None = None,
    northbound: NorthboundReading | None = None,
    hubs: HubStore | None = None,
    notices: TicketNotices | None = None,
) -> None:
    """Serve until ``stop``. Raises ``OSError`` for a taken port or an unguarded address."""
    check_exposure(settings.api.listen, settings.api.token)
    port = int(settings.api.listen.rpartition(":")[2])
    metrics_port = settings.metrics_port + COMPONENTS.index("api")
    readiness = Readiness(reading)
    coming_back = Acknowledgements(acknowledging, settings.receivers, settings.webhooks) if acknowledging else None
    console = Console(reading, settings.api, None, operating, coming_back, crediting, northbound, hubs, notices)
    runner = web.AppRunner(console.application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host_name(settings.api.listen), port).start()
        async with readiness.watched(), telemetry.serve_health(settings.metrics_host, metrics_port, readiness.why_not):
            await stop.wait()
    finally:
        await runner.cleanup()
