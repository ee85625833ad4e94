"""The ticket system of the settings, with a session of its own; the table of all there are."""

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp.resolver import DefaultResolver

from pipeline.config.output_settings import TicketSettings, TicketSystemName
from pipeline.outputs.address import AddressRefusedError, PublicResolver, check_url
from pipeline.outputs.http import open_session
from pipeline.outputs.ticketing import request_tracker, zammad
from pipeline.outputs.ticketing.calls import Calls, credentials
from pipeline.outputs.ticketing.jira import Jira
from pipeline.outputs.ticketing.request_tracker import RequestTracker
from pipeline.outputs.ticketing.roundup import Roundup
from pipeline.outputs.ticketing.servicenow import ServiceNow
from pipeline.outputs.ticketing.system import TicketSystem
from pipeline.outputs.ticketing.tmf621 import TroubleTickets
from pipeline.outputs.ticketing.zammad import Zammad

Make = Callable[[aiohttp.ClientSession, TicketSettings], TicketSystem]


def _tmf621(session: aiohttp.ClientSession, settings: TicketSettings) -> TicketSystem:
    return TroubleTickets(session, settings.url, headers=credentials(settings.user, settings.secret, "Bearer"))


def _request_tracker(session: aiohttp.ClientSession, settings: TicketSettings) -> TicketSystem:
    headers = credentials(settings.user, settings.secret, request_tracker.TOKEN_FORM)
    return RequestTracker(Calls(session, settings.url, headers), settings)


def _roundup(session: aiohttp.ClientSession, settings: TicketSettings) -> TicketSystem:
    # Its protection against forged requests of browsers asks every client for these.
    url = settings.url.rstrip("/")
    own = {"X-Requested-With": "rest", "Referer": f"{url}/", "Origin": _origin(url), "Accept": "application/json"}
    return Roundup(Calls(session, url, {**own, **credentials(settings.user, settings.secret, "Bearer")}), settings)


def _servicenow(session: aiohttp.ClientSession, settings: TicketSettings) -> TicketSystem:
    return ServiceNow(Calls(session, settings.url, _json(credentials(settings.user, settings.secret, "Bearer"))), settings)


def _jira(session: aiohttp.ClientSession, settings: TicketSettings) -> TicketSystem:
    return Jira(Calls(session, settings.url, _json(credentials(settings.user, settings.secret, "Bearer"))), settings)


def _zammad(session: aiohttp.ClientSession, settings: TicketSettings) -> TicketSystem:
    return Zammad(Calls(session, settings.url, credentials(settings.user, settings.secret, zammad.TOKEN_FORM)), settings)


def _json(headers: dict[str, str]) -> dict[str, str]:
    return {"Accept": "application/json", **headers}


SYSTEMS: Mapping[TicketSystemName, Make] = {
    TicketSystemName.TMF621: _tmf621,
    TicketSystemName.SERVICENOW: _servicenow,
    TicketSystemName.JIRA: _jira,
    TicketSystemName.REQUEST_TRACKER: _request_tracker,
    TicketSystemName.ROUNDUP: _roundup,
    TicketSystemName.ZAMMAD: _zammad,
}
"""One line for each system."""


@asynccontextmanager
async def open_system(settings: TicketSettings) -> AsyncIterator[TicketSystem]:
    """The system, for the length of the block. Raises ``ValueError`` for a URL that must not be called, or certificates without sense."""
    private = settings.built_in or settings.allow_private
    try:
        check_url(settings.url, allow_private=private)
    except AddressRefusedError as error:
        raise ValueError(f"tickets.url: {error}") from None
    resolver = DefaultResolver() if private else PublicResolver(DefaultResolver())
    connector = aiohttp.TCPConnector(resolver=resolver, ssl=_trusting(settings.ca_file))
    async with open_session(settings.timeout_s, connector) as session:
        yield SYSTEMS[settings.system](session, settings)


def _trusting(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"tickets.ca_file: {ca_file} cannot be used: {error}") from None


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])
