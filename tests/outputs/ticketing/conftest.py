"""Each ticket system, one after the other: the real one where it can be installed, else a fake held to what its vendor says."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from pipeline.obligations import Obligations
from pipeline.outputs.ticketing.connect import open_system
from pipeline.outputs.ticketing.system import TicketSystem
from pipeline.outputs.tickets import TicketOutput
from tests.outputs.incidents import START, Clock
from tests.outputs.ticketing.worlds import JiraWorld, RequestTrackerWorld, RoundupWorld, ServiceNowWorld, World, ZammadWorld, person
from tests.support.fake_tickets import FakeJira, FakeServiceNow, FakeZammad
from tests.support.request_tracker import request_tracker
from tests.support.roundup_tracker import roundup_tracker

_numbers = count(1)


@pytest.fixture(scope="session")
def request_tracker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with request_tracker(tmp_path_factory.mktemp("request-tracker")) as url:
        yield url


@pytest.fixture(scope="session")
def roundup_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with roundup_tracker(Path(tmp_path_factory.mktemp("roundup"))) as url:
        yield url


SYSTEMS = (
    pytest.param("request_tracker", marks=pytest.mark.needs_request_tracker),
    pytest.param("roundup", marks=pytest.mark.needs_roundup),
    "servicenow",
    "jira",
    "zammad",
)


@pytest.fixture(params=SYSTEMS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    real = {"request_tracker": RequestTrackerWorld, "roundup": RoundupWorld}
    if request.param in real:
        async with person() as session:
            yield real[request.param](request.getfixturevalue(f"{request.param}_url"), session)
        return
    with faked(request.param) as made:
        yield made


@contextmanager
def faked(name: str) -> Iterator[World]:
    """One of those that cannot be installed."""
    if name == "servicenow":
        servicenow = FakeServiceNow()
        with servicenow.serve() as url:
            yield ServiceNowWorld(servicenow, url)
    elif name == "jira":
        jira = FakeJira()
        with jira.serve() as url:
            yield JiraWorld(jira, url)
    else:
        zammad = FakeZammad()
        with zammad.serve() as url:
            yield ZammadWorld(zammad, url)


@pytest.fixture
async def system(world: World) -> AsyncIterator[TicketSystem]:
    async with open_system(world.settings) as opened:
        yield opened


@pytest.fixture
def incident() -> str:
    """A name that no other test uses: they share the systems."""
    return f"in-{next(_numbers):04d}"


@pytest.fixture
def clock() -> Clock:
    return Clock(START + 1)


@pytest.fixture
def output(world: World, system: TicketSystem, store: Obligations, clock: Clock) -> TicketOutput:
    return TicketOutput(world.settings.system.value, system, store, clock)
