"""The console and its JSON, read-only: incidents with their explanation, alarms, outages, evaluations, credits."""

import asyncio
import base64
import binascii
import hmac
import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape
from prometheus_client import Counter, Histogram

from pipeline import telemetry
from pipeline.api.wording import FILTERS
from pipeline.config.secret import Secret
from pipeline.config.settings import COMPONENTS, Settings

log = logging.getLogger(__name__)

REQUESTS = Counter("assure_api_requests_total", "Requests answered by the console and API", ["route", "status"])
SECONDS = Histogram("assure_api_seconds", "Seconds to answer a request", ["route"], buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5))
MOST_ROWS = 1000

Json = dict[str, Any]


class Reading(Protocol):
    """What the console reads; values are JSON-ready, times UTC nanoseconds. Raises ``OSError`` when a store does not answer."""

    def incidents(self, state: str | None = None, limit: int = 100) -> list[Json]:
        """Incidents, newest first."""
        ...

    def incident(self, incident_id: str) -> Json | None:
        """One incident."""
        ...

    def alarms(self, *, standing: bool = True, limit: int = 500) -> list[Json]:
        """Alarms, worst first."""
        ...

    def outages(self, incident: str | None = None, service: str | None = None, limit: int = 500) -> list[Json]:
        """Outages, newest first."""
        ...

    def evaluations(self, evaluated_at: int | None = None, limit: int = 1000) -> list[Json]:
        """The latest evaluation of each service and period, or those of one settlement."""
        ...

    def credits(self) -> list[Json]:
        """The ledger."""
        ...

    def explain(self, name: str) -> Json | None:
        """The chain of evidence behind a credit, evaluation, outage, incident or alarm."""
        ...

    def why_not_ready(self) -> str:
        """Empty when both stores answer."""
        ...


class Console:
    """Answers requests from a :class:`Reading`; pages are rendered with automatic escaping, since device text is hostile."""

    def __init__(self, reading: Reading, token: Secret) -> None:
        self._reading = reading
        self._token = token
        self._pages = Environment(loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=select_autoescape(default=True))
        self._pages.filters.update(FILTERS)

    def application(self) -> web.Application:
        """All routes, behind the token (if there is one), counted and timed."""
        app = web.Application(middlewares=[self._measured, self._answered, self._allowed])
        app.add_routes(
            [
                web.get("/", self._home),
                web.get("/incidents/{id}", self._incident_page),
                web.get("/explain/{name}", self._explain_page),
                web.get("/sla", self._sla_page),
                web.get("/api/incidents", self._json(self._incidents)),
                web.get("/api/incidents/{id}", self._json(lambda request: self._reading.incident(request.match_info["id"]))),
                web.get("/api/alarms", self._json(lambda request: self._reading.alarms(standing=request.query.get("all") != "true"))),
                web.get(
                    "/api/outages",
                    self._json(lambda request: self._reading.outages(request.query.get("incident"), request.query.get("service"))),
                ),
                web.get("/api/evaluations", self._json(lambda _: self._reading.evaluations())),
                web.get("/api/credits", self._json(lambda _: self._reading.credits())),
                web.get("/api/explain/{name}", self._json(lambda request: self._reading.explain(request.match_info["name"]))),
            ]
        )
        return app

    def _incidents(self, request: web.Request) -> list[Json]:
        state = request.query.get("state")
        if state not in {None, "open", "resolved"}:
            raise web.HTTPBadRequest(
                text=json.dumps({"error": f"state is open or resolved, not {state!r}"}), content_type="application/json"
            )
        return self._reading.incidents(state, min(int(request.query.get("limit", "100")), MOST_ROWS))

    def _json(self, read: Callable[[web.Request], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            try:
                found = await asyncio.to_thread(read, request)
            except ValueError as error:
                return web.json_response({"error": str(error)}, status=400)
            if found is None:
                return web.json_response({"error": "nothing by that name"}, status=404)
            return web.json_response(found)

        return handler

    async def _home(self, _: web.Request) -> web.Response:
        incidents, alarms = await asyncio.gather(asyncio.to_thread(self._reading.incidents), asyncio.to_thread(self._reading.alarms))
        return self._page("home.html", incidents=incidents, alarms=alarms)

    async def _incident_page(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        found = await asyncio.to_thread(self._reading.explain, name)
        if found is None or found.get("kind") != "incident":
            raise web.HTTPNotFound(text="There is no incident by that name.")
        outages = await asyncio.to_thread(self._reading.outages, name)
        return self._page("incident.html", incident=found["value"], tree=found, outages=outages)

    async def _explain_page(self, request: web.Request) -> web.Response:
        found = await asyncio.to_thread(self._reading.explain, request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound(text="Nothing is known by that name.")
        return self._page("explain.html", tree=found)

    async def _sla_page(self, _: web.Request) -> web.Response:
        evaluations, entries = await asyncio.gather(asyncio.to_thread(self._reading.evaluations), asyncio.to_thread(self._reading.credits))
        return self._page("sla.html", evaluations=evaluations, credits=entries)

    def _page(self, name: str, **values: Any) -> web.Response:
        page = self._pages.get_template(name).render(**values)
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=page, content_type="text/html", headers=headers)

    @web.middleware
    async def _measured(self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "unknown"
        with SECONDS.labels(route).time():
            try:
                answer = await handler(request)
            except web.HTTPException as error:
                REQUESTS.labels(route, error.status).inc()
                raise
        REQUESTS.labels(route, answer.status).inc()
        return answer

    @web.middleware
    async def _answered(self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        try:
            return await handler(request)
        except OSError as error:
            log.warning("a store does not answer: %s", error)
            if request.path.startswith("/api/"):
                return web.json_response({"error": str(error)}, status=503)
            return web.Response(text=f"A store does not answer; this page comes back when it does.\n{error}\n", status=503)

    @web.middleware
    async def _allowed(self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        if self._token and not hmac.compare_digest(_offered(request), self._token.reveal()):
            raise web.HTTPUnauthorized(text="A token is asked for.\n", headers={"WWW-Authenticate": 'Basic realm="assure"'})
        return await handler(request)


def _offered(request: web.Request) -> str:
    """The token of ``Authorization: Bearer``, or the password of ``Basic`` (for browsers; any user name)."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def check_exposure(listen: str, token: Secret) -> None:
    """Raises ``OSError`` when the console would face a network without asking who is there."""
    host = listen.rpartition(":")[0]
    if not token and not _is_loopback(host):
        raise OSError(
            f"api.listen is {listen}, which is not loopback: set api.token (for example env:ASSURE_API_TOKEN), or listen on 127.0.0.1"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


async def run_api(settings: Settings, reading: Reading, stop: asyncio.Event) -> None:
    """Serve until ``stop``. Raises ``OSError`` for a taken port or an unguarded address."""
    check_exposure(settings.api.listen, settings.api.token)
    host, _, port = settings.api.listen.rpartition(":")
    runner = web.AppRunner(Console(reading, settings.api.token).application(), access_log=None)
    metrics_port = settings.metrics_port + COMPONENTS.index("api")
    await runner.setup()
    try:
        await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        async with telemetry.serve_health(settings.metrics_host, metrics_port, reading.why_not_ready):
            await stop.wait()
    finally:
        await runner.cleanup()
