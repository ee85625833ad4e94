"""A notification as the core makes it, and a store."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import pytest

from pipeline.core.effect import Effect
from pipeline.core.event import Severity
from pipeline.core.incident import Impact, Incident, IncidentState
from pipeline.core.inventory import Inventory, Tier
from pipeline.core.outage import ServiceState
from pipeline.core.page import Pages
from pipeline.core.paging import Desk, effects_of
from pipeline.core.resource import ResourceId
from pipeline.core.routing import Occasion, Route, Routing
from pipeline.core.topology import Topology
from pipeline.obligations import Obligations
from pipeline.outputs.webhook import Sessions, open_sessions
from tests.support.obligations import sqlite_store

__all__ = ["sqlite_store"]

START = 1_795_000_000_000_000_000
MINUTE = 60_000_000_000
FELT = (Impact("acme-vpn-1", "acme", "acme-gold", Tier.GOLD, ServiceState.DOWN, START, 1.0),)
OPEN = Incident(
    *("inc-1", "default", ResourceId("link/pe1-pe2"), IncidentState.OPEN, Severity.CRITICAL),
    reason="both ends say <b>down</b> to @channel",
    explanation=("pe1 lost it",),
    alarms=("a1",),
    impacts=FELT,
    started_at=START,
    opened_at=START,
)
ENDED = replace(OPEN, state=IncidentState.RESOLVED, resolved_at=START + 9 * MINUTE, revision=3)
WORSE = replace(OPEN, revision=2, severity=Severity.MAJOR, impacts=(*FELT, replace(FELT[0], service="acme-vpn-2", tier=Tier.SILVER)))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


Tell = Callable[[str], list[Effect]]


@pytest.fixture
def tell() -> Tell:
    """The effects of a life: opened, updated, acknowledged, resolved; those to one receiver."""

    def told(receiver: str) -> list[Effect]:
        routing, pages = Routing((Route("noc", receivers=(receiver,), events=tuple(Occasion)),)), Pages()
        found: list[Effect] = []
        life = (OPEN, WORSE, replace(WORSE, revision=3, acknowledged_by="bob", acknowledged_at=START), replace(ENDED, revision=4))
        for place, (before, now) in enumerate(zip((None, *life), life, strict=False)):
            at = START + place * MINUTE
            desk = Desk(routing, Topology.of(Inventory("none")), pages, {now.id: now}.get, at)
            found += [effect for word in desk.tell([(now, before)], [now.id]) for effect in effects_of(word, routing, at)]
        return found

    return told


@pytest.fixture
def store(sqlite_store: Obligations) -> Iterator[Obligations]:
    return sqlite_store


@pytest.fixture
async def sessions() -> AsyncIterator[Sessions]:
    async with open_sessions(5.0) as opened:
        yield opened
