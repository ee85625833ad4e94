"""Each ticket system, one after the other: the real one where it can be installed, else a fake held to what its vendor says."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from pipeline.obligations import Obligations
from pipeline.outputs.ticketing.connect import open_system
from pipeline.outputs.ticketing.system import TicketSystem
from pipeline.outputs.tickets import TicketOutput
from tests.outputs.incidents import START, Clock
from tests.outputs.ticketing.worlds import RequestTrackerWorld, RoundupWorld, World, person
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
)


@pytest.fixture(params=SYSTEMS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    made = {"request_tracker": RequestTrackerWorld, "roundup": RoundupWorld}
    async with person() as session:
        yield made[request.param](request.getfixturevalue(f"{request.param}_url"), session)


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
